"""In which dtype a network takes images, where its weights are not all of one; no framework."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Iterable
from typing import Any

Weights = list[tuple[Any, int]]  # floating dtype and number of axes of every weight


class InputDtypeSearch(ABC):
    """Input dtype of one network, determined once for each shape of images.

    A network whose parameters have one floating dtype takes that. Where they have several (a
    float32 scale beside float16 convolutions, a frozen part in another dtype) which of them is
    needed stands nowhere, so the network is tried on an image: in float32 if it has it, then in the
    dtypes of its weights of two axes or more, then in the others.

    Args:
        network: The classifier.
        usual: The framework's float32.
    """

    def __init__(self, network: Any, usual: Any) -> None:
        self.network = network
        self._usual = usual
        self._known: dict[Any, Any] = {}

    def of(self, image: Any) -> Any:
        """The dtype for an image (C, H, W) float32; the network is in evaluation mode."""
        found = self._weights()
        candidates = _candidates(found, self._usual)
        if len(candidates) == 1:
            return candidates[0]
        key = (tuple(map(str, found)), tuple(image.shape), self._place(image))
        if key not in self._known:
            taken = (dtype for dtype in candidates if self._takes(image, dtype))
            self._known[key] = next(taken, None) or self.unasked()
        return self._known[key]

    def unasked(self) -> Any:
        """The likeliest dtype, where there is no image to ask with: of the first matrix."""
        found = self._weights()
        return next((dtype for dtype, axes in found if axes >= 2), found[0][0])

    @abstractmethod
    def _weights(self) -> Weights:
        """All parameters; without one, float32 and then all other Tensors.

        Images are float32, and a constant says little.
        """

    @abstractmethod
    def _place(self, image: Any) -> Any:
        """What else decides where an image is scored, such as a device or a mode."""

    @abstractmethod
    def _takes(self, image: Any, dtype: Any) -> bool:
        """Whether the network runs on an image in this dtype.

        What is wrong with a network that runs in none is its own run's to say.
        """


def _candidates(found: Iterable[tuple[Any, int]], usual: Any) -> list[Any]:
    """Dtypes that a network may take images in, the likeliest first.

    The usual one is the first where the network has it at all: images are float32, so that a
    network which takes that loses nothing.
    """
    weights = list(found)
    layers = [dtype for dtype, axes in weights if axes >= 2]
    order = [*layers, *(dtype for dtype, _ in weights)]
    known = list(dict.fromkeys(order)) or [usual]
    return sorted(known, key=lambda dtype: dtype != usual)
