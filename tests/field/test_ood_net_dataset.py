"""One dataset for the classifier and its OoDNet, in any order; MindSpore itself takes one Model."""

import mindspore as ms
import numpy as np
import pytest
from mindspore import nn
from mindspore.train import Callback

from fastxai.tool.cv import OoDNet
from tests.tool import _classifiers as classifiers
from tests.tool._ood import arrays_of, batches


def train_classifier(network, dataset):
    """A step or more as users train; the dataset is this model's from then on."""
    model = ms.Model(network, nn.SoftmaxCrossEntropyWithLogits(), nn.SGD(network.get_parameters()))
    model.train(1, dataset)
    return model


def weights_after(dataset):
    """Of an OoDNet after an epoch."""
    ms.set_seed(0)
    ood_net = OoDNet(classifiers.Plain(seed=4), 3)
    ood_net._h.weight.set_data(ms.Tensor(np.ones(ood_net._h.weight.shape, np.float32)))
    ood_net.train(dataset, nn.SoftmaxCrossEntropyWithLogits(), epoch=2, learning_rate=0.02)
    return arrays_of(ood_net)["_h.weight"]


def test_the_classifiers_dataset_trains_the_ood_net_too(mode):
    used = batches()
    model = train_classifier(classifiers.Plain(), used)
    np.testing.assert_array_equal(weights_after(used), weights_after(batches()))
    model.train(1, used)  # it is still that model's


def test_the_ood_nets_dataset_trains_a_classifier_and_another_ood_net():
    used = batches()
    first = weights_after(used)
    np.testing.assert_array_equal(weights_after(used), first)
    train_classifier(classifiers.Plain(), used)


class Failing(Callback):
    """Ends a training by an exception."""

    def on_train_step_end(self, run_context):
        raise RuntimeError("stop")


def test_a_training_that_fails_leaves_the_dataset_as_it_was():
    used = batches()
    model = train_classifier(classifiers.Plain(), used)
    ood_net = OoDNet(classifiers.Plain(), 3)
    with pytest.raises(RuntimeError, match="stop"):
        ood_net.train(used, nn.SoftmaxCrossEntropyWithLogits(), Failing(), epoch=1)
    model.train(1, used)
    weights_after(used)


def test_mindspore_still_refuses_two_models_of_ones_own():
    used = batches()
    train_classifier(classifiers.Plain(), used)
    weights_after(used)
    with pytest.raises(RuntimeError, match="had been used in other model"):
        train_classifier(classifiers.Plain(), used)
