"""Notes on networks and scores that give plausible nonsense."""

import pytest

RANDOM = "has random weights"
TWICE = "the network's outputs are probabilities already"


def test_random_weights_are_said_where_no_checkpoint_is_given(explain):
    result = explain("--explainer", "gradient", model="corner_networks:random")
    assert result.code == 0
    assert "warning: --ckpt: not given, and corner_networks:random has random weights" in result.err
    assert "give --ckpt FILE" in result.err


@pytest.mark.parametrize("name", ["flat", "random_once", "built_once", "_random", "corners"])
def test_weights_that_are_the_same_every_time_are_taken_as_they_are(explain, name):
    assert RANDOM not in explain("--explainer", "gradient", model=f"corner_networks:{name}").err


@pytest.mark.parametrize("explainer", ["gradient", "rise", "occlusion"])
def test_a_softmax_of_probabilities_is_said_once(explain, explainer):
    model = "corner_networks:probabilities"
    more = ("--num-masks", 64) if explainer == "rise" else ()
    result = explain("--explainer", explainer, *more, model=model)
    assert result.err.count(TWICE) == 1
    assert "--activation softmax: " in result.err
    for activation in ("none", "sigmoid"):
        options = ("--explainer", explainer, "--activation", activation, *more)
        assert TWICE not in explain(*options, model=model).err


@pytest.mark.parametrize(
    "options",
    [("--mean", "123,116,103"), ("--mean", "127", "--std", "128"), ("--std", "58,57,57")],
)
def test_a_mean_for_bytes_is_said_once_however_many_explainers_run(compare, options):
    result = compare("--explainers", "gradient,occlusion,deconvolution", *options)
    assert result.code == 0
    assert result.err.count("`inputs` hardly vary") == 1


def test_usual_pictures_and_networks_need_no_word(explain):
    assert "warning" not in explain("--mean", "0.5", "--std", "0.25", "--num-masks", 64).err
