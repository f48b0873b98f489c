"""Seconds to a RISE map of correlation .98 with the converged one: fewer masks, and faster ones.

How many masks a map needs is measured on photographs with EfficientNet-Lite0 of the extra
`imagenet`, as in bench/quality/photographs.py. What fastxai was before its present design is
`design="oa128"` of today's code. Others draw independent masks; their noise follows from the
variance of one mask's part of the map, by the scores of fastxai's independent masks:

* `plain`: the sum of score times mask, as in mindspore_xai, openvino_xai, DIANNA and plain PyTorch;
* `ratio`: that sum over the sum of masks, as in Xplique.

What a mask costs is measured with everyone in turns, in processes of their own, over fewer masks
than a map needs: EfficientNet-Lite0 and ResNet50 at 224x224. No weights of ResNet50 for photographs
are at hand: its seconds are those of Lite0's number of masks. Captum has no RISE: plain PyTorch,
which it runs on, stands for it. Who is not named by an option does not take part.
"""

from __future__ import annotations

import argparse
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from bench.common import processes, record, timing
from bench.common.classifiers import CLASSIFIERS
from bench.common.machine import INSTALLED
from bench.peers import libraries
from bench.peers.libraries import Entry
from bench.quality.photographs import (
    SEEDS,
    SIDE,
    Photographs,
    map_of,
    masks_for,
    noise,
    without,
)

CORRELATION = 0.98
OURS, FORMER = "fastxai", "fastxai oa128"
LEAST = 2.0  # times the former fastxai's speed
_STRIDE = 4  # pixels between those whose variance is summed: masks are smooth over 20
_CHUNK = 256  # masks at a time
OPTIONS = {
    "peer_python": record.Option(None, "Python with mindspore_xai 1.8.1"),
    "torch_python": record.Option(None, "Python with torch, onnx and captum; needed"),
    "openvino_xai_python": record.Option(None, "Python with openvino_xai"),
    "dianna_python": record.Option(None, "Python with dianna"),
    "xplique_python": record.Option(None, "Python with xplique, tensorflow and torch"),
    "networks": record.Option(["lite0", "resnet50"], choices=CLASSIFIERS),
    "images": record.Option(1024, "masks of fastxai's maps whose time counts"),
    "other_images": record.Option(128, "of the others'"),
    "batch": record.Option(32, "images at a time"),
    "repeats": record.Option(3),
    "design": record.Option("lattice", "that fastxai chooses by itself", ["lattice", "placed"]),
    "masks": record.Option([4096, 4096, 16384], "scored: independent ones, 'oa128', the design"),
    "run": record.Option(1024, "masks of a run whose noise counts"),
    "photographs": record.Option(6),
    "cache": record.Option(None, "folder that keeps scores"),
}


class Kind(NamedTuple):
    """What a contender's map is made of."""

    design: str
    estimator: str


_PLAIN = Kind("iid", "plain")
KINDS = {
    FORMER: Kind("oa128", "centred"),
    "mindspore_xai": _PLAIN,
    "openvino_xai": _PLAIN,
    "dianna": _PLAIN,
    "xplique": Kind("iid", "ratio"),
    "torch": _PLAIN,
}


def kind_of(name: str, options: argparse.Namespace) -> Kind:
    """Design and estimator of a contender."""
    return Kind(options.design, "centred") if name == OURS else KINDS[name]


def signal_of(maps: np.ndarray) -> np.ndarray:
    """Variance over the pixels of the converged map, per class, of maps of runs (R, L, H, W)."""
    shapes = maps - maps.mean(axis=(2, 3), keepdims=True)
    between = shapes.var(axis=0, ddof=1).mean(axis=(1, 2))
    return np.asarray((shapes.mean(axis=0) ** 2).mean(axis=(1, 2)) - between / len(maps))


def variance_of_a_mask(scores: np.ndarray, masks: np.ndarray, estimator: str) -> np.ndarray:
    """Variance of the shape of one independent mask's part of a map, mean over pixels, per class.

    Args:
        scores: (N, L).
        masks: (N, P), of P pixels.
        estimator: 'plain', or 'ratio', whose map is P(E) = E[score mask] / E[mask] and a mask's
            part (score - map) mask, over E[mask], to first order.
    """
    found = []
    scale = masks.mean() if estimator == "ratio" else 1.0
    for score in scores.T.astype(np.float64):
        level = (score @ masks) / masks.sum(axis=0) if estimator == "ratio" else 0.0
        first, second = np.zeros(masks.shape[1]), np.zeros(masks.shape[1])
        for at in range(0, len(masks), _CHUNK):
            part = (score[at : at + _CHUNK, None] - level) * masks[at : at + _CHUNK]
            part -= part.mean(axis=1, keepdims=True)
            first += part.sum(axis=0)
            second += (part**2).sum(axis=0)
        variance = second / len(masks) - (first / len(masks)) ** 2
        found.append(variance.mean() / scale**2)
    return np.array(found)


