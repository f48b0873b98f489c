"""Pictures side by side: places, titles, refusals."""

import numpy as np
import pytest
from PIL import Image

from fastxai.visual.cv.sheet import side_by_side


def plain(count, size=(60, 40)):
    """Panels of one colour each."""
    return [(f"panel {k}", Image.new("RGB", size, (k * 20 + 10, 0, 0))) for k in range(count)]


@pytest.mark.parametrize(
    ("count", "columns", "rows"), [(1, 1, 1), (3, 3, 1), (4, 4, 1), (5, 4, 2), (8, 4, 2), (9, 4, 3)]
)
def test_at_most_four_stand_in_a_row_in_their_order(count, columns, rows):
    pixels = np.asarray(side_by_side(plain(count)))
    assert pixels.shape == (rows * 64, columns * 60, 3)
    for place in range(rows * columns):
        row, column = divmod(place, columns)
        picture = pixels[row * 64 + 24 : (row + 1) * 64, column * 60 : (column + 1) * 60]
        colour = (place * 20 + 10, 0, 0) if place < count else (255, 255, 255)
        assert (picture == colour).all()


def test_pictures_are_enlarged_and_of_any_mode():
    panels = [("a", Image.new("L", (6, 4), 7)), ("b", Image.new("RGBA", (6, 4), (1, 2, 3, 0)))]
    pixels = np.asarray(side_by_side(panels, scale=5))
    assert pixels.shape == (44, 60, 3)
    assert (pixels[24:, :30] == 7).all()
    assert (pixels[24:, 30:] == (1, 2, 3)).all()


def ink(title, width=60):
    """Where a title's letters are, [24, 2 width]; the second panel has no title."""
    panels = [(title, Image.new("RGB", (width, 9))), ("", Image.new("RGB", (width, 9)))]
    return np.asarray(side_by_side(panels))[:24].min(axis=2) < 255


def test_a_title_is_written_over_its_picture_alone():
    assert ink("map")[:, :60].any()
    assert not ink("map")[:, 60:].any()


def test_a_title_too_long_is_cut_with_dots():
    assert not ink("a title that is far too long for it")[:, 60:].any()
    assert (ink("wwwwwwwwwwwwww")[:, :60] != ink("wwww")[:, :60]).any()
    assert not ink("long", width=9).any()


def test_letters_the_font_lacks_become_question_marks():
    np.testing.assert_array_equal(ink("猫!"), ink("?!"))


def test_refuses_nothing_and_different_sizes():
    with pytest.raises(ValueError, match=r"^side_by_side: `panels` must hold pictures of one size"):
        side_by_side([])
    mixed = [("a", Image.new("L", (6, 4))), ("b", Image.new("L", (4, 6)))]
    with pytest.raises(ValueError, match=r"got \[\(4, 6\), \(6, 4\)\]"):
        side_by_side(mixed)
