"""Tables of engines.json and peers.json."""

from __future__ import annotations

from typing import Any

from bench.report.table import spread, table

_OTHERS = ("openvino float32", "onnxruntime float32", "openvino bfloat16")
_TITLES = {
    "openvino float32": "OpenVINO",
    "onnxruntime float32": "ONNX Runtime",
    "openvino bfloat16": "OpenVINO, bfloat16",
}
_EXPLAINERS = {"rise": "RISE", "occlusion": "Occlusion"}


def engines(result: dict[str, Any]) -> str:
    """Speed and error of every engine, by network."""
    head = ["network", "load", "MindSpore images/s"]
    head += [f"{_TITLES[name]}: images/s, times MindSpore, error" for name in _OTHERS]
    rows = []
    for row in result["results"]:
        found = row.get("engines")
        if not found:
            continue
        own = f"{found['mindspore float32']['images_per_s']['median']:.1f}"
        load = f"{row['load_before'][0]:.0f}"
        rows.append([row["model"], load, own, *(_cell(found.get(name, {})) for name in _OTHERS)])
    return table(head, rows)


def _cell(figures: dict[str, Any]) -> str:
    if "images_per_s" not in figures:
        return figures.get("failed", "")
    rate, times = figures["images_per_s"]["median"], figures["speedup"]["median"]
    return f"{rate:.1f}, {times:.1f}×, {figures['error']:.0e}"


def readme(result: dict[str, Any], model: str = "resnet50") -> str:
    """One sentence on one network; '' where it was not measured."""
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


def refused(result: dict[str, Any]) -> str:
    """Networks that could not be exported, and what the message says."""
    rows = [
        [row["model"], row.get("not_exported") or row["failed"]]
        for row in result["results"]
        if not row.get("engines")
    ]
    return table(["network", "why"], rows)


def peers(result: dict[str, Any]) -> str:
    """Whole explanations by fastxai's engines and by others."""
    rows = [
        [
            f"{_EXPLAINERS[row['explainer']]}, {row['images']} images",
            row["title"],
            spread(row["seconds"]),
            spread(row["times_peer"], ".2f"),
            spread(row["fastxai_times"], ".2f") if "fastxai_times" in row else "",
            spread(row["over_bare"], ".3f") if row["over_bare"] else "",
            f"{row['setup_s']:.1f}",
            f"{row['error']:.0e}",
        ]
        for row in result["results"]["turns"]
    ]
    head = [
        "explanation",
        "by",
        "s",
        "times mindspore_xai's speed",
        "slower than fastxai's OpenVINO, times",
    ]
    return table([*head, "over its bare passes", "s to set up, once", "error of the scores"], rows)


def readme_peers(result: dict[str, Any]) -> str:
    """README's sentence of RISE by OpenVINO, with the masks that mindspore_xai has too."""
    rows = {
        row["contender"].rpartition(" ")[2]: row
        for row in result["results"]["turns"]
        if row["explainer"] == "rise" and row["contender"].startswith("fastxai openvino")
    }
    slow = {row["explainer"]: row["images_per_s"] for row in result["results"]["installed"]}
    parts = [
        f"{row['times_peer']['median']:.1f} times as fast as mindspore_xai with the variable and "
        f"{row['images'] / row['seconds']['median'] / slow['rise']:.0f} times as fast as it is "
        "installed (extrapolated)"
        for row in (rows["float32"], rows["bfloat16"])
    ]
    return f"Where OpenVINO scores the same ResNet50, RISE is {parts[0]}; in bfloat16 {parts[1]}.\n"


def peers_whole(result: dict[str, Any]) -> str:
    """The same for as many masks as mindspore_xai draws, and against it as installed."""
    masks = result["settings"]["default_masks"]
    slow = {row["explainer"]: row for row in result["results"]["installed"]}
    rows = []
    for row in result["results"]["turns"]:
        if row["explainer"] != "rise":
            continue
        rate = row["images"] / row["seconds"]["median"]
        cells = [row["title"], f"{rate:.1f}", f"{masks / rate:.0f}"]
        if "rise" in slow:
            cells.append(f"{rate / slow['rise']['images_per_s']:.0f}")
        rows.append(cells)
    head = ["RISE by", "images/s", f"{masks} masks, extrapolated s"]
    if slow:
        head.append("times mindspore_xai as installed")
    return table(head, rows)
