"""Charts of the pages: three that open docs/performance.md, and the operators' throughput.

A chart's file carries a digest of the figures it shows, so that a stale one is found without
drawing it: pixels differ between versions of matplotlib.
"""

from __future__ import annotations

import hashlib
import json
import math
from collections.abc import Callable
from pathlib import Path
from typing import Any, NamedTuple

from bench.micro.op_costs import FORMULAS
from bench.report.micro import gb_per_s, sweep_rows
from bench.report.quality import NETWORKS
from bench.report.table import Row

_OURS, _THEIRS = "C0", "0.65"


class Chart(NamedTuple):
    """Horizontal bars on a logarithmic axis."""

    title: str
    source: str
    axis: str
    bars: Callable[[Row], dict[str, float]]  # label: value; fastxai's begin with 'fastxai'
    sentence: Callable[[Row], str]  # what it shows


class Drawing(NamedTuple):
    """A chart with its data."""

    data: Any  # what is shown, for the digest
    draw: Callable[[Any], None]  # into a figure
    height: float  # inches

    @property
    def digest(self) -> str:
        """Of the data."""
        return hashlib.sha256(json.dumps(self.data, sort_keys=True).encode()).hexdigest()[:16]


def _rates(result: Row) -> dict[str, float]:
    turns = [row for row in result["results"]["turns"] if row["explainer"] == "rise"]
    bars = {row["title"]: row["images"] / row["seconds"]["median"] for row in turns}
    slow = next(row for row in result["results"]["installed"] if row["explainer"] == "rise")
    bars["mindspore_xai 1.8.1, as installed"] = slow["images_per_s"]
    plain = str.maketrans({"`": None})
    return {
        name.translate(plain).replace(" where OpenVINO chooses it", ""): value
        for name, value in bars.items()
    }


def _rates_sentence(result: Row) -> str:
    row = next(row for row in result["results"]["turns"] if row["title"] == "fastxai: OpenVINO")
    bars, cores = _rates(result), result["machine"]["usable_cores"]
    by = bars["fastxai: OpenVINO"]
    return (
        f"RISE of ResNet50 scores {by:.0f} images a second by OpenVINO on {cores} cores: "
        f"{row['times_peer']['median']:.1f} times as many as mindspore_xai with "
        "`ONEDNN_MAX_CPU_ISA=AVX2`, and "
        f"{by / bars['mindspore_xai 1.8.1, as installed']:.0f} times as many as without it."
    )


def _seconds(result: Row) -> dict[str, float]:
    bars = {}
    for row in result["results"]:
        on = NETWORKS[row["network"]].split(",")[0].replace("of an eighth of the width", "(1/8)")
        bars[f"fastxai, {on}"] = row["seconds"]["fastxai"]["median"]
        bars[f"mindspore_xai, {on}"] = row["seconds"]["mindspore_xai"]["median"]
        bars[f"mindspore_xai as installed, {on}"] = row["installed_s"]
    return bars


def _seconds_sentence(result: Row) -> str:
    least = min(row["times"]["median"] for row in result["results"])
    masks = " and ".join(str(row["masks"]) for row in result["results"])
    return (
        f"A map as good as mindspore_xai's of 6000 masks needs {masks} of fastxai's masks and at "
        f"least {least:.0f} times less time, on the networks that were measured."
    )


def _micros(result: Row) -> dict[str, float]:
    names = {
        "fastxai_ops": "fastxai, operators alone",
        "fastxai_rise": "fastxai, RISE",
        "peer_masks": "mindspore_xai, masks alone",
        "peer_rise": "mindspore_xai, RISE",
    }
    found = result["results"][0]["wall"]["us_per_mask"]
    return {title: found[name]["median"] for name, title in names.items() if name in found}


def _micros_sentence(result: Row) -> str:
    bars = _micros(result)
    return (
        f"Beside the network, a mask costs RISE {bars['fastxai, RISE']:.1f} µs on one core; "
        f"mindspore_xai takes {bars['mindspore_xai, RISE']:.0f} µs."
    )


