"""Which engine is asked for, what is installed, and what was chosen last."""

from __future__ import annotations

import importlib.metadata
import importlib.util
import os
from dataclasses import dataclass
from pathlib import Path
from typing import Any

ENGINES = ("auto", "mindspore", "openvino", "onnxruntime")
PRECISIONS = ("float32", "bfloat16", "mixed")
CACHE_VARIABLE = "FASTXAI_CACHE"

OPTIONAL = ("openvino", "onnxruntime")  # in the order in which 'auto' tries them
# On x86-64 neither MindSpore nor ONNX Runtime has bfloat16 kernels for convolutions.
_PRECISIONS_OF = {
    "auto": PRECISIONS,
    "mindspore": ("float32",),
    "openvino": PRECISIONS,
    "onnxruntime": ("float32",),
}
TITLES = {"mindspore": "MindSpore", "openvino": "OpenVINO", "onnxruntime": "ONNX Runtime"}


@dataclass(frozen=True)
class Preference:
    """Requested engine and precision, the process default filled in."""

    engine: str
    precision: str

    @property
    def named(self) -> bool:
        """Whether the user named what must be used, so that nothing else may take its place."""
        return self.engine != "auto" or self.precision != "float32"

    @property
    def candidates(self) -> list[str]:
        """Optional engines to try, in order."""
        names = OPTIONAL if self.engine == "auto" else (self.engine,)
        return [name for name in names if self.precision in _PRECISIONS_OF[name]]


@dataclass(frozen=True)
class Choice:
    """The engine of an explainer's network, and the reason for it."""

    owner: str  # 'RISE', ...
    engine: str
    precision: str
    reason: str
    error: float | None = None

    @property
    def identity(self) -> str:
        """What computes the scores, to the bit."""
        return f"{TITLES[self.engine]} {version_of(self.engine)} in {self.precision}"


@dataclass(frozen=True)
class _Default:
    engine: str = "auto"
    precision: str = "float32"
    cache_dir: Path | None = None


_default = _Default()
_last: Choice | None = None


def set_engine(
    engine: str = "auto", *, precision: str = "float32", cache_dir: str | os.PathLike | None = None
) -> None:
    """Sets how networks are scored where an explainer or benchmark does not say it itself.

    Args:
        engine: 'auto': on a CPU OpenVINO or ONNX Runtime, if one is installed, can run the network
            and agrees with MindSpore; else MindSpore. 'mindspore', 'openvino' or 'onnxruntime':
            that one or an error.
        precision: 'float32', or 'bfloat16': faster on processors that have it, and less exact;
            OpenVINO alone computes in it. 'mixed', for RISE: all masks in bfloat16 and some blocks
            of them in float32 too, whose expected map it has; everything else is then in float32.
        cache_dir: Folder in which OpenVINO keeps compiled networks for later processes. None: the
            one named by the environment variable FASTXAI_CACHE, or nothing is kept.

    Raises:
        TypeError: An argument is of the wrong kind.
        ValueError: `engine` or `precision` is unknown, or the engine does not compute in it, or
            `cache_dir` is empty.
        ImportError: The engine is not installed, or none that computes in `precision`.

    Warns:
        RuntimeWarning: Later, where a network is to be kept in `cache_dir` and cannot; it is used
            all the same.

    Supported Platforms:
        Any; engines other than MindSpore score on ``CPU``.

    Example:
        >>> import fastxai
        >>> fastxai.set_engine("mindspore")  # what every machine has
        >>> fastxai.set_engine()  # back to 'auto'
    """
    global _default
    owner = "set_engine"
    check_choice(owner, "engine", engine, ENGINES)
    check_choice(owner, "precision", precision, PRECISIONS)
    if cache_dir is not None and not isinstance(cache_dir, (str, os.PathLike)):
        kind = type(cache_dir).__name__
        raise TypeError(f"{owner}: `cache_dir` must be a path or None, got {kind}.")
    if cache_dir is not None and not os.fspath(cache_dir):
        raise ValueError(f"{owner}: `cache_dir` must name a folder, got ''.")
    _check_together(owner, engine, precision)
    _check_installed(owner, engine, precision)
    _default = _Default(engine, precision, None if cache_dir is None else Path(cache_dir))


