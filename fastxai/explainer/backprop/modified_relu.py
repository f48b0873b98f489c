"""GuidedBackprop and Deconvolution: gradients with another rule for going back through ReLUs."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import mindspore as ms
from mindspore import nn

from fastxai.arguments.caller_warning import warn_caller
from fastxai.common.attribution import Output
from fastxai.explainer.backprop.backprop_utils import BackwardPass
from fastxai.explainer.backprop.executed_relus import (
    in_pynative_mode,
    relus_in_graphs,
    rules_at_every_relu,
)
from fastxai.explainer.backprop.gradient import Gradient
from fastxai.explainer.backprop.relu_copy import ReLUCopy
from fastxai.explainer.backprop.relu_rules import deconvolution_rules, guided_rules

_LISTED = 5  # places named in a warning


class ModifiedReLU(Gradient):
    """A gradient with another backward rule for ReLUs.

    Args:
        network: The classifier, (N, C, H, W) to (N, classes).
        rules: Makes what stands for a ReLU, by the primitive's name.
        output: Place of the scores in the network's output, if that is no Tensor: an index, a
            key, or a tuple of those from the outside to the inside.

    Raises:
        TypeError: An argument is of the wrong kind.
    """

    def __init__(
        self,
        network: nn.Cell,
        rules: Callable[[], dict[str, nn.Cell]],
        *,
        output: Output = None,
    ) -> None:
        super().__init__(network, output=output)
        self._rules = rules
        self._copy: ReLUCopy | None
        self._looked_at: set[str]  # graphs
        self._warned = ""

    def _fresh(self) -> dict[str, Any]:
        return {**super()._fresh(), "_copy": None, "_looked_at": set()}

    def _run(self, images: ms.Tensor, targets: ms.Tensor) -> tuple[Any, ms.Tensor]:
        if self._copy is None:
            self._copy = ReLUCopy(self._network, self._rules())
        with self._copy.importable():
            if not in_pynative_mode():
                results = super()._run(images, targets)
                self._look_at_graphs()
                return results
            with rules_at_every_relu(self._copy.rules) as executed:
                results = super()._run(images, targets)
        self._warn(executed.count > 0, [], executed.compiled)
        return results

    def _make_pass(self, shape: tuple[int, ...]) -> BackwardPass:
        assert self._copy is not None
        return BackwardPass(self._copy.network, output=self._output_path)

    def _forget(self) -> None:
        super()._forget()
        self._copy = None
        self._looked_at = set()

    def _look_at_graphs(self) -> None:
        """At those compiled since the last look."""
        last = next(reversed(self._passes.values()))
        phases = set(last.compile_cache) - self._looked_at
        if phases:
            self._looked_at |= phases
            self._warn(*relus_in_graphs(last, phases))

    def _warn(self, has_relu: bool, plain: list[str], compiled: int = 0) -> None:
        """Says once what keeps its own gradient."""
        words = ""
        if not has_relu:
            words = (
                f"{self._owner}: `network` holds no ReLU that can be modified: it executes none, "
                "so the map is the plain gradient."
            )
        elif plain:
            places = sorted(set(plain))
            more = ", ..." if len(places) > _LISTED else ""
            words = (
                f"{self._owner}: {len(plain)} ReLU(s) of `network` cannot be modified in "
                f"GRAPH_MODE and keep their own gradient, those called in "
                f"{', '.join(places[:_LISTED])}{more}. Hold them there as nn.ReLU attributes, or "
                "use PYNATIVE_MODE, which modifies every ReLU."
            )
        elif compiled:
            words = (
                f"{self._owner}: {compiled} ReLU(s) of `network` cannot be modified inside "
                "functions that MindSpore compiles (ops.vmap) and keep their own gradient. Call "
                "them outside."
            )
        if words and words != self._warned:
            warn_caller(words)
        self._warned = words


class GuidedBackprop(ModifiedReLU):
    r"""Gradient that passes ReLUs only where both it and their input are positive.

    Where a gradient g arrives at a ReLU with input x, :math:`\mathrm{relu}(g)\,[x > 0]` is handed
    on (:math:`[0 < x < 6]` for ReLU6); the map is the largest absolute value over the channels, as
    `Gradient`'s.

    In PYNATIVE_MODE every ReLU and ReLU6 that the network executes is modified, except inside
    `ops.vmap`. In GRAPH_MODE those are that a Cell holds (`nn.ReLU`, `nn.ReLU6`, `ops.ReLU()`,
    `ops.ReLU6()`; also in lists, tuples and dicts) and calls of `ops.relu`, `ops.relu6`,
    `mint.nn.functional.relu` and `relu6` in its methods and in functions that they call by name. A
    warning tells of the others. Other activations keep their gradient, also what computes the same
    by other operators (`ops.maximum(x, 0)`, `ops.clamp`, `x * (x > 0)`).

    Args:
        network: The classifier, (N, C, H, W) to (N, classes) or (N, classes, ...), further axes
            being averaged. It is given back as it came; its weights are read at every call.
        output: Place of the scores in the network's output, if that is no Tensor: an index, a
            key, or a tuple of those from the outside to the inside.

    Raises:
        TypeError: An argument is of the wrong kind.

    Warns:
        UserWarning: When called: the network executes no ReLU, or one that cannot be modified
            (GRAPH_MODE, `ops.vmap`), or no gradient arrives at the images though the scores depend
            on them.

    Precision:
        The network's: the dtype that it takes images in.

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

    def __init__(self, network: nn.Cell, *, output: Output = None) -> None:
        super().__init__(network, guided_rules, output=output)


class Deconvolution(ModifiedReLU):
    r"""Gradient that passes ReLUs only where it is positive.

    Where a gradient g arrives at a ReLU, :math:`\mathrm{relu}(g)` is handed on, whatever its input
    was; the map is the largest absolute value over the channels, as `Gradient`'s.

    In PYNATIVE_MODE every ReLU and ReLU6 that the network executes is modified, except inside
    `ops.vmap`. In GRAPH_MODE those are that a Cell holds (`nn.ReLU`, `nn.ReLU6`, `ops.ReLU()`,
    `ops.ReLU6()`; also in lists, tuples and dicts) and calls of `ops.relu`, `ops.relu6`,
    `mint.nn.functional.relu` and `relu6` in its methods and in functions that they call by name. A
    warning tells of the others. Other activations keep their gradient, also what computes the same
    by other operators (`ops.maximum(x, 0)`, `ops.clamp`, `x * (x > 0)`).

    Args:
        network: The classifier, (N, C, H, W) to (N, classes) or (N, classes, ...), further axes
            being averaged. It is given back as it came; its weights are read at every call.
        output: Place of the scores in the network's output, if that is no Tensor: an index, a
            key, or a tuple of those from the outside to the inside.

    Raises:
        TypeError: An argument is of the wrong kind.

    Warns:
        UserWarning: When called: the network executes no ReLU, or one that cannot be modified
            (GRAPH_MODE, `ops.vmap`), or no gradient arrives at the images though the scores depend
            on them.

    Precision:
        The network's: the dtype that it takes images in.

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

    def __init__(self, network: nn.Cell, *, output: Output = None) -> None:
        super().__init__(network, deconvolution_rules, output=output)
