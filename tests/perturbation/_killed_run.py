"""A run with a state that kills itself: python -m tests.perturbation._killed_run STATE MASKS."""

import os
import signal
import sys

import mindspore as ms
import numpy as np
from mindspore import nn

from fastxai.explainer import RISE
from fastxai.perturbation import run_state
from tests._networks import SmallConv


def images() -> ms.Tensor:
    """What is explained."""
    return ms.Tensor(np.random.default_rng(4).normal(size=(2, 3, 40, 48)).astype(np.float32))


def explainer() -> RISE:
    """What explains it."""
    return RISE(SmallConv(), nn.Softmax(), 20, num_masks=300, seed=8, engine="mindspore")


if __name__ == "__main__":
    run_state._INTERVAL_S = run_state._COST = 0.0

    def kill(done, total):
        if done >= int(sys.argv[2]):
            os.kill(os.getpid(), signal.SIGKILL)

    explainer()(images(), 2, progress=kill, state=sys.argv[1])
