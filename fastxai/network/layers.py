"""Layers of a network, found by name or as the Cell itself."""

from __future__ import annotations

import difflib
from typing import Any

from mindspore import mint, nn

from fastxai.network.structure import Structure

_LISTED = 5  # names shown for one that is unknown
_CONVOLUTIONS = 3


def layers_of(network: nn.Cell) -> list[nn.Cell]:
    """All cells of a network, outer ones first."""
    return [cell for _, cell in network.cells_and_names()]


def find_layer(owner: str, network: nn.Cell, layer: Any) -> nn.Cell:
    """A layer of a network, also of one that `mindspore.amp.auto_mixed_precision` returned.

    Names and cells of before are found in it: levels O2 and O3 wrap cells, O1 replaces them.

    Args:
        owner: Name for messages.
        network: Where to look.
        layer: Name as in `network.cells_and_names()`, '' being the network; or the Cell itself.

    Returns:
        The layer.

    Raises:
        TypeError: `layer` is of another kind.
        ValueError: The network has no such layer.
    """
    if isinstance(layer, nn.Cell):
        stands_for = _in_place_of(layer, network)
        if stands_for is not None:
            return stands_for
        raise ValueError(
            f"{owner}: `layer` is a {type(layer).__name__} that is not part of `network`."
        )
    if not isinstance(layer, str):
        kind = type(layer).__name__
        raise TypeError(f"{owner}: `layer` must be a str or an nn.Cell, got {kind}.")
    names = dict(network.cells_and_names())
    for name, cell in names.items():  # the wrapper before what it holds
        if layer in (name, _without_wrappers(name)):
            return _in_place_of(cell, network) or cell
    near = difflib.get_close_matches(layer, filter(None, names), _LISTED, cutoff=0.4)
    known = [name for name in names if name][:_LISTED]
    hint = f"the nearest are {near}" if near else f"it has {known}, ..."
    hint += last_convolutions(network)
    raise ValueError(f"{owner}: `network` has no layer {layer!r}; {hint}.")


def last_convolutions(network: nn.Cell) -> str:
    """A hint at layers whose output is (N, K, h, w), to go on with in a message; maybe empty."""
    named = network.cells_and_names()
    names = [name for name, cell in named if name and isinstance(cell, nn.Conv2d)]
    return f"; its last convolutions are {names[-_CONVOLUTIONS:]}" if names else ""


def convolutions_of(network: nn.Cell) -> tuple[tuple[int, Any, Any], ...]:
    """Input channels, kernel and stride (rows, columns) of each convolution of images."""
    found = []
    for cell in layers_of(network):
        if isinstance(cell, (nn.Conv2d, mint.nn.Conv2d)):
            kernel, stride = (
                value if isinstance(value, tuple) else (value, value)
                for value in (cell.kernel_size, cell.stride)
            )
            found.append((cell.in_channels, kernel[-2:], stride[-2:]))
    return tuple(found)


def _without_wrappers(name: str) -> str:
    """A layer's name before amp wrapped cells, which it calls `_backbone` then."""
    return ".".join(part for part in name.split(".") if part != "_backbone")


def _in_place_of(layer: nn.Cell, network: nn.Cell) -> nn.Cell | None:
    """The cell that amp replaced the layer by, else the layer; None if there is neither.

    `mindspore.rewrite`, by which level O1 does so, gives the new cell the attributes of the old
    one, its dict of children among them; no other cells share one.
    """
    children = vars(layer)["_cells"]
    found = None
    for part in Structure(network).items:
        if part is layer:
            found = found or layer
        elif isinstance(part, nn.Cell) and vars(part)["_cells"] is children:
            found = part
    return found
