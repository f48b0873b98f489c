"""What is chosen, when, and what is said about it."""

import io
import subprocess
import sys
import warnings

import mindspore as ms
import numpy as np
import pytest
from mindspore import nn

import fastxai
from fastxai.engine import factory, selector, settings
from fastxai.engine.agreement import relative_error
from fastxai.engine.request import ScoringRequest
from fastxai.explainer import RISE, Occlusion
from tests import _networks as networks
from tests._compare import NETWORK_ATOL, assert_close
from tests.engine import _networks as odd

NOTHING = "neither OpenVINO nor ONNX Runtime is installed"


def rise(network, **options):
    """Enough masks for 'auto' to look for an engine."""
    return RISE(network, nn.Softmax(), **{"num_masks": 150, "seed": 0, **options})


def explained(explainer, images):
    """The explainer after a call."""
    explainer(ms.Tensor(images), 1)
    return explainer


# ---- auto -----------------------------------------------------------------------------------


def test_auto_takes_an_engine_that_agrees_with_mindspore(engine, absent, images):
    absent(*[name for name in settings.OPTIONAL if name != engine])
    choice = explained(rise(networks.SmallConv()), images).engine
    assert (choice.engine, choice.precision) == (engine, "float32")
    assert 0 < choice.error < 1e-5
    assert choice.reason.startswith("it agrees with MindSpore to ")


def test_auto_falls_back_when_the_exported_graph_computes_something_else(
    openvino, monkeypatch, images, messages
):
    """The planted fault: the graph of a network with other weights."""
    real = factory.exported

    def other(cell, shape):
        cell.network.dense.weight.set_data(cell.network.dense.weight * 1.01)
        try:
            return real(cell, shape)
        finally:
            cell.network.dense.weight.set_data(cell.network.dense.weight / 1.01)

    monkeypatch.setattr(factory, "exported", other)
    choice = explained(rise(networks.SmallConv()), images).engine
    assert choice.engine == "mindspore"
    assert "differ from MindSpore's by" in choice.reason
    assert "more than 0.0001" in messages()[-1]


def test_auto_falls_back_where_mindspore_exports_wrongly(openvino, images):
    network = odd.Reversed()
    explainer = explained(rise(network), images)
    assert explainer.engine.engine == "mindspore"
    expected = rise(network, engine="mindspore")(ms.Tensor(images), 1).asnumpy()
    np.testing.assert_array_equal(explainer(ms.Tensor(images), 1).asnumpy(), expected)


def test_hooks_of_the_network_are_not_lost(openvino, images):
    network = odd.Hooked()
    before = rise(network)(ms.Tensor(images), 1).asnumpy()
    network.conv.register_forward_hook(odd.doubled)
    hooked = rise(network)(ms.Tensor(images), 1).asnumpy()
    expected = rise(network, engine="mindspore")(ms.Tensor(images), 1).asnumpy()
    assert_close(hooked, expected, atol=NETWORK_ATOL)
    assert np.abs(hooked - before).max() > 1e-3


@pytest.mark.parametrize(
    ("make", "reason"),
    [
        (odd.export_hshrink, "the operator HShrink cannot be exported"),
        (odd.DataDependent, "control flow that depends on data"),
        (odd.UsesNumPy, "Python code in `construct`"),
    ],
)
def test_networks_that_cannot_be_exported_are_run_by_mindspore(openvino, images, make, reason):
    network = make()
    explainer = explained(rise(network), images)
    assert explainer.engine.engine == "mindspore"
    assert reason in explainer.engine.reason
    with pytest.raises(RuntimeError, match=f"RISE: 'openvino' .* cannot score .*{reason}"):
        rise(network, engine="openvino")(ms.Tensor(images), 1)


OTHERS = [odd.OptionalInput, odd.OwnSoftmax, lambda: odd.FixedBatch(30), odd.AddsInPlace]


@pytest.mark.parametrize("make", OTHERS)
def test_other_networks_are_exported(openvino, images, make):
    choice = explained(rise(make(), perturbation_per_eval=30), images).engine
    assert (choice.engine, choice.error < 1e-5) == ("openvino", True)


