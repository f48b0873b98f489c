"""Cells and jit functions around the primitives (graph mode compiles source files only)."""

import mindspore as ms
from mindspore import nn


class Wrap(nn.Cell):
    """One primitive as a Cell."""

    def __init__(self, op):
        super().__init__()
        self.op = op

    def construct(self, *args):
        return self.op(*args)


def jitted(op):
    """One primitive as a jit function."""

    @ms.jit
    def call(*args):
        return op(*args)

    return call
