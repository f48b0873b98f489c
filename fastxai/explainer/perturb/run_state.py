"""The file in which a long run keeps what it has, so that another call can go on with it.

It holds the maps of the images that are done, the accumulators of the one that is not, and the
*facts*: everything that the maps depend on. A call with other facts is refused. What is saved is
always the state after whole batches, and a call that goes on cuts the same batches, so it gives the
same bits as one that was never interrupted.

The file is replaced as a whole every few seconds, and at once when the run ends, however it ends.
"""

from __future__ import annotations

import json
import os
import time
import warnings
import zipfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import numpy as np

from fastxai.common.files import replacing
from fastxai.engine.settings import Choice
from fastxai.explainer.perturb.found import Found, stacked, unstacked

Arrays = dict[str, np.ndarray]

_FORMAT = "fastxai state 1"
_HEADER = "header"
_INTERVAL_S = 2.0  # between two writings,
_COST = 20.0  # and at least so many times what the last one took
_HASHED = ("images", "targets", "network")  # facts whose values would tell a reader nothing


class StateError(ValueError):
    """A state file is of another run, or none."""


class RunState:
    """What a call has so far, in a file or, without a path, nowhere.

    Args:
        owner: Name for messages.
        path: The file; it is read if it is there. None: nothing is kept.

    Attributes:
        seed: Of the masks of the run that the file is of; None for a new one.
        seconds: That it took before this call.
        batch: Masks at a time; None as long as that is not known.
        scored: What an `Explanation` says of the engine that scored last.

    Raises:
        TypeError: `path` is no path.
        StateError: The file is no state of a run, or damaged.
        OSError: It cannot be read.
    """

    def __init__(self, owner: str, path: Any) -> None:
        if path is not None and not isinstance(path, (str, os.PathLike)):
            kind = type(path).__name__
            raise TypeError(f"{owner}: `state` must be a path or None, got {kind}.")
        self._owner = owner
        self._path = None if path is None else os.fspath(path)
        self.seed: int | None = None
        self.seconds = 0.0
        self.batch: int | None = None
        self.scored: dict[str, Any] = {}
        self._facts: dict[str, Any] = {}
        self._found: list[Found] = []
        self._running = -1  # index of the image that the next two are of
        self._snapshot: Callable[[], Arrays] = dict
        self._identity = ""  # of the engine that scores it
        self._scored_by = ""  # identity of the engine that scored last what was read
        self._begun = self._written = time.monotonic()
        self._took = 0.0
        self._warned = False
        if self._path is not None and os.path.exists(self._path):
            self._read(self._path)

    @property
    def begun_by(self) -> str:
        """Name of the engine that scored last what was read; '' where nothing was."""
        return str(self.scored.get("engine", "")) if self._scored_by else ""

    @contextmanager
    def of(self, facts: Callable[[], dict[str, Any]]) -> Iterator[None]:
        """The run, of which the file has everything when it ends.

        Args:
            facts: Gives what the maps depend on, 'seed' among them, as JSON's kinds.

        Raises:
            StateError: The file is of other facts.
            OSError: It cannot be written, before anything was scored.
        """
        if self._path is None:
            yield
            return
        known = json.loads(json.dumps(facts()))
        if self._facts:
            self._compare(known)
        self._facts = known
        self._write(self._path)
        try:
            yield
        finally:
            self._save()

    def done(self, index: int) -> Found | None:
        """What was found for an image that is done."""
        return self._found[index] if index < len(self._found) else None

    def begin(self, batch: int, choice: Choice | None) -> Arrays:
        """An image begins.

        Args:
            batch: Masks at a time.
            choice: What scores them.

        Returns:
            The snapshot to go on with; empty: from the beginning.

        Raises:
            StateError: Another engine scored what the file has.
        """
        assert choice is not None  # an engine was selected
        scored = {"engine": choice.engine, "precision": choice.precision}
        self.scored, before = {**scored, "engine_error": choice.error}, self.scored
        if self._path is None:
            return {}
        restored = self._snapshot() if self._running == len(self._found) else {}
        if self._scored_by not in ("", choice.identity):
            self.scored = before
            raise self._refused(f"was scored by {self._scored_by}, and now {choice.identity} would")
        self._scored_by = ""  # asked once: what this call scores next is its own
        self.batch, self._identity = batch, choice.identity
        return restored

    def tick(self, snapshot: Callable[[], Arrays]) -> None:
        """A batch is done; `snapshot` gives what the image has."""
        if self._path is not None:
            self._snapshot, self._running = snapshot, len(self._found)
            if time.monotonic() - self._written > max(_INTERVAL_S, _COST * self._took):
                self._save()

    def finish(self, found: Found) -> None:
        """An image is done."""
        if self._path is not None:
            self._found.append(found)

    def _save(self) -> None:
        """Writes the file; where that fails it is what it was, and the run goes on."""
        assert self._path is not None
        try:
            self._write(self._path)
        except OSError as error:
            self._written = time.monotonic()
            if not self._warned:
                self._warned = True
                warnings.warn(
                    f"{self._owner}: `state` {self._path} could not be written ({error}); it is as "
                    "it was, and the run goes on.",
                    RuntimeWarning,
                    stacklevel=2,
                )

    def _write(self, path: str) -> None:
        start = time.monotonic()
        arrays = self._snapshot() if self._running == len(self._found) else {}
        header = {
            "format": _FORMAT,
            "facts": self._facts,
            "seconds": self.seconds + start - self._begun,
            "batch": self.batch,
            "identity": self._identity,
            "scored": self.scored,
        }
        held = {f"run_{name}": array for name, array in arrays.items()}
        held |= {f"found_{name}": array for name, array in stacked(self._found).items()}
        with replacing(path) as file:
            np.savez(file, **{_HEADER: np.array(json.dumps(header))}, **held)
        self._written = time.monotonic()
        self._took = self._written - start

    def _read(self, path: str) -> None:
        try:
            with np.load(path, allow_pickle=False) as held:
                header = json.loads(str(held[_HEADER]))
                arrays = {name: held[name] for name in held.files if name != _HEADER}
            if header["format"] != _FORMAT:
                raise ValueError("another format")
            self._facts = header["facts"]
            self.seed, self.seconds = self._facts.get("seed"), header["seconds"]
            self.batch, self._identity = header["batch"], header["identity"]
            self.scored = header["scored"]
        except (ValueError, KeyError, TypeError, EOFError, zipfile.BadZipFile) as error:
            raise StateError(
                f"{self._owner}: `state` {path} is no state of a run, or it is damaged ({error})."
            ) from error
        self._found = unstacked(_with_prefix(arrays, "found_"))
        restored = _with_prefix(arrays, "run_")
        if restored or self._found:
            self._scored_by = self._identity
        if restored:
            self._snapshot, self._running = lambda: restored, len(self._found)

    def _compare(self, facts: dict[str, Any]) -> None:
        for name in facts | self._facts:
            own, other = facts.get(name), self._facts.get(name)
            if own != other and name in _HASHED:
                raise self._refused(f"is of another {name.removesuffix('s')}")
            if own != other:
                raise self._refused(f"is of a run with {name} {other!r}, and this one has {own!r}")

    def _refused(self, why: str) -> StateError:
        return StateError(
            f"{self._owner}: `state` {self._path} {why}; remove it or name another file."
        )


def _with_prefix(arrays: Arrays, prefix: str) -> Arrays:
    return {
        name.removeprefix(prefix): array
        for name, array in arrays.items()
        if name.startswith(prefix)
    }