def test_what_is_changed_in_place_under_two_names_is_mindspores_map(openvino, images, mode):
    network = odd.AddsInPlaceToTwoNames()
    explainer = rise(network)
    found = explainer(ms.Tensor(images), 1).asnumpy()
    expected = rise(network, engine="mindspore")(ms.Tensor(images), 1).asnumpy()
    assert_close(found, expected, atol=NETWORK_ATOL)
    if mode == "graph":  # PYNATIVE makes a new Tensor of `x += 1.0`
        assert "scores differ from MindSpore's" in explainer.engine.reason


def test_auto_tries_the_next_engine(openvino, images, monkeypatch):
    """ONNX Runtime cannot load it, OpenVINO can; tried in this order here."""
    pytest.importorskip("onnxruntime", reason="pip install 'fastxai[onnxruntime]'")
    monkeypatch.setattr(settings, "OPTIONAL", ("onnxruntime", "openvino"))
    assert explained(rise(odd.Deconvolution()), images).engine.engine == "openvino"


def test_a_float16_network_is_mindspores(openvino):
    images = np.random.default_rng(0).random((1, 3, 12, 12)).astype(np.float32)
    choice = explained(rise(networks.Half()), images).engine
    assert (choice.engine, choice.precision) == ("mindspore", "float16")
    assert "computes in float16" in choice.reason
    with pytest.raises(RuntimeError, match="computes in float16"):
        rise(networks.Half(), engine="openvino")(ms.Tensor(images), 1)


def test_another_device_is_mindspores(openvino, images, monkeypatch):
    """There is none here: the selector is told of one."""
    monkeypatch.setattr(
        selector.ms, "get_context", lambda key: "Ascend" if key == "device_target" else None
    )
    chooser = selector.Selector("RISE", None, None)
    request = ScoringRequest((networks.SmallConv(),), pytest.fail, (1, 3, 8, 8), pytest.fail, 6000)
    assert chooser.select(request) is None
    assert "the device is Ascend" in chooser.choice.reason
    with pytest.raises(RuntimeError, match="the device is Ascend"):
        selector.Selector("RISE", "openvino", None).select(request)


def test_few_images_are_mindspores_unless_an_engine_is_named(openvino, images):
    choice = explained(rise(networks.SmallConv(), num_masks=127), images).engine
    assert choice.engine == "mindspore"
    assert "fewer than 128 images" in choice.reason
    named = rise(networks.SmallConv(), num_masks=127, engine="openvino")
    assert explained(named, images).engine.engine == "openvino"


@pytest.mark.parametrize("named", [None, "openvino"])
def test_what_is_wrong_with_a_network_is_said_by_mindspores_run(openvino, images, named):
    with pytest.raises(ValueError, match="scores that are not finite for masks 0"):
        rise(networks.LogScale(), engine=named)(ms.Tensor(images), 1)
    with pytest.raises(ValueError, match=r"must return \(M, classes\) scores for M images"):
        rise(networks.WrongRows(), engine=named)(ms.Tensor(images), 1)
    with pytest.raises(RuntimeError, match="the network failed"):
        rise(networks.Failing(), engine=named)(ms.Tensor(images), 1)


# ---- what a user hears ----------------------------------------------------------------------


def test_a_user_with_mindspore_alone_hears_once_how_to_be_faster(absent, images, messages, caplog):
    absent("openvino", "onnxruntime")
    for network in (networks.SmallConv(), networks.SmallConv()):
        choice = explained(rise(network), images).engine
        assert (choice.engine, choice.reason) == ("mindspore", NOTHING)
    explained(Occlusion(networks.SmallConv(), nn.Softmax()), images)
    hints = [text for text in messages() if "pip install 'fastxai[openvino]'" in text]
    assert len(hints) == len(messages()) == 1
    assert caplog.records[0].levelname == "WARNING"


def test_a_user_with_mindspore_alone_loses_nothing(absent, images, mode):
    absent("openvino", "onnxruntime")
    network = networks.SmallConv()
    maps = [
        rise(network, engine=engine)(ms.Tensor(images), 1).asnumpy()
        for engine in ("auto", "mindspore")
    ]
    np.testing.assert_array_equal(maps[0], maps[1])


