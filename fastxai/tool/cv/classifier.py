"""OoDNet's requirements of a classifier, and the classifier as one that returns its features."""

from __future__ import annotations

from typing import Any

from mindspore import nn

from fastxai.ops.checks import check_int

_OWNER = "OoDNet"
LINES = """
The classifier's __init__ needs
    self.num_features = 84  # length of the features, an int
    self.output_features = False
and its construct, where the features x (N, num_features) are ready,
    if self.output_features:
        return x"""


def check_classifier(underlying: Any) -> int:
    """Refuses a classifier that cannot be asked for its features.

    Returns:
        Its `num_features`.

    Raises:
        TypeError: It is not a Cell, `num_features` not an int or `output_features` not a bool.
        ValueError: `num_features` is not positive.
        AttributeError: It lacks one of them.
    """
    if not isinstance(underlying, nn.Cell):
        kind = type(underlying).__name__
        raise TypeError(f"{_OWNER}: `underlying` must be an nn.Cell, got {kind}.")
    for name in ("num_features", "output_features"):
        if not hasattr(underlying, name):
            raise AttributeError(f"{_OWNER}: `underlying` has no attribute `{name}`.{LINES}")
    flag = underlying.output_features
    if not isinstance(flag, bool):
        kind = type(flag).__name__
        raise TypeError(
            f"{_OWNER}: `underlying.output_features` must be a bool, got {kind}.{LINES}"
        )
    try:
        return check_int(_OWNER, "underlying.num_features", underlying.num_features, 1, 2**31 - 1)
    except (TypeError, ValueError) as error:
        raise type(error)(f"{error}{LINES}") from None


class FeatureView:
    """A second tree of cells around a classifier's Parameters, with `output_features` on.

    The caller's cells are neither switched nor put in another mode, and a graph compiled from the
    second tree cannot be mistaken for one of the first.

    Args:
        underlying: The classifier.

    Raises:
        AttributeError: Its `output_features` cannot be set.
    """

    def __init__(self, underlying: nn.Cell) -> None:
        from fastxai.network.cell_copy import CellCopier
        from fastxai.network.structure import Structure

        self.cell = CellCopier().copy(underlying)
        self._structure = Structure(underlying)
        try:
            self.cell.output_features = True
        except AttributeError as error:
            raise AttributeError(
                f"{_OWNER}: `underlying.output_features` cannot be set: {error}.{LINES}"
            ) from None

    @property
    def current(self) -> bool:
        """Whether the classifier still has the layers and attributes it had; weights may change."""
        return self._structure.is_current()
