"""Warnings about images and scores that give plausible nonsense; NumPy alone."""

from __future__ import annotations

import numpy as np

from fastxai.arguments.caller_warning import warn_caller

_RAW_PIXELS = 20.0  # beyond what images have that were scaled to [0, 1] and normalised
_HARDLY_VARIES = 0.012  # of its level: pixels in [0, 1] less a mean of 100 and more
_TINY = 0.02  # pixels in [0, 1] over a standard deviation of 50 and more; photographs vary by 0.5
_SUM_ATOL = 1e-3  # by which probabilities of half precision miss 1
_SURE = 0.5  # a probability that neither 1/K nor small logits reach
_FEW, _SURE_OF_FEW = 4, 0.95  # of few classes logits a half apart are no rarity
_TWICE = (
    "{}: the network's outputs are probabilities already, and the softmax is applied to them once "
    "more, which makes all classes nearly equal. Leave it out: `activation_fn=None` (the command "
    "line's `--activation none`)."
)


def warn_of_inputs(owner: str, low: np.ndarray, high: np.ndarray) -> None:
    """Warns of images that look as if their preprocessing was forgotten, or done twice.

    Args:
        owner: Name for messages.
        low: (N, C) smallest value of each channel, finite.
        high: (N, C) largest value.

    Warns:
        UserWarning: The values reach from 0 to above 20, as raw pixels in [0, 255] do; or they
            differ in no channel by more than 0.02 or 1.2 % of their level, as pixels do that were
            divided by 255 twice, or were divided by it and then normalised for [0, 255].
    """
    if low.min() >= 0 and high.max() > _RAW_PIXELS:
        warn_caller(
            f"{owner}: `inputs` reach from {low.min():g} to {high.max():g}, as raw pixels do. Most "
            "networks are trained on pixels that were divided by 255 and normalised by a mean and "
            "a standard deviation. Ignore this if yours was trained on raw pixels."
        )
        return
    spread = high.astype(np.float64) - low
    level = np.maximum(np.abs(low), np.abs(high))
    if spread.max() > 0 and (spread <= np.maximum(_HARDLY_VARIES * level, _TINY)).all():
        warn_caller(
            f"{owner}: `inputs` hardly vary: the first channel lies between {low[0, 0]:.4g} and "
            f"{high[0, 0]:.4g}. Pixels look like this where they were divided by 255 twice, or "
            "where a mean and a standard deviation for [0, 255] were applied to pixels in [0, 1]: "
            "divide those two by 255."
        )


def warn_of_rounded_inputs(owner: str, images: np.ndarray) -> None:
    """Warns of scaled images for a network that takes integers, which are rounded to a few values.

    Args:
        owner: Name for messages.
        images: (N, C, H, W), finite.

    Warns:
        UserWarning: They reach over 20 at most, and not all of them are integers.
    """
    low, high = images.min(), images.max()
    if high - low <= _RAW_PIXELS and (images != np.rint(images)).any():
        warn_caller(
            f"{owner}: `inputs` reach from {low:.4g} to {high:.4g}, and `network` takes integers, "
            "to which they are rounded. Give raw pixels in [0, 255], without a mean and a standard "
            "deviation (the command line's `--std 0.00392157`)."
        )


def warn_of_probabilities(owner: str, outputs: np.ndarray) -> None:
    """Warns where a network's outputs are probabilities already, to which a softmax is applied.

    Args:
        owner: Name for messages.
        outputs: (M, K, ...) outputs before the softmax.

    Warns:
        UserWarning: All outputs are in [0, 1] and those of each position sum to 1.
    """
    if outputs.ndim < 2 or outputs.shape[1] < 2:
        return
    values = outputs.astype(np.float64)
    within = values.min() >= 0 and values.max() <= 1 + _SUM_ATOL
    if within and np.allclose(values.sum(axis=1), 1, rtol=0, atol=_SUM_ATOL):
        warn_caller(_TWICE.format(owner))


def warn_of_softmax_twice(owner: str, scores: np.ndarray) -> None:
    """Warns where scores look like a softmax of probabilities; `looks_like_softmax_twice`.

    Args:
        owner: Name for messages.
        scores: (M, K) outputs of a softmax.

    Warns:
        UserWarning: They do.
    """
    if looks_like_softmax_twice(scores):
        warn_caller(_TWICE.format(owner))


def looks_like_softmax_twice(scores: np.ndarray) -> bool:
    """Whether the outputs (M, K) of a softmax look like those of probabilities.

    A softmax is undone up to a constant, which follows from the sum of 1 that its inputs have if
    they are probabilities. Then none is negative and one is large. Logits of a trained network
    differ by more than 1; those of an untrained one are all near 1 / K, of 5 to 10 classes with
    exceptions.
    """
    if scores.ndim != 2 or scores.shape[1] < 2 or not (scores > 0).all():
        return False
    logs = np.log(scores.astype(np.float64))
    inputs = logs - logs.mean(axis=1, keepdims=True) + 1 / scores.shape[1]
    fits = inputs.min() >= -_SUM_ATOL and inputs.max() <= 1 + _SUM_ATOL
    return bool(fits and inputs.max() > (_SURE if scores.shape[1] > _FEW else _SURE_OF_FEW))


def do_not_move(scores: np.ndarray) -> bool:
    """Whether scores (M, K, ...) of different images are equal, to 4 float32 roundings."""
    values = scores.astype(np.float64)
    spread = np.ptp(values, axis=0).max()
    return len(values) > 1 and bool(spread <= 4 * np.finfo(np.float32).eps * np.abs(values).max())
