"""RISE and Occlusion of both libraries at 224x224, as the benchmarks call them.

fastxai is imported where it is used alone: its import changes the environment that mindspore_xai is
measured in.
"""

from __future__ import annotations

import contextlib
from typing import Any

import mindspore as ms
import numpy as np
from mindspore import nn

SIZE = 224
TARGET_CLASS = 7


def picture() -> ms.Tensor:
    """The explained image (1, 3, 224, 224), noise of unit variance."""
    values = np.random.default_rng(0).standard_normal((1, 3, SIZE, SIZE))
    return ms.Tensor(values.astype(np.float32))


def images_of(explainer: str, count: int) -> int:
    """Images that are scored for so many masks or windows: Occlusion scores the picture, too."""
    return count if explainer == "rise" else count + 1


def make_ours(
    explainer: str,
    network: nn.Cell,
    batch: int,
    count: int,
    *,
    activation: nn.Cell | None = None,
    **chosen: Any,
) -> Any:
    """Fastxai's explainer.

    Args:
        explainer: 'rise' or 'occlusion'.
        network: The classifier.
        batch: Images at a time.
        count: Masks, or windows, a square number.
        activation: Softmax by default.
        **chosen: `engine` and `precision`.
    """
    from fastxai.explainer import RISE, Occlusion

    cells = (network, activation or nn.Softmax(), batch)
    if explainer == "rise":
        return RISE(*cells, num_masks=count, seed=0, **chosen)
    return Occlusion(*cells, window=SIZE // round(count**0.5), **chosen)


def make_peer(explainer: str, network: nn.Cell, batch: int, count: int) -> Any:
    """The same of mindspore_xai, which has no arguments for it."""
    from mindspore_xai.explainer import RISE, Occlusion  # type: ignore[import-not-found]

    if explainer == "rise":
        made = RISE(network, nn.Softmax(), batch)
        made._num_masks = count
        return made
    made = Occlusion(network, nn.Softmax(), batch)
    made._num_sample_per_dim = round(count**0.5)
    return made


class _EnoughError(Exception):
    """Ends a run of fastxai after its first batch."""


def first_batch(explainer: Any, inputs: ms.Tensor) -> None:
    """Runs the first batch of an explanation: what is compiled once is compiled then."""

    def stop(done: int, total: int) -> None:
        raise _EnoughError

    with contextlib.suppress(_EnoughError):
        explainer(inputs, TARGET_CLASS, progress=stop)


def warm_up_peer(explainer: str, theirs: Any, inputs: ms.Tensor) -> None:
    """The same for mindspore_xai. Its Occlusion compiles anew in every call in GRAPH mode."""
    attribute, few = ("_num_masks", 32) if explainer == "rise" else ("_num_sample_per_dim", 5)
    full = getattr(theirs, attribute)
    setattr(theirs, attribute, few)
    theirs(inputs, TARGET_CLASS)
    setattr(theirs, attribute, full)


def engine_of(
    network: nn.Cell,
    activation: nn.Cell,
    shape: tuple[int, ...],
    images: int,
    fill: Any,
    *,
    engine: str | None = None,
    precision: str | None = None,
) -> Any:
    """What scores batches of a shape, chosen as fastxai's explainers choose it.

    Where an explainer has made an engine for these cells and this shape, it is that one.

    Args:
        network: The classifier, in float32.
        activation: Acts on its output.
        shape: (M, C, H, W).
        images: That the engine is to score in all.
        fill: Writes a batch to try it with.
        engine: As of explainers.
        precision: As of explainers.
    """
    from fastxai.engine.mindspore import MindSporeEngine
    from fastxai.engine.scorer import Scorer
    from fastxai.engine.selector import Selector
    from fastxai.network.scores import ScoreCell

    selector = Selector("bench", engine, precision)
    found = Scorer("bench", activation).engine_for(selector, network, shape, images, fill)
    return found or MindSporeEngine(ScoreCell(network, activation, ms.float32))
