"""Walls of the Python rooms: each rule takes a path and a text and says what crosses."""

from __future__ import annotations

import ast
import sys
from collections.abc import Iterator

_DEMO = "fastxai.demo"

# Which packages a package may import; the lower ones come first.
USES: dict[str, tuple[str, ...]] = {
    "reference": (),
    "system": (),
    "visual": (),
    "compat": (),
    "demo": (),
    "report": ("system",),
    "ops": ("reference", "system"),
    "arguments": ("system", "visual"),
    "masks": ("ops",),
    "scores": ("ops", "system"),
    "perturbation": ("arguments", "masks", "ops", "report", "scores", "system", "visual"),
    "network": ("arguments", "ops", "system"),
    "engine": ("arguments", "network", "ops", "system"),
    "models": ("arguments", "engine", "ops", "perturbation", "scores", "system"),
    "detection": ("arguments", "models", "system"),
    "common": ("arguments", "network", "system", "visual"),
    "tool": ("compat", "network", "ops", "perturbation"),
    "torch": (
        *("arguments", "engine", "masks", "models", "ops", "perturbation", "scores", "system"),
    ),
    "explainer": (
        *("arguments", "common", "compat", "engine", "models", "network", "ops", "perturbation"),
        *("scores", "system", "tool"),
    ),
    "benchmark": (
        *("arguments", "common", "engine", "models", "network", "ops", "perturbation", "system"),
        "visual",
    ),
    "dataset": (
        *("arguments", "engine", "explainer", "models", "network", "ops", "perturbation"),
        *("report", "system"),
    ),
    "adapters": ("engine", "explainer", "models", "system", "torch"),
    "cli": (
        *("arguments", "compat", "dataset", "demo", "engine", "explainer", "masks", "models"),
        *("network", "ops"),
        *("perturbation", "report", "scores", "system", "tool", "visual"),
    ),
}
# Frameworks that a room does not know: it works where they are not installed.
UNKNOWN: dict[str, tuple[str, ...]] = {
    **dict.fromkeys(
        (
            f"fastxai/{room}/"
            for room in (
                "arguments",
                "detection",
                "masks",
                "models",
                "perturbation",
                "report",
                "scores",
                "system",
            )
        ),
        ("mindspore", "torch"),
    ),
    **dict.fromkeys(("fastxai/torch/", "fastxai/ops/cuda/"), ("mindspore",)),
    **dict.fromkeys(
        (f"fastxai/{room}/" for room in ("benchmark", "engine", "explainer", "network", "tool")),
        ("torch",),
    ),
}


def _package(path: str) -> str:
    """Dotted package that relative imports of a file start from."""
    return ".".join(path.split("/")[:-1])


