"""Values that give plausible nonsense: pixels scaled twice or never, scores that do not move."""

import importlib
import warnings

import mindspore as ms
import numpy as np
import pytest
from mindspore import nn, ops

import fastxai
from fastxai.arguments import plausibility
from fastxai.explainer import RISE, GradCAM, Gradient, Occlusion

PIXELS = np.random.RandomState(0).rand(2, 3, 16, 16).astype(np.float32)
PIXELS[..., 0, 0], PIXELS[..., 0, 1] = 0, 1
IMAGENET_MEAN = np.array([0.485, 0.456, 0.406], np.float32).reshape(3, 1, 1)
IMAGENET_STD = np.array([0.229, 0.224, 0.225], np.float32).reshape(3, 1, 1)

RAW = {
    "float": PIXELS * 255,
    "uint8": (PIXELS * 255).astype(np.uint8),
    "one of two images": PIXELS * np.array([1, 255], np.float32).reshape(2, 1, 1, 1),
}
SCALED_WRONGLY = {
    "--mean 123,116,103": PIXELS - IMAGENET_MEAN * 255,
    "--mean 127 --std 128": (PIXELS - 127) / 128,
    "mean and std for bytes": (PIXELS - IMAGENET_MEAN * 255) / (IMAGENET_STD * 255),
    "std for bytes": (PIXELS - IMAGENET_MEAN) / (IMAGENET_STD * 255),
    "divided by 255 twice": PIXELS / 255,
}
RIGHT = {
    "pixels in [0, 1]": PIXELS,
    "pixels in [-1, 1]": PIXELS * 2 - 1,
    "ImageNet's": (PIXELS - IMAGENET_MEAN) / IMAGENET_STD,
    "bytes less a mean": PIXELS * 255 - 120,
    "a dark picture": (PIXELS * 0.1 - IMAGENET_MEAN) / IMAGENET_STD,
    "one colour": np.full_like(PIXELS, 0.3),
    "black": np.zeros_like(PIXELS),
    "one channel of one colour": PIXELS * np.array([1, 0, 1], np.float32).reshape(3, 1, 1),
}


def network():
    return nn.SequentialCell(nn.Conv2d(3, 4, 3), nn.ReLU(), nn.Flatten(), nn.Dense(4 * 256, 3))


MAKE = {
    "RISE": lambda: RISE(network(), nn.Softmax(), num_masks=4, seed=0),
    "Occlusion": lambda: Occlusion(network(), nn.Softmax(), window=16),
    "Gradient": lambda: Gradient(network()),
    "GradCAM": lambda: GradCAM(network(), "1"),
}


def said(explainer, images):
    """UserWarnings about `inputs` of a call."""
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        explainer(ms.Tensor(images), 1)
    return [str(w.message) for w in caught if "`inputs`" in str(w.message)]


@pytest.mark.parametrize("name", MAKE)
def test_every_explainer_warns_of_raw_pixels(name):
    (text,) = said(MAKE[name](), RAW["float"])
    assert f"{name}: `inputs` reach from 0 to 255, as raw pixels do" in text


@pytest.mark.parametrize("case", RAW)
def test_raw_pixels_of_any_dtype_are_warned_of(case):
    assert ["as raw pixels do" in text for text in said(MAKE["Gradient"](), RAW[case])] == [True]


@pytest.mark.parametrize("case", SCALED_WRONGLY)
def test_pixels_in_01_with_a_mean_for_bytes_are_warned_of(case):
    (text,) = said(MAKE["Gradient"](), SCALED_WRONGLY[case])
    assert "Gradient: `inputs` hardly vary" in text


@pytest.mark.parametrize("case", RIGHT)
def test_usual_images_are_not_warned_of(case):
    assert said(MAKE["Gradient"](), RIGHT[case]) == []


def test_the_warning_is_of_the_line_that_called():
    with pytest.warns(UserWarning, match="raw pixels") as caught:
        MAKE["Gradient"]()(ms.Tensor(RAW["float"]), 1)
    assert {warning.filename for warning in caught} == {__file__}


def test_torch_warns_of_the_same():
    torch = pytest.importorskip("torch")
    from fastxai import torch as fastxai_torch

    net = torch.nn.Sequential(torch.nn.Flatten(), torch.nn.Linear(3 * 256, 3))
    rise = fastxai_torch.RISE(net, torch.nn.Softmax(1), num_masks=4, seed=0)
    with pytest.warns(UserWarning, match="as raw pixels do"):
        rise(torch.from_numpy(RAW["float"]), 1)
    with pytest.warns(UserWarning, match="hardly vary"):
        rise(torch.from_numpy(SCALED_WRONGLY["--mean 127 --std 128"]), 1)


