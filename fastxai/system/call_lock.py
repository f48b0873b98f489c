"""Locks that refuse a deadlock and that a fork does not leave locked.

An explainer keeps what it compiled and chose from call to call, so one of its calls is at work at a
time, and a second thread waits. A call from inside, by its own network or `progress`, could never
be waited for: it is an error.
"""

from __future__ import annotations

import functools
import os
import threading
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager, nullcontext
from typing import Any, TypeVar

_Method = TypeVar("_Method", bound=Callable[..., Any])

_changed = threading.Condition()  # guards all locks; they are acquired once a call or a batch
_waiting: dict[int, CallLock] = {}  # what a thread waits for
_forks = 0  # between the first process and this one
_survivor = 0  # the thread that forked last: this process began with it alone


class CallLock:
    """A lock that its thread may take again. A copy or a pickle of it is a new one.

    Args:
        name: What it is, for messages.
    """

    def __init__(self, name: str = "An explainer") -> None:
        self._name = name
        self._owner: int | None = None
        self._tickets: list[object] = []  # one for each time it was taken
        self._at_work: list[Any] = []  # methods, the innermost last
        self._forks = _forks

    def __deepcopy__(self, memo: Any) -> CallLock:
        return CallLock(self._name)

    def __reduce__(self) -> tuple[Any, ...]:
        return CallLock, (self._name,)

    @contextmanager
    def acquired(self) -> Iterator[None]:
        """Waits for other threads, and lets them in afterwards.

        Raises:
            RuntimeError: They wait for this one.
        """
        ticket = object()
        try:
            self._take(ticket)
            yield
        finally:
            self._give(ticket)

    @contextmanager
    def running(self, method: Any, owner: str) -> Iterator[None]:
        """The same for a method that must not call itself; other methods may call each other.

        Args:
            method: The function.
            owner: Whose it is, for messages.

        Raises:
            RuntimeError: It is at work in this thread, or other threads wait for this one.
        """
        with self.acquired():
            if method in self._at_work:
                raise RuntimeError(
                    f"{owner}: it was called again before it was done, by its network, "
                    "`activation_fn` or `progress`. Use another object there, or call it later."
                )
            self._at_work.append(method)
            try:
                yield
            finally:
                self._at_work.pop()

    def _take(self, ticket: object) -> None:
        me = threading.get_ident()
        with _changed:
            self._forget_threads_of_parent()
            while self._owner not in (None, me):
                self._refuse_deadlock(me)
                _waiting[me] = self
                try:
                    _changed.wait()
                finally:
                    del _waiting[me]
            self._tickets.append(ticket)  # first: Ctrl-C may come between any two lines
            self._owner = me

    def _give(self, ticket: object) -> None:
        with _changed:
            if ticket in self._tickets:
                self._tickets.remove(ticket)
                if not self._tickets:
                    self._owner = None
                    _changed.notify_all()

    def _refuse_deadlock(self, me: int) -> None:
        lock: CallLock | None = self
        while lock is not None and lock._owner is not None:
            if lock._owner == me:
                raise RuntimeError(
                    f"{self._name} is in use by a thread that waits for this one. Explainers that "
                    "are called by a network or by `progress` need objects of their own."
                )
            lock = _waiting.get(lock._owner)

    def _forget_threads_of_parent(self) -> None:
        if self._forks != _forks and self._owner != _survivor:
            self._owner, self._tickets, self._at_work = None, [], []
        self._forks = _forks


def one_at_a_time(
    around: Callable[[str], AbstractContextManager[Any]] = nullcontext,
) -> Callable[[_Method], _Method]:
    """Decorates methods of objects with a `CallLock`, `_lock`, and a name for messages, `_owner`.

    Args:
        around: Makes a context in which the lock is waited for and the method runs, from `_owner`.
    """

    def decorated(method: _Method) -> _Method:
        @functools.wraps(method)
        def alone(self: Any, *args: Any, **kwargs: Any) -> Any:
            with around(self._owner), self._lock.running(method, self._owner):
                return method(self, *args, **kwargs)

        return alone  # type: ignore[return-value]

    return decorated


def _begin_anew() -> None:
    """In a forked child: no other thread is left."""
    global _changed, _forks, _survivor
    _changed = threading.Condition()
    _waiting.clear()
    _forks, _survivor = _forks + 1, threading.get_ident()


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_begin_anew)
