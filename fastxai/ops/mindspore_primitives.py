"""The native ops as MindSpore primitives (`ops.Custom`, ahead-of-time compiled).

They run in PYNATIVE_MODE, under `ms.jit` and in GRAPH_MODE. What varies from call to call (seed,
mask index, windows) comes in a small int64 tensor from `MaskSpec.params` or `OcclusionSpec.params`,
so nothing is compiled again; what fixes an output shape is an argument of the functions here.

A primitive is made for MindSpore's `device_target` at that moment: from the CUDA library where that
is 'GPU', where three of them have their workspace as a second output, else from the CPU's. On a GPU
these never ran; docs/gpu.md says what was tested.

A number out of range in such a tensor does not end the call: MindSpore would never run the compiled
graph again. The outputs are NaN, 255 in uint8 and -1 in other integers, and a line on stderr says
why; `saliency_accumulate` says it in `bad_row` and returns its inputs. A dtype or shape that does
not fit is a RuntimeError of the call. `MaskSpec` and `OcclusionSpec` check what they put into
`params`; images and base values are taken as they are.

MindSpore keeps single-op graphs by the primitive's name and attributes, not by its output shape
(shared notes, custom ops 1.7): every primitive therefore carries a key made of all that fixes it.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import mindspore as ms
from mindspore import ops

from fastxai.ops.native import native

_Shape = tuple[int, ...]


def _on_gpu() -> bool:
    return str(ms.get_context("device_target")) == "GPU"


def _library() -> tuple[str | None, str]:
    """File of the library for MindSpore's device, and that device."""
    if not _on_gpu():
        return native().__file__, "cpu"
    from fastxai.ops.cuda.library import library

    return library().path, "cuda"


def _custom(symbol: str, key: str, out_shape: Callable[..., Any], out_dtype: object) -> ops.Custom:
    path, device = _library()
    if path is None or ":" in path:
        raise RuntimeError(f"MindSpore cannot load native ops from a path with a colon: {path}")
    op = ops.Custom(f"{path}:{symbol}", out_shape=out_shape, out_dtype=out_dtype, func_type="aot")
    op.add_prim_attr("fastxai_key", f"{device}/{symbol}/{key}")
    return op


def mask_grid(count: int, grid: tuple[int, int]) -> ops.Custom:
    """Primitive (params (25,) int64) -> cells (count, h, w) uint8, shifts (count, 2) int32."""

    def shapes(params: _Shape) -> tuple[_Shape, _Shape]:
        return (count, *grid), (count, 2)

    def dtypes(params: object) -> tuple[object, object]:
        return ms.uint8, ms.int32

    return _custom("fastxai_mask_grid", f"{count}x{grid[0]}x{grid[1]}", shapes, dtypes)


def mask_upsample(size: tuple[int, int]) -> ops.Custom:
    """Primitive (cells, shifts, up_size (2,) int64) -> masks (M, 1, H, W) float32."""

    def shape(cells: _Shape, shifts: _Shape, up_size: _Shape) -> _Shape:
        return (cells[0], 1, *size)

    def dtype(cells: object, shifts: object, up_size: object) -> object:
        return ms.float32

    return _custom("fastxai_mask_upsample", f"{size[0]}x{size[1]}", shape, dtype)


def masked_product(
    count: int, dtype: object = ms.float32, grid: tuple[int, int] = (10, 10)
) -> ops.Custom:
    """Primitive (image (C, H, W), base, params (25,)) -> (count, C, H, W).

    `image` and `base`, (C,) or (C, H, W), are float32. `dtype` is float32, float16 or
    bfloat16. Rows past the count in `params` hold further masks.

    On a GPU there is a second output, the workspace, float64 (n,), for masks of at most `grid`
    cells; params of more rows than that make the copies NaN.
    """
    gpu = _on_gpu()

    def shape(image: _Shape, base: _Shape, params: _Shape) -> tuple[Any, ...]:
        copies = (count, *image)
        if not gpu:
            return copies
        from fastxai.ops.cuda import masked_product_workspace

        return copies, (masked_product_workspace(copies, grid),)

    def out(image: object, base: object, params: object) -> object:
        return (dtype, ms.float64) if gpu else dtype

    return _custom("fastxai_masked_product", f"{count}/{dtype}/{grid}", shape, out)


