"""`fastxai.compat.install`: mindspore_xai's name for fastxai's modules."""

import importlib
import pkgutil
import subprocess
import sys
from types import ModuleType

import pytest

import fastxai
from fastxai import compat

# mindspore_xai 1.8.1's modules of its computer-vision part, and what scripts import from each.
NAMES = {
    "": ["__version__"],
    "_version": ["__version__"],
    "benchmark": ["ClassSensitivity", "Faithfulness", "Localization", "Robustness"],
    "benchmark.class_sensitivity": ["ClassSensitivity"],
    "benchmark.faithfulness": ["Faithfulness"],
    "benchmark.localization": ["Localization"],
    "benchmark.metric": ["AttributionMetric", "LabelAgnosticMetric", "LabelSensitiveMetric"],
    "benchmark.robustness": ["Robustness"],
    "common.attribution": ["Attribution"],
    "common.operators": ["absolute", "argmax", "mean", "reshape", "softmax", "summation", "zeros"],
    "common.utils": ["ForwardProbe", "abs_max", "calc_auc", "generate_one_hot", "resize"],
    "explainer": [
        *("Deconvolution", "GradCAM", "Gradient", "GuidedBackprop", "Occlusion", "RISE"),
        *("RISEPlus", "LIMETabular", "SHAPGradient", "SHAPKernel", "PseudoLinearCoef"),
    ],
    "explainer.backprop.backprop_utils": ["GradNet", "get_bp_weights"],
    "explainer.backprop.gradcam": ["GradCAM"],
    "explainer.backprop.gradient": ["Gradient"],
    "explainer.backprop.intermediate_layer": ["IntermediateLayerAttribution"],
    "explainer.backprop.modified_relu": ["Deconvolution", "GuidedBackprop", "ModifiedReLU"],
    "explainer.neighbor.pseudo_linear_coef": ["PseudoLinearCoef"],
    "explainer.perturb.ablation": ["Ablation", "AblationWithSaliency"],
    "explainer.perturb.lime": ["LIMETabular"],
    "explainer.perturb.occlusion": ["Occlusion"],
    "explainer.perturb.perturbation": ["PerturbationAttribution"],
    "explainer.perturb.replacement": ["Constant", "GaussianBlur", "RandomPerturb"],
    "explainer.perturb.rise": ["RISE"],
    "explainer.perturb.riseplus": ["RISEPlus"],
    "explainer.shap": ["SHAPGradient", "SHAPKernel"],
    "explainer.shap.gradient": ["SHAPGradient"],
    "explainer.shap.kernel": ["SHAPKernel"],
    "tool.cv": ["OoDNet"],
    "tool.cv.ood_net": ["OoDNet"],
    "tool.tab.tab_sim": ["CsvTabDigest", "TabSim"],
    "visual.cv": ["normalize_saliency", "saliency_to_image", "saliency_to_rgba"],
    "visual.cv.saliency": ["np_normalize_saliency", "np_saliency_to_image", "np_saliency_to_rgba"],
}
TABULAR = ["LIMETabular", "SHAPKernel", "SHAPGradient", "PseudoLinearCoef"]


@pytest.fixture
def installed():
    compat.install()
    yield
    compat.uninstall()


@pytest.mark.parametrize("module", NAMES)
def test_a_name_of_mindspore_xai_is_in_the_same_place(installed, module):
    peer = importlib.import_module(".".join(filter(None, ["mindspore_xai", module])))
    ours = importlib.import_module(".".join(filter(None, ["fastxai", module])))
    assert peer is ours
    assert [name for name in NAMES[module] if not hasattr(ours, name)] == []


def test_every_module_of_fastxai_is_found_and_keeps_its_own_name(installed):
    skipped = ("__main__", "_native")
    optional = ("fastxai.adapters", "fastxai.engine", "fastxai.torch")  # they need other packages
    for found in pkgutil.walk_packages(fastxai.__path__, "fastxai."):
        if found.name.rsplit(".", 1)[-1] in skipped or found.name.startswith(optional):
            continue
        peer = importlib.import_module("mindspore_xai" + found.name[len("fastxai") :])
        assert peer.__name__ == found.name == peer.__spec__.name


def test_a_function_named_like_its_module_stays_a_function(installed):
    peer = importlib.import_module("mindspore_xai.reference.mask_grid")
    assert importlib.import_module("fastxai.reference").mask_grid is peer.mask_grid


def test_classes_are_the_same_objects(installed):
    import mindspore_xai.explainer

    from fastxai.explainer import RISE

    assert mindspore_xai.explainer.RISE is RISE
    assert sys.modules["mindspore_xai"] is fastxai


def test_a_module_that_fastxai_does_not_have_is_a_missing_module(installed):
    with pytest.raises(ModuleNotFoundError, match=r"mindspore_xai\.third_party"):
        importlib.import_module("mindspore_xai.third_party")


def test_installing_twice_is_installing_once(installed):
    before = list(sys.meta_path)
    compat.install()
    assert sys.meta_path == before


def test_uninstall_gives_the_name_back():
    compat.install()
    importlib.import_module("mindspore_xai.explainer")
    compat.uninstall()
    assert not [name for name in sys.modules if name.startswith("mindspore_xai")]
    assert importlib.import_module("fastxai.explainer").__name__ == "fastxai.explainer"


def test_a_mindspore_xai_that_was_imported_before_is_an_error(monkeypatch):
    monkeypatch.setitem(sys.modules, "mindspore_xai", ModuleType("mindspore_xai"))
    with pytest.raises(RuntimeError, match="mindspore_xai has been imported already; call install"):
        compat.install()


def test_a_mindspore_xai_in_the_environment_is_hidden(tmp_path):
    (tmp_path / "mindspore_xai.py").write_text("raise SystemExit('the real one')\n")
    code = (
        f"import sys; sys.path.insert(0, {str(tmp_path)!r})\n"
        "import fastxai.compat; fastxai.compat.install()\n"
        "import mindspore_xai; print(mindspore_xai.__name__)"
    )
    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, timeout=120, check=False
    )
    assert (done.returncode, done.stdout) == (0, "fastxai\n"), done.stderr


@pytest.mark.parametrize("name", TABULAR)
def test_a_tabular_explainer_says_on_use_that_it_is_not_there(name):
    explainer = getattr(importlib.import_module("fastxai.explainer"), name)
    with pytest.raises(NotImplementedError, match=f"fastxai does not have {name} yet"):
        explainer(None, None)
    with pytest.raises(NotImplementedError, match=name):
        explainer.to_feat_stats(None)
    assert not isinstance(object(), explainer)
