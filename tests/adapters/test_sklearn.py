"""Estimators of scikit-learn as models."""

import numpy as np
import pytest

pytest.importorskip("sklearn", reason="scikit-learn is not installed: pip install scikit-learn")

from sklearn.linear_model import LogisticRegression  # noqa: E402
from sklearn.neighbors import KNeighborsClassifier  # noqa: E402
from sklearn.pipeline import make_pipeline  # noqa: E402
from sklearn.preprocessing import FunctionTransformer, StandardScaler  # noqa: E402
from sklearn.svm import LinearSVC  # noqa: E402
from sklearn.tree import DecisionTreeClassifier  # noqa: E402

from fastxai.adapters.sklearn import Estimator  # noqa: E402
from fastxai.models import RISE, Occlusion  # noqa: E402

PICTURES = np.random.default_rng(0).random((60, 6, 8, 3))  # (M, H, W, C)
LABELS = np.array(["dark", "bright", "red"])[
    np.where(PICTURES[..., 0].mean(axis=(1, 2)) > 0.55, 2, PICTURES.mean(axis=(1, 2, 3)) > 0.5)
]
IMAGES = PICTURES[:2].transpose(0, 3, 1, 2).astype(np.float32)
WINDOW = {"window": 2}


def half_drops(score):
    """Occlusion's maps of class 1 by NumPy: windows of 2 x 2 side by side."""
    maps = np.zeros((2, 6, 8))
    for n, y, x in np.ndindex(2, 3, 4):
        covered = IMAGES[n].copy()
        place = slice(2 * y, 2 * y + 2), slice(2 * x, 2 * x + 2)
        covered[:, *place] = 0
        maps[n][place] = abs(score(IMAGES[n]) - score(covered)) / 2
    return maps


def test_a_flat_estimator_gets_rows_with_the_channels_last():
    fitted = LogisticRegression().fit(PICTURES.reshape(60, -1), LABELS)
    table, offset = fitted.coef_, fitted.intercept_

    def score(image):
        logits = table @ image.transpose(1, 2, 0).ravel() + offset
        return np.exp(logits[1]) / np.exp(logits).sum()

    maps = Occlusion(Estimator(fitted), **WINDOW)(IMAGES, 1)
    np.testing.assert_allclose(maps[:, 0], half_drops(score), atol=1e-6)


def test_a_flat_estimator_fitted_with_the_channels_first():
    fitted = LogisticRegression().fit(PICTURES.transpose(0, 3, 1, 2).reshape(60, -1), LABELS)

    def score(image):
        logits = fitted.coef_ @ image.ravel() + fitted.intercept_
        return np.exp(logits[1]) / np.exp(logits).sum()

    maps = Occlusion(Estimator(fitted, layout="NCHW"), **WINDOW)(IMAGES, 1)
    np.testing.assert_allclose(maps[:, 0], half_drops(score), atol=1e-6)


@pytest.mark.parametrize("layout", ["NHWC", "NCHW"])
def test_a_pipeline_that_takes_images(layout):
    axes = (1, 2) if layout == "NHWC" else (2, 3)
    channels = FunctionTransformer(lambda batch: np.asarray(batch).mean(axis=axes))
    seen = PICTURES if layout == "NHWC" else PICTURES.transpose(0, 3, 1, 2)
    fitted = make_pipeline(channels, StandardScaler(), LogisticRegression()).fit(seen, LABELS)
    scale, model = fitted[1], fitted[2]

    def score(image):
        means = (image.mean(axis=(1, 2)) - scale.mean_) / scale.scale_
        logits = model.coef_ @ means + model.intercept_
        return np.exp(logits[1]) / np.exp(logits).sum()

    maps = Occlusion(Estimator(fitted, flatten=False, layout=layout), **WINDOW)(IMAGES, 1)
    np.testing.assert_allclose(maps[:, 0], half_drops(score), atol=1e-6)


def test_rise_of_an_estimator_is_that_of_a_function():
    fitted = KNeighborsClassifier(3).fit(PICTURES.reshape(60, -1), LABELS)
    settings = {"num_masks": 128, "grid_size": 4, "seed": 3}

    def function(batch):
        return fitted.predict_proba(batch.transpose(0, 2, 3, 1).reshape(len(batch), -1))

    maps = RISE(Estimator(fitted), **settings)(IMAGES, [0, 2])
    np.testing.assert_array_equal(maps, RISE(function, **settings)(IMAGES, [0, 2]))


def test_decision_functions_and_several_outputs():
    svm = LinearSVC().fit(PICTURES.reshape(60, -1), LABELS == "red")

    def distance(image):
        return (svm.coef_ @ image.transpose(1, 2, 0).ravel() + svm.intercept_)[0]

    maps = Occlusion(Estimator(svm, method="decision_function"), **WINDOW)(IMAGES)
    np.testing.assert_allclose(maps[:, 0], half_drops(distance), atol=1e-5)
    both = np.stack([LABELS == "red", LABELS == "dark"], axis=1)
    tree = DecisionTreeClassifier(random_state=0).fit(PICTURES.reshape(60, -1), both)

    def dark(image):
        return tree.predict_proba(image.transpose(1, 2, 0).reshape(1, -1))[1][0, 1]

    maps = Occlusion(Estimator(tree), output=1, **WINDOW)(IMAGES, 1)
    np.testing.assert_allclose(maps[:, 0], half_drops(dark), atol=1e-6)


def test_a_state_file_knows_the_fitted_values(tmp_path):
    fitted = LogisticRegression().fit(PICTURES.reshape(60, -1), LABELS)
    settings = {"num_masks": 64, "grid_size": 4, "seed": 3}
    state = tmp_path / "run.npz"
    maps = RISE(Estimator(fitted), **settings)(IMAGES, 0, state=state)
    again = RISE(Estimator(fitted), **settings)(IMAGES, 0, state=state)
    np.testing.assert_array_equal(again, maps)
    fitted.coef_ = fitted.coef_ * 2
    with pytest.raises(ValueError, match="another"):
        RISE(Estimator(fitted), **settings)(IMAGES, 0, state=state)


def test_wrong_arguments_are_errors_in_words():
    with pytest.raises(TypeError, match="must be fitted, got the class LinearSVC"):
        Estimator(LinearSVC)
    with pytest.raises(TypeError, match="LinearSVC has no predict_proba; name another"):
        Estimator(LinearSVC())
    with pytest.raises(ValueError, match="`layout` must be one of"):
        Estimator(LogisticRegression(), layout="HWC")
