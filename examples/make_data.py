"""Make a data package of handwritten digits, in the layout of the tutorials' own.

Run `python examples/make_data.py` (seconds). `common/dataset.py` describes the layout.
"""

from __future__ import annotations

import argparse
import shutil
import sys
from pathlib import Path

sys.path.append(str(Path(__file__).resolve().parent / "demo"))

import numpy as np
from canvas import SIZE, Box, Picture, load_glyphs, make_picture
from common.dataset import SIDE, STAND_IN
from PIL import Image

from fastxai.demo import CLASS_NAMES

CHECKPOINT = Path(__file__).resolve().with_name("digits_resnet50.ckpt")  # of train_classifier.py
TRAIN_COUNT = 80
TEST_PAIRS = ((3, 8), (4, 0), (7, 2), (6, 5), (9, 1), (8, 2), (0, 7), (5, 3))
SEED = 11


def enlarge(image: np.ndarray) -> np.ndarray:
    """Bring a picture from 96x96 to 224x224 pixels; uint8 [96, 96, 3] -> [224, 224, 3]."""
    return np.asarray(Image.fromarray(image).resize((SIDE, SIDE), Image.Resampling.BICUBIC))


def enlarge_box(box: Box) -> Box:
    """Bring the edges of a box from 96x96 to 224x224 pixels, to the nearest pixel."""
    y0, x0, y1, x1 = (round(edge * SIDE / SIZE) for edge in box)
    return y0, x0, y1, x1


def write_pictures(folder: Path, pictures: list[Picture]) -> None:
    """Write pictures as JPEG files of 224x224 pixels, with their `annotations.txt` and `boxes.txt`.

    Args:
        folder: Where to; must exist.
        pictures: Any number, each with one digit or more.
    """
    annotations, boxes = [], []
    for number, picture in enumerate(pictures):
        labels = [CLASS_NAMES[label] for label in picture.labels]
        file = f"{number:02d}_{'_and_'.join(labels)}.jpg"
        Image.fromarray(enlarge(picture.image)).save(folder / file, quality=95)
        annotations.append(f"{file};{','.join(labels)}\n")
        for label, box in zip(labels, picture.boxes, strict=True):
            y0, x0, y1, x1 = enlarge_box(box)
            boxes.append(f"{file};{label};{x0},{y0},{x1},{y1}\n")
    (folder / "annotations.txt").write_text("".join(annotations))
    (folder / "boxes.txt").write_text("".join(boxes))


def make_data(folder: Path) -> None:
    """Make the data package; the same pixels each time.

    Args:
        folder: Where to; must not exist. It is there when all of it is.

    Raises:
        FileExistsError: `folder` exists.
        ImportError: scikit-learn is not installed.
    """
    if folder.exists():
        raise FileExistsError(f"make_data: {folder} exists; remove it first.")
    seen, unseen = load_glyphs("train"), load_glyphs("test")  # or says what is not installed
    unfinished = folder.with_name(folder.name + ".unfinished")
    shutil.rmtree(unfinished, ignore_errors=True)
    for part in ("ckpt", "train", "test"):
        (unfinished / part).mkdir(parents=True)
    rng = np.random.default_rng(SEED)
    digits = rng.permutation(np.arange(TRAIN_COUNT) % len(CLASS_NAMES))
    train = [make_picture(rng, seen, "single", (int(digit),)) for digit in digits]
    test = [make_picture(rng, unseen, "pair", pair) for pair in TEST_PAIRS]
    write_pictures(unfinished / "train", train)
    write_pictures(unfinished / "test", test)
    (unfinished / "classes.txt").write_text("".join(f"{name}\n" for name in CLASS_NAMES))
    shutil.copyfile(CHECKPOINT, unfinished / "ckpt" / "resnet50.ckpt")
    unfinished.rename(folder)


def main() -> None:
    """Read the command line and make the package."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--output", type=Path, default=STAND_IN, metavar="FOLDER")
    options = parser.parse_args()
    make_data(options.output)
    print(f"wrote {options.output}/")


if __name__ == "__main__":
    main()
