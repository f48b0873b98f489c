"""Explanations in several threads of one process."""

import asyncio
import contextlib
import copy
import pickle
import threading
from concurrent.futures import ThreadPoolExecutor

import mindspore as ms
import numpy as np
import pytest
from mindspore import nn

from fastxai.benchmark import Faithfulness
from fastxai.explainer import RISE, GradCAM, Gradient, Occlusion, RISEPlus
from fastxai.network import evaluation
from fastxai.system.call_lock import CallLock
from fastxai.tool.cv import OoDNet
from tests.field._thread_networks import Trained, WithFeatures

SECONDS = 120  # after which a test takes a thread to wait for ever


def image(seed=0):
    """A Tensor (1, 3, 14, 14)."""
    values = np.random.default_rng(seed).normal(size=(1, 3, 14, 14))
    return ms.Tensor(values.astype(np.float32))


def rise(network, **settings):
    """A short run of several batches."""
    return RISE(network, nn.Softmax(), 16, **{"num_masks": 64, "seed": 0, **settings})


KINDS = [
    rise,
    lambda network: Occlusion(network, nn.Softmax(), window=5, strides=3),
    lambda network: GradCAM(network, "conv"),
    Gradient,
]


class Threads:
    """Runs functions at the same time; raises what one of them raised."""

    def __init__(self):
        self.pool = ThreadPoolExecutor(8)

    def __call__(self, *functions):
        start = threading.Barrier(len(functions))

        def run(function):
            start.wait(SECONDS)
            return function()

        futures = [self.pool.submit(run, function) for function in functions]
        return [future.result(SECONDS) for future in futures]


@pytest.fixture
def at_once():
    """Threads that end with the test."""
    threads = Threads()
    yield threads
    threads.pool.shutdown(wait=False, cancel_futures=True)


def flags(network):
    """Of all its cells."""
    return [cell.training for _, cell in network.cells_and_names()]


def test_different_explainers_of_one_network_in_training_mode(mode, at_once):
    network = Trained()
    expected = [kind(network)(image(), 1).asnumpy() for kind in KINDS]
    before = network.norm.moving_mean.asnumpy().copy()
    found = at_once(*[lambda k=kind: k(network)(image(), 1).asnumpy() for kind in KINDS])
    for one, other in zip(expected, found, strict=True):
        np.testing.assert_allclose(other, one, rtol=1e-5, atol=1e-7)
    assert all(flags(network))
    np.testing.assert_array_equal(network.norm.moving_mean.asnumpy(), before)


@pytest.mark.parametrize("kind", KINDS[:2])
def test_one_explainer_shared_by_threads(mode, kind, at_once):
    network = Trained()
    expected = [kind(network)(image(seed), 1).asnumpy() for seed in range(3)]
    shared = kind(network)
    found = at_once(*[lambda s=seed: shared(image(s), 1).asnumpy() for seed in range(3)])
    for one, other in zip(expected, found, strict=True):
        np.testing.assert_allclose(other, one, rtol=1e-5, atol=1e-7)
    assert all(flags(network))


def test_an_event_loop_that_hands_its_work_to_threads():
    network, own = Trained(), Trained(seed=1)

    async def explain():
        calls = [(rise(each), image(seed)) for seed in (0, 1) for each in (network, own)]
        return await asyncio.gather(*[asyncio.to_thread(call, x, 1) for call, x in calls])

    found = [saliency.asnumpy() for saliency in asyncio.run(explain())]
    expected = [rise(each)(image(seed), 1).asnumpy() for seed in (0, 1) for each in (network, own)]
    np.testing.assert_allclose(found, expected, rtol=1e-5, atol=1e-7)


def test_engines_are_shared_by_threads(at_once):
    pytest.importorskip("openvino")
    network = Trained()
    explainers = [rise(network, engine="openvino", num_masks=256) for _ in range(4)]
    found = at_once(*[lambda e=e, s=s: e(image(s), 1).asnumpy() for s, e in enumerate(explainers)])
    for seed, saliency in enumerate(found):
        alone = rise(network, engine="mindspore", num_masks=256)(image(seed), 1).asnumpy()
        np.testing.assert_allclose(saliency, alone, atol=1e-5)


def test_a_failure_in_one_thread_leaves_the_others_alone(at_once):
    network = Trained()
    expected = rise(network)(image(), 1).asnumpy()

    def fails():
        with pytest.raises(ValueError, match="targets"):
            rise(network)(image(), 99)

    def is_interrupted():
        def progress(done, total):
            raise KeyboardInterrupt

        with pytest.raises(KeyboardInterrupt):
            rise(network)(image(), 1, progress=progress)

    def explains():
        return rise(network)(image(), 1).asnumpy()

    for found in at_once(fails, explains, is_interrupted, explains):
        assert found is None or np.allclose(found, expected, rtol=1e-5, atol=1e-7)
    assert all(flags(network))
    np.testing.assert_allclose(explains(), expected, rtol=1e-5, atol=1e-7)


def test_a_metric_shared_by_threads(at_once):
    networks = [Trained(seed) for seed in range(3)]
    metric = Faithfulness(3, nn.Softmax(), batch_size=4)
    saliency = ms.Tensor(np.random.default_rng(5).random((1, 1, 14, 14)).astype(np.float32))

    def measure(network):
        return metric.evaluate(Gradient(network), image(), 1, saliency)[0]

    expected = [measure(network) for network in networks]
    assert len(set(expected)) == 3
    for _ in range(2):
        found = at_once(*[lambda n=network: measure(n) for network in networks])
        np.testing.assert_allclose(found, expected, rtol=1e-5)


