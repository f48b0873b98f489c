"""Runs that stop by themselves or are gone on with, scored by another engine than MindSpore."""

import mindspore as ms
import numpy as np
import pytest
from mindspore import nn

from fastxai.explainer import RISE
from tests import _networks as networks
from tests._compare import NETWORK_ATOL, assert_close
from tests.engine.test_explainers import MAKERS
from tests.masks.test_stopping import BOTH, auto
from tests.perturbation.test_run_state import StoppedError, end_at

TARGETS = [[1, 2], [0, 2]]


@pytest.mark.parametrize("design", ["iid", "oa128"])
def test_a_run_stops_where_mindspores_does(engine, design):
    expected = auto(design=design, engine="mindspore")(BOTH, [[2, 1], [0, 4]], ret="result")
    assert expected.reached.all()
    for per_eval in (64, 100):
        rise = auto(per_eval, design=design, engine=engine)
        found = rise(BOTH, [[2, 1], [0, 4]], ret="result")
        assert found.engine == engine
        assert found.num_masks.tolist() == expected.num_masks.tolist()
        assert_close(found.saliency, expected.saliency, atol=NETWORK_ATOL)
        assert_close(found.standard_error, expected.standard_error, atol=NETWORK_ATOL)
        assert_close(found.correlation, expected.correlation, atol=1e-4)


RUNS = {
    **MAKERS,
    "auto iid": lambda network, **options: RISE(
        network, nn.Softmax(), 100, num_masks="auto", tol=0.9, design="iid", seed=8, **options
    ),
    "oa128": lambda network, **options: RISE(
        network, nn.Softmax(), 50, num_masks=384, design="oa128", seed=8, **options
    ),
}


@pytest.mark.parametrize("make", RUNS.values(), ids=RUNS)
def test_a_run_that_goes_on_gives_the_bits_of_one_that_was_never_interrupted(
    make, engine, images, tmp_path
):
    network = networks.SmallConv()

    def explainer():
        return make(network, engine=engine)

    given, totals, seen = ms.Tensor(images), [], []
    expected = explainer()(given, TARGETS, ret="result", progress=lambda d, t: totals.append(d))
    path = tmp_path / "run.npz"
    for unit in (1, totals[-1] // 2, totals[-1] - 1):
        with pytest.raises(StoppedError):
            explainer()(given, TARGETS, ret="result", progress=end_at(unit), state=path)
    found = explainer()(
        given, TARGETS, ret="result", state=path, progress=lambda d, t: seen.append(d)
    )
    assert found.engine == expected.engine == engine
    np.testing.assert_array_equal(found.saliency, expected.saliency)
    np.testing.assert_array_equal(found.num_masks, expected.num_masks)
    assert len(seen) < len(totals)  # it did not begin again


def test_a_state_of_another_engine_is_refused(engine, images, tmp_path):
    path = tmp_path / "run.npz"
    make = RUNS["RISE"]
    with pytest.raises(StoppedError):
        make(networks.SmallConv(), engine=engine)(
            ms.Tensor(images), TARGETS, state=path, progress=end_at(100)
        )
    with pytest.raises(ValueError, match="engine"):
        make(networks.SmallConv(), engine="mindspore")(ms.Tensor(images), TARGETS, state=path)
