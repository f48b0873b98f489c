"""What error bars and the stopping rule promise, on networks trained on digits.

Of each picture the class is explained whose probability is nearest to a wish, and wishes go from
0.05 to 0.95. Its map is known from many more masks of another seed (centred, 'oa128'). Runs stop by
themselves; then the true correlation, the masks and the share of pixels that 95 % intervals cover
are noted. No time is measured. The same promises on black boxes of known maps are tests:
tests/explainer/test_promises.py
"""

from __future__ import annotations

import argparse
from typing import Any

from bench.common import record, timing
from bench.quality import digits

DESIGNS = ("iid", "oa128", "placed", "lattice")
WISHES = (0.05, 0.95)  # of the probability of the class that is explained
SLACK = 0.01  # that the true correlation may be below tol
_BATCH = 32
_REFERENCE_SEED = 10**6
OPTIONS = {
    "network": record.Option("demo", choices=list(digits.SIDES)),
    "pictures": record.Option(30),
    "runs": record.Option(4, "per picture and design"),
    "tol": record.Option(0.95),
    "ceiling": record.Option(8192, "most masks of a run"),
    "reference": record.Option(digits.REFERENCE, "masks of a reference"),
}


def rise(
    network: Any, masks: int | str, seed: int, design: str, options: argparse.Namespace
) -> Any:
    """An explainer."""
    from mindspore import nn

    from fastxai.explainer import RISE

    return RISE(
        network,
        nn.Softmax(),
        _BATCH,
        num_masks=masks,
        tol=options.tol,
        max_masks=options.ceiling,
        seed=seed,
        design=design,
    )


def one_run(found: Any, reference: Any) -> dict[str, Any]:
    """What came of a run: an `Explanation` of one map, against the reference (H, W)."""
    import numpy as np

    low, high = found.interval(0.95)
    true = np.corrcoef(found.saliency.ravel(), reference.ravel())[0, 1]
    return {
        "masks": int(found.num_masks[0]),
        "reached": bool(found.reached[0]) if found.reached is not None else None,
        "predicted": float(found.correlation[0, 0]),
        "true": float(true),
        "covered": float(((low[0, 0] <= reference) & (reference <= high[0, 0])).mean()),
    }


def summary(design: str, tol: float, runs: list[dict[str, Any]]) -> dict[str, Any]:
    """Of all runs of a design; the promise is of those that stopped by themselves."""
    stopped = [run for run in runs if run["reached"]]
    return {
        "design": design,
        "runs": len(runs),
        "probability": timing.summary([run["probability"] for run in runs]),
        "stopped": len(stopped),
        "kept": sum(run["true"] > tol - SLACK for run in stopped) / max(len(stopped), 1),
        "true": timing.summary([run["true"] for run in stopped]) if stopped else None,
        "masks": timing.summary([run["masks"] for run in runs]),
        "covered": timing.summary([run["covered"] for run in runs]),
        "covered_mean": sum(run["covered"] for run in runs) / len(runs),
    }


def measure_runs(options: argparse.Namespace) -> dict[str, list[dict[str, Any]]]:
    """Runs of every design."""
    import mindspore as ms
    import numpy as np

    network = digits.network_of(options.network)
    runs: dict[str, list[dict[str, Any]]] = {design: [] for design in DESIGNS}
    wishes = np.linspace(*WISHES, options.pictures)
    for index, case in enumerate(digits.cases(options.network, options.pictures)):
        inputs, shown = ms.Tensor(case.image[None]), digits.probabilities(network, case.image)
        label = int(np.abs(shown - wishes[index]).argmin())
        about = {"picture": index, "class": label, "probability": float(shown[label])}
        many = rise(network, options.reference, _REFERENCE_SEED + index, "oa128", options)
        known = many(inputs, label, ret="result")
        for design in DESIGNS:
            for seed in range(options.runs):
                explainer = rise(network, "auto", 1000 * index + seed, design, options)
                found = explainer(inputs, label, ret="result")
                run = one_run(found, known.saliency[0, 0].astype("float64"))
                runs[design].append({**about, "seed": seed, **run})
        own = [f"{runs[d][-1]['masks']} masks, {runs[d][-1]['true']:.3f}" for d in DESIGNS]
        print(f"{about}: reference {known.correlation[0, 0]:.4f}; {own}", flush=True)
    return runs


def measure(options: argparse.Namespace) -> record.Outcome:
    """Runs of every design, and their summary."""
    runs = measure_runs(options)
    rows = [summary(design, options.tol, runs[design]) for design in DESIGNS]
    return record.Outcome(rows, raw=runs)


if __name__ == "__main__":
    record.main(digits.result_name("uncertainty"), __doc__, OPTIONS, measure)
