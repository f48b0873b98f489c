"""The kernels and the emulator, compiled once per session."""

import pytest

from tests.ascend._emulator import Library, build, emulator_sources, op_sources


@pytest.fixture(scope="session")
def library(tmp_path_factory):
    """All Ascend kernels on the emulator."""
    path = tmp_path_factory.mktemp("kernels") / "kernels.so"
    build({**op_sources(), **emulator_sources()}, path)
    return Library(path)
