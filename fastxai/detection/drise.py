"""D-RISE: RISE of a detector's similarity to a detection."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from fastxai.arguments.hints import NUMPY, in_our_words
from fastxai.arguments.settings_repr import SettingsRepr
from fastxai.detection.forms import FORMS, ONE_IMAGE, Detection, Proposals, iou, similarity
from fastxai.models.inputs import like, to_images
from fastxai.models.model import Model, as_model
from fastxai.models.rise import RISE

_OWNER = "DRISE"
_ROUNDING = 1e-2  # of confidences in half precision
_SAME = 0.5  # overlap from which the less sure of two boxes of a class is dropped


class DRISE(SettingsRepr):
    r"""Maps of what makes a detector find an object where it does.

    The score of a masked image is, of the detector's boxes, the largest similarity to the
    detection that is explained:

    .. math:: s = \mathrm{IoU}(box, box_t) \cdot \cos(class, class_t) \cdot objectness

    Masks, estimators and designs are those of `fastxai.models.RISE`.

    Args:
        network: The detector: a model of `fastxai.load`, or a function of a batch (M, C, H, W).
        form: What it returns: 'yolov8' for (M, 4 + K, A); 'yolov5' for (M, A, 5 + K); 'ssd' for
            boxes (M, A, 4) as shares of the image and scores (M, A, K) with the background first;
            'torchvision' for boxes (A, 4), labels (A,) and scores (A,) of one image.
        **settings: Arguments of `RISE`: `num_masks`, `seed`, `perturbation_per_eval` and so on.

    Raises:
        TypeError: An argument is of the wrong kind.
        ValueError: `form` is unknown, or an argument is out of range.

    Source:
        Petsiuk et al., "Black-box Explanation of Object Detectors via Saliency Maps", CVPR 2021,
        equations 1 to 3. Here objectness is the confidence of the box: objectness times the largest
        class score, or that alone where the detector has no objectness.

    Supported Platforms:
        CPU; the model may compute where it likes.

    Example:
        >>> import numpy as np
        >>> from fastxai.detection import DRISE
        >>> def detector(batch):  # one box, as sure as the left half is bright
        ...     sure = batch[:, 0, :, :8].mean(axis=(1, 2))
        ...     boxes = np.tile([4.0, 8.0, 8.0, 16.0], (len(batch), 1))
        ...     return np.concatenate([boxes, sure[:, None]], axis=1)[:, :, None]
        >>> drise = DRISE(detector, "yolov8", num_masks=64, seed=0)
        >>> image = np.ones((1, 1, 16, 16), np.float32)
        >>> found = drise.detect(image)
        >>> found[0].box, drise(image, found).shape
        ((0.0, 0.0, 8.0, 16.0), (1, 1, 16, 16))
    """

    def __init__(self, network: Any, form: str, **settings: Any) -> None:
        if form not in FORMS:
            raise ValueError(f"{_OWNER}: `form` must be one of {tuple(FORMS)}, got {form!r}.")
        self._network = network
        self._form = form
        self._model = as_model(_OWNER, network)
        self._settings = settings
        self._explainer([])  # the arguments are checked here

    def detect(self, inputs: Any, confidence: float = 0.5) -> list[Detection]:
        """Objects of an image, the surest first; of boxes that overlap by half, the surest.

        Args:
            inputs: (1, C, H, W), an array or Tensor.
            confidence: Least confidence of a detection, in [0, 1].

        Raises:
            TypeError: `inputs` is no numeric array or Tensor.
            ValueError: It is not one image, `confidence` is out of range, or the detector returns
                another form, or confidences outside [0, 1].
        """
        image = self._image(inputs)
        if not 0 <= confidence <= 1:
            raise ValueError(f"{_OWNER}: `confidence` must be in [0, 1], got {confidence}.")
        with in_our_words(_OWNER, tuple, image.shape, NUMPY):
            found = _Similarity(self._model, self._form, []).proposals(image)[0]
        _check_confidences(found, self._form)
        sure, labels = found.objectness, found.scores.argmax(axis=1)
        kept: list[int] = []
        for place in np.argsort(-sure, kind="stable"):
            if sure[place] < confidence:
                break
            rivals = [k for k in kept if labels[k] == labels[place]]
            overlaps = iou(found.boxes[[place]], found.boxes[rivals])
            if not (overlaps > _SAME).any():
                kept.append(int(place))
        return [_detection(found, k, int(labels[k])) for k in kept]

    def __call__(
        self, inputs: Any, detections: Sequence[Detection], ret: str = "tensor", **options: Any
    ) -> Any:
        """Explains detections of an image.

        Args:
            inputs: (1, C, H, W), an array or Tensor.
            detections: L of them, of `detect` or made by hand.
            ret: As of `RISE`; 'image' draws each detection's box into its picture.
            **options: Further arguments of a call of `RISE`: `show`, `progress`.

        Returns:
            Maps (1, L, H, W) float32 in the kind of `inputs`, pictures, or an `Explanation`, whose
            targets are the places in `detections`.

        Raises:
            TypeError: An argument is of the wrong kind.
            ValueError: There is no detection, or the detector returns another form.
        """
        image = self._image(inputs)
        if not detections or not all(isinstance(each, Detection) for each in detections):
            raise ValueError(
                f"{_OWNER}: `detections` must be one or more Detections. Does `detect` find any, "
                "or only below its `confidence`?"
            )
        rise = self._explainer(list(detections))
        found = rise(image, [list(range(len(detections)))], ret, **options)
        if ret == "image":
            return [[_with_box(picture, each.box) for picture, each in
                     zip(found[0], detections, strict=True)]]  # fmt: skip
        return like(inputs, found) if ret == "tensor" else found

    def _image(self, inputs: Any) -> np.ndarray:
        image = to_images(_OWNER, inputs, self._model.takes_pixels)
        if len(image) != 1:
            raise ValueError(
                f"{_OWNER}: `inputs` must be one image (1, C, H, W), got shape {image.shape}."
            )
        return image

    def _explainer(self, detections: list[Detection]) -> RISE:
        return RISE(_Similarity(self._model, self._form, detections), None, **self._settings)


class _Similarity(Model):
    """A detector as a model whose scores are similarities to detections.

    Args:
        model: The detector.
        form: What it returns.
        detections: T of them.
    """

    def __init__(self, model: Model, form: str, detections: list[Detection]) -> None:
        self._model = model
        self._form = form
        self._detections = detections
        self.name = model.name
        self.takes_pixels = model.takes_pixels
        self._boxes = np.array([each.box for each in detections]).reshape(-1, 4)
        width = max((len(each.scores) for each in detections), default=0)
        self._classes = np.zeros((len(detections), width))
        for row, each in zip(self._classes, detections, strict=True):
            row[: len(each.scores)] = each.scores

    def identity(self) -> str:
        """The detector's, and the detections."""
        return f"{self._model.identity()} {self._form} {self._detections}"

    def proposals(self, batch: np.ndarray) -> list[Proposals]:
        """All boxes of every image."""
        size, classes = (batch.shape[2], batch.shape[3]), self._classes.shape[1]
        parse = FORMS[self._form]
        if self._form in ONE_IMAGE:
            parts = [parse(self._model(image[None]), size, classes)[0] for image in batch]
        else:
            parts = parse(self._model(batch), size, classes)
        if len(parts) != len(batch):
            raise ValueError(
                f"{_OWNER}: `network` must return boxes of {len(batch)} images, got {len(parts)}."
            )
        return parts

    def __call__(self, batch: np.ndarray) -> np.ndarray:
        """Similarities (M, T)."""
        rows = [similarity(each, self._boxes, self._classes) for each in self.proposals(batch)]
        return np.array(rows)


