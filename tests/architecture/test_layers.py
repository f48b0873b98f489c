"""No file crosses a wall of the design (docs: which room holds what), and every wall is a real one.

The rules are plain functions of a path and a text in `cpp_rules` and `python_rules`; each is run
over the tree and over planted violations.
"""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from tests.architecture import cpp_rules, python_rules

ROOT = Path(__file__).resolve().parents[2]
MAX_LINES = 500
SOURCES = (".py", ".h", ".cpp", ".cu")
ROOMS = ("fastxai", "kernels", "csrc", "tests", "bench", "examples", "tools")
UNWANTED = ("matplotlib", "openvino", "onnxruntime", "IPython")


def files(room: str, *suffixes: str) -> list[Path]:
    """Sources below a folder of the project, build products and hidden folders apart."""
    return sorted(
        path
        for path in (ROOT / room).rglob("*")
        if path.suffix in suffixes
        and not any(
            part.startswith(".") or part in ("build", "__pycache__")
            for part in path.relative_to(ROOT).parts
        )
    )


def crossings(rule, room: str, *suffixes: str) -> list[str]:
    """Every place where a room's files break a rule."""
    found = []
    for path in files(room, *suffixes):
        found += rule(path.relative_to(ROOT).as_posix(), path.read_text(encoding="utf-8"))
    return found


def rule_id(rule) -> str:
    """A rule's name in the test's name."""
    return rule.__name__


# ---- the tree ----------------------------------------------------------------------------------


@pytest.mark.parametrize("rule", cpp_rules.KERNEL_RULES, ids=rule_id)
def test_kernels_keep_their_walls(rule):
    assert crossings(rule, "kernels", ".h", ".cpp", ".cu") == []


@pytest.mark.parametrize("rule", cpp_rules.BORDER_RULES, ids=rule_id)
def test_the_border_keeps_its_walls(rule):
    assert crossings(rule, "csrc", ".h", ".cpp") == []


@pytest.mark.parametrize("rule", python_rules.PYTHON_RULES, ids=rule_id)
def test_the_package_keeps_its_walls(rule):
    assert files("fastxai", ".py"), "no package found: the rules would pass on nothing"
    assert crossings(rule, "fastxai", ".py") == []


def test_packages_use_lower_ones_only():
    order = list(python_rules.USES)
    for package, used in python_rules.USES.items():
        assert {order.index(name) for name in used} <= set(range(order.index(package))), package


def test_every_package_is_in_the_table_of_contributing():
    table = (ROOT / "CONTRIBUTING.md").read_text(encoding="utf-8")
    packages = {path.parent.name for path in (ROOT / "fastxai").glob("*/__init__.py")}
    assert packages == set(python_rules.USES)
    assert {name for name in packages if f"`fastxai/{name}/`" not in table} == set()


def test_every_allowed_loop_is_still_there():
    for (path, line), reason in cpp_rules.ALLOWED_LOOPS.items():
        assert line in (ROOT / path).read_text(encoding="utf-8"), f"{path}: {reason}"


def too_long(path: str, text: str) -> list[str]:
    """Files of MAX_LINES lines or more."""
    lines = text.count("\n")
    return [f"{path}: {lines} lines"] if lines >= MAX_LINES else []


@pytest.mark.parametrize("room", ROOMS)
def test_no_file_reaches_500_lines(room):
    assert crossings(too_long, room, *SOURCES) == []


def missing_files(root: Path) -> list[str]:
    """What the folders of kernels/ lack, in all the rooms that an op has a file in."""
    missing = []
    for folder in sorted((root / "kernels").iterdir()):
        op = folder.name
        if not folder.is_dir():
            continue
        wanted = [f"kernels/{op}/README.md"]
        if op != "common":
            wanted += [f"kernels/{op}/{op}.h", f"kernels/{op}/{op}_cpu.cpp"]
            wanted += [f"csrc/pybind/register_{op}.cpp", f"csrc/mindspore/aot_{op}.cpp"]
            wanted += [f"fastxai/ops/{op}.py", f"fastxai/reference/{op}.py"]
            wanted += [f"tests/ops/test_{op}.py", f"tests/kernels/test_{op}.cpp"]
        missing += [path for path in wanted if not (root / path).is_file()]
    return missing


def test_every_op_has_its_files_in_every_room():
    assert missing_files(ROOT) == []


