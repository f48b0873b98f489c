"""What pytest-benchmark times is checked and runs, also without that plugin."""

import pytest

from bench.micro import op_costs, test_speed


def once(run):
    """In place of pytest-benchmark's fixture."""
    run()


def test_every_operator_is_timed_at_every_point():
    timed = {op for op, _ in test_speed.OPERATORS}
    assert timed == set(op_costs.FORMULAS)
    assert len(test_speed.OPERATORS) == len(set(test_speed.OPERATORS))


@pytest.mark.parametrize("op", op_costs.FORMULAS)
def test_the_smallest_point_of_an_operator_runs(op):
    test_speed.test_operator(once, op, next(op_costs.points(op)))


def test_the_hot_path_runs():
    test_speed.test_hot_path(once, "fastxai_rise")