def _detection(found: Proposals, place: int, label: int) -> Detection:
    left, top, right, bottom = (float(value) for value in found.boxes[place])
    scores = tuple(float(value) for value in found.scores[place])
    return Detection((left, top, right, bottom), label, float(found.objectness[place]), scores)


def _check_confidences(found: Proposals, form: str) -> None:
    """Refuses what no probability is: logits, or the numbers of boxes in an array of other axes.

    Raises:
        ValueError: A confidence is outside [0, 1], but for rounding, or not finite.
    """
    sure = found.objectness
    wrong = ~((sure >= -_ROUNDING) & (sure <= 1 + _ROUNDING))
    if wrong.any():
        raise ValueError(
            f"{_OWNER}: the boxes' confidences must be in [0, 1] for form={form!r}, got "
            f"{sure[wrong][0]:.4g}, for {len(sure)} boxes of {found.scores.shape[1]} classes. "
            "Either `network` returns logits, to which a function has to apply the sigmoid, or its "
            "axes are in another order than `form` says."
        )


def _with_box(picture: Any, box: tuple[float, ...]) -> Any:
    """A picture with a box drawn into it."""
    from PIL import ImageDraw

    left, top, right, bottom = box
    corners = (min(left, right), min(top, bottom), max(left, right), max(top, bottom))
    ImageDraw.Draw(picture).rectangle(corners, outline="white")
    return picture
