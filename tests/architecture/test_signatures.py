"""An argument that an explainer has for several frameworks means the same for all of them."""

import ast
import itertools

import pytest

from tests.architecture.test_layers import ROOT

HOMES = {
    "RISE": ("explainer/perturb/rise.py", "torch/rise.py", "models/rise.py"),
    "Occlusion": ("explainer/perturb/occlusion.py", "torch/occlusion.py", "models/occlusion.py"),
}
ITS_OWN = {"activation_fn"}  # a model may return probabilities, so it has a default there


def defaults(path: str, name: str) -> dict[str, str]:
    """The constructor's arguments and their defaults, from the source: no framework is needed."""
    tree = ast.parse((ROOT / "fastxai" / path).read_text(encoding="utf-8"))
    (kind,) = [n for n in tree.body if isinstance(n, ast.ClassDef) and n.name == name]
    (made,) = [n for n in kind.body if isinstance(n, ast.FunctionDef) and n.name == "__init__"]
    by_place = [*made.args.posonlyargs, *made.args.args]
    missing = [None] * (len(by_place) - len(made.args.defaults))
    given = zip(
        [*by_place, *made.args.kwonlyargs],
        [*missing, *made.args.defaults, *made.args.kw_defaults],
        strict=True,
    )
    return {arg.arg: ast.unparse(value) if value else "required" for arg, value in given}


@pytest.mark.parametrize("name", HOMES)
def test_the_same_argument_has_the_same_default(name):
    found = {path: defaults(path, name) for path in HOMES[name]}
    for one, other in itertools.combinations(found.values(), 2):
        shared = one.keys() & other.keys() - ITS_OWN
        assert {"perturbation_per_eval", "base_value", "output"} <= shared
        assert {key: one[key] for key in shared} == {key: other[key] for key in shared}


@pytest.mark.parametrize("name", HOMES)
def test_what_chooses_masks_and_windows_is_there_for_every_framework(name):
    first, *others = (defaults(path, name) for path in HOMES[name])
    of_mindspore = {"activation_fn", "engine", "precision"}
    for other in others:
        assert first.keys() - of_mindspore <= other.keys()


def test_riseplus_has_the_defaults_of_rise():
    rise = defaults(HOMES["RISE"][0], "RISE")
    plus = defaults("explainer/perturb/riseplus.py", "RISEPlus")
    shared = (rise.keys() & plus.keys()) - ITS_OWN
    assert {"num_masks", "tol", "max_masks", "design", "base_value"} <= shared
    assert {key: plus[key] for key in shared} == {key: rise[key] for key in shared}
