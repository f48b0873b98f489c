"""Chooses what scores a network, and says what and why."""

from __future__ import annotations

import logging
from typing import Any

import mindspore as ms

from fastxai import _onednn
from fastxai.engine import settings
from fastxai.engine.cache import EngineCache
from fastxai.engine.callers import callers
from fastxai.engine.factory import UNMOVED, EngineFactory, Undecided
from fastxai.engine.fingerprint import checksum, structure_of
from fastxai.engine.mixed import CHEAP, EXACT, MixedEngine
from fastxai.engine.protocol import Engine, Unusable
from fastxai.engine.request import ScoringRequest
from fastxai.ops.native import thread_limit
from fastxai.system.call_lock import CallLock

_LEAST_IMAGES = 128  # below, MindSpore is about done when an engine is made
_NOTHING = "neither OpenVINO nor ONNX Runtime is installed"
_HINT = (
    f"{_NOTHING}; on a CPU they score about 3 times as fast: {settings.how_to_install('openvino')}"
)

_log = logging.getLogger("fastxai")
_cache = EngineCache()
_choosing = CallLock("The choice of an engine")  # a second thread finds what the first one made
_said: set[str] = set()  # what one process need hear only once


class Selector:
    """The choice of one explainer or benchmark.

    Args:
        owner: Its name, for messages.
        engine: As in `fastxai.set_engine`, or None for what was set there.
        precision: The same.
        mixes: Whether it has a use for precision 'mixed'.

    Raises:
        TypeError: An argument is of the wrong kind.
        ValueError: One is unknown, or they do not go together.
        ImportError: The engine is not installed.
    """

    def __init__(
        self, owner: str, engine: str | None, precision: str | None, mixes: bool = False
    ) -> None:
        self._owner = owner
        self._engine, self._precision, self._mixes = engine, precision, mixes
        self._known: tuple[list[Any], int] | None = None
        self._begun_by = ""
        self._choice: settings.Choice | None = None
        settings.preference(owner, engine, precision, mixes)

    @property
    def choice(self) -> settings.Choice | None:
        """The chosen engine and the reason; None before the first batch."""
        return self._choice

    @property
    def preference(self) -> settings.Preference:
        """The requested engine, the process default filled in."""
        return settings.preference(self._owner, self._engine, self._precision, self._mixes)

    @property
    def is_named(self) -> bool:
        """Whether an engine or a precision was given here, and not by `set_engine`."""
        return self._engine is not None or self._precision is not None

    @property
    def note(self) -> str:
        """The same in a few words, for the progress bar."""
        if self._choice is None:
            return ""
        if self._choice.engine == "mindspore":
            return f"mindspore: {self._choice.reason}" if self._choice.reason else "mindspore"
        return f"{self._choice.engine} {self._choice.precision}: {self._choice.reason}"

    def start(self) -> None:
        """A call begins: from here to the next one the network is taken not to change."""
        self._known = None
        self._begun_by = ""
        self._choice = None

    def go_on_with(self, engine: str) -> None:
        """This call goes on with what an engine began; '' for none.

        Whether an engine agrees with MindSpore may depend on the image that is asked about, and
        another one is asked about now: 'auto' stays with MindSpore where it had come to that.
        """
        self._begun_by = engine

    def select(self, request: ScoringRequest) -> Engine | None:
        """The engine for a request; None: MindSpore, as the caller runs it.

        Raises:
            RuntimeError: What was named cannot score this network.
            ImportError: It is not installed.
        """
        preference = (
            self.preference
        )  # an engine that was named and is not installed is an error here
        reason = _excluded(preference, request)
        if not reason and not preference.named and self._begun_by == "mindspore":
            reason = "it scored the first masks of this run"
        engine = None
        if not reason:
            try:
                with _choosing.acquired():
                    engine, reason = self._made(preference, request)
            except Undecided as undecided:  # also where it was named: MindSpore's run says more
                self._note_choice(None, undecided.reason, str(request.dtype))
                return None
        if engine is None and preference.named and preference.engine != "mindspore" and reason:
            called = "an engine" if preference.engine == "auto" else repr(preference.engine)
            raise RuntimeError(
                f"{self._owner}: {called} with precision {preference.precision!r} cannot score "
                f"this network: {reason}."
            )
        self._note_choice(engine, reason, str(request.dtype))
        return engine

    def discard(self, engine: Engine) -> None:
        """Forgets an engine that will not be needed again."""
        with _choosing.acquired():
            parts = (engine.cheap, engine.exact) if isinstance(engine, MixedEngine) else (engine,)
            for part in parts:
                _cache.drop(part)

    def _made(
        self, preference: settings.Preference, request: ScoringRequest
    ) -> tuple[Engine | None, str]:
        """An engine, or for 'mixed' a pair of them, or why there is none."""
        if preference.precision != "mixed":
            return self._first_that_fits(preference, request)
        parts = []
        for precision in (CHEAP, EXACT):
            part, reason = self._first_that_fits(
                settings.Preference(MixedEngine.name, precision), request
            )
            if part is None:
                instead = "; precision 'float32' needs no bfloat16" if precision == CHEAP else ""
                return None, f"{reason}{instead}"
            parts.append(part)
        pair = MixedEngine(*parts)
        return pair, _agreement(pair)

    def _first_that_fits(
        self, preference: settings.Preference, request: ScoringRequest
    ) -> tuple[Engine | None, str]:
        """The first candidate that scores like MindSpore, or why there is none."""
        names = [name for name in preference.candidates if settings.version_of(name) is not None]
        if not names:
            return None, _NOTHING
        found, values = self._fingerprint(request)
        factory = EngineFactory(request, preference.precision, must_move=not preference.named)
        reasons: list[str] = []
        for name in names:
            made_for = (name, preference.precision, request.shape, request.form)
            key = (*made_for, callers(), thread_limit(), settings.cache_dir())
            made = _cache.find(found, values, key)
            if made is None or (isinstance(made, Engine) and not made.compared):
                try:
                    made = factory(name) if made is None else factory.confirmed(made)
                except Unusable as unusable:
                    made = unusable.with_traceback(None)  # whose frames would keep the network
                _cache.keep(found, values, key, made)
            if isinstance(made, Engine):
                return made, _agreement(made)
            if made.reason not in reasons:
                reasons.append(made.reason)
        return None, "; ".join(reasons)

    def _fingerprint(self, request: ScoringRequest) -> tuple[list[Any], int]:
        if self._known is None:
            found = structure_of(request.cells)
            self._known = (found, checksum(found))
        return self._known

    def _note_choice(self, engine: Engine | None, reason: str, dtype: str) -> None:
        """Notes the choice, and logs it where it is news."""
        name = "mindspore" if engine is None else engine.name
        precision = dtype.lower() if engine is None else engine.precision
        error = None if engine is None else engine.error
        self._choice = settings.Choice(self._owner, name, precision, reason, error)
        settings.remember(self._choice)
        level, text = logging.INFO, reason
        if reason == _NOTHING:
            level, text = logging.WARNING, _HINT
        limit = "" if engine is None else _onednn.environment_limit()
        if limit:
            level = logging.WARNING
            text += (
                f"; {limit} holds it back too: unset it, fastxai limits MindSpore's oneDNN alone"
            )
        _say(level, f"{self._owner}: scored by {settings.TITLES[name]} ({precision}): {text}.")


def _excluded(preference: settings.Preference, request: ScoringRequest) -> str:
    """Why only MindSpore comes into question, or ''."""
    if preference.engine == "mindspore":
        return "it was asked for"
    device = ms.get_context("device_target")
    if device != "CPU":
        return f"the device is {device}, and other engines score on a CPU"
    if request.dtype != ms.float32:
        return f"the network computes in {str(request.dtype).lower()}, other engines take float32"
    if not preference.named and request.images < _LEAST_IMAGES:
        return f"with fewer than {_LEAST_IMAGES} images to score it is done first"
    return ""


def _agreement(engine: Engine) -> str:
    if not engine.compared:
        return f"{UNMOVED}, so that they do not show whether it agrees with MindSpore"
    if engine.precision == "float32":
        return f"it agrees with MindSpore to {engine.error:.1e}"
    corrected = ", which blocks in float32 correct" if engine.precision == "mixed" else ""
    return f"relative error {engine.error:.1e} against float32{corrected}"


def _say(level: int, text: str) -> None:
    """Logs a line; the same line not twice, the hint to install something only once at all."""
    key = _HINT if _HINT in text else text
    if key not in _said:
        _said.add(key)
        _log.log(level, text)
