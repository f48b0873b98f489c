"""Results for programs, by the members of the command line's --json (docs/cli.md), and as pages."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import numpy as np

    from fastxai.perturbation.explanation import Explanation
    from fastxai.report.model import Report

SCHEMA = 1  # goes up when a member changes its meaning or is dropped, not when one is added
_MAPS_SHOWN = 32  # in a notebook, whose file keeps them all


def map_summary(target: int, saliency: np.ndarray, correlation: float | None) -> dict[str, Any]:
    """Summary of one map, for reports and `repr`.

    Args:
        target: The class.
        saliency: (H, W).
        correlation: Predicted, with the map of infinitely many masks; None where it is not.
    """
    return {
        "class": target,
        "minimum": float(saliency.min()),
        "maximum": float(saliency.max()),
        "zero": not saliency.any(),
        "correlation": None if correlation is None else float(correlation),
    }


def explanation_summary(found: Explanation) -> dict[str, Any]:
    """Summary of all maps of an explanation."""
    rho = found.correlation
    maps = [
        {
            "image": n,
            "steps": int(found.num_masks[n]),
            **map_summary(
                int(target), found.saliency[n, place], None if rho is None else rho[n, place]
            ),
        }
        for n, targets in enumerate(found.targets)
        for place, target in enumerate(targets)
    ]
    explainer = {
        "name": found.explainer,
        "left_out": None,
        "steps": int(found.num_masks.sum()),
        "unit": "windows" if found.seed is None else "masks",
        "seconds": round(found.seconds, 3),
        "engine": {
            "name": found.engine,
            "precision": found.precision,
            "reason": None,
            "error": found.engine_error,
        },
        "seed": found.seed,
        "design": found.design,
        "estimator": found.estimator,
        "tol": found.tol,
        "maps": maps,
    }
    return {"schema": SCHEMA, "fastxai": found.version, "explainers": [explainer]}


def as_report(found: Explanation) -> Report:
    """The maps as a page without photographs; the first ones where there are many."""
    from fastxai.report.model import Report, ReportEntry, ReportMap

    whole = explanation_summary(found)
    settings = whole | {"explainers": [whole["explainers"][0] | {"maps": []}]}
    error, rho = found.standard_error, found.correlation
    entries, left = [], _MAPS_SHOWN
    for n, targets in enumerate(found.targets):
        maps = [
            ReportMap(
                found.explainer,
                int(target),
                found.saliency[n, place],
                standard_error=None if error is None else error[n, place],
                correlation=None if rho is None else float(rho[n, place]),
                settings=settings,
            )
            for place, target in enumerate(targets[:left])
        ]
        entries.append(ReportEntry(f"image {n}", None, None, maps))
        left -= len(maps)
        if left == 0:
            break
    summary = [
        ("masks", ", ".join(map(str, found.num_masks))),
        ("seed", str(found.seed)),
        ("engine", f"{found.engine}, {found.precision}"),
        ("seconds", f"{found.seconds:.1f}"),
    ]
    if found.targets.size > _MAPS_SHOWN:
        summary.append(("shown", f"the first {_MAPS_SHOWN} of {found.targets.size} maps"))
    return Report(found.explainer, summary, entries)
