"""Train the ResNet-50 of width 8 that the tutorials explain when the data package is missing.

Run `python examples/train_classifier.py`; it writes `digits_resnet50.ckpt` and the log beside it.

A digit covers a tenth of a picture, and the mean over the 7x7 places of the last layer hides it: on
whole pictures the network was still at chance after 200 batches. So it first learns the digits from
crops of the same scale, a quarter of the work each, then whole pictures.
"""

from __future__ import annotations

import sys
from functools import partial
from pathlib import Path

sys.path.append(str(Path(__file__).resolve().parent / "demo"))

import numpy as np
from canvas import Picture
from common.dataset import SIDE, to_input
from common.resnet import resnet50
from make_data import CHECKPOINT, enlarge, enlarge_box
from PIL import Image
from train import KIND_SHARES, Batch, Job, make_batch, parse_options, train_and_save

from fastxai.demo import CLASS_NAMES

WIDTH = 8
CROPPED = 0.6  # of the training, from its start
CROP = 112  # side of a crop, pixels; every digit fits
CROP_SHARES = {"single": 0.9, "blank": 0.1}  # of the crops


def prepare(picture: Picture, mask: np.ndarray | None, rng: np.random.Generator) -> np.ndarray:
    """Turn a picture into the network's input.

    Args:
        picture: Any kind of picture.
        mask: float32 [96, 96] in [0, 1] to multiply the input with, or None.
        rng: Not used.

    Returns:
        float32 [3, 224, 224].
    """
    x = to_input(enlarge(picture.image))
    if mask is None:
        return x
    return x * np.asarray(Image.fromarray(mask).resize((SIDE, SIDE), Image.Resampling.BILINEAR))


def prepare_crop(picture: Picture, mask: np.ndarray | None, rng: np.random.Generator) -> np.ndarray:
    """Turn a part of a picture into an input, float32 [3, 112, 112]: one that holds its digit.

    Args:
        picture: With one digit or none.
        mask: float32 [96, 96] in [0, 1] to multiply the input with, or None.
        rng: Source of the place.
    """
    y0, x0, y1, x1 = enlarge_box(picture.boxes[0]) if picture.boxes else (SIDE, SIDE, 0, 0)
    top = rng.integers(max(0, y1 - CROP), min(y0, SIDE - CROP) + 1)
    left = rng.integers(max(0, x1 - CROP), min(x0, SIDE - CROP) + 1)
    return prepare(picture, mask, rng)[:, top : top + CROP, left : left + CROP]


def make(job: Job) -> Batch:
    """Make a batch of crops or, later, of whole pictures."""
    _, progress = job
    if progress < CROPPED:
        return make_batch(job, prepare_crop, CROP_SHARES)
    return make_batch(job, prepare, KIND_SHARES)


def main() -> None:
    """Train the network."""
    log = CHECKPOINT.with_suffix(".train.log")
    options = parse_options(__doc__.splitlines()[0], CHECKPOINT, log)
    train_and_save(partial(resnet50, len(CLASS_NAMES), WIDTH), options, make, prepare)


if __name__ == "__main__":
    main()
