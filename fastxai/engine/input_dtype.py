"""In which dtype a network of MindSpore takes images."""

from __future__ import annotations

from typing import Any

import mindspore as ms
import numpy as np
from mindspore import nn

from fastxai.arguments.input_dtype import InputDtypeSearch, Weights
from fastxai.engine.export import untraced
from fastxai.network.evaluation import running
from fastxai.network.scores import ScoreCell
from fastxai.network.structure import Structure

_FLOATING = (ms.float32, ms.float16, ms.bfloat16, ms.float64)


class InputDtype(InputDtypeSearch):
    """Input dtype of one network, in each of MindSpore's modes.

    Args:
        network: The classifier.
        output: Indices and keys that lead to the scores in what it returns.
    """

    def __init__(self, network: nn.Cell, output: tuple[int | str, ...] = ()) -> None:
        super().__init__(network, ms.float32)
        self.output = output

    def _weights(self) -> Weights:
        found = _floating(self.network.get_parameters())
        if found:
            return found
        tensors = [item for item in Structure(self.network).items if isinstance(item, ms.Tensor)]
        return [(ms.float32, 0), *_floating(tensors)]

    def _place(self, image: np.ndarray) -> Any:
        return ms.get_context("mode")

    def _takes(self, image: np.ndarray, dtype: Any) -> bool:
        cell = ScoreCell(self.network, None, dtype, self.output)
        try:
            with running(), untraced():
                cell(ms.Tensor(np.ascontiguousarray(image[None]))).asnumpy()
        except Exception:
            return False
        return True


def _floating(tensors: Any) -> Weights:
    return [(tensor.dtype, tensor.ndim) for tensor in tensors if tensor.dtype in _FLOATING]
