"""Every CUDA kernel once, on small sizes: what bench/gpu.sh runs under compute-sanitizer.

python -m bench.micro.gpu_kernels
"""

from __future__ import annotations

from typing import Any

import torch

from fastxai.ops import MaskSpec, OcclusionSpec, SaliencySums, cuda

SPECS = [
    MaskSpec(1, (32, 48)),
    MaskSpec(2, (32, 48), design="oa128"),
    MaskSpec(3, (17, 23), (40, 33), 0.3, (70, 3)),
    MaskSpec(4, (17, 23), (9, 14), 0.5, (66, 2), "oa128"),
    MaskSpec(5, (32, 48), design="placed"),
    MaskSpec(6, (32, 48), (5, 7), design="lattice"),
]
WINDOWS = OcclusionSpec((32, 48), (5, 7), (3, 4))


def _batch(count: int, size: tuple[int, int], dtype: Any, channels_last: bool) -> torch.Tensor:
    order = torch.channels_last if channels_last else torch.contiguous_format
    return torch.empty((count, 3, *size), dtype=dtype, device="cuda", memory_format=order)


def _masks(spec: MaskSpec) -> None:
    count, stream = 9, torch.cuda.current_stream()
    image = torch.randn((3, *spec.size), device="cuda")
    base = torch.zeros(3, device="cuda")
    size = cuda.masked_product_workspace((count, 3, *spec.size), spec.grid)
    space = torch.empty(size, dtype=torch.float64, device="cuda")
    for dtype in (torch.float32, torch.float16, torch.bfloat16):
        for channels_last in (False, True):
            out = _batch(count, spec.size, dtype, channels_last)
            cuda.masked_product(image, base, spec, 122, out, space, stream=stream)
    cells = torch.empty((count, *spec.grid), dtype=torch.uint8, device="cuda")
    shifts = torch.empty((count, 2), dtype=torch.int32, device="cuda")
    cuda.mask_grid(spec, 122, cells, shifts, stream=stream)
    masks = torch.empty((count, 1, *spec.size), device="cuda")
    cuda.mask_upsample(cells, shifts, spec.up_size, masks, stream=stream)
    doubles = {"dtype": torch.float64, "device": "cuda"}
    empty = SaliencySums.zeros(spec, 2)
    sums, moments = (torch.from_numpy(a).cuda() for a in (empty.sums, empty.moments))
    bad = torch.empty(1, dtype=torch.int64, device="cuda")
    scores = torch.rand((150, 2), device="cuda")
    cuda.saliency_accumulate(scores, spec, 100, sums, moments, bad, stream=stream)
    maps = torch.empty((3, *spec.size), **doubles)
    shape = tuple(sums.shape)
    workspace = torch.empty(cuda.saliency_expand_workspace(shape, spec.size), **doubles)
    cuda.saliency_expand(sums, maps, workspace, stream=stream)


def _windows() -> None:
    stream = torch.cuda.current_stream()
    image, base = torch.randn((3, *WINDOWS.size), device="cuda"), torch.zeros(3, device="cuda")
    for dtype in (torch.float32, torch.bfloat16):
        for channels_last in (False, True):
            out = _batch(7, WINDOWS.size, dtype, channels_last)
            cuda.occlusion_fill(image, base, WINDOWS, -1, out, stream=stream)
            cuda.occlusion_patch(out, image, base, WINDOWS, -1, 6, stream=stream)
    doubles = {"dtype": torch.float64, "device": "cuda"}
    drops = torch.rand((2, WINDOWS.num_windows), **doubles)
    maps = torch.empty((2, *WINDOWS.size), **doubles)
    workspace = torch.empty(cuda.occlusion_sum_workspace(2, WINDOWS), **doubles)
    cuda.occlusion_sum(drops, WINDOWS, maps, workspace, stream=stream)


def main() -> None:
    """Runs everything."""
    for spec in SPECS:
        _masks(spec)
    _windows()
    torch.cuda.synchronize()
    print("every kernel ran")


if __name__ == "__main__":
    main()
