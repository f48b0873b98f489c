"""The file in which a long run keeps what it has, so that another call can go on with it.

It holds the maps of the images that are done, the accumulators of the one that is not, and the
*facts*: everything that the maps depend on. A call with other facts is refused. What is saved is
always the state after whole batches, and a call that goes on cuts the same batches, so it gives the
same bits as one that was never interrupted.

The file is replaced as a whole every few seconds, and at once when the run ends, however it ends.
What is read back is checked against its checksum, against the call, and against itself.
"""

from __future__ import annotations

import json
import os
import time
import warnings
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

from fastxai.perturbation import fields
from fastxai.perturbation.archive import Arrays, Member, read_archive, write_archive
from fastxai.perturbation.backend import ScoredBy
from fastxai.perturbation.explanation import ARRAYS, check_values
from fastxai.perturbation.image_result import ImageResult, stacked, unstacked

_FORMAT = "fastxai state 3"
_FOUND, _RUN = "found_", "run_"  # of images that are done, and of the one that is not
_MEMBERS = {_FOUND + name: member for name, member in ARRAYS.items() if name != "targets"} | {
    "run_sums": Member("float64", ("L + 1", "rows", "columns", "h", "w")),
    "run_moments": Member("float64", ("L + 1", 2)),
    "run_scores": Member("float64", ("M", "L")),
    "run_exact": Member("float64", ("E", "L")),
}
_FACTS = {
    "facts": lambda value: isinstance(value, dict),
    "seconds": fields.is_number(0),
    "batch": fields.is_none_or(fields.is_integer(1, 2**31)),
    "identity": fields.is_text,
    "scored": lambda value: isinstance(value, dict),
}
_SCORED = {
    "engine": fields.is_text,
    "precision": fields.is_text,
    "engine_error": fields.is_none_or(fields.is_number(0)),
}
_SEED = fields.is_none_or(fields.is_integer(0, 2**64 - 1))
_INTERVAL_S = 2.0  # between two writings,
_COST = 20.0  # and at least so many times what the last one took
_HASHED = ("images", "targets", "network")  # facts whose values would tell a reader nothing


class StateError(ValueError):
    """A state file is of another run, or none."""


