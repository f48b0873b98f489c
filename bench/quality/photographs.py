"""Noise of RISE maps by design, and what stopping keeps, on photographs and an ImageNet network.

EfficientNet-Lite0 of the extra `imagenet` explains two classes of each of six photographs. Masks of
every design are scored once, and runs are parts of them that share no mask. Noise is the variance
between runs of the shape of a map, over the variance of that shape itself, which the product of
different runs tells: no reference is in it. It falls as 1 / masks, so a ratio of noises is a ratio
of masks.

Stopping is what `num_masks="auto"` does for each class by itself: a run begins where the one before
it stopped; one that the masks do not suffice for is left out. Its true correlation, and how many
pixels its 95 % intervals cover, are against the map of all masks in blocks but the run's own, whose
noise is in these figures. No time is measured.
"""

from __future__ import annotations

import argparse
import functools
import math
import os
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import numpy as np

from bench.common import record, timing
from bench.quality import digits

BASE = "oa128"
SEEDS = {"iid": 10**6 + 1, "oa128": 10**6 + 2, "placed": 10**6, "lattice": 10**6 + 3}
CORRELATIONS = (0.95, 0.98)
SLACK = 0.01  # that the true correlation may be below tol
SIDE = 224
_CHUNK = 512  # masks between two writes to the cache
OPTIONS = {
    "designs": record.Option(list(SEEDS), "one of them 'oa128', the base", list(SEEDS)),
    "masks": record.Option([4096, 4096, 8192, 16384], "of each design"),
    "run": record.Option(1024, "masks of a run whose noise counts"),
    "photographs": record.Option(6),
    "tol": record.Option(0.95),
    "cache": record.Option(None, "folder that keeps scores"),
}

Maps = np.ndarray  # (runs, classes, H, W)


def noise(maps: Maps) -> np.ndarray:
    """Variance of the shape between runs over that of the shape itself, per class."""
    shapes = maps - maps.mean(axis=(2, 3), keepdims=True)
    runs = len(shapes)
    mean = shapes.mean(axis=0)
    between = ((shapes - mean) ** 2).sum(axis=0).mean(axis=(1, 2)) / (runs - 1)
    return np.asarray(between / ((mean**2).mean(axis=(1, 2)) - between / runs))


def masks_for(correlation: float, noise: float, masks: int) -> float:
    """How many masks have this correlation with the converged map, if so many have that noise."""
    return noise * masks / (1 / correlation**2 - 1)


def map_of(scores: np.ndarray, spec: Any, first: int, count: int) -> np.ndarray:
    """Maps (L, H, W) of masks `first` .. `first + count - 1` whose scores are among (N, L)."""
    from fastxai.masks.estimators import maps_of_sums
    from fastxai.ops import SaliencySums, saliency_accumulate

    sums = SaliencySums.zeros(spec, scores.shape[1])
    saliency_accumulate(scores[first : first + count].astype(np.float32), spec, first, sums)
    return maps_of_sums(sums, spec, "centred")


def uncertainty_from(spec: Any, first: int) -> Any:
    """What tells how sure a run is that begins with mask `first`, of a block's beginning."""
    from fastxai.masks.error_bar import Blocks, uncertainty_of

    class Later(Blocks):
        """Of a run that does not begin with mask 0."""

        def _cells(self, start: int) -> tuple[np.ndarray, np.ndarray]:
            return super()._cells(first + start)

    return Later(spec, "centred") if spec.blocks else uncertainty_of(spec, "centred")


def stopped_run(scores: np.ndarray, spec: Any, first: int, tol: float) -> dict[str, Any]:
    """Where 'auto' ends that begins with mask `first`, and what it then knows.

    Args:
        scores: (N, 1) of masks 0 .. N - 1; its last one is the ceiling.
        spec: The masks.
        first: A multiple of 128.
        tol: As in `RISE`.
    """
    from fastxai.masks.stopping import StoppingRule
    from fastxai.perturbation.tally import MaskTally

    rule, sure = StoppingRule(len(scores) - first, tol), uncertainty_from(spec, first)
    tally, done = MaskTally(spec, 1, keep=True), 0
    while not rule.is_done(done, lambda: sure.settled(tally)):
        look = rule.next_look(done)
        tally.add(scores[first + done : first + look].astype(np.float32), first + done, look - done)
        done = look
    bar = sure.error_bar(tally)
    return {
        "masks": done,
        "reached": rule.is_reached(sure.settled(tally)),
        "map": sure.maps(tally)[0],
        "error": bar.standard_error[0],
        "freedom": bar.degrees_of_freedom,
    }


def stops(scores: np.ndarray, spec: Any, tol: float) -> Iterator[tuple[int, dict[str, Any]]]:
    """First masks and ends of one run after the other, as long as they stop by themselves."""
    from fastxai.masks.stopping import LEAST_MASKS

    first = 0
    while len(scores) - first >= LEAST_MASKS:
        run = stopped_run(scores, spec, first, tol)
        if not run["reached"]:
            return
        yield first, run
        first += run["masks"]


def without(reference: np.ndarray, masks: int, run: np.ndarray, own: int) -> np.ndarray:
    """A mean map of so many masks without `own` of them, whose mean map is given."""
    return (masks * reference - own * run) / (masks - own)


def covered(run: Mapping[str, Any], reference: np.ndarray) -> float:
    """Share of the pixels of a reference (H, W) that 95 % intervals cover."""
    from scipy.special import stdtrit

    half = run["error"] * float(stdtrit(run["freedom"], 0.975))
    return float((np.abs(run["map"] - reference) <= half).mean())


