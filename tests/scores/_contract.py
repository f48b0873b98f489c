"""What `score=` means for the explainers of every framework.

A family inherits `ScoreContract`, or the shorter `ScoreMaps`, and defines
`explainer(kind, activation, **settings)`: a RISE or an Occlusion of `outputs` below, written in its
framework, that takes and gives arrays.
"""

import numpy as np
import pytest

from fastxai import reference
from fastxai.scores import ClassScore, Margin, MaskMean, NegativeClass, Similarity, Value

CLASSES, SIZE = 3, (12, 9)
WEIGHT = np.random.default_rng(3).normal(size=(CLASSES, 2)).astype(np.float32)
IMAGES = np.random.default_rng(4).normal(size=(2, 2, *SIZE)).astype(np.float32)
REGION = np.zeros(SIZE, bool)
REGION[3:7, 2:6] = True
REFERENCES = np.random.default_rng(5).normal(size=(2, CLASSES * SIZE[0] * SIZE[1]))
MASKS, SEED = 65, 6


def outputs(batch):
    """Scores (M, 3, 12, 9) of every pixel: a convolution of one pixel, in float64."""
    return np.einsum("kc,mcyx->mkyx", WEIGHT.astype(np.float64), batch)


def softmax(values):
    powers = np.exp(values - values.max(axis=1, keepdims=True))
    return powers / powers.sum(axis=1, keepdims=True)


def column(values, label):
    return values[:, label].mean(axis=(1, 2))


def cosines(values):
    rows = values.reshape(len(values), -1)
    lengths = np.linalg.norm(rows, axis=1)[:, None] * np.linalg.norm(REFERENCES, axis=1)
    return rows @ REFERENCES.T / lengths


# name: (score, activation, the same by hand: outputs (M, 3, 12, 9) to (M, T))
SCORES = {
    "logit": (1, None, lambda v: column(v, 1)[:, None]),
    "probability": (ClassScore(1), "softmax", lambda v: column(softmax(v), 1)[:, None]),
    "negative": (NegativeClass(2), "softmax", lambda v: -column(softmax(v), 2)[:, None]),
    "margin": (Margin(0, 2), None, lambda v: (column(v, 0) - column(v, 2))[:, None]),
    "runner-up": (
        Margin(0),
        "softmax",
        lambda v: (
            column(softmax(v), 0) - np.maximum(column(softmax(v), 1), column(softmax(v), 2))
        )[:, None],
    ),
    "similarity": (Similarity(REFERENCES), None, cosines),
    "region": (
        MaskMean(REGION, 1),
        "softmax",
        lambda v: softmax(v)[:, 1, 3:7, 2:6].mean(axis=(1, 2))[:, None],
    ),
    "value": (Value(2), None, lambda v: column(v, 2)[:, None]),
    "function": (
        lambda found: found[:, :2, 0, 0] ** 2,
        None,
        lambda v: v[:, :2, 0, 0] ** 2,
    ),
}


def by_hand(image, score):
    """Maps (T, H, W) of RISE's plain sum, dense, in float64."""
    cells, shifts = reference.mask_grid(SEED, 0, MASKS, (4, 5), 2**31, (11, 11))
    masks = reference.mask_upsample(cells, shifts, SIZE, (SIZE[0] + 10, SIZE[1] + 10))[:, 0]
    scores = score(outputs(image[None].astype(np.float64) * masks[:, None]))
    return np.einsum("mt,myx->tyx", scores, masks) / MASKS


def covered(image, score):
    """Maps (T, H, W) of Occlusion with windows of 3 without overlap, in float64."""
    whole = score(outputs(image[None].astype(np.float64)))[0]
    maps = np.zeros((len(whole), *SIZE))
    for y in range(0, SIZE[0], 3):
        for x in range(0, SIZE[1], 3):
            copy = image[None].astype(np.float64)
            copy[..., y : y + 3, x : x + 3] = 0
            drop = np.abs(whole - score(outputs(copy))[0]) / 2
            maps[:, y : y + 3, x : x + 3] = drop[:, None, None]
    return maps


