"""The Python of README.md and of the pages under docs/ runs."""

import re
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]


def python_blocks(name: str) -> list[str]:
    return re.findall(r"^```python\n(.*?)^```", (ROOT / name).read_text(), re.M | re.S)


@pytest.mark.parametrize("name", ["README.md", "docs/differences.md", "docs/estimators.md"])
def test_python_of_the_docs_runs(name, monkeypatch, tmp_path):
    blocks = python_blocks(name)
    assert blocks
    (tmp_path / "examples").symlink_to(ROOT / "examples")
    monkeypatch.chdir(tmp_path)
    monkeypatch.syspath_prepend(str(ROOT))
    exec(compile("\n".join(blocks), name, "exec"), {})  # noqa: S102 our own docs
    if name == "README.md":
        assert (tmp_path / "eight.png").exists()
