"""The Python of README.md and of the site's pages, and the pictures that it writes.

All blocks of a page form one script. `<!-- needs: NAME ... -->` before a block names the packages
(or `cuda`, an NVIDIA GPU with fastxai's library) without which the block is left out.

`python tools/page_code.py [PAGE ...]` runs pages and puts the PNG files that they write and
show into docs/images/.
"""

from __future__ import annotations

import contextlib
import importlib.util
import re
import runpy
import sys
import tempfile
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from PIL import Image

ROOT = Path(__file__).resolve().parents[1]
IMAGES = ROOT / "docs" / "images"
_BLOCK = re.compile(r"(?:^<!-- needs: ([\w ]+) -->\n)?^```python\n(.*?)^```", re.M | re.S)
_SAVED = re.compile(r"""\.save(?:fig)?\("(\w+\.png)"\)""")
_SHOWN = re.compile(r"!\[[^\]]+\]\((?:\.\./)*(?:docs/)?images/(\w+\.png)\)")


@dataclass(frozen=True)
class Block:
    """A block of Python and what it needs beside fastxai and MindSpore."""

    code: str
    needs: tuple[str, ...]


def pages() -> list[Path]:
    """README.md and every page of the site that has Python."""
    found = [ROOT / "README.md", *sorted((ROOT / "docs").rglob("*.md"))]
    return [page for page in found if blocks(page)]


def blocks(page: Path) -> list[Block]:
    """The blocks of a page, in its order."""
    text = page.read_text(encoding="utf-8")
    return [Block(code, tuple(needs.split())) for needs, code in _BLOCK.findall(text)]


def is_there(need: str) -> bool:
    """Whether this process can have a package, or `cuda`."""
    if need != "cuda":
        return importlib.util.find_spec(need) is not None
    from fastxai.ops.cuda import has_cuda

    if not has_cuda() or not is_there("torch"):
        return False
    import torch

    return bool(torch.cuda.is_available())


def code_of(page: Path) -> str:
    """The script of all blocks whose needs are met; '' if there is none."""
    return "\n".join(block.code for block in blocks(page) if all(map(is_there, block.needs)))


def pictures(page: Path) -> set[str]:
    """Names of the PNG files that a page's code writes and the page shows."""
    saved = {name for block in blocks(page) for name in _SAVED.findall(block.code)}
    return saved & set(_SHOWN.findall(page.read_text(encoding="utf-8")))


def run(page: Path, edited: Callable[[str], str] = str) -> None:
    """Runs a page's code, `edited` first, in the current folder.

    As a file, which MindSpore reads again where it compiles a function.
    """
    with tempfile.TemporaryDirectory() as folder:
        script = Path(folder, f"{page.stem.replace('-', '_')}.py")
        script.write_text(edited(code_of(page)), encoding="utf-8")
        runpy.run_path(str(script))


def _update(page: Path) -> None:
    with tempfile.TemporaryDirectory() as folder, contextlib.chdir(folder):
        run(page)
        for name in sorted(pictures(page)):
            with Image.open(name) as picture:  # 256 colours: a third of the size
                picture.convert("RGB").quantize(256).save(IMAGES / name, optimize=True)
            print(f"docs/images/{name}")


if __name__ == "__main__":
    for given in [Path(name).resolve() for name in sys.argv[1:]] or pages():
        if pictures(given):
            _update(given)
