"""A network of OpenVINO's, compiled for the shapes of its batches."""

from __future__ import annotations

from typing import Any

import numpy as np

from fastxai.models.model import Convolutions

# A call scores single images, whole batches and a last batch: more shapes would hold more copies of
# the weights.
_MOST_SHAPES = 3


class OpenVinoNetwork:
    """Outputs of batches; for one thread at a time.

    Args:
        network: An `openvino.Model` of one input; it is not changed.
        threads: Threads to use; 0: OpenVINO's choice.
        fixed: Whether its input has one shape alone.
    """

    def __init__(self, network: Any, threads: int, *, fixed: bool) -> None:
        self._network = network
        self._fixed = fixed
        self._options: dict[str, Any] = {
            "PERFORMANCE_HINT": "LATENCY",
            "INFERENCE_PRECISION_HINT": "f32",
        }
        if threads:
            self._options["INFERENCE_NUM_THREADS"] = threads
        self._requests: dict[tuple[int, ...], Any] = {}  # the one used last is the last

    def run(self, batch: np.ndarray) -> list[np.ndarray]:
        """Outputs, arrays of their own, of a contiguous batch in the network's dtype."""
        import openvino

        request = self._requests.pop(batch.shape, None) or self._compiled(batch.shape)
        self._requests[batch.shape] = request
        request.set_input_tensor(openvino.Tensor(batch, shared_memory=True))
        request.infer()
        return [np.array(tensor.data) for tensor in request.output_tensors]

    def convolutions(self) -> Convolutions:
        """Input channels, kernel and stride of each one of images."""
        found = []
        for each in self._network.get_ordered_ops():
            if each.get_type_name() == "Convolution" and len(each.get_output_partial_shape(0)) == 4:
                weights = each.input(1).get_partial_shape()
                stride = each.get_attributes()["strides"]
                if weights.is_static:
                    _, inputs, *kernel = (axis.get_length() for axis in weights)
                    found.append((inputs, (kernel[0], kernel[1]), (stride[0], stride[1])))
        return tuple(found)

    def _compiled(self, shape: tuple[int, ...]) -> Any:
        """A request for one shape: what is known of it makes the network faster."""
        from fastxai.engine.openvino import core

        while len(self._requests) >= _MOST_SHAPES:
            del self._requests[next(iter(self._requests))]
        network = self._network
        if not self._fixed:
            network = network.clone()
            network.reshape(list(shape))
        return core().compile_model(network, "CPU", self._options).create_infer_request()