def loaded_by(statement: str) -> list[str]:
    """Which of the optional packages a fresh interpreter holds after a statement."""
    script = f"{statement}\nimport sys\nprint(*[n for n in {UNWANTED!r} if n in sys.modules])"
    run = subprocess.run(
        [sys.executable, "-c", script], cwd=ROOT, capture_output=True, text=True, check=True
    )
    last = run.stdout.splitlines()[-1] if run.stdout else ""
    return last.split()


@pytest.mark.parametrize("module", ["fastxai", "fastxai.explainer", "fastxai.cli"])
def test_importing_loads_no_plotting_and_no_optional_engine(module):
    assert loaded_by(f"import {module}") == []


@pytest.mark.parametrize("module", ["fastxai.ops.cuda", "fastxai.torch"])
def test_what_runs_without_mindspore_does_not_import_it(module):
    """In an interpreter that cannot import it; PyTorch is a stand-in where there is none."""
    script = f"""
import sys, types
sys.modules["mindspore"] = None
try:
    import torch
except ImportError:
    torch = sys.modules["torch"] = types.ModuleType("torch")
    torch.Tensor = torch.dtype = torch.memory_format = type("Tensor", (), {{}})
    torch.nn = sys.modules["torch.nn"] = types.ModuleType("torch.nn")
    torch.nn.Module = type("Module", (), {{}})
import {module}
"""
    subprocess.run([sys.executable, "-c", script], cwd=ROOT, check=True)


# ---- the rules themselves ----------------------------------------------------------------------

KERNEL = "kernels/occlusion/occlusion_cpu.cpp"
BORDER = "csrc/dispatch/launch.cpp"
AOT = "csrc/mindspore/aot_occlusion.cpp"
EXPLAINER = "fastxai/explainer/perturb/rise.py"
OPS = "fastxai/ops/mindspore_primitives.py"
REFERENCE = "fastxai/reference/philox.py"
ENGINE = "fastxai/engine/openvino.py"
TORCH = "fastxai/torch/rise.py"
MASKS = "fastxai/masks/designs.py"
LOOP = "fastxai/perturbation/loop.py"
NETWORK = "fastxai/network/structure.py"
DEMO = "fastxai/demo/samples.py"

