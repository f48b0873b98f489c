"""Tables and sentences of bench/quality: masks that a map needs, and what promises were kept."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

from bench.report.table import Column, Row, Table

NETWORKS = {
    "demo": "the demo's network, 96×96",
    "resnet50": "a ResNet-50 of an eighth of the width, 224×224",
}
_KINDS = {"iid plain": "`iid`, `plain` (mindspore_xai's)", "reference": "reference"}


def _title(kind: str) -> str:
    return _KINDS.get(kind) or ", ".join(f"`{word}`" for word in kind.split(" "))


def _of(name: str, middle: str, low: str, high: str) -> Callable[[Row], Row]:
    """A spread of other figures than median and quartiles."""

    def spread(row: Row) -> Row:
        return {"median": row[name][middle], "q1": row[name][low], "q3": row[name][high]}

    return spread


def _maps_columns(result: Row) -> list[Column]:
    most, masks = result["settings"]["most"], result["settings"]["masks"]
    base = result["settings"]["base"]
    good = [Column("masks for 0.98", "masks_good", ".0f", most=most)]
    counted = any("masks_good" in row for row in result["results"]["kinds"])
    return [
        Column("map", lambda row: _title(row["kind"])),
        Column(f"masks for {base} of `iid`, `centred`", "masks_centred", ".0f", most=most),
        Column(f"masks for {base} of mindspore_xai's", "masks_plain", ".0f", most=most),
        *(good if counted else []),
        Column(f"correlation at {masks}", "correlation", ".3f"),
        Column("energy in the box", "energy", ".3f"),
        Column("pointing game", "pointing", ".2f"),
        Column("insertion", "insertion", ".3f"),
        Column("deletion", "deletion", ".3f"),
    ]


def _gains(result: Row) -> list[Row]:
    return [
        {**row, **row["gains"], "bin": f"{row['low']:g} to {row['high']:g}"}
        for row in result["results"]["gains"]
    ]


def _gains_columns(result: Row) -> list[Column]:
    names = [name for name in result["results"]["gains"][0]["gains"] if name != "iid centred"]
    return [
        Column("probability of the class", "bin"),
        Column("maps", "targets"),
        *(Column(_title(name), _of(name, "mean", "q1", "q3"), ".2f") for name in names),
    ]


def _designs(result: Row) -> Iterator[Row]:
    """A row a kind of map, with its gain by number of masks."""
    numbers = [str(row["masks"]) for row in result["results"]]
    for kinds in zip(*(row["kinds"] for row in result["results"]), strict=True):
        names = {name: f"`{kinds[0][name]}`" for name in ("design", "estimator")}
        yield names | dict(zip(numbers, kinds, strict=True))


def _designs_columns(result: Row) -> list[Column]:
    numbers = [str(row["masks"]) for row in result["results"]]
    gains = [Column(f"{n} masks", _of(n, "gain", "least", "most"), ".2f") for n in numbers]
    return [Column("design", "design"), Column("estimator", "estimator"), *gains]


def _photographs_columns(result: Row) -> list[Column]:
    tol = result["settings"]["tol"]
    return [
        Column("design", lambda row: f"`{row['design']}`"),
        Column("gain", _of("gain", "mean", "q1", "q3"), ".2f"),
        Column("masks for 0.95", "masks_95", ".0f"),
        Column("masks for 0.98", "masks_98", ".0f"),
        Column(
            "runs that stopped",
            lambda row: f"{row['stopped']} on {row['stopped_maps']} of {row['maps']} maps",
        ),
        Column(f"of these above {tol - 0.01:g}", "kept", ".3f"),
        Column("masks at the stop", "stops", ".0f"),
        Column("true correlation there", "true", ".3f"),
        Column("covered by 95 % intervals", "covered", ".3f"),
    ]


def _maps_photographs_columns(result: Row) -> list[Column]:
    found = result["results"]
    return [
        Column("map", "map"),
        *(Column(on, on, ".3f") for on in found["above_random"]),
        Column("pointing game", "pointing"),
        Column("maps", "number"),
    ]


def _maps_photographs_note(result: Row) -> str:
    found = result["results"]
    beaten = ", ".join(f"{on} {number}" for on, number in found["above_random"].items())
    return (
        f"RISE over grey beats both random maps on so many of the {found['rows']} maps: {beaten}. "
        f"A pixel by chance would hit {found['chance']:.1f} of {found['pointed']} boxes."
    )


def _uncertainty_columns(result: Row) -> list[Column]:
    return [
        Column("design", lambda row: f"`{row['design']}`"),
        Column("probability of the class", "probability", ".2f"),
        Column("stopped by themselves", lambda row: f"{row['stopped']} of {row['runs']}"),
        Column(f"of these above {result['settings']['tol'] - 0.01:g}", "kept", ".3f"),
        Column("masks", "masks", ".0f"),
        Column("true correlation", "true", ".3f"),
        Column("covered by 95 % intervals", "covered_mean", ".3f"),
    ]


def _correlations(row: Row) -> str:
    texts = []
    for name in ("fastxai", "mindspore_xai"):
        found = row["correlation"][name]
        spread = f" ({found['q1']:.3f} to {found['q3']:.3f})" if found["repeats"] > 1 else ""
        texts.append(f"{found['median']:.3f}{spread}")
    return "; ".join(texts)


def _photograph_rates(result: Row) -> str:
    settings = result["settings"]
    return (
        f"A mask's time is that of {settings['images']} masks by fastxai and of "
        f"{settings['other_images']} by others, {settings['repeats']} times in turns. "
        f"{result['checks'][0]}."
    )


def to_quality_sentence(result: Row) -> str:
    """Seconds to a map as good as mindspore_xai's."""
    parts = [
        f"{row['times']['median']:.0f} times as fast as mindspore_xai's on "
        f"{NETWORKS[row['network']]} ({row['masks']} masks, {row['pictures']} pictures; "
        f"{row['times_installed']:.0f} times as installed, extrapolated)"
        for row in result["results"]
    ]
    return f"With OpenVINO and fewer masks, RISE's map was as good and {', '.join(parts)}.\n"


