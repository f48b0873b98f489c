"""Where bench.micro.ops measures, and the bytes and operations that an operator must move there.

Formulas are of one call, derived from the CPU kernels: M masks, windows or copies of a C×H×W image
of float32, T maps, h×w coarse cells, Sr×Sc shifts, P windows of kr×kc pixels. Bytes written are
those of the result, bytes read those of the inputs, once each. Operations are additions,
multiplications and comparisons, without those that find an address.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import NamedTuple

CHANNELS = 3
GRID = 10  # cells per axis
SHIFTS = 11  # per axis
TARGETS = 1  # of saliency_accumulate
_CELLS = GRID * GRID
_ROUNDS, _OF_A_ROUND = 10, 8  # of Philox: two multiplications, four xors, two additions
# One block of four words for four cells; two words more give the shift; a comparison per cell.
_DRAW = _ROUNDS * _OF_A_ROUND * -(-(_CELLS + 2) // 4) + _CELLS

SIZE, BATCH = 224, 32
SIZES = (64, 224, 512)
BATCHES = (1, 8, 32, 128)
MASKS = (32, 256, 1024)  # of a run in batches of BATCH
MAP_BATCHES = (1, 4, 16)  # maps of a call, of the operators that make maps


class Point(NamedTuple):
    """Where an operator is measured."""

    size: int  # rows and columns of the image
    batch: int  # masks, windows, copies or maps of a call
    masks: int  # of all calls of a run; a multiple of `batch`

    @property
    def firsts(self) -> range:
        """Index of the first mask of each call."""
        return range(0, self.masks, self.batch)


class Cost(NamedTuple):
    """What one call must move and compute."""

    written: int  # bytes
    read: int  # bytes
    operations: int


class Formula(NamedTuple):
    """A cost as a reader sees it, and as a number of (image size, batch)."""

    unit: str  # what a batch is made of
    written: str
    read: str
    operations: str
    cost: Callable[[int, int], Cost]


def window(size: int) -> tuple[int, int, int]:
    """Rows and columns of a window, the stride, and the number of windows of an image."""
    side, stride = size // 8, max(1, size // 64)
    return side, stride, ((size - side) // stride + 1) ** 2


def _mask_grid(_: int, batch: int) -> Cost:
    return Cost(batch * (_CELLS + 8), 72, batch * _DRAW)


def _enlarge(size: int) -> int:
    return 3 * (GRID + size) * size


def _mask_upsample(size: int, batch: int) -> Cost:
    return Cost(batch * size**2 * 4, batch * (_CELLS + 8), batch * _enlarge(size))


def _masked_product(size: int, batch: int) -> Cost:
    numbers = CHANNELS * size**2
    each = _DRAW + _enlarge(size) + 4 * numbers
    return Cost(batch * numbers * 4, numbers * 4, batch * each)


def _saliency_accumulate(_: int, batch: int) -> Cost:
    sums = (TARGETS + 1) * min(batch, SHIFTS**2) * _CELLS * 8
    each = _DRAW + (TARGETS + 1) * (2 * _CELLS + 3)
    return Cost(sums, sums + batch * TARGETS * 4, batch * each)


def _saliency_expand(size: int, batch: int) -> Cost:
    each = SHIFTS * size * (5 * GRID * SHIFTS + 4 * size)
    return Cost(batch * size**2 * 8, batch * SHIFTS**2 * _CELLS * 8, batch * each)


def _occlusion_fill(size: int, batch: int) -> Cost:
    image = CHANNELS * size**2 * 4
    return Cost(batch * image, image, 0)


def _occlusion_patch(size: int, batch: int) -> Cost:
    covered = batch * CHANNELS * window(size)[0] ** 2 * 4
    return Cost(2 * covered, covered, 0)


def _occlusion_sum(size: int, batch: int) -> Cost:
    windows = window(size)[2]
    return Cost(batch * size**2 * 8, batch * windows * 8, batch * (2 * windows + 5 * size**2))


def _pixel_fill(size: int, batch: int) -> Cost:
    numbers = CHANNELS * size**2
    return Cost(batch * numbers * 4, numbers * 4 + size**2 * 4, batch * numbers * 4)


FORMULAS: dict[str, Formula] = {
    "mask_grid": Formula(
        "mask", "M·(h·w + 8)", "72", "M·(80·⌈(h·w + 2)/4⌉ + h·w), integers", _mask_grid
    ),
    "mask_upsample": Formula("mask", "M·H·W·4", "M·(h·w + 8)", "M·3·(h + H)·W", _mask_upsample),
    "masked_product": Formula(
        "mask",
        "M·C·H·W·4",
        "C·H·W·4",
        "those of both above, and M·4·C·H·W",
        _masked_product,
    ),
    "saliency_accumulate": Formula(
        "mask",
        "(T + 1)·min(M, Sr·Sc)·h·w·8",
        "the same, and M·T·4",
        "those of `mask_grid`, and M·(T + 1)·(2·h·w + 3) in float64",
        _saliency_accumulate,
    ),
    "saliency_expand": Formula(
        "map",
        "T·H·W·8",
        "T·Sr·Sc·h·w·8",
        "T·Sr·W·(5·h·Sc + 4·H) in float64",
        _saliency_expand,
    ),
    "occlusion_fill": Formula("window", "M·C·H·W·4", "C·H·W·4", "none", _occlusion_fill),
    "occlusion_patch": Formula("window", "2·M·C·kr·kc·4", "M·C·kr·kc·4", "none", _occlusion_patch),
    "occlusion_sum": Formula(
        "map", "T·H·W·8", "T·P·8", "T·(2·P + 5·H·W) in float64", _occlusion_sum
    ),
    "pixel_fill": Formula(
        "copy", "M·C·H·W·4", "(C + 1)·H·W·4", "M·4·C·H·W, comparisons", _pixel_fill
    ),
}


def sweeps(op: str) -> dict[str, list[Point]]:
    """The points of an operator, by what grows."""
    makes_maps = FORMULAS[op].unit == "map"
    usual = 1 if makes_maps else BATCH
    found = {
        "size": [Point(size, usual, usual) for size in SIZES],
        "batch": [Point(SIZE, n, n) for n in (MAP_BATCHES if makes_maps else BATCHES)],
    }
    if not makes_maps:
        found["masks"] = [Point(SIZE, BATCH, masks) for masks in MASKS]
    return found


def points(op: str) -> Iterator[Point]:
    """Every point of an operator, once."""
    yield from dict.fromkeys(point for sweep in sweeps(op).values() for point in sweep)
