"""Guard against MindSpore's slow convolutions on processors with AVX-512.

MindSpore 2.9 and 2.10 keep tensors in plain NCHW order. Allowed AVX-512, their oneDNN 3.10 has
no fast convolution of that order with a kernel above 1×1, and runs a reference loop about
a hundred times too slow; held to AVX2 it uses matrix products. `protect` sets that limit in
MindSpore's own copy of oneDNN, so that other engines in the process keep AVX-512.
"""

from __future__ import annotations

import ctypes
import importlib.util
import os
import platform
import re
import sys
import time
import warnings
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

KEEP_VARIABLE = "FASTXAI_KEEP_ONEDNN_ISA"
ISA_VARIABLES = ("ONEDNN_MAX_CPU_ISA", "DNNL_MAX_CPU_ISA")
REMEDY = "export ONEDNN_MAX_CPU_ISA=AVX2 before starting Python"

_AVX2 = 0x7  # dnnl_cpu_isa_avx2: the bits of SSE4.1, AVX and AVX2
_BELOW_AVX512 = 0x1F  # dnnl_cpu_isa_avx2_vnni_2, the largest value without AVX-512
_AVX512_FLAGS = frozenset({"avx512f", "avx512bw", "avx512vl", "avx512dq"})
_AFFECTED = re.compile(r"2\.(9|10)(\D|$)")

# GFLOP/s of the 1×1 over those of the 3×3 convolution. Measured on two shared cores of an AVX-512
# server processor: 0.7 to 2 when held to AVX2, 100 to 360 in the trap.
_SLOW_RATIO = 30.0


@dataclass(frozen=True)
class OneDnnStatus:
    """Result of the guard.

    Attributes:
        state: 'not-affected': machine or MindSpore version outside the trap, or no MindSpore;
            'protected': MindSpore's oneDNN is held to AVX2;
            'user-set': the environment already limits oneDNN, nothing was touched;
            'kept': FASTXAI_KEEP_ONEDNN_ISA=1, nothing was touched;
            'too-late': MindSpore's oneDNN ran before fastxai was imported and kept AVX-512;
            'failed': MindSpore's oneDNN could not be reached.
        detail: The reason in one line.
        remedy: What the user can do, or '' where there is nothing to do.
    """

    state: str
    detail: str
    remedy: str = ""


@dataclass(frozen=True)
class ConvolutionProbe:
    """Measured speed of MindSpore's convolutions.

    Attributes:
        conv3x3_gflops: Speed of a 3×3 convolution, in 1e9 floating-point operations a second.
        pointwise_gflops: Speed of a 1×1 convolution with as many operations, which the trap
            does not touch.
        slow: Whether the 3×3 convolution is so far behind that it must run a reference loop.
        verdict: The finding in one line.
    """

    conv3x3_gflops: float
    pointwise_gflops: float
    slow: bool
    verdict: str


_status: OneDnnStatus | None = None


def protect() -> OneDnnStatus:
    """Hold MindSpore's oneDNN to AVX2 where AVX-512 would make convolutions slow.

    Called once, when fastxai is imported; later calls return the first one's status. Touches
    only MindSpore's copy of oneDNN, and not the environment.

    Returns:
        What was found and done.

    Warns:
        RuntimeWarning: The machine is affected and oneDNN can no longer be limited, because it
            has already run, or because its library was not found.

    Supported Platforms:
        Any; acts on Linux x86-64 with AVX-512 under MindSpore 2.9 and 2.10.

    Examples:
        >>> from fastxai._onednn import protect
        >>> protect().state in ("not-affected", "protected", "user-set", "kept")
        True
    """
    global _status
    if _status is None:
        _status = _decide()
        if _status.state in ("too-late", "failed"):
            # 1 = here, 2 = fastxai/__init__.py, 3 = the user's `import fastxai`.
            warnings.warn(
                f"fastxai: MindSpore runs convolutions about 100 times too slow on this "
                f"processor and could not be corrected: {_status.detail}; {_status.remedy}.",
                RuntimeWarning,
                stacklevel=3,
            )
    return _status


