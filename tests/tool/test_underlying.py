"""OoDNet and the classifier it is given: nothing of it changes; checkpoints; errors."""

import signal

import mindspore as ms
import numpy as np
import pytest
from mindspore import nn
from mindspore.train import CheckpointConfig, ModelCheckpoint

from fastxai.tool.cv import OoDNet
from tests.tool import _classifiers as classifiers
from tests.tool._ood import IMAGES, checkpoint, train

KEYS = [
    *(f"_underlying.{name}" for name in ("fc1.weight", "fc1.bias", "fc2.weight", "fc2.bias")),
    *("_h.weight", "_g_fc.weight", "_g_fc.bias"),
    *(f"_g_bn2d.{name}" for name in ("moving_mean", "moving_variance", "gamma", "beta")),
]


def state_of(network):
    """Everything of a classifier that OoDNet must not change."""
    return (
        [(p.name, p.requires_grad, p.asnumpy().tobytes()) for p in network.get_parameters()],
        [(name, cell.training, cell.phase) for name, cell in network.cells_and_names()],
        network.output_features,
    )


# ---- the caller's classifier ----------------------------------------------------------------


def mixed(classifier):
    """In training mode, but for one layer; one Parameter frozen."""
    classifier.set_train(True)
    classifier.relu.set_train(False)
    next(classifier.get_parameters()).requires_grad = False
    return classifier


@pytest.mark.parametrize("flag", [False, True])
def test_the_classifier_stays_as_it_was(mode, flag):
    classifier = mixed(classifiers.Convolution())
    classifier.output_features = flag
    before = state_of(classifier)
    ood_net = OoDNet(classifier, 3)
    assert state_of(classifier) == before
    ood_net(ms.Tensor(IMAGES))
    ood_net.set_train(True)
    ood_net(ms.Tensor(IMAGES))
    assert state_of(classifier) == before
    train(ood_net)
    assert state_of(classifier) == before
    assert ood_net.underlying is classifier


def test_a_trained_classifier_keeps_names_and_flags(mode):
    classifier = mixed(classifiers.Convolution())
    before = state_of(classifier)
    train(OoDNet(classifier, 3), train_underlying=True)
    after = state_of(classifier)
    assert [p[:2] for p in after[0]] == [p[:2] for p in before[0]]
    assert after[1:] == before[1:]
    changed = {p[0] for p, q in zip(after[0], before[0], strict=True) if p != q}
    assert {"conv.weight", "norm.moving_mean", "norm.moving_variance"} <= changed


def test_after_an_exception_all_is_as_it_was_and_works():
    classifier = classifiers.Failing()
    classifier.set_train(True)
    before = state_of(classifier)
    ood_net = OoDNet(classifier, 3)
    for run in (lambda: ood_net(ms.Tensor(IMAGES)), lambda: train(ood_net)):
        with pytest.raises(RuntimeError, match="the classifier failed"):
            run()
        assert state_of(classifier) == before
        assert not ood_net.training
    classifier.fail = False
    assert ood_net(ms.Tensor(IMAGES)).shape == (12, 3)


def test_after_ctrl_c_all_is_as_it_was_and_works(mode):
    classifier = mixed(classifiers.Convolution())
    before = state_of(classifier)
    ood_net = OoDNet(classifier, 3)
    with pytest.raises(KeyboardInterrupt):
        train(ood_net, epoch=9, progress=lambda *_: signal.raise_signal(signal.SIGINT))
    assert state_of(classifier) == before
    assert not ood_net.training
    assert ood_net(ms.Tensor(IMAGES)).shape == (12, 3)


def test_the_classifier_itself_still_gives_class_scores(mode):
    classifier = classifiers.Plain()
    expected = classifier(ms.Tensor(IMAGES)).asnumpy()
    ood_net = OoDNet(classifier, 3)
    ood_net(ms.Tensor(IMAGES))
    np.testing.assert_array_equal(classifier(ms.Tensor(IMAGES)).asnumpy(), expected)


# ---- checkpoints ----------------------------------------------------------------------------


def test_a_checkpoint_has_the_mirrored_keys_and_comes_back(mode, tmp_path):
    classifier = classifiers.Plain(seed=1)
    ood_net = OoDNet(classifier, 3)
    file = str(tmp_path / "ood.ckpt")
    ms.save_checkpoint(ood_net, file)
    assert list(ms.load_checkpoint(file)) == KEYS
    assert [name for name, _ in ood_net.parameters_and_names()] == KEYS
    assert list(ood_net.parameters_dict()) == KEYS
    other = OoDNet(classifiers.Plain(seed=2), 3)
    assert ms.load_param_into_net(other, ms.load_checkpoint(file)) == ([], [])
    images = ms.Tensor(IMAGES)
    np.testing.assert_array_equal(other(images).asnumpy(), ood_net(images).asnumpy())
    np.testing.assert_array_equal(other.underlying(images).asnumpy(), classifier(images).asnumpy())
    assert [p.name for p in other.underlying.get_parameters()] == [
        "fc1.weight", "fc1.bias", "fc2.weight", "fc2.bias",
    ]  # fmt: skip


