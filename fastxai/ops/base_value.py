"""Values of masked or covered pixels: levels, or a picture that may be made of the image."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, TypeAlias

import numpy as np

from fastxai.ops.checks import as_float
from fastxai.system.tensors import host_array

WORDS = ("blur", "mean", "noise")
BaseValue: TypeAlias = float | str | Sequence[float] | np.ndarray | Any  # Any: a Tensor

_MAX_RADIUS = 1000.0  # pixels
_DEFAULT_RADIUS = 1 / 20  # of the longer side
_REACH = 3.0  # radii after which the Gaussian is cut off


@dataclass(frozen=True)
class Base:
    """A checked `base_value`, for images of one shape.

    Attributes:
        word: 'blur', 'mean' or 'noise'; '' for numbers.
        values: (C,) or (C, H, W) float32 where there is no word.
        radius: Of the blur, in pixels; None for its default.
        seed: Of the noise.
    """

    word: str
    values: np.ndarray
    radius: float | None = None
    seed: int = 0

    def of(self, image: Any) -> np.ndarray:
        """Values of masked pixels of an image (C, H, W): float32 (C,) or (C, H, W)."""
        if self.word == "":
            return self.values
        pixels = host_array(image)
        if self.word == "blur":
            return blurred(pixels, self.radius)
        if self.word == "mean":
            return pixels.mean(axis=(1, 2), dtype=np.float64).astype(np.float32)
        return noise_like(pixels, self.seed)

    def picture_of(self, image: Any) -> np.ndarray:
        """The same as a picture (C, H, W): the image with every pixel masked."""
        values = self.of(image)
        return np.broadcast_to(values[:, None, None], image.shape) if values.ndim == 1 else values

    @property
    def settings(self) -> Any:
        """All that it depends on but for image and seed, in kinds that JSON has."""
        if self.word:
            return self.word if self.radius is None else f"{self.word}:{self.radius!r}"
        if self.values.ndim == 1:
            return self.values.tolist()
        return f"picture {hashlib.sha256(self.values.tobytes()).hexdigest()}"


def base_of(owner: str, base_value: Any, shape: tuple[int, ...], seed: int = 0) -> Base:
    """The base of images of a shape.

    Args:
        owner: Name for messages.
        base_value: A number; one per channel; an array or Tensor (C, H, W); 'blur', 'blur:RADIUS',
            'mean' or 'noise'.
        shape: (C, H, W).
        seed: Seed of 'noise', 0 .. 2^64 - 1.

    Raises:
        TypeError: It is of another kind.
        ValueError: It is another word, has another shape, is not finite or does not fit float32.

    Example:
        >>> base_of("RISE", "mean", (1, 2, 2)).of(np.arange(4, dtype=np.float32).reshape(1, 2, 2))
        array([1.5], dtype=float32)
    """
    if isinstance(base_value, str):
        word, radius = base_word(owner, base_value)
        return Base(word, np.empty(0, np.float32), radius, seed)
    return Base("", base_values(owner, host_array(base_value), shape))


def base_word(owner: str, text: str) -> tuple[str, float | None]:
    """A word and the radius behind it, None where it has none.

    Raises:
        ValueError: It is another word, or the radius is not in (0, 1000].
    """
    word, colon, number = text.partition(":")
    if word not in WORDS or (colon and word != "blur"):
        raise ValueError(
            f"{owner}: `base_value` must be 'blur', 'blur:RADIUS', 'mean', 'noise', numbers or a "
            f"picture (C, H, W), got {text!r}."
        )
    if not colon:
        return word, None
    try:
        radius = float(number)
    except ValueError:
        radius = 0.0
    if not 0.0 < radius <= _MAX_RADIUS:
        raise ValueError(
            f"{owner}: `base_value` must have a radius in (0, {_MAX_RADIUS:g}] pixels behind "
            f"'blur:', got {text!r}."
        )
    return word, radius


def blurred(image: np.ndarray, radius: float | None = None) -> np.ndarray:
    """An image (C, H, W) under a Gaussian of standard deviation `radius`, float32.

    Args:
        image: (C, H, W).
        radius: In pixels; None: a twentieth of the longer side. The Gaussian is cut off after three
            radii; beyond an edge the image is mirrored.

    Precision:
        float64 in a fixed order, then rounded to float32.
    """
    sigma = max(image.shape[1:]) * _DEFAULT_RADIUS if radius is None else radius
    reach = max(1, round(_REACH * sigma))
    weights = np.exp(-0.5 * (np.arange(reach + 1) / sigma) ** 2)
    weights /= weights[0] + 2.0 * weights[1:].sum()
    sums = image.astype(np.float64)
    for axis in (1, 2):
        pad = [(0, 0)] * 3
        pad[axis] = (reach, reach)
        padded = np.moveaxis(np.pad(sums, pad, mode="symmetric"), axis, 0)
        size = sums.shape[axis]
        total = weights[0] * padded[reach : reach + size]
        for k in range(1, reach + 1):
            before, after = padded[reach - k : reach - k + size], padded[reach + k :][:size]
            total += weights[k] * (before + after)
        sums = np.moveaxis(total, 0, axis)
    return np.ascontiguousarray(sums, dtype=np.float32)


def noise_like(image: np.ndarray, seed: int) -> np.ndarray:
    """Uniform noise between the lowest and the highest value of each channel, float32 (C, H, W).

    Args:
        image: (C, H, W).
        seed: 0 .. 2^64 - 1. The noise is a function of it and of the shape, scaled to the image.
    """
    words = np.random.Philox(key=seed).random_raw(image.size)
    unit = (words >> np.uint64(40)).reshape(image.shape) * 2.0**-24
    wide = image.astype(np.float64)
    low, high = wide.min(axis=(1, 2), keepdims=True), wide.max(axis=(1, 2), keepdims=True)
    return (low + unit * (high - low)).astype(np.float32)


def base_values(owner: str, base_value: Any, shape: tuple[int, ...]) -> np.ndarray:
    """Values of masked pixels: float32 levels (C,), or a picture (C, H, W).

    Args:
        owner: Name for messages.
        base_value: A number, one per channel, or an array of the image's shape.
        shape: (C, H, W) of the image.

    Raises:
        TypeError: `base_value` is neither a number nor numbers.
        ValueError: It has another shape, is not finite or does not fit float32.
    """
    values = _numbers(base_value)
    if values is None:
        is_array = isinstance(base_value, np.ndarray)
        shown = f"an array of {base_value.dtype}" if is_array else repr(base_value)
        raise TypeError(
            f"{owner}: `base_value` must be a number, one per channel or a picture (C, H, W), "
            f"got {shown}."
        )
    if values.ndim == 0:
        values = np.full(shape[0], float(values))
    if values.shape not in (shape[:1], shape):
        raise ValueError(
            f"{owner}: `base_value` must be a number, {shape[0]} numbers, one per channel, or a "
            f"picture of shape {shape}, got shape {values.shape}."
        )
    finite = np.isfinite(values)
    if not finite.all():
        raise ValueError(f"{owner}: `base_value` must be finite, got {values[~finite][0]}.")
    return as_float(owner, "base_value", values, np.float32)


def _numbers(value: object) -> np.ndarray | None:
    """float64 of a number or numbers, infinity where one is too large; None of anything else.

    float32 stays what it is: pictures are checked for every batch.
    """
    try:
        numbers = np.asarray(value)
    except ValueError:  # a sequence of sequences of several lengths
        return None
    if isinstance(value, np.ma.MaskedArray):
        return None
    if numbers.dtype == object:  # an int of more than 64 bits among them
        if not all(isinstance(n, (int, float)) and not isinstance(n, bool) for n in numbers.flat):
            return None
        numbers = np.array([_float(n) for n in numbers.flat]).reshape(numbers.shape)
    if numbers.dtype.kind not in "fiu":
        return None
    if numbers.dtype == np.float32:
        return numbers
    with np.errstate(over="ignore"):
        return numbers.astype(np.float64)


def _float(number: float) -> float:
    try:
        return float(number)
    except OverflowError:
        return np.inf if number > 0 else -np.inf
