"""Reports the environment of this installation."""

from __future__ import annotations

import os
import platform
import re
import sys
from typing import Any, TextIO

import numpy as np

from fastxai import _onednn
from fastxai._version import __version__
from fastxai.engine.settings import TITLES, engine_info

# The oldest and the newest minor version that the tests run on; pyproject.toml requires the same.
OLDEST_MINDSPORE, NEWEST_MINDSPORE = (2, 7), (2, 10)


def show_config(file: TextIO | None = None) -> dict[str, Any]:
    """Print what fastxai runs on, and return it.

    Args:
        file: Text stream to print to; None prints to standard output.

    Returns:
        A dict with the keys 'fastxai' (version), 'native' (dict: 'available', 'reason', 'isa',
        'isas', 'num_threads'), 'cuda' (dict: 'available', 'path', 'reason'; of the
        library of CUDA kernels, not of a GPU), 'mindspore' (dict: 'version', 'supported' (bool),
        'device', 'mode'; None where MindSpore is not installed), 'device_ops' (dict: 'made_by',
        'reason', as in `fastxai.ops.device_ops`; None without MindSpore), 'onednn' (dict:
        'state', 'detail', 'remedy'), 'engine' (dict: 'default', 'precision', 'cache_dir',
        'installed' (dict: versions), 'last' (dict: 'owner', 'engine', 'precision', 'reason',
        'error'; None before anything was scored)), 'python', 'numpy' (versions) and 'cpu' (dict:
        'model', 'cores', 'usable_cores').

    Raises:
        TypeError: `file` cannot be written to.

    Supported Platforms:
        Any.

    Examples:
        >>> import io
        >>> import fastxai
        >>> sorted(fastxai.show_config(file=io.StringIO()))[:5]
        ['cpu', 'cuda', 'device_ops', 'engine', 'fastxai']
    """
    if file is not None and not callable(getattr(file, "write", None)):
        raise TypeError(f"show_config: `file` must be a text stream or None, got {file!r}.")
    config = _collect()
    print(_rendered(config), file=sys.stdout if file is None else file)
    return config


def _collect() -> dict[str, Any]:
    from fastxai.ops import native_info
    from fastxai.ops.cuda import cuda_info

    onednn = _onednn.protect()
    return {
        "fastxai": __version__,
        "native": dict(native_info()),
        "cuda": dict(cuda_info()),
        "device_ops": _device_ops(),
        "mindspore": _mindspore(),
        "onednn": {"state": onednn.state, "detail": onednn.detail, "remedy": onednn.remedy},
        "engine": engine_info(),
        "python": platform.python_version(),
        "numpy": np.__version__,
        "cpu": {
            "model": _cpu_model(),
            "cores": os.cpu_count() or 1,
            "usable_cores": _usable_cores(),
        },
    }


def supported_mindspore() -> str:
    """The versions of MindSpore that fastxai is tested on: '2.7 to 2.10'."""
    return "{}.{} to {}.{}".format(*OLDEST_MINDSPORE, *NEWEST_MINDSPORE)


def mindspore_requirement() -> str:
    """The same for pip: 'mindspore>=2.7,<2.11'."""
    (old, oldest), (new, newest) = OLDEST_MINDSPORE, NEWEST_MINDSPORE
    return f"mindspore>={old}.{oldest},<{new}.{newest + 1}"


def is_supported(version: str) -> bool:
    """Whether a version of MindSpore is one that fastxai is tested on.

    Args:
        version: As MindSpore gives it: '2.10.0', '2.7.1.post1', '2.8.0rc1'.
    """
    found = re.match(r"(\d+)\.(\d+)", version)
    if found is None:
        return False
    return OLDEST_MINDSPORE <= (int(found[1]), int(found[2])) <= NEWEST_MINDSPORE


def _mindspore() -> dict[str, Any] | None:
    try:
        import mindspore
    except ImportError:
        return None
    graph = mindspore.get_context("mode") == mindspore.GRAPH_MODE
    return {
        "version": str(mindspore.__version__),
        "supported": is_supported(str(mindspore.__version__)),
        "device": str(mindspore.get_context("device_target")),
        "mode": "graph" if graph else "pynative",
    }


def _device_ops() -> dict[str, str] | None:
    from fastxai.ops import device_ops

    try:
        made_by, reason = device_ops()
    except ImportError:
        return None
    except RuntimeError as error:  # what was named cannot be had
        made_by, reason = "", str(error)
    return {"made_by": made_by, "reason": reason}


def _cpu_model(cpuinfo: str = "/proc/cpuinfo") -> str:
    try:
        with open(cpuinfo, encoding="utf-8", errors="replace") as lines:
            for line in lines:
                name, _, value = line.partition(":")
                if name.strip() == "model name":
                    return value.strip()
    except OSError:
        pass
    return platform.processor() or platform.machine() or "unknown"


def _usable_cores() -> int:
    """Return how many cores this process may run on, which taskset and containers lower."""
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1


def _rendered(config: dict[str, Any]) -> str:
    mindspore, onednn, cpu = config["mindspore"], config["onednn"], config["cpu"]
    cuda = config["cuda"]
    rows = [
        ("fastxai", config["fastxai"]),
        ("native code", _native_text(config["native"])),
        ("CUDA kernels", cuda["path"] if cuda["available"] else f"no ({cuda['reason']})"),
        (
            "mindspore",
            f"{mindspore['version']} ({_support_text(mindspore['supported'])}), "
            f"device {mindspore['device']}, {mindspore['mode']} mode"
            if mindspore
            else f"not installed ({_support_text(True)})",
        ),
        *_copies_rows(config["device_ops"]),
        ("oneDNN", f"{onednn['state']} ({onednn['detail']})"),
        *_engine_rows(config["engine"]),
        ("python", config["python"]),
        ("numpy", config["numpy"]),
        ("processor", f"{cpu['model']}, {cpu['usable_cores']} of {cpu['cores']} cores usable"),
    ]
    return "\n".join(f"{name:<12} {text}" for name, text in rows)


def _support_text(supported: bool) -> str:
    if supported:
        return f"supported are {supported_mindspore()}"
    return f"not supported; {supported_mindspore()} are"


def _copies_rows(made: dict[str, str] | None) -> list[tuple[str, str]]:
    if made is None:
        return []
    return [("copies by", f"{made['made_by'] or 'nothing'} ({made['reason']})")]


def _engine_rows(engine: dict[str, Any]) -> list[tuple[str, str]]:
    installed = [
        f"{TITLES[name]} {version}" if version else f"no {TITLES[name]}"
        for name, version in engine["installed"].items()
    ]
    text = f"{engine['default']}, {engine['precision']} ({', '.join(installed)})"
    if engine["cache_dir"]:
        text += f", kept in {engine['cache_dir']}"
    rows = [("engine", text)]
    last = engine["last"]
    if last:
        scored = f"{last['owner']} by {TITLES[last['engine']]}, {last['precision']}"
        rows.append(("last scored", f"{scored}: {last['reason']}" if last["reason"] else scored))
    return rows


def _native_text(native: dict[str, Any]) -> str:
    if not native["available"]:
        return f"no ({native['reason']}): the slow NumPy reference is used"
    threads = f"{native['num_threads']} thread{'s' if native['num_threads'] != 1 else ''}"
    return f"yes, {native['isa']} of {', '.join(native['isas'])}; {threads}"