class ScoreMaps:
    RISE = {"num_masks": MASKS, "seed": SEED, "grid_size": (4, 5), "design": "iid"}

    def check_rise(self, name):
        score, activation, same = SCORES[name]
        rise = self.explainer("RISE", activation, score=score, estimator="plain", **self.RISE)
        maps = rise(IMAGES)
        for image, found in zip(IMAGES, maps, strict=True):
            expected = by_hand(image, same)
            np.testing.assert_allclose(found, expected, atol=2e-5 * np.abs(expected).max() + 1e-6)

    @pytest.mark.parametrize("name", ["similarity", "region"])
    def test_rise_sums_the_score(self, name):
        self.check_rise(name)

    def test_occlusion_is_the_drop_of_the_score(self):
        score, activation, same = SCORES["runner-up"]
        maps = self.explainer("Occlusion", activation, score=score, window=3)(IMAGES[:1])
        expected = covered(IMAGES[0], same)
        np.testing.assert_allclose(maps[0], expected, atol=2e-5 * np.abs(expected).max() + 1e-6)


class ScoreContract(ScoreMaps):
    @pytest.mark.parametrize("name", [n for n in SCORES if n not in ("similarity", "region")])
    def test_rise_sums_any_score(self, name):
        self.check_rise(name)

    def test_targets_are_columns_of_the_score(self):
        rise = self.explainer("RISE", None, score=Similarity(REFERENCES), **self.RISE)
        both = rise(IMAGES)
        np.testing.assert_array_equal(rise(IMAGES, 1), both[:, 1:])
        np.testing.assert_array_equal(rise(IMAGES, [[1, 0], [0, 1]])[0], both[0, ::-1])
        with pytest.raises(ValueError, match=r"`targets` must be in \[0, 2\), got 2"):
            rise(IMAGES, 2)

    @pytest.mark.parametrize(
        ("score", "error", "words"),
        [
            ("cat", TypeError, "`score` must be a class index, a score of fastxai.scores or"),
            (Margin, TypeError, "the class Margin"),
            (-1, ValueError, "`label` must be in"),
            (7, ValueError, "the network has 3 scores, got 7: a class must be in"),
            (lambda v: v, ValueError, r"`score` must return \(M, T\) scores for M images, got sha"),
            (lambda v: v[0, :, 0, 0], ValueError, r"got shape \(3,\) for outputs of shape \(1, 3"),
            (lambda v: "a", TypeError, "RISE: `score` must return an array of numbers, got <U1"),
            (MaskMean(REGION[:4], 1), ValueError, r"`region` is of shape \(4, 9\)"),
            (Similarity(np.ones(5)), ValueError, "have 324 values and `references` 5"),
        ],
        ids=range(9),
    )
    def test_a_wrong_score_is_an_error_in_words(self, score, error, words):
        with pytest.raises(error, match=words):
            self.explainer("RISE", None, score=score, **self.RISE)(IMAGES[:1])

    def test_a_margin_of_a_class_over_itself_is_refused(self):
        with pytest.raises(ValueError, match="Margin: .* two classes, got 1 twice"):
            Margin(1, 1)

    def test_scores_that_are_not_finite_are_refused(self):
        score = self.explainer("RISE", None, score=lambda v: v[:, 0, 0, 0] / 0.0, **self.RISE)
        words = "RISE: `score` returned numbers that are not finite"
        with np.errstate(all="ignore"), pytest.raises(ValueError, match=words):
            score(IMAGES[:1])

    def test_a_state_file_knows_the_score(self, tmp_path):
        state = tmp_path / "run.npz"
        first = self.explainer("RISE", None, score=Margin(1), **self.RISE)(IMAGES, state=state)
        again = self.explainer("RISE", None, score=Margin(1), **self.RISE)(IMAGES, state=state)
        np.testing.assert_array_equal(first, again)
        for other in (Margin(2), None):
            with pytest.raises(ValueError, match="run with score"):
                self.explainer("RISE", None, score=other, **self.RISE)(IMAGES, 0, state=state)
        unnamed = self.explainer("RISE", None, score=lambda v: v[:, 0, 0, 0], **self.RISE)
        with pytest.raises(ValueError, match="what `score` computes: give the function an attrib"):
            unnamed(IMAGES, state=tmp_path / "other.npz")

    def test_a_call_without_a_score_is_one_of_classes(self):
        plain = self.explainer("RISE", None, **self.RISE)(IMAGES, 1)
        scored = self.explainer("RISE", None, score=1, **self.RISE)(IMAGES)
        np.testing.assert_allclose(plain, scored, atol=1e-6)
