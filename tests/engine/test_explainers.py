"""Explainers and Faithfulness keep their promises whatever scores the images."""

import signal

import mindspore as ms
import numpy as np
import pytest
from mindspore import nn

import fastxai
from fastxai.benchmark import Faithfulness
from fastxai.engine import factory, selector, settings
from fastxai.engine.protocol import Engine
from fastxai.explainer import RISE, Occlusion, RISEPlus
from fastxai.explainer.perturb import graph_step
from fastxai.perturbation import sources, step
from fastxai.tool.cv import OoDNet
from tests import _networks as networks
from tests._compare import NETWORK_ATOL, assert_close
from tests.explainer.test_contract import state_of
from tests.tool import _classifiers as classifiers

OPTIONS = {"num_masks": 150, "seed": 0}
CHOICE = settings.Choice("RISE", "mindspore", "float32", "engine of a test")


def rise_plus(network, **options):
    """RISEPlus of a classifier of its own, which has features."""
    classifier = classifiers.Convolution(seed=2)
    ood_net = OoDNet(classifier, 3)
    classifiers.set_weights(ood_net, 0)
    return RISEPlus(ood_net, classifier, nn.Softmax(), **OPTIONS, **options)


MAKERS = {
    "RISE": lambda network, **options: RISE(network, nn.Softmax(), **OPTIONS, **options),
    "RISEPlus": rise_plus,
    "Occlusion": lambda network, **options: Occlusion(network, nn.Softmax(), **options),
}
explainers = pytest.mark.parametrize("make", MAKERS.values(), ids=MAKERS)


@pytest.fixture
def exports(monkeypatch):
    """The shapes of what was exported."""
    seen = []
    real = factory.exported

    def counted(cell, shape):
        seen.append(shape)
        return real(cell, shape)

    monkeypatch.setattr(factory, "exported", counted)
    return seen


@explainers
def test_the_map_is_mindspores(make, engine, mode, images):
    network = networks.SmallConv()
    expected = make(network, engine="mindspore")(ms.Tensor(images), [[1, 2], [0, 2]])
    explainer = make(network, engine=engine)
    maps = explainer(ms.Tensor(images), [[1, 2], [0, 2]])
    assert explainer.engine.engine == engine
    assert_close(maps.asnumpy(), expected.asnumpy(), atol=NETWORK_ATOL)


def test_rise_plus_of_another_network_than_the_ood_nets(engine, mode, images):
    ood_net = OoDNet(classifiers.Convolution(seed=2), 3)
    classifiers.set_weights(ood_net, 0)
    network = classifiers.Convolution(seed=5)  # its Parameters have the same names
    maps = []
    for name in ("mindspore", engine):
        explainer = RISEPlus(ood_net, network, nn.Softmax(), **OPTIONS, engine=name)
        maps.append(explainer(ms.Tensor(images), 1).asnumpy())
        assert explainer.one_pass is False
    assert_close(maps[1], maps[0], atol=NETWORK_ATOL)


@explainers
def test_the_same_map_for_any_batch_size(make, openvino, images):
    network, images = networks.SmallConv(), ms.Tensor(images)
    expected = make(network, engine=openvino, perturbation_per_eval=50)(images, 1).asnumpy()
    for per_eval in (1, 7, 1000):
        explainer = make(network, engine=openvino, perturbation_per_eval=per_eval)
        assert_close(explainer(images, 1).asnumpy(), expected, atol=NETWORK_ATOL)


@explainers
def test_the_same_bits_every_time(make, engine, images):
    explainer = make(networks.SmallConv(), engine=engine)
    maps = [explainer(ms.Tensor(images), 1).asnumpy() for _ in range(2)]
    np.testing.assert_array_equal(maps[0], maps[1])


@explainers
def test_the_network_is_given_back_as_it_came(make, openvino, mode, images):
    network = networks.SmallConv()
    explainer = make(network, engine=openvino)
    network = explainer.network
    network.set_train(True)
    network.relu.set_train(False)
    network.dense.weight.requires_grad = False
    before = state_of(network)
    explainer(ms.Tensor(images), 1)
    assert state_of(network) == before


@explainers
def test_the_network_is_evaluated_not_trained(make, openvino, images):
    maps = []
    for training in (True, False):
        explainer = make(networks.SmallConv(), engine=openvino)
        explainer.network.set_train(training)
        maps.append(explainer(ms.Tensor(images), 1).asnumpy())
    np.testing.assert_array_equal(maps[0], maps[1])


@explainers
def test_after_ctrl_c_all_is_as_it_was_and_works(make, openvino, images):
    explainer = make(networks.SmallConv(), engine=openvino)
    explainer.network.set_train(True)
    before = state_of(explainer.network)

    def interrupt(done, total):
        signal.raise_signal(signal.SIGINT)

    with pytest.raises(KeyboardInterrupt):
        explainer(ms.Tensor(images), 1, progress=interrupt)
    assert state_of(explainer.network) == before
    assert explainer(ms.Tensor(images), 1).shape == (2, 1, 20, 17)


