"""Tables of quality.json, quality_resnet50.json and to_quality.json."""

from __future__ import annotations

from typing import Any

from bench.report.table import spread, table

_NETWORKS = {
    "demo": "the demo's network, 96×96",
    "resnet50": "a ResNet-50 of an eighth of the width, 224×224",
}
_ESTIMATORS = {"iid plain": "`iid`, `plain` (mindspore_xai's)", "reference": "reference"}


def _title(kind: str) -> str:
    return _ESTIMATORS.get(kind) or ", ".join(f"`{word}`" for word in kind.split(" "))


def _middle(value: dict[str, Any] | None, most: int, pattern: str) -> str:
    """Median and quartiles; None is above all that was tried."""
    if value is None:
        return ""
    median, q1, q3 = (
        f"> {most}" if value[name] is None else format(value[name], pattern)
        for name in ("median", "q1", "q3")
    )
    return f"{median} ({q1} to {q3})"


def quality(result: dict[str, Any]) -> str:
    """Masks needed and worth, by kind of map."""
    most, masks = result["settings"]["most"], result["settings"]["masks"]
    rows = []
    for row in result["results"]["kinds"]:
        rows.append(
            [
                _title(row["kind"]),
                _middle(row.get("masks_centred"), most, ".0f"),
                _middle(row.get("masks_plain"), most, ".0f"),
                _middle(row.get("correlation"), most, ".3f"),
                _middle(row["energy"], most, ".3f"),
                f"{row['pointing']:.2f}",
                _middle(row["insertion"], most, ".3f"),
                _middle(row["deletion"], most, ".3f"),
            ]
        )
    base = result["settings"]["base"]
    head = ["map", f"masks for {base} of `iid`, `centred`", f"masks for {base} of mindspore_xai's"]
    head += [f"correlation at {masks}", "energy in the box", "pointing game"]
    return table([*head, "insertion", "deletion"], rows)


def gains(result: dict[str, Any]) -> str:
    """Noise against 'iid', 'centred', by probability of the class."""
    rows = result["results"]["gains"]
    names = [name for name in rows[0]["gains"] if name != "iid centred"]
    lines = [
        [
            f"{row['low']:g} to {row['high']:g}",
            str(row["targets"]),
            *(
                f"{gain['mean']:.2f} ({gain['q1']:.2f} to {gain['q3']:.2f})"
                for gain in (row["gains"][name] for name in names)
            ),
        ]
        for row in rows
    ]
    return table(["probability of the class", "maps", *map(_title, names)], lines)


def to_quality(result: dict[str, Any]) -> str:
    """Seconds to a map as good as mindspore_xai's of 6000 masks."""
    rows = []
    for row in result["results"]:
        rho = row["correlation"]
        rows.append(
            [
                row["network"],
                str(row["pictures"]),
                f"{row['masks']}, {row['engine']}",
                f"{spread(rho['fastxai'], '.3f')}; {spread(rho['mindspore_xai'], '.3f')}",
                spread(row["seconds"]["fastxai"], ".2f"),
                spread(row["seconds"]["mindspore_xai"]),
                spread(row["times"]),
                f"{row['installed_s']:.0f}; {row['times_installed']:.0f}",
                f"{row['setup_s']['fastxai']:.1f}",
            ]
        )
    head = ["network", "pictures", "masks, engine", "correlation: fastxai; mindspore_xai"]
    head += ["fastxai s", "mindspore_xai 1.8.1 s", "times faster"]
    head += ["mindspore_xai as installed, extrapolated s; times", "first call s"]
    return table(head, rows)


def readme(result: dict[str, Any]) -> str:
    """README's sentence on the same."""
    parts = [
        f"{row['times']['median']:.0f} times as fast as mindspore_xai's on "
        f"{_NETWORKS[row['network']]} ({row['masks']} masks, {row['pictures']} pictures; "
        f"{row['times_installed']:.0f} times as installed, extrapolated)"
        for row in result["results"]
    ]
    return f"With OpenVINO and fewer masks, RISE's map was as good and {', '.join(parts)}.\n"


def uncertainty(result: dict[str, Any]) -> str:
    """What the stopping rule and the intervals kept, by design."""
    rows = []
    for row in result["results"]:
        rows.append(
            [
                f"`{row['design']}`",
                spread(row["probability"], ".2f"),
                f"{row['stopped']} of {row['runs']}",
                f"{row['kept']:.3f}",
                spread(row["masks"], ".0f"),
                spread(row["true"], ".3f") if row["true"] else "",
                f"{row['covered_mean']:.3f}",
            ]
        )
    tol = result["settings"]["tol"]
    head = [
        "design",
        "probability of the class",
        "stopped by themselves",
        f"of these above {tol - 0.01:g}",
        "masks",
    ]
    return table([*head, "true correlation", "covered by 95 % intervals"], rows)
