"""Each engine alone: scores, no copy, errors of loading."""

import subprocess
import sys
import threading
from concurrent.futures import ThreadPoolExecutor

import mindspore as ms
import numpy as np
import pytest
from mindspore import nn

from fastxai.engine.export import exported
from fastxai.engine.mindspore import MindSporeEngine
from fastxai.engine.protocol import Engine, Unusable
from fastxai.network.scores import ScoreCell
from tests import _networks as networks
from tests._compare import ENGINE_RTOL, assert_close
from tests.engine import _networks as odd

SHAPE = (4, 3, 14, 11)
BATCH = np.random.default_rng(0).normal(size=SHAPE).astype(np.float32)


def scored(network, activation=None):
    """The network with an activation, in evaluation mode."""
    return ScoreCell(network, activation or nn.Softmax(), ms.float32).set_train(False)


def test_scores_are_mindspores(engine_class):
    cell = scored(networks.SmallConv())
    engine = engine_class(exported(cell, SHAPE), SHAPE)
    assert isinstance(engine, Engine)
    expected = MindSporeEngine(cell)(BATCH)
    assert_close(engine(BATCH), expected, atol=ENGINE_RTOL, scale=np.abs(expected).max())


@pytest.mark.parametrize(
    ("network", "activation"),
    [
        (odd.OwnSoftmax, networks.Identity),
        (networks.SmallConv, nn.Sigmoid),
        (networks.Dense2d, nn.Softmax),  # further axes are averaged
        (odd.OptionalInput, nn.Softmax),
    ],
)
def test_activation_and_averaging_are_in_the_exported_graph(engine_class, network, activation):
    cell = scored(network(), activation())
    engine = engine_class(exported(cell, SHAPE), SHAPE)
    expected = MindSporeEngine(cell)(BATCH)
    assert engine(BATCH).dtype == np.float32
    assert_close(engine(BATCH), expected, atol=ENGINE_RTOL, scale=np.abs(expected).max())


def test_the_element_of_several_outputs_is_in_the_exported_graph(engine_class):
    network = odd.TwoOutputs()
    cell = ScoreCell(network, nn.Softmax(), ms.float32, (0,)).set_train(False)
    engine = engine_class(exported(cell, SHAPE), SHAPE)
    logits = network(ms.Tensor(BATCH))[0].asnumpy().astype(np.float64)
    powers = np.exp(logits - logits.max(axis=1, keepdims=True))
    expected = powers / powers.sum(axis=1, keepdims=True)
    assert_close(engine(BATCH), expected, atol=ENGINE_RTOL, scale=expected.max())


def test_scores_are_an_array_of_their_own(engine_class):
    engine = engine_class(exported(scored(networks.SmallConv()), SHAPE), SHAPE)
    first = engine(BATCH)
    kept = first.copy()
    engine(BATCH + 1)
    np.testing.assert_array_equal(first, kept)


def test_the_batch_is_read_where_it_lies(engine, engine_class, monkeypatch):
    made = engine_class(exported(scored(networks.SmallConv()), SHAPE), SHAPE)
    seen = []
    if engine == "openvino":
        tensor = made._tensor
        made._tensor = lambda *a, **k: seen.append(tensor(*a, **k)) or seen[-1]
        made(BATCH)
        assert np.shares_memory(seen[0].data, BATCH)
        (request,) = made._idle
        assert request.get_input_tensor().data.ctypes.data == BATCH.ctypes.data
    else:
        value = made._value

        class Recorded:
            @staticmethod
            def ortvalue_from_numpy(array):
                seen.append(value.ortvalue_from_numpy(array))
                return seen[-1]

        made._value = Recorded
        made(BATCH)
        assert seen[0].data_ptr() == BATCH.ctypes.data


def test_a_batch_may_be_refilled_between_calls(engine_class):
    cell = scored(networks.SmallConv())
    engine = engine_class(exported(cell, SHAPE), SHAPE)
    buffer = BATCH.copy()
    engine(buffer)
    buffer[...] = BATCH[::-1]
    np.testing.assert_array_equal(engine(buffer), engine(np.ascontiguousarray(BATCH[::-1])))


