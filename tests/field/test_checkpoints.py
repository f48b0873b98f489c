"""Checkpoints as training leaves them: the network's own parameters are taken, the rest told of."""

import mindspore
import numpy as np
import pytest
from mindspore import nn

from tests.cli.conftest import cli, explain, fails, files  # noqa: F401
from tests.cli.corner_networks import Corners

ZEROS = np.zeros((1, 3, 1, 1), np.float32)  # the network's weight: every class gets 0.25
ONES = np.ones((1, 3, 1, 1), np.float32)


def save(path, **arrays):
    """Save arrays under their names, '__' standing for '.'."""
    tensors = [
        {"name": name.replace("__", "."), "data": mindspore.Tensor(array)}
        for name, array in arrays.items()
    ]
    mindspore.save_checkpoint(tensors, str(path))
    return path


def scalar(value):
    return np.asarray(value, np.float32)


@pytest.mark.parametrize(
    "arrays",
    [
        {"mix__weight": ZEROS, "moments__mix__weight": ONES, "learning_rate": scalar(1)},
        {"moment1__mix__weight": ONES, "moment2__mix__weight": ONES, "mix__weight": ZEROS},
        {"mix__weight": ZEROS, "global_step": np.ones(1, np.int32), "scale_sense": scalar(1024)},
        {"mix__weight": ZEROS, "learning_rate": np.ones(30, np.float32)},
        {"_backbone__mix__weight": ZEROS},
        {"moments___backbone__mix__weight": ONES, "_backbone__mix__weight": ZEROS},
        {"network___backbone__mix__weight": ZEROS, "lr": scalar(1)},
        {"accum__mix__weight": ONES, "stat__mix__weight": ONES, "mix__weight": ZEROS},
        {"mix__weight": ZEROS.astype(np.float16)},
    ],
    ids=lambda arrays: ",".join(arrays),
)
def test_taken_without_a_word(explain, files, arrays):  # noqa: F811
    ckpt = save(files / "trained.ckpt", **arrays)
    result = explain("--explainer", "gradient", "--ckpt", ckpt, "--target", 1)
    assert (result.code, result.err) == (0, "")
    assert "probability  0.2500" in result.out


@pytest.mark.parametrize(
    "optimizer", [nn.Momentum, nn.Adam, nn.SGD, nn.RMSProp, nn.AdamWeightDecay]
)
def test_a_training_cell_saved_whole(explain, files, optimizer):  # noqa: F811
    network = Corners()
    network.mix.weight.set_data(mindspore.Tensor(ZEROS))
    momentum = {"momentum": 0.9} if optimizer is nn.Momentum else {}
    steps = optimizer(network.trainable_params(), learning_rate=0.1, **momentum)
    loss = nn.WithLossCell(network, nn.SoftmaxCrossEntropyWithLogits(sparse=True))
    scale = nn.DynamicLossScaleUpdateCell(1024, 2, 50)
    cell = nn.TrainOneStepWithLossScaleCell(loss, steps, scale)
    append = {"epoch_num": 3, "best": 0.5, "done": True, "note": "night run"}
    mindspore.save_checkpoint(cell, str(files / "whole.ckpt"), append_dict=append)
    held = mindspore.load_checkpoint(str(files / "whole.ckpt"))
    assert "scale_sense" in held
    assert len(held) > 5
    result = explain("--explainer", "gradient", "--ckpt", files / "whole.ckpt", "--target", 1)
    assert (result.code, result.err) == (0, "")
    assert "probability  0.2500" in result.out


@pytest.mark.parametrize(
    ("arrays", "words"),
    [
        (
            {"mix__weight": ZEROS, "fc__weight": np.ones((4, 9), np.float32)},
            "holds 1 (fc.weight) that the network does not have; they are left out",
        ),
        (
            {"net__mix__weight": ZEROS, "net__head": np.ones(4, np.float32)},
            "holds 1 (net.head) that the network does not have; they are left out",
        ),
        (
            {"mix__weight": ZEROS, "ema__mix__weight": ONES},
            "holds parameters of the network under ema. too; those are left out",
        ),
        (
            {"net__mix__weight": ZEROS, "ema__net__mix__weight": ONES},
            "holds parameters of the network under ema.net. too; those are left out",
        ),
        (
            {"mix__weight": ZEROS, "head__mix__weight": np.ones((7, 3, 1, 1), np.float32)},
            "holds 1 (head.mix.weight) that the network does not have",
        ),
    ],
)
def test_what_is_left_over_and_looks_wrong_is_said(explain, files, arrays, words):  # noqa: F811
    ckpt = save(files / "odd.ckpt", **arrays)
    result = explain("--explainer", "gradient", "--ckpt", ckpt, "--target", 1)
    assert result.code == 0
    assert len(result.err.splitlines()) == 1
    assert result.err.startswith(f"fastxai explain: note: --ckpt: {ckpt} {words}")
    assert "probability  0.2500" in result.out


@pytest.mark.parametrize(
    ("arrays", "words"),
    [
        ({"moments__mix__weight": ONES}, "lacks 1 (mix.weight) of the network's 1 parameters"),
        ({"moments___backbone__mix__weight": ONES}, "lacks 1 (mix.weight)"),
        ({"remix__weight": ONES}, "lacks 1 (mix.weight)"),  # no prefix that ends in a dot
        (
            {"teacher__mix__weight": ONES, "student__mix__weight": ZEROS},
            "more than once, under student., teacher.; save those that are meant",
        ),
        (
            {"net__mix__weight": np.ones((1, 5, 1, 1), np.float32)},
            "holds 1 of another shape (such as mix.weight: (1, 5, 1, 1), the network's is",
        ),
        (
            {"mix__weight": np.ones((1, 5, 1, 1), np.float32), "ema__mix__weight": ZEROS},
            "holds 1 of another shape (such as mix.weight: (1, 5, 1, 1)",
        ),
        ({"mix__weight": ONES.reshape(3)}, "(such as mix.weight: (3,), the network's is"),
    ],
)
def test_what_is_missing_or_of_another_shape_is_an_error(explain, files, arrays, words):  # noqa: F811
    ckpt = save(files / "odd.ckpt", **arrays)
    fails(explain("--ckpt", ckpt), 3, f"--ckpt: {ckpt} ", words)
