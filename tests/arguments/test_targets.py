"""Targets in every form that callers write them; the contract tests see each explainer use it."""

import numpy as np
import pytest

from fastxai.arguments.targets import check_target_range, targets_array


@pytest.mark.parametrize(
    ("targets", "expected"),
    [
        (3, [[3], [3]]),
        (np.int64(3), [[3], [3]]),
        (np.array(3), [[3], [3]]),
        ([3, 1], [[3], [1]]),
        ((3, 1), [[3], [1]]),
        ([np.int32(3), 1], [[3], [1]]),
        (np.array([3, 1], np.uint8), [[3], [1]]),
        ([[3], [1]], [[3], [1]]),
        ([[3, 1], [0, 4]], [[3, 1], [0, 4]]),
        (np.array([[3, 1], [0, 4]], np.int16), [[3, 1], [0, 4]]),
        ([2**63 - 1, 0], [[2**63 - 1], [0]]),
    ],
    ids=str,
)
def test_takes_every_form(targets, expected):
    array = targets_array("RISE", targets, 2)
    assert array.dtype == np.int64
    assert array.tolist() == expected


def test_the_array_is_not_the_callers():
    targets = np.array([[1], [2]])
    array = targets_array("RISE", targets, 2)
    targets[:] = 4
    assert array.tolist() == [[1], [2]]


@pytest.mark.parametrize(
    ("targets", "error", "words"),
    [
        (-1, ValueError, "`targets` must be 0 or more, got -1"),
        ([1, 2, 3], ValueError, r"`targets` must be one class, \(2,\) or \(2, L\)"),
        ([], ValueError, "`targets` must not be empty"),
        (np.zeros((2, 1, 1), int), ValueError, r"got shape \(2, 1, 1\)"),
        ([[1], [1, 2]], ValueError, "`targets` must not be ragged"),
        (2**70, ValueError, r"`targets` must be below 2\^63, got 1180591620717411303424"),
        (np.array([2**63, 1], np.uint64), ValueError, r"below 2\^63, got 9223372036854775808"),
        ([-(2**70), 0], ValueError, "`targets` must be 0 or more, got -1180591620717411303424"),
        (True, TypeError, "`targets` must be an int, a list"),
        (np.bool_(True), TypeError, "got bool_"),
        ([True, 2], TypeError, "got bool values"),
        (((1, np.bool_(False)), (2, 3)), TypeError, "got bool values"),
        (np.array([True, False]), TypeError, "got bool values"),
        ([1, None], TypeError, "got object values"),
        (1.0, TypeError, "got float"),
        ("1", TypeError, "got str"),
        (np.array([1.0, 2.0]), TypeError, "got float64 values"),
        (np.float32([1.0, 2.0]), TypeError, "got float32 values"),
    ],
    ids=str,
)
def test_refuses(targets, error, words):
    with pytest.raises(error, match=f"RISE: .*{words}"):
        targets_array("RISE", targets, 2)


def test_refuses_classes_that_the_network_does_not_have():
    check_target_range("RISE", np.array([[0], [4]]), 5)
    with pytest.raises(ValueError, match=r"`targets` must be in \[0, 5\), got 77"):
        check_target_range("RISE", np.array([[0], [77]]), 5)
