"""What explainers of a layer inside the network share: finding the layer."""

from __future__ import annotations

import difflib

from mindspore import nn

from fastxai.common.shadow import signature
from fastxai.explainer.backprop.gradient import Gradient

_LISTED = 5  # names shown for one that is unknown


class IntermediateLayerAttribution(Gradient):
    """An explainer of what a layer makes of the images.

    Args:
        network: The classifier, (N, C, H, W) to (N, classes).
        layer: Name of the layer as in `network.cells_and_names()`, or the Cell itself; '' is the
            input.

    Raises:
        TypeError: An argument is of the wrong kind.
        ValueError: The network has no such layer.
    """

    def __init__(self, network: nn.Cell, layer: str | nn.Cell = "") -> None:
        super().__init__(network)
        if not isinstance(layer, (str, nn.Cell)):
            kind = type(layer).__name__
            raise TypeError(f"{self._owner}: `layer` must be a str or an nn.Cell, got {kind}.")
        self._layer = layer
        self._find_layer()

    def _find_layer(self) -> nn.Cell | None:
        """The layer in the caller's network as it is now; None for the input.

        Raises:
            ValueError: The network has no such layer.
        """
        if isinstance(self._layer, nn.Cell):
            if any(part is self._layer for part in signature(self._network)):
                return self._layer
            raise ValueError(
                f"{self._owner}: `layer` is a {type(self._layer).__name__} that is not part of "
                "`network`."
            )
        if self._layer == "":
            return None
        names = {name: cell for name, cell in self._network.cells_and_names() if name}
        if self._layer in names:
            return names[self._layer]
        near = difflib.get_close_matches(self._layer, names, _LISTED, cutoff=0.4)
        hint = f"the nearest are {near}" if near else f"it has {list(names)[:_LISTED]}, ..."
        raise ValueError(f"{self._owner}: `network` has no layer {self._layer!r}; {hint}.")

    @property
    def _name(self) -> str:
        """The layer for messages."""
        return repr(self._layer if isinstance(self._layer, str) else type(self._layer).__name__)
