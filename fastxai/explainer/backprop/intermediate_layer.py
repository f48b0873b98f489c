"""Base of the explainers of a layer inside the network: it finds the layer."""

from __future__ import annotations

from mindspore import nn

from fastxai.common.attribution import Output
from fastxai.explainer.backprop.gradient import Gradient
from fastxai.network.layers import find_layer


class IntermediateLayerAttribution(Gradient):
    """An explainer of what a layer makes of the images.

    Args:
        network: The classifier, (N, C, H, W) to (N, classes).
        layer: Name of the layer as in `network.cells_and_names()`, or the Cell itself; '' is the
            input.
        output: Place of the scores in the network's output, if that is no Tensor: an index, a
            key, or a tuple of those from the outside to the inside.

    Raises:
        TypeError: An argument is of the wrong kind.
        ValueError: The network has no such layer.
    """

    def __init__(
        self, network: nn.Cell, layer: str | nn.Cell = "", *, output: Output = None
    ) -> None:
        super().__init__(network, output=output)
        self._layer = layer
        self._find_layer()

    def _find_layer(self) -> nn.Cell | None:
        """The layer in the caller's network as it is now; None for the input.

        Raises:
            TypeError: `layer` is neither a str nor a Cell.
            ValueError: The network has no such layer.
        """
        layer = find_layer(self._owner, self._network, self._layer)
        return None if layer is self._network and self._layer == "" else layer

    @property
    def _name(self) -> str:
        """The layer for messages."""
        return repr(self._layer if isinstance(self._layer, str) else type(self._layer).__name__)
