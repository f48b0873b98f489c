"""Plots of ops.json: throughput of every operator and its ceiling, as its work grows."""

from __future__ import annotations

import math
from pathlib import Path
from typing import Any

from bench.micro.op_costs import FORMULAS
from bench.report.micro import gb_per_s, sweep_rows

# sweep: field of a row, and what the axis says
SWEEPS = {
    "size": ("size", "rows and columns of the image"),
    "batch": ("batch", "masks, windows, copies or maps of a call"),
    "masks": ("masks", "masks, windows or copies of a run, 32 a call"),
}
# What a row calls it: how it is drawn.
_LINES: dict[str, tuple[str, dict[str, Any]]] = {
    "ceiling": ("fill: the ceiling", {"color": "0.4", "marker": ".", "linestyle": "--"}),
    "op": ("operator", {"color": "C0", "marker": "o"}),
}


def names() -> list[str]:
    """Files that `draw` writes."""
    return [f"ops_cpu_{sweep}.png" for sweep in SWEEPS]


def draw(result: dict[str, Any], folder: Path) -> list[Path]:
    """Writes a picture for every sweep into a folder that exists, and returns their paths."""
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    paths = []
    for name, sweep in zip(names(), SWEEPS, strict=True):
        shown = {op: sweep_rows(result, op, sweep) for op in FORMULAS}
        shown = {op: rows for op, rows in shown.items() if rows}
        figure = Figure(figsize=(9.6, 2.4 * -(-max(1, len(shown)) // 3)), layout="constrained")
        FigureCanvasAgg(figure)
        _panels(figure, shown, sweep)
        paths.append(folder / name)
        figure.savefig(paths[-1], dpi=90, metadata={"Software": None})
    return paths


def _decades(shown: dict[str, list[dict[str, Any]]]) -> tuple[float, float]:
    """Powers of ten around all that is shown, so that panels can be compared."""
    values = [gb_per_s(row, row[key]) for rows in shown.values() for row in rows for key in _LINES]
    return 10.0 ** math.floor(math.log10(min(values))), 10.0 ** math.ceil(math.log10(max(values)))


def _panels(figure: Any, shown: dict[str, list[dict[str, Any]]], sweep: str) -> None:
    field, says = SWEEPS[sweep]
    for number, (op, rows) in enumerate(shown.items()):
        axes = figure.add_subplot(-(-len(shown) // 3), 3, number + 1)
        places = [row[field] for row in rows]
        for key, (label, style) in _LINES.items():
            axes.plot(places, [gb_per_s(row, row[key]) for row in rows], label=label, **style)
        axes.set(title=op, xscale="log", yscale="log", ylim=_decades(shown))
        axes.set_xticks(places, [str(place) for place in places])
        axes.minorticks_off()
        axes.grid(alpha=0.3)
    if shown:
        figure.axes[0].legend(fontsize="small")
    figure.supxlabel(says)
    figure.supylabel("GB/s written")