def converged_scale(estimator: str, probability: float) -> float:
    """What the shape of a converged map is multiplied by, against the centred one."""
    return 1 / probability if estimator == "ratio" else 1.0


class Needs:
    """Masks that each kind of map needs for the correlation, photograph by photograph.

    Args:
        options: Of the benchmark.
    """

    def __init__(self, options: argparse.Namespace) -> None:
        from fastxai.ops import MaskSpec

        self._options = options
        self._photographs = Photographs(options.cache)
        designs = ("iid", "oa128", options.design)
        self._specs = {d: MaskSpec(SEEDS[d], (SIDE, SIDE), design=d) for d in designs}
        self._counts = dict(zip(designs, options.masks, strict=True))
        self._iid_masks = self._pixels(self._specs["iid"], self._counts["iid"])
        self.masks: dict[Kind, list[float]] = {}
        self.reached: list[float] = []

    def measure(self) -> None:
        """Fills `masks`, an entry a map, and `reached`: correlations of maps of so many masks."""
        for name in self._photographs.names[: self._options.photographs]:
            self._measure(name)
            print(f"{name}: { ({k.design: v[-2:] for k, v in self.masks.items()}) }", flush=True)

    def _measure(self, name: str) -> None:
        scores = {
            design: self._photographs.scores(name, self._specs[design], count)
            for design, count in self._counts.items()
        }
        runs = {d: self._runs(d, scores[d]) for d in ("oa128", self._options.design)}
        for design, maps in runs.items():
            self._add(Kind(design, "centred"), noise(maps) * self._options.run)
        signal = signal_of(runs[self._options.design])
        for estimator in ("plain", "ratio"):
            variance = variance_of_a_mask(scores["iid"], self._iid_masks, estimator)
            scale = converged_scale(estimator, self._specs["iid"].keep_probability)
            self._add(Kind("iid", estimator), variance / (signal * scale**2))
        needed = self.masks[Kind(self._options.design, "centred")][-len(signal) :]
        for label, masks in enumerate(needed):
            self._check(scores[self._options.design][:, [label]], masks)

    def _add(self, kind: Kind, noise_of_one: np.ndarray) -> None:
        needed = [masks_for(CORRELATION, float(one), 1) for one in noise_of_one]
        self.masks.setdefault(kind, []).extend(needed)

    def _runs(self, design: str, scores: np.ndarray) -> np.ndarray:
        spec, run = self._specs[design], self._options.run
        firsts = range(0, len(scores) - run + 1, run)
        return np.stack([map_of(scores, spec, first, run) for first in firsts])

    def _check(self, scores: np.ndarray, masks: float) -> None:
        """Correlations of maps of so many masks, in whole blocks, with that of all others."""
        spec, count = self._specs[self._options.design], 128 * max(1, round(masks / 128))
        whole = map_of(scores, spec, 0, len(scores))
        for first in range(0, len(scores) // 2 - count + 1, count):
            own = map_of(scores, spec, first, count)
            rest = without(whole, len(scores), own, count)
            self.reached.append(float(np.corrcoef(own.ravel(), rest.ravel())[0, 1]))

    @staticmethod
    def _pixels(spec: Any, count: int) -> np.ndarray:
        from fastxai.ops import masked_product

        ones, found = np.ones((1, SIDE, SIDE), np.float32), []
        for first in range(0, count, _CHUNK):
            masks = masked_product(ones, spec, first, min(_CHUNK, count - first))
            kept = np.asarray(masks)[:, 0, ::_STRIDE, ::_STRIDE]
            found.append(kept.reshape(len(kept), -1).astype(np.float64))
        return np.concatenate(found)


def entries(options: argparse.Namespace) -> dict[str, Entry]:
    """Everyone, by name."""
    from bench.peers import files

    every = libraries.entries(options) | files.entries(without_peer(options))
    engine = {"engine": "openvino", "precision": "float32", "alone": "yes"}
    ours = {
        name: Entry(
            f"fastxai, `{kind_of(name, options).design}`",
            sys.executable,
            "bench.peers.contender_fastxai",
            {**engine, "design": kind_of(name, options).design},
            INSTALLED,
            explainers=("rise",),
        )
        for name in (OURS, FORMER)
    }
    fewer: Any = {"images": options.other_images}
    others = ("mindspore_xai", "torch", "openvino_xai", "dianna", "xplique")
    return ours | {
        name: every[name]._replace(options={**every[name].options, **fewer}) for name in others
    }


def without_peer(options: argparse.Namespace) -> argparse.Namespace:
    """The options that benchmarks of files have."""
    return argparse.Namespace(**{k: v for k, v in vars(options).items() if k != "peer_python"})


def seconds_a_mask(
    network: str, options: argparse.Namespace, versions: dict[str, str]
) -> tuple[dict[str, list[float]], dict[str, Entry]]:
    """Of everyone, one a repeat, in turns."""
    asked = argparse.Namespace(
        **{**vars(options), "network": network, "masks": options.images},
        window=0,
        engine_batch=options.batch,
    )
    with tempfile.TemporaryDirectory(prefix="fastxai-quality-") as name:
        folder = Path(name)
        given = {"folder": folder, "network": network}
        processes.ask_worker(libraries.NETWORK_WRITER, given, INSTALLED)
        writer = "bench.peers.file_writer"
        processes.ask_worker(writer, given, INSTALLED, python=options.torch_python)
        turns = libraries.run_turns(entries(options), "rise", asked, folder, versions)
    counts = {n: e.options.get("images", options.images) for n, e in turns.entries.items()}
    found = {n: [s / int(counts[n]) for s in turns.seconds(n)] for n in turns.entries}
    return found, turns.entries


def row_of(
    network: str,
    name: str,
    kind: Kind,
    title: str,
    masks: dict[str, list[float]],
    seconds: dict[str, list[float]],
) -> dict[str, Any]:
    """A contender's figures on a network.

    Args:
        network: Its name.
        name: The contender's.
        kind: What its map is made of.
        title: For people.
        masks: That maps need, by contender; the same maps for all.
        seconds: Of a mask, by contender; the same repeats for all.
    """
    fewer = timing.ratios(masks[name], masks[OURS])
    slower = timing.ratios(seconds[name], seconds[OURS])
    middle = timing.summary(seconds[name])["median"]
    return {
        "network": network,
        "contender": name,
        "title": title,
        **kind._asdict(),
        "masks": timing.summary(masks[name]),
        "seconds_a_mask": timing.summary(seconds[name]),
        "seconds": timing.summary([middle * one for one in masks[name]]),
        "times_masks": timing.summary(fewer),
        "times_a_mask": timing.summary(slower),
        "times": timing.summary([one * other for one in fewer for other in slower]),
    }


def measure(options: argparse.Namespace) -> Iterator[record.Outcome]:
    """The masks first, then one network after the other."""
    if options.torch_python is None:
        raise SystemExit("to_quality_photographs: --torch-python is needed, which writes the file")
    needs = Needs(options)
    needs.measure()
    reached = timing.summary(needs.reached)
    checks = [
        f"{reached['repeats']} maps of as many masks of '{options.design}' as theirs need "
        f"correlate {reached['median']:.3f} ({reached['q1']:.3f} to {reached['q3']:.3f}) with the "
        f"map of the others of {options.masks[-1]}",
        "scores of the picture agree with MindSpore's",
    ]
    rows: list[dict[str, Any]] = []
    versions: dict[str, str] = {}
    for network in options.networks:
        print(f"{network}, in turns:", flush=True)
        seconds, taking = seconds_a_mask(network, options, versions)
        masks = {name: needs.masks[kind_of(name, options)] for name in taking}
        rows += [
            row_of(network, name, kind_of(name, options), entry.title, masks, seconds)
            for name, entry in taking.items()
        ]
        targets = [
            record.target(
                f"{row['network']}: times the former fastxai's speed to a map of "
                f"{CORRELATION:g}, float32",
                row["times"]["median"],
                LEAST,
                at_least=True,
            )
            for row in rows
            if row["contender"] == FORMER
        ]
        about = {"versions": record.versions() | {n: versions[n] for n in sorted(versions)}}
        yield record.Outcome(rows, checks, targets, {"correlation": CORRELATION}, about)


if __name__ == "__main__":
    record.main("to_quality_photographs", __doc__, OPTIONS, measure)
