"""Cells and engines that give class scores and OoD scores of the same images."""

from __future__ import annotations

import functools
from typing import Any

import mindspore as ms
import numpy as np
from mindspore import Parameter, mint, nn, ops

from fastxai.explainer.perturb.compiled import CellKey, CompiledCells
from fastxai.network.scores import ScoreCell, activated, chosen_output, class_scores
from fastxai.tool.cv.ood_net import OoDNet

_EPS = float(np.finfo(np.float64).eps)
_PROBE_ATOL = (
    1e-6  # of scores, relative to the largest: the same products, perhaps summed otherwise
)
_MOST_HEADS = 4  # that are tried


class OoDScoreCell(nn.Cell):
    """Images to their largest OoD score, (M, 1) float32."""

    def __init__(self, ood_net: OoDNet, dtype: Any) -> None:
        super().__init__(auto_prefix=False)
        self.ood_net = ood_net
        self.dtype = dtype

    def construct(self, images: ms.Tensor) -> ms.Tensor:
        """Scores of images (M, C, H, W)."""
        return self.ood_net(images.astype(self.dtype)).max(axis=1, keepdims=True)


class TwoPasses(nn.Cell):
    """Images to activated scores (M, K) and OoD scores (M, 1): two passes through a network."""

    def __init__(self, score: ScoreCell, ood_score: OoDScoreCell) -> None:
        super().__init__(auto_prefix=False)
        self.score = score
        self.ood_score = ood_score

    def construct(self, images: ms.Tensor) -> tuple[ms.Tensor, ms.Tensor]:
        """Both scores of images (M, C, H, W); the first network may write into its input."""
        return self.score(ops.deepcopy(images)), self.ood_score(images)


class OnePass(nn.Cell):
    """The same from one pass, where a head of the classifier turns features into its scores."""

    def __init__(
        self, ood_net: OoDNet, head: nn.Cell, activation: nn.Cell, dtype: Any, whole: bool = False
    ) -> None:
        super().__init__(auto_prefix=False)
        self.ood_net = ood_net
        self.head = head
        self.activation = activation
        self.dtype = dtype
        self.whole = whole  # keep further axes of the classifier's outputs

    def construct(self, images: ms.Tensor) -> tuple[ms.Tensor, ms.Tensor]:
        """Both scores of images (M, C, H, W)."""
        features = self.ood_net.features_of(images.astype(self.dtype))
        # First, since the head may write into its input.
        ood_scores = self.ood_net.scores_of(features).max(axis=1, keepdims=True)
        outputs = self.head(features)
        if self.whole:
            scores = activated(outputs, self.activation)
        else:
            scores = class_scores(outputs, self.activation)
        return scores.astype(ms.float32), ood_scores


class WeightedScoreCell(nn.Cell):
    """Images to activated scores times their inlier weight, (M, K) float32.

    The bounds of the OoD score are Parameters (1,): they change with the image that is explained,
    and nothing is compiled again.
    """

    def __init__(self, both: TwoPasses | OnePass, low: Parameter, high: Parameter) -> None:
        super().__init__(auto_prefix=False)
        self.both = both
        self.low = low
        self.high = high

    def construct(self, images: ms.Tensor) -> ms.Tensor:
        """Weighted scores of images (M, C, H, W)."""
        scores, ood_scores = self.both(images)
        inlier = ops.minimum(ops.maximum(ood_scores, self.low), self.high)
        weights = (inlier - self.low) / (self.high - self.low + _EPS)
        if scores.shape[0] == weights.shape[0]:  # else for the caller to refuse
            scores = scores * weights
        return scores


class StackedScoreCell(nn.Cell):
    """Images to activated scores with the OoD score behind them, (M, K + 1) float32.

    Args:
        both: Gives both.
        whole: The scores have further axes, which become one with their classes.
    """

    def __init__(self, both: TwoPasses | OnePass, whole: bool = False) -> None:
        super().__init__(auto_prefix=False)
        self.both = both
        self.whole = whole

    def construct(self, images: ms.Tensor) -> ms.Tensor:
        """Scores of images (M, C, H, W)."""
        scores, ood_scores = self.both(images)
        if self.whole:
            scores = scores.reshape(scores.shape[0], -1)
        return ops.cat((scores, ood_scores), axis=1)


