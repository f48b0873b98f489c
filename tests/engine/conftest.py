"""Every test starts with no engine made, nothing said, and the default 'auto'."""

from __future__ import annotations

import importlib

import numpy as np
import pytest

import fastxai
from fastxai.engine import selector, settings

OPTIONAL = ("openvino", "onnxruntime")


def needs(name):
    """Skips a test where an optional engine is not installed."""
    if settings.version_of(name) is None:
        pytest.skip(f"{name} is not installed: pip install 'fastxai[{name}]'")


@pytest.fixture(autouse=True)
def _fresh(_mindspore_scores, monkeypatch):
    fastxai.set_engine()
    monkeypatch.delenv(settings.CACHE_VARIABLE, raising=False)
    monkeypatch.setattr(selector, "_said", set())
    monkeypatch.setattr(settings, "_last", None)
    selector._cache.clear()
    yield
    selector._cache.clear()


@pytest.fixture(params=OPTIONAL)
def engine(request):
    """The name of each optional engine."""
    needs(request.param)
    return request.param


@pytest.fixture
def engine_class(engine):
    """Its class."""
    module = importlib.import_module(f"fastxai.engine.{engine}")
    return module.OpenVinoEngine if engine == "openvino" else module.OnnxRuntimeEngine


@pytest.fixture
def openvino():
    """Its name, where it is installed."""
    needs("openvino")
    return "openvino"


@pytest.fixture
def absent(monkeypatch):
    """Makes optional engines look as if they were not installed."""

    def hide(*names):
        real = settings.version_of
        monkeypatch.setattr(
            settings, "version_of", lambda name: None if name in names else real(name)
        )

    return hide


@pytest.fixture
def messages(caplog):
    """What the logger 'fastxai' said at INFO and above."""
    caplog.set_level("INFO", logger="fastxai")
    return lambda: [record.getMessage() for record in caplog.records if record.name == "fastxai"]


@pytest.fixture
def images():
    """Two images, and more windows than 'auto' asks for."""
    return np.random.default_rng(0).normal(size=(2, 3, 20, 17)).astype(np.float32)
