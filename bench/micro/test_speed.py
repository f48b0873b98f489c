"""fastxai's own times and memory, to compare two states of the code with pytest-benchmark.

    python -m pytest bench/micro --benchmark-save=before
    python -m pytest bench/micro --benchmark-compare --benchmark-compare-fail=median:20%

Every benchmark is checked before it is timed. Ratios against other libraries are measured by the
modules beside this one, where contenders take turns within a repeat.
"""

from __future__ import annotations

import functools
from typing import Any

import mindspore as ms
import numpy as np
import pytest

from bench.common import explainers
from bench.common.networks import SliceNetwork
from bench.micro import memory
from bench.micro.gradients_worker import EXPLAINERS, make
from bench.micro.hot_path_worker import TARGET_CLASS, check, ops_path
from bench.micro.op_calls import BUILDERS
from bench.micro.op_calls import check as check_op
from bench.micro.op_costs import Point, points
from bench.micro.ops import one_after_other
from fastxai.explainer import RISE

OPERATORS = [(op, point) for op in BUILDERS for point in points(op)]
MASKS, BATCH = 256, 32


def _id(value: Any) -> str:
    return "-".join(map(str, value)) if isinstance(value, Point) else str(value)


@pytest.mark.benchmark(group="operators", max_time=0.2, min_rounds=7, warmup=True)
@pytest.mark.parametrize(("op", "point"), OPERATORS, ids=_id)
def test_operator(benchmark: Any, op: str, point: Point) -> None:
    check_op(op)
    benchmark(one_after_other(BUILDERS[op](point, "native")))


@pytest.mark.benchmark(group="hot path", max_time=2.0, min_rounds=7)
@pytest.mark.parametrize("what", ["fastxai_ops", "fastxai_rise"])
def test_hot_path(benchmark: Any, what: str) -> None:
    image = np.random.default_rng(0).random((3, 224, 224), np.float32) + np.float32(0.5)
    rise = RISE(SliceNetwork(), None, BATCH, num_masks=MASKS, seed=0, estimator="plain")
    explain = functools.partial(rise, ms.Tensor(image[None]), TARGET_CLASS, progress=False)
    runs = {"fastxai_ops": ops_path(image, MASKS, BATCH), "fastxai_rise": explain}
    check(runs, MASKS)
    benchmark(runs[what])


@pytest.mark.benchmark(group="gradients", max_time=2.0, min_rounds=5)
@pytest.mark.parametrize("name", EXPLAINERS)
def test_gradient_explainer(benchmark: Any, name: str) -> None:
    explainer, image = make("fastxai", name), explainers.picture()

    def explain() -> np.ndarray:
        return np.asarray(explainer(image, explainers.TARGET_CLASS).asnumpy())

    assert np.isfinite(explain()).all()
    benchmark(explain)


@pytest.mark.parametrize("explainer", ["rise", "occlusion"])
def test_memory_beyond_the_bare_passes_is_a_batch_and_a_margin(explainer: str) -> None:
    case = {"library": "ours", "mode": "pynative", "network": "cheap", "engine": "mindspore"}
    row = memory.measure_case({**case, "explainer": explainer, "count": 1024, "batch": BATCH}, {})
    assert row["beyond_bytes"] <= row["limit_bytes"]