def test_threads_may_share_an_engine(engine_class):
    engine = engine_class(exported(scored(networks.SmallConv()), SHAPE), SHAPE)
    batches = [BATCH + k for k in range(4)]
    expected = [engine(batch) for batch in batches]
    wrong = []

    def work(k):
        for _ in range(30):
            if not np.array_equal(engine(batches[k]), expected[k]):
                wrong.append(k)

    threads = [threading.Thread(target=work, args=(k,)) for k in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert wrong == []


def test_another_shape_is_an_error(engine_class):
    engine = engine_class(exported(scored(networks.SmallConv()), SHAPE), SHAPE)
    with pytest.raises(Exception, match=r"(?i)shape|dimension"):
        engine(BATCH[:2])


class Bare(nn.Cell):
    """Two outputs, with nothing around them."""

    def construct(self, x):
        return x.mean(axis=(2, 3)), x


def test_two_outputs_are_unusable(engine_class):
    model = exported(Bare(), SHAPE)
    with pytest.raises(Unusable):
        engine_class(model, SHAPE)


def test_what_is_no_model_is_unusable(engine_class):
    with pytest.raises(Unusable, match="cannot load the exported network"):
        engine_class(b"nonsense", SHAPE)


def test_only_openvino_loads_a_transposed_convolution(engine, engine_class):
    model = exported(scored(odd.Deconvolution()), SHAPE)
    if engine == "openvino":
        engine_class(model, SHAPE)
    else:
        with pytest.raises(Unusable, match="ONNX Runtime cannot load the exported network"):
            engine_class(model, SHAPE)


def test_openvino_names_the_operators_that_it_cannot_convert(openvino):
    from fastxai.engine.openvino import OpenVinoEngine

    model = exported(scored(networks.SmallConv()), SHAPE).replace(b"Relu", b"Blur")
    with pytest.raises(Unusable, match="cannot load the .*: it could not convert Blur$"):
        OpenVinoEngine(model, SHAPE)


def test_openvino_names_the_operators_whose_form_it_cannot_convert(openvino, monkeypatch):
    """A Slice without axes, as MindSpore exports `x[:, :8]` of 8 channels."""
    from fastxai.engine import export
    from fastxai.engine.openvino import OpenVinoEngine

    monkeypatch.setattr(export, "without_full_slices", lambda model: model)
    model = exported(scored(odd.Sliced()), SHAPE)
    with pytest.raises(Unusable, match="cannot load the .*: it could not convert .*Slice"):
        OpenVinoEngine(model, SHAPE)


def test_openvino_uses_as_many_threads_as_it_is_told(openvino):
    from fastxai.engine.openvino import OpenVinoEngine

    model = exported(scored(networks.SmallConv()), SHAPE)
    assert (
        OpenVinoEngine(model, SHAPE, threads=1).compiled.get_property("INFERENCE_NUM_THREADS") == 1
    )


def test_onnxruntime_uses_as_many_threads_as_it_is_told():
    pytest.importorskip("onnxruntime", reason="pip install 'fastxai[onnxruntime]'")
    from fastxai.engine.onnxruntime import OnnxRuntimeEngine

    model = exported(scored(networks.SmallConv()), SHAPE)
    session = OnnxRuntimeEngine(model, SHAPE, threads=1).session
    assert session.get_session_options().intra_op_num_threads == 1


def test_several_threads_are_served_at_a_time_with_the_scores_of_one(engine_class):
    model = exported(scored(networks.SmallConv()), SHAPE)
    together, inside = threading.Barrier(3, timeout=60), []
    shared = engine_class(model, SHAPE, threads=1, callers=3)
    alone = engine_class(model, SHAPE, threads=1)

    class Met(type(shared._places)):
        """Lets callers in only once all of them are."""

        def __enter__(self):
            super().__enter__()
            inside.append(together.wait())

    shared._places = Met(3)
    batches = [BATCH * scale for scale in (0.5, 1, 2)]
    with ThreadPoolExecutor(3) as pool:
        found = list(pool.map(shared, batches))
    assert sorted(inside) == [0, 1, 2]
    for batch, scores in zip(batches, found, strict=True):
        np.testing.assert_array_equal(scores, alone(batch))


def test_a_request_that_another_thread_takes_first_is_made_anew(openvino):
    from fastxai.engine.openvino import OpenVinoEngine

    class Taken(list):
        """Looks full after its last element has gone."""

        def __len__(self):
            return 1

    engine = OpenVinoEngine(exported(scored(networks.SmallConv()), SHAPE), SHAPE)
    expected, engine._idle = engine(BATCH), Taken()
    np.testing.assert_array_equal(engine(BATCH), expected)


def test_openvino_computes_in_float32_although_the_processor_has_bfloat16(openvino):
    from fastxai.engine.openvino import OpenVinoEngine

    model = exported(scored(networks.SmallConv()), SHAPE)
    precision = OpenVinoEngine(model, SHAPE).compiled.get_property("INFERENCE_PRECISION_HINT")
    assert precision.get_type_name() == "f32"


def test_openvino_keeps_compiled_networks_in_the_folder_it_is_given(openvino, tmp_path):
    from fastxai.engine.openvino import OpenVinoEngine

    nudged = networks.SmallConv(seed=1)
    weight = nudged.conv.weight.asnumpy().copy()
    weight[3, 1, 1, 1] = np.nextafter(weight[3, 1, 1, 1], np.float32(9))
    nudged.conv.weight.set_data(ms.Tensor(weight))
    loaded = []
    for network in (networks.SmallConv(seed=1), networks.SmallConv(seed=1), nudged):
        model = exported(scored(network), SHAPE)
        engine = OpenVinoEngine(model, SHAPE, cache_dir=tmp_path)
        loaded.append(engine.compiled.get_property("LOADED_FROM_CACHE"))
    # OpenVINO alone would take the last one, whose weights differ by a rounding, for the first.
    assert loaded == [False, True, False]
    assert len(list((tmp_path / "openvino").iterdir())) == 2


def test_ctrl_c_after_the_first_of_two_openvino_engines_has_gone(openvino):
    """In a process of its own: with a Core for each engine it is a segmentation fault."""
    done = subprocess.run(
        [sys.executable, "-m", "tests.engine._signal_after_engines"],
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    assert (done.returncode, done.stdout) == (0, "KeyboardInterrupt\n"), done.stderr
