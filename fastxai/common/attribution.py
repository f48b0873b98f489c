"""Base of all explainers."""

from __future__ import annotations

import copy
import copyreg
import pickle
from typing import Any, TypeVar

import numpy as np
from mindspore import nn

from fastxai.arguments.scores import Output, output_path
from fastxai.arguments.settings_repr import SettingsRepr
from fastxai.system.call_lock import CallLock

_Self = TypeVar("_Self", bound="Copyable")


class Copyable:
    """Gives a class copies that make again what cannot be copied.

    A deep copy has a network of its own and shares nothing with the original; `copy.copy` shares
    the network.
    """

    def _fresh(self) -> dict[str, Any]:
        """Attributes that a copy begins with, in place of the original's."""
        return {}

    def __copy__(self: _Self) -> _Self:
        """A copy that shares the network."""
        return self._with(self._state())

    def __deepcopy__(self: _Self, memo: dict[int, Any]) -> _Self:
        """A copy with a network of its own."""
        new = memo[id(self)] = self._with({})
        vars(new).update(copy.deepcopy(self._state(), memo))
        return new

    def __reduce_ex__(self, protocol: Any) -> Any:
        """For pickle.

        Raises:
            TypeError: Something that the explainer was given cannot be pickled.
        """
        state = self._state()
        try:
            pickle.Pickler(_Nowhere(), protocol).dump(state)
        except (TypeError, AttributeError, ValueError, pickle.PicklingError) as error:
            raise TypeError(
                f"{type(self).__name__}: an explainer can be pickled where its network can; "
                f"MindSpore's layers cannot ({error}). Make the explainer in every process, of a "
                "network whose weights `mindspore.load_checkpoint` reads; within a process "
                "`copy.deepcopy` copies it."
            ) from error
        return copyreg.__newobj__, (type(self),), state  # type: ignore[attr-defined]

    def _state(self) -> dict[str, Any]:
        return {**vars(self), **self._fresh()}

    def _with(self: _Self, state: dict[str, Any]) -> _Self:
        new = object.__new__(type(self))
        vars(new).update(state)
        return new


class Attribution(Copyable, SettingsRepr):
    """An explainer of one network.

    Its `repr` shows its settings. `copy.deepcopy` copies it with its network; it can be pickled
    where its network can.

    Args:
        network: The classifier, (N, C, H, W) to (N, classes).

        output: Where the scores are in what the network returns, if that is no Tensor: an index, a
            key, or a tuple of those from the outside to the inside.

    Raises:
        TypeError: An argument is of the wrong kind.
        ValueError: `output` is empty.
    """

    _output_path: tuple[int | str, ...] = ()
    _last_targets: np.ndarray | None = None

    def __init__(self, network: nn.Cell, *, output: Output = None) -> None:
        self._check_cell("network", network)
        self._network = network
        self._output_path = output_path(self._owner, output)
        if output is not None:  # else `repr` does not show it
            self._output = output
        self._lock = CallLock()

    def _fresh(self) -> dict[str, Any]:
        return {**super()._fresh(), "_lock": CallLock()}

    @property
    def network(self) -> nn.Cell:
        """The network that was given, the same object."""
        return self._network

    @property
    def last_targets(self) -> np.ndarray | None:
        """Classes (N, L) int64 that the last call explained, also chosen ones; None before it."""
        return self._last_targets

    @property
    def _owner(self) -> str:
        return type(self).__name__

    def _check_cell(self, name: str, value: Any) -> None:
        if not isinstance(value, nn.Cell):
            kind = type(value).__name__
            hint = ""
            if callable(value) and not isinstance(value, type):
                hint = ": only RISE and Occlusion explain files and functions"
            raise TypeError(f"{self._owner}: `{name}` must be an nn.Cell, got {kind}{hint}.")


class _Nowhere:
    """A file that keeps nothing."""

    def write(self, data: Any) -> int:
        """Bytes taken."""
        return len(data)
