"""Plants every fault and says which of them the tests did not notice; by hand, `make faults`.

`make faults FAULTS=compiled` plants those of compiled code alone, `FAULTS=python` the others.

The tests run with Ctrl-C ignored, as a background job of a shell has it: without the handler in
tests/conftest.py those that interrupt a process would then wait for ever.
"""

from __future__ import annotations

import argparse
import os
import shutil
import signal
import subprocess
import sys
from pathlib import Path

from tests.faults.planted import COMPILED, PYTHON, Fault

ROOT = Path(__file__).resolve().parents[2]
TREE = ROOT / "build/faults/tree"
BUILD = ROOT / "build/faults/cmake"
_KINDS = {"python": PYTHON, "compiled": COMPILED}
_COPIED = ("fastxai", "tests", "kernels", "csrc", "examples", "CMakeLists.txt", "pyproject.toml")


def copy_tree() -> None:
    """Copies what is built and tested."""
    shutil.rmtree(TREE, ignore_errors=True)
    TREE.mkdir(parents=True)
    for name in _COPIED:
        source = ROOT / name
        if source.is_dir():
            shutil.copytree(source, TREE / name, ignore=shutil.ignore_patterns("__pycache__"))
        else:
            shutil.copy2(source, TREE / name)


def run(command: list[str], seconds: int = 600) -> tuple[bool, str]:
    """Whether a command succeeds, and what it printed."""
    try:
        done = subprocess.run(
            command,
            cwd=TREE,
            timeout=seconds,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            check=False,
            env={**os.environ, "PYTHONDONTWRITEBYTECODE": "1"},
        )
    except subprocess.TimeoutExpired:
        return False, "took too long"
    return done.returncode == 0, done.stdout


def passes(tests: str) -> bool:
    """Whether the tests are green."""
    return run([sys.executable, "-m", "pytest", "-q", "-x", *tests.split()], 300)[0]


def configure() -> None:
    """Prepares the build of the module and of the C++ tests."""
    pybind11 = run([sys.executable, "-m", "pybind11", "--cmakedir"])[1].strip()
    ok, said = run(
        ["cmake", "-S", ".", "-B", str(BUILD), "-DFASTXAI_KERNEL_TESTS=ON", "-DFASTXAI_CUDA=OFF"]
        + ["-DCMAKE_CXX_FLAGS_RELEASE=-O1", f"-DPython_EXECUTABLE={sys.executable}"]
        + [f"-Dpybind11_DIR={pybind11}"]
    )
    if not ok:
        sys.exit(said)


def build(tests: str) -> str:
    """Builds what some tests need; says what the compiler said if it failed."""
    target = "_native" if "/" in tests else f"test_{tests}"
    ok, said = run(["cmake", "--build", str(BUILD), "--parallel", "2", "--target", target])
    if ok and target == "_native":
        for module in BUILD.glob("_native*.so"):
            shutil.copy2(module, TREE / "fastxai" / module.name)
    return "" if ok else said


def compiled_passes(tests: str) -> bool:
    """Whether tests of compiled code are green."""
    return passes(tests) if "/" in tests else run([str(BUILD / f"tests/kernels/test_{tests}")])[0]


def noticed(fault: Fault, compiled: bool) -> bool:
    """Whether the tests fail with the fault in place; the file is as before afterwards."""
    path = TREE / fault.file
    before = path.read_text(encoding="utf-8")
    if before.count(fault.old) != 1:
        sys.exit(f"{fault.file}: {fault.old!r} is not in it once; mend tests/faults/planted.py")
    path.write_text(before.replace(fault.old, fault.new), encoding="utf-8")
    try:
        if not compiled:
            return not passes(fault.tests)
        if error := build(fault.tests):
            sys.exit(f"{fault.file}: does not compile with the fault:\n{error}")
        return not compiled_passes(fault.tests)
    finally:
        path.write_text(before, encoding="utf-8")


def main() -> None:
    """Plants faults; exit status 1 if one is not noticed, or a test fails without a fault."""
    parser = argparse.ArgumentParser(description="Plant faults and see the tests fail.")
    parser.add_argument("kind", nargs="?", choices=list(_KINDS), help="default: both kinds")
    kind = parser.parse_args().kind
    chosen = [_KINDS[kind]] if kind else list(_KINDS.values())
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    copy_tree()
    missed = []
    for faults in chosen:
        compiled = faults is COMPILED
        if compiled:
            configure()
        for tests in dict.fromkeys(fault.tests for fault in faults):
            if (compiled and build(tests)) or not (compiled_passes if compiled else passes)(tests):
                sys.exit(f"{tests} fails without a fault")
        for fault in faults:
            caught = noticed(fault, compiled)
            print(
                f"{'caught' if caught else 'MISSED'}  {fault.file}: {fault.old.strip()}", flush=True
            )
            missed += [] if caught else [fault]
    total = sum(map(len, chosen))
    print(f"{total - len(missed)} of {total} planted faults caught")
    sys.exit(bool(missed))


if __name__ == "__main__":
    main()
