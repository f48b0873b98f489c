"""Writes a file and dies of it: python tests/field/_writer.py FAULT SIGNAL PATH.

FAULT is the call at which this process sends itself the signal: 'write', 'fsync', 'replace' (before
it), 'replaced' (after it). The module under test is loaded alone: it needs no other, which is fast.
"""

import importlib.util
import os
import signal
import sys
from pathlib import Path

SOURCE = Path(__file__).parents[2] / "fastxai" / "system" / "atomic_file.py"


def main(fault: str, number: int, path: str) -> None:
    """Writes to `path` and is hit at the call."""

    def hit() -> None:
        os.kill(os.getpid(), number)

    spec = importlib.util.spec_from_file_location("files", SOURCE)
    assert spec is not None
    assert spec.loader is not None
    files = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(files)
    real_fsync, real_replace = os.fsync, os.replace

    def fsync(descriptor: int) -> None:
        if fault == "fsync":
            hit()
        real_fsync(descriptor)

    def replace(source: str, target: str) -> None:
        if fault == "replace":
            hit()
        real_replace(source, target)
        if fault == "replaced":
            hit()

    os.fsync, os.replace = fsync, replace
    with files.replacing(path) as file:
        file.write(b"after" * 1000)
        file.flush()
        if fault == "write":
            hit()
        file.write(b"after" * 1000)


if __name__ == "__main__":
    main(sys.argv[1], signal.Signals[sys.argv[2]], sys.argv[3])
