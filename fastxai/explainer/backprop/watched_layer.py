"""A layer of the copy whose class activation map comes out as the gradient of a Parameter."""

from __future__ import annotations

import types
from dataclasses import dataclass
from typing import Any

import mindspore as ms
import numpy as np
from mindspore import nn, ops

from fastxai.network.cell_copy import bare_copy
from fastxai.network.structure import hook_attributes

_PER_USE = 4096  # what a use adds to the gradient of `uses`, besides the axes of the output
_OTHER_BATCH = 32  # and this, where the output has not one row per image
_TOLD = 9  # that, and the sizes of up to 8 axes


class _ActivationMap(nn.Cell):
    """Hands a layer's output A on; the 'gradient' of `cam` is the map, in the image's size.

    A pass back gives G = dy/dA here and nowhere else, in both modes and without a side effect;
    whatever is to leave the graph must be the gradient of something. `cam` (N, 1, H, W) has the
    shape of relu(sum_k mean(G_k) A_k) resized; `uses` (9,) gets first, per use, 4096 + the number
    of axes, and 32 more where the rows of A are not those of the images, then A's shape; `reach`
    (1,) the largest |G|.

    Primitives only: GRAPH_MODE does not compile functions of `ops` with branches in a `bprop`.
    """

    def __init__(self) -> None:
        super().__init__(auto_prefix=False)
        self.cast = ops.Cast()
        self.mean = ops.ReduceMean(keep_dims=True)
        self.sum = ops.ReduceSum(keep_dims=True)
        self.relu = ops.ReLU()
        self.resize = ops.ResizeBilinearV2(align_corners=False, half_pixel_centers=True)
        self.zeros = ops.ZerosLike()
        self.ones = ops.OnesLike()
        self.abs = ops.Abs()
        self.max = ops.ReduceMax()
        self.stack = ops.Stack()
        self.places = [ms.Tensor(place) for place in np.eye(_TOLD, dtype=np.float32)]

    def construct(
        self, output: ms.Tensor, cam: ms.Tensor, uses: ms.Tensor, reach: ms.Tensor
    ) -> ms.Tensor:
        """`output`."""
        return output

    def bprop(
        self,
        output: ms.Tensor,
        cam: ms.Tensor,
        uses: ms.Tensor,
        reach: ms.Tensor,
        out: ms.Tensor,
        dout: ms.Tensor,
    ) -> tuple[ms.Tensor, ...]:
        """Gradients: the true one of `output`, the map, the count, the largest |G|."""
        told = self.told(output, cam)
        saliency = self.zeros(cam)
        if output.ndim == 4 and output.shape[0] == cam.shape[0]:
            saliency = self.map_of(output, dout, cam)
        return dout, saliency, told, self.ones(reach) * self.largest(dout)

    def map_of(self, output: ms.Tensor, dout: ms.Tensor, cam: ms.Tensor) -> ms.Tensor:
        """The map, in the shape of `cam` (N, 1, H, W), from A and G (N, K, h, w)."""
        weights = self.mean(self.cast(dout, ms.float32), (2, 3))
        weighted = self.sum(weights * self.cast(output, ms.float32), (1,))
        return self.cast(self.resize(self.relu(weighted), cam.shape[2:]), cam.dtype)

    def told(self, output: ms.Tensor, cam: ms.Tensor) -> ms.Tensor:
        """Contribution of one use to the gradient of `uses`."""
        code = _PER_USE + output.ndim
        if output.ndim == 0 or output.shape[0] != cam.shape[0]:
            code += _OTHER_BATCH
        told = self.places[0] * code
        for axis in range(output.ndim):
            told = told + self.places[1 + axis] * output.shape[axis]
        return told

    def largest(self, dout: ms.Tensor) -> ms.Tensor:
        """The largest |G|."""
        return self.max(self.abs(self.cast(dout, ms.float32)))


