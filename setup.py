"""Builds the native module with CMake, once, and hands it to setuptools."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

from setuptools import Extension, setup
from setuptools.command.build_ext import build_ext

ROOT = Path(__file__).resolve().parent
CHOICES = ("auto", "require", "skip")
BUILD = os.environ.get("FASTXAI_BUILD", "auto")
if BUILD not in CHOICES:
    raise SystemExit(f"FASTXAI_BUILD must be one of {', '.join(CHOICES)}, got {BUILD!r}")

CUDA_CHOICES = ("OFF", "ON", "AUTO")
CUDA = os.environ.get("FASTXAI_CUDA", "").upper() or "OFF"
if CUDA not in CUDA_CHOICES:
    raise SystemExit(f"FASTXAI_CUDA must be one of {', '.join(CUDA_CHOICES)}, got {CUDA!r}")


class CMakeBuild(build_ext):
    """One CMake run that leaves `_native` where setuptools expects the extension.

    FASTXAI_BUILD: 'require' fails when the build does, 'auto' goes on without native code (the
    package then works through its NumPy reference path), 'skip' does not try.

    FASTXAI_CUDA: 'ON' builds the CUDA library too, which takes minutes; 'AUTO' does where there is
    nvcc, and goes on where that fails; 'OFF', the default, does not.
    """

    def run(self) -> None:
        try:
            super().run()
        except (subprocess.CalledProcessError, OSError) as error:
            if BUILD == "require":
                raise SystemExit(f"fastxai: the native build failed: {error}") from error
            print(f"fastxai: native build failed ({error}); going on without it", file=sys.stderr)
            self.extensions = []

    def build_extension(self, ext: Extension) -> None:
        """Configures and builds; CMake writes the module to its final place itself."""
        import pybind11

        target = Path(self.get_ext_fullpath(ext.name)).resolve()
        build = ROOT / "build" / f"{self.plat_name}-{sys.implementation.cache_tag}"
        build.mkdir(parents=True, exist_ok=True)
        # A CMake cache made in another (isolated) environment names programs that are gone.
        (build / "CMakeCache.txt").unlink(missing_ok=True)
        configure = [
            "cmake", "-S", str(ROOT), "-B", str(build),
            "-DCMAKE_BUILD_TYPE=Release",
            f"-DPython_EXECUTABLE={sys.executable}",
            f"-Dpybind11_DIR={pybind11.get_cmake_dir()}",
            f"-DCMAKE_LIBRARY_OUTPUT_DIRECTORY={target.parent}",
            f"-DFASTXAI_CUDA={CUDA}",
            f"-DFASTXAI_WERROR={'ON' if os.environ.get('CI') else 'OFF'}",
        ]  # fmt: skip
        subprocess.run(configure, check=True)
        jobs = str(os.cpu_count() or 1)
        command = ["cmake", "--build", str(build), "--target", "_native", "fastxai_link_check"]
        subprocess.run([*command, "--parallel", jobs], check=True)
        self.build_cuda(build, jobs)

    def build_cuda(self, build: Path, jobs: str) -> None:
        """Builds libfastxai_cuda.so beside `_native`, if it was asked for."""
        if CUDA == "OFF":
            return
        command = ["cmake", "--build", str(build), "--target", "fastxai_gpu", "--parallel", jobs]
        try:
            subprocess.run(command, check=True)
        except subprocess.CalledProcessError as error:
            if CUDA == "ON":
                raise SystemExit(f"fastxai: the CUDA build failed: {error}") from error
            print(f"fastxai: CUDA build failed ({error}); going on without it", file=sys.stderr)


setup(
    ext_modules=[] if BUILD == "skip" else [Extension("fastxai._native", sources=[])],
    cmdclass={"build_ext": CMakeBuild},
)
