"""Networks for the command-line tests, in a real file as graph mode and `--model` need."""

import os
import signal
import sys
import threading

import mindspore
import numpy as np
from mindspore import Tensor, nn, ops

CLASS_NAMES = ["upper left", "upper right", "lower left", "lower right"]


class Corners(nn.Cell):
    """One class per quarter of the picture: the brighter the quarter, the likelier."""

    def __init__(self, channels=3, gain=8.0):
        super().__init__()
        self.mix = nn.Conv2d(channels, 1, 1, weight_init="ones")
        self.gain = gain / channels

    def construct(self, x: Tensor) -> Tensor:
        gray = self.mix(x)
        h, w = gray.shape[2] // 2, gray.shape[3] // 2
        left, right = gray[:, :, :, :w], gray[:, :, :, w:]
        quarters = (left[:, :, :h], right[:, :, :h], left[:, :, h:], right[:, :, h:])
        return self.gain * ops.cat([quarter.mean((2, 3)) for quarter in quarters], axis=1)


class Fixed(nn.Cell):
    """Returns the same whatever it sees."""

    def __init__(self, *values, axes=2):
        super().__init__()
        self.values = Tensor([values] if axes == 2 else values, mindspore.float32)

    def construct(self, x: Tensor) -> Tensor:
        return self.values + 0 * x.mean()


class Flat(nn.Cell):
    """Four scores without a convolution; its ReLU works twice."""

    def __init__(self):
        super().__init__()
        self.twice = nn.ReLU()
        self.dense = nn.Dense(3, 4, weight_init="ones")

    def construct(self, x: Tensor) -> Tensor:
        return self.dense(self.twice(self.twice(x) - 0.1).mean((2, 3)))


class ReLUCorners(Corners):
    """With a ReLU."""

    def __init__(self):
        super().__init__()
        self.relu = nn.ReLU()

    def construct(self, x: Tensor) -> Tensor:
        return super().construct(self.relu(x))


class Channels(nn.Cell):
    """One class per channel: its mean."""

    def construct(self, x: Tensor) -> Tensor:
        return x.mean((2, 3))


class Half(Corners):
    """The second class is always as likely."""

    def construct(self, x: Tensor) -> Tensor:
        scores = super().construct(x)
        return ops.cat([scores[:, :1], 0 * scores[:, 1:2], scores[:, 2:]], axis=1)


class Indifferent(Corners):
    """Returns the same whatever it sees."""

    def construct(self, x: Tensor) -> Tensor:
        return 0 * super().construct(x)


class Nested(Corners):
    """Returns its scores in a list in a tuple, behind what is of no use."""

    def __init__(self):
        super().__init__()
        self.relu = nn.ReLU()

    def construct(self, x: Tensor) -> Tensor:
        scores = super().construct(self.relu(x))
        return 2 * x, [0 * scores, scores]


class NeedsTwo(nn.Cell):
    """Cannot be made without arguments."""

    def __init__(self, depth, width, height=3):
        super().__init__()


class Once(ReLUCorners):
    """Works the first time only (PYNATIVE)."""

    calls = 0

    def construct(self, x: Tensor) -> Tensor:
        self.calls += 1
        if self.calls > 1:
            raise RuntimeError("once was enough")
        return super().construct(x)


def once():
    return Once()


def relu_corners():
    return ReLUCorners()


def corners():
    return Corners()


def gray_corners():
    return Corners(channels=1)


def _fixed(network):
    """The network with weights that are the same however often it is built."""
    draw = np.random.RandomState(0)
    for parameter in network.get_parameters():
        parameter.set_data(Tensor(draw.randn(*parameter.shape).astype(np.float32)))
    return network


def random():
    """Its bias is drawn anew whenever it is built."""
    return Flat()


def random_once():
    return _random


def built_once(calls=[]):  # noqa: B006 - counts the calls
    """Cannot be built a second time, as what takes a name or a file for itself."""
    calls.append(None)
    if len(calls) > 1:
        raise RuntimeError("it is built already")
    return _random


def probabilities():
    return nn.SequentialCell(Corners(gain=80.0), nn.Softmax())


def flat():
    return _fixed(Flat())


def channels():
    return Channels()


def half():
    return Half()


def indifferent():
    return Indifferent()


def nested():
    return Nested()


def needs_classes(num_classes, *more, **options):
    return Corners()


def nan_scores():
    return Fixed(1.0, float("nan"))


def no_batch_axis():
    return Fixed(1.0, 2.0, axes=1)


def not_a_network():
    return {"weights": 1}


def broken():
    raise OSError("the weights are\non another disk")


def leaves():
    sys.exit(5)


def interrupted():
    raise KeyboardInterrupt


def interrupted_later():
    if not _timers:  # it is built twice
        _timers.append(threading.Timer(2.0, os.kill, (os.getpid(), signal.SIGINT)))
        _timers[0].start()
    return ready


ready = Corners()
_random = Flat()
_timers = []
number = 5
