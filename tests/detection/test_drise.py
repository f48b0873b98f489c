"""D-RISE on detectors whose right maps are known."""

import numpy as np
import pytest

from fastxai.detection import DRISE, Detection
from fastxai.detection.forms import FORMS, Proposals, iou, similarity

SIDE = 32
SQUARES = {0: (4, 4, 12, 12), 1: (20, 18, 28, 26)}  # of each class: left, top, right, bottom
IMAGE = np.zeros((1, 1, SIDE, SIDE), np.float32)
for left, top, right, bottom in SQUARES.values():
    IMAGE[0, 0, top:bottom, left:right] = 1


def brightness(batch):
    """(M, 2): how much of each square is seen."""
    parts = [batch[:, 0, t:b, le:r].mean(axis=(1, 2)) for le, t, r, b in SQUARES.values()]
    return np.stack(parts, axis=1)


def boxes(count):
    return np.tile(np.array(list(SQUARES.values()), np.float32), (count, 1, 1))


def centred(corners):
    low, high = corners[..., :2], corners[..., 2:]
    return np.concatenate([(low + high) / 2, high - low], axis=-1)


def yolov8(batch):
    seen = brightness(batch)
    scores = seen[:, :, None] * np.eye(2)
    return np.concatenate([centred(boxes(len(batch))), scores], axis=2).transpose(0, 2, 1)


def yolov5(batch):
    classes = np.tile(np.eye(2), (len(batch), 1, 1))
    parts = [centred(boxes(len(batch))), brightness(batch)[:, :, None], classes]
    return {"output": np.concatenate(parts, axis=2)}


def ssd(batch):
    seen = brightness(batch)
    background = np.full((len(batch), 2, 1), 0.9)
    scores = np.concatenate([background, seen[:, :, None] * np.eye(2)], axis=2)
    return {"scores": scores, "boxes": boxes(len(batch)) / SIDE}


def torchvision(batch):
    assert len(batch) == 1
    seen = brightness(batch)[0].astype(np.float32)
    keep = seen > 0.01  # as many boxes as there are
    return boxes(1)[0][keep], np.arange(2)[keep], seen[keep]


DETECTORS = {"yolov8": yolov8, "yolov5": yolov5, "ssd": ssd, "torchvision": torchvision}


@pytest.mark.parametrize("form", FORMS)
def test_the_map_of_a_detection_lies_on_its_object(form):
    drise = DRISE(DETECTORS[form], form, num_masks=512, seed=0, grid_size=8)
    found = drise.detect(IMAGE)
    first = 1 if form == "ssd" else 0  # the background is class 0
    assert sorted(each.label for each in found) == [first, first + 1]
    assert all(each.confidence == pytest.approx(1) for each in found)
    maps = drise(IMAGE, found)[0]
    for saliency, each in zip(maps, found, strict=True):
        left, top, right, bottom = SQUARES[each.label - first]
        assert each.box == pytest.approx(SQUARES[each.label - first], abs=1e-4)
        inside = np.zeros((SIDE, SIDE), bool)
        inside[top:bottom, left:right] = True
        row, column = np.unravel_index(saliency.argmax(), saliency.shape)
        assert inside[row, column]
        # A pixel that does not matter has p times the mean score, here half of a half.
        assert np.median(saliency[~inside]) == pytest.approx(0.25, abs=0.01)
        assert saliency[inside].min() > 0.27


def test_forms_of_one_detector_have_one_map():
    maps = []
    for form in ("yolov8", "yolov5", "torchvision"):
        drise = DRISE(DETECTORS[form], form, num_masks=128, seed=0)
        target = Detection(SQUARES[1], 1, 1.0, (0.0, 1.0))
        maps.append(drise(IMAGE, [target]))
    np.testing.assert_allclose(maps[1], maps[0], atol=1e-6)
    np.testing.assert_allclose(maps[2], maps[0], atol=0.01)  # it has no boxes below 0.01


def test_overlaps_by_hand():
    one = np.array([[0.0, 0, 2, 2], [5, 5, 5, 9]])
    other = np.array([[1.0, 1, 3, 3], [0, 0, 2, 2], [5, 5, 5, 9]])
    np.testing.assert_allclose(iou(one, other), [[1 / 7, 1, 0], [0, 0, 0]])


