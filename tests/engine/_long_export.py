"""An endless export for another process to interrupt: python -m tests.engine._long_export MODE."""

import sys

import mindspore as ms
from mindspore import nn

from fastxai.engine.export import exported
from fastxai.network.evaluation import evaluating
from fastxai.network.scores import ScoreCell
from tests._networks import SmallConv

SHAPE = (4, 3, 14, 11)


def export(network):
    """Every export takes a cell of its own."""
    with evaluating(network):
        exported(ScoreCell(network, nn.Softmax(), ms.float32), SHAPE)


if __name__ == "__main__":
    ms.set_context(mode=ms.GRAPH_MODE if sys.argv[1] == "graph" else ms.PYNATIVE_MODE)
    net = SmallConv()
    try:
        export(net)  # loads what MindSpore loads late
        print("exporting", flush=True)
        while True:
            export(net)
    except KeyboardInterrupt:
        export(net)
        print("interrupted, works again", flush=True)