def test_rise_plus_of_one_ood_net(at_once):
    ood_net = OoDNet(WithFeatures(0), 3)
    network = Trained(seed=1)
    names = [parameter.name for parameter in ood_net.underlying.get_parameters()]

    def explain(seed):
        settings = {"num_masks": 32, "seed": 0}
        explainer = RISEPlus(ood_net, network, nn.Softmax(), 8, **settings)
        return explainer(image(seed), 1).asnumpy()

    expected = [explain(seed) for seed in range(3)]
    found = at_once(*[lambda s=seed: explain(s) for seed in range(3)])
    np.testing.assert_allclose(found, expected, rtol=1e-4, atol=1e-7)
    assert [parameter.name for parameter in ood_net.underlying.get_parameters()] == names


# ---- calls from inside ---------------------------------------------------------------------------


@pytest.mark.parametrize("kind", KINDS[:2])
def test_progress_that_calls_its_own_explainer_is_told_so(kind):
    network = Trained()
    explainer = kind(network)
    expected = explainer(image(), 1).asnumpy()

    def progress(done, total):
        explainer(image(1), 1)

    with pytest.raises(RuntimeError, match=r"(RISE|Occlusion): it was called again before"):
        explainer(image(), 1, progress=progress)
    assert all(flags(network))
    np.testing.assert_array_equal(explainer(image(), 1).asnumpy(), expected)


def test_progress_that_calls_another_explainer_of_the_network():
    network = Trained()
    expected = [rise(network)(image(), 1).asnumpy(), Gradient(network)(image(), 2).asnumpy()]
    inner = []

    def progress(done, total):
        inner.append(Gradient(network)(image(), 2).asnumpy())
        assert not any(flags(network))

    found = rise(network)(image(), 1, progress=progress).asnumpy()
    np.testing.assert_array_equal(found, expected[0])
    for saliency in inner:
        np.testing.assert_array_equal(saliency, expected[1])
    assert len(inner) == 4
    assert all(flags(network))


def test_explainers_that_wait_for_each_other_are_told_so():
    network = Trained()
    explainers = [rise(network), rise(network)]
    both_run = threading.Barrier(2)
    words = []

    def explain(number):
        def progress(done, total):
            if done == 16:
                both_run.wait(SECONDS)
                explainers[1 - number](image(), 1)

        try:
            explainers[number](image(), 1, progress=progress)
        except RuntimeError as error:
            words.append(str(error))

    threads = [threading.Thread(target=explain, args=(n,), daemon=True) for n in range(2)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(SECONDS)
        assert not thread.is_alive()
    assert len(words) == 1
    assert "in use by a thread that waits for this one" in words[0]
    assert all(flags(network))


# ---- flags ---------------------------------------------------------------------------------------


@pytest.mark.parametrize("last", [0, 1])
def test_the_last_one_out_gives_shared_cells_back(last):
    shared = nn.Conv2d(3, 4, 3)
    networks = [Trained(0, shared), Trained(1, shared)]
    networks[1].drop.set_train(False)
    before = [flags(network) for network in networks]
    with contextlib.ExitStack() as outer, contextlib.ExitStack() as inner:
        order = (inner, outer) if last else (outer, inner)
        for stack, network in zip(order, networks, strict=True):
            stack.enter_context(evaluation.evaluating(network))
        assert not any(flags(networks[0]) + flags(networks[1]))
        inner.close()
        assert not shared.training
        assert not any(flags(networks[last]))
    assert [flags(network) for network in networks] == before


def test_nested_evaluation_ends_with_the_outer_one():
    network = Trained()
    with evaluation.evaluating(network):
        with evaluation.evaluating(network):
            pass
        assert not any(flags(network))
    assert all(flags(network))


@pytest.mark.parametrize("was", [True, False])
def test_who_asks_for_training_mode_meanwhile_gets_it_afterwards(mode, was):
    network = Trained()
    network.set_train(was)
    expected = rise(network)(image(), 1).asnumpy()
    statistics = network.norm.moving_mean.asnumpy().copy()

    def progress(done, total):
        if done == 32:
            network.set_train(True)

    found = rise(network)(image(), 1, progress=progress).asnumpy()
    np.testing.assert_array_equal(found, expected)
    np.testing.assert_array_equal(network.norm.moving_mean.asnumpy(), statistics)
    assert all(flags(network))


class Switching(Trained):
    """Put into training mode while it runs."""

    def construct(self, x):
        scores = super().construct(x)
        self.set_train(True)
        return scores


def test_training_mode_in_the_middle_of_a_pass_is_warned_of():
    with pytest.warns(RuntimeWarning, match="training mode while it was explained"):
        rise(Switching())(image(), 1)


def test_names_are_given_back_by_the_last_one():
    ood_net = OoDNet(WithFeatures(0), 3)
    parameters = list(ood_net.underlying.get_parameters())
    before = [parameter.name for parameter in parameters]
    with contextlib.ExitStack() as outer:
        with ood_net.renamed():
            outer.enter_context(ood_net.renamed())
        names = [parameter.name for parameter in parameters]
        assert names == [f"_underlying.{name}" for name in before]
    assert [parameter.name for parameter in parameters] == before


def pickled(lock):
    """A copy by way of bytes."""
    return pickle.loads(pickle.dumps(lock))


@pytest.mark.parametrize("how", [copy.copy, copy.deepcopy, pickled])
def test_a_copy_of_an_acquired_lock_is_free(how):
    lock, taken = CallLock(), []
    with lock.acquired():
        other = how(lock)

        def take():
            with other.acquired():
                taken.append(True)

        thread = threading.Thread(target=take, daemon=True)
        thread.start()
        thread.join(SECONDS)
    assert taken
