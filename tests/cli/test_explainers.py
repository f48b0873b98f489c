"""``fastxai explain`` with each of the seven explainers, and what only some of them take."""

import inspect
import json
import re

import mindspore
import numpy as np
import pytest
from mindspore import nn

from fastxai.cli import explainers
from fastxai.explainer import RISE, GradCAM, Occlusion, RISEPlus
from tests.cli.conftest import DEMO, fails

PICTURE = "3_and_8.png"
NETWORK = ("--model", "demo_networks:DemoNet", "--ckpt", DEMO / "demo_net.ckpt")
INPUT = ("--size", "96", "--mean", "0.5", "--std", "0.25")
OPTIONS = {
    "rise": ("--num-masks", 300),
    "riseplus": ("--num-masks", 300),
    # It shows rises like drops, so the classes must not compete as softmax makes them.
    "occlusion": ("--activation", "identity", "--batch-size", 64, "--window", 6),
    "gradient": (),
    "gradcam": ("--layer", "features"),
    "guided-backprop": (),
    "deconvolution": (),
}


@pytest.fixture
def demo(cli, tmp_path):
    """Run ``explain`` on the demo's picture of two digits; the map is the second result."""

    def run(*options, network=NETWORK):
        files = ("-o", tmp_path / "out.png", "--npy", tmp_path / "map.npy")
        result = cli("explain", DEMO / "pictures" / PICTURE, *network, *INPUT, *files, *options)
        return result, np.load(tmp_path / "map.npy") if result.code == 0 else None

    return run


@pytest.fixture
def network_of(request):
    """Return a function: the options that give an explainer the demo's network."""

    def options(explainer):
        if explainer != "riseplus":
            return NETWORK
        checkpoint = request.getfixturevalue("demo_ood_ckpt")
        return ("--model", "demo_networks:DemoWithFeatures", "--ood-ckpt", checkpoint)

    return options


@pytest.mark.slow
@pytest.mark.parametrize("mode", ["pynative", "graph"])
@pytest.mark.parametrize("explainer", OPTIONS)
def test_each_digit_is_found_where_it_stands(demo, network_of, explainer, mode):
    entries = json.loads((DEMO / "pictures" / "pictures.json").read_text(encoding="utf-8"))
    (entry,) = (entry for entry in entries if entry["file"] == PICTURE)
    digits = list(zip(entry["labels"], entry["boxes"], entry["boxes"][::-1], strict=True))
    assert len(digits) == 2
    # A graph knows nothing of the digit, and each run compiles it anew; of what takes a second in
    # PYNATIVE_MODE one digit is enough as well.
    both = mode == "pynative" and explainer not in ("riseplus", "occlusion")
    for label, own, other in digits if both else digits[1:]:
        options = ("--explainer", explainer, "--target", label, "--mode", mode, *OPTIONS[explainer])
        result, saliency = demo(*options, network=network_of(explainer))
        assert (result.code, result.err) == (0, "")
        assert (saliency.shape, saliency.dtype) == ((96, 96), np.float32)
        energy = np.maximum(saliency - saliency.mean(), 0)
        inside, elsewhere = (energy[y0:y1, x0:x1].sum() for y0, x0, y1, x1 in (own, other))
        assert inside > elsewhere


@pytest.mark.parametrize(
    ("explainer", "line"),
    [
        ("riseplus", r"riseplus     300 masks in \d+\.\d s, \d+\.\d masks/s"),
        ("gradcam", r"gradcam      1 pass in \d+\.\d\d s"),
        ("deconvolution", r"deconvolution  1 pass in \d+\.\d\d s"),
    ],
)
def test_the_report_says_how_long_it_took(demo, network_of, explainer, line):
    result, _ = demo("--explainer", explainer, *OPTIONS[explainer], network=network_of(explainer))
    rows = result.out.splitlines()
    assert re.fullmatch(line, rows[2]), rows[2]
    column = re.match(r"\S+ +", rows[2]).end()
    assert all(row[column - 1] == " " and row[column] != " " for row in rows), "two columns"


