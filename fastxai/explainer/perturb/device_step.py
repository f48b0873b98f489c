"""Which step scores a batch of masks where, and the step for devices other than the CPU."""

from __future__ import annotations

from typing import Any

import mindspore as ms
from mindspore import nn

from fastxai.engine.mindspore import MindSporeEngine
from fastxai.explainer.perturb.masked_step import (
    GraphStep,
    HostStep,
    HostSums,
    MaskedStep,
    StepCell,
)
from fastxai.network.evaluation import running
from fastxai.ops import has_native
from fastxai.ops.device import MaskedBatches, device_ops


class DeviceStep(HostSums):
    """Copies made on MindSpore's device, so that no batch crosses the bus; the cell gives scores.

    The scores come to the host to be looked at anyway; there they are summed, in float64.
    """

    def __init__(self, *arguments: Any) -> None:
        super().__init__(*arguments)
        made_by, _ = device_ops()
        self._copies = MaskedBatches(self._image, self._spec, tuple(self._base.tolist()), made_by)

    def _run(self, cell: nn.Cell, first: int, count: int) -> tuple[tuple[int, ...], int]:
        with running("MindSpore"):
            scores = cell(self._copies(first, self._batch)).asnumpy().copy()
        return self._add(scores, first, count)


def step_kind() -> type[MaskedStep]:
    """How MindSpore scores a batch of masks.

    In a CPU graph all is done in MindSpore ops, on a CPU else on the host, on another device (or
    where `select_device_ops` names device ops) the copies are made there.

    Raises:
        RuntimeError: The ops that were named cannot be had.
    """
    if device_ops()[0] != "host":
        return DeviceStep
    graph = ms.get_context("mode") == ms.GRAPH_MODE
    graph = graph and has_native() and ms.get_context("device_target") == "CPU"
    return GraphStep if graph else HostStep


def cell_for(step: type[MaskedStep], score: nn.Cell, batch: int, dtype: Any) -> Any:
    """What a step of this kind runs, made of the cell that gives the scores."""
    if step is GraphStep:
        return StepCell(score, batch, dtype)
    return score if step is DeviceStep else MindSporeEngine(score, str(dtype))
