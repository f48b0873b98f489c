"""A picture, and ways to run an operation of MindSpore 1.x on it."""

import io

import numpy as np
from mindspore import dataset
from PIL import Image

PIXELS = np.random.default_rng(0).integers(0, 256, (8, 8, 3)).astype(np.uint8)
PICTURE = Image.fromarray(PIXELS)
TALL = np.random.default_rng(1).integers(0, 256, (24, 18, 3)).astype(np.uint8)
FLAT = np.full((24, 18, 3), (10, 100, 200), np.uint8)
_file = io.BytesIO()
PICTURE.save(_file, "PNG")
FILE = np.frombuffer(_file.getvalue(), np.uint8)
BOXES = np.array([[2, 1, 3, 4, 0, 0, 0]], np.float32)  # x, y, width, height


def mapped(operations, *columns, outputs=None):
    """The columns of the single row of a dataset after `map`."""
    names = [f"in{number}" for number in range(len(columns))]
    results = [f"out{number}" for number in range(outputs or len(columns))]
    rows = dataset.GeneratorDataset([columns], names, python_multiprocessing=False)
    rows = rows.map(operations, names, results, num_parallel_workers=1).project(results)
    return tuple(next(rows.create_tuple_iterator(output_numpy=True, num_epochs=1)))


def same(result, expected, tolerance=0.0):
    """Asserts an array of the same shape, dtype and values."""
    assert type(result) is np.ndarray
    assert (result.shape, result.dtype) == (expected.shape, expected.dtype)
    if expected.dtype.kind == "U":
        assert result.tolist() == expected.tolist()
    else:
        np.testing.assert_allclose(
            result.astype(np.float64), expected.astype(np.float64), rtol=1e-5, atol=tolerance
        )