def test_each_choice_is_one_line_of_the_log(openvino, images, messages):
    network = networks.SmallConv()
    explainer = rise(network)
    for _ in range(3):
        explained(explainer, images)
    explained(rise(network), images)
    assert len(messages()) == 1
    assert messages()[0].startswith("RISE: scored by OpenVINO (float32): it agrees with MindSpore")


def test_the_bar_says_what_scores(openvino, images, capfd):
    rise(networks.SmallConv())(ms.Tensor(images), 1, progress=True)
    assert "openvino float32: it agrees with MindSpore to" in capfd.readouterr().err
    rise(networks.SmallConv(), engine="mindspore")(ms.Tensor(images), 1, progress=True)
    assert "mindspore: it was asked for" in capfd.readouterr().err


def test_show_config_says_what_scored_last_and_why(openvino, images):
    text = io.StringIO()
    assert fastxai.show_config(file=text)["engine"]["last"] is None
    assert "last scored" not in text.getvalue()
    explained(rise(networks.SmallConv()), images)
    config = fastxai.show_config(file=text)["engine"]
    assert config["default"] == "auto"
    assert (config["last"]["owner"], config["last"]["engine"]) == ("RISE", "openvino")
    assert "last scored  RISE by OpenVINO, float32: it agrees with" in text.getvalue()
    explained(rise(odd.export_hshrink()), images)
    assert "HShrink" in fastxai.show_config(file=text)["engine"]["last"]["reason"]


def test_trying_leaves_no_file_and_no_word(openvino, images, mode, tmp_path, monkeypatch, capfd):
    """MindSpore fails on the few images that scores are first compared on."""
    monkeypatch.chdir(tmp_path)
    network = odd.OfOneSize(32)
    choice = explained(rise(network, num_masks=256, perturbation_per_eval=32), images).engine
    assert choice.engine == "openvino"
    assert list(tmp_path.iterdir()) == []
    assert capfd.readouterr().err == ""


def test_what_a_network_says_is_heard_where_it_is_tried(openvino, images, capfd):
    network = odd.Speaking()
    assert explained(rise(network), images).engine.engine == "openvino"
    assert "the network speaks" in capfd.readouterr().err


def test_a_network_that_mindspore_cannot_score_either_fails_as_without_engines(
    openvino, images, messages
):
    with pytest.raises(TypeError, match="missing 1 required positional argument"):
        explained(rise(odd.TwoInputs()), images)
    assert messages() == [f"RISE: scored by MindSpore (float32): {factory._NO_SCORES}."]


def test_a_folder_that_is_of_no_use_costs_no_engine(openvino, images, tmp_path):
    folder = tmp_path / "file"
    folder.write_text("no folder")
    fastxai.set_engine(cache_dir=folder)
    network = networks.SmallConv()
    with pytest.warns(RuntimeWarning, match=f"could not be kept in {folder}.*FASTXAI_CACHE"):
        assert explained(rise(network), images).engine.engine == "openvino"
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        with pytest.raises(RuntimeWarning, match="could not be kept"):
            explained(rise(networks.SmallConv(seed=2), engine="openvino"), images)
    folder.unlink()
    explained(rise(networks.SmallConv(seed=1)), images)
    assert any(folder.rglob("*.blob"))


# ---- named ----------------------------------------------------------------------------------


@pytest.mark.parametrize("name", settings.OPTIONAL)
def test_a_named_engine_that_is_not_installed_is_an_import_error(absent, name):
    absent("openvino", "onnxruntime")
    with pytest.raises(ImportError, match=rf"RISE: .*pip install 'fastxai\[{name}\]'"):
        rise(networks.SmallConv(), engine=name)
    with pytest.raises(ImportError, match=rf"set_engine: .*pip install 'fastxai\[{name}\]'"):
        fastxai.set_engine(name)


def test_a_named_engine_that_disagrees_is_an_error(openvino, images):
    with pytest.raises(RuntimeError, match=r"'openvino' .* cannot score this network: OpenVINO"):
        rise(odd.Reversed(), engine="openvino")(ms.Tensor(images), 1)


