"""Which windows Occlusion covers where the caller leaves it to the size of the image."""

import pytest

from fastxai.masks.windows import windows_of


@pytest.mark.parametrize(
    ("size", "window", "strides"),
    [
        ((224, 224), (32, 32), (8, 8)),
        ((448, 224), (64, 32), (16, 8)),
        ((32, 28), (5, 4), (1, 1)),
        ((2, 1), (2, 1), (1, 1)),
    ],
)
def test_auto_is_a_seventh_of_the_image_in_steps_of_a_quarter(size, window, strides):
    spec = windows_of("Occlusion", size, "auto", None)
    assert (spec.window, spec.strides) == (window, strides)
    assert windows_of("Occlusion", size, "auto", (2, 1)).strides == (2, 1)
