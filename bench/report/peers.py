"""Tables and sentences of bench/peers: whole explanations, engines and other libraries."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

from bench.report.micro import EXPLAINERS, LIBRARIES
from bench.report.table import Column, Row, Table
from fastxai.engine.agreement import TOLERANCE

_OTHERS = {
    "openvino float32": "OpenVINO",
    "onnxruntime float32": "ONNX Runtime",
    "openvino bfloat16": "OpenVINO, bfloat16",
}
_EXPLANATION = Column(
    "explanation", lambda row: f"{EXPLAINERS[row['explainer']]}, {row['images']} images"
)
_EXPLAINER = Column("explainer", lambda row: EXPLAINERS[row["explainer"]])
_MODE = Column("mode", lambda row: row["mode"].upper())


def _overhead(result: Row) -> Iterator[Row]:
    inside = {row["explainer"]: row for row in result["results"].get("inside", [])}
    for row in result["results"].get("pair", []):
        direct = inside.get(row["explainer"]) if row["mode"] == "pynative" else None
        yield {**row, "inside": direct and direct["beyond_inside"]}


def _whole_explanations(result: Row) -> Iterator[Row]:
    """Rows of whole explanations in turns, with mindspore_xai as installed."""
    slow = {
        (row["library"], row["mode"], row["explainer"]): row["whole_s_extrapolated"]
        for row in result["results"].get("installed", [])
    }
    for row in result["results"].get("pair", []):
        installed = slow.get(("peer", row["mode"], row["explainer"]))
        times = installed and installed / row["fastxai_s"]["median"]
        yield {**row, "installed": installed, "times": times}


def _engine(name: str) -> Callable[[Row], str]:
    def text(row: Row) -> str:
        found = row["engines"].get(name, {})
        if "images_per_s" not in found:
            return f"{found['error']:.0e}" if "error" in found else str(found.get("failed", ""))
        rate, times = found["images_per_s"]["median"], found["speedup"]["median"]
        return f"{rate:.1f}, {times:.1f}×, {found['error']:.0e}"

    return text


def _masks_of_mindspore_xai(result: Row) -> Iterator[Row]:
    """RISE extrapolated to as many masks as mindspore_xai draws, and against it as installed."""
    slow = {row["explainer"]: row["images_per_s"] for row in result["results"]["installed"]}
    for row in result["results"]["turns"]:
        if row["explainer"] == "rise":
            rate = row["images"] / row["seconds"]["median"]
            yield {
                **row,
                "rate": rate,
                "whole_s": result["settings"]["default_masks"] / rate,
                "times": rate / slow["rise"] if "rise" in slow else None,
            }


def _masks_columns(result: Row) -> list[Column]:
    masks = result["settings"]["default_masks"]
    return [
        Column("RISE by", "title"),
        Column("images/s", "rate", ".1f"),
        Column(f"{masks} masks, extrapolated s", "whole_s", ".0f"),
        Column("times mindspore_xai as installed", "times", ".0f"),
    ]


def engines_sentence(result: Row, model: str = "resnet50") -> str:
    """Speed and error of one network by OpenVINO; "" where it was not measured."""
    found = next((row.get("engines", {}) for row in result["results"] if row["model"] == model), {})
    figures = found.get("openvino float32", {})
    if "images_per_s" not in figures:
        return ""
    rate, own = (
        found[name]["images_per_s"]["median"] for name in ("openvino float32", "mindspore float32")
    )
    return (
        f"ResNet50, 224×224, {result['machine']['usable_cores']} cores: {rate:.0f} images/s "
        f"instead of MindSpore's {own:.0f}, {figures['speedup']['median']:.1f} times as many, "
        f"with scores that differ by {figures['error']:.0e}.\n"
    )


def families_sentence(result: Row) -> str:
    """How many of MindCV's families an engine scores, and how exactly at worst."""
    errors: dict[str, float] = {}
    for row in result["results"]:
        engines = row.get("engines", {}).items()
        found = [each["error"] for name, each in engines if "error" in each and "bf" not in name]
        if found and min(found) <= TOLERANCE["float32"]:
            errors[row["family"]] = max(min(found), errors.get(row["family"], 0.0))
    # A network that MindSpore cannot run does not say its family.
    every = len({row.get("family", row["model"]) for row in result["results"]})
    return (
        f"Of {every} families of MindCV, {len(errors)} run on OpenVINO or ONNX Runtime in float32 "
        f"with errors of at most {max(errors.values()):.0e}.\n"
    )


def libraries_sentence(result: Row) -> str:
    """RISE by OpenVINO against mindspore_xai."""
    found = {row["contender"]: row for row in _masks_of_mindspore_xai(result)}
    parts = [
        f"{where}{row['times_peer']['median']:.1f} times as fast as mindspore_xai with the "
        f"variable and {row['times']:.0f} times as fast as it is installed (extrapolated)"
        for where, row in (
            ("", found.get("fastxai openvino float32")),
            ("in bfloat16 ", found.get("fastxai openvino bfloat16")),
        )
        if row
    ]
    return f"Where OpenVINO scores the same ResNet50, RISE is {'; '.join(parts)}.\n"