def test_similarity_by_hand():
    found = Proposals(
        np.array([[0.0, 0, 2, 2], [1, 1, 3, 3]]),
        np.array([[0.6, 0.8], [0.0, 0.5]]),
        np.array([0.5, 1.0]),
    )
    box, classes = np.array([[0.0, 0, 2, 2]]), np.array([[0.0, 1.0]])
    # 1 x 0.8 x 0.5 of the first, 1/7 x 1 x 1 of the second
    np.testing.assert_allclose(similarity(found, box, classes), [0.4])
    none = Proposals(np.empty((0, 4)), np.empty((0, 2)), np.empty(0))
    np.testing.assert_array_equal(similarity(none, box, classes), [0.0])


def test_of_boxes_on_one_object_the_surest_is_kept():
    def twice(batch):
        found = yolov8(batch)
        weaker = found.copy()
        weaker[:, :2] += 1
        weaker[:, 4:] *= 0.9
        return np.concatenate([weaker, found], axis=2)

    assert len(DRISE(twice, "yolov8").detect(IMAGE)) == 2


def test_pictures_have_the_box():
    drise = DRISE(yolov8, "yolov8", num_masks=64, seed=0)
    picture = drise(IMAGE, drise.detect(IMAGE)[:1], "image", show=False)[0][0]
    left, top, right, bottom = SQUARES[0]
    pixels = np.asarray(picture)
    assert (pixels[top : bottom + 1, [left, right]] == 255).all()
    assert (pixels[[top, bottom], left : right + 1] == 255).all()


def test_boxes_are_told_from_the_scores_of_four_classes_by_their_name():
    def four(batch):
        found = ssd(batch)
        none = np.zeros((len(batch), 2, 1))
        return {**found, "scores": np.concatenate([found["scores"], none], axis=2)}

    found = DRISE(four, "ssd").detect(IMAGE, confidence=0.1)
    expected = DRISE(ssd, "ssd").detect(IMAGE, confidence=0.1)
    assert [each.box for each in found] == [each.box for each in expected] != []


def test_a_network_of_torchvision_returns_a_list_of_one_dict():
    def keypoints(batch):
        found = dict(zip(("boxes", "labels", "scores"), torchvision(batch), strict=True))
        return [{**found, "keypoints": np.ones((len(found["boxes"]), 5, 3), np.float32)}]

    found = DRISE(keypoints, "torchvision").detect(IMAGE, confidence=0.1)
    assert found == DRISE(torchvision, "torchvision").detect(IMAGE, confidence=0.1)
    assert found


def test_wrong_arguments_are_errors_in_words():
    with pytest.raises(ValueError, match="DRISE: `form` must be one of"):
        DRISE(yolov8, "detr")
    with pytest.raises(ValueError, match=r"one image \(1, C, H, W\)"):
        DRISE(yolov8, "yolov8").detect(np.repeat(IMAGE, 2, axis=0))
    with pytest.raises(ValueError, match="`detections` must be one or more"):
        DRISE(yolov8, "yolov8", num_masks=8)(IMAGE, [])
    for form in FORMS:
        with pytest.raises(ValueError, match="^DRISE: `network` "):
            DRISE(lambda batch: np.zeros((len(batch), 3)), form).detect(IMAGE)


def test_confidences_that_are_no_probabilities_are_refused():
    def logits(batch):
        found = yolov8(batch)
        found[:, 4:] = found[:, 4:] * 20 - 10
        return found

    with pytest.raises(ValueError, match=r"in \[0, 1\] for form='yolov8', got .* logits"):
        DRISE(logits, "yolov8").detect(IMAGE)
    with pytest.raises(ValueError, match=r"`confidence` must be in \[0, 1\], got 50"):
        DRISE(yolov8, "yolov8").detect(IMAGE, confidence=50)


def test_axes_in_another_order_are_refused():
    def many(batch):
        return np.repeat(yolov8(batch), 8, axis=2).transpose(0, 2, 1)

    with pytest.raises(ValueError, match="for 6 boxes of 12 classes.*another order"):
        DRISE(many, "yolov8").detect(IMAGE)