class _OutputAndGradient(_ActivationMap):
    """Takes the place of an `_ActivationMap` of tokens: `cam` (2, *shape of A) gets A and G."""

    def bprop(
        self,
        output: ms.Tensor,
        cam: ms.Tensor,
        uses: ms.Tensor,
        reach: ms.Tensor,
        out: ms.Tensor,
        dout: ms.Tensor,
    ) -> tuple[ms.Tensor, ...]:
        """Gradients: the true one of `output`, A and G, the count, the largest |G|."""
        both = self.stack((self.cast(output, ms.float32), self.cast(dout, ms.float32)))
        return dout, both, self.told(output, output), self.ones(reach) * self.largest(dout)


class _OutputShape(nn.Cell):
    """Takes the place of an `_ActivationMap` where many layers are watched and no map is wanted.

    Of each layer a row of `uses` (layers, 4) gets K, h, w and 1 at each use of an output
    (N, K, h, w) with one row per image: the layer can be explained where 1 is the sum. At each use
    of another output it gets 2 in place of the 1; of tokens (N, L, C) 0, L, 0 and 3.

    Args:
        row: Of this layer.
        layers: How many there are.
    """

    def __init__(self, row: int, layers: int) -> None:
        super().__init__(auto_prefix=False)
        places = np.zeros((4, layers, 4), np.float32)
        places[range(4), row, range(4)] = 1
        self.places = [ms.Tensor(place) for place in places]
        self.zeros = ops.ZerosLike()

    def construct(
        self, output: ms.Tensor, cam: ms.Tensor, uses: ms.Tensor, reach: ms.Tensor
    ) -> ms.Tensor:
        """`output`."""
        return output

    def bprop(
        self,
        output: ms.Tensor,
        cam: ms.Tensor,
        uses: ms.Tensor,
        reach: ms.Tensor,
        out: ms.Tensor,
        dout: ms.Tensor,
    ) -> tuple[ms.Tensor, ...]:
        """Gradients: the true one of `output`, nothing, what it says of the layer, nothing."""
        told = self.places[3] * 2
        if output.ndim == 3:
            told = self.places[1] * output.shape[1] + self.places[3] * 3
        if output.ndim == 4 and output.shape[0] == cam.shape[0]:
            told = self.places[0] * output.shape[1] + self.places[1] * output.shape[2]
            told = told + self.places[2] * output.shape[3] + self.places[3]
        return dout, self.zeros(cam), told, self.zeros(reach)


class LayerWatch:
    """Watches a layer of a network of one input shape, or what shapes several layers give.

    Args:
        shape: (N, C, H, W) of the images.
        moves: Hand on a A + b in place of the layer's output A, a and b as `move` says.
        layers: Of how many layers shapes are wanted; 0: of none, but the map of one layer.
        output: Shape of the layer's output, to get it and its gradient in place of the map.
        path: Indices and keys that lead to the watched Tensor in what the layer returns.
    """

    def __init__(
        self,
        shape: tuple[int, ...],
        moves: bool = False,
        layers: int = 0,
        *,
        output: tuple[int, ...] | None = None,
        path: tuple[int | str, ...] = (),
    ) -> None:
        size = (shape[0], 1, *shape[2:]) if output is None else (2, *output)
        counts = (layers, 4) if layers else (_TOLD,)
        self._layers = layers
        self._made = _ActivationMap if output is None else _OutputAndGradient
        self._path = path
        self._cam = ms.Parameter(np.zeros(size, np.float32), name="fastxai_cam")
        self._uses = ms.Parameter(np.zeros(counts, np.float32), name="fastxai_uses")
        self._reach = ms.Parameter(np.zeros(1, np.float32), name="fastxai_reach")
        self._moved = ms.Parameter(np.array([1, 0], np.float32), name="fastxai_moved")
        self._moves = moves

    def move(self, factor_and_shift: np.ndarray) -> None:
        """Sets a and b, (2,)."""
        self._moved.set_data(ms.Tensor(factor_and_shift, ms.float32))

    @property
    def weights(self) -> ms.ParameterTuple:
        """Parameters to differentiate by."""
        return ms.ParameterTuple([self._cam, self._uses, self._reach])

    def output_of(self, layer: nn.Cell, row: int = 0) -> nn.Cell:
        """A Cell like `layer`, of the same class and attributes, whose output is watched.

        Args:
            layer: The layer.
            row: Which of `layers` it is.
        """
        watched = bare_copy(nn.Cell() if hasattr(layer, "bprop") else layer)
        state = vars(watched)
        state.update(dict.fromkeys(hook_attributes()))  # they run in the layer itself
        state["construct"] = types.MethodType(_watched_output, watched)
        self._add_parts(watched, layer, row)
        return watched

    def input_of(self, network: nn.Cell) -> nn.Cell:
        """The network, its input watched."""
        watched = nn.Cell(auto_prefix=False)
        vars(watched)["construct"] = types.MethodType(_watched_input, watched)
        self._add_parts(watched, network)
        return watched

    def _add_parts(self, watched: nn.Cell, layer: nn.Cell, row: int = 0) -> None:
        teller = _OutputShape(row, self._layers) if self._layers else self._made()
        # Not among its children: containers count and index those.
        vars(watched).update(fastxai_layer=layer, fastxai_map=teller)
        vars(watched).update(fastxai_moves=self._moves, fastxai_path=self._path)
        watched._params.update(
            fastxai_cam=self._cam,
            fastxai_uses=self._uses,
            fastxai_reach=self._reach,
            fastxai_moved=self._moved,
        )


