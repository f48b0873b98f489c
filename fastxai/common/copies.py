"""Copies and pickles of explainers: what they were given, without what they made on the way."""

from __future__ import annotations

import copy
import copyreg
import pickle
from typing import Any, TypeVar

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


class _Nowhere:
    """A file that keeps nothing."""

    def write(self, data: Any) -> int:
        """Bytes taken."""
        return len(data)
