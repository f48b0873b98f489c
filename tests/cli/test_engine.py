"""``fastxai explain --engine`` and ``--precision``."""

import pytest

from fastxai.engine import settings


def test_the_engine_that_was_named_scores_and_is_reported(explain):
    if settings.version_of("openvino") is None:
        pytest.skip("openvino is not installed: pip install 'fastxai[openvino]'")
    result = explain("--engine", "openvino")
    assert (result.code, result.err) == (0, "")
    assert "engine       OpenVINO, float32 (it agrees with MindSpore to " in result.out


def test_mindspore_can_be_named(explain):
    result = explain("--engine", "mindspore")
    assert "engine       MindSpore, float32 (it was asked for)" in result.out


@pytest.mark.parametrize(
    ("options", "text"),
    [
        (["--engine", "fast"], "argument --engine: invalid choice: 'fast'"),
        (["--precision", "float16"], "argument --precision: invalid choice: 'float16'"),
        (
            ["--engine", "onnxruntime", "--precision", "bfloat16"],
            "--precision: `precision` 'bfloat16' needs one of the engines",
        ),
        (["--engine", "onnxruntime"], "--engine: the engine 'onnxruntime' is not installed: pip"),
        (["--engine", "openvino"], "pip install 'fastxai[openvino]'"),
        (["--precision", "bfloat16"], "--precision: precision 'bfloat16' needs an engine that is"),
    ],
)
def test_what_cannot_be_had_is_a_wrong_argument(explain, monkeypatch, options, text):
    monkeypatch.setattr(settings, "version_of", lambda name: None)
    result = explain(*options)
    assert (result.code, result.out) == (2, "")
    assert text in result.err
    assert len(result.err.splitlines()) == 1
