"""Networks that return containers or no score: one error, or the element that is named."""

import mindspore as ms
import numpy as np
import pytest
from mindspore import nn

from fastxai.benchmark import ClassSensitivity, Faithfulness, Robustness
from fastxai.explainer import RISE, Deconvolution, GradCAM, Gradient, GuidedBackprop, Occlusion

IMAGE = ms.Tensor(np.random.default_rng(0).random((1, 3, 8, 8)).astype(np.float32))
MAKERS = {
    "Gradient": Gradient,
    "GuidedBackprop": GuidedBackprop,
    "Deconvolution": Deconvolution,
    "GradCAM": lambda network, **options: GradCAM(network, "conv", **options),
    "Occlusion": lambda network, **options: Occlusion(network, "softmax", window=4, **options),
    "RISE": lambda network, **options: RISE(network, "softmax", num_masks=8, seed=0, **options),
}


class Network(nn.Cell):
    """Scores and features in a container."""

    def __init__(self, form):
        super().__init__()
        ms.set_seed(0)
        self.form = form
        self.conv, self.relu = nn.Conv2d(3, 4, 3), nn.ReLU()
        self.flat, self.dense = nn.Flatten(), nn.Dense(256, 3)

    def construct(self, x):
        features = self.relu(self.conv(x))
        scores = self.dense(self.flat(features))
        if self.form == "tuple":
            return scores, features
        if self.form == "list":
            return [features, scores]
        if self.form == "dict":
            return {"features": features, "logits": scores}
        if self.form == "nested":
            return {"out": (features, [scores])}
        if self.form == "none":
            return None
        if self.form == "number":
            return scores.mean()
        if self.form == "no class":
            return scores[:, :0]
        return scores


PATHS = {"tuple": 0, "list": -1, "dict": "logits", "nested": ("out", 1, 0)}


@pytest.mark.parametrize("make", MAKERS.values(), ids=MAKERS.keys())
class TestEveryExplainer:
    """One class over all explainers."""

    def test_containers_are_refused_in_a_line_that_says_what_to_do(self, make):
        for form, words in [
            ("tuple", r"got a tuple of 2\. Say which element they are, such as output=0"),
            ("list", "got a list of 2"),
            ("dict", "a dict with the keys .*features.*logits.*output='features'"),
            ("none", "`network` must return a Tensor"),
        ]:
            with pytest.raises(TypeError, match=words) as info:
                make(Network(form))(IMAGE, 1)
            assert ": `network` must return" in str(info.value)
            assert "\n" not in str(info.value)

    def test_no_score_is_refused(self, make):
        for form in ("number", "no class"):
            with pytest.raises(ValueError, match=r": `network` must return \(M, classes\) scores"):
                make(Network(form))(IMAGE, 1)

    def test_output_chooses_the_element(self, make):
        expected = make(Network("scores"))(IMAGE, 1).asnumpy()
        for form, path in PATHS.items():
            explainer = make(Network(form), output=path)
            np.testing.assert_allclose(explainer(IMAGE, 1).asnumpy(), expected, atol=1e-6)

    def test_an_output_that_is_not_there_is_refused(self, make):
        for form, path in [("tuple", 2), ("dict", "score"), ("dict", 0), ("scores", 0)]:
            with pytest.raises(ValueError, match=": `output` must be") as info:
                make(Network(form), output=path)(IMAGE, 1)
            assert "\n" not in str(info.value)

    def test_other_kinds_of_output_are_refused(self, make):
        for path, error in [(True, TypeError), (0.5, TypeError), ((), ValueError)]:
            with pytest.raises(error, match="`output` must"):
                make(Network("tuple"), output=path)


@pytest.mark.parametrize("name", ["GradCAM", "GuidedBackprop", "Occlusion", "RISE"])
class TestInGraphMode:
    """The same in graphs, of which each takes a second: of every kind of explainer one."""

    def test_the_element_is_chosen(self, graph_mode, name):
        expected = MAKERS[name](Network("scores"))(IMAGE, 1).asnumpy()
        maps = MAKERS[name](Network("nested"), output=PATHS["nested"])(IMAGE, 1).asnumpy()
        np.testing.assert_allclose(maps, expected, atol=1e-6)

    @pytest.mark.parametrize(
        ("form", "output", "error", "words"),
        [
            ("tuple", None, TypeError, "`network` must return a Tensor .* got a tuple of 2"),
            ("dict", None, TypeError, "`network` must return a Tensor .* output='features'"),
            ("none", None, TypeError, "`network` must return a Tensor"),
            ("number", None, ValueError, "`network` must return"),
            ("no class", None, ValueError, "`network` must return"),
            ("tuple", 2, ValueError, "`output` must be an index"),
            ("dict", "score", ValueError, "`output` must be a key"),
            ("scores", 0, ValueError, "`output` must be None"),
        ],
    )
    def test_others_are_refused_in_one_line(self, graph_mode, name, form, output, error, words):
        with pytest.raises(error, match=f"^{name}: {words}") as info:
            MAKERS[name](Network(form), output=output)(IMAGE, 1)
        assert "\n" not in str(info.value)


@pytest.mark.parametrize("make", [lambda: Faithfulness(3, None), lambda: Robustness(3, None)])
def test_benchmarks_score_the_explainers_output(make):
    explainer = MAKERS["Occlusion"](Network("dict"), output="logits")
    assert np.isfinite(make().evaluate(explainer, IMAGE, 1)).all()
    assert np.isfinite(ClassSensitivity().evaluate(explainer, IMAGE)).all()
    with pytest.raises(TypeError, match=": `network` must return a Tensor"):
        make().evaluate(MAKERS["Occlusion"](Network("dict")), IMAGE, 1, IMAGE[:, :1])


def test_the_command_line_says_it_too():
    from fastxai.cli.messages import CliError
    from fastxai.cli.subject.network import predict

    with pytest.raises(CliError, match="network must return a Tensor of class scores"):
        predict(Network("tuple"), nn.Softmax(), IMAGE.asnumpy())


def test_repr_shows_the_output_where_it_was_given():
    assert "output" not in repr(Gradient(Network("scores")))
    assert repr(Gradient(Network("dict"), output="logits")).endswith("output='logits')")
