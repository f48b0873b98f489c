"""Pictures of whole Tensors and how they are shown, without a screen."""

import sys
import types

import matplotlib
import numpy as np
import pytest
from PIL import Image

from fastxai.visual.cv import display


class Notebook:
    """A stand-in for IPython in a Jupyter kernel that keeps what it is asked to display."""

    def __init__(self, monkeypatch, shell="ZMQInteractiveShell"):
        self.shown = []
        ipython = types.ModuleType("IPython")
        ipython.get_ipython = lambda: type(shell, (), {})()
        ipython.display = types.ModuleType("IPython.display")
        ipython.display.display = self.shown.append
        monkeypatch.setitem(sys.modules, "IPython", ipython)
        monkeypatch.setitem(sys.modules, "IPython.display", ipython.display)


@pytest.fixture
def pyplot(monkeypatch):
    """Matplotlib without a screen; `shown` holds the figures at the time of `show`."""
    matplotlib.use("Agg")
    from matplotlib import pyplot

    pyplot.close("all")
    pyplot.shown = []
    monkeypatch.setattr(pyplot, "show", lambda: pyplot.shown.append(pyplot.gcf()))
    yield pyplot
    pyplot.close("all")
    del pyplot.shown


def pictures(*counts):
    return [[Image.new("RGB", (6, 4), (i, j, 0)) for j in range(n)] for i, n in enumerate(counts)]


def test_to_images_paints_each_map_by_itself():
    maps = np.zeros((2, 3, 4, 6), np.float32)
    maps[1, 2, 3, 5] = 1e-6
    images = display.to_images(maps)
    assert [len(of_image) for of_image in images] == [3, 3]
    assert all((p.mode, p.size) == ("RGB", (6, 4)) for of_image in images for p in of_image)
    assert images[1][2].getpixel((5, 3)) == (253, 231, 36)  # viridis at 1
    assert images[1][2].getpixel((0, 0)) == (68, 1, 84)  # viridis at 0
    assert images[0][0].getpixel((5, 3)) == (68, 1, 84)


def test_to_images_takes_a_tensor_by_its_asnumpy_and_maps_of_height_one():
    tensor = types.SimpleNamespace(asnumpy=lambda: np.ones((1, 1, 1, 5), np.float32))
    assert display.to_images(tensor)[0][0].size == (5, 1)


def test_to_images_of_no_image_is_empty():
    assert display.to_images(np.zeros((0, 1, 4, 4), np.float32)) == []


def test_to_images_refuses_other_kinds_and_shapes():
    with pytest.raises(TypeError, match="^to_images: `saliency` must be a Tensor .* got list"):
        display.to_images([1.0])
    with pytest.raises(ValueError, match=r"^to_images: `saliency` .* got \(4, 6\)\.$"):
        display.to_images(np.zeros((4, 6), np.float32))


def test_one_picture_opens_in_the_viewer(monkeypatch):
    opened = []
    monkeypatch.setattr(Image.Image, "show", lambda image: opened.append(image))
    images = pictures(1)
    display.show_images(images)
    assert opened == [images[0][0]]


@pytest.mark.parametrize(
    ("counts", "grid", "titles"),
    [
        ((1, 1, 1), (1, 3), ["[0][0]", "[1][0]", "[2][0]"]),
        ((2, 2, 2), (2, 4), ["[0][0]", "[0][1]", "[1][0]", "[1][1]", "[2][0]", "[2][1]"]),
        ((2,), (1, 2), ["[0][0]", "[0][1]"]),
    ],
)
def test_several_pictures_share_a_figure_of_at_most_four_columns(pyplot, counts, grid, titles):
    display.show_images(pictures(*counts))
    (figure,) = pyplot.shown
    assert [axes.get_title() for axes in figure.axes] == titles
    assert not any(axes.axison for axes in figure.axes)
    assert {axes.get_gridspec().get_geometry() for axes in figure.axes} == {grid}
    last = figure.axes[-1].images[0].get_array()
    assert last[0, 0].tolist() == [len(counts) - 1, counts[-1] - 1, 0]


def test_no_picture_shows_nothing(pyplot, monkeypatch):
    monkeypatch.setattr(Image.Image, "show", lambda image: pytest.fail("opened"))
    display.show_images([])
    display.show_images([[], []])
    assert pyplot.shown == []


def test_a_notebook_displays_one_picture_and_opens_no_viewer(monkeypatch):
    notebook = Notebook(monkeypatch)
    monkeypatch.setattr(Image.Image, "show", lambda image: pytest.fail("opened"))
    images = pictures(1)
    display.show_images(images)
    assert notebook.shown == [images[0][0]]


def test_a_notebook_displays_a_figure_once_and_closes_it(monkeypatch, pyplot):
    notebook = Notebook(monkeypatch)
    display.show_images(pictures(2))
    (figure,) = notebook.shown
    assert len(figure.axes) == 2
    assert pyplot.shown == []
    assert pyplot.get_fignums() == []


def test_only_a_jupyter_kernel_is_a_notebook(monkeypatch):
    monkeypatch.delitem(sys.modules, "IPython", raising=False)
    assert display.in_notebook() is False
    assert "IPython" not in sys.modules
    Notebook(monkeypatch, shell="TerminalInteractiveShell")
    assert display.in_notebook() is False
    Notebook(monkeypatch)
    assert display.in_notebook() is True


def test_without_matplotlib_the_error_says_what_to_install(monkeypatch):
    monkeypatch.setitem(sys.modules, "matplotlib", None)
    with pytest.raises(RuntimeError, match="needs matplotlib; pip install matplotlib"):
        display.show_images(pictures(2))
    with pytest.raises(RuntimeError, match="needs matplotlib; pip install matplotlib"):
        display.to_images(np.zeros((1, 1, 2, 2), np.float32))