class Photographs:
    """Scores of the photographs' classes, kept in a folder where one was named.

    Args:
        cache: The folder, or None.
    """

    def __init__(self, cache: str | None) -> None:
        from fastxai.demo import imagenet

        self._folder = None if cache is None else Path(cache)
        self._imagenet = imagenet
        self.names = list(imagenet.PHOTOGRAPHS)

    def scores(self, name: str, spec: Any, count: int) -> np.ndarray:
        """Probabilities (count, 2) float32 under the first masks of a spec."""
        path = self._folder and self._folder / f"{name}-{spec.design}-{spec.seed}.npy"
        found = np.load(path) if path and path.is_file() else np.empty((0, 2), np.float32)
        classes = list(self._imagenet.PHOTOGRAPHS[name].classes)
        while len(found) < count:
            number = min(_CHUNK, count - len(found))
            more = self._score(self.input_of(name), spec, number, len(found))
            found = np.concatenate([found, more[:, classes]])
            if path:
                path.parent.mkdir(parents=True, exist_ok=True)
                np.save(path.with_suffix(".part.npy"), found)
                os.replace(path.with_suffix(".part.npy"), path)
        return found[:count]

    def input_of(self, name: str) -> np.ndarray:
        """A photograph as the network takes it, (3, H, W) float32."""
        return np.array(self._imagenet.to_input(self._imagenet.PHOTOGRAPHS[name].open())[0])

    def probabilities(self, copies: np.ndarray) -> np.ndarray:
        """Of all classes (M, classes) of copies (M, 3, H, W)."""
        return self._score.batch(copies)

    @functools.cached_property
    def _score(self) -> digits.Scorer:
        return digits.Scorer(self._imagenet.classifier(), SIDE)


def measure_photograph(
    scored: Mapping[str, tuple[Any, np.ndarray]], run: int, tol: float
) -> dict[str, dict[str, Any]]:
    """Noise (classes,), and runs that stopped, by design.

    Args:
        scored: Masks and their scores (N, classes) by design.
        run: Masks of a run whose noise counts.
        tol: As in `RISE`.
    """
    whole = {d: map_of(scores, spec, 0, len(scores)) for d, (spec, scores) in scored.items()}
    counts = {d: len(scores) for d, (spec, scores) in scored.items() if spec.blocks}
    most = sum(counts.values())
    reference = sum(counts[d] / most * whole[d] for d in counts)
    found: dict[str, dict[str, Any]] = {}
    for design, (spec, scores) in scored.items():
        firsts = range(0, len(scores) - run + 1, run)
        runs = np.stack([map_of(scores, spec, first, run) for first in firsts])
        ended = []
        for label in range(scores.shape[1]):
            for first, one in stops(scores[:, [label]], spec, tol):
                exact = reference[label]
                if design in counts:
                    exact = without(exact, most, one["map"], one["masks"])
                ended.append(
                    {
                        "class": label,
                        "first": first,
                        "masks": one["masks"],
                        "true": float(np.corrcoef(one["map"].ravel(), exact.ravel())[0, 1]),
                        "covered": covered(one, exact),
                    }
                )
        found[design] = {"noise": noise(runs).tolist(), "stops": ended}
    return found


def row_of(
    design: str, found: Mapping[str, Mapping[str, Any]], options: argparse.Namespace
) -> dict[str, Any]:
    """What all photographs tell of a design."""
    noises, base = (
        [value for each in found.values() for value in each[name]["noise"]]
        for name in (design, BASE)
    )
    ratios = [other / own for own, other in zip(noises, base, strict=True)]
    ended = [one for each in found.values() for one in each[design]["stops"]]
    maps = {(name, one["class"]) for name, each in found.items() for one in each[design]["stops"]}
    return {
        "design": design,
        "maps": len(noises),
        "gain": {
            "mean": math.exp(np.log(ratios).mean()),
            "q1": timing.quantile(ratios, 0.25),
            "q3": timing.quantile(ratios, 0.75),
        },
        **{
            f"masks_{100 * correlation:.0f}": timing.summary(
                [masks_for(correlation, one, options.run) for one in noises]
            )
            for correlation in CORRELATIONS
        },
        "stopped": len(ended),
        "stopped_maps": len(maps),
        "kept": sum(one["true"] > options.tol - SLACK for one in ended) / max(len(ended), 1),
        "stops": timing.summary([one["masks"] for one in ended]) if ended else None,
        "true": timing.summary([one["true"] for one in ended]) if ended else None,
        "covered": sum(one["covered"] for one in ended) / max(len(ended), 1),
    }


def measure(options: argparse.Namespace) -> Iterator[record.Outcome]:
    """Every design on one photograph after the other; a summary after each."""
    from fastxai.ops import MaskSpec

    photographs, found = Photographs(options.cache), {}
    for name in photographs.names[: options.photographs]:
        scored = {}
        for design, masks in zip(options.designs, options.masks, strict=True):
            spec = MaskSpec(SEEDS[design], (SIDE, SIDE), design=design)
            scored[design] = (spec, photographs.scores(name, spec, masks))
        found[name] = measure_photograph(scored, options.run, options.tol)
        print(
            f"{name}: noise { ({d: each['noise'] for d, each in found[name].items()}) }", flush=True
        )
        rows = [row_of(design, found, options) for design in options.designs]
        yield record.Outcome(rows, settings={"photographs": list(found)}, raw=found)


if __name__ == "__main__":
    record.main("photographs", __doc__, OPTIONS, measure)