# ---- a softmax on top of probabilities ------------------------------------------------------


class Probabilities(nn.Cell):
    """A linear network of given size, with a softmax at its end or without."""

    def __init__(self, classes, scale, softmax):
        super().__init__()
        weights = np.random.RandomState(1).randn(classes, 3 * 256).astype(np.float32) * scale
        self.flat = nn.Flatten()
        self.dense = nn.Dense(3 * 256, classes, ms.Tensor(weights), has_bias=False)
        self.softmax = nn.Softmax() if softmax else nn.Identity()

    def construct(self, x):
        return self.softmax(self.dense(self.flat(x)))


PERTURBING = {
    "RISE": lambda net, act: RISE(net, act, num_masks=32, seed=0),
    "Occlusion": lambda net, act: Occlusion(net, act, window=4),
}
TWICE = "the network's outputs are probabilities already"


def twice(make, net, act):
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        make(net, act)(ms.Tensor(PIXELS[:1] - 0.5), 1)
    return [str(w.message) for w in caught if TWICE in str(w.message)]


@pytest.mark.parametrize("name", PERTURBING)
@pytest.mark.parametrize("classes", [3, 10, 1000])
def test_a_softmax_of_probabilities_is_warned_of_once(name, classes, mode):
    net = Probabilities(classes, 0.5, softmax=True)
    (text,) = twice(PERTURBING[name], net, nn.Softmax())
    assert text.startswith(f"{name}: ")
    assert "activation_fn=None" in text


@pytest.mark.parametrize("name", PERTURBING)
@pytest.mark.parametrize("classes", [2, 3, 10, 1000])
@pytest.mark.parametrize("scale", [1e-4, 0.01, 0.05, 0.5, 5.0])
def test_a_softmax_of_logits_is_not_warned_of(name, classes, scale):
    net = Probabilities(classes, scale, softmax=False)
    assert twice(PERTURBING[name], net, nn.Softmax()) == []


@pytest.mark.parametrize("name", PERTURBING)
def test_small_logits_that_look_like_probabilities_are_not_warned_of(name, mode):
    """After the softmax they are no different; before it they do not sum to 1."""
    assert twice(PERTURBING[name], Shifted(), nn.Softmax()) == []


class Shifted(nn.Cell):
    """Logits that are probabilities plus 0.3."""

    def construct(self, x):
        means = x.mean((1, 2, 3)).reshape((-1, 1))
        first = ops.sigmoid(means) * 0.3 + 0.5
        return ops.concat((first, 1 - first, first * 0, first * 0, first * 0), 1) + 0.3


@pytest.mark.parametrize("act", [None, nn.Identity(), "sigmoid"])
def test_probabilities_without_a_softmax_are_not_warned_of(act):
    net = Probabilities(10, 0.5, softmax=True)
    assert twice(PERTURBING["RISE"], net, act) == []


def test_torch_sees_the_probabilities_themselves():
    torch = pytest.importorskip("torch")
    from fastxai import torch as fastxai_torch

    logits = torch.nn.Sequential(torch.nn.Flatten(), torch.nn.Linear(3 * 256, 5))
    images = torch.from_numpy(PIXELS)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        fastxai_torch.RISE(logits, "softmax", num_masks=4, seed=0)(images, 1)
    done = torch.nn.Sequential(logits, torch.nn.Softmax(1))
    with pytest.warns(UserWarning, match=TWICE):
        fastxai_torch.RISE(done, "softmax", num_masks=4, seed=0)(images, 1)


# ---- engines on scores that do not move -----------------------------------------------------


@pytest.fixture
def engine():
    """'auto' with an engine there is."""
    pytest.importorskip("onnxruntime")
    fastxai.set_engine()
    yield "onnxruntime"
    fastxai.set_engine("mindspore")


def choice(explainer, image):
    explainer(ms.Tensor(image), 1)
    return explainer.engine


BLACK = np.zeros((1, 3, 16, 16), np.float32)
BRIGHT = BLACK + 15
DOT = BLACK.copy()
DOT[..., 12:, 12:] = 1
MANY = {"num_masks": 160, "seed": 0}


def constant():
    return nn.SequentialCell(nn.Flatten(), nn.Dense(3 * 256, 3, weight_init="zeros"))


def test_auto_takes_no_engine_that_constant_scores_cannot_vouch_for(engine, mode):
    found = choice(RISE(constant(), nn.Softmax(), **MANY), PIXELS[:1])
    assert found.engine == "mindspore"
    assert "do not move" in found.reason