VIOLATIONS = [
    (cpp_rules.kernels_stay_plain, KERNEL, "#include <Python.h>\n"),
    (cpp_rules.kernels_stay_plain, KERNEL, "#include <pybind11/numpy.h>\n"),
    (cpp_rules.kernels_stay_plain, KERNEL, '#include "mindspore/core/ops.h"\n'),
    (cpp_rules.kernels_stay_plain, KERNEL, '#include "csrc/common/status.h"\n'),
    (cpp_rules.kernels_stay_plain, KERNEL, '#  include "../../csrc/common/status.h"\n'),
    (cpp_rules.kernels_stay_plain, KERNEL, "#include <vector>\n"),
    (cpp_rules.kernels_stay_plain, KERNEL, 'const char* v = std::getenv("FASTXAI_ISA");'),
    (cpp_rules.kernels_stay_plain, KERNEL, "float* p = new float[3];"),
    (cpp_rules.kernels_stay_plain, KERNEL, "void* p = malloc(3);"),
    (cpp_rules.kernels_stay_plain, KERNEL, "std::free (p);"),
    (cpp_rules.kernels_stay_plain, KERNEL, "if (n < 0) throw 1;"),
    (cpp_rules.kernels_stay_plain, KERNEL, "try { f(); } catch (...) {}"),
    (cpp_rules.kernels_stay_plain, KERNEL, "std::vector<float> row(3);"),
    (cpp_rules.border_has_no_intrinsics, BORDER, "#include <immintrin.h>\n"),
    (cpp_rules.border_has_no_intrinsics, BORDER, "#include <arm_neon.h>\n"),
    (cpp_rules.border_has_no_intrinsics, BORDER, "_mm_sfence();"),
    (cpp_rules.border_has_no_intrinsics, BORDER, "__m256 v = _mm256_load_ps(p);"),
    (cpp_rules.border_has_no_intrinsics, BORDER, "auto v = vld1q_f32(p);"),
    (
        cpp_rules.border_sees_kernel_interfaces_only,
        BORDER,
        '#include "kernels/occlusion/occlusion_cpu.cpp"\n',
    ),
    (
        cpp_rules.border_sees_kernel_interfaces_only,
        BORDER,
        '#include "../../kernels/common/expand.h"\n',
    ),
    (cpp_rules.border_has_no_loops, BORDER, "for (int k = 0; k < n; ++k) y[k] = x[k];"),
    (cpp_rules.border_has_no_loops, BORDER, "while(n--) *y++ = *x++;"),
    (cpp_rules.border_has_no_loops, BORDER, "do { *y++ = *x++; } while (--n);"),
    (cpp_rules.border_has_no_loops, BORDER, "std::transform(x, x + n, y, f);"),
    (cpp_rules.python_stays_in_its_room, AOT, "#include <pybind11/pybind11.h>\n"),
    (cpp_rules.python_stays_in_its_room, BORDER, '#include "Python.h"\n'),
    (cpp_rules.python_stays_in_its_room, BORDER, '#include "csrc/pybind/bindings.h"\n'),
    (cpp_rules.no_mindspore_headers, AOT, '#include "mindspore/ccsrc/utils/custom_aot_extra.h"\n'),
    (cpp_rules.no_mindspore_headers, AOT, '#include "custom_aot_extra.h"\n'),
    (cpp_rules.no_mindspore_headers, AOT, "#include <ms_extension/api.h>\n"),
    (python_rules.only_ops_goes_native, EXPLAINER, "from fastxai import _native"),
    (python_rules.only_ops_goes_native, EXPLAINER, "import fastxai._native as n"),
    (python_rules.only_ops_goes_native, EXPLAINER, "def f():\n    from ... import _native"),
    (python_rules.only_ops_goes_native, EXPLAINER, "import_module('fastxai._native')"),
    (python_rules.only_ops_goes_native, EXPLAINER, "import fastxai\nfastxai._native.isa()"),
    (python_rules.only_ops_goes_native, EXPLAINER, "op = ops.Custom('a.so:f')"),
    (python_rules.only_ops_goes_native, EXPLAINER, "from mindspore.ops import Custom"),
    (python_rules.ops_know_no_models, OPS, "from mindspore import nn"),
    (python_rules.ops_know_no_models, OPS, "from fastxai.explainer import RISE"),
    (python_rules.reference_stands_alone, REFERENCE, "import scipy.ndimage"),
    (python_rules.reference_stands_alone, REFERENCE, "from fastxai.ops import MaskSpec"),
    (python_rules.reference_stands_alone, REFERENCE, "from ..ops import MaskSpec"),
    (python_rules.reference_stands_alone, REFERENCE, "def f():\n    import mindspore"),
    (python_rules.explainers_go_through_ops, EXPLAINER, "from fastxai import reference"),
    (python_rules.explainers_go_through_ops, EXPLAINER, "from fastxai.reference import philox4x32"),
    (python_rules.explainers_go_through_ops, EXPLAINER, "from fastxai.ops.native import native"),
    (python_rules.explainers_go_through_ops, TORCH, "from fastxai import reference"),
    (python_rules.rooms_know_no_framework, TORCH, "import mindspore as ms"),
    (python_rules.rooms_know_no_framework, MASKS, "def f():\n    import torch"),
    (python_rules.rooms_know_no_framework, LOOP, "from mindspore import nn"),
    (python_rules.rooms_know_no_framework, EXPLAINER, "import torch"),
    (python_rules.data_flows_one_way, TORCH, "from fastxai.explainer import RISE"),
    (python_rules.data_flows_one_way, TORCH, "from fastxai.network.inputs import to_images"),
    (python_rules.data_flows_one_way, MASKS, "from fastxai.perturbation.loop import explain_image"),
    (python_rules.data_flows_one_way, LOOP, "from ..engine import Engine"),
    (python_rules.data_flows_one_way, NETWORK, "from fastxai.masks import designs"),
    (python_rules.data_flows_one_way, NETWORK, "def f():\n    from fastxai.explainer import RISE"),
    (python_rules.data_flows_one_way, OPS, "from fastxai.common import utils"),
    (python_rules.data_flows_one_way, "fastxai/cluster/run.py", "import math"),
    (python_rules.engines_know_no_masks, ENGINE, "from fastxai.ops import mask_grid"),
    (python_rules.engines_know_no_masks, ENGINE, "def score(batch, masks):\n    pass"),
    (python_rules.engines_know_no_masks, ENGINE, "from fastxai.explainer import RISE"),
    (python_rules.demo_stands_alone, DEMO, "from fastxai.explainer import RISE"),
    (python_rules.demo_stands_alone, EXPLAINER, "from fastxai.demo import demo_net"),
    (python_rules.demo_stands_alone, "fastxai/cli/explain.py", "import fastxai.demo"),
    (python_rules.public_names_are_documented, EXPLAINER, "def f():\n    return 1"),
    (python_rules.public_names_are_documented, EXPLAINER, "class A:\n    pass"),
    (
        python_rules.public_names_are_documented,
        EXPLAINER,
        'class A:\n    """A."""\n    def f(self):\n        return 1',
    ),
    (
        python_rules.public_names_are_documented,
        EXPLAINER,
        'class A(B):\n    """A."""\n    def f(self):\n        return 1\n'
        'class B:\n    """B."""\n    def g(self):\n        """G."""\n',
    ),
    (too_long, EXPLAINER, "\n" * MAX_LINES),
]