def inlier_weights(ood_scores: np.ndarray, low: float, high: float) -> np.ndarray:
    """The weights (M, 1) float32 of a `WeightedScoreCell`, on the host.

    Args:
        ood_scores: (M, 1) float32.
        low: OoD score of the masked image.
        high: OoD score of the image.
    """
    least, most = np.float32(low), np.float32(high)
    inlier = np.minimum(np.maximum(ood_scores, least), most)
    return (inlier - least) / (most - least + np.float32(_EPS))


class HeadProbe(nn.Cell):
    """Images to the scores of a supposed head on the features, and to those of the classifier."""

    def __init__(
        self, ood_net: OoDNet, head: nn.Cell, dtype: Any, output: tuple[int | str, ...]
    ) -> None:
        super().__init__(auto_prefix=False)
        self.ood_net = ood_net
        self.head = head
        self.network = ood_net.underlying
        self.dtype = dtype
        self.output = output

    def construct(self, images: ms.Tensor) -> tuple[ms.Tensor, ms.Tensor]:
        """Both scores of images (M, C, H, W)."""
        images = images.astype(self.dtype)
        features = self.ood_net.features_of(ops.deepcopy(images))  # it may write into its input
        return self.head(features), chosen_output(self.network(images), self.output)


class SharedHead:
    """Finds the part of an OoDNet's classifier that turns features into class scores.

    `output_features` only says what `construct` returns; which layers follow the features stands
    nowhere. So a layer (or the layers of a SequentialCell) that takes as many numbers as there are
    features is tried: it is the head if it gives the classifier's scores of real images.

    Args:
        ood_net: The OoDNet.
        network: The classifier that is explained.
        output: Indices and keys that lead to the scores in what it returns.
    """

    def __init__(
        self, ood_net: OoDNet, network: nn.Cell, output: tuple[int | str, ...] = ()
    ) -> None:
        self._ood_net = ood_net
        self._output = output
        self._network = network
        self._probes: CompiledCells[HeadProbe] = CompiledCells()

    def find(self, images: np.ndarray, dtype: Any) -> nn.Cell | None:
        """The head, or None where another network is explained or no layer proves to be it.

        Args:
            images: (M, C, H, W) float32, not all alike.
            dtype: What the classifier computes in.
        """
        if self._ood_net.underlying is not self._network:
            return None
        for head in self._candidates():
            key = CellKey(f"head {id(head)}", str(dtype))
            with self._probes.using(key, functools.partial(self._probe, head, dtype)) as probe:
                pair = probe(ms.Tensor(images))
            ours, theirs = (scores.astype(ms.float32).asnumpy() for scores in pair)
            if ours.shape == theirs.shape and np.isfinite(theirs).all():
                allowed = _PROBE_ATOL * np.abs(theirs).max(initial=0.0)
                if np.abs(ours - theirs).max(initial=0.0) <= allowed:
                    return head
        return None

    def _probe(self, head: nn.Cell, dtype: Any) -> HeadProbe:
        return HeadProbe(self._ood_net, head, dtype, self._output)

    def forget(self) -> None:
        """Drops what was compiled, for a classifier whose layers have changed."""
        self._probes.clear()

    def _candidates(self) -> list[nn.Cell]:
        features = self._ood_net.num_features
        cells = [cell for _, cell in self._network.cells_and_names() if cell is not self._network]
        return [cell for cell in reversed(cells) if _width(cell) == features][:_MOST_HEADS]


def _width(cell: nn.Cell) -> int | None:
    """Numbers that a dense layer, or one at the start of a SequentialCell, takes."""
    if isinstance(cell, nn.Dense):
        return cell.in_channels
    if isinstance(cell, mint.nn.Linear):
        return cell.in_features
    if isinstance(cell, nn.SequentialCell):
        return next((_width(part) for part in cell if not isinstance(part, nn.Dropout)), None)
    return None
