"""Scores for RISEPlus: those of the classifier times how much a masked image is like a real one."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager, nullcontext
from typing import Any

import mindspore as ms
import numpy as np
from mindspore import Parameter, nn

from fastxai.engine.mindspore import MindSporeEngine
from fastxai.explainer.perturb.backend import MindSporeBackend
from fastxai.explainer.perturb.compiled import CellKey
from fastxai.explainer.perturb.ood_scores import (
    OnePass,
    OoDScoreCell,
    SharedHead,
    StackedScoreCell,
    TwoPasses,
    WeightedScoreCell,
    inlier_weights,
)
from fastxai.network.evaluation import evaluating, running
from fastxai.perturbation.plan import Plan
from fastxai.scores.chosen import checked_outputs
from fastxai.tool.cv.ood_net import OoDNet

_PROBED = 4  # masked images that a head of the classifier has to prove itself on


class WeightedBackend(MindSporeBackend):
    """Scores by MindSpore or an engine, with the weights of `RISEPlus`.

    Args:
        ood_net: Scores how much an image is like a real one.
        *arguments: As of `MindSporeBackend`.
    """

    overlaps = False  # the bounds of an image lie in Parameters

    def __init__(self, ood_net: OoDNet, *arguments: Any) -> None:
        from fastxai.engine.input_dtype import InputDtype

        super().__init__(*arguments)
        self._ood_net = ood_net
        self._bounds = _new_bounds()
        self._shared_head = SharedHead(ood_net, self._network, self._output)
        self._ood_input = InputDtype(ood_net.underlying)
        self._ood_dtype: Any = None
        self._range = 0.0, 0.0  # lowest and highest OoD score of the image
        self._shape: tuple[int, ...] = ()  # (K, ...) of the classifier's outputs
        self._head: nn.Cell | None = None
        self._head_known = False

    def __getstate__(self) -> dict[str, Any]:
        return {**super().__getstate__(), "_bounds": _new_bounds()}

    @property
    def one_pass(self) -> bool | None:
        """Whether the last call took both scores from one pass; None before it."""
        return self._head is not None if self._head_known else None

    def begin(self, scored_by: str) -> None:
        """A call begins; the OoDNet's classifier may have other layers than in the last one."""
        super().begin(scored_by)
        self._head_known = False
        with running(self.owner):
            if self._ood_net.refresh():
                self.compiled.clear()
                self._shared_head.forget()
                self._ood_dtype = None

    @contextmanager
    def scoring(self, images: np.ndarray) -> Iterator[None]:
        """Both networks are evaluated in here."""
        with evaluating(self._ood_net), self._distinct_names(), super().scoring(images):
            yield

    def _distinct_names(self) -> AbstractContextManager[None]:
        """Other names for the OoDNet's classifier where it is not the network.

        MindSpore renames every Parameter of a Cell in which two of them have one name, for good.
        """
        shared = self._ood_net.underlying is self._network
        return nullcontext() if shared else self._ood_net.renamed()

    def begin_image(self, image: np.ndarray, plan: Plan) -> None:
        """Finds the bounds of an image's OoD scores; in the first one, what gives both scores.

        Raises:
            ValueError: An OoD score is not finite.
        """
        blank = plan.base.picture_of(image)
        with running(self.owner):
            bounds = [self._ood_score(blank), self._ood_score(image)]
        if not np.isfinite(bounds).all():
            raise ValueError(
                f"{self.owner}: `ood_net` returned scores that are not finite, {bounds[0]} for "
                f"the masked image and {bounds[1]} for the image. Check its weights."
            )
        for parameter, value in zip(self._bounds, bounds, strict=True):
            parameter.set_data(ms.Tensor([value], ms.float32))
        self._range = bounds[0], bounds[1]
        if not self._head_known and self._chosen is not None:
            with self._cell("top class", self.dtype) as cell:
                outputs = MindSporeEngine(cell)(np.ascontiguousarray(image[None]))
            self._shape = outputs.shape[1:]
        if not self._head_known:
            with running(self.owner):
                self._find_head(image, plan)

    def _ood_score(self, image: np.ndarray) -> float:
        """Largest OoD score of one image (C, H, W)."""
        if self._ood_dtype is None:
            self._ood_dtype = self._ood_input.of(image)
        with self.compiled.using(self._ood_key, self._ood_cell) as cell:
            return float(cell(ms.Tensor(np.ascontiguousarray(image[None]))).asnumpy()[0, 0])

    def _find_head(self, image: np.ndarray, plan: Plan) -> None:
        """Whether the class scores can be had from the OoDNet's features."""
        copies = np.empty((min(_PROBED, plan.units), *image.shape), np.float32)
        plan.source(image).fill(copies, 0)
        before, self._head = self._head, self._shared_head.find(copies, self.dtype)
        self._head_known = True
        if self._head is not before:
            self.compiled.clear(self._ood_key)

    @property
    def _ood_key(self) -> CellKey:
        return CellKey("ood score", str(self._ood_dtype))

    def _ood_cell(self) -> OoDScoreCell:
        return OoDScoreCell(self._ood_net, self._ood_dtype)

    def _both_scores(self, dtype: Any) -> TwoPasses | OnePass:
        if self._head is not None:
            whole = self._chosen is not None
            return OnePass(self._ood_net, self._head, self._activation_fn, dtype, whole)
        return TwoPasses(self.plain_cell(dtype), self._ood_cell())

    def score_cell(self, dtype: Any) -> nn.Cell:
        """Images to weighted scores (M, K) float32."""
        if self._chosen is not None:
            return self.exported_cell(dtype)
        return WeightedScoreCell(self._both_scores(dtype), *self._bounds)

    def _engine_of_classes(self, images: np.ndarray, plan: Plan) -> None:
        return None  # it gives OoD scores too

    def exported_cell(self, dtype: Any) -> nn.Cell:
        """Images to class scores with the OoD score behind them, (M, K + 1) float32."""
        return StackedScoreCell(self._both_scores(dtype), whole=self._chosen is not None)

    def read(self, outputs: np.ndarray, rows: int) -> np.ndarray:
        """Weighted scores (M, K) of what `exported_cell` gives for so many images."""
        checked_outputs(self.owner, outputs, rows)
        scores = outputs[:, :-1]
        if self._chosen is not None:
            scores = self.read_plain(scores.reshape(rows, *self._shape), rows)
        return scores * inlier_weights(outputs[:, -1:], *self._range)

    def scored_cells(self) -> tuple[nn.Cell, ...]:
        """All that the scores depend on."""
        return *super().scored_cells(), self._ood_net


def _new_bounds() -> list[Parameter]:
    """The lowest and the highest OoD score of an image."""
    return [
        Parameter(ms.Tensor([0.0], ms.float32), name=f"fastxai_ood_{end}", requires_grad=False)
        for end in ("low", "high")
    ]