def test_a_checkpoint_of_another_shape_is_refused_with_the_prefixed_name():
    wrong = checkpoint("after")
    wrong["_underlying.fc1.weight"] = ms.Parameter(ms.Tensor(np.zeros((2, 2), np.float32)))
    with pytest.raises(RuntimeError, match=r"_underlying\.fc1\.weight"):
        ms.load_param_into_net(OoDNet(classifiers.Plain(), 3), wrong)


def test_checkpoints_that_a_callback_saves_load_too(tmp_path):
    classifier = classifiers.Plain(seed=1)
    ood_net = OoDNet(classifier, 3)
    config = CheckpointConfig(save_checkpoint_steps=2)
    train(ood_net, callbacks=ModelCheckpoint("ood", str(tmp_path), config))
    (file,) = tmp_path.glob("*.ckpt")
    other = OoDNet(classifiers.Plain(seed=2), 3)
    not_loaded, _ = ms.load_param_into_net(other, ms.load_checkpoint(str(file)))
    assert not_loaded == []
    images = ms.Tensor(IMAGES)
    np.testing.assert_array_equal(other(images).asnumpy(), ood_net(images).asnumpy())
    assert next(classifier.get_parameters()).name == "fc1.weight"


def test_a_cell_around_it_does_not_rename_the_classifiers_parameters():
    classifier = classifiers.Plain()
    nn.SequentialCell(OoDNet(classifier, 3))
    assert next(classifier.get_parameters()).name == "fc1.weight"


# ---- errors ---------------------------------------------------------------------------------

LINES = r"[\s\S]*self\.output_features = False[\s\S]*if self\.output_features:"


@pytest.mark.parametrize(
    ("classifier", "num_classes", "error", "words"),
    [
        (None, 3, TypeError, "`underlying` must be an nn.Cell, got NoneType"),
        (classifiers.WithAttributes(), 3, AttributeError, "no attribute `num_features`" + LINES),
        (classifiers.WithAttributes(num_features=3), 3, AttributeError, "`output_fe.*`" + LINES),
        (
            classifiers.WithAttributes(num_features=3.0, output_features=False),
            *(3, TypeError, "`underlying.num_features` must be an int, got float" + LINES),
        ),
        (
            classifiers.WithAttributes(num_features=0, output_features=False),
            *(3, ValueError, "`underlying.num_features` must be in" + LINES),
        ),
        (
            classifiers.WithAttributes(num_features=3, output_features=0),
            *(3, TypeError, "`underlying.output_features` must be a bool, got int" + LINES),
        ),
        (classifiers.ReadOnly(), 3, AttributeError, "cannot be set" + LINES),
        (classifiers.Plain(), 0, ValueError, "`num_classes` must be in"),
        (classifiers.Plain(), True, TypeError, "`num_classes` must be an int, got bool"),
        (classifiers.Plain(), 3.0, TypeError, "`num_classes` must be an int, got float"),
    ],
)  # fmt: skip
def test_constructor_refuses(classifier, num_classes, error, words):
    with pytest.raises(error, match="OoDNet: .*" + words):
        OoDNet(classifier, num_classes)


def test_features_of_another_shape_are_refused(mode):
    ood_net = OoDNet(classifiers.Deaf(), 3)
    with pytest.raises(ValueError, match=r"features \(N, 6\)" + LINES):
        ood_net(ms.Tensor(IMAGES))


@pytest.mark.parametrize(
    ("kwargs", "error", "words"),
    [
        ({"callbacks": 3}, TypeError, "`callbacks` must be None, a Callback or a list"),
        ({"callbacks": [print]}, TypeError, "got builtin_function_or_method"),
        ({"epoch": 0}, ValueError, "`epoch` must be in"),
        ({"epoch": 1.0}, TypeError, "`epoch` must be an int"),
        ({"progress": 3}, TypeError, "`progress` must be None, a bool or a callable"),
        ({"lr_epoch_denom": 0}, ValueError, "`lr_epoch_denom` must be in"),
    ],
)
def test_train_refuses(kwargs, error, words):
    ood_net = OoDNet(classifiers.Plain(), 3)
    with pytest.raises(error, match="OoDNet: .*" + words):
        train(ood_net, **kwargs)
    assert not ood_net.training
