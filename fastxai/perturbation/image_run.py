"""What is told of an image while it is explained."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from fastxai.engine.settings import Choice
from fastxai.perturbation.archive import Arrays
from fastxai.perturbation.progress import Partial, Reporter
from fastxai.perturbation.run_state import RunState


class ImageRun:
    """Is told how far the explanation of one image is.

    Args:
        index: Of the image in its call.
        report: Who is told of the whole call.
        state: What keeps it.
    """

    def __init__(self, index: int, report: Reporter, state: RunState) -> None:
        self._index = index
        self._report = report
        self._state = state

    @property
    def batch(self) -> int | None:
        """Copies at a time of the run that this one goes on with; None for a new one."""
        return self._state.batch

    def begin(self, batch: int, choice: Choice | None, check: Callable[[Arrays], None]) -> Arrays:
        """It begins with so many copies at a time, scored by the choice.

        Args:
            batch: Copies at a time.
            choice: What scores them.
            check: Raises a ValueError for a snapshot that cannot be of this image.

        Returns:
            The snapshot to go on with; empty: from the beginning.
        """
        return self._state.begin(batch, choice, check)

    def advance(
        self,
        step: int,
        done: int,
        saliency: Callable[[], np.ndarray],
        snapshot: Callable[[], Arrays],
    ) -> None:
        """`step` more units are done.

        Args:
            step: Since the last call.
            done: Of this image.
            saliency: Makes the maps so far, (L, H, W).
            snapshot: Gives what is needed to go on from here.
        """
        self._state.tick(snapshot)
        made = Partial(self._index, done, lambda: np.asarray(saliency(), np.float32))
        self._report(step, made)

    def drop(self, units: int) -> None:
        """`units` of this image turn out not to be needed."""
        self._report.drop(units)
