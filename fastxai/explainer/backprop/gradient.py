"""Gradient: how fast the score changes with each pixel."""

from __future__ import annotations

from collections import OrderedDict
from typing import Any

import mindspore as ms
import numpy as np
from mindspore import nn

from fastxai.arguments.caller_warning import warn_caller
from fastxai.arguments.hints import in_our_words
from fastxai.arguments.output_form import check_output_form, delivered
from fastxai.arguments.scores import top_classes
from fastxai.arguments.targets import check_scores, targets_array
from fastxai.common.attribution import Attribution, Output
from fastxai.engine.input_dtype import InputDtype
from fastxai.explainer.backprop.backprop_utils import BackwardPass
from fastxai.explainer.backprop.no_gradient import Evaluate, never_arrives, points_around
from fastxai.network.evaluation import evaluating, one_call_at_a_time, running
from fastxai.network.inputs import to_images
from fastxai.network.layers import layers_of
from fastxai.network.structure import Structure

_MAX_PASSES = 16  # compiled graphs kept, one per shape of the inputs


class Gradient(Attribution):
    r"""Largest absolute gradient over the channels.

    :math:`S_{ij} = \max_c |\partial y_t / \partial x_{cij}|` with :math:`y_t` the network's output
    for the target, before any activation that is not part of the network.

    Args:
        network: The classifier, (N, C, H, W) to (N, classes) or (N, classes, ...), further axes
            being averaged. It is given back as it came; its weights are read at every call.
        output: Place of the scores in the network's output, if that is no Tensor: an index, a
            key, or a tuple of those from the outside to the inside.

    Raises:
        TypeError: An argument is of the wrong kind.

    Warns:
        UserWarning: When called: no gradient arrives at the images though the scores depend on
            them.

    Precision:
        The network's: the dtype that it takes images in.

    Source:
        Simonyan, Vedaldi and Zisserman, "Deep Inside Convolutional Networks: Visualising Image
        Classification Models and Saliency Maps", ICLR workshop 2014, section 3.1.

    Supported Platforms:
        Those of MindSpore, in PYNATIVE_MODE and GRAPH_MODE; tested on ``CPU``.

    Example:
        >>> import numpy as np
        >>> import mindspore as ms
        >>> from mindspore import nn
        >>> from fastxai.explainer import Gradient
        >>> network = nn.SequentialCell(nn.Flatten(), nn.Dense(3 * 16 * 16, 4))
        >>> gradient = Gradient(network)
        >>> gradient(ms.Tensor(np.ones((1, 3, 16, 16), np.float32)), 2).shape
        (1, 1, 16, 16)
    """

    def __init__(self, network: nn.Cell, *, output: Output = None) -> None:
        super().__init__(network, output=output)
        self._input_dtype: InputDtype  # of the network that the passes were built from
        self._passes: OrderedDict[Any, BackwardPass]
        self._built_from: Structure | None
        self._paths: dict[Any, bool]  # by targets: whether no gradient ever arrives
        vars(self).update(self._fresh())

    def _fresh(self) -> dict[str, Any]:
        return {
            **super()._fresh(),
            "_passes": OrderedDict(),
            "_built_from": None,
            "_paths": {},
        }

    @one_call_at_a_time
    def __call__(
        self,
        inputs: ms.Tensor,
        targets: Any = None,
        ret: str = "tensor",
        show: bool | None = None,
    ) -> Any:
        """Explains images.

        Args:
            inputs: Tensor (N, C, H, W), floats or integers (used as float32), finite.
            targets: Class or classes to explain, each in [0, classes): one for all images, (N,), or
                (N, L) for L maps per image; int, list, tuple, ndarray or Tensor of integers. None:
                the class with the highest score of each image; `last_targets` and the log say
                which.
            ret: 'tensor', or 'image' for a list (N) of lists (L) of RGB PIL images of size W x H.
            show: Display the maps; None displays them in a notebook only.

        Returns:
            Tensor (N, L, H, W) float32, 0 or more, or images.

        Raises:
            TypeError: An argument is of the wrong kind.
            ValueError: An argument has the wrong shape or range, the network does not return class
                scores, or its gradient is not finite.
            RuntimeError: This process was forked after MindSpore had run, or the explainer was
                called from inside a call.
        """
        images = to_images(self._owner, inputs)
        given = None if targets is None else targets_array(self._owner, targets, len(images))
        check_output_form(self._owner, ret, show)
        with (
            in_our_words(self._owner, lambda: layers_of(self._network), images.shape),
            evaluating(self._network),
            running(self._owner),
        ):
            self._forget_if_changed()
            classes = self._top_classes(images) if given is None else given
            self._last_targets = classes
            maps = [self._explain(images, column) for column in classes.T]
        return delivered(np.stack(maps, axis=1), ret, show, ms.Tensor)

    def _passed(self, images: np.ndarray, targets: np.ndarray) -> tuple[Any, ms.Tensor]:
        """Gradients and scores of one target per image."""
        dtype = self._input_dtype.of(images[0])
        gradients, scores = self._run(
            ms.Tensor(images, dtype), ms.Tensor(targets[:, None].astype(np.int32))
        )
        check_scores(self._owner, scores.shape, len(images), targets)
        return gradients, scores

    def _top_classes(self, images: np.ndarray) -> np.ndarray:
        """The class with the highest score of every image, (N, 1); from a pass for any other."""
        _, scores = self._passed(images, np.zeros(len(images), np.int64))
        return top_classes(self._owner, scores.astype(ms.float32).asnumpy())

    def _explain(self, images: np.ndarray, targets: np.ndarray) -> np.ndarray:
        """Maps (N, H, W) of one target per image."""
        gradients, _ = self._passed(images, targets)
        maps = self._to_maps(gradients, images, targets)
        if not np.isfinite(maps).all():
            raise ValueError(
                f"{self._owner}: the network's gradient is not finite. Check the network's weights "
                "and the range of the input values."
            )
        zero = ~maps.any(axis=(1, 2))
        if zero.any() and not self._arrives(gradients) and self._no_gradient(images, targets, zero):
            warn_caller(f"{self._owner}: {self._words_of_no_gradient}")
        return maps

    @property
    def _words_of_no_gradient(self) -> str:
        return (
            "no gradient arrives at the images, although the scores change with them, so the map "
            "is zeros and says nothing. `network` leaves MindSpore's gradients on the way "
            "(ops.stop_gradient, NumPy or asnumpy(), a MindIR file in nn.GraphCell) or goes in "
            "steps (argmax, round, a cast to integers). RISE and Occlusion explain such networks."
        )

    def _arrives(self, gradients: Any) -> bool:
        """Whether what the pass returned shows a gradient where maps are zeros."""
        return False

    def _no_gradient(self, images: np.ndarray, targets: np.ndarray, zero: np.ndarray) -> bool:
        """Whether no gradient ever arrives from the targets whose maps are `zero` (N,)."""
        key = tuple(np.unique(targets[zero]).tolist())
        if key not in self._paths:
            never = never_arrives(*self._probe(images, targets, zero))
            if never is None:  # the scores are the same everywhere: the zeros are right
                return False
            self._paths[key] = never
        return self._paths[key]

    def _probe(
        self, images: np.ndarray, targets: np.ndarray, zero: np.ndarray
    ) -> tuple[Evaluate, list[np.ndarray]]:
        """The scores of the `zero` images and whether a plain gradient arrives; points to try."""
        plain = Gradient._make_pass(self, images.shape)
        dtype = self._input_dtype.of(images[0])
        columns = ms.Tensor(targets[:, None].astype(np.int32))

        def evaluate(point: np.ndarray) -> tuple[np.ndarray, bool]:
            gradients, scores = plain(ms.Tensor(point, dtype), columns)
            chosen = scores.astype(ms.float32).asnumpy()[np.arange(len(targets)), targets]
            return chosen[zero], bool(gradients.astype(ms.float32).asnumpy()[zero].any())

        return evaluate, points_around(images)

    def _forget_if_changed(self) -> None:
        """Drops what was built from the network if anything but its weights has changed since."""
        if self._built_from is None or not self._built_from.is_current(self._network):
            self._forget()
            self._input_dtype = InputDtype(self._network, self._output_path)
            self._built_from = Structure(self._network)

    def _forget(self) -> None:
        """Drops what was built: a pass in which something failed does not run again."""
        self._passes.clear()
        self._paths.clear()

    def _run(self, images: ms.Tensor, targets: ms.Tensor) -> tuple[Any, ms.Tensor]:
        """Gradients and scores, from the pass of the images' shape."""
        key = (images.shape, str(images.dtype))
        try:
            if key not in self._passes:
                self._passes[key] = self._make_pass(images.shape)
            self._passes.move_to_end(key)
            gradients, scores = self._passes[key](images, targets)
            scores.asnumpy()  # waits: what fails, fails here
        except BaseException:
            self._forget()
            raise
        if len(self._passes) > _MAX_PASSES:
            self._passes.popitem(last=False)
        return gradients, scores

    def _make_pass(self, shape: tuple[int, ...]) -> BackwardPass:
        """The pass for inputs of a shape (N, C, H, W)."""
        return BackwardPass(self._network, output=self._output_path)

    def _to_maps(self, gradients: Any, images: np.ndarray, targets: np.ndarray) -> np.ndarray:
        """Maps (N, H, W) from what the pass returned."""
        return np.abs(gradients.astype(ms.float32).asnumpy()).max(axis=1)
