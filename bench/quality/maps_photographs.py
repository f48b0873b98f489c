"""What maps of photographs are worth: pointing game, insertion and deletion.

EfficientNet-Lite0 of the extra `imagenet`, six photographs, two classes each. Maps are RISE's over
grey (0, the mean colour) and over the blurred photograph, GradCAM's, Occlusion's with its default
and its 'auto' windows, and two of random numbers: one of pixels, and one as smooth as RISE's, a
number a cell. Each is judged by insertion and deletion, whose pixels show grey or the blurred
photograph. A metric tells maps apart where RISE scores above both random maps. No time is measured.

Pointing game: as in bench.quality.maps; boxes were drawn by hand, where a class has a place that
does not fill the photograph.
"""

from __future__ import annotations

import argparse
import json
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from bench.common import record
from bench.quality.maps import hits

BASES = {"grey": 0.0, "blur": "blur"}
METRICS = {"insertion": "InsertionAUC", "deletion": "DeletionAUC"}
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
    "cache": record.Option(None, "folder that keeps values"),
}
_BATCH = 32
_CLASSES = 1000
_GRID = 10  # cells a side


def random_maps(size: int) -> list[np.ndarray]:
    """A map of random cells, enlarged as masks are, and one of random pixels."""
    from fastxai.ops import bilinear_matrix

    rng, enlarged = np.random.default_rng(0), bilinear_matrix(_GRID, size)
    return [enlarged @ rng.random((_GRID, _GRID)) @ enlarged.T, rng.random((size, size))]


def maps_of(network: Any, image: Any, classes: Sequence[int], masks: int) -> list[np.ndarray]:
    """Maps (classes, H, W) of a photograph (1, C, H, W), in the order of `MAPS`."""
    from mindspore import nn

    from fastxai.demo import imagenet
    from fastxai.explainer import RISE, GradCAM, Occlusion

    explainers = [
        *(RISE(network, nn.Softmax(), _BATCH, num_masks=masks, seed=0, base_value=base)
          for base in BASES.values()),
        GradCAM(network, layer=imagenet.LAYER),
        Occlusion(network, nn.Softmax(), _BATCH),
        Occlusion(network, nn.Softmax(), _BATCH, window="auto"),
    ]  # fmt: skip
    found = [
        np.concatenate([explainer(image, label).asnumpy()[0] for label in classes])
        if isinstance(explainer, GradCAM)
        else explainer(image, [list(classes)]).asnumpy()[0]
        for explainer in explainers
    ]
    return [*found, *([shown] * len(classes) for shown in random_maps(image.shape[-1]))]


class Judge:
    """What a map of a photograph is worth.

    Args:
        network: The classifier.
    """

    def __init__(self, network: Any) -> None:
        from mindspore import nn

        from fastxai.benchmark import Faithfulness
        from fastxai.explainer import RISE

        self._rise = RISE(network, nn.Softmax(), num_masks=2)
        self._metrics = {
            f"{name} on {base}": Faithfulness(
                _CLASSES, nn.Softmax(), metric, batch_size=_BATCH, base_value=value
            )
            for name, metric in METRICS.items()
            for base, value in BASES.items()
        }

    def __call__(self, saliency: np.ndarray, image: Any, label: int) -> dict[str, float]:
        """Every metric, by name; the higher the better."""
        import mindspore as ms

        shown = ms.Tensor(np.asarray(saliency, np.float32)[None, None])
        return {
            on: float(metric.evaluate(self._rise, image, label, shown)[0])
            for on, metric in self._metrics.items()
        }


def measure_photograph(
    name: str, network: Any, judge: Judge, options: argparse.Namespace
) -> list[dict[str, Any]]:
    """A row for each class: the values of every map."""
    import mindspore as ms

    from fastxai.demo import imagenet

    photograph = imagenet.PHOTOGRAPHS[name]
    image = ms.Tensor(imagenet.to_input(photograph.open()))
    classes = photograph.classes[: options.classes]
    maps = maps_of(network, image, classes, options.masks)
    rows = []
    for place, label in enumerate(classes):
        boxes = BOXES.get((name, label), [])
        values: dict[str, dict[str, Any]] = {}
        for kind, each in zip(MAPS, maps, strict=True):
            values[kind] = judge(each[place], image, label)
            if boxes:
                values[kind]["pointing"] = any(hits(each[place], box) for box in boxes)
        pixels = sum((box[2] - box[0]) * (box[3] - box[1]) for box in boxes)
        chance = pixels / image.shape[-1] ** 2
        rows.append({"photograph": name, "class": label, "chance": chance, "values": values})
        print(rows[-1], flush=True)
    return rows


def summary(rows: Sequence[dict[str, Any]]) -> dict[str, Any]:
    """Means over the rows by map and metric, and in how many RISE beats both random maps."""
    columns = [f"{name} on {base}" for name in METRICS for base in BASES]
    pointed = [row for row in rows if row["chance"]]
    return {
        "maps": [
            {
                "map": kind,
                **{on: float(np.mean([row["values"][kind][on] for row in rows])) for on in columns},
                "pointing": sum(row["values"][kind]["pointing"] for row in pointed),
            }
            for kind in MAPS
        ],
        "above_random": {
            on: sum(
                row["values"][MAPS[0]][on] > max(row["values"][kind][on] for kind in RANDOM)
                for row in rows
            )
            for on in columns
        },
        "rows": len(rows),
        "pointed": len(pointed),
        "chance": sum(row["chance"] for row in pointed),
    }


def measure(options: argparse.Namespace) -> Iterator[record.Outcome]:
    """Every photograph; a summary after each."""
    from fastxai.demo import imagenet

    network = imagenet.classifier()
    judge, rows = Judge(network), []
    for name in list(imagenet.PHOTOGRAPHS)[: options.photographs]:
        path = options.cache and Path(options.cache, f"{name}-maps.json")
        if path and path.is_file():
            rows += json.loads(path.read_text("utf-8"))
        else:
            rows += (own := measure_photograph(name, network, judge, options))
            if path:
                path.write_text(json.dumps(own), "utf-8")
        yield record.Outcome(summary(rows), raw=rows)


if __name__ == "__main__":
    record.main("maps_photographs", __doc__, OPTIONS, measure)
