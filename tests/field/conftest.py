"""Fixtures of the field's tests."""

import mindspore as ms
import pytest


@pytest.fixture
def graph_mode():
    """GRAPH_MODE, which compiles for seconds: a few tests of the kind are enough."""
    before = ms.get_context("mode")
    ms.set_context(mode=ms.GRAPH_MODE)
    yield
    ms.set_context(mode=before)
