"""Results of the gradient explainers that are measured in parts."""

from bench.micro import gradients


def row(mode, images, value):
    return {"mode": mode, "images": images, "explainer": "Gradient", "value": value}


def test_new_rows_stand_in_the_place_of_old_ones():
    before = [row("pynative", 1, 1), row("pynative", 16, 2), row("graph", 1, 3)]
    found = gradients.joined(before, [row("pynative", 16, 4), row("graph", 16, 5)])
    assert [each["value"] for each in found] == [1, 4, 3, 5]