def test_the_map_is_the_explainers(demo):
    from fastxai.demo import demo_net

    _, saliency = demo("--explainer", "gradcam", "--layer", "features.4", "--target", 8)
    from PIL import Image

    with Image.open(DEMO / "pictures" / PICTURE) as picture:
        pixels = (np.asarray(picture.convert("RGB"), np.float32) / 255 - 0.5) / 0.25
    images = mindspore.Tensor(np.ascontiguousarray(pixels.transpose(2, 0, 1)[None]))
    expected = GradCAM(demo_net(), "features.4")(images, 8).asnumpy()[0, 0]
    np.testing.assert_array_equal(saliency, expected)


@pytest.mark.parametrize(
    ("spelling", "name"),
    [
        ("guidedbackprop", "guided-backprop"),
        ("GuidedBackprop", "guided-backprop"),
        ("guided_backprop", "guided-backprop"),
        ("RISEPlus", "riseplus"),
        ("rise-plus", "riseplus"),
        ("GradCAM", "gradcam"),
    ],
)
def test_case_hyphens_and_underscores_do_not_matter(spelling, name):
    assert explainers.explainer_name(spelling) == name


def test_a_network_without_relu_gets_a_warning_of_one_line(explain):
    result = explain("--explainer", "guided-backprop")
    assert result.code == 0
    (line,) = result.err.splitlines()
    assert line.startswith("fastxai explain: warning: GuidedBackprop: `network` holds no ReLU")
    result = explain("--explainer", "guided-backprop", "--quiet")
    assert (result.code, result.out, result.err) == (0, "", "")


# ---- options that do not apply, or are missing -----------------------------------------------


@pytest.mark.parametrize(
    ("options", "words"),
    [
        (
            ("occlusion", "--seed", 1),
            "--seed: only for rise or riseplus, got --explainer occlusion",
        ),
        (("gradcam", "--num-masks", 9), "--num-masks: only for rise or riseplus, got --explainer"),
        (
            ("gradient", "--batch-size", 9),
            "--batch-size: only for rise, riseplus or occlusion, got --explainer gradient",
        ),
        (("rise", "--layer", "mix"), "--layer: only for gradcam, got --explainer rise"),
        (
            ("guidedbackprop", "--ood-ckpt", "x"),
            "--ood-ckpt: only for riseplus, got --explainer guided-backprop",
        ),
        (("riseplus",), "riseplus needs --ood-ckpt FILE, the checkpoint of an OoDNet"),
    ],
)
def test_options_of_other_explainers_are_refused_before_the_work(explain, options, words):
    fails(explain("--explainer", *options, model="corner_networks:interrupted"), 2, words)


def test_gradcam_without_a_layer_names_the_last_convolutions(demo, explain):
    result, _ = demo("--explainer", "gradcam")
    fails(result, 2, "gradcam needs --layer NAME", "features.4.0, features.5.0, classifier")
    result = explain("--explainer", "gradcam", model="corner_networks:flat")
    fails(result, 2, "gradcam needs --layer NAME", "the network holds no convolution")


def test_tokens_are_arranged_as_asked(demo):
    plain = ("--explainer", "gradcam", "--layer", "features.4", "--target", 8)
    _, expected = demo(*plain)
    _, found = demo(*plain, "--reshape-transform", "auto")
    np.testing.assert_array_equal(found, expected)  # 4 axes that fit as they are
    result, _ = demo(*plain, "--reshape-transform", "7x5")
    fails(result, 4, "is not (N, 7, 5, C)")


@pytest.mark.parametrize(
    ("given", "words"),
    [
        ("x5", "--reshape-transform"),
        ("math:pi", "math:pi must be a function, got float"),
        ("math:absent", "module 'math' has no 'absent'"),
        ("no_such_module:f", "--reshape-transform: cannot import 'no_such_module'"),
    ],
)
def test_a_transform_that_is_none_is_refused(demo, given, words):
    result, _ = demo("--explainer", "gradcam", "--layer", "features", "--reshape-transform", given)
    assert result.code != 0
    assert words in result.err


