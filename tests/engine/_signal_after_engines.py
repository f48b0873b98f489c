"""Ctrl-C when the older of two OpenVINO engines has been dropped; prints what it raised."""

import gc
import signal

import mindspore as ms
from mindspore import nn

from fastxai.engine.export import exported
from fastxai.engine.openvino import OpenVinoEngine
from fastxai.network.scores import ScoreCell
from tests import _networks as networks
from tests.engine.test_engines import BATCH, SHAPE


def main() -> None:
    """Makes two engines, drops them in the order they were made in, and interrupts itself."""
    cell = ScoreCell(networks.SmallConv(), nn.Softmax(), ms.float32).set_train(False)
    model = exported(cell, SHAPE)
    engines = [OpenVinoEngine(model, SHAPE) for _ in range(2)]
    for engine in engines:
        engine(BATCH)
    del engine
    while engines:
        del engines[0]
        gc.collect()
    try:
        signal.raise_signal(signal.SIGINT)
    except KeyboardInterrupt:
        print("KeyboardInterrupt")


if __name__ == "__main__":
    main()
