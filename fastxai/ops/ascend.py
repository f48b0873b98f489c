"""The vendor package of Ascend C kernels: found or not, and its ops as MindSpore primitives.

How it is built and installed: docs/ascend.md. Neither the package nor these calls ever ran on an
NPU; the kernels are tested on an emulator (tests/ascend).
"""

from __future__ import annotations

import os
import re
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

OPS = ("FastxaiMaskedProduct", "FastxaiSaliencyAccumulate", "FastxaiOcclusionFill")
# What explainers call: they look at the scores of every batch on the host, and sum them there.
CALLED = ("FastxaiMaskedProduct", "FastxaiOcclusionFill")

_Shape = tuple[int, ...]


def find_package() -> Path | None:
    """Folder of the vendor package with the ops that explainers call.

    MindSpore and CANN look first into the folders of ASCEND_CUSTOM_OPP_PATH in their order, then
    into those of ASCEND_OPP_PATH/vendors by the `load_priority` of its config.ini.
    """
    for folder in _vendor_folders():
        if all((folder / "op_api/include" / f"{_snake(op)}.h").is_file() for op in CALLED):
            return folder
    return None


def _vendor_folders() -> Iterator[Path]:
    for entry in os.environ.get("ASCEND_CUSTOM_OPP_PATH", "").split(":"):
        if entry:
            yield Path(entry)
    home = os.environ.get("ASCEND_OPP_PATH")
    config = Path(home or "", "vendors/config.ini")
    if home is None or not config.is_file():
        return
    for line in config.read_text(encoding="utf-8", errors="replace").splitlines():
        name, _, value = line.partition("=")
        if name.strip() == "load_priority":
            yield from (config.parent / vendor.strip() for vendor in value.split(",") if vendor)
            return


def _snake(op: str) -> str:
    """Name of the generated interface: aclnn_fastxai_masked_product."""
    return "aclnn" + re.sub(r"([A-Z])", r"_\1", op).lower()


def _custom(op: str, out_shape: Callable[..., Any], out_dtype: Callable[..., Any]) -> Any:
    from mindspore import ops

    primitive = ops.Custom(f"aclnn{op}", out_shape=out_shape, out_dtype=out_dtype, func_type="aot")
    primitive.add_prim_attr("fastxai_key", op)
    return primitive


def masked_product() -> Any:
    """Primitive (image, base, cells, shifts, rows, row_weights, cols, col_weights) -> images.

    image (C, H, W), base (C,) or (C, H, W), cells (M, h, w) and the weights (2, up) are float32,
    shifts (M, 2), rows (2, up rows) and cols (2, up columns) int32; `cols` counts bytes, four to
    a cell. The result is (M, C, H, W) float32.
    """

    def shape(image: _Shape, base: _Shape, cells: _Shape, *taps: _Shape) -> _Shape:
        return (cells[0], *image)

    def dtype(image: object, *others: object) -> object:
        return image

    return _custom(OPS[0], shape, dtype)


def saliency_accumulate() -> Any:
    """Primitive (scores, cells, shifts, count, sums, moments) -> sums, moments.

    scores (M, T + 1) float32, its last column 1, must be finite; cells (M, h, w) float32, shifts
    (M, 2) int32, count (1,) int32: masks that count. sums (2, T + 1, Sr, Sc, h, w) and moments
    (2, 2, T + 1) are float32 pairs: the value is the sum of both halves of axis 0.
    """

    def shapes(
        scores: _Shape, cells: _Shape, shifts: _Shape, count: _Shape, sums: _Shape, moments: _Shape
    ) -> tuple[_Shape, _Shape]:
        return tuple(sums), tuple(moments)

    def dtypes(scores: object, *others: object) -> tuple[object, object]:
        return scores, scores

    return _custom(OPS[1], shapes, dtypes)


def occlusion_fill() -> Any:
    """Primitive (image, base, windows, geometry) -> images (M, C, H, W) float32.

    image (C, H, W) and base, (C,) or (C, H, W), are float32; windows (M,) int64 are numbers
    of windows, others cover nothing; geometry (4,) int64 is rows and columns of a
    window, row and column stride.
    """

    def shape(image: _Shape, base: _Shape, windows: _Shape, geometry: _Shape) -> _Shape:
        return (windows[0], *image)

    def dtype(image: object, *others: object) -> object:
        return image

    return _custom(OPS[2], shape, dtype)