def probe_convolution(repeats: int = 3) -> ConvolutionProbe:
    """Time a 3×3 convolution against a 1×1 one with as many operations, through MindSpore.

    Runs on the current device, in the current mode; takes a fraction of a second where all is
    well and some seconds in the trap. The figures are rough: the verdict needs a factor of 30.

    Args:
        repeats: int >= 1. Timed runs of each, of which the fastest counts.

    Returns:
        Both speeds and the verdict.

    Raises:
        TypeError: `repeats` is not an int.
        ValueError: `repeats` is below 1.
        ImportError: MindSpore is not installed.

    Supported Platforms:
        CPU; elsewhere it measures the device that MindSpore is set to.

    Examples:
        >>> from fastxai._onednn import probe_convolution
        >>> probe_convolution().slow
        False
    """
    if isinstance(repeats, bool) or not isinstance(repeats, int):
        raise TypeError(f"probe_convolution: `repeats` must be an int, got {repeats!r}.")
    if repeats < 1:
        raise ValueError(f"probe_convolution: `repeats` must be at least 1, got {repeats}.")
    size, outputs, inputs = 56, 64, 64
    operations = 2 * size * size * outputs * inputs * 9
    conv3x3 = operations / _seconds(_convolution(size, inputs, outputs, 3), repeats) / 1e9
    pointwise = operations / _seconds(_convolution(size, inputs * 9, outputs, 1), repeats) / 1e9
    slow = pointwise > _SLOW_RATIO * conv3x3
    verdict = (
        f"3x3 convolutions run {pointwise / conv3x3:.0f} times slower than 1x1 ones of the same "
        f"size; {REMEDY}"
        if slow
        else "convolutions run at a normal speed"
    )
    return ConvolutionProbe(conv3x3, pointwise, slow, verdict)


def environment_limit() -> str:
    """What in the environment keeps every oneDNN of the process from AVX-512, or ''.

    MindSpore needs no such variable where `protect` holds its own copy back; other engines lose
    speed by it, and bfloat16.

    Returns:
        'NAME=VALUE', or '' where nothing is set or the processor has no AVX-512 to lose.

    Examples:
        >>> from fastxai._onednn import environment_limit
        >>> environment_limit() in ("", "ONEDNN_MAX_CPU_ISA=AVX2")
        True
    """
    if not cpu_flags() >= _AVX512_FLAGS:
        return ""
    for variable in ISA_VARIABLES:
        value = os.environ.get(variable, "")
        if value and value.upper() not in ("ALL", "DEFAULT"):
            return f"{variable}={value}"
    return ""


def _decide() -> OneDnnStatus:
    if sys.platform != "linux" or platform.machine() not in ("x86_64", "AMD64"):
        return OneDnnStatus("not-affected", "not Linux on x86-64")
    if not cpu_flags() >= _AVX512_FLAGS:
        return OneDnnStatus("not-affected", "the processor has no AVX-512")
    if importlib.util.find_spec("mindspore") is None:
        return OneDnnStatus("not-affected", "MindSpore is not installed")
    try:
        import mindspore
    except Exception as error:  # a broken MindSpore is for the user's own import to report
        return OneDnnStatus("not-affected", f"MindSpore cannot be imported: {error}")
    version = str(mindspore.__version__)
    if not _AFFECTED.match(version):
        return OneDnnStatus("not-affected", f"MindSpore {version} is not 2.9 or 2.10")
    if os.environ.get(KEEP_VARIABLE) == "1":
        return OneDnnStatus("kept", f"{KEEP_VARIABLE}=1", f"unset {KEEP_VARIABLE}")
    for variable in ISA_VARIABLES:
        if os.environ.get(variable):
            return OneDnnStatus("user-set", f"{variable}={os.environ[variable]}")
    return _limit(Path(mindspore.__file__).parent / "lib" / "libdnnl.so.3")


def _limit(library: Path) -> OneDnnStatus:
    try:
        onednn = ctypes.CDLL(str(library))
        refused = onednn.dnnl_set_max_cpu_isa(_AVX2)
        # Reading the limit fixes it for good, so only after it has been set or refused.
        limit = onednn.dnnl_get_effective_cpu_isa()
    except (OSError, AttributeError) as error:
        return OneDnnStatus("failed", str(error), REMEDY)
    if limit <= _BELOW_AVX512:
        return OneDnnStatus("protected", "MindSpore's oneDNN is held to AVX2")
    if refused:
        detail = "MindSpore's oneDNN ran before fastxai was imported"
        return OneDnnStatus("too-late", detail, f"import fastxai first, or {REMEDY}")
    return OneDnnStatus("failed", f"oneDNN kept its limit of {limit:#x}", REMEDY)


def cpu_flags(cpuinfo: str = "/proc/cpuinfo") -> frozenset[str]:
    """Return the features that Linux lists for the first processor, or an empty set."""
    try:
        with open(cpuinfo, encoding="utf-8", errors="replace") as lines:
            for line in lines:
                name, _, value = line.partition(":")
                if name.strip() == "flags":
                    return frozenset(value.split())
    except OSError:
        pass
    return frozenset()


def _convolution(size: int, inputs: int, outputs: int, kernel: int) -> Callable[[], object]:
    import mindspore
    import numpy as np

    image = mindspore.Tensor(np.ones((1, inputs, size, size), np.float32))
    weight = mindspore.Tensor(np.ones((outputs, inputs, kernel, kernel), np.float32))
    return lambda: mindspore.ops.conv2d(image, weight, pad_mode="same").asnumpy()


def _seconds(run: Callable[[], object], repeats: int) -> float:
    run()  # compiles and reserves memory
    fastest = float("inf")
    for _ in range(repeats):
        start = time.perf_counter()
        run()
        fastest = min(fastest, time.perf_counter() - start)
    return fastest
