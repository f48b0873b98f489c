"""ONNX and OpenVINO files give the scores of the network that was written into them."""

import pickle
import warnings

import numpy as np
import pytest

import fastxai
from fastxai.models import RISE
from tests.models._onnx import CLASSES, SHAPE, linear, write_linear

ENGINES = ("openvino", "onnxruntime")
CLOSE = {"rtol": 1e-4, "atol": 1e-5}  # sums of 240 products in float32


@pytest.fixture(params=ENGINES)
def engine(request):
    """Each engine that is installed."""
    pytest.importorskip(request.param)
    return request.param


def images(count=5):
    """(count, C, H, W) float32."""
    return np.random.default_rng(0).normal(size=(count, *SHAPE)).astype(np.float32)


@pytest.mark.parametrize("batch", [None, 1, 2, 5, 8])
@pytest.mark.parametrize("nhwc", [False, True])
def test_scores_of_any_batch_size_and_layout(tmp_path, engine, batch, nhwc):
    model = fastxai.load(write_linear(tmp_path / "net.onnx", batch, nhwc=nhwc), engine=engine)
    assert model.input_shape == (batch, *SHAPE)
    np.testing.assert_allclose(model(images()), linear(images()), **CLOSE)


def test_bytes_are_rounded_and_clipped(tmp_path, engine):
    model = fastxai.load(write_linear(tmp_path / "net.onnx", uint8=True), engine=engine)
    values = images() * 200
    np.testing.assert_allclose(model(values), linear(np.clip(np.rint(values), 0, 255)), rtol=1e-3)