def saliency_accumulate() -> ops.Custom:
    """Primitive (scores, targets, params, sums, moments) -> sums, moments, bad_row.

    `scores` is (M, K) float32, `targets` (T,) int64 are the columns of it to sum. `sums`
    (T + 1, Sr, Sc, h, w) and `moments` (T + 1, 2) are float64; see `fastxai.ops.SaliencySums`.
    `bad_row` (1,) int64 is the row of the first score that is not finite; -2 for a target outside
    0 .. K - 1; -3 for `params` out of range or of other sums. Nothing was added unless it is -1.
    """

    def shapes(
        scores: _Shape, targets: _Shape, params: _Shape, sums: _Shape, moments: _Shape
    ) -> tuple[_Shape, ...]:
        return tuple(sums), tuple(moments), (1,)

    def dtypes(
        scores: object, targets: object, params: object, sums: object, moments: object
    ) -> tuple[object, ...]:
        return ms.float64, ms.float64, ms.int64

    return _custom("fastxai_saliency_accumulate", "", shapes, dtypes)


def saliency_expand(size: tuple[int, int]) -> ops.Custom:
    """Primitive (sums (T, Sr, Sc, h, w) float64) -> maps (T, H, W) float64.

    On a GPU there is a second output, the workspace (T, Sr, h, W) float64.
    """
    gpu = _on_gpu()

    def shape(sums: _Shape) -> tuple[Any, ...]:
        maps = (sums[0], *size)
        return (maps, (sums[0], sums[1], sums[3], size[1])) if gpu else maps

    def dtype(sums: object) -> object:
        return (ms.float64, ms.float64) if gpu else ms.float64

    return _custom("fastxai_saliency_expand", f"{size[0]}x{size[1]}", shape, dtype)


def occlusion_fill(count: int) -> ops.Custom:
    """Primitive (image (C, H, W), base, params (6,)) -> (count, C, H, W).

    `image` and `base`, (C,) or (C, H, W), are float32.
    """

    def shape(image: _Shape, base: _Shape, params: _Shape) -> _Shape:
        return (count, *image)

    def dtype(image: object, base: object, params: object) -> object:
        return ms.float32

    return _custom("fastxai_occlusion_fill", f"{count}", shape, dtype)


def occlusion_sum(size: tuple[int, int]) -> ops.Custom:
    """Primitive (drops (T, P) float64, params (6,) int64) -> maps (T, H, W) float64.

    On a GPU there is a second output, the workspace (T, 2 P + 2) float64.
    """
    gpu = _on_gpu()

    def shape(drops: _Shape, params: _Shape) -> tuple[Any, ...]:
        maps = (drops[0], *size)
        return (maps, (drops[0], 2 * drops[1] + 2)) if gpu else maps

    def dtype(drops: object, params: object) -> object:
        return (ms.float64, ms.float64) if gpu else ms.float64

    return _custom("fastxai_occlusion_sum", f"{size[0]}x{size[1]}", shape, dtype)


def pixel_fill(count: int) -> ops.Custom:
    """Primitive (image, base, ranks (H, W) int32, intervals, params) -> (count, C, H, W).

    `image` (C, H, W) and `base`, (C,) or (C, H, W), are float32, `intervals`
    (count, 2) int64 and `params` (1,) int64: 0 to cover the ranks inside an interval, 1 those
    outside; see `fastxai.ops.pixel_fill`.

    Raises:
        RuntimeError: On a GPU, for which there is no kernel.
    """
    if _on_gpu():
        raise RuntimeError("pixel_fill: there is no CUDA kernel of it.")

    def shape(
        image: _Shape, base: _Shape, ranks: _Shape, intervals: _Shape, params: _Shape
    ) -> _Shape:
        return (count, *image)

    def dtype(
        image: object, base: object, ranks: object, intervals: object, params: object
    ) -> object:
        return ms.float32

    return _custom("fastxai_pixel_fill", f"{count}", shape, dtype)