def test_bfloat16_without_openvino_is_an_import_error(absent):
    absent("openvino")
    words = r"'bfloat16' needs .*pip install 'fastxai\[openvino\]'"
    with pytest.raises(ImportError, match=f"RISE: .*{words}"):
        rise(networks.SmallConv(), precision="bfloat16")
    with pytest.raises(ImportError, match=f"set_engine: .*{words}"):
        fastxai.set_engine(precision="bfloat16")


@pytest.mark.parametrize(
    ("options", "error", "words"),
    [
        ({"engine": "tensorrt"}, ValueError, "`engine` must be one of .* got 'tensorrt'"),
        ({"engine": 3}, TypeError, "`engine` must be a str, got int"),
        ({"precision": "float16"}, ValueError, "`precision` must be one of"),
        ({"precision": 16}, TypeError, "`precision` must be a str, got int"),
        (
            {"engine": "mindspore", "precision": "bfloat16"},
            ValueError,
            r"`precision` 'bfloat16' needs one of the engines .*'openvino'\], got 'mindspore'",
        ),
    ],
)
def test_wrong_words_are_refused(options, error, words):
    with pytest.raises(error, match=f"RISE: {words}"):
        rise(networks.SmallConv(), **options)
    with pytest.raises(error, match=f"set_engine: {words}"):
        fastxai.set_engine(
            options.get("engine", "auto"), precision=options.get("precision", "float32")
        )


def test_set_engine_refuses_what_is_no_path():
    with pytest.raises(TypeError, match="set_engine: `cache_dir` must be a path or None, got int"):
        fastxai.set_engine(cache_dir=3)
    with pytest.raises(ValueError, match="set_engine: `cache_dir` must name a folder, got ''"):
        fastxai.set_engine(cache_dir="")


# ---- the process default --------------------------------------------------------------------


def test_set_engine_sets_the_default_also_of_explainers_made_before(engine, images):
    explainer = rise(networks.SmallConv())
    fastxai.set_engine("mindspore")
    assert explained(explainer, images).engine.engine == "mindspore"
    fastxai.set_engine(engine)
    assert explained(explainer, images).engine.engine == engine
    assert explained(rise(networks.SmallConv(), engine="mindspore"), images).engine.engine == (
        "mindspore"
    )


def test_a_default_precision_is_not_for_engines_that_lack_it():
    settings._default = settings._Default("auto", "bfloat16")
    assert settings.preference("RISE", "mindspore", None).precision == "float32"
    assert settings.preference("RISE", None, None).precision == "bfloat16"


def test_the_environment_names_the_cache(monkeypatch, tmp_path):
    assert settings.cache_dir() is None
    monkeypatch.setenv("FASTXAI_CACHE", str(tmp_path / "a"))
    assert settings.cache_dir() == tmp_path / "a"
    fastxai.set_engine(cache_dir=tmp_path / "b")
    assert settings.cache_dir() == tmp_path / "b"
    assert fastxai.show_config(file=io.StringIO())["engine"]["cache_dir"] == str(tmp_path / "b")


def test_importing_fastxai_loads_no_engine():
    code = "import sys, fastxai.explainer; print({'openvino', 'onnxruntime'} & set(sys.modules))"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout == "set()\n"


# ---- the norm -------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("scores", "expected", "error"),
    [
        ([[1.0, 2.0]], [[1.0, 2.0]], 0.0),
        ([[1.0, 2.2]], [[1.0, 2.0]], 0.1),
        ([[1.2, 2.0], [1.0, 1.0]], [[1.0, 2.0], [1.0, 1.0]], 0.1),
        ([[1.0, 2.0], [0.1, 0.2]], [[1.0, 2.0], [0.1, 0.1]], 1.0),  # the worst image counts
        ([[0.0, 0.0]], [[0.0, 0.0]], 0.0),
        ([[0.1, 0.0]], [[0.0, 0.0]], np.inf),
        ([[np.nan, 1.0]], [[1.0, 1.0]], np.inf),
    ],
)
def test_relative_error(scores, expected, error):
    actual = relative_error(np.array(scores, np.float32), np.array(expected, np.float32))
    assert actual == pytest.approx(error, rel=1e-5)
