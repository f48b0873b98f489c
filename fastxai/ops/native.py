"""The native module: found or not, why, and its settings."""

from __future__ import annotations

import os
import warnings
from importlib.machinery import EXTENSION_SUFFIXES
from pathlib import Path
from types import ModuleType
from typing import Any

_BACKENDS = ("auto", "native", "reference")
_MOST_THREADS = 4096
_PACKAGE = Path(__file__).resolve().parents[1]
_REMEDY = (
    "install again with FASTXAI_BUILD=require, which shows why a build fails; it needs a C++17 "
    "compiler (Debian: apt-get install g++)."
)


_module: ModuleType | None = None
_reason = ""
try:
    from fastxai import _native as _module  # type: ignore[no-redef]
except ImportError as error:
    built = any((_PACKAGE / f"_native{suffix}").exists() for suffix in EXTENSION_SUFFIXES)
    _reason = str(error) if built else "they were not built"
    root = _PACKAGE.parent
    if not built and all((root / name).exists() for name in ("setup.py", "csrc")):
        # Python puts the current folder first, so in a clone this hides what pip has installed.
        _reason = f"you are importing the source tree {root}, in which nothing was built"
        _REMEDY = (
            "run Python in another folder to import the installed fastxai, or build this one in "
            "place: FASTXAI_BUILD=require pip install -e ."
        )

# MindSpore sets it to 1 for itself, past `os.environ`: the kernels cannot ask for it later.
_said = os.environ.get("OMP_NUM_THREADS", "").partition(",")[0].strip()
_DEFAULT_THREADS = min(int(_said), _MOST_THREADS) if _said.isdecimal() else 0  # 0: all cores
if _module is not None:
    _module.set_num_threads(_DEFAULT_THREADS)

_warned = False
_thread_limit = 0  # what `set_num_threads` was given last


def has_native() -> bool:
    """Whether the native kernels were built and could be loaded."""
    return _module is not None


def native() -> ModuleType:
    """The native module.

    Raises:
        RuntimeError: It was not built or cannot be loaded.
    """
    if _module is None:
        raise RuntimeError(f"fastxai has no native kernels here ({_reason}): {_REMEDY}")
    return _module


def remedy() -> str:
    """Advice for installations without native kernels."""
    return _REMEDY


def use_native(backend: str, owner: str) -> bool:
    """Whether an op is to run natively; warns once when 'auto' has to do without.

    Args:
        backend: 'auto', 'native' or 'reference'.
        owner: The op, for messages.

    Raises:
        ValueError: `backend` is none of the three.
        RuntimeError: 'native' was named and is not there.
    """
    global _warned
    if not isinstance(backend, str) or backend not in _BACKENDS:
        raise ValueError(f"{owner}: `backend` must be one of {_BACKENDS}, got {backend!r}.")
    if backend == "native":
        native()
    if backend == "auto" and _module is None and not _warned:
        _warned = True
        warnings.warn(
            f"fastxai works without its native kernels, tens of times slower ({_reason}): "
            f"{_REMEDY}",
            RuntimeWarning,
            stacklevel=3,
        )
    return backend != "reference" and _module is not None


def isas() -> list[str]:
    """Instruction sets that the kernels were compiled for and this machine runs, best last."""
    return list(native().isas())


def select_isa(name: str) -> None:
    """Makes every kernel use one instruction set (for tests and measurements).

    Args:
        name: One of `isas()`.

    Raises:
        ValueError: The machine or the build does not have it.
        RuntimeError: There are no native kernels.
    """
    if not native().select_isa(name):
        raise ValueError(f"select_isa: `name` must be one of {isas()}, got {name!r}.")


def num_threads() -> int:
    """Threads that a kernel may use; 1 in a forked process, whatever was set."""
    return int(_module.num_threads()) if _module is not None else 1


def thread_limit() -> int:
    """The number that `set_num_threads` was given last; 0 leaves it to the library."""
    return _thread_limit


def default_threads() -> int:
    """Threads by OMP_NUM_THREADS as it was when fastxai was imported; 0 where it names none."""
    return _DEFAULT_THREADS


def set_num_threads(threads: int) -> None:
    """Limits the threads of the native kernels and of engines other than MindSpore.

    Results of the kernels do not depend on it. In a process that was forked after fastxai was
    imported kernels use one thread: others do not survive a fork.

    Args:
        threads: 1 or more; 0 returns to the default (OMP_NUM_THREADS, else the cores).

    Raises:
        TypeError: `threads` is not an int.
        ValueError: It is negative or above 4096.
    """
    if isinstance(threads, bool) or not isinstance(threads, int):
        kind = type(threads).__name__
        raise TypeError(f"set_num_threads: `threads` must be an int, got {kind}.")
    if not 0 <= threads <= _MOST_THREADS:
        raise ValueError(
            f"set_num_threads: `threads` must be in [0, {_MOST_THREADS}], got {threads}."
        )
    global _thread_limit
    _thread_limit = threads
    if _module is not None:
        _module.set_num_threads(threads or _DEFAULT_THREADS)


def native_info() -> dict[str, Any]:
    """The native module's part of `fastxai.show_config()`."""
    if _module is None:
        return {
            "available": False,
            "reason": _reason,
            "isa": "",
            "isas": [],
            "num_threads": 1,
        }
    return {
        "available": True,
        "reason": "",
        "isa": _module.isa(),
        "isas": isas(),
        "num_threads": num_threads(),
    }


def watch_sigterm() -> bool:
    """Notes from now on who sends SIGTERM; Python's handler must be installed already."""
    return _module is not None and bool(_module.watch_sigterm())


def sigterm_was_ours() -> bool:
    """Whether this process sent the last SIGTERM to itself, as MindSpore does on Ctrl-C."""
    return _module is not None and bool(_module.sigterm_was_ours())


if _module is not None and os.environ.get("FASTXAI_ISA"):
    select_isa(os.environ["FASTXAI_ISA"])