def _imports(path: str, tree: ast.AST) -> Iterator[tuple[int, str]]:
    """(line, dotted name) of every import, also inside functions; `from a import b` gives a.b."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            yield from ((node.lineno, alias.name) for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            base = node.module or ""
            if node.level:
                package = _package(path).split(".")
                above = package[: len(package) - node.level + 1]
                base = ".".join([*above, base] if base else above)
            yield from ((node.lineno, f"{base}.{alias.name}") for alias in node.names)
        elif isinstance(node, ast.Call) and _called(node) in ("import_module", "__import__"):
            first = node.args[0] if node.args else None
            if isinstance(first, ast.Constant) and isinstance(first.value, str):
                yield node.lineno, first.value


def _called(node: ast.Call) -> str:
    function = node.func
    return getattr(function, "attr", None) or getattr(function, "id", "")


def _within(name: str, *packages: str) -> bool:
    return any(name == package or name.startswith(package + ".") for package in packages)


def only_ops_goes_native(path: str, text: str) -> list[str]:
    """fastxai/ops is the only package that imports `_native` or uses `ops.Custom`."""
    if path.startswith("fastxai/ops/"):
        return []
    tree = ast.parse(text)
    found = []
    for line, name in _imports(path, tree):
        if "_native" in name.split("."):
            found.append(f"{path}:{line}: imports {name}")
        if _within(name, "mindspore") and name.endswith(".Custom"):
            found.append(f"{path}:{line}: imports {name}")
    for node in ast.walk(tree):
        if isinstance(node, ast.Attribute) and node.attr in ("Custom", "_native"):
            found.append(f"{path}:{node.lineno}: uses .{node.attr}")
    return found


def ops_know_no_models(path: str, text: str) -> list[str]:
    """fastxai/ops imports nothing that lies above it, and no MindSpore layers."""
    if not path.startswith("fastxai/ops/"):
        return []
    above = [f"fastxai.{name}" for name in ("explainer", "engine", "benchmark", "tool", "visual")]
    return [
        f"{path}:{line}: imports {name}"
        for line, name in _imports(path, ast.parse(text))
        if _within(name, "mindspore.nn", "fastxai.cli", "fastxai.common", *above)
    ]


def reference_stands_alone(path: str, text: str) -> list[str]:
    """fastxai/reference imports NumPy, the standard library and itself."""
    if not path.startswith("fastxai/reference/"):
        return []
    return [
        f"{path}:{line}: imports {name}"
        for line, name in _imports(path, ast.parse(text))
        if not _within(name, "numpy", "fastxai.reference")
        and name.split(".")[0] not in sys.stdlib_module_names
    ]


def explainers_go_through_ops(path: str, text: str) -> list[str]:
    """fastxai/explainer and fastxai/torch import neither the reference nor the native module."""
    if not path.startswith(("fastxai/explainer/", "fastxai/torch/")):
        return []
    return [
        f"{path}:{line}: imports {name}"
        for line, name in _imports(path, ast.parse(text))
        if _within(name, "fastxai.reference", "fastxai._native", "fastxai.ops.native.native")
    ]


def rooms_know_no_framework(path: str, text: str) -> list[str]:
    """Rooms that every framework uses import none, and those of one framework not the other."""
    unknown = next((names for room, names in UNKNOWN.items() if path.startswith(room)), ())
    return [
        f"{path}:{line}: imports {name}"
        for line, name in _imports(path, ast.parse(text))
        if _within(name, *unknown)
    ]


def data_flows_one_way(path: str, text: str) -> list[str]:
    """A package imports the packages of ours that it names in USES, and no others."""
    _, _, rest = path.partition("fastxai/")
    package, _, inside = rest.partition("/")
    if not inside:  # a module of fastxai itself
        return []
    if package not in USES:
        return [f"{path}: python_rules.USES does not know {package}"]
    allowed = {package, *USES[package]}
    return [
        f"{path}:{line}: imports {name}"
        for line, name in _imports(path, ast.parse(text))
        if _within(name, "fastxai") and name.split(".")[1] in USES.keys() - allowed
    ]


def engines_know_no_masks(path: str, text: str) -> list[str]:
    """fastxai/engine scores batches: nothing in it is called mask or occlusion."""
    if not path.startswith("fastxai/engine/"):
        return []
    tree = ast.parse(text)
    found = [
        f"{path}:{line}: imports {name}"
        for line, name in _imports(path, tree)
        if _within(name, "fastxai.explainer", "fastxai.reference")
    ]
    for node in ast.walk(tree):
        names = [getattr(node, field, None) for field in ("id", "arg", "attr", "name")]
        for name in names:
            if isinstance(name, str) and ("mask" in name.lower() or "occlu" in name.lower()):
                found.append(f"{path}:{getattr(node, 'lineno', 0)}: {name}")
    return found


def demo_stands_alone(path: str, text: str) -> list[str]:
    """fastxai/demo imports nothing of ours, and only the command line imports it."""
    imports = _imports(path, ast.parse(text))
    if path.startswith("fastxai/demo/"):
        ours = (n for n in imports if _within(n[1], "fastxai") and not _within(n[1], _DEMO))
        return [f"{path}:{line}: imports {name}" for line, name in ours]
    if not path.startswith("fastxai/") or path == "fastxai/cli/demo.py":
        return []
    return [f"{path}:{line}: imports {name}" for line, name in imports if _within(name, _DEMO)]


def public_names_are_documented(path: str, text: str) -> list[str]:
    """Every public function, class and method of a public class in fastxai has a docstring.

    A method may have that of the method which it overrides, if it stands in the same file.
    """
    if not path.startswith("fastxai/"):
        return []
    body = ast.parse(text).body
    inherited = _documented_methods(body)
    return [
        f"{path}:{node.lineno}: {node.name} has no docstring"
        for owner, node in _public(body)
        if not ast.get_docstring(node) and not _inherits(owner, node.name, inherited)
    ]


_Definition = ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef


def _public(
    body: list[ast.stmt], owner: ast.ClassDef | None = None
) -> Iterator[tuple[ast.ClassDef | None, _Definition]]:
    for node in body:
        if isinstance(node, _Definition) and not node.name.startswith("_"):
            yield owner, node
            if isinstance(node, ast.ClassDef):
                yield from _public(node.body, node)


def _documented_methods(body: list[ast.stmt]) -> set[tuple[str, str]]:
    return {
        (node.name, method.name)
        for node in body
        if isinstance(node, ast.ClassDef)
        for method in node.body
        if isinstance(method, _Definition) and ast.get_docstring(method)
    }


def _inherits(owner: ast.ClassDef | None, name: str, documented: set[tuple[str, str]]) -> bool:
    bases = owner.bases if owner else []
    return any(isinstance(base, ast.Name) and (base.id, name) in documented for base in bases)


PYTHON_RULES = [
    only_ops_goes_native,
    ops_know_no_models,
    reference_stands_alone,
    explainers_go_through_ops,
    rooms_know_no_framework,
    data_flows_one_way,
    engines_know_no_masks,
    demo_stands_alone,
    public_names_are_documented,
]