def test_an_unknown_layer_names_the_nearest(demo):
    result, _ = demo("--explainer", "gradcam", "--layer", "feature")
    fails(result, 2, "--layer: `network` has no layer 'feature'; the nearest are ['features'")


def test_a_layer_that_has_no_map_is_exit_code_4(explain):
    result = explain("--explainer", "gradcam", "--layer", "twice", model="corner_networks:flat")
    fails(result, 4, "the explanation failed: ValueError: GradCAM: the layer 'twice' is used 2")


# ---- the OoDNet's checkpoint ------------------------------------------------------------------


def test_the_classifier_of_the_ood_checkpoint_may_be_given_by_ckpt_too(demo, demo_ood_ckpt):
    options = ("--explainer", "riseplus", "--num-masks", 32, "--ood-ckpt", demo_ood_ckpt)
    network = ("--model", "demo_networks:DemoWithFeatures")
    both, given = demo(*options, network=(*network, "--ckpt", DEMO / "demo_net.ckpt"))
    alone, held = demo(*options, network=network)
    assert both.code == alone.code == 0
    np.testing.assert_array_equal(given, held)
    plain, _ = demo("--explainer", "gradient")
    assert alone.out.splitlines()[:2] == plain.out.splitlines()[:2], "another classifier"


def test_another_classifier_than_that_of_ckpt_is_refused(demo, demo_ood_ckpt, tmp_path):
    weights = mindspore.load_checkpoint(str(DEMO / "demo_net.ckpt"))
    weights["classifier.bias"].set_data(weights["classifier.bias"] + 1)
    moved = [{"name": name, "data": value} for name, value in weights.items()]
    mindspore.save_checkpoint(moved, str(tmp_path / "moved.ckpt"))
    network = ("--model", "demo_networks:DemoWithFeatures", "--ckpt", tmp_path / "moved.ckpt")
    result, _ = demo("--explainer", "riseplus", "--ood-ckpt", demo_ood_ckpt, network=network)
    fails(result, 2, "holds another classifier than --ckpt (such as classifier.bias); leave --ckpt")


def test_a_network_without_the_two_attributes_is_refused(demo, demo_ood_ckpt):
    result, _ = demo("--explainer", "riseplus", "--ood-ckpt", demo_ood_ckpt)
    fails(
        result,
        2,
        "riseplus cannot explain this network: OoDNet: `underlying` has no attribute",
        "`num_features` and `output_features = False`, and to return its features",
    )


def test_a_checkpoint_of_something_else_is_exit_code_3(demo, tmp_path):
    def refused(path, *parts):
        network = ("--model", "demo_networks:DemoWithFeatures")
        result, _ = demo("--explainer", "riseplus", "--ood-ckpt", path, network=network)
        fails(result, 3, "--ood-ckpt: ", *parts)

    refused(tmp_path / "none.ckpt", "none.ckpt does not exist")
    refused(tmp_path, "is a folder")
    refused(DEMO / "demo_net.ckpt", "demo_net.ckpt lacks ", "(_g_bn2d.beta", "and holds 32")
    dense = nn.Dense(5, 2)
    dense.weight.name = "_h.weight"
    mindspore.save_checkpoint(dense, str(tmp_path / "dense.ckpt"))
    refused(tmp_path / "dense.ckpt", "dense.ckpt lacks ", "holds 1 of another shape (such as _h.")


@pytest.mark.parametrize(
    ("option", "explainer", "argument"),
    [
        ("--num-masks", RISE, "num_masks"),
        ("--num-masks", RISEPlus, "num_masks"),
        ("--tol", RISE, "tol"),
        ("--max-masks", RISE, "max_masks"),
        ("--batch-size", RISE, "perturbation_per_eval"),
        ("--batch-size", Occlusion, "perturbation_per_eval"),
    ],
)
def test_help_names_the_explainers_defaults(cli, option, explainer, argument):
    words = " ".join(cli("explain", "--help").out.split())
    described = re.search(rf" {option} [A-Z][^] ]* .*?\(default: ([^)]*)\)", words)
    assert described[1] == str(inspect.signature(explainer).parameters[argument].default)