@explainers
def test_one_engine_for_all_images_targets_and_explainers(make, openvino, exports, images):
    first = make(networks.SmallConv(), engine=openvino)
    first(ms.Tensor(images), [[0, 1, 2], [2, 1, 0]])
    first(ms.Tensor(images[:1]), 2)
    assert len(exports) == 1
    if make is not rise_plus:  # which makes a network of its own
        make(first.network, engine=openvino)(ms.Tensor(images), 0)
        assert len(exports) == 1


@explainers
def test_changed_weights_are_seen_by_the_next_call(make, openvino, exports, images):
    explainer = make(networks.SmallConv(), engine=openvino)
    before = explainer(ms.Tensor(images), 1).asnumpy()
    explainer.network.dense.weight.set_data(explainer.network.dense.weight * 2)
    after = explainer(ms.Tensor(images), 1).asnumpy()
    assert len(exports) == 2
    fastxai.set_engine("mindspore")
    explainer._selector._engine = explainer._selector._precision = None
    assert_close(after, explainer(ms.Tensor(images), 1).asnumpy(), atol=NETWORK_ATOL)
    assert np.abs(after - before).max() > 1e-4


def test_a_change_that_is_not_noticed_would_show(openvino, monkeypatch, images):
    """The planted fault: a checksum that is always the same."""
    monkeypatch.setattr(selector, "checksum", lambda found: 0)
    network = networks.SmallConv()
    explainer = MAKERS["RISE"](network, engine=openvino)
    before = explainer(ms.Tensor(images), 1).asnumpy()
    network.dense.weight.set_data(network.dense.weight * 2)
    np.testing.assert_array_equal(explainer(ms.Tensor(images), 1).asnumpy(), before)


def test_failed_exports_are_not_repeated(openvino, exports, images):
    network = nn.SequentialCell(networks.SmallConv(), nn.HShrink())
    for _ in range(2):
        MAKERS["RISE"](network)(ms.Tensor(images), 1)
        network[0].dense.weight.set_data(network[0].dense.weight * 2)
    assert len(exports) == 1


def test_weights_are_read_once_in_a_call(openvino, monkeypatch, images):
    seen = []
    real = selector.checksum
    monkeypatch.setattr(selector, "checksum", lambda found: seen.append(0) or real(found))
    MAKERS["RISE"](networks.SmallConv(), engine=openvino)(ms.Tensor(images), 1)
    assert len(seen) == 1


def test_copies_are_written_where_the_engine_reads_them(engine, monkeypatch, images):
    """masked_product's output array is the very batch that the engine gets."""
    written, read = [], []
    real = sources.masked_product
    monkeypatch.setattr(
        sources, "masked_product",
        lambda *a, out, **k: written.append(out.ctypes.data) or real(*a, out=out, **k),
    )  # fmt: skip

    class Watched(Engine):
        name, title, precision, error = "watched", "Watched", "float32", 0.0

        def __call__(self, batch):
            read.append(batch.ctypes.data)
            return np.zeros((len(batch), 5), np.float32)

    monkeypatch.setattr(selector.Selector, "select", lambda self, request: Watched())
    monkeypatch.setattr(selector.Selector, "choice", CHOICE)
    MAKERS["RISE"](networks.SmallConv(), engine=engine)(ms.Tensor(images), 1)
    assert read == written
    assert len(set(read)) <= len(images)


def test_graph_mode_has_one_graph_for_all_only_with_mindspore(openvino, monkeypatch, images):
    used = []
    for module, name in ((graph_step, "GraphStep"), (step, "HostStep")):
        kind = getattr(module, name)
        monkeypatch.setattr(
            module, name, lambda *a, kind=kind: used.append(kind.__name__) or kind(*a)
        )
    ms.set_context(mode=ms.GRAPH_MODE)
    try:
        for name in ("mindspore", openvino):
            MAKERS["RISE"](networks.SmallConv(), engine=name)(ms.Tensor(images[:1]), 1)
    finally:
        ms.set_context(mode=ms.PYNATIVE_MODE)
    assert used == ["GraphStep", "HostStep"]


def test_scores_that_become_bad_later_are_refused(openvino, monkeypatch, images):
    """The first batch is fine, so the engine was taken."""
    monkeypatch.setattr(selector.Selector, "choice", CHOICE)

    class Later(Engine):
        name, title, precision, error = "later", "Later", "float32", 0.0
        calls = 0

        def __call__(self, batch):
            self.calls += 1
            scores = np.ones((len(batch), 5), np.float32)
            if self.calls == 3:
                scores[4] = np.nan
            return scores

    for name, unit in (("RISE", "masks 60..89"), ("Occlusion", "windows 59..89")):
        explainer = MAKERS[name](networks.SmallConv(), perturbation_per_eval=30)
        later = Later()
        explainer._selector.select = lambda request, later=later: later
        with pytest.raises(ValueError, match=f"not finite for {unit[:7]}"):
            explainer(ms.Tensor(images), 1)


