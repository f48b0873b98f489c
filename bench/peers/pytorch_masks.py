"""A batch of RISE written in PyTorch alone: what the CUDA ops are compared with on a GPU."""

from __future__ import annotations

import torch
from torch.nn import functional


def one_shift(
    image: torch.Tensor, scores: torch.Tensor, grid: int, sizes: tuple[int, int], shift: int
) -> tuple[torch.Tensor, torch.Tensor]:
    """Masks, masked images and the map's sum; all masks of the batch have one shift, a slice.

    Args:
        image: (C, H, W).
        scores: (M, L) of the masks.
        grid: Cells per axis.
        sizes: (H, W).
        shift: Rows and columns that the batch is shifted by.

    Returns:
        (M, C, H, W) and (L, H, W).
    """
    rows, cols = sizes
    cells = (torch.rand(len(scores), 1, grid, grid, device=image.device) < 0.5).to(image.dtype)
    enlarged = functional.interpolate(cells, (rows + 10, cols + 10), mode="bilinear")
    masks = enlarged[:, :, shift : shift + rows, shift : shift + cols]
    summed = scores.T.to(masks.dtype) @ masks.reshape(len(scores), -1)
    return image * masks, summed.reshape(-1, rows, cols)


def own_shifts(
    image: torch.Tensor, scores: torch.Tensor, grid: int, sizes: tuple[int, int]
) -> tuple[torch.Tensor, torch.Tensor]:
    """The same with a shift for every mask, as RISE has it: a gather.

    Args:
        image: (C, H, W).
        scores: (M, L) of the masks.
        grid: Cells per axis.
        sizes: (H, W).

    Returns:
        (M, C, H, W) and (L, H, W).
    """
    rows, cols = sizes
    count, device = len(scores), image.device
    cells = (torch.rand(count, 1, grid, grid, device=device) < 0.5).to(image.dtype)
    enlarged = functional.interpolate(cells, (rows + 10, cols + 10), mode="bilinear")
    shifts = torch.randint(0, 11, (2, count, 1, 1), device=device)
    y = shifts[0] + torch.arange(rows, device=device)[:, None]
    x = shifts[1] + torch.arange(cols, device=device)
    masks = enlarged[torch.arange(count, device=device)[:, None, None], 0, y, x][:, None]
    summed = scores.T.to(masks.dtype) @ masks.reshape(count, -1)
    return image * masks, summed.reshape(-1, rows, cols)
