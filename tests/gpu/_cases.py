"""The cases that reference, CPU ops and CUDA ops are compared on."""

from __future__ import annotations

from typing import NamedTuple

from fastxai.ops import MaskSpec, OcclusionSpec


class MaskCase(NamedTuple):
    """A batch of masked images."""

    channels: int
    spec: MaskSpec
    first: int
    count: int

    @property
    def shape(self) -> tuple[int, int, int]:
        """(C, H, W)."""
        return (self.channels, *self.spec.size)


def _mask_case(
    channels, size, count, *, grid=(10, 10), shift=(11, 11), p=0.5, first=7, design="iid"
) -> MaskCase:
    return MaskCase(channels, MaskSpec(2**63 + 5, size, grid, p, shift, design), first, count)


MASKS = {
    "usual": _mask_case(3, (224, 224), 2),
    "usual-oa128": _mask_case(3, (64, 48), 5, first=126, design="oa128"),
    "usual-placed": _mask_case(3, (64, 48), 5, first=126, design="placed"),
    "usual-lattice": _mask_case(3, (64, 48), 5, grid=(7, 7), first=126, design="lattice"),
    "one-pixel": _mask_case(1, (1, 1), 3, grid=(2, 3), shift=(1, 1)),
    "one-column": _mask_case(3, (37, 1), 3, grid=(5, 1), shift=(2, 3)),
    "one-row": _mask_case(3, (1, 37), 3, grid=(1, 7), shift=(1, 4)),
    "prime": _mask_case(3, (97, 61), 3, shift=(4, 9)),
    "five-channels": _mask_case(5, (31, 12), 3, grid=(7, 7), shift=(4, 2)),
    "two-channels": _mask_case(2, (9, 24), 2, grid=(3, 9), shift=(2, 11)),
    "no-channel": _mask_case(0, (4, 4), 2),
    "no-mask": _mask_case(3, (4, 4), 0),
    "rows-longer-than-a-tile": _mask_case(3, (3, 1500), 2),
    "rows-of-several-tiles": _mask_case(1, (2, 5003), 2, grid=(3, 9), shift=(2, 11)),
    "shift-larger-than-the-image": _mask_case(2, (7, 8), 3, grid=(2, 2), shift=(30, 20)),
    "many-cells-and-shifts": _mask_case(3, (40, 32), 3, grid=(31, 31), shift=(64, 64), p=0.3),
    "wide-grid": _mask_case(3, (16, 20), 2, grid=(5, 32), shift=(3, 4)),
    "tall-grid": _mask_case(1, (16, 20), 2, grid=(33, 4), shift=(3, 4)),
    "wide-shifts": _mask_case(3, (8, 12), 2, shift=(3, 65)),
    "tall-shifts-oa128": _mask_case(
        3, (8, 12), 4, shift=(65, 3), grid=(9, 14), first=126, design="oa128"
    ),
    "more-cells-than-are-shared": _mask_case(3, (10, 12), 2, grid=(91, 91), shift=(3, 2)),
    "finer-than-the-image": _mask_case(1, (6, 8), 3, grid=(20, 30)),
    "tall-shifts-placed": _mask_case(
        3, (8, 12), 4, shift=(65, 3), grid=(9, 14), first=126, design="placed"
    ),
    "all-kept": _mask_case(3, (12, 16), 2, p=1.0),
    "none-kept": _mask_case(3, (12, 16), 2, p=0.0),
    "large-index": _mask_case(1, (8, 8), 3, first=2**40 + 126, design="oa128"),
    "large-index-lattice": _mask_case(1, (8, 8), 3, first=2**40 + 126, design="lattice"),
    "several-masks-a-block": _mask_case(3, (8, 8), 600, grid=(3, 3), shift=(2, 2)),
    "many-masks-a-block-oa128": _mask_case(1, (2, 4), 5000, grid=(2, 2), design="oa128"),
}

WINDOWS = {
    "usual": (3, OcclusionSpec((224, 224), (7, 7), (7, 7)), 1000, 3),
    "overlapping": (3, OcclusionSpec((32, 40), (9, 6), (4, 5)), -1, 12),
    "prime": (2, OcclusionSpec((17, 23), (5, 3), (2, 7)), 3, 6),
    "gaps": (1, OcclusionSpec((12, 16), (2, 3), (5, 4)), 0, 12),
    "whole-image": (3, OcclusionSpec((8, 8), (8, 8), (1, 1)), 0, 2),
    "one-pixel": (1, OcclusionSpec((1, 1), (1, 1), (3, 3)), -1, 3),
    "past-the-last": (3, OcclusionSpec((8, 12), (4, 4), (4, 4)), 4, 5),
    "rows-longer-than-a-tile": (3, OcclusionSpec((2, 1500), (1, 700), (1, 333)), 0, 4),
    "many": (1, OcclusionSpec((4, 8), (2, 2), (1, 1)), 0, 600),
    "no-channel": (0, OcclusionSpec((4, 4), (2, 2), (2, 2)), 0, 2),
}