class RunState:
    """Intermediate state of a call, in a file or, without a path, nowhere.

    Args:
        owner: Name for messages.
        path: The file; it is read if it is there. None: nothing is kept.

    Attributes:
        seed: Seed of the resumed run; None for a new one.
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
        # Absolute: the folder that a process works in may change while it runs.
        self._path = None if path is None else os.path.abspath(os.fsdecode(path))
        self.seed: int | None = None
        self.seconds = 0.0
        self.batch: int | None = None
        self.scored: dict[str, Any] = {}
        self._facts: dict[str, Any] = {}
        self._found: list[ImageResult] = []
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
    def of(
        self, facts: Callable[[], dict[str, Any]], shape: tuple[int, ...], units: int
    ) -> Iterator[None]:
        """The run, of which the file has everything when it ends.

        Args:
            facts: Gives what the maps depend on, 'seed' among them, as JSON's kinds.
            shape: (N, L, H, W) of its maps.
            units: Masks or windows of an image, at most.

        Raises:
            StateError: The file is of other facts, or holds what cannot be of them.
            OSError: It cannot be written, before anything was scored.
        """
        if self._path is None:
            yield
            return
        known = json.loads(json.dumps(facts()))
        if self._facts:
            self._compare(known)
            try:
                self._check_found(shape, units)
            except ValueError as error:
                raise self._damaged(error) from error
        self._facts = known
        self._write(self._path)
        try:
            yield
        finally:
            self._save()

    def done(self, index: int) -> ImageResult | None:
        """Result of an image that is done."""
        return self._found[index] if index < len(self._found) else None

    def begin(self, batch: int, by: ScoredBy, check: Callable[[Arrays], None]) -> Arrays:
        """An image begins.

        Args:
            batch: Copies at a time.
            by: What scores them.
            check: Raises a ValueError for a snapshot that cannot be of this image.

        Returns:
            The snapshot to go on with; empty: from the beginning.

        Raises:
            StateError: Another engine scored what the file has, or the snapshot is refused.
        """
        scored = {"engine": by.engine, "precision": by.precision, "engine_error": by.error}
        self.scored, before = scored, self.scored
        if self._path is None:
            return {}
        restored = self._snapshot() if self._running == len(self._found) else {}
        if self._scored_by not in ("", by.identity):
            self.scored = before
            raise self._refused(f"was scored by {self._scored_by}, and now {by.identity} would")
        if restored:
            try:
                check(restored)
            except ValueError as error:
                raise self._damaged(error) from error
        self._scored_by = ""  # asked once: what this call scores next is its own
        self.batch, self._identity = batch, by.identity
        return restored

    def tick(self, snapshot: Callable[[], Arrays]) -> None:
        """A batch is done; `snapshot` gives what the image has."""
        if self._path is not None:
            self._snapshot, self._running = snapshot, len(self._found)
            if time.monotonic() - self._written > max(_INTERVAL_S, _COST * self._took):
                self._save()

    def finish(self, found: ImageResult) -> None:
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
            "facts": self._facts,
            "seconds": self.seconds + start - self._begun,
            "batch": self.batch,
            "identity": self._identity,
            "scored": self.scored,
        }
        held = {_RUN + name: array for name, array in arrays.items()}
        held |= {_FOUND + name: array for name, array in stacked(self._found).items()}
        write_archive(path, _FORMAT, header, held)
        self._written = time.monotonic()
        self._took = self._written - start

    def _read(self, path: str) -> None:
        try:
            header, arrays = read_archive(path, _FORMAT, _MEMBERS)
            found, restored = _with_prefix(arrays, _FOUND), _with_prefix(arrays, _RUN)
            fields.check_fields(header, _FACTS)
            if not _SEED(header["facts"].get("seed")):
                raise ValueError("its seed is none")
            if found or restored:
                fields.check_fields(header["scored"], _SCORED)
                if not header["identity"] or header["batch"] is None:
                    raise ValueError("it does not say what scored it")
            if found and not found.keys() >= {"saliency", "num_masks"}:
                raise ValueError("it has a part of the maps of its images alone")
            check_values(found)
        except ValueError as error:
            raise self._damaged(error) from error
        self._facts = header["facts"]
        self.seed, self.seconds = self._facts.get("seed"), header["seconds"]
        self.batch, self._identity = header["batch"], header["identity"]
        self.scored = header["scored"]
        self._found = unstacked(found)
        if restored or self._found:
            self._scored_by = self._identity
        if restored:
            self._snapshot, self._running = lambda: restored, len(self._found)

    def _check_found(self, shape: tuple[int, ...], units: int) -> None:
        """Refuses what was read and cannot be of a call of the same facts."""
        images, *of_map = shape
        number = len(self._found)
        if number + (self._running == number) > images:
            raise ValueError(f"it has maps of {number} images and more, of {images}")
        for one in self._found:
            if one.saliency.shape != tuple(of_map):
                raise ValueError(f"its maps are of shape {one.saliency.shape}")
            if one.units > units:
                raise ValueError(f"it says that {one.units} of {units} were scored")
        if self.batch is not None and self.batch > units + 1:
            raise ValueError(f"it says that {self.batch} of {units} were scored at a time")

    def _compare(self, facts: dict[str, Any]) -> None:
        for name in facts | self._facts:
            own, other = facts.get(name), self._facts.get(name)
            if own != other and name in _HASHED:
                raise self._refused(f"is of another {name.removesuffix('s')}")
            if own != other:
                raise self._refused(f"is of a run with {name} {other!r}, and this one has {own!r}")

    def _damaged(self, error: ValueError) -> StateError:
        return StateError(
            f"{self._owner}: `state` {self._path} is no state of a run, or it is damaged "
            f"({error}); remove it or name another file."
        )

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
