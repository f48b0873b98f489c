"""In which dtype a network takes images, where its weights are not all of one."""

from __future__ import annotations

from typing import Any

import mindspore as ms
import numpy as np
from mindspore import nn

from fastxai.arguments.scores import dtypes_to_try
from fastxai.engine.export import untraced
from fastxai.network.evaluation import running
from fastxai.network.scores import ScoreCell
from fastxai.network.structure import Structure

_FLOATING = (ms.float32, ms.float16, ms.bfloat16, ms.float64)


class InputDtype:
    """Input dtype of one network, determined once for each shape of images.

    A network whose Parameters have one floating dtype takes that. Where they have several (a
    float32 scale beside float16 convolutions, a frozen part in another dtype) which of them is
    needed stands nowhere, so the network is tried on an image: in float32 if it has it, then in the
    dtypes of its weights of two axes or more, then in the others.

    Args:
        network: The classifier.
        output: Indices and keys that lead to the scores in what it returns.
    """

    def __init__(self, network: nn.Cell, output: tuple[int | str, ...] = ()) -> None:
        self.network = network
        self.output = output
        self._known: dict[Any, Any] = {}

    def of(self, image: np.ndarray) -> Any:
        """The dtype for an image (C, H, W) float32; the network is in evaluation mode."""
        found = _weights(self.network)
        candidates = dtypes_to_try(found, ms.float32)
        if len(candidates) == 1:
            return candidates[0]
        key = (tuple(map(str, found)), image.shape, ms.get_context("mode"))
        if key not in self._known:
            self._known[key] = self._tried(candidates, image, found)
        return self._known[key]

    def _tried(self, candidates: list[Any], image: np.ndarray, found: list[Any]) -> Any:
        for dtype in candidates:
            cell = ScoreCell(self.network, None, dtype, self.output)
            try:
                with running(), untraced():
                    cell(ms.Tensor(np.ascontiguousarray(image[None]))).asnumpy()
            except Exception:  # noqa: S112 - a finding: its own run says what is wrong, if all fail
                continue
            return dtype
        return unasked(found)

    def unasked(self) -> Any:
        """The likeliest dtype, where there is no image to ask with."""
        return unasked(_weights(self.network))


def unasked(found: list[tuple[Any, int]]) -> Any:
    """The dtype of the first weight of two axes or more, of all weights given with their axes."""
    return next((dtype for dtype, axes in found if axes >= 2), found[0][0])


def _weights(network: nn.Cell) -> list[tuple[Any, int]]:
    """Floating dtype and number of axes of all Parameters; without one, of all other Tensors.

    The latter after float32: images are float32, and a constant says little.
    """
    found = _floating(network.get_parameters())
    if not found:
        tensors = [item for item in Structure(network).items if isinstance(item, ms.Tensor)]
        found = [(ms.float32, 0), *_floating(tensors)]
    return found


def _floating(tensors: Any) -> list[tuple[Any, int]]:
    return [(tensor.dtype, tensor.ndim) for tensor in tensors if tensor.dtype in _FLOATING]
