"""The arguments of RISE that say which masks there are, checked."""

from __future__ import annotations

from typing import Any

import numpy as np

from fastxai.masks.estimators import ESTIMATORS, LEAST_MASKS
from fastxai.ops.checks import check_int, check_pair
from fastxai.ops.params import OA_CELLS, OA_MASKS, check_design, check_probability

SHIFT_RANGE = (11, 11)  # shifts of 0..10 pixels, as in mindspore_xai
_LEAST_BLOCKS = 4  # where no design was asked for


def check_estimator(owner: str, estimator: Any) -> str:
    """Refuses what is no estimator.

    Raises:
        ValueError: It is none of `ESTIMATORS`.
    """
    if estimator not in ESTIMATORS:
        raise ValueError(f"{owner}: `estimator` must be one of {ESTIMATORS}, got {estimator!r}.")
    return str(estimator)


def check_together(owner: str, design: str | None, estimator: str) -> None:
    """Refuses an estimator that would be biased by a design.

    Raises:
        ValueError: The control variate with 'lattice': the shifts of the masks that are fitted tell
            those of the masks that the fit is used on.
    """
    if design == "lattice" and estimator == "control-variate":
        raise ValueError(
            f"{owner}: `estimator` 'control-variate' would be biased by `design` 'lattice', whose "
            "blocks know each other's shifts; use 'placed', or 'centred'."
        )


def check_masks(
    owner: str, mask_probability: Any, grid_size: Any, design: Any
) -> tuple[float, tuple[int, int], str | None]:
    """Probability, grid (rows, columns) and design or None, if there are masks of them.

    Raises:
        TypeError: One is of the wrong kind.
        ValueError: One is out of range, or they do not go together.
    """
    probability = check_probability(owner, "mask_probability", mask_probability)
    if probability in (0.0, 1.0):
        raise ValueError(f"{owner}: `mask_probability` must be in (0, 1), got {mask_probability}.")
    grid = check_pair(owner, "grid_size", grid_size, 1, 2**15)
    if design is not None:
        names = ("grid_size", "mask_probability")
        design = check_design(owner, design, grid, probability, names)
    return probability, grid, design


def chosen_design(
    design: str | None, probability: float, grid: tuple[int, int], estimator: str, most: int
) -> str:
    """The design of a run: what was asked for, and for None the less noisy one where it fits.

    That is 'lattice' for 'centred' maps of four blocks or more with keep probability 1/2 and a grid
    that it has columns for (docs/estimators.md has the measurements), else 'iid'. Of fewer blocks
    it would be known badly how sure the map is.

    Args:
        design: One of `DESIGNS`, or None.
        probability: Of a cell to be kept.
        grid: (h, w) coarse cells.
        estimator: As in `RISE`.
        most: Masks of the run.
    """
    if design is not None:
        return design
    fits = probability == 0.5 and grid[0] * grid[1] <= OA_CELLS and most >= _LEAST_BLOCKS * OA_MASKS
    return "lattice" if fits and estimator == "centred" else "iid"


def check_num_masks(owner: str, num_masks: Any, estimator: str) -> int:
    """As many masks as the estimator needs, at least.

    Raises:
        TypeError: It is no integer.
        ValueError: There are too few, or 2^31 or more.
    """
    number = check_int(owner, "num_masks", num_masks, 1 if estimator == "plain" else 2, 2**31 - 1)
    if estimator == "control-variate" and number < LEAST_MASKS:
        raise ValueError(
            f"{owner}: `num_masks` must be at least {LEAST_MASKS} for `estimator` "
            f"'control-variate', two folds of 128 masks; got {number}."
        )
    return number


def check_error_bar(owner: str, design: str, estimator: str, most: int) -> None:
    """Refuses runs of which it cannot be said how sure their maps are.

    Args:
        owner: Whose arguments they are, for messages.
        design: One of `DESIGNS`.
        estimator: As in `RISE`.
        most: Masks of the run.

    Raises:
        ValueError: Blocks of 128 are needed, and there are not two, or the estimator makes no map
            of a block alone.
    """
    asked = f"{owner}: `ret` 'result' and `num_masks` 'auto' need"
    if design == "iid":
        if most < 2:
            raise ValueError(f"{asked} at least 2 masks, got {most}.")
        return
    if most < 2 * OA_MASKS:
        raise ValueError(
            f"{asked} at least {2 * OA_MASKS} masks for `design` {design!r}, two blocks; got "
            f"{most}."
        )
    if estimator == "control-variate":
        raise ValueError(
            f"{asked} an error bar, and there is none for `design` {design!r} with "
            "`estimator` 'control-variate'; use 'centred', or 'iid', or give "
            "`num_masks` a number."
        )
    if estimator == "plain" and most % OA_MASKS:
        raise ValueError(
            f"{asked} whole blocks of {OA_MASKS} masks for `design` {design!r} with `estimator` "
            f"'plain', got {most}; use 'centred'."
        )


def drawn_seed() -> int:
    """A seed of NumPy's global generator."""
    return int(np.random.randint(0, 2**64, dtype=np.uint64))
