"""Parameters of a run of masks or windows, and the small tensor in which ops take them."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from fastxai.ops.checks import MAX_AXIS, MAX_FIRST, check_elements, check_int, check_pair
from fastxai.ops.placement import placed_columns

# Their positions are the numbers that the native ops know. All but 'iid' make blocks of masks.
DESIGNS = ("iid", "oa128", "placed", "lattice")
OA_MASKS = 128  # masks of a block
OA_CELLS = 127  # cells that one of its masks can have, at most
_COLUMN_WORDS = 16  # int64 numbers that hold a byte for each of those cells


@dataclass(frozen=True)
class MaskSpec:
    """Random masks of one image size; mask i is a pure function of this and of i.

    Args:
        seed: 0 .. 2^64 - 1.
        size: (H, W) of the masks in pixels.
        grid: (h, w) coarse cells.
        keep_probability: Probability of a cell of 1, in [0, 1].
        shift_range: (rows, columns); shifts are 0 .. range - 1 pixels. The coarse mask is enlarged
            to (H + rows - 1, W + columns - 1) and cropped at the shift.
        design: How the masks belong together. 'iid': not at all. 'oa128': blocks of 128 masks,
            masks 128 b .. 128 b + 127, have one shift, and their cells are a randomised orthogonal
            array of strength 2: in a whole block every cell is kept exactly 64 times and every two
            cells together exactly 32 times. One mask by itself is as under 'iid'. 'placed': such
            blocks in which the interactions of near cells keep clear of other cells' effects.
            'lattice': 'placed', and the shifts of the blocks fill the range evenly. All but 'iid'
            need `keep_probability` 0.5 and at most 127 cells. Formula: kernels/mask_grid/README.md.

    Raises:
        TypeError: A field is of the wrong kind.
        ValueError: A field is out of range, or the design cannot be had with the others.

    Example:
        >>> MaskSpec(seed=1, size=(224, 224)).up_size
        (234, 234)
    """

    seed: int
    size: tuple[int, int]
    grid: tuple[int, int] = (10, 10)
    keep_probability: float = 0.5
    shift_range: tuple[int, int] = (11, 11)
    design: str = "iid"

    def __post_init__(self) -> None:
        owner = type(self).__name__
        fixed = {
            "seed": check_seed(owner, self.seed),
            "size": check_pair(owner, "size", self.size, 1, MAX_AXIS),
            "grid": check_pair(owner, "grid", self.grid, 1, MAX_AXIS),
            "shift_range": check_pair(owner, "shift_range", self.shift_range, 1, MAX_AXIS),
            "keep_probability": check_probability(owner, "keep_probability", self.keep_probability),
        }
        for name, value in fixed.items():
            object.__setattr__(self, name, value)
        if max(self.up_size) > MAX_AXIS:
            raise ValueError(
                f"{owner}: `size` + `shift_range` - 1 must be at most {MAX_AXIS} rows and columns, "
                f"got {self.up_size}."
            )
        check_elements(owner, self.grid)
        check_elements(owner, (self.grid[0], self.size[1]))  # rows enlarged along the columns
        check_design(owner, self.design, self.grid, self.keep_probability)

    @property
    def up_size(self) -> tuple[int, int]:
        """(rows, columns) of the enlarged mask before the crop."""
        return (
            self.size[0] + self.shift_range[0] - 1,
            self.size[1] + self.shift_range[1] - 1,
        )

    @property
    def threshold(self) -> int:
        """A cell is kept iff its 32-bit word is below this."""
        return round(self.keep_probability * 2**32)

    @property
    def blocks(self) -> bool:
        """Whether masks belong together in blocks of 128."""
        return self.design != "iid"

    @property
    def columns(self) -> bytes:
        """Column of each cell, where the design places them; else nothing."""
        return placed_columns(self.grid) if self.design in ("placed", "lattice") else b""

    def params(self, first: int, count: int) -> np.ndarray:
        """The int64 (25,) parameter tensor of masks `first` .. `first + count - 1`."""
        first = check_int("MaskSpec", "first", first, 0, MAX_FIRST)
        count = check_int("MaskSpec", "count", count, 0, 2**31 - 1)
        design = DESIGNS.index(self.design)
        numbers = [first, count, *self.grid, self.threshold, *self.shift_range, design]
        seed = np.array([self.seed], np.uint64).view(np.int64)
        columns = np.zeros(8 * _COLUMN_WORDS, np.uint8)
        columns[: len(self.columns)] = np.frombuffer(self.columns, np.uint8)
        return np.concatenate([seed, np.array(numbers, np.int64), columns.view("<i8")])


@dataclass(frozen=True)
class OcclusionSpec:
    """Windows over one image size, numbered row-major over their valid positions.

    Args:
        size: (H, W) of the image in pixels.
        window: (rows, columns) of a window, at most `size`.
        strides: (rows, columns) from one window to the next.

    Raises:
        TypeError: A field is of the wrong kind.
        ValueError: A field is out of range.

    Example:
        >>> OcclusionSpec(size=(32, 32), window=(3, 3), strides=(1, 1)).num_windows
        900
    """

    size: tuple[int, int]
    window: tuple[int, int]
    strides: tuple[int, int]

    def __post_init__(self) -> None:
        owner = type(self).__name__
        size = check_pair(owner, "size", self.size, 1, MAX_AXIS)
        window = check_pair(owner, "window", self.window, 1, MAX_AXIS)
        strides = check_pair(owner, "strides", self.strides, 1, MAX_AXIS)
        if window[0] > size[0] or window[1] > size[1]:
            raise ValueError(f"{owner}: `window` must fit into the image {size}, got {window}.")
        check_elements(owner, size)
        for name, value in (("size", size), ("window", window), ("strides", strides)):
            object.__setattr__(self, name, value)

    @property
    def grid(self) -> tuple[int, int]:
        """Positions from top to bottom and from left to right."""
        rows, cols = (
            (n - k) // s + 1 for n, k, s in zip(self.size, self.window, self.strides, strict=True)
        )
        return rows, cols

    @property
    def num_windows(self) -> int:
        """Number of windows."""
        return self.grid[0] * self.grid[1]

    def params(self, first: int, count: int) -> np.ndarray:
        """The int64 (6,) parameter tensor of windows `first` .. `first + count - 1`.

        An index outside the windows (such as -1) stands for an image with nothing covered.
        """
        first = check_int("OcclusionSpec", "first", first, -MAX_FIRST, MAX_FIRST)
        count = check_int("OcclusionSpec", "count", count, 0, 2**31 - 1)
        return np.array([first, count, *self.window, *self.strides], np.int64)


def check_seed(owner: str, seed: object) -> int:
    """A seed of masks, in [0, 2^64).

    Raises:
        TypeError: It is not an int.
        ValueError: It is out of range.
    """
    return check_int(owner, "seed", seed, 0, 2**64 - 1)


def check_probability(owner: str, name: str, value: object) -> float:
    """A float in [0, 1].

    Raises:
        TypeError: It is not a number.
        ValueError: It is out of range.
    """
    if isinstance(value, bool) or not isinstance(value, (int, float, np.integer, np.floating)):
        raise TypeError(f"{owner}: `{name}` must be a float, got {type(value).__name__}.")
    if not 0.0 <= float(value) <= 1.0:
        raise ValueError(f"{owner}: `{name}` must be in [0, 1], got {value}.")
    return float(value)


def check_design(
    owner: str,
    design: object,
    grid: tuple[int, int],
    probability: float,
    names: tuple[str, str] = ("grid", "keep_probability"),
) -> str:
    """One of `DESIGNS` that can be had with a grid and a keep probability.

    Args:
        owner: Whose argument it is, for messages.
        design: What was given.
        grid: (h, w) coarse cells.
        probability: Of a cell to be kept.
        names: What the owner calls `grid` and `probability`.

    Raises:
        TypeError: `design` is not a str.
        ValueError: It is another, or one in blocks with more than 127 cells or a probability other
            than 0.5.
    """
    if not isinstance(design, str):
        raise TypeError(f"{owner}: `design` must be a str, got {type(design).__name__}.")
    if design not in DESIGNS:
        raise ValueError(f"{owner}: `design` must be one of {DESIGNS}, got {design!r}.")
    if design != "iid" and grid[0] * grid[1] > OA_CELLS:
        raise ValueError(
            f"{owner}: `design` {design!r} has columns for {OA_CELLS} cells and `{names[0]}` "
            f"{grid} has {grid[0] * grid[1]}; use 'iid' or a coarser grid."
        )
    if design != "iid" and probability != 0.5:
        raise ValueError(
            f"{owner}: `design` {design!r} needs `{names[1]}` 0.5, got {probability}; use 'iid'."
        )
    return design