def test_the_engine_of_a_black_image_does_not_depend_on_the_images_before_it(engine):
    """Its copies are all alike: noise shows whether an engine computes the network."""
    first, later = (RISE(network(), nn.Softmax(), **MANY) for _ in range(2))
    choice(later, PIXELS[:1])
    for found in (choice(first, BLACK), choice(later, BLACK)):
        assert found.engine != "mindspore"
        assert found.reason.startswith("it agrees with MindSpore to")


def test_noise_shows_that_an_engine_errs(engine, monkeypatch):
    """Of scores a hundredth too large."""
    kind = importlib.import_module("fastxai.engine.onnxruntime").OnnxRuntimeEngine
    right = kind.__call__
    monkeypatch.setattr(kind, "__call__", lambda self, batch: right(self, batch) * 1.01)
    with pytest.raises(RuntimeError, match="differ from MindSpore's"):
        choice(RISE(network(), nn.Softmax(), engine=engine, **MANY), BLACK)


def test_a_black_border_is_no_constant_image(engine):
    """Its first windows cover black with black; the others do not."""
    found = choice(Occlusion(network(), nn.Softmax(), window=2, strides=1), DOT)
    assert found.engine != "mindspore"
    assert found.reason.startswith("it agrees with MindSpore to")


def test_an_engine_that_was_named_says_that_nothing_vouches_for_it(engine):
    found = choice(RISE(constant(), nn.Softmax(), engine=engine, **MANY), PIXELS[:1])
    assert found.engine == engine
    assert "do not move" in found.reason
    assert "agrees with MindSpore to" not in found.reason


def of_bright_images_alone():
    """Equal scores wherever the channels sum to less than 4, as those of noise do."""
    sums = nn.Conv2d(3, 1, 1, has_bias=True, weight_init="ones", bias_init=ms.Tensor([-4.0]))
    dense = nn.Dense(
        256, 3, ms.Tensor(np.random.default_rng(0).normal(0, 0.1, (3, 256)), ms.float32)
    )
    return nn.SequentialCell(sums, nn.ReLU(), nn.Flatten(), dense)


@pytest.fixture
def made(engine, monkeypatch):
    """Engines that were made."""
    kind = importlib.import_module("fastxai.engine.onnxruntime").OnnxRuntimeEngine
    make, found = kind.__init__, []

    def counted(self, *arguments):
        make(self, *arguments)
        found.append(self)

    monkeypatch.setattr(kind, "__init__", counted)
    return found


def test_an_engine_that_nothing_vouches_for_is_made_once(engine, made):
    explainer = RISE(constant(), nn.Softmax(), engine=engine, **MANY)
    for image in (PIXELS[:1], BLACK, PIXELS[:1]):
        assert "do not move" in choice(explainer, image).reason
    assert len(made) == 1


def test_a_later_image_vouches_for_the_engine_that_was_kept(engine, made):
    explainer = RISE(of_bright_images_alone(), nn.Softmax(), engine=engine, **MANY)
    assert "do not move" in choice(explainer, BLACK).reason
    assert choice(explainer, BRIGHT).reason.startswith("it agrees with MindSpore to")
    assert choice(explainer, BLACK).reason.startswith("it agrees with MindSpore to")
    assert len(made) == 1


def test_a_later_image_shows_that_the_engine_that_was_kept_errs(engine, made, monkeypatch):
    """The planted fault: an engine that sees its images mirrored."""
    explainer = RISE(of_bright_images_alone(), nn.Softmax(), engine=engine, **MANY)
    choice(explainer, BLACK)
    right = type(made[0]).__call__
    mirrored = lambda self, batch: right(self, np.ascontiguousarray(batch[..., ::-1]))  # noqa: E731
    monkeypatch.setattr(type(made[0]), "__call__", mirrored)
    assert "do not move" in choice(explainer, BLACK).reason
    with pytest.raises(RuntimeError, match="differ from MindSpore's"):
        choice(explainer, BRIGHT)


def test_auto_takes_no_kept_engine_that_nothing_vouches_for(engine, made):
    network = constant()
    choice(RISE(network, nn.Softmax(), engine=engine, **MANY), BLACK)
    assert choice(RISE(network, nn.Softmax(), **MANY), BLACK).engine == "mindspore"


def test_scores_of_one_image_or_of_different_ones_move():
    assert not plausibility.do_not_move(np.array([[0.1, 0.9]]))
    assert not plausibility.do_not_move(np.array([[0.1, 0.9], [0.1 + 1e-5, 0.9 - 1e-5]]))
    assert plausibility.do_not_move(np.full((4, 3), 1 / 3))
    assert plausibility.do_not_move(np.zeros((4, 3)))
