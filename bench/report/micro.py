"""Tables of ops.json (bench.micro.ops), and what each device reaches of its ceiling."""

from __future__ import annotations

from typing import Any

from bench.micro.op_costs import FORMULAS
from bench.micro.ops import BATCH, SIZE, sweeps
from bench.report.table import spread, table

Row = dict[str, Any]


def gb_per_s(row: Row, name: str) -> float:
    """Bytes the operator writes, over the seconds of a contender."""
    return float(row["written_bytes"] / row["seconds"][name]["median"] / 1e9)


def sweep_rows(result: Row, op: str, sweep: str) -> list[Row]:
    """Rows of an operator, in the order in which `sweep` grows."""
    found = {
        (row["size"], row["batch"], row["masks"]): row
        for row in result["results"]
        if row["op"] == op
    }
    return [found[point] for point in sweeps(op).get(sweep, []) if point in found]


def _cell(row: Row) -> str:
    own, most = gb_per_s(row, row["op"]), gb_per_s(row, row["ceiling"])
    each = row["seconds"][row["op"]]["median"] / row["masks"] * 1e6
    return f"{own:.2f} of {most:.1f}; {each:.2f} µs"


def _sweep(result: Row, sweep: str, names: dict[int, str], field: str) -> str:
    rows = []
    for op, formula in FORMULAS.items():
        found = {row[field]: _cell(row) for row in sweep_rows(result, op, sweep)}
        if found:
            rows.append([f"`{op}`", formula.unit, *(found.get(value, "") for value in names)])
    picture = f"![GB/s of operators and of the fill, by {sweep}](images/ops_cpu_{sweep}.png)\n"
    return table(["operator", "each", *names.values()], rows) + "\n" + picture


def by_size(result: Row) -> str:
    """GB/s against the ceiling and microseconds each, by image size, and the picture."""
    sizes = sorted({row["size"] for row in result["results"]})
    return _sweep(result, "size", {n: f"{n}×{n}" for n in sizes}, "size")


def by_batch(result: Row) -> str:
    """The same, by masks, windows, copies or maps of a call."""
    batches = sorted({row["batch"] for row in result["results"] if row["size"] == SIZE})
    return _sweep(result, "batch", {n: f"{n} a call" for n in batches}, "batch")


def by_masks(result: Row) -> str:
    """The same, by masks, windows or copies of a run in batches."""
    rows = (row for row in result["results"] if row["size"] == SIZE and row["batch"] == BATCH)
    return _sweep(
        result, "masks", {n: f"{n} in all" for n in sorted({r["masks"] for r in rows})}, "masks"
    )


def costs() -> str:
    """Bytes and operations of one call, in words. Not measured: derived from the kernels."""
    rows = [
        [f"`{op}`", formula.written, formula.read, formula.operations]
        for op, formula in FORMULAS.items()
    ]
    return table(["operator", "bytes written", "bytes read", "operations"], rows)


def roofline(result: Row) -> str:
    """Where every operator stands on the CPU, at the usual point."""
    rows = []
    for op in FORMULAS:
        for row in sweep_rows(result, op, "size"):
            if row["size"] != SIZE:
                continue
            moved = row["written_bytes"] + row["read_bytes"]
            seconds = row["seconds"][op]["median"]
            rows.append(
                [
                    f"`{op}`",
                    f"{row['written_bytes'] / 1e6:.3f}",
                    f"{row['read_bytes'] / 1e6:.3f}",
                    f"{row['operations'] / 1e6:.2f}",
                    f"{row['operations'] / moved:.2f}",
                    f"{gb_per_s(row, op):.2f}",
                    f"{gb_per_s(row, row['ceiling']):.1f} ({row['ceiling']})",
                    spread(row["share_of_ceiling"], ".2f"),
                    f"{row['operations'] / seconds / 1e9:.2f}",
                ]
            )
    head = ["operator", "MB written", "MB read", "Mop", "operations a byte", "GB/s written"]
    return table([*head, "ceiling GB/s", "share of the ceiling", "Gop/s"], rows)


def roofline_cuda(result: Row) -> str:
    """The masked product of gpu.json against the device's fill; the others have none there."""
    rows = [
        [
            f"`masked_product`, {row['dtype']}, {row['layout']}, {row['design']}",
            f"{row['gb_per_s']['product']:.0f}",
            f"{max(row['gb_per_s']['fill'], row['gb_per_s']['zero']):.0f}",
            spread(row["share_of_fill"], ".2f"),
        ]
        for row in result["results"]["products"]
    ]
    return table(["operator", "GB/s written", "ceiling GB/s", "share of the ceiling"], rows)
