"""The tutorials' data package: where it is, its classes, its pictures as input of the network.

    xai_examples_data/
        ckpt/resnet50.ckpt
        train/annotations.txt, *.jpg
        test/annotations.txt, *.jpg

A line of `annotations.txt` is `file;label,...`; the first label counts. The stand-in that
`make_data.py` makes has two files more: `classes.txt`, a name a line, and `test/boxes.txt`, a line
`file;label;left,top,right,bottom` for each object.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import mindspore as ms
import numpy as np
from mindspore.dataset import GeneratorDataset, transforms, vision
from PIL import Image

DATA = Path("xai_examples_data")  # in the current folder, as in mindspore_xai's tutorial
STAND_IN = Path("digits_examples_data")
SIDE = 224  # of the network's input, pixels
MEAN = (123.675, 116.28, 103.53)  # per channel, of pixels in [0, 255]
STD = (58.395, 57.12, 57.375)

classes = [  # of the data package: PASCAL VOC's, in alphabetical order
    *("aeroplane", "bicycle", "bird", "boat", "bottle", "bus", "car", "cat", "chair", "cow"),
    *("diningtable", "dog", "horse", "motorbike", "person", "pottedplant", "sheep", "sofa"),
    *("train", "tvmonitor"),
]

_to_square = transforms.Compose([vision.Resize(SIDE), vision.CenterCrop(SIDE)])
_normalized = transforms.Compose([vision.Normalize(MEAN, STD), vision.HWC2CHW()])


@dataclass(frozen=True)
class Example:
    """A test picture and an object in it: `box` is left, top, right, bottom in `picture`."""

    path: Path
    label: str
    box: tuple[int, int, int, int]

    @property
    def picture(self) -> Image.Image:
        """The picture as the network gets it."""
        return load_picture(self.path)

    def share(self, saliency: ms.Tensor) -> float:
        """Share of a map's energy above its mean, [1, 1, 224, 224], that lies in the box."""
        energy = saliency.asnumpy()[0, 0]
        energy = np.maximum(energy - energy.mean(), 0)
        left, top, right, bottom = self.box
        return float(energy[top:bottom, left:right].sum() / energy.sum())


def find_data() -> Path:
    """Find the data package; where there is none, make the stand-in and say so.

    Returns:
        `xai_examples_data`, or `digits_examples_data` if the current folder lacks the former.
    """
    if DATA.is_dir():
        return DATA
    print(f"No {DATA}/ in {Path.cwd()}: using handwritten digits instead, in {STAND_IN}/.")
    if not STAND_IN.is_dir():
        from make_data import make_data

        make_data(STAND_IN)
    return STAND_IN


def load_classes(data: Path) -> list[str]:
    """Names of the classes of a data package, in the order of the network's output."""
    names = data / "classes.txt"
    return names.read_text().split() if names.exists() else list(classes)


def load_example(data: Path) -> Example:
    """The picture that the tutorials explain: the boat, or the first one of the stand-in."""
    boxes = data / "test" / "boxes.txt"
    if not boxes.exists():
        return Example(data / "test" / "boat.jpg", "boat", (80, 66, 223, 196))
    file, label, box = boxes.read_text().splitlines()[0].split(";")
    left, top, right, bottom = (int(edge) for edge in box.split(","))
    return Example(data / "test" / file, label, (left, top, right, bottom))


def load_picture(path: str | Path) -> Image.Image:
    """Load a picture as the network gets it: its middle, 224x224 pixels, RGB."""
    with Image.open(path) as picture:
        return Image.fromarray(_to_square(np.asarray(picture.convert("RGB"))))


def to_input(picture: Image.Image | np.ndarray) -> np.ndarray:
    """Normalise a picture, RGB [H, W, 3] of 8 bits; float32 [3, H, W]."""
    return _normalized(np.asarray(picture))


def load_image_tensor(path: str | Path) -> ms.Tensor:
    """Load a picture as input of the network, Tensor float32 [1, 3, 224, 224]."""
    return ms.Tensor(to_input(load_picture(path))[None])


def load_dataset(path: str | Path) -> GeneratorDataset:
    """Load the pictures of a folder and their labels, in the order of its `annotations.txt`.

    Args:
        path: Folder of the data package, such as `xai_examples_data/test`.

    Returns:
        Dataset of the columns `image`, float32 [3, 224, 224], and `label`, float32 [L], one-hot.

    Raises:
        ValueError: A line of `annotations.txt` has another form, or an unknown label.
    """
    return GeneratorDataset(_Pictures(Path(path)), ["image", "label"], shuffle=False)


class _Pictures:
    """Inputs and one-hot labels of the pictures of a folder."""

    def __init__(self, folder: Path) -> None:
        names = load_classes(folder.parent)
        self._rows = np.eye(len(names), dtype=np.float32)
        self._items = []
        for line in (folder / "annotations.txt").read_text().splitlines():
            if not line.strip():
                continue
            file, separator, labels = line.strip().partition(";")
            label = labels.split(",")[0].strip()
            if not separator or label not in names:
                raise ValueError(f"{folder / 'annotations.txt'}: {line!r} has no known label.")
            self._items.append((folder / file, names.index(label)))

    def __len__(self) -> int:
        return len(self._items)

    def __getitem__(self, index: int) -> tuple[np.ndarray, np.ndarray]:
        path, label = self._items[index]
        return to_input(load_picture(path)), self._rows[label]
