"""Makes a Jupyter notebook of a script whose cells begin with `# %%` lines.

`# %% [markdown]` begins a cell of text, in comments. The notebook has no outputs. Its first cell of
code finds the modules beside the script, wherever Jupyter was started.

    python tools/make_notebook.py examples/using_cv_explainers.py
"""

from __future__ import annotations

import argparse
import json
import re
from pathlib import Path

_CELL = re.compile(r"^# %%(.*)\n", re.M)
_TEXT = "[markdown]"
_FIND = """\
# `common`, the tutorials' own modules, are in the folder examples/ of a clone of fastxai.
import sys

from fastxai.demo import examples_folder

sys.path.insert(0, str(examples_folder()))"""
_METADATA = {
    "kernelspec": {"display_name": "Python 3", "language": "python", "name": "python3"},
    "language_info": {"name": "python"},
}


def notebook_of(script: str) -> str:
    """Turn a script into a notebook.

    Args:
        script: Text of the script; nothing but white space stands before its first cell.

    Returns:
        JSON of the notebook, nbformat 4.5.

    Raises:
        ValueError: There is something before the first cell.
    """
    before, *rest = _CELL.split(script)
    if before.strip():
        raise ValueError(f"make_notebook: the script must begin with '# %%', got {before!r}.")
    parts = [(k.strip(), body.strip()) for k, body in zip(rest[::2], rest[1::2], strict=True)]
    first = next((n for n, (kind, _) in enumerate(parts) if kind != _TEXT), len(parts))
    parts.insert(first, ("", _FIND))
    cells = [_cell(f"cell-{n}", kind, body) for n, (kind, body) in enumerate(parts)]
    notebook = {"cells": cells, "metadata": _METADATA, "nbformat": 4, "nbformat_minor": 5}
    return json.dumps(notebook, indent=1, ensure_ascii=False) + "\n"


def _cell(name: str, kind: str, body: str) -> dict:
    """A cell of the notebook, as nbformat wants it."""
    if kind == _TEXT:
        body = re.sub(r"^# ?", "", body, flags=re.M)
        return {"cell_type": "markdown", "id": name, "metadata": {}, "source": _lines(body)}
    return {
        "cell_type": "code",
        "execution_count": None,
        "id": name,
        "metadata": {},
        "outputs": [],
        "source": _lines(body),
    }


def _lines(text: str) -> list[str]:
    return text.splitlines(keepends=True)


def main() -> None:
    """Read the command line and write the notebook beside its script."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("script", type=Path, help="the notebook gets its name, ending in .ipynb")
    script = parser.parse_args().script
    script.with_suffix(".ipynb").write_text(notebook_of(script.read_text()))


if __name__ == "__main__":
    main()
