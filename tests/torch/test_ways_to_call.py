"""Outputs, activations, dtypes, inputs and targets as people have them, over PyTorch networks."""

import logging
from collections import OrderedDict
from functools import partial

import numpy as np
import pytest

torch = pytest.importorskip("torch", reason="PyTorch is not installed")

from torch import nn  # noqa: E402

from fastxai.torch import RISE, Occlusion  # noqa: E402
from tests._compare import MAP_ATOL, assert_close  # noqa: E402
from tests.torch import _networks as networks  # noqa: E402

RNG = np.random.default_rng(0)
WEIGHT = RNG.normal(size=(3, 3)).astype(np.float32)
IMAGE = RNG.random((1, 3, 6, 9)).astype(np.float32)
MAKERS = {
    "Occlusion": lambda network, activation="softmax", **options: Occlusion(
        network, activation, window=3, **options
    ),
    "RISE": lambda network, activation="softmax", **options: RISE(
        network, activation, num_masks=16, seed=0, **options
    ),
}


class Dense(nn.Module):
    """A 1 x 1 convolution; its scores in one of several forms."""

    def __init__(self, form="dense"):
        super().__init__()
        self.form = form
        self.conv = nn.Conv2d(3, 3, 1, bias=False)
        with torch.no_grad():
            self.conv.weight.copy_(torch.from_numpy(WEIGHT[:, :, None, None]))

    def forward(self, x):
        scores = self.conv(x)
        if self.form == "flat":
            return scores.mean((1, 2, 3))
        if self.form == "one":
            return scores.mean((1, 2, 3))[:, None]
        if self.form == "number":
            return scores.mean()
        if self.form == "empty":
            return scores[:, :0]
        if self.form == "tuple":
            return x, scores
        if self.form == "dict":
            return OrderedDict(out=scores, aux=x)
        if self.form == "nested":
            return {"out": [x, (scores,)]}
        return scores


def right_map(act):
    """Occlusion by its formula in float64."""

    def score(images):
        z = np.einsum("kc,mchw->mkhw", WEIGHT.astype(float), images.astype(float))
        return act(z).mean((2, 3))[0]

    found = np.zeros((3, 6, 9))
    for i in range(0, 6, 3):
        for j in range(0, 9, 3):
            covered = IMAGE.copy()
            covered[:, :, i : i + 3, j : j + 3] = 0
            drop = np.abs(score(IMAGE) - score(covered)) / 2
            found[:, i : i + 3, j : j + 3] = drop[:, None, None]
    return found


def softmax(z):
    powers = np.exp(z - z.max(1, keepdims=True))
    return powers / powers.sum(1, keepdims=True)


@pytest.mark.parametrize(
    ("activation", "formula"),
    [
        (nn.Softmax(dim=1), softmax),
        (nn.Softmax(dim=-1), softmax),
        (nn.Softmax2d(), softmax),
        ("softmax", softmax),
        (lambda z: torch.softmax(z / 2, 1), lambda z: softmax(z / 2)),
        ("sigmoid", lambda z: 1 / (1 + np.exp(-z))),
        (torch.sigmoid, lambda z: 1 / (1 + np.exp(-z))),
        (None, lambda z: z),
    ],
)
def test_the_activation_acts_on_the_classes(place, activation, formula):
    image = torch.from_numpy(IMAGE).to(place)
    maps = MAKERS["Occlusion"](Dense().to(place), activation)(image, [[0, 1, 2]])
    assert_close(maps[0].cpu(), right_map(formula), atol=MAP_ATOL)


