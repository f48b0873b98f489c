"""GradCAM: where a layer's channels are active that raise the score."""

from __future__ import annotations

from typing import Any

import mindspore as ms
import numpy as np
from mindspore import nn

from fastxai.arguments.scores import output_path
from fastxai.common.attribution import Output
from fastxai.explainer.backprop.backprop_utils import BackwardPass
from fastxai.explainer.backprop.intermediate_layer import IntermediateLayerAttribution
from fastxai.explainer.backprop.no_gradient import Evaluate
from fastxai.explainer.backprop.token_grid import (
    ReshapeTransform,
    TokenGrid,
    check_transform,
    is_channels_last,
)
from fastxai.explainer.backprop.watched_layer import LayerWatch, Use, map_of, use_of
from fastxai.network.cell_copy import CellCopier
from fastxai.network.layers import find_layer, last_convolutions

# Factors and shifts of a layer's output: where to look for its gradient, first as it is.
_MOVES = ((1, 0), (-1, 0), (0.1, 0), (4, 0), (1, 1), (1, -1), (0, 1), (0, 0))

_LISTED = 5  # layers named in an error


class GradCAM(IntermediateLayerAttribution):
    r"""Gradient-weighted class activation map of a layer.

    With A (N, K, h, w) the layer's output and :math:`y_t` the network's output for the target,
    :math:`\alpha_k` is the mean of :math:`\partial y_t / \partial A_k` over the h x w positions and
    the map :math:`\mathrm{relu}(\sum_k \alpha_k A_k)`, resized to the image (bilinear, pixel
    centres at halves, edges repeated). It is not normalised: values may exceed 1.

    Args:
        network: The classifier, (N, C, H, W) to (N, classes) or (N, classes, ...), further axes
            being averaged. It is given back as it came; its weights are read at every call.
        layer: Name of the layer as in `network.cells_and_names()`, or the Cell itself; usually the
            last convolutional one. '' is the input.
        output: Place of the scores in the network's output, if that is no Tensor: an index, a
            key, or a tuple of those from the outside to the inside.
        reshape_transform: How tokens, the output of a transformer's layer, become (N, C, h, w).
            None: (N, tokens, C) are patches from the top left by rows, after a class token and a
            distillation token if there are, in the grid of square patches that fits the image; 4
            axes are (N, K, h, w). 'auto': as None, but 4 axes are (N, h, w, C) where only that fits
            the image. (h, w): the last h w tokens, or (N, h, w, C). A callable gets the output and
            its gradient, each a Tensor float32, outside of graphs, and returns them as
            (N, C, h, w).
        layer_output: Place of the Tensor in what the layer returns, if that is no Tensor, as for
            `output`.

    Raises:
        TypeError: An argument is of the wrong kind.
        ValueError: The network has no such layer (the nearest names are listed); when called, its
            output is not (N, K, h, w) and no tokens (layers that can be explained are listed), the
            score depends on no patch's token, the layer is used several times in one pass, or has
            no part in it.

    Precision:
        The network's for A and its gradient; the map and its resizing in float32.

    Source:
        Selvaraju, Cogswell, Das, Vedantam, Parikh and Batra, "Grad-CAM: Visual Explanations from
        Deep Networks via Gradient-Based Localization", ICCV 2017, equations 1 and 2.

    Supported Platforms:
        Those of MindSpore, in PYNATIVE_MODE and GRAPH_MODE; tested on ``CPU``.

    Example:
        >>> import numpy as np
        >>> import mindspore as ms
        >>> from mindspore import nn
        >>> from fastxai.explainer import GradCAM
        >>> network = nn.SequentialCell(
        ...     nn.Conv2d(3, 8, 3), nn.ReLU(), nn.Flatten(), nn.Dense(8 * 16 * 16, 4)
        ... )
        >>> gradcam = GradCAM(network, layer="1")
        >>> gradcam(ms.Tensor(np.ones((1, 3, 16, 16), np.float32)), 2).shape
        (1, 1, 16, 16)
    """

    def __init__(
        self,
        network: nn.Cell,
        layer: str | nn.Cell = "",
        *,
        output: Output = None,
        reshape_transform: ReshapeTransform = None,
        layer_output: Output = None,
    ) -> None:
        super().__init__(network, layer, output=output)
        self._token_shapes: dict[tuple[int, ...], tuple[int, ...]]  # by the shapes of images
        self._transform = check_transform(self._owner, reshape_transform)
        if reshape_transform is not None:  # else `repr` does not show them
            self._reshape_transform = reshape_transform
        if layer_output is not None:
            self._layer_output = layer_output
        self._layer_path = output_path(self._owner, layer_output, "layer_output")

    def _fresh(self) -> dict[str, Any]:
        return {**super()._fresh(), "_token_shapes": {}}

    def _forget(self) -> None:
        super()._forget()
        self._token_shapes.clear()

    def _make_pass(self, shape: tuple[int, ...]) -> BackwardPass:
        output = self._token_shapes.get(shape)
        return self._watching_pass(LayerWatch(shape, output=output, path=self._layer_path))

    def _watching_pass(self, watch: LayerWatch) -> BackwardPass:
        layer = self._find_layer()

        def wrap(cell: nn.Cell, copy: nn.Cell) -> nn.Cell:
            return watch.output_of(copy) if cell is layer else copy

        network = CellCopier(wrap=wrap).copy(self._network)
        if layer is None:
            network = watch.input_of(network)
        return BackwardPass(network, watch.weights, self._output_path)

    def _to_maps(self, gradients: Any, images: np.ndarray, targets: np.ndarray) -> np.ndarray:
        cam, uses, _ = (gradient.asnumpy() for gradient in gradients)
        use = use_of(uses)
        self._check_use(use)
        if images.shape in self._token_shapes:
            return self._map_of_tokens(use.shape, cam, images, targets)
        if self._is_to_arrange(use, images.shape):
            self._passes.popitem()  # the newest: that of these images
            self._token_shapes[images.shape] = use.shape
            gradients, _ = self._passed(images, targets)
            return self._to_maps(gradients, images, targets)
        if use.axes != 4:
            raise ValueError(
                f"{self._owner}: the output of the layer {self._name} must be (N, K, h, w), got "
                f"{use.axes} axes. {self._words_of_others(images, targets)}"
            )
        if not use.row_per_image:
            raise ValueError(
                f"{self._owner}: the output of the layer {self._name} must be (N, K, h, w) with "
                f"one row per image, N = {len(cam)}. {self._words_of_others(images, targets)} "
                "Windows of a transformer become one grid per image with `reshape_transform`."
            )
        return cam[:, 0]

    def _check_use(self, use: Use) -> None:
        if use.times == 0:
            raise ValueError(
                f"{self._owner}: the layer {self._name} has no part in the network's output, or "
                "none that gradients pass (ops.stop_gradient, NumPy, a MindIR file, a rounding), "
                "or it does not return one Tensor; of several, choose with `layer_output`."
            )
        if use.times > 1:
            raise ValueError(
                f"{self._owner}: the layer {self._name} is used {use.times} times in one pass; "
                "choose one that is used once."
            )

    def _is_to_arrange(self, use: Use, shape: tuple[int, ...]) -> bool:
        """Whether the output becomes (N, C, h, w) by a transform, given or found."""
        if callable(self._transform):
            return True
        if not use.row_per_image:
            return False
        if use.axes == 4 and self._transform == "auto":
            return is_channels_last(use.shape, shape[2:])  # type: ignore[arg-type]
        return use.axes == 3 or (use.axes == 4 and self._transform is not None)

    def _map_of_tokens(
        self, shape: tuple[int, ...], both: np.ndarray, images: np.ndarray, targets: np.ndarray
    ) -> np.ndarray:
        """Maps (N, H, W) from a layer's output and its gradient (2, *shape)."""
        size = images.shape[2:]
        try:
            arrange = TokenGrid(self._transform, shape, (size[0], size[1]))
            output, gradient = arrange(both[0]), arrange(both[1])
        except ValueError as error:
            raise ValueError(
                f"{self._owner}: the layer {self._name}: {error} Say where the tokens lie with "
                "`reshape_transform`: (h, w), or a callable from the layer's output to "
                f"(N, C, h, w). {self._words_of_others(images, targets)}"
            ) from error
        if len(output) != len(images) or output.shape != gradient.shape:
            raise ValueError(
                f"{self._owner}: `reshape_transform` must return (N, C, h, w) with one row per "
                f"image, N = {len(images)}, got shape {output.shape}."
            )
        if both[1].any() and not gradient.any():
            raise ValueError(
                f"{self._owner}: after the layer {self._name} the score depends on the class token "
                "alone, and on no patch. Choose a layer before the last attention, such as the "
                "last block's first normalisation."
            )
        return map_of(output, gradient, size)  # type: ignore[arg-type]

    def _words_of_others(self, images: np.ndarray, targets: np.ndarray) -> str:
        """Which layers can be explained at these images, for the error that refuses this one."""
        try:
            shapes = self._shapes_of_layers(images, targets)
        except Exception:  # of a hint: it must not hide what is wrong
            return f"Choose a layer with 4 axes{last_convolutions(self._network)}."
        named = [f"{name!r} {shape}" for name, shape in reversed(shapes.items())]
        if not named:
            return (
                "No other layer has such an output and is used once; RISE and Occlusion need none."
            )
        return (
            "Choose a layer that has such an output and is used once; the last ones, with their "
            f"(K, h, w), are {', '.join(named[:_LISTED])}."
        )

    def _shapes_of_layers(
        self, images: np.ndarray, targets: np.ndarray
    ) -> dict[str, tuple[int, ...]]:
        """(K, h, w) of the layers that can be explained at these images and have positions."""
        names = [name for name, _ in self._network.cells_and_names() if name]
        rows: dict[int, int] = {}
        for row, name in enumerate(names):  # the first name of a cell counts
            rows.setdefault(id(find_layer(self._owner, self._network, name)), row)
        watch = LayerWatch(images.shape, layers=len(names))

        def wrap(cell: nn.Cell, copy: nn.Cell) -> nn.Cell:
            return watch.output_of(copy, rows[id(cell)]) if id(cell) in rows else copy

        network = CellCopier(wrap=wrap).copy(self._network)
        (_, told, _), _ = BackwardPass(network, watch.weights, self._output_path)(
            ms.Tensor(images, self._input_dtype.of(images[0])),
            ms.Tensor(targets[:, None].astype(np.int32)),
        )
        found = told.asnumpy().astype(int).tolist()
        shapes = {
            name: (k, h, w)
            for name, (k, h, w, times) in zip(names, found, strict=True)
            if times == 1 and h * w > 1
        }
        # Attention of L tokens to L tokens has 4 axes too, but no positions: it comes last.
        attention = {(h, h) for k, h, _, times in found if times == 3 and k == 0}
        return dict(sorted(shapes.items(), key=lambda item: item[1][1:] not in attention))

    def _arrives(self, gradients: Any) -> bool:
        return bool(gradients[2].asnumpy()[0] > 0)

    @property
    def _words_of_no_gradient(self) -> str:
        return (
            f"no gradient arrives at the layer {self._name}, although the scores change with its "
            "output, so the map is zeros and says nothing. Behind it `network` leaves MindSpore's "
            "gradients (ops.stop_gradient, NumPy or asnumpy()) or goes in steps (argmax, round, a "
            "cast to integers). Choose a later layer; RISE and Occlusion explain such networks."
        )

    def _probe(
        self, images: np.ndarray, targets: np.ndarray, zero: np.ndarray
    ) -> tuple[Evaluate, list[np.ndarray]]:
        """As the base's, of the layer's output A moved to a A + b by a point (a, b)."""
        watch = LayerWatch(images.shape, moves=True, path=self._layer_path)
        moving = self._watching_pass(watch)
        tensor = ms.Tensor(images, self._input_dtype.of(images[0]))
        columns = ms.Tensor(targets[:, None].astype(np.int32))

        def evaluate(point: np.ndarray) -> tuple[np.ndarray, bool]:
            watch.move(point)
            (_, _, reach), scores = moving(tensor, columns)
            chosen = scores.astype(ms.float32).asnumpy()[np.arange(len(targets)), targets]
            return chosen[zero], bool(reach.asnumpy()[0] > 0)

        return evaluate, [np.array(point) for point in _MOVES]
