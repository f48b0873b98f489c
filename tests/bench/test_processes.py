"""Contenders answer words one by one, whatever else they print."""

import sys

import pytest

from bench.common.processes import Contender, ask_worker


def test_a_contender_answers_each_word_in_its_environment():
    one = Contender(sys.executable, "tests.bench._contender", {}, {"FASTXAI_TEST": "here"})
    assert one.ask("ready") == {"variable": "here"}
    assert one.ask("run") == {"seconds": 1.5}
    assert one.ask("run") == {"seconds": 1.5}
    one.close()


def test_a_contender_that_failed_is_an_error_that_names_it():
    one = Contender(sys.executable, "tests.bench._contender", {"fail": True}, {})
    with pytest.raises(RuntimeError, match="failed, see above: tests.bench._contender"):
        one.ask("run")
    one.close()


def test_a_worker_answers_its_options_in_its_environment():
    asked = {"number": 3, "list": ["a", "b"]}
    assert ask_worker("tests.bench._worker", asked, {"FASTXAI_TEST": "x", "HOME": None}) == {
        "options": asked,
        "variable": "x",
        "home": None,
    }


def test_a_worker_that_failed_is_an_error_that_names_it():
    with pytest.raises(RuntimeError, match="failed, see above: tests.bench._worker"):
        ask_worker("tests.bench._worker", {"fail": True})