@pytest.mark.parametrize("make", MAKERS.values(), ids=MAKERS.keys())
class TestEveryExplainer:
    """One class over both."""

    @pytest.mark.parametrize("form", ["flat", "one"])
    def test_a_constant_of_one_class_is_refused(self, make, form):
        with pytest.raises(ValueError, match="`network` returns one score per image.*'sigmoid'"):
            make(Dense(form), nn.Softmax(dim=-1))(torch.from_numpy(IMAGE), 0)
        assert make(Dense(form), "sigmoid")(torch.from_numpy(IMAGE), 0).abs().max() > 0

    @pytest.mark.parametrize(
        ("activation", "error", "words"),
        [
            (nn.Softmax, TypeError, r"write nn.Softmax\(dim=1\)"),
            (nn.Sigmoid, TypeError, r"write nn.Sigmoid\(\)"),
            ("soft", ValueError, r"one of \('softmax', 'sigmoid'\)"),
            (3, TypeError, "got int"),
        ],
    )
    def test_other_activations_are_refused(self, make, activation, error, words):
        with pytest.raises(error, match=words):
            make(Dense(), activation)

    def test_containers_are_refused_or_their_element_is_chosen(self, make):
        image = torch.from_numpy(IMAGE)
        expected = make(Dense())(image, 1)
        for form, path, words in [
            ("tuple", 1, "got a tuple of 2"),
            ("dict", "out", "output='out'"),
            ("nested", ("out", 1, 0), "a dict with the keys"),
        ]:
            with pytest.raises(TypeError, match=f"`network` must return a Tensor .*{words}"):
                make(Dense(form))(image, 1)
            assert torch.equal(make(Dense(form), output=path)(image, 1), expected)
        for form, path in [("dense", 0), ("tuple", 2), ("tuple", "a"), ("dict", "logits")]:
            with pytest.raises(ValueError, match="`output` must lead to an element"):
                make(Dense(form), output=path)(image, 1)
        for form in ("number", "empty"):
            with pytest.raises(ValueError, match=r"`network` must return \(M, classes\)"):
                make(Dense(form))(image, 1)

    def test_without_targets_the_top_class_is_explained(self, make, caplog):
        network = networks.linear()
        images = torch.from_numpy(networks.pictures(3))
        top = networks.linear_scores(networks.pictures(3)).argmax(1)
        explainer = make(network)
        with caplog.at_level(logging.INFO, "fastxai"):
            maps = explainer(images)
        np.testing.assert_array_equal(explainer.last_targets, top[:, None])
        assert "top class of each image" in caplog.text
        assert torch.equal(maps, explainer(images, top))

    @pytest.mark.parametrize(
        ("inputs", "line"),
        [
            (IMAGE, "torch.from_numpy(inputs)"),
            (IMAGE[0], "torch.from_numpy(inputs[None])"),
            (IMAGE.transpose(0, 2, 3, 1), "torch.from_numpy(inputs.transpose(0, 3, 1, 2).copy())"),
            (torch.from_numpy(IMAGE[0]), "inputs.unsqueeze(0)"),
            (
                torch.from_numpy(IMAGE[0]).permute(1, 2, 0),
                "inputs.permute(2, 0, 1).unsqueeze(0)",
            ),
            ([torch.from_numpy(IMAGE[0])], "torch.stack(inputs)"),
        ],
    )
    def test_other_inputs_are_refused_with_a_line_of_code(self, make, inputs, line):
        with pytest.raises((TypeError, ValueError), match="`inputs` must be") as info:
            make(Dense())(inputs, 1)
        assert str(info.value).endswith(f"use {line}.")
        made = eval(line, {"inputs": inputs, "torch": torch})
        assert tuple(made.shape) == IMAGE.shape
        assert make(Dense())(made, 1).shape == (1, 1, 6, 9)

    def test_other_channels_are_refused_in_a_line(self, make):
        turned = torch.from_numpy(networks.pictures()).permute(0, 2, 3, 1)
        with pytest.raises(ValueError, match=r"order N, H, W, C\? Use inputs.permute\(0, 3, 1, 2"):
            make(networks.convolutional())(turned, 1)
        with pytest.raises(ValueError, match="`inputs` has 1 channels, and `network` takes 3"):
            make(networks.convolutional())(torch.zeros(1, 1, 20, 28), 1)

    def test_several_classes_of_one_image_are_hinted_at(self, make):
        with pytest.raises(ValueError, match=r"write \[\[2, 1\]\]"):
            make(Dense())(torch.from_numpy(IMAGE), [2, 1])


class Scaled(nn.Module):
    """Layers in one dtype and a scale in another, with a part that is not used."""

    def __init__(self, layers, scale, unused=None):
        super().__init__()
        self.scale = nn.Parameter(torch.ones((), dtype=scale))
        self.unused = nn.Conv2d(3, 64, 5).to(layers if unused is None else unused)
        self.network = Dense().to(layers)

    def forward(self, x):
        return self.network(x) * self.scale.to(x.dtype)


