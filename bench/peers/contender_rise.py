"""What contenders share that explain by another library's RISE: the timed run."""

from __future__ import annotations

import argparse
import time
from abc import ABC, abstractmethod
from typing import Any

import numpy as np

TARGET_CLASS = 7


class RiseContender(ABC):
    """RISE as a user of the library calls it."""

    def __init__(self, options: argparse.Namespace) -> None:
        self._options = options

    @abstractmethod
    def explain(self, masks: int) -> Any:
        """The map (H, W) of the class."""

    def run(self) -> dict[str, Any]:
        """A whole explanation."""
        start = time.perf_counter()
        saliency = self.explain(self._options.images)
        seconds = time.perf_counter() - start
        np.save(self._options.map, np.asarray(saliency, np.float32))
        return {"seconds": seconds}
