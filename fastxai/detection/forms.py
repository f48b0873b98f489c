"""Output forms of detectors, read as boxes with class scores; NumPy alone."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from fastxai.system.tensors import as_array


@dataclass(frozen=True)
class Detection:
    """An object that was found.

    Attributes:
        box: (left, top, right, bottom) in pixels.
        label: Its class.
        confidence: Largest class score times objectness.
        scores: (K,) of the classes.
    """

    box: tuple[float, float, float, float]
    label: int
    confidence: float
    scores: tuple[float, ...]


@dataclass(frozen=True)
class Proposals:
    """All boxes of one image.

    Attributes:
        boxes: (A, 4), left, top, right, bottom, in pixels.
        scores: (A, K) of the classes.
        objectness: (A,) how sure the detector is that there is an object of the likeliest class.
    """

    boxes: np.ndarray
    scores: np.ndarray
    objectness: np.ndarray


_TORCHVISION = {"boxes", "labels", "scores"}  # keys of a detection network of torchvision
Form = Callable[[Any, tuple[int, int], int], list[Proposals]]


def yolov8(outputs: Any, size: tuple[int, int], classes: int) -> list[Proposals]:
    """One array (M, 4 + K, A): centre, width and height in pixels, then K class scores.

    It has no objectness; the largest class score takes its place.
    """
    rows = _single("yolov8", outputs).transpose(0, 2, 1)
    _check_width("yolov8", rows.shape[2], 5)
    return [Proposals(_corners(r[:, :4]), r[:, 4:], r[:, 4:].max(axis=1)) for r in rows]


def yolov5(outputs: Any, size: tuple[int, int], classes: int) -> list[Proposals]:
    """One array (M, A, 5 + K): centre, width and height in pixels, objectness, K class scores."""
    rows = _single("yolov5", outputs)
    _check_width("yolov5", rows.shape[2], 6)
    return [Proposals(_corners(r[:, :4]), r[:, 5:], r[:, 4] * r[:, 5:].max(axis=1)) for r in rows]


def ssd(outputs: Any, size: tuple[int, int], classes: int) -> list[Proposals]:
    """Boxes (M, A, 4), corners as shares of the image, and class scores (M, A, K).

    Class 0 is the background. It is left out, and the others keep their numbers. Where K is 4 too,
    the boxes come first, or have "box" in their name.
    """
    if isinstance(outputs, Mapping):
        outputs = [
            outputs[name] for name in sorted(outputs, key=lambda name: "box" not in str(name))
        ]
    arrays = [as_array(each).astype(np.float64) for each in _several("ssd", outputs)]
    boxes = next((each for each in arrays if each.ndim == 3 and each.shape[2] == 4), None)
    scores = next((each for each in arrays if each.ndim == 3 and each is not boxes), None)
    if boxes is None or scores is None or boxes.shape[:2] != scores.shape[:2]:
        shapes = [each.shape for each in arrays]
        raise ValueError(
            f"`network` must return (M, A, 4) boxes and (M, A, K) scores, got {shapes}."
        )
    scale = np.array([size[1], size[0], size[1], size[0]], np.float64)
    objects = scores.copy()
    objects[:, :, 0] = 0
    return [
        Proposals(box * scale, score, score.max(axis=1))
        for box, score in zip(boxes, objects, strict=True)
    ]


def torchvision(outputs: Any, size: tuple[int, int], classes: int) -> list[Proposals]:
    """Of one image: boxes (A, 4), corners in pixels, labels (A,) and scores (A,), in any order.

    The labels are the only array of integers. Each detection has a score for its class alone.
    A dict with these names may hold more, and may be the only one in a list.
    """
    if isinstance(outputs, (tuple, list)) and len(outputs) == 1 and not hasattr(outputs[0], "ndim"):
        outputs = outputs[0]
    if isinstance(outputs, Mapping) and outputs.keys() >= _TORCHVISION:
        outputs = {name: outputs[name] for name in sorted(_TORCHVISION)}
    arrays = [as_array(each) for each in _several("torchvision", outputs)]
    if any(each.ndim == 3 for each in arrays):  # an axis of one image in front
        arrays = [each[0] for each in arrays]
    boxes = next((each for each in arrays if each.ndim == 2 and each.shape[1] == 4), None)
    labels = next((each for each in arrays if each.ndim == 1 and each.dtype.kind in "iu"), None)
    scores = next((each for each in arrays if each.ndim == 1 and each.dtype.kind == "f"), None)
    if boxes is None or labels is None or scores is None:
        shapes = [f"{each.dtype}{each.shape}" for each in arrays]
        raise ValueError(
            "`network` must return (A, 4) boxes, (A,) integer labels and (A,) scores, got "
            f"{shapes}."
        )
    width = max(classes, int(labels.max(initial=-1)) + 1, 1)
    table = np.zeros((len(boxes), width))
    table[np.arange(len(boxes)), labels] = scores
    return [Proposals(boxes.astype(np.float64), table, scores.astype(np.float64))]


FORMS: dict[str, Form] = {
    "yolov8": yolov8, "yolov5": yolov5, "ssd": ssd, "torchvision": torchvision
}  # fmt: skip
ONE_IMAGE = ("torchvision",)  # forms without an axis of images


def iou(boxes: np.ndarray, other: np.ndarray) -> np.ndarray:
    """Intersection over union of boxes (A, 4) with boxes (T, 4), (A, T)."""
    low = np.maximum(boxes[:, None, :2], other[None, :, :2])
    high = np.minimum(boxes[:, None, 2:], other[None, :, 2:])
    common = np.clip(high - low, 0, None).prod(axis=2)
    union = _area(boxes)[:, None] + _area(other)[None] - common
    return np.divide(common, union, out=np.zeros_like(common), where=union > 0)


def similarity(found: Proposals, boxes: np.ndarray, classes: np.ndarray) -> np.ndarray:
    """D-RISE's similarity (T,) of the best proposal to each detection.

    Args:
        found: All proposals of an image.
        boxes: (T, 4) of the detections.
        classes: (T, K) their class scores.
    """
    if not len(found.boxes):
        return np.zeros(len(boxes))
    width = max(found.scores.shape[1], classes.shape[1])
    own, other = _directions(found.scores, width), _directions(classes, width)
    return (iou(found.boxes, boxes) * (own @ other.T) * found.objectness[:, None]).max(axis=0)


def _directions(rows: np.ndarray, width: int) -> np.ndarray:
    rows = np.pad(rows.astype(np.float64), ((0, 0), (0, width - rows.shape[1])))
    lengths = np.linalg.norm(rows, axis=1, keepdims=True)
    return rows / np.where(lengths > 0, lengths, 1)


def _area(boxes: np.ndarray) -> np.ndarray:
    return np.clip(boxes[:, 2:] - boxes[:, :2], 0, None).prod(axis=1)


def _corners(rows: np.ndarray) -> np.ndarray:
    half = rows[:, 2:] / 2
    return np.concatenate([rows[:, :2] - half, rows[:, :2] + half], axis=1)


def _single(form: str, outputs: Any) -> np.ndarray:
    if isinstance(outputs, (Mapping, tuple, list)):
        values = list(outputs.values()) if isinstance(outputs, Mapping) else list(outputs)
        three = [each for each in values if np.ndim(each) == 3]
        outputs = three[0] if len(three) == 1 else outputs
    if isinstance(outputs, (Mapping, tuple, list)) or np.ndim(outputs) != 3:
        raise ValueError(f"`network` must return one array of three axes for form={form!r}.")
    return as_array(outputs).astype(np.float64)


def _several(form: str, outputs: Any) -> list[Any]:
    if isinstance(outputs, Mapping):
        return list(outputs.values())
    if isinstance(outputs, (tuple, list)):
        return list(outputs)
    raise ValueError(f"`network` must return several arrays for form={form!r}, got one.")


def _check_width(form: str, width: int, least: int) -> None:
    if width < least:
        raise ValueError(
            f"`network` returns {width} numbers for each box; form={form!r} has {least} or more."
        )
