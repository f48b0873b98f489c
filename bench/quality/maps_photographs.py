"""What maps of photographs are worth: pointing game, insertion and deletion.

EfficientNet-Lite0 of the extra `imagenet`, six photographs, two classes each. Maps are RISE's over
grey (0, the mean colour) and over the blurred photograph, GradCAM's, Occlusion's with its default
and its 'auto' windows, and two of random numbers: one of pixels, and one as smooth as RISE's, a
number a cell. Each is judged by insertion and deletion, whose pixels show grey or the blurred
photograph: as in `fastxai.benchmark.Faithfulness`, on every n-th of its steps. A metric tells maps
apart where RISE scores above both random maps. No time is measured.

Pointing game: as in bench.quality.maps; boxes were drawn by hand, where a class has a place that
does not fill the photograph.
"""

from __future__ import annotations

import argparse
import math
import os
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from bench.common import record
from bench.quality.maps import hits
from bench.quality.photographs import SEEDS, SIDE, Photographs, map_of

BASES: dict[str, float | str] = {"grey": 0.0, "blur": "blur"}
METRICS = {"insertion": True, "deletion": False}  # whether pixels appear
MAPS = (
    "RISE over grey",
    "RISE over blur",
    "GradCAM",
    "Occlusion",
    "Occlusion, auto",
    "random cells",
    "random pixels",
)
RANDOM = MAPS[-2:]
# y0, x0, y1, x1 in pixels of the photographs as opened, by photograph and class.
BOXES = {
    ("coffee", 967): [(50, 55, 112, 152)],  # espresso
    ("coffee", 968): [(10, 40, 140, 172)],  # cup
    ("rocket", 540): [(62, 34, 216, 56), (62, 172, 216, 194)],  # drilling platform: two towers
    ("rocket", 812): [(64, 104, 216, 122)],  # space shuttle
    ("motorcycle", 665): [(60, 0, 206, 224)],  # moped
    ("palace", 698): [(14, 0, 205, 130)],
    ("daisy", 985): [(44, 32, 190, 178)],
}
OPTIONS = {
    "photographs": record.Option(6),
    "masks": record.Option(1024, "of a map of RISE"),
    "classes": record.Option(2, "of each photograph"),
    "every": record.Option(7, "n, of the 224 steps of insertion and deletion"),
    "cache": record.Option(None, "folder that keeps scores and maps"),
}
_BATCH = 32
_GRID = 10  # cells a side


def random_maps(size: int) -> list[np.ndarray]:
    """A map of random cells, enlarged as masks are, and one of random pixels."""
    from fastxai.ops import bilinear_matrix

    rng, enlarged = np.random.default_rng(0), bilinear_matrix(_GRID, size)
    return [enlarged @ rng.random((_GRID, _GRID)) @ enlarged.T, rng.random((size, size))]


class Kept:
    """Arrays in a folder, if one was named, that are made once.

    Args:
        folder: The folder, or None.
    """

    def __init__(self, folder: str | None) -> None:
        self._folder = None if folder is None else Path(folder)

    def __call__(self, name: str, make: Callable[[], np.ndarray]) -> np.ndarray:
        """What is in the file of this name, or else is made and written there."""
        if self._folder is None:
            return make()
        path = self._folder / f"{name}.npy"
        if not path.is_file():
            path.parent.mkdir(parents=True, exist_ok=True)
            np.save(path.with_suffix(".part.npy"), make())
            os.replace(path.with_suffix(".part.npy"), path)
        return np.array(np.load(path))


def rise_over_grey(photographs: Photographs, name: str, masks: int) -> np.ndarray:
    """Maps (classes, H, W) of the first masks of 'lattice' that bench.quality.photographs has."""
    from fastxai.ops import MaskSpec

    spec = MaskSpec(SEEDS["lattice"], (SIDE, SIDE), design="lattice")
    return map_of(photographs.scores(name, spec, masks), spec, 0, masks)


class Maps:
    """Maps (classes, H, W) of a photograph by the names of `MAPS`.

    Args:
        network: The classifier.
        photographs: Inputs and scores.
        masks: Of a map of RISE.
        kept: What was made before.
    """

    def __init__(self, network: Any, photographs: Photographs, masks: int, kept: Kept) -> None:
        from mindspore import nn

        from fastxai.demo import imagenet
        from fastxai.explainer import RISE, GradCAM, Occlusion

        self._photographs, self._masks, self._kept = photographs, masks, kept
        about: Any = (network, nn.Softmax(), _BATCH)
        rise = RISE(*about, num_masks=masks, seed=0, design="lattice", base_value=BASES["blur"])
        self._explainers: dict[str, Any] = {
            "RISE over blur": rise,
            "Occlusion": Occlusion(*about),
            "Occlusion, auto": Occlusion(*about, window="auto"),
        }
        self._cam = GradCAM(network, layer=imagenet.LAYER)

    def __call__(self, kind: str, name: str, classes: Sequence[int]) -> np.ndarray:
        """Maps of these classes, which for masks and windows are all of the photograph."""
        import mindspore as ms

        if kind in RANDOM:
            return np.stack([random_maps(SIDE)[RANDOM.index(kind)]] * len(classes))
        if kind == "RISE over grey":
            return rise_over_grey(self._photographs, name, self._masks)
        image = ms.Tensor(self._photographs.input_of(name)[None])
        if kind == "GradCAM":
            return np.concatenate([self._cam(image, label).asnumpy()[0] for label in classes])
        explainer, file = self._explainers[kind], f"{name}-{kind}".replace(" ", "-")
        return self._kept(file, lambda: explainer(image, [list(classes)]).asnumpy()[0])