def _of_network(network: str) -> dict[str, Table]:
    """Tables that each network has."""
    end = "" if network == "demo" else f"_{network}"
    of = f"of {NETWORKS[network]}"
    return {
        f"quality{end}": Table(f"Maps {of}", f"maps{end}", "results.kinds", _maps_columns),
        f"quality{end}_gains": Table(
            f"Masks saved by probability of the class, maps {of}",
            f"maps{end}",
            _gains,
            _gains_columns,
        ),
        f"uncertainty{end}": Table(
            f"Stopping rule and intervals, maps {of}",
            f"uncertainty{end}",
            "results",
            _uncertainty_columns,
        ),
    }


TABLES: dict[str, Table] = {
    **_of_network("demo"),
    **_of_network("resnet50"),
    "designs": Table("Masks saved by design and estimator", "designs", _designs, _designs_columns),
    "photographs": Table(
        "Masks that a map needs by design, and stopping, EfficientNet-Lite0, 224×224",
        "photographs",
        "results",
        _photographs_columns,
    ),
    "maps_photographs": Table(
        "Maps of photographs, EfficientNet-Lite0, 224×224",
        "maps_photographs",
        "results.maps",
        _maps_photographs_columns,
        [_maps_photographs_note],
    ),
    "riseplus_designs": Table(
        "Masks saved by the design of RISEPlus",
        "riseplus_designs",
        lambda result: [{**result["settings"], **result["results"], "whole": result["results"]}],
        [
            Column("masks", "masks"),
            Column("pictures", "pictures"),
            Column("correlation of two `iid` maps", "pair_correlation.iid", ".3f"),
            Column("of two `oa128` maps", "pair_correlation.oa128", ".3f"),
            Column("gain of `oa128`", _of("whole", "gain", "least", "most"), ".2f"),
        ],
    ),
    "to_quality_photographs": Table(
        "Seconds to a map of correlation 0.98, 224×224, float32",
        "to_quality_photographs",
        "results",
        [
            Column("network", "network"),
            Column("by", "title"),
            Column(
                "masks drawn, estimator", lambda row: f"`{row['design']}`, `{row['estimator']}`"
            ),
            Column("masks", "masks", ".0f"),
            Column("ms a mask", "seconds_a_mask", ".2f", 1e3),
            Column("s", "seconds", ".1f"),
            Column("times fastxai's", "times", ".2f"),
            Column("of that by masks", "times_masks", ".2f"),
            Column("by a mask's time", "times_a_mask", ".2f"),
        ],
        [_photograph_rates],
    ),
    "to_quality": Table(
        "Seconds to a map as good as mindspore_xai's",
        "to_quality",
        "results",
        [
            Column("network", "network"),
            Column("pictures", "pictures"),
            Column("masks, engine", lambda row: f"{row['masks']}, {row['engine']}"),
            Column("correlation: fastxai; mindspore_xai", _correlations),
            Column("fastxai s", "seconds.fastxai", ".2f"),
            Column("mindspore_xai 1.8.1 s", "seconds.mindspore_xai", ".1f"),
            Column("times faster", "times", ".1f"),
            Column(
                "mindspore_xai as installed, extrapolated s; times",
                lambda row: f"{row['installed_s']:.0f}; {row['times_installed']:.0f}",
            ),
            Column("first call s", "setup_s.fastxai", ".1f"),
        ],
    ),
}
SENTENCES: dict[str, tuple[str, Callable[[Any], str]]] = {
    "readme_quality": ("to_quality", to_quality_sentence),
}