@dataclass(frozen=True)
class Use:
    """A layer as one pass found it."""

    times: int  # how often it was used
    axes: int  # of its output; like the next ones, right where it was used once
    row_per_image: bool
    shape: tuple[int, ...]  # of its output


def use_of(uses: np.ndarray) -> Use:
    """Reads the gradient of `uses`."""
    code, *sizes = (round(float(number)) for number in uses)
    times, rest = divmod(code, _PER_USE)
    axes = rest % _OTHER_BATCH
    return Use(times, axes, rest < _OTHER_BATCH, tuple(sizes[:axes]))


def map_of(output: np.ndarray, gradient: np.ndarray, size: tuple[int, int]) -> np.ndarray:
    """The map (N, H, W) of a layer's output and gradient (N, K, h, w)."""
    cam = ms.Tensor(np.zeros((len(output), 1, *size), np.float32))
    return _ActivationMap().map_of(ms.Tensor(output), ms.Tensor(gradient), cam).asnumpy()[:, 0]


def _watched_output(self: Any, *args: Any, **kwargs: Any) -> Any:
    output = self.fastxai_layer(*args, **kwargs)
    path = self.fastxai_path
    chosen = _element(output, path)
    if isinstance(chosen, ms.Tensor):
        if self.fastxai_moves:
            chosen = _moved(chosen, self.fastxai_moved)
        watched = self.fastxai_map(chosen, self.fastxai_cam, self.fastxai_uses, self.fastxai_reach)
        # A copy: the next layer may write into it, and the map is made of what was here.
        return _with_element(output, path, ops.deepcopy(watched))
    return output


def _element(output: Any, path: tuple[int | str, ...]) -> Any:
    for step in path:
        output = output[step]
    return output


def _with_element(output: Any, path: tuple[int | str, ...], element: Any) -> Any:
    """What the layer returned, with another Tensor at the place; loops that graphs can unroll."""
    for depth in range(len(path) - 1, -1, -1):
        holder = _element(output, path[:depth])
        step = path[depth]
        if isinstance(holder, dict):
            element = {key: element if key == step else holder[key] for key in holder}
        else:
            place = step if step >= 0 else step + len(holder)  # type: ignore[operator]
            parts = [element if i == place else holder[i] for i in range(len(holder))]
            element = tuple(parts) if isinstance(holder, tuple) else parts
    return element


def _watched_input(self: Any, images: Any) -> Any:
    if self.fastxai_moves:
        images = _moved(images, self.fastxai_moved)
    images = self.fastxai_map(images, self.fastxai_cam, self.fastxai_uses, self.fastxai_reach)
    return self.fastxai_layer(images)


def _moved(output: Any, factor_and_shift: Any) -> Any:
    factor, shift = factor_and_shift[0], factor_and_shift[1]
    return output * factor.astype(output.dtype) + shift.astype(output.dtype)
