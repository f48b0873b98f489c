"""Two engines of one network: a cheap one for all masks, an exact one for some."""

from __future__ import annotations

import numpy as np

from fastxai.engine.protocol import Engine

CHEAP, EXACT = "bfloat16", "float32"


class MixedEngine(Engine):
    """What precision 'mixed' is made of.

    Args:
        cheap: Computes in bfloat16; called, the pair scores by it.
        exact: Computes in float32.

    Attributes:
        error: That of `cheap`.
    """

    name = "openvino"
    title = "OpenVINO"
    precisions = ("mixed",)
    any_shape = False
    in_place = True
    precision = "mixed"

    def __init__(self, cheap: Engine, exact: Engine) -> None:
        self.cheap, self.exact = cheap, exact
        self.error = cheap.error
        self.compared = cheap.compared and exact.compared

    def __call__(self, batch: np.ndarray) -> np.ndarray:
        """The cheap engine's scores of a batch."""
        return self.cheap(batch)
