"""Tables of bench/dataset: images a second, and what a million images take."""

from __future__ import annotations

from collections.abc import Iterator

from bench.report.table import Column, Row, Table


def _costs(result: Row) -> Iterator[Row]:
    found = result["results"]
    if "resume" in found:
        row = found["resume"]
        what = f"a call that finds {row['images']} images done, over the one that did them"
        yield {"what": what, "ms": row["ms_per_image"], "ratio": row["share"]}
    if "ray" in found:
        row = found["ray"]
        what = "an image by an actor of Ray, over one in a process"
        yield {"what": what, "ms": row["ms_per_image"]["ray"], "ratio": row["ratio"]}


def _scale(result: Row) -> Iterator[Row]:
    run, merge = result["results"]["driver"], result["results"]["merge"]
    names = {"list": "reads the list", "manifest": "makes the manifest"}
    names["blocks"] = f"gives out and counts {run['blocks']:,} blocks"
    for name, what in names.items():
        yield {"who": "driver", "what": what, "s": run["seconds"][name]}
    yield {"who": "driver", "what": "in all", "s": run["driver_seconds"], "share": run["share"]}
    what = f"writes rows and a part of {merge['images']} maps {merge['size']}×{merge['size']}"
    seconds, share = merge["seconds"], merge["share"]
    yield {"who": "worker", "what": what, "s": seconds["merge"], "share": share}
    yield {"who": "driver", "what": "looks at a part that is done", "s": seconds["resume"]}


def _scale_note(result: Row) -> str:
    run = result["results"]["driver"]
    text = (
        f"{run['images']:,} images, {run['workers']:,} workers, {run['rate']:g} images a second of "
        f"each: {run['run_seconds']:.0f} s. The driver takes less than 5 % of a run up to "
        f"{run['most_rate']:.1f} images a second of each worker. It takes "
        f"{run['driver_bytes'] / 1e6:.0f} MB for the list."
    )
    if "memory" in result["results"]:
        row = result["results"]["memory"]
        text += (
            f" A run over {row['images']:,} small images had {row['growth_bytes'] / 1e6:.1f} MB "
            "more at its end than after a tenth of them."
        )
    return text


TABLES: dict[str, Table | list[Table]] = {
    "throughput": [
        Table(
            "A data set beside a loop of single calls",
            "throughput",
            "results.cases",
            [
                Column("network", "case"),
                Column("masks", "masks"),
                Column("engine", "engine"),
                Column("images/s, loop", "images_per_s.loop", ".2f"),
                Column("images/s, data set", "images_per_s.dataset", ".2f"),
                Column("ratio", "ratio", ".2f"),
                Column("ratio of processor time", "cpu_ratio", ".2f"),
            ],
        ),
        Table(
            "What resuming and Ray cost",
            "throughput",
            _costs,
            [
                Column("", "what"),
                Column("ms an image", "ms", ".2f"),
                Column("ratio", "ratio", ".3f"),
            ],
        ),
    ],
    "scale": Table(
        "Driver and workers of a simulated cluster, seconds of processor time",
        "scale",
        _scale,
        [
            Column("who", "who"),
            Column("does", "what"),
            Column("s", "s", ".3g"),
            Column("share of the run, %", "share", ".2g", 100.0),
        ],
        [_scale_note],
    ),
}
