"""Contenders answer words one by one, whatever else they print."""

import sys

import pytest

from bench.common.processes import Contender


def test_a_contender_answers_each_word_in_its_environment():
    one = Contender(sys.executable, "tests.bench._answers", [], {"FASTXAI_TEST": "here"})
    assert one.ask("ready") == {"variable": "here"}
    assert one.ask("run") == {"seconds": 1.5}
    assert one.ask("run") == {"seconds": 1.5}
    one.close()


def test_a_contender_that_failed_is_an_error_that_names_it():
    one = Contender(sys.executable, "tests.bench._answers", ["--fail"])
    with pytest.raises(RuntimeError, match="failed, see above: tests.bench._answers --fail"):
        one.ask("run")
    one.close()