@pytest.mark.parametrize("make", MAKERS.values(), ids=MAKERS.keys())
@pytest.mark.parametrize(
    "dtypes",
    [
        (torch.float16, torch.float32),
        (torch.bfloat16, torch.float32),
        (torch.float32, torch.float16),
        (torch.float32, torch.bfloat16),
        (torch.float32, torch.float64),
        (torch.float64, torch.float32),
        (torch.float16, torch.float32, torch.float32),
        (torch.float32, torch.float16, torch.float16),
    ],
    ids=str,
)
def test_the_network_gets_the_dtype_that_it_takes(make, dtypes):
    image = torch.from_numpy(IMAGE)
    right = make(Dense())(image, 1).numpy()
    got = make(Scaled(*dtypes))(image.half(), 1).numpy()
    assert_close(got, right, atol=0.05, scale=float(np.abs(right).max()))


class OneBuffer(nn.Module):
    """Writes its scores into the same memory every time."""

    def __init__(self):
        super().__init__()
        self.scores = torch.zeros(1, 3)

    def forward(self, x):
        means = x.float().mean((2, 3))
        if len(means) != len(self.scores):
            return means
        return self.scores.copy_(means)


@pytest.mark.parametrize("make", MAKERS.values(), ids=MAKERS.keys())
def test_the_top_classes_of_a_network_that_returns_the_same_memory(make):
    images = torch.from_numpy(np.random.default_rng(3).random((6, 3, 6, 9)).astype(np.float32))
    explainer = make(OneBuffer(), None)
    explainer(images)
    expected = images.numpy().mean((2, 3)).argmax(1)
    assert len(set(expected)) > 1
    np.testing.assert_array_equal(explainer.last_targets[:, 0], expected)


@pytest.mark.parametrize("make", MAKERS.values(), ids=MAKERS.keys())
class TestActivationsOfRows:
    """What a function of rows may do with them, and what not."""

    def test_it_may_make_one_score_of_several_classes(self, make):
        image = torch.from_numpy(IMAGE)
        one = make(Dense(), lambda z: torch.softmax(z, 1)[:, 1])(image, 0)
        assert_close(one.numpy(), make(Dense())(image, 1).numpy(), atol=MAP_ATOL)

    def test_it_may_write_into_them(self, make):
        """Several explainers, as what one overwrote was checked with by the next."""
        image = torch.from_numpy(IMAGE)
        expected = make(Dense("flat"), "sigmoid")(image, 0).numpy()
        for _ in range(3):
            got = make(Dense("flat"), lambda z: z.neg_().exp_().add_(1).reciprocal_())(image, 0)
            assert_close(got.numpy(), expected, atol=MAP_ATOL)
        with pytest.raises(ValueError, match="`network` returns one score per image"):
            make(Dense("flat"), lambda z: z.zero_())(image, 0)
        assert_close(make(Dense("flat"), "sigmoid")(image, 0).numpy(), expected, atol=MAP_ATOL)

    @pytest.mark.parametrize("dim", [0, 2, -3])
    def test_it_must_act_on_the_classes(self, make, dim):
        for activation in (
            nn.Softmax(dim=dim),
            nn.LogSoftmax(dim=dim),
            partial(torch.softmax, dim=dim),
        ):
            with pytest.raises(ValueError, match=f"axis 1 or -1, got {dim}:"):
                make(Dense(), activation)

    def test_it_must_not_mix_images(self, make):
        with pytest.raises(ValueError, match="depend on the other images of the batch"):
            make(Dense(), lambda z: z.softmax(0))(torch.from_numpy(IMAGE), 1)


@pytest.mark.parametrize("make", MAKERS.values(), ids=MAKERS.keys())
@pytest.mark.parametrize("activation", [None, "softmax", "sigmoid"])
def test_scores_that_are_no_floats_are_taken(make, activation):
    class Steps(nn.Module):
        def __init__(self, dtype):
            super().__init__()
            self.dtype = dtype

        def forward(self, x):
            return (20 * x.mean((2, 3), keepdim=True)).round().to(self.dtype)

    image = torch.from_numpy(IMAGE)
    expected = make(Steps(torch.float32), activation)(image, [[0, 1]]).numpy()
    assert np.ptp(expected) > 0
    got = make(Steps(torch.int64), activation)(image, [[0, 1]]).numpy()
    assert_close(got, expected, atol=MAP_ATOL)
