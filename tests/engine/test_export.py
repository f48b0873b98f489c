"""Exporting leaves no trace, whether it succeeds, fails or is interrupted."""

import os
import re
import signal
import subprocess
import sys
import tempfile
from contextlib import nullcontext

import mindspore as ms
import numpy as np
import pytest
from mindspore import nn

from fastxai import ops
from fastxai.engine import export
from fastxai.engine.export import exported
from fastxai.engine.in_place import source_parser
from fastxai.engine.openvino import digest
from fastxai.engine.protocol import Unusable
from fastxai.network.evaluation import evaluating
from fastxai.network.scores import ScoreCell
from tests import _networks as networks
from tests.engine import _networks as odd

SHAPE = (4, 3, 14, 11)


def scored(network):
    """The network with an activation, in evaluation mode."""
    return ScoreCell(network, nn.Softmax(), ms.float32).set_train(False)


def state_of(network):
    """Everything that Python can see of a network, and of the process around it."""
    return (
        [(p.name, p.requires_grad, p.asnumpy().tobytes()) for p in network.get_parameters()],
        [(name, part.training, part.phase) for name, part in network.cells_and_names()],
        [
            {key: id(value) for key, value in vars(part).items()}
            for _, part in network.cells_and_names()
        ],
        ms.get_context("mode"),
        ms.get_context("device_target"),
        ms.get_context("save_graphs_path"),
        dict(os.environ),
        os.getcwd(),
    )


@pytest.fixture
def folders(tmp_path, monkeypatch):
    """An empty working directory and an empty folder for temporary files."""
    work, temporary = tmp_path / "work", tmp_path / "temporary"
    work.mkdir()
    temporary.mkdir()
    monkeypatch.chdir(work)
    monkeypatch.setattr(tempfile, "tempdir", str(temporary))
    return lambda: [*work.rglob("*"), *temporary.rglob("*")]


FAILING = [
    (odd.export_hshrink, "the operator HShrink cannot be exported to ONNX"),
    (odd.DataDependent, "control flow that depends on data"),
    (odd.UsesNumPy, "Python code in `construct` cannot be exported"),
    (odd.TwoInputs, "`construct` takes more than `self` and the images"),
]


def test_nothing_of_the_network_or_the_process_changes(mode, folders):
    network = networks.SmallConv()
    network.set_train(True)
    network.relu.set_train(False)
    network.dense.weight.requires_grad = False
    before = state_of(network)
    with evaluating(network):
        exported(ScoreCell(network, nn.Softmax(), ms.float32), SHAPE)
    assert state_of(network) == before
    assert folders() == []


@pytest.mark.parametrize(("make", "reason"), FAILING)
def test_a_failure_says_why_and_leaves_nothing(mode, folders, make, reason):
    network = make().set_train(False)
    before = state_of(network)
    with pytest.raises(Unusable, match=reason) as caught:
        exported(scored(network), SHAPE)
    assert caught.value.for_good
    assert state_of(network) == before
    assert folders() == []


def test_a_network_that_adds_in_place_exports_and_is_read_as_before_afterwards():
    before = source_parser().parse
    assert exported(scored(odd.AddsInPlace()), SHAPE)
    assert source_parser().parse is before


@pytest.mark.skipif(ms.__version__.startswith("2.7."), reason="2.7 has no operator for it")
def test_without_us_such_a_network_does_not_export(monkeypatch):
    monkeypatch.setattr(export, "without_in_place", nullcontext)
    with pytest.raises(Unusable, match="InplaceAddExt"):
        exported(scored(odd.AddsInPlace()), SHAPE)


def test_without_us_mindspore_leaves_a_file_and_a_setting_behind(folders):
    """Else the tests above and below would prove nothing."""
    before = ms.get_context("jit_syntax_level")
    with pytest.raises(AttributeError):
        ms.export(
            scored(odd.UsesNumPy()),
            ms.Tensor(np.zeros(SHAPE, np.float32)),
            file_name="here",
            file_format="ONNX",
        )
    left = ms.get_context("jit_syntax_level")
    ms.set_context(jit_syntax_level=before)
    assert any(path.name == "rank_0" for path in folders())
    assert left == ms.STRICT


@pytest.mark.parametrize("level", [ms.LAX, ms.STRICT])
def test_the_context_is_as_before(level):
    before = ms.get_context("jit_syntax_level")
    ms.set_context(jit_syntax_level=level)
    try:
        with pytest.raises(Unusable):
            exported(scored(odd.UsesNumPy()), SHAPE)
        failed = ms.get_context("jit_syntax_level")
        exported(scored(networks.SmallConv()), SHAPE)
        assert (failed, ms.get_context("jit_syntax_level")) == (level, level)
    finally:
        ms.set_context(jit_syntax_level=before)


def test_after_a_failure_the_next_network_exports(folders):
    with pytest.raises(Unusable):
        exported(scored(odd.UsesNumPy()), SHAPE)
    assert exported(scored(networks.SmallConv()), SHAPE)


def test_nothing_is_printed(capfd):
    exported(scored(networks.SmallConv()), SHAPE)
    with pytest.raises(Unusable):
        exported(scored(odd.UsesNumPy()), SHAPE)
    assert capfd.readouterr() == ("", "")


def test_what_mindspore_printed_is_in_the_log(caplog):
    caplog.set_level("DEBUG", logger="fastxai")
    with pytest.raises(Unusable):
        exported(scored(odd.DataDependent()), SHAPE)
    os.write(2, b"")  # the descriptor is ours again
    texts = [record.getMessage() for record in caplog.records if record.name == "fastxai"]
    assert all(text.startswith("MindSpore, while trying: ") for text in texts)


def test_the_same_network_gives_the_same_digest():
    models = [exported(scored(networks.SmallConv(seed=seed)), SHAPE) for seed in (1, 1, 2)]
    assert models[0] != models[1], "MindSpore's counters are in the name of the graph"
    assert digest(models[0]) == digest(models[1])
    assert digest(models[0]) != digest(models[2])


def test_the_digest_takes_every_byte_but_the_name():
    model = exported(scored(networks.SmallConv()), SHAPE)
    name = re.search(rb"\d+_\d+_\w+_construct_\d+", model)
    graph = re.search(rb"MindSpore[^:]+:", model).end()
    left_out = {graph, graph + 1, *range(name.start() - 1, name.end())}  # its length, and the name
    for at in range(len(model)):
        other = model[:at] + bytes([model[at] ^ 1]) + model[at + 1 :]
        assert digest(other) != digest(model) or at in left_out, at


@pytest.mark.skipif(not ops.has_native(), reason="needs the native module")
@pytest.mark.parametrize("mode", ["pynative", "graph"])
def test_ctrl_c_while_exporting_leaves_nothing(tmp_path, mode):
    work, temporary = tmp_path / "work", tmp_path / "temporary"
    work.mkdir()
    temporary.mkdir()
    root = os.getcwd()
    environment = {**os.environ, "TMPDIR": str(temporary), "PYTHONPATH": root}
    command = [sys.executable, "-m", "tests.engine._long_export", mode]
    with subprocess.Popen(
        command, cwd=work, env=environment, stdout=subprocess.PIPE, text=True
    ) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == "exporting\n"
        process.send_signal(signal.SIGINT)
        output, _ = process.communicate(timeout=120)
    assert (process.returncode, output) == (0, "interrupted, works again\n")
    assert [*work.rglob("*"), *temporary.rglob("fastxai-*")] == []
