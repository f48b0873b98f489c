"""GuidedBackprop and Deconvolution: gradients with another rule for going back through ReLUs."""

from __future__ import annotations

import warnings
from collections.abc import Callable
from typing import Any

import mindspore as ms
from mindspore import nn

from fastxai.explainer.backprop.backprop_utils import BackwardPass
from fastxai.explainer.backprop.gradient import Gradient
from fastxai.explainer.backprop.relu_rules import deconvolution_rules, guided_rules
from fastxai.explainer.backprop.relu_shadow import ReLUShadow

_REACHED = "nn.ReLU, nn.ReLU6, ops.ReLU, ops.ReLU6, ops.relu, ops.relu6, those of mint"


class ModifiedReLU(Gradient):
    """A gradient with another backward rule for ReLUs.

    Args:
        network: The classifier, (N, C, H, W) to (N, classes).
        rules: Makes what stands for a ReLU, by the primitive's name.

    Raises:
        TypeError: `network` is not a Cell.
    """

    def __init__(self, network: nn.Cell, rules: Callable[[], dict[str, nn.Cell]]) -> None:
        super().__init__(network)
        self._rules = rules
        self._shadow: ReLUShadow | None = None
        self._warned = ""
        self._warn(ReLUShadow(network, rules()))

    def _run(self, images: ms.Tensor, targets: ms.Tensor) -> tuple[Any, ms.Tensor]:
        if self._shadow is None:
            self._shadow = ReLUShadow(self._network, self._rules())
            self._warn(self._shadow)
        with self._shadow.importable():
            return super()._run(images, targets)

    def _make_pass(self, shape: tuple[int, ...]) -> BackwardPass:
        assert self._shadow is not None
        return BackwardPass(self._shadow.network)

    def _forget(self) -> None:
        super()._forget()
        self._shadow = None

    def _warn(self, shadow: ReLUShadow) -> None:
        """Says once what keeps its own gradient."""
        words = ""
        if shadow.replaced == 0:
            words = (
                f"{self._owner}: `network` holds no ReLU that can be modified ({_REACHED}), so the "
                "map is the plain gradient."
            )
        elif shadow.out_of_reach:
            words = (
                f"{self._owner}: ReLUs named in {', '.join(shadow.out_of_reach)} cannot be "
                "modified and keep their own gradient; use nn.ReLU there."
            )
        if words and words != self._warned:
            warnings.warn(words, UserWarning, stacklevel=4)
        self._warned = words


class GuidedBackprop(ModifiedReLU):
    r"""Gradient that passes ReLUs only where both it and their input are positive.

    Where a gradient g arrives at a ReLU with input x, :math:`\mathrm{relu}(g)\,[x > 0]` is handed
    on (:math:`[0 < x < 6]` for ReLU6); the map is the largest absolute value over the channels, as
    `Gradient`'s.

    Seen are ReLUs that a Cell holds (`nn.ReLU`, `nn.ReLU6`, `ops.ReLU()`, `ops.ReLU6()`; also in
    lists, tuples and dicts) and calls of `ops.relu`, `ops.relu6`, `mint.nn.functional.relu` and
    `relu6` in its methods and in functions that they call by name. Other activations keep their
    gradient.

    Args:
        network: The classifier, (N, C, H, W) to (N, classes) or (N, classes, ...), further axes
            being averaged. It is given back as it came; its weights are read at every call.

    Raises:
        TypeError: `network` is not a Cell.

    Warns:
        UserWarning: The network holds no ReLU that can be modified, or one that cannot.

    Precision:
        The network's: float32, or float16 where its first floating-point parameter is.

    Source:
        Springenberg, Dosovitskiy, Brox and Riedmiller, "Striving for Simplicity: The All
        Convolutional Net", ICLR workshop 2015, section 3.4 and figure 1.

    Supported Platforms:
        Those of MindSpore, in PYNATIVE_MODE and GRAPH_MODE; tested on ``CPU``.

    Example:
        >>> import numpy as np
        >>> import mindspore as ms
        >>> from mindspore import nn
        >>> from fastxai.explainer import GuidedBackprop
        >>> network = nn.SequentialCell(
        ...     nn.Conv2d(3, 8, 3), nn.ReLU(), nn.Flatten(), nn.Dense(8 * 16 * 16, 4)
        ... )
        >>> guided = GuidedBackprop(network)
        >>> guided(ms.Tensor(np.ones((1, 3, 16, 16), np.float32)), 2).shape
        (1, 1, 16, 16)
    """

    def __init__(self, network: nn.Cell) -> None:
        super().__init__(network, guided_rules)


class Deconvolution(ModifiedReLU):
    r"""Gradient that passes ReLUs only where it is positive.

    Where a gradient g arrives at a ReLU, :math:`\mathrm{relu}(g)` is handed on, whatever its input
    was; the map is the largest absolute value over the channels, as `Gradient`'s.

    Seen are ReLUs that a Cell holds (`nn.ReLU`, `nn.ReLU6`, `ops.ReLU()`, `ops.ReLU6()`; also in
    lists, tuples and dicts) and calls of `ops.relu`, `ops.relu6`, `mint.nn.functional.relu` and
    `relu6` in its methods and in functions that they call by name. Other activations keep their
    gradient.

    Args:
        network: The classifier, (N, C, H, W) to (N, classes) or (N, classes, ...), further axes
            being averaged. It is given back as it came; its weights are read at every call.

    Raises:
        TypeError: `network` is not a Cell.

    Warns:
        UserWarning: The network holds no ReLU that can be modified, or one that cannot.

    Precision:
        The network's: float32, or float16 where its first floating-point parameter is.

    Source:
        Zeiler and Fergus, "Visualizing and Understanding Convolutional Networks", ECCV 2014,
        section 2.1.

    Supported Platforms:
        Those of MindSpore, in PYNATIVE_MODE and GRAPH_MODE; tested on ``CPU``.

    Example:
        >>> import numpy as np
        >>> import mindspore as ms
        >>> from mindspore import nn
        >>> from fastxai.explainer import Deconvolution
        >>> network = nn.SequentialCell(
        ...     nn.Conv2d(3, 8, 3), nn.ReLU(), nn.Flatten(), nn.Dense(8 * 16 * 16, 4)
        ... )
        >>> deconvolution = Deconvolution(network)
        >>> deconvolution(ms.Tensor(np.ones((1, 3, 16, 16), np.float32)), 2).shape
        (1, 1, 16, 16)
    """

    def __init__(self, network: nn.Cell) -> None:
        super().__init__(network, deconvolution_rules)