CHARTS = {
    "chart_speed.png": Chart(
        "RISE of ResNet50, 224×224", "libraries", "images scored a second", _rates, _rates_sentence
    ),
    "chart_quality.png": Chart(
        "Time to a map as good as mindspore_xai's of 6000 masks",
        "to_quality",
        "seconds",
        _seconds,
        _seconds_sentence,
    ),
    "chart_mask.png": Chart(
        "RISE without a network, one core, PYNATIVE",
        "hot_path",
        "microseconds a mask",
        _micros,
        _micros_sentence,
    ),
}
# sweep: what the axis says
SWEEPS = {
    "size": "rows and columns of the image",
    "batch": "masks, windows, copies or maps of a call",
    "masks": "masks, windows or copies of a run, 32 a call",
}


def drawings(results: dict[str, Row]) -> dict[str, Drawing]:
    """Every chart whose result is there, by file."""
    found = {
        file: _bars(chart, chart.bars(results[chart.source]))
        for file, chart in CHARTS.items()
        if chart.source in results
    }
    for sweep in SWEEPS if "ops" in results else ():
        shown = {op: sweep_rows(results["ops"], op, sweep) for op in FORMULAS}
        found[f"ops_cpu_{sweep}.png"] = _sweep({k: v for k, v in shown.items() if v}, sweep)
    return found


def digest_in(path: Path) -> str | None:
    """The digest in a file; None where there is no file, or none in it."""
    from PIL import Image

    if not path.exists():
        return None
    with Image.open(path) as image:
        found = image.info.get("Digest")
    return None if found is None else str(found)


def save(drawing: Drawing, path: Path) -> None:
    """Draws into a PNG file in a folder that exists."""
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    figure = Figure(figsize=(9.6, drawing.height), layout="constrained")
    FigureCanvasAgg(figure)
    drawing.draw(figure)
    metadata = {"Software": None, "Digest": drawing.digest}
    figure.savefig(path, dpi=90, metadata=metadata, pil_kwargs={"optimize": True})


def _bars(chart: Chart, bars: dict[str, float]) -> Drawing:
    def draw(figure: Any) -> None:
        axes = figure.add_subplot()
        names = list(bars)[::-1]
        colours = [_OURS if name.startswith("fastxai") else _THEIRS for name in names]
        drawn = axes.barh(names, [bars[name] for name in names], color=colours, log=True)
        values = [bars[name] for name in names]
        texts = [f"{value:.3g}" if value < 1000 else f"{value:,.0f}" for value in values]
        axes.bar_label(drawn, texts, padding=3)
        axes.set(title=chart.title, xlabel=f"{chart.axis} (logarithmic)")
        axes.set_xlim(10.0 ** math.floor(math.log10(min(values))), max(values) * 3)
        axes.spines[["top", "right"]].set_visible(False)

    return Drawing([chart[0], chart[2], bars], draw, 1.2 + 0.3 * len(bars))


def _sweep(shown: dict[str, list[Row]], sweep: str) -> Drawing:
    """Throughput of every operator and its ceiling, as its work grows."""
    lines = {
        op: {
            "places": [row[sweep] for row in rows],
            "ceiling": [gb_per_s(row, row["ceiling"]) for row in rows],
            "own": [gb_per_s(row, op) for row in rows],
        }
        for op, rows in shown.items()
    }
    values = [value for line in lines.values() for value in (*line["ceiling"], *line["own"])]
    # Powers of ten around all that is shown, so that panels can be compared.
    decades = (
        10.0 ** math.floor(math.log10(min(values))),
        10.0 ** math.ceil(math.log10(max(values))),
    )

    def draw(figure: Any) -> None:
        for number, (op, line) in enumerate(lines.items()):
            axes = figure.add_subplot(-(-len(lines) // 3), 3, number + 1)
            ceiling = {"label": "fill: the ceiling", "color": "0.4", "marker": "."}
            axes.plot(line["places"], line["ceiling"], linestyle="--", **ceiling)
            axes.plot(line["places"], line["own"], label="operator", color=_OURS, marker="o")
            axes.set(title=op, xscale="log", yscale="log", ylim=decades)
            axes.set_xticks(line["places"], [str(place) for place in line["places"]])
            axes.minorticks_off()
            axes.grid(alpha=0.3)
        figure.axes[0].legend(fontsize="small")
        figure.supxlabel(SWEEPS[sweep])
        figure.supylabel("GB/s written")

    return Drawing([sweep, lines], draw, 2.4 * -(-len(lines) // 3))
