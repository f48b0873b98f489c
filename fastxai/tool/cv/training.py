"""Callbacks of OoDNet's training."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

from mindspore.train import Callback, LearningRateScheduler

from fastxai.ops.checks import check_int

_MARK = "__model_hash__"  # that MindSpore leaves on a dataset


class EpochScheduler(LearningRateScheduler):
    """Learning rate `base_lr * base_factor ** (e // denominator)`, set at the end of every step.

    e is the number of the last finished epoch, and 1 during the first. So the first step of an
    epoch still has the rate of the epoch before, and the first of all the optimizer's own: what
    mindspore_xai does.

    Args:
        base_lr: Rate to start from.
        base_factor: What it is multiplied by after every `denominator` epochs.
        denominator: A positive int.

    Raises:
        TypeError: `denominator` is not an int.
        ValueError: It is not positive.
    """

    def __init__(self, base_lr: float, base_factor: float, denominator: int) -> None:
        super().__init__(self._rate)
        self.base_lr = base_lr
        self.base_factor = base_factor
        self.denominator = check_int("OoDNet", "lr_epoch_denom", denominator, 1, 2**31 - 1)
        self._epoch = 1

    def on_train_epoch_end(self, run_context: Any) -> None:
        """Notes which epoch is finished."""
        self._epoch = run_context.original_args().cur_epoch_num

    def _rate(self, rate: float, step: int) -> float:
        return self.base_lr * self.base_factor ** (self._epoch // self.denominator)


class StepCounter(Callback):
    """Tells a progress bar of every finished step.

    Args:
        advance: Called with the number of steps since its last call.
    """

    def __init__(self, advance: Callable[[int], None]) -> None:
        super().__init__()
        self._advance = advance
        self._done = 0

    def on_train_step_end(self, run_context: Any) -> None:
        """One step more; many at once where the dataset is sunk."""
        done = run_context.original_args().cur_step_num
        self._advance(done - self._done)
        self._done = done


@contextmanager
def unclaimed(dataset: Any) -> Iterator[None]:
    """Lets a dataset that a Model was trained on serve another, and leaves it as it was.

    MindSpore marks a dataset with its first Model and refuses every other one. That is for the sake
    of datasets that are sunk into a device, which `OoDNet.train` does not do.

    Args:
        dataset: The dataset.
    """
    mark = vars(dataset).pop(_MARK, None)
    try:
        yield
    finally:
        vars(dataset).pop(_MARK, None)
        if mark is not None:
            setattr(dataset, _MARK, mark)


def callback_list(callbacks: Any) -> list[Callback]:
    """The caller's callbacks as a list.

    Raises:
        TypeError: `callbacks` is neither None nor a Callback nor a list or tuple of them.
    """
    if callbacks is None:
        return []
    given = list(callbacks) if isinstance(callbacks, (list, tuple)) else [callbacks]
    for callback in given:
        if not isinstance(callback, Callback):
            kind = type(callback).__name__
            raise TypeError(
                "OoDNet: `callbacks` must be None, a Callback or a list or tuple of Callbacks, "
                f"got {kind}."
            )
    return given