TABLES: dict[str, Table] = {
    "readme": Table(
        "",
        "explainers",
        _whole_explanations,
        [
            Column("ResNet50, 224×224", _EXPLANATION.select),
            _MODE,
            Column("fastxai s", "fastxai_s.median", ".1f"),
            Column(
                "mindspore_xai 1.8.1 as installed s",
                lambda row: (
                    f"{row['installed']:.0f} (extrapolated)" if row["installed"] else "not measured"
                ),
            ),
            Column("times faster", "times", ".0f"),
            Column("mindspore_xai with `ONEDNN_MAX_CPU_ISA=AVX2` s", "peer_s.median", ".1f"),
        ],
    ),
    "explainers": Table(
        "Whole explanations of ResNet50",
        "explainers",
        "results.pair",
        [
            _EXPLANATION,
            _MODE,
            Column("fastxai s", "fastxai_s", ".1f"),
            Column("mindspore_xai 1.8.1 s", "peer_s", ".1f"),
            Column("times its speed", "speedup", ".2f"),
        ],
    ),
    "overhead": Table(
        "Time beyond the forward passes",
        "explainers",
        _overhead,
        [
            _EXPLAINER,
            _MODE,
            Column("batches", lambda row: f"{row['batches']} of {row['rows_per_batch']}"),
            Column("padding images", "padding_rows"),
            Column("whole runs %", "beyond", ".2f", 100.0),
            Column("batch by batch %", "beyond_per_batch", ".2f", 100.0),
            Column("processor time %", "beyond_cpu", ".2f", 100.0),
            Column("beyond the time inside %", "inside", ".2f", 100.0),
        ],
    ),
    "installed": Table(
        "Both libraries as installed",
        "explainers",
        "results.installed",
        [
            Column("library", lambda row: LIBRARIES[row["library"]]),
            _MODE,
            _EXPLAINER,
            Column("images measured", "images"),
            Column("images/s", "images_per_s", ".2f"),
            Column("whole explanation s (extrapolated)", "whole_s_extrapolated", ".0f"),
        ],
    ),
    "engines": Table(
        "Networks of MindCV by every engine",
        "engines",
        lambda result: [row for row in result["results"] if row.get("engines")],
        [
            Column("network", "model"),
            Column("processor", lambda row: row["cpu"].split("(R)")[0].split()[0]),
            Column("load", lambda row: row["load_before"][0], ".0f"),
            Column(
                "MindSpore images/s",
                lambda row: (
                    row["engines"]
                    .get("mindspore float32", {})
                    .get("images_per_s", {})
                    .get("median")
                ),
                ".1f",
            ),
            *(
                Column(f"{title}: images/s, times MindSpore, error", _engine(name))
                for name, title in _OTHERS.items()
            ),
        ],
    ),
    "engines_refused": Table(
        "Networks that could not be exported",
        "engines",
        lambda result: [row for row in result["results"] if not row.get("engines")],
        [
            Column("network", "model"),
            Column("why", lambda row: row.get("not_exported") or row["failed"]),
        ],
    ),
    "peers": Table(
        "ResNet50 by fastxai's engines and by other libraries",
        "libraries",
        "results.turns",
        [
            _EXPLANATION,
            Column("by", "title"),
            Column("s", "seconds", ".1f"),
            Column("times mindspore_xai's speed", "times_peer", ".2f"),
            Column("slower than fastxai's OpenVINO, times", "fastxai_times", ".2f"),
            Column("over its bare passes", "over_bare", ".3f"),
            Column("s to set up, once", "setup_s", ".1f"),
            Column("error of the scores", "error", ".0e"),
        ],
    ),
    "peers_whole": Table(
        "RISE with as many masks as mindspore_xai draws",
        "libraries",
        _masks_of_mindspore_xai,
        _masks_columns,
    ),
    **{
        name: Table(
            f"Explanations of {of} over their engines' bare passes",
            name,
            "results",
            [
                _EXPLANATION,
                Column("by", "title"),
                Column("s", "seconds", ".1f"),
                Column("over its bare passes", "over_bare", ".3f"),
            ],
        )
        for name, of in (
            ("over_bare", "ResNet50"),
            ("over_bare_bfloat16", "ResNet50"),
            ("over_bare_lite0", "EfficientNet-Lite0"),
        )
    },
    "files": Table(
        "An ONNX file of ResNet50 by fastxai and by other libraries",
        "files",
        "results",
        [
            _EXPLANATION,
            Column("by", "title"),
            Column("s", "seconds", ".1f"),
            Column("over its bare passes", "over_bare", ".3f"),
            Column("times fastxai's time", "fastxai_times", ".2f"),
            Column("s to set up, once", "setup_s", ".1f"),
        ],
    ),
    "sharing": Table(
        "One class and eight",
        "sharing",
        "results",
        [
            Column("explanation", lambda row: f"{EXPLAINERS[row['explainer']]}, {row['engine']}"),
            Column("1 class s", "seconds.one", ".1f"),
            Column("8 classes s", "seconds.many", ".1f"),
            Column("ratio", "ratio", ".3f"),
        ],
    ),
}
SENTENCES: dict[str, tuple[str, Callable[[Any], str]]] = {
    "readme_engines": ("engines", engines_sentence),
    "families": ("engines", families_sentence),
    "readme_peers": ("libraries", libraries_sentence),
}
