"""mindspore_xai's tensor functions: known answers."""

import mindspore as ms
import numpy as np
import pytest
from mindspore import Tensor

from fastxai.common import operators as op

ROWS = [[3.0, -1.0, 2.0], [0.0, 4.0, -4.0]]
CASES = {
    "absolute": (lambda x: op.absolute(x), [[3, 1, 2], [0, 4, 4]]),
    "argmax": (lambda x: op.argmax(x), [0, 1]),
    "argmax keep": (lambda x: op.argmax(x, 0, True), [[0, 1, 0]]),
    "argmin": (lambda x: op.argmin(x), [1, 2]),
    "argsort": (lambda x: op.argsort(x), [[1, 2, 0], [2, 0, 1]]),
    "argsort down": (lambda x: op.argsort(x, descending=True), [[0, 2, 1], [1, 0, 2]]),
    "assign": (lambda x: op.assign(x, (Tensor([0, 1]), 2), Tensor([8.0])), [[3, -1, 8], [0, 4, 8]]),
    "matmul": (lambda x: op.matmul(x, op.reshape(x, (3, 2))), [[15, -11], [-8, 16]]),
    "maximum": (lambda x: op.maximum(x, 1), [3, 4]),
    "maximum of all": (lambda x: op.maximum(x), 4),
    "mean": (lambda x: op.mean(x, 0, True), [[1.5, 1.5, -1]]),
    "minimum": (lambda x: op.minimum(x, (0, 1)), -4),
    "mul": (lambda x: op.mul(x, 2), [[6, -2, 4], [0, 8, -8]]),
    "reshape": (lambda x: op.reshape(x, 6), [3, -1, 2, 0, 4, -4]),
    "sort": (lambda x: op.sort(x), [[-1, 2, 3], [-4, 0, 4]]),
    "sort down": (lambda x: op.sort(x, descending=True), [[3, 2, -1], [4, 0, -4]]),
    "squeeze": (lambda x: op.squeeze(op.reshape(x, (1, 6, 1))), [3, -1, 2, 0, 4, -4]),
    "stack": (lambda x: op.stack([x, x], 0), [ROWS, ROWS]),
    "sqrt": (lambda x: op.sqrt(op.mul(x, x)), [[3, 1, 2], [0, 4, 4]]),
    "summation": (lambda x: op.summation(x), 4),
    "tile": (lambda x: op.tile(x, (1, 2)), [row + row for row in ROWS]),
    "zeros_like": (lambda x: op.zeros_like(x), [[0, 0, 0], [0, 0, 0]]),
}


@pytest.mark.parametrize("case", CASES)
def test_known_answer(case):
    function, expected = CASES[case]
    inputs = Tensor(ROWS, ms.float32)
    np.testing.assert_allclose(function(inputs).asnumpy(), expected, rtol=1e-6)
    assert inputs.asnumpy().tolist() == ROWS  # not changed


def test_intersection_is_of_all_inputs_and_changes_none():
    first, second = Tensor([True, True, False]), Tensor([True, False, False])
    assert op.intersection(first, second).asnumpy().tolist() == [True, False, False]
    assert first.asnumpy().tolist() == [True, True, False]


def test_arange_and_zeros_take_a_dtype():
    assert op.arange(1, 7, 2).asnumpy().tolist() == [1, 3, 5]
    assert op.arange(0, 2, dtype=ms.float32).dtype == ms.float32
    assert op.zeros((2, 1), ms.float16).dtype == ms.float16


def test_random_numbers_come_from_numpys_generator():
    np.random.seed(1)
    expected = np.random.random((2, 2)), np.random.randint(3, 9, 5)
    np.random.seed(1)
    assert np.array_equal(op.random((2, 2)).asnumpy(), expected[0])
    assert np.array_equal(op.randint(3, 9, 5).asnumpy(), expected[1])
