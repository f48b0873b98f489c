"""Faults planted into fastxai's Ascend kernels: a change of the source, and what must be said."""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path

from tests.ascend._emulator import kernel_source


@dataclass(frozen=True)
class Fault:
    """One wrong kernel: each old text, found once, becomes the new one."""

    op: str
    name: str
    changes: tuple[tuple[str, str], ...]
    message: str  # what the emulator says

    @property
    def entry(self) -> str:
        """Name of the kernel's function."""
        return "fault_" + re.sub(r"\W+", "_", f"{self.op} {self.name}")


def _fault(op: str, name: str, old: str, new: str, message: str) -> Fault:
    return Fault(op, name, ((old, new),), message)


_OUT = "batch_out_.EnQue(out);\n    out = batch_out_.DeQue<float>();"
_PIXELS = "queue.EnQue(pixels);\n    return queue.DeQue<float>();"
_BLEND = "PipeBarrier<PIPE_V>();\n    Add(out, out, term, lanes);"
_RIGHT = "part_.EnQue(part);\n    part = part_.DeQue<float>();"

FAULTS = [
    _fault(
        "masked_product", "misaligned copy",
        "DataCopyPad(pixels[c * item.rows * item.pitch]",
        "DataCopyPad(pixels[c * item.rows * item.pitch + 3]",
        "not aligned to 32 bytes",
    ),
    _fault(
        "masked_product", "copy that is no whole block",
        "DataCopyPad(out_[at], out, rows_of(item.rows, item.cols, 0, gap))",
        "DataCopy(out_[at], out, gap + item.cols)",
        "no multiple of 32",
    ),
    _fault(
        "masked_product", "buffer too small",
        "pipe_.InitBuffer(batch_out_, 2, plane)", "pipe_.InitBuffer(batch_out_, 2, plane / 2)",
        "runs over its buffer",
    ),
    _fault(
        "masked_product", "unified buffer overflow",
        "pipe_.InitBuffer(rest_, plane)", "pipe_.InitBuffer(rest_, 9 * plane)",
        "unified buffer overflows: [0-9]+ bytes of 188160",
    ),
    _fault(
        "masked_product", "missing DeQue",
        _PIXELS, "queue.EnQue(pixels);\n    return pixels;",
        "used after EnQue",
    ),
    _fault(
        "masked_product", "no wait for a copy in",
        _PIXELS, "return pixels;",
        "Mul on pipe V: a write by pipe MTE2",
    ),
    _fault(
        "masked_product", "no wait before a copy out",
        _OUT, "",
        "DataCopyPad on pipe MTE3: a write by pipe V",
    ),
    _fault(
        "masked_product", "missing barrier",
        _BLEND, "Add(out, out, term, lanes);",
        "Add on pipe V: a write by pipe V",
    ),
    _fault(
        "masked_product", "missing FreeTensor",
        "batch_out_.FreeTensor(out);", "",
        "none of the 2 buffers",
    ),
    _fault(
        "masked_product", "tensor freed before its copy",
        "DataCopyPad(out_[at], out, rows_of(item.rows, item.cols, 0, gap));\n"
        "    batch_out_.FreeTensor(out);",
        "batch_out_.FreeTensor(out);\n"
        "    DataCopyPad(out_[at], out, rows_of(item.rows, item.cols, 0, gap));",
        "used after EnQue or FreeTensor",
    ),
    _fault(
        "masked_product", "queue deeper than it says",
        "TQue<QuePosition::VECIN, 2> cells_in_;", "TQue<QuePosition::VECIN, 1> cells_in_;",
        "queue of depth 1 is full",
    ),
    _fault(
        "masked_product", "wrong tail of rows",
        "smaller(t_.tile_rows, t_.rows - item.row)", "t_.tile_rows",
        "outside its tensor|written twice",
    ),
    _fault(
        "masked_product", "a column forgotten",
        "smaller(t_.tile_cols, t_.cols - item.col)",
        "smaller(t_.tile_cols, t_.cols - item.col) - 1",
        "is never written",
    ),
    _fault(
        "masked_product", "padding left as it was",
        "rows_of(item.rows, item.cols, gap, 0), zeros_after<float>(item.cols)",
        "rows_of(item.rows, item.cols, gap, 0), {false, 0, 0, 0}",
        "Mul reads byte [0-9]+ of the unified buffer, never written",
    ),
    _fault(
        "masked_product", "gather past its source",
        "static_cast<uint32_t>(row) * t_.grid_cols",
        "static_cast<uint32_t>(row + 9) * t_.grid_cols",
        "lies outside the source",
    ),
    _fault(
        "masked_product", "shift as a place in the unified buffer",
        "Gather(low, cells, offsets, from, item.pitch);",
        "Gather(low, cells, offsets[shifts_.GetValue(2 * item.mask + 1)], from, item.pitch);",
        "not aligned to 32 bytes",
    ),
    _fault(
        "masked_product", "type the unit does not have",
        "Muls(rest, mask, -1.0f, lanes);",
        "Muls(rest.ReinterpretCast<uint32_t>(), mask.ReinterpretCast<uint32_t>(), 1u, lanes);",
        "Muls has no form for this type",
    ),
    _fault(
        "masked_product", "blocks that overlap",
        "const Share share = share_of(tiles * t_.masks);",
        "Share share = share_of(tiles * t_.masks);\n    share.last += GetBlockIdx() == 0 ? 1 : 0;",
        "written twice, by block",
    ),
    _fault(
        "masked_product", "shift forgotten at the end of an axis",
        "cols_[item.col + shift], both", "cols_[t_.up_cols + item.col + shift], both",
        "outside its tensor",
    ),
    _fault(
        "saliency_accumulate", "missing barrier in the sum of a pair",
        "PipeBarrier<PIPE_V>();\n  Sub(error, high, error, n);", "Sub(error, high, error, n);",
        "Sub on pipe V: a write by pipe V",
    ),
    _fault(
        "saliency_accumulate", "missing DeQue of a mask",
        "cells_in_.EnQue(cells);\n    cells = cells_in_.DeQue<float>();", "cells_in_.EnQue(cells);",
        "used after EnQue",
    ),
    _fault(
        "saliency_accumulate", "result not handed to the copy",
        "sums_out_.EnQue(pair);\n    pair = sums_out_.DeQue<float>();", "",
        "pipe MTE3: a write by pipe V",
    ),
    _fault(
        "saliency_accumulate", "moments by every block",
        "const Share rows = share_of(pieces(t_.targets, t_.moment_targets));",
        "const Share rows = {0, pieces(t_.targets, t_.moment_targets)};",
        "written twice, by block",
    ),
    _fault(
        "saliency_accumulate", "shift left out of the sums' place",
        "* t_.shifts + p.shift) * t_.cells + p.from", "* t_.shifts) * t_.cells + p.from",
        "written twice",
    ),
    _fault(
        "saliency_accumulate", "sums kept in their input",
        "DataCopyPad(new_sums_[k * half + at]", "DataCopyPad(sums_[k * half + at]",
        "writes to its input",
    ),
    _fault(
        "occlusion", "no wait between copy in and copy out",
        _RIGHT, "",
        "DataCopyPad on pipe MTE3: a write by pipe MTE2",
    ),
    _fault(
        "occlusion", "window written over the copy",
        "DataCopyPad(out_[at], pixels_, rows_of(w.top, cols, 0, gap(cols)));",
        "DataCopyPad(out_[at], pixels_, rows_of(tile_.rows, cols, 0, gap(cols)));",
        "written twice",
    ),
    _fault(
        "occlusion", "right part from the unified buffer",
        "DataCopyPad(out_[band + begin], part,",
        "DataCopyPad(out_[band + begin], pixels_[begin],",
        "not aligned to 32 bytes",
    ),
    _fault(
        "occlusion", "tile never given back",
        "if (k != share.first) release();", "",
        "none of the 1 buffers",
    ),
    _fault(
        "occlusion", "wrong gap after a piece",
        "rows_of(height, width, 0, gap(width))", "rows_of(height, width, 0, gap(width) + 4)",
        "outside its tensor|written twice",
    ),
    _fault(
        "occlusion", "cover not handed to the copy",
        "cover_.EnQue(covered_);\n    covered_ = cover_.DeQue<float>();", "",
        "DataCopyPad on pipe MTE3: a write by pipe V",
    ),
]  # fmt: skip


def write_faulty(op: str, folder: Path) -> Path:
    """One source with all wrong kernels of an op, each in a namespace of its own."""
    text = kernel_source(op).read_text()
    includes = "".join(re.findall(r"^#include.*\n", text, re.M))
    parts = [includes]
    for fault in (fault for fault in FAULTS if fault.op == op):
        changed = re.sub(r"^#include.*\n", "", text, flags=re.M)
        for old, new in fault.changes:
            assert changed.count(old) == 1, f"{fault.name}: {changed.count(old)} times in {op}"
            changed = changed.replace(old, new)
        changed = re.sub(r"(__aicore__ void )\w+\(", rf"\1{fault.entry}(", changed)
        opening = (
            f"namespace of_{fault.entry} {{\nnamespace fastxai {{ using namespace ::fastxai; }}"
        )
        parts.append(f"{opening}\n{changed}}}\n")
    path = folder / f"faulty_{op}.cpp"
    path.write_text("".join(parts))
    return path