@pytest.mark.parametrize("name", ["net.onnx.data", "weights/first.bin", "w" * 150])
def test_weights_in_a_file_beside_an_onnx_file_are_part_of_its_identity(tmp_path, name):
    """Entries 'location' name the file; here it is metadata, an entry of the same message."""
    path, weights = write_linear(tmp_path / "net.onnx"), tmp_path / name
    alone = fastxai.load(path).identity()
    size = [len(name)] if len(name) < 128 else [len(name) % 128 + 128, len(name) // 128]
    entry = b"\x0a\x08location" + bytes([0x12, *size]) + name.encode()
    inner = [len(entry)] if len(entry) < 128 else [len(entry) % 128 + 128, len(entry) // 128]
    with open(path, "ab") as file:
        file.write(bytes([0x72, *inner]) + entry)  # ModelProto.metadata_props
    weights.parent.mkdir(exist_ok=True)
    found = []
    for run, content in enumerate((b"first", b"second", b"second")):
        weights.write_bytes(content)
        (tmp_path / "notes.txt").write_text(str(run))  # nothing of the network's
        found.append(fastxai.load(path).identity())
    assert alone not in found
    assert found[0] != found[1] == found[2]


def test_scaled_images_for_a_network_of_bytes_are_warned_of(tmp_path, engine):
    rise = RISE(fastxai.load(write_linear(tmp_path / "net.onnx", uint8=True), engine=engine),
                num_masks=8, seed=0)  # fmt: skip
    with pytest.warns(UserWarning, match=r"takes integers, to which they are rounded.*raw pixels"):
        rise(images(1), 0)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        rise(np.rint(np.abs(images(1)) * 60), 0)


def test_several_outputs_have_names(tmp_path, engine):
    model = fastxai.load(write_linear(tmp_path / "net.onnx", twice=True), engine=engine)
    assert model.outputs == ("minus", "scores")
    found = model(images())
    np.testing.assert_allclose(found["scores"], linear(images()), **CLOSE)
    with pytest.raises(TypeError, match=r"a dict with the keys \['minus', 'scores'\].*output="):
        RISE(model, num_masks=8)(images(1), 0)
    with pytest.raises(ValueError, match=r"an element of what .*\['minus', 'scores'\], got 'sco'"):
        RISE(model, num_masks=8, output="sco")(images(1), 0)
    up, down = (RISE(model, num_masks=64, seed=1, output=name) for name in ("scores", "minus"))
    np.testing.assert_allclose(up(images(1), 2), -down(images(1), 2), **CLOSE)


def test_rise_of_a_file_is_rise_of_its_formula(tmp_path, engine):
    model = fastxai.load(write_linear(tmp_path / "net.onnx"), engine=engine)
    settings = {"num_masks": 300, "seed": 3}
    found = RISE(model, "softmax", **settings)(images(2), [[0, 3], [1, 2]], "result")
    expected = RISE(linear, "softmax", **settings)(images(2), [[0, 3], [1, 2]], "result")
    np.testing.assert_allclose(found.saliency, expected.saliency, atol=1e-5)
    np.testing.assert_allclose(found.standard_error, expected.standard_error, atol=1e-5)
    assert (found.engine, expected.engine) == (engine, "function")
    assert found.saliency.shape == (2, 2, *SHAPE[1:])


def test_an_ir_is_read(tmp_path):
    openvino = pytest.importorskip("openvino")
    network = openvino.Core().read_model(str(write_linear(tmp_path / "net.onnx")))
    openvino.save_model(network, str(tmp_path / "net.xml"), compress_to_fp16=False)
    model = fastxai.load(tmp_path / "net.xml")
    np.testing.assert_allclose(model(images()), linear(images()), **CLOSE)
    before = model.identity()
    weights = tmp_path / "net.bin"
    weights.write_bytes(weights.read_bytes()[:-1] + b"\x01")
    assert fastxai.load(tmp_path / "net.xml").identity() != before
    with pytest.raises(ValueError, match=r"use engine='openvino'"):
        fastxai.load(tmp_path / "net.xml", engine="onnxruntime")


def test_a_pickle_reads_the_file_again(tmp_path, engine):
    model = fastxai.load(write_linear(tmp_path / "net.onnx"), engine=engine)
    again = pickle.loads(pickle.dumps(model))
    assert (again.identity(), again.name) == (model.identity(), engine)
    np.testing.assert_array_equal(again(images()), model(images()))


def test_a_state_goes_on_with_the_same_file_alone(tmp_path, engine):
    model = fastxai.load(write_linear(tmp_path / "net.onnx"), engine=engine)
    settings = {"num_masks": 200, "seed": 3, "perturbation_per_eval": 20}
    whole = RISE(model, **settings)(images(1), 1)

    def stop(done, total):
        if done >= 60:
            raise KeyboardInterrupt

    state = tmp_path / "run.npz"
    with pytest.raises(KeyboardInterrupt):
        RISE(model, **settings)(images(1), 1, progress=stop, state=state)
    assert state.is_file()
    np.testing.assert_array_equal(RISE(model, **settings)(images(1), 1, state=state), whole)
    other = fastxai.load(write_linear(tmp_path / "other.onnx", twice=True), engine=engine)
    with pytest.raises(ValueError, match="another"):
        RISE(other, output="scores", **settings)(images(1), 1, state=state)


def test_files_that_cannot_be_read_are_errors_in_words(tmp_path, engine):
    (tmp_path / "text.onnx").write_text("no network at all")
    with pytest.raises(ValueError, match=r"load: cannot read .*text\.onnx"):
        fastxai.load(tmp_path / "text.onnx", engine=engine)
    whole = write_linear(tmp_path / "net.onnx").read_bytes()
    (tmp_path / "half.onnx").write_bytes(whole[: len(whole) // 2])
    with pytest.raises(ValueError, match=r"load: cannot read .*half\.onnx.*whole"):
        fastxai.load(tmp_path / "half.onnx", engine=engine)


def test_a_later_opset_than_the_engine_knows_is_an_error(tmp_path):
    pytest.importorskip("onnxruntime")
    path = write_linear(tmp_path / "net.onnx", opset=900)
    with pytest.raises(ValueError, match=r"load: cannot read .*opset"):
        fastxai.load(path, engine="onnxruntime")


def test_wrong_arguments_are_errors_in_words(tmp_path):
    with pytest.raises(FileNotFoundError, match="does not exist"):
        fastxai.load(tmp_path / "absent.onnx")
    with pytest.raises(ValueError, match=r"\.onnx or \.xml"):
        fastxai.load(tmp_path / "net.pt")
    with pytest.raises(TypeError, match="must be a path or a module of PyTorch, got int"):
        fastxai.load(3)
    path = write_linear(tmp_path / "net.onnx")
    with pytest.raises(ValueError, match="`engine` must be one of"):
        fastxai.load(path, engine="mindspore")
    with pytest.raises(ValueError, match="`layout` must be one of"):
        fastxai.load(path, layout="CHW")


def test_another_size_of_images_is_an_error_in_words(tmp_path, engine):
    model = fastxai.load(write_linear(tmp_path / "net.onnx"), engine=engine)
    with pytest.raises(ValueError, match=r"RISE: `network` takes images .* of \(3, 8, 10\), got"):
        RISE(model, num_masks=8)(np.zeros((1, 3, 9, 10), np.float32), 0)
    with pytest.raises(ValueError, match=rf"in \[0, {CLASSES}\), got 4"):
        RISE(model, num_masks=8)(images(1), 4)