def preference(
    owner: str, engine: str | None, precision: str | None, mixes: bool = False
) -> Preference:
    """An explainer's preference: its own arguments, or the process default where they are None.

    A default precision that the explainer or its own engine lacks is not meant for it.

    Args:
        owner: Name for messages.
        engine: As in `set_engine`, or None.
        precision: The same.
        mixes: Whether the explainer has a use for 'mixed'.

    Raises:
        TypeError: An argument is of the wrong kind.
        ValueError: One is unknown, or they do not go together.
        ImportError: The engine is not installed.
    """
    for name, value, known in (("engine", engine, ENGINES), ("precision", precision, PRECISIONS)):
        if value is not None:
            check_choice(owner, name, value, known)
    chosen = _default.engine if engine is None else engine
    if precision is None:
        fits = _default.precision in _PRECISIONS_OF[chosen]
        fits = fits and (mixes or _default.precision != "mixed")
        precision = _default.precision if fits else "float32"
    if precision == "mixed" and not mixes:
        raise ValueError(
            f"{owner}: `precision` 'mixed' is for RISE, whose masks come in blocks; use 'float32' "
            "or 'bfloat16'."
        )
    _check_together(owner, chosen, precision)
    _check_installed(owner, chosen, precision)
    return Preference(chosen, precision)


def check_choice(owner: str, name: str, value: Any, known: tuple[str, ...]) -> None:
    """Refuses what is not one of the known words.

    Raises:
        TypeError: It is no str.
        ValueError: It is another one.
    """
    if not isinstance(value, str):
        raise TypeError(f"{owner}: `{name}` must be a str, got {type(value).__name__}.")
    if value not in known:
        raise ValueError(f"{owner}: `{name}` must be one of {known}, got {value!r}.")


def cache_dir() -> Path | None:
    """Folder for compiled networks, or None."""
    if _default.cache_dir is not None:
        return _default.cache_dir
    named = os.environ.get(CACHE_VARIABLE)
    return Path(named) if named else None


def version_of(name: str) -> str | None:
    """Version of an optional engine, or None where it is not installed. Imports nothing."""
    if importlib.util.find_spec(name) is None:
        return None
    try:
        return importlib.metadata.version(name)
    except importlib.metadata.PackageNotFoundError:  # its GPU builds have names of their own
        return "of unknown version"


def how_to_install(name: str) -> str:
    """The command that installs an optional engine."""
    return f"pip install 'fastxai[{name}]' (or: pip install {name})"


def remember(choice: Choice) -> None:
    """Notes what was chosen, for `fastxai.show_config`."""
    global _last
    _last = choice


def engine_info() -> dict[str, Any]:
    """The engines' part of `fastxai.show_config()`."""
    folder = cache_dir()
    last = _last and {
        "owner": _last.owner,
        "engine": _last.engine,
        "precision": _last.precision,
        "reason": _last.reason,
        "error": _last.error,
    }
    return {
        "default": _default.engine,
        "precision": _default.precision,
        "cache_dir": None if folder is None else str(folder),
        "installed": {name: version_of(name) for name in OPTIONAL},
        "last": last,
    }


def _check_together(owner: str, engine: str, precision: str) -> None:
    if precision not in _PRECISIONS_OF[engine]:
        fits = [name for name in ENGINES if precision in _PRECISIONS_OF[name]]
        raise ValueError(
            f"{owner}: `precision` {precision!r} needs one of the engines {fits}, got {engine!r}."
        )


def _check_installed(owner: str, engine: str, precision: str) -> None:
    if engine in OPTIONAL and version_of(engine) is None:
        raise ImportError(
            f"{owner}: the engine {engine!r} is not installed: {how_to_install(engine)}."
        )
    preferred = Preference(engine, precision)
    if engine == "auto" and preferred.named and not any(map(version_of, preferred.candidates)):
        raise ImportError(
            f"{owner}: precision {precision!r} needs an engine that is not installed: "
            f"{how_to_install(preferred.candidates[0])}."
        )
