"""Objects that are in another state for as long as anybody needs it."""

from __future__ import annotations

import os
import threading
import warnings
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

from fastxai.system.call_lock import CallLock


def warn_of_training() -> None:
    """Warns of a map whose scores were perhaps not those of evaluation."""
    warnings.warn(
        "A network was put into training mode while it was explained, and the map may be wrong. "
        "Wait for the explanation before you train.",
        RuntimeWarning,
        stacklevel=2,
    )


@dataclass
class _Held:
    part: Any  # kept alive, so that its id stays its own
    before: Any = None
    users: dict[object, int] = field(default_factory=dict)  # each one's thread


class TemporaryState:
    """Remembers how objects were, and puts that back when the last user is out.

    Users may be nested or in several threads, and may share some of their objects: an object is in
    the other state from its first user's entry to its last one's exit, whatever their order.

    Args:
        lock: Is acquired whenever something is changed.
        read: Gives what has to be put back of an object.
        write: Puts it back.
    """

    def __init__(
        self, lock: CallLock, read: Callable[[Any], Any], write: Callable[[Any, Any], None]
    ) -> None:
        self._read = read
        self._write = write
        self._held: dict[int, _Held] = {}
        self._lock = lock
        if hasattr(os, "register_at_fork"):
            os.register_at_fork(after_in_child=self._release_threads_of_parent)

    @contextmanager
    def applied(self, parts: Iterable[Any], change: Callable[[], None]) -> Iterator[None]:
        """Holds objects.

        Args:
            parts: The objects.
            change: Puts them into the other state.
        """
        mine, user = list(parts), object()
        try:
            with self._lock.acquired():
                for part in mine:
                    held = self._held.setdefault(id(part), _Held(part))
                    if not held.users:
                        held.before = self._read(part)
                    held.users[user] = threading.get_ident()
                change()
            yield
        finally:
            with self._lock.acquired():
                for part in mine:
                    self._release(id(part), user)

    def reapply(self, lapsed: Callable[[Any, Any], Any]) -> bool:
        """Looks for changes of what is held by somebody else.

        Args:
            lapsed: Is given an object and what is to be put back. Where somebody has changed the
                object, it changes it again and returns what is to be put back now; else None.

        Returns:
            Whether anything was changed.
        """
        found = False
        with self._lock.acquired():
            for held in self._held.values():
                before = lapsed(held.part, held.before)
                if before is not None:
                    held.before, found = before, True
        return found

    def _release(self, key: int, user: object) -> None:
        held = self._held.get(key)
        if held is not None and held.users.pop(user, None) is not None and not held.users:
            self._write(held.part, held.before)
            del self._held[key]

    def _release_threads_of_parent(self) -> None:
        me = threading.get_ident()
        for key, held in list(self._held.items()):
            for user in [user for user, thread in held.users.items() if thread != me]:
                self._release(key, user)