@pytest.mark.parametrize(
    ("rule", "path", "text"),
    VIOLATIONS,
    ids=[f"{rule.__name__}-{k}" for k, (rule, _, _) in enumerate(VIOLATIONS)],
)
def test_a_planted_violation_is_found(rule, path, text):
    assert rule(path, text) != []


def test_every_rule_has_a_planted_violation():
    planted = {rule for rule, _, _ in VIOLATIONS}
    rules = cpp_rules.KERNEL_RULES + cpp_rules.BORDER_RULES + python_rules.PYTHON_RULES
    assert set(rules) <= planted


@pytest.mark.parametrize(
    ("rule", "path", "text"),
    [
        (cpp_rules.kernels_stay_plain, KERNEL, "// a new row; never malloc() or throw\nint n;"),
        (cpp_rules.kernels_stay_plain, KERNEL, "/* std::vector\n   try */ int renew = newer;"),
        (cpp_rules.kernels_stay_plain, KERNEL, "#include <immintrin.h>\n#include <cstdint>\n"),
        (cpp_rules.border_has_no_loops, BORDER, "// for (all of them)\nint before(int);"),
        (cpp_rules.border_has_no_loops, BORDER, 'say("while (true)");'),
        (cpp_rules.border_sees_kernel_interfaces_only, BORDER, '#include "kernels/a/a.h"\n'),
        (cpp_rules.python_stays_in_its_room, "csrc/pybind/a.cpp", "#include <pybind11/a.h>\n"),
        (cpp_rules.no_mindspore_headers, AOT, '#include "csrc/mindspore/aot.h"\n'),
        (python_rules.only_ops_goes_native, OPS, "from fastxai import _native"),
        (python_rules.rooms_know_no_framework, TORCH, "import torch"),
        (python_rules.data_flows_one_way, EXPLAINER, "from fastxai.perturbation import loop"),
        (python_rules.data_flows_one_way, EXPLAINER, "from fastxai import _version"),
        (python_rules.data_flows_one_way, "fastxai/_config.py", "from fastxai import engine"),
        (python_rules.reference_stands_alone, REFERENCE, "import math\nfrom . import philox"),
        (python_rules.demo_stands_alone, DEMO, "from fastxai.demo.network import DemoNet"),
        (python_rules.demo_stands_alone, "fastxai/cli/demo.py", "from fastxai.demo import samples"),
        (python_rules.public_names_are_documented, EXPLAINER, "def _f():\n    return 1"),
        (
            python_rules.public_names_are_documented,
            EXPLAINER,
            'class A(B):\n    """A."""\n    def f(self):\n        return 1\n'
            'class B:\n    """B."""\n    def f(self):\n        """F."""\n',
        ),
        (too_long, EXPLAINER, "\n" * (MAX_LINES - 1)),
    ],
)
def test_what_is_allowed_is_not_found(rule, path, text):
    assert rule(path, text) == []


def test_a_missing_file_of_an_op_is_found(tmp_path):
    for name in ("blur", "common"):
        (tmp_path / "kernels" / name).mkdir(parents=True)
    (tmp_path / "kernels/blur/blur.h").touch()
    missing = missing_files(tmp_path)
    assert {"kernels/blur/README.md", "kernels/blur/blur_cpu.cpp"} <= set(missing)
    assert "kernels/common/README.md" in missing
    assert "kernels/blur/blur.h" not in missing
    assert "kernels/common/common.h" not in missing


def test_a_loaded_plotting_library_is_found():
    assert loaded_by("import matplotlib") == ["matplotlib"]