def test_engines_follow_set_num_threads(openvino, threads, images):
    network = networks.SmallConv()
    for number in (1, 2):
        threads(number)
        MAKERS["RISE"](network, engine=openvino)(ms.Tensor(images), 1)
    made = [entry.made for entry in selector._cache._entries.values()]
    assert [engine.compiled.get_property("INFERENCE_NUM_THREADS") for engine in made] == [1, 2]


# ---- bfloat16 -------------------------------------------------------------------------------


def has_bfloat16():
    """Whether OpenVINO computes in bfloat16 here."""
    from fastxai import _onednn

    return "avx512_bf16" in _onednn.cpu_flags() and not _onednn.environment_limit()


@explainers
def test_bfloat16_is_close_and_its_error_is_measured(make, openvino, images):
    if not has_bfloat16():
        pytest.skip("the processor has no bfloat16, or the environment forbids it")
    network = networks.SmallConv()
    expected = make(network, engine="mindspore")(ms.Tensor(images), 1).asnumpy()
    explainer = make(network, precision="bfloat16")
    maps = explainer(ms.Tensor(images), 1).asnumpy()
    assert (explainer.engine.engine, explainer.engine.precision) == ("openvino", "bfloat16")
    assert 1e-5 < explainer.engine.error < 0.1
    assert 0 < np.abs(maps - expected).max() < 0.1 * np.abs(expected).max()


@pytest.fixture
def mixable(openvino, monkeypatch):
    """Lets float32 stand for bfloat16, on processors without it too."""
    monkeypatch.setattr(selector, "CHEAP", "float32")


@pytest.mark.parametrize("by_default", [False, True])
def test_mixed_of_two_equal_engines_is_the_map_of_one(by_default, mixable, mode, images):
    def explained(precision):
        fastxai.set_engine("openvino", precision=precision if by_default else "float32")
        own = None if by_default else precision
        rise = RISE(networks.SmallConv(), nn.Softmax(), num_masks=640, seed=0, precision=own)
        return rise(ms.Tensor(images), 1, ret="result")

    found, expected = explained("mixed"), explained("float32")
    assert_close(found.saliency, expected.saliency, atol=NETWORK_ATOL)
    assert (found.engine, found.precision) == ("openvino", "mixed")
    assert found.exact_masks.tolist() == [3 * 128] * len(images)
    assert expected.exact_masks is None


def test_mixed_needs_bfloat16(openvino, images):
    if has_bfloat16():
        pytest.skip("the processor has it")
    rise = RISE(networks.SmallConv(), nn.Softmax(), num_masks=512, precision="mixed")
    with pytest.raises(RuntimeError, match=r"'mixed' cannot score .* 'float32' needs no bfloat16"):
        rise(ms.Tensor(images), 1)


@pytest.mark.parametrize("name", ["RISEPlus", "Occlusion"])
def test_explainers_without_blocks_refuse_mixed_and_ignore_it_as_default(name, openvino, images):
    with pytest.raises(ValueError, match="'mixed' is for RISE"):
        MAKERS[name](networks.SmallConv(), precision="mixed")
    fastxai.set_engine("openvino", precision="mixed")
    explainer = MAKERS[name](networks.SmallConv())
    explainer(ms.Tensor(images), 1)
    assert explainer.engine.precision == "float32"


def test_auto_never_takes_bfloat16_by_itself(openvino, images):
    explainer = MAKERS["RISE"](networks.SmallConv())
    explainer(ms.Tensor(images), 1)
    assert explainer.engine.precision == "float32"


# ---- Faithfulness ---------------------------------------------------------------------------


@pytest.mark.parametrize("metric", ["NaiveFaithfulness", "DeletionAUC", "InsertionAUC"])
def test_faithfulness_is_mindspores(engine, metric, images, exports):
    network = networks.SmallConv()
    saliency = np.random.default_rng(1).random((1, 1, 20, 17)).astype(np.float32)
    results = []
    for name in ("mindspore", engine):
        benchmark = Faithfulness(5, nn.Softmax(), metric, batch_size=8, engine=name)
        for _ in range(2):
            result = benchmark.evaluate(
                RISE(network, nn.Softmax()), ms.Tensor(images[:1]), 1, ms.Tensor(saliency)
            )
        results.append(result)
        assert benchmark.engine.engine == name
    assert len(exports) == 1
    # A correlation divides by how much the scores vary, about a hundredth of them.
    assert_close(results[1], results[0], atol=100 * NETWORK_ATOL)


def test_faithfulness_refuses_unknown_engines():
    with pytest.raises(ValueError, match="Faithfulness: `engine` must be one of"):
        Faithfulness(5, nn.Softmax(), engine="fast")


def test_faithfulness_of_large_images_takes_an_engine_by_itself(openvino):
    images = ms.Tensor(np.random.default_rng(0).random((1, 3, 130, 130)).astype(np.float32))
    saliency = ms.Tensor(np.random.default_rng(1).random((1, 1, 130, 130)).astype(np.float32))
    benchmark = Faithfulness(5, nn.Softmax(), "DeletionAUC")
    benchmark.evaluate(RISE(networks.SmallConv(), nn.Softmax()), images, 1, saliency)
    assert benchmark.engine.engine == openvino
    assert settings.engine_info()["last"]["owner"] == "Faithfulness"