def perturbed(
    image: np.ndarray, saliency: np.ndarray, base: Any, insertion: bool, every: int
) -> np.ndarray:
    """Every n-th of Faithfulness's copies (1 + steps, C, H, W), the first of them unperturbed.

    Args:
        image: (C, H, W) float32.
        saliency: (H, W).
        base: What perturbed pixels show, as `pixel_fill` takes it.
        insertion: Whether pixels appear on the base, or else vanish in it.
        every: n.
    """
    from fastxai.ops import pixel_fill

    pixels = saliency.size
    steps = math.isqrt(pixels)
    ends = np.arange(0, steps + 1, every) * (pixels // 2 // steps)
    ranks = np.empty(pixels, np.int32)
    ranks[np.argsort(-saliency, axis=None, kind="stable")] = np.arange(pixels, dtype=np.int32)
    intervals = np.stack([np.zeros_like(ends), ends], axis=1)
    out = np.empty((len(ends), *image.shape), np.float32)
    ranks = ranks.reshape(saliency.shape)
    pixel_fill(image, ranks, intervals, outside=insertion, base_value=base, out=out)
    return out


class Judge:
    """What maps of one photograph are worth.

    Args:
        score: Probabilities (M, classes) of copies (M, C, H, W).
        image: (C, H, W) float32.
        every: n, of the steps.
    """

    def __init__(
        self, score: Callable[[np.ndarray], np.ndarray], image: np.ndarray, every: int
    ) -> None:
        from fastxai.ops.base_value import base_of

        self._score, self._image, self._every = score, image, every
        self._bases = {
            name: base_of("Judge", value, image.shape).of(image) for name, value in BASES.items()
        }
        flat = np.zeros(image.shape[1:])
        self._firsts = {
            name: score(
                np.stack([perturbed(image, flat, base, to, every)[0] for to in METRICS.values()])
            )
            for name, base in self._bases.items()
        }

    def __call__(self, saliency: np.ndarray, label: int) -> dict[str, Any]:
        """Every metric, by name: (1 + mean change of the score) / 2; the higher the better."""
        found = {}
        for name, base in self._bases.items():
            copies = [
                perturbed(self._image, saliency, base, insertion, self._every)[1:]
                for insertion in METRICS.values()
            ]
            scores = self._score(np.concatenate(copies))[:, label].reshape(len(METRICS), -1)
            changes = scores - self._firsts[name][:, [label]]
            for (metric, insertion), change in zip(METRICS.items(), changes, strict=True):
                found[f"{metric} on {name}"] = float(1 + (change if insertion else -change).mean())
        return {on: value / 2 for on, value in found.items()}


def summary(rows: Sequence[dict[str, Any]]) -> dict[str, Any]:
    """Means over the rows by map and metric, and in how many RISE beats both random maps."""
    columns = [f"{metric} on {base}" for metric in METRICS for base in BASES]
    maps = []
    for kind in MAPS:
        own = [row["values"][kind] for row in rows if kind in row["values"]]
        pointed = [values["pointing"] for values in own if "pointing" in values]
        maps.append(
            {
                "map": kind,
                "number": len(own),
                **{on: float(np.mean([values[on] for values in own])) for on in columns if own},
                "pointing": f"{sum(pointed)} of {len(pointed)}",
            }
        )
    return {
        "maps": [row for row in maps if row["number"]],
        "above_random": {
            on: sum(
                row["values"][MAPS[0]][on] > max(row["values"][kind][on] for kind in RANDOM)
                for row in rows
            )
            for on in columns
        },
        "rows": len(rows),
        "chance": sum(row["chance"] for row in rows),
        "pointed": sum(row["chance"] > 0 for row in rows),
    }


def measure(options: argparse.Namespace) -> Iterator[record.Outcome]:
    """Every photograph, first by all but Occlusion, which takes long; a summary after each."""
    from fastxai.demo import imagenet

    photographs = Photographs(options.cache)
    maps = Maps(imagenet.classifier(), photographs, options.masks, Kept(options.cache))
    names = photographs.names[: options.photographs]
    rows: dict[tuple[str, int], dict[str, Any]] = {}
    long = [kind for kind in MAPS if kind.startswith("Occlusion")]
    for kinds in ([kind for kind in MAPS if kind not in long], long):
        for name in names:
            classes = imagenet.PHOTOGRAPHS[name].classes
            judge = Judge(photographs.probabilities, photographs.input_of(name), options.every)
            for kind in kinds:
                for label, saliency in zip(classes, maps(kind, name, classes), strict=True):
                    if label in classes[: options.classes]:
                        row = rows.setdefault((name, label), new_row(name, label))
                        row["values"][kind] = judged(judge, saliency, name, label)
            print({key: rows[key]["values"] for key in rows if key[0] == name}, flush=True)
            yield record.Outcome(summary(list(rows.values())), raw=list(rows.values()))


def new_row(name: str, label: int) -> dict[str, Any]:
    """A class of a photograph without values, and the share of its pixels that its boxes have."""
    boxes = BOXES.get((name, label), [])
    pixels = sum((box[2] - box[0]) * (box[3] - box[1]) for box in boxes)
    return {"photograph": name, "class": label, "chance": pixels / SIDE**2, "values": {}}


def judged(judge: Judge, saliency: np.ndarray, name: str, label: int) -> dict[str, Any]:
    """What a map is worth, and whether its highest pixel lies in a box of its class."""
    boxes = BOXES.get((name, label), [])
    pointing = {"pointing": any(hits(saliency, box) for box in boxes)} if boxes else {}
    return judge(saliency, label) | pointing


if __name__ == "__main__":
    record.main("maps_photographs", __doc__, OPTIONS, measure)
