"""Places of a transformer's tokens in the picture: outputs of layers as (N, C, h, w)."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import mindspore as ms
import numpy as np

AUTO = "auto"
ReshapeTransform = Callable[[ms.Tensor], ms.Tensor] | tuple[int, int] | str | None

_PREFIX_TOKENS = (0, 1, 2)  # none; a class token; a class and a distillation token


def check_transform(owner: str, transform: Any) -> ReshapeTransform:
    """`reshape_transform` as it is used.

    Raises:
        TypeError: It is of another kind.
        ValueError: It is another word than 'auto', or not two sizes of 1 or more.
    """
    if transform is None or transform == AUTO or callable(transform):
        return transform
    if isinstance(transform, str):
        raise ValueError(f"{owner}: `reshape_transform` must be 'auto', got {transform!r}.")
    if not isinstance(transform, (tuple, list)):
        raise TypeError(
            f"{owner}: `reshape_transform` must be None, 'auto', (h, w) or a callable, got "
            f"{type(transform).__name__}."
        )
    sizes = [isinstance(size, (int, np.integer)) and size > 0 for size in transform]
    if len(sizes) != 2 or not all(sizes):
        raise ValueError(
            f"{owner}: `reshape_transform` must be (h, w), the rows and columns of the tokens, got "
            f"{transform}."
        )
    return int(transform[0]), int(transform[1])


def grids(image: tuple[int, int]) -> set[tuple[int, int]]:
    """Grids (h, w) of square patches in an image (H, W)."""
    return {(image[0] // patch, image[1] // patch) for patch in range(1, min(image) + 1)}


def is_channels_last(shape: tuple[int, ...], image: tuple[int, int]) -> bool:
    """Whether an output of 4 axes is (N, h, w, C), because (N, C, h, w) would fit no patches."""
    found = grids(image)
    return shape[1:3] in found and shape[2:] not in found


class TokenGrid:
    """Arranges a layer's output as (N, C, h, w).

    Args:
        transform: As `check_transform` gives it.
        shape: Of the output.
        image: (H, W).

    Raises:
        ValueError: The tokens fit no grid, or several.
    """

    def __init__(
        self, transform: ReshapeTransform, shape: tuple[int, ...], image: tuple[int, int]
    ) -> None:
        self._transform = transform if callable(transform) else None
        self._shape = shape
        self._prefix, self._grid = 0, (0, 0)
        if not callable(transform):
            self._prefix, self._grid = _layout(shape, image, transform)

    def __call__(self, output: np.ndarray) -> np.ndarray:
        """(N, C, h, w), from the output or its gradient.

        Raises:
            ValueError: The caller's transform returns something else.
        """
        if self._transform is not None:
            arranged = self._transform(ms.Tensor(output))
            arranged = arranged.asnumpy() if isinstance(arranged, ms.Tensor) else arranged
            shape = np.shape(arranged)
            if len(shape) != 4 or 0 in shape:
                raise ValueError(
                    "`reshape_transform` must return (N, C, h, w), got shape "
                    f"{shape} from {self._shape}."
                )
            return np.ascontiguousarray(arranged, np.float32)
        if output.ndim == 3:
            output = output[:, self._prefix :].reshape(len(output), *self._grid, -1)
        return np.ascontiguousarray(output.transpose(0, 3, 1, 2))


def _layout(
    shape: tuple[int, ...], image: tuple[int, int], given: Any
) -> tuple[int, tuple[int, int]]:
    """Number of tokens before those of the patches, and (h, w) of the patches."""
    if len(shape) == 4:
        if given not in (None, AUTO) and shape[1:3] != given:
            raise ValueError(f"its output {shape} is not (N, {given[0]}, {given[1]}, C).")
        return 0, (shape[1], shape[2])
    if len(shape) != 3:
        raise ValueError(f"its output {shape} is neither (N, tokens, C) nor (N, h, w, C).")
    tokens = shape[1]
    if given not in (None, AUTO):
        if tokens < given[0] * given[1]:
            raise ValueError(f"{tokens} tokens are fewer than {given[0]} x {given[1]}.")
        return tokens - given[0] * given[1], given
    fitting = [
        (prefix, grid)
        for prefix in _PREFIX_TOKENS
        for grid in sorted(grids(image))
        if grid[0] * grid[1] == tokens - prefix
    ]
    if len(fitting) == 1:
        return fitting[0]
    why = "no grid" if not fitting else f"several grids, {[grid for _, grid in fitting]},"
    raise ValueError(f"{tokens} tokens fit {why} of square patches in {image[0]} x {image[1]}.")
