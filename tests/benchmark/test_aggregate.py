"""Results of metrics, gathered over images."""

import mindspore as ms
import numpy as np
import pytest

from fastxai.benchmark import ClassSensitivity, Localization

FORMS = [
    (0.25, [0.25]),
    (1, [1.0]),
    (np.float32(0.25), [0.25]),
    (np.array(0.25), [0.25]),
    (np.array([0.25, 0.5]), [0.25, 0.5]),
    (ms.Tensor(0.25), [0.25]),
    (ms.Tensor([0.25, 0.5]), [0.25, 0.5]),
    (ms.Tensor([0.25], ms.bfloat16), [0.25]),
    ([0.25, 0.5], [0.25, 0.5]),
    ([np.array([0.25, 0.5]), ms.Tensor(0.75), 1.0], [0.25, 0.5, 0.75, 1.0]),
    ((ms.Tensor([0.25]),), [0.25]),
]
REFUSED = [
    ("0.5", TypeError, "`result` must be a float.*got str"),
    (None, TypeError, "got NoneType"),
    (True, TypeError, "got bool"),
    ([0.5, "x"], TypeError, "got str"),
    ([], ValueError, "`result` must not be empty"),
    (np.zeros((2, 2)), ValueError, r"`result` must be 0-D or 1-D, got shape \(2, 2\)"),
    (ms.Tensor(np.zeros((1, 1))), ValueError, "`result` must be 0-D or 1-D"),
]


@pytest.mark.parametrize(("result", "values"), FORMS, ids=lambda form: repr(form)[:40])
def test_aggregate_drops_no_value(result, values):
    targets = [k % 3 for k in range(len(values))]
    forms = [targets, tuple(targets), np.array(targets), ms.Tensor(targets, ms.int32)]
    if len(values) == 1:
        forms += [0, np.int64(0), ms.Tensor(0)]
    for form in forms:
        metric = Localization(3)
        metric.aggregate(result, form)
        expected = {label: values[label::3] for label in range(3)}
        assert metric.get_results() == expected
    plain = ClassSensitivity()
    plain.aggregate(result)
    assert plain.get_results() == values


@pytest.mark.parametrize(("result", "error", "words"), REFUSED, ids=lambda form: repr(form)[:40])
def test_aggregate_refuses(result, error, words):
    with pytest.raises(error, match=words):
        Localization(3).aggregate(result, 0)
    with pytest.raises(error, match=words):
        ClassSensitivity().aggregate(result)


@pytest.mark.parametrize(
    ("targets", "error", "words"),
    [
        ([0], ValueError, r"`targets` must be one class, \(2,\)"),
        ([0, 1, 2], ValueError, r"got shape \(3,\)"),
        ([[0, 1], [0, 1]], ValueError, "one class per image, got 2"),
        ([0, 3], ValueError, r"`targets` must be in \[0, 3\), got 3"),
        (-1, ValueError, "`targets` must be 0 or more"),
        (0.0, TypeError, "got float"),
    ],
    ids=str,
)
def test_aggregate_refuses_targets_and_adds_nothing(targets, error, words):
    metric = Localization(3)
    with pytest.raises(error, match=words):
        metric.aggregate([0.5, 0.25], targets)
    assert metric.get_results() == {0: [], 1: [], 2: []}


def test_results_are_gathered_by_class():
    metric = Localization(4)
    assert metric.num_labels == 4
    assert metric.performance == 0.0
    assert metric.class_performances == [0.0] * 4
    metric.aggregate([1.0, 0.0, 0.25, np.nan, np.inf], [0, 1, 1, 1, 2])
    metric.aggregate(np.array([0.5, 0.75]), 3)  # one class for all
    results = metric.get_results()
    assert results[0] == [1.0]
    assert results[1][:2] == [0.0, 0.25]
    assert np.isnan(results[1][2])
    assert results[3] == [0.5, 0.75]
    assert metric.class_performances == [1.0, 0.125, 0.0, 0.625]
    assert metric.performance == 0.5
    results[0].append(9.0)
    assert metric.get_results()[0] == [1.0], "a copy"
    metric.reset()
    assert metric.get_results() == {label: [] for label in range(4)}


def test_results_without_classes_are_gathered_in_order():
    metric = ClassSensitivity()
    assert metric.performance == 0.0
    metric.aggregate(0.5)
    metric.aggregate([np.nan, 1.0])
    assert metric.performance == 0.75
    results = metric.get_results()
    assert len(results) == 3
    results.clear()
    assert len(metric.get_results()) == 3
    metric.reset()
    assert metric.get_results() == []
