"""ReLUs with a backward pass of their own.

Primitives only: GRAPH_MODE does not compile functions of `ops` with branches in a `bprop`.
"""

from __future__ import annotations

import mindspore as ms
from mindspore import nn, ops

_MARK = "fastxai_of_a_rule"


def is_of_a_rule(primitive: ops.Primitive) -> bool:
    """Whether a ReLU is a part of a rule, which no rule may take the place of."""
    return _MARK in vars(primitive)


def _of_a_rule(primitive: ops.Primitive) -> ops.Primitive:
    vars(primitive)[_MARK] = True
    return primitive


class _Rule(nn.Cell):
    """relu(x), or min(relu(x), 6)."""

    def __init__(self, forward: ops.Primitive) -> None:
        super().__init__(auto_prefix=False)
        self.forward = _of_a_rule(forward)
        self.relu = _of_a_rule(ops.ReLU())
        self.select = ops.Select()
        self.zeros = ops.ZerosLike()

    def construct(self, x: ms.Tensor) -> ms.Tensor:
        """As the ReLU it stands for."""
        return self.forward(x)


class DeconvolutionReLU(_Rule):
    """Backward: relu(g)."""

    def bprop(self, x: ms.Tensor, out: ms.Tensor, dout: ms.Tensor) -> tuple[ms.Tensor]:
        """Gradient handed on to x."""
        return (self.relu(dout),)


class GuidedReLU(_Rule):
    """Backward: relu(g) where 0 < x."""

    def bprop(self, x: ms.Tensor, out: ms.Tensor, dout: ms.Tensor) -> tuple[ms.Tensor]:
        """Gradient handed on to x."""
        return (self.select(x > 0, self.relu(dout), self.zeros(dout)),)


class GuidedReLU6(_Rule):
    """Backward: relu(g) where 0 < x < 6."""

    def bprop(self, x: ms.Tensor, out: ms.Tensor, dout: ms.Tensor) -> tuple[ms.Tensor]:
        """Gradient handed on to x."""
        passed = self.select(x > 0, self.relu(dout), self.zeros(dout))
        return (self.select(x < 6, passed, self.zeros(dout)),)


def guided_rules() -> dict[str, nn.Cell]:
    """Rules of guided back-propagation, by the primitive's name."""
    return {"ReLU": GuidedReLU(ops.ReLU()), "ReLU6": GuidedReLU6(ops.ReLU6())}


def deconvolution_rules() -> dict[str, nn.Cell]:
    """Rules of the deconvolutional network, by the primitive's name."""
    return {"ReLU": DeconvolutionReLU(ops.ReLU()), "ReLU6": DeconvolutionReLU(ops.ReLU6())}
