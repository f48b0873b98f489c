"""Operators without ONNX in MindSpore's exporter, written with operators that have it.

While a network is exported MindSpore looks up every name in its source; where it finds one of
these operators, or its class, it is given a function in place of it that computes the same. An
exported network is compared with MindSpore's scores before it is used.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import mindspore as ms
import numpy as np
from mindspore.ops import constexpr
from mindspore.ops import operations as P  # noqa: N812 as MindSpore calls it

_NONE: tuple[Any, ...] = ()  # graphs take no annotations inside


def _unstack(axis: int = 0, num: Any = None) -> Callable[..., Any]:
    def unstacked(x: Any) -> Any:
        squeeze = P.Squeeze(axis)
        parts = _NONE
        place = axis if axis >= 0 else axis + x.ndim
        for part in P.Split(place, x.shape[place])(x):
            parts = parts + (squeeze(part),)  # noqa: RUF005
        return parts

    return unstacked


def _stack(axis: int = 0) -> Callable[..., Any]:
    def stacked(tensors: Any) -> Any:  # a list has no ONNX, a tuple has
        parts = _NONE
        for tensor in tensors:
            parts = parts + (P.ExpandDims()(tensor, axis),)  # noqa: RUF005
        return P.Concat(axis)(parts)

    return stacked


def _hswish() -> Callable[..., Any]:
    def hswish(x: Any) -> Any:
        return x * P.ReLU6()(x + 3.0) / 6.0

    return hswish


def _hsigmoid() -> Callable[..., Any]:
    def hsigmoid(x: Any) -> Any:
        return P.ReLU6()(x + 3.0) / 6.0

    return hsigmoid


def _logical_not() -> Callable[..., Any]:
    def logical_not(x: Any) -> Any:
        return P.Equal()(P.Cast()(x, ms.float32), 0.0)

    return logical_not


def _erf() -> Callable[..., Any]:
    # Abramowitz and Stegun, Handbook of Mathematical Functions, 7.1.26: error below 1.5e-7.
    def erf(x: Any) -> Any:
        size = P.Abs()(x)
        t = P.OnesLike()(x) / (1.0 + 0.3275911 * size)  # 1.0 / x would be a Reciprocal
        tail = ((((1.061405429 * t - 1.453152027) * t) + 1.421413741) * t - 0.284496736) * t
        tail = (tail + 0.254829592) * t * P.Exp()(-size * size)
        return x / (size + 1e-30) * (1.0 - tail)

    return erf


def _group_norm() -> Callable[..., Any]:
    def group_norm(x: Any, groups: Any, weight: Any, bias: Any, eps: Any) -> Any:
        shape = x.shape
        rows = P.Reshape()(x, (shape[0], groups, -1))
        mean = P.ReduceMean(True)(rows, 2)
        centred = rows - mean
        scale = P.Sqrt()(P.ReduceMean(True)(centred * centred, 2) + eps)
        channels = (1, shape[1]) + (1,) * (len(shape) - 2)
        normed = P.Reshape()(centred / scale, shape)
        normed = normed * P.Reshape()(weight, channels) + P.Reshape()(bias, channels)
        return normed, mean, P.OnesLike()(scale) / scale

    return group_norm


def _lp_norm(
    axis: Any, p: int = 2, keep_dims: bool = False, epsilon: float = 1e-12
) -> Callable[..., Any]:
    axes = tuple(axis) if isinstance(axis, (tuple, list)) else (axis,)

    def lp_norm(x: Any) -> Any:
        if p == 1:
            return P.ReduceSum(keep_dims)(P.Abs()(x), axes)
        return P.Sqrt()(P.ReduceSum(keep_dims)(x * x, axes))

    return lp_norm


def _l2_normalize(axis: Any = 0, epsilon: float = 1e-4) -> Callable[..., Any]:
    axes = tuple(axis) if isinstance(axis, (tuple, list)) else (axis,)

    def normalized(x: Any) -> Any:
        squares = P.ReduceSum(True)(x * x, axes)
        return x / P.Sqrt()(P.ReLU()(squares - epsilon) + epsilon)  # the larger of both

    return normalized


def _pad(mode: str = "constant", paddings_contiguous: bool = True) -> Callable[..., Any]:
    def padded(x: Any, padding: Any, value: Any = None) -> Any:
        pairs = _pairs(padding, x.ndim)
        if value is None:
            return P.Pad(pairs)(x)
        return P.Pad(pairs)(x - value) + value

    return padded


@constexpr
def _pairs(padding: Any, axes: int) -> tuple[tuple[int, int], ...]:
    """(left, right, top, bottom, ...), the last axis first, as pairs for each axis."""
    numbers = [int(number) for number in padding]
    pairs = list(zip(numbers[::2], numbers[1::2], strict=True))
    return tuple([(0, 0)] * (axes - len(pairs)) + pairs[::-1])


def _cumsum(exclusive: bool = False, reverse: bool = False) -> Callable[..., Any]:
    def summed(x: Any, axis: Any) -> Any:
        shape, order = x.shape, _with_last(axis, x.ndim)
        x = P.Transpose()(x, order)  # an exchange of two axes undoes itself
        rows = P.Cast()(P.Reshape()(x, (-1, shape[axis])), ms.float32)
        sums = P.MatMul()(rows, _summands(shape[axis], exclusive, reverse))
        return P.Transpose()(P.Reshape()(P.Cast()(sums, x.dtype), x.shape), order)

    return summed


@constexpr
def _with_last(axis: int, axes: int) -> tuple[int, ...]:
    """The order of axes in which `axis` and the last one are exchanged."""
    order = list(range(axes))
    order[axis], order[-1] = order[-1], order[axis]
    return tuple(order)


@constexpr
def _summands(count: int, exclusive: bool, reverse: bool) -> Any:
    """(count, count): 1 where a number belongs to a cumulative sum."""
    below = np.tri(count, count, -1 if exclusive else 0, dtype=np.float32)
    return ms.Tensor(below if reverse else np.ascontiguousarray(below.T))


def _resize(align_corners: bool = False, half_pixel_centers: bool = False) -> Callable[..., Any]:
    def resized(x: Any, size: Any) -> Any:
        n, c, h, w = x.shape
        rows = _interpolation(h, size[0], align_corners, half_pixel_centers)
        columns = _interpolation(w, size[1], align_corners, half_pixel_centers)
        x = P.MatMul()(P.Reshape()(x, (n * c * h, w)), columns)
        x = P.Transpose()(P.Reshape()(x, (n, c, h, size[1])), (0, 1, 3, 2))
        x = P.MatMul()(P.Reshape()(x, (n * c * size[1], h)), rows)
        return P.Transpose()(P.Reshape()(x, (n, c, size[1], size[0])), (0, 1, 3, 2))

    return resized


@constexpr
def _interpolation(source: int, target: int, align_corners: bool, half_pixels: bool) -> Any:
    """(source, target): what each of `target` bilinear samples takes of `source`."""
    places = np.arange(target, dtype=np.float64)
    if align_corners:
        places *= (source - 1) / max(target - 1, 1)
    elif half_pixels:
        places = (places + 0.5) * source / target - 0.5
    else:
        places *= source / target
    places = places.clip(0, source - 1)
    distance = np.abs(np.arange(source)[:, None] - places)
    return ms.Tensor(np.maximum(1 - distance, 0).astype(np.float32))


# By the operator's name: what makes the function, and the attributes of it that hold the arguments.
_REWRITES: dict[str, tuple[Callable[..., Callable[..., Any]], tuple[str, ...]]] = {
    "CumSum": (_cumsum, ("exclusive", "reverse")),
    "Erf": (_erf, ()),
    "GroupNorm": (_group_norm, ()),
    "HSigmoid": (_hsigmoid, ()),
    "HSwish": (_hswish, ()),
    "L2Normalize": (_l2_normalize, ("axis", "epsilon")),
    "LogicalNot": (_logical_not, ()),
    "LpNorm": (_lp_norm, ("axis", "p", "keep_dims")),
    "ResizeBilinearV2": (_resize, ("align_corners", "half_pixel_centers")),
    "Stack": (_stack, ("axis",)),
    "Unstack": (_unstack, ("axis",)),
}


def _in_place_of(value: Any) -> Any:
    """The function for an operator, its maker for the operator's class, or the value."""
    if isinstance(value, type) and issubclass(value, ms.ops.Primitive):
        if value.__name__ == "PadV3":
            return _pad
        return _REWRITES.get(value.__name__, (value,))[0]
    if not isinstance(value, ms.ops.Primitive):
        return value
    known = vars(value).get("init_attrs", {})
    if value.name == "PadV3" and known.get("mode", "constant") == "constant":
        return _pad()
    if value.name not in _REWRITES or value.name == "LpNorm" and known.get("p", 2) not in (1, 2):
        return value
    make, names = _REWRITES[value.name]
    return make(**{name: _argument(value, known, name) for name in names})


def _argument(value: Any, known: dict[str, Any], name: str) -> Any:
    return known[name] if name in known else getattr(value, name)


@contextmanager
def with_known_operators() -> Iterator[None]:
    """Has MindSpore find these functions for as long as it lasts."""
    try:
        import mindspore.graph._parse as parse
    except ImportError:  # MindSpore 2.7 and 2.8
        import mindspore._extends.parse as parse
    resolve = parse.resolve_symbol

    def rewritten(namespace: Any, symbol: str) -> Any:
        return _in_place_of(resolve(namespace, symbol))

    parse.resolve_symbol = rewritten
    try:
        yield
    finally:
        parse.resolve_symbol = resolve
