"""The ops in MindSpore's own operators: for a device that has no kernels of ours.

No native code: what MindSpore has on a device, these have. Several times slower than a kernel, for
whole masks are held in memory. They take and give Tensors; `fastxai.ops.device` chooses them.
"""

from __future__ import annotations

import mindspore as ms
import numpy as np
from mindspore import ops

from fastxai.ops.bilinear import Taps


def masked_product(
    image: ms.Tensor,
    base: ms.Tensor,
    cells: ms.Tensor,
    shifts: ms.Tensor,
    rows: tuple[ms.Tensor, ms.Tensor],
    cols: tuple[ms.Tensor, ms.Tensor],
) -> ms.Tensor:
    """Masked copies of an image: x m + base (1 - m).

    Args:
        image: (C, H, W) float32.
        base: (C,) or (C, H, W) float32, what a mask of 0 shows.
        cells: (M, h, w) float32 of 0 and 1.
        shifts: (M, 2) int32, rows and columns.
        rows: Taps of the rows, `taps_of`: cells (2, up) int32 and weights (2, up) float32.
        cols: Taps of the columns.

    Returns:
        (M, C, H, W) float32.

    Precision:
        As the native kernel: float32 in the order mul, mul, add, where the device rounds each.
    """
    _, height, width = image.shape
    count, grid_rows, _ = cells.shape
    x_cells, x_weights = _at(cols, shifts[:, 1], width)
    y_cells, y_weights = _at(rows, shifts[:, 0], height)

    def along_columns(side: int) -> ms.Tensor:
        index = ops.broadcast_to(x_cells[side].expand_dims(1), (count, grid_rows, width))
        return ops.gather_elements(cells, 2, index) * x_weights[side].expand_dims(1)

    expanded = along_columns(0) + along_columns(1)  # (M, h, W)

    def along_rows(side: int) -> ms.Tensor:
        index = ops.broadcast_to(y_cells[side].expand_dims(2), (count, height, width))
        return ops.gather_elements(expanded, 1, index) * y_weights[side].expand_dims(2)

    mask = (along_rows(0) + along_rows(1)).expand_dims(1)  # (M, 1, H, W)
    return image.expand_dims(0) * mask + _hidden(base) * (1.0 - mask)


def _hidden(base: ms.Tensor) -> ms.Tensor:
    """Levels (C,) or a picture (C, H, W) to broadcast over a batch."""
    return base.reshape((1, -1, 1, 1)) if base.ndim == 1 else base.expand_dims(0)


def _at(
    taps: tuple[ms.Tensor, ms.Tensor], shifts: ms.Tensor, size: int
) -> tuple[tuple[ms.Tensor, ms.Tensor], tuple[ms.Tensor, ms.Tensor]]:
    """Cells and weights, before and after, of the `size` pixels of each mask: (M, size) each."""
    places = shifts.expand_dims(1) + ms.Tensor(np.arange(size, dtype=np.int32)).expand_dims(0)
    cells, weights = (ops.gather(both, places, 1) for both in taps)  # (2, M, size)
    # Not cells[0]: after an exception in a network MindSpore 2.10 may refuse an int as an index.
    return ops.unbind(cells, 0), ops.unbind(weights, 0)


def taps_of(taps: Taps) -> tuple[ms.Tensor, ms.Tensor]:
    """Taps as Tensors: cells (2, up) int32 and weights (2, up) float32."""
    return ms.Tensor(taps.cells), ms.Tensor(taps.weights)


def occlusion_fill(
    image: ms.Tensor,
    base: ms.Tensor,
    corners: ms.Tensor,
    window: tuple[int, int],
) -> ms.Tensor:
    """Copies of an image, each with one window covered.

    Args:
        image: (C, H, W) float32.
        base: (C,) or (C, H, W) float32, what a covered pixel shows.
        corners: (M, 2) int32, first row and column of each window; beyond the image nothing is
            covered.
        window: (rows, columns) of a window.

    Returns:
        (M, C, H, W) float32, an exact copy outside the windows.
    """
    _, height, width = image.shape
    inside = [
        ops.logical_and(
            places >= corners[:, axis : axis + 1], places < corners[:, axis : axis + 1] + n
        )
        for axis, n, places in (
            (0, window[0], ms.Tensor(np.arange(height, dtype=np.int32)).expand_dims(0)),
            (1, window[1], ms.Tensor(np.arange(width, dtype=np.int32)).expand_dims(0)),
        )
    ]
    covered = ops.logical_and(inside[0].expand_dims(2), inside[1].expand_dims(1)).expand_dims(1)
    return ops.where(covered, _hidden(base), image.expand_dims(0))
