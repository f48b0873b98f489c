"""Path of the tutorials, which are in a clone of fastxai and not in the package."""

from __future__ import annotations

import importlib.metadata
import json
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import unquote, urlparse

_PACKAGE = Path(__file__).resolve().parents[1]
_PARTS = ("make_data.py", "common/dataset.py")  # what the folder is known by


def examples_folder() -> Path:
    """The folder examples/ of a clone of fastxai, whose modules the tutorials' notebook imports.

    It is looked for in the current folder, above it, and where fastxai was installed from.

    Returns:
        The folder.

    Raises:
        FileNotFoundError: It is in none of these places.

    Supported Platforms:
        Any.

    Examples:
        >>> from fastxai.demo import examples_folder
        >>> examples_folder().name  # doctest: +SKIP
        'examples'
    """
    for place in _places():
        for folder in (place, place / "examples"):
            if all((folder / part).is_file() for part in _PARTS):
                return folder
    raise FileNotFoundError(
        f"The tutorials need the folder examples/ of a clone of fastxai, and there is none in or "
        f"above {Path.cwd()}: start there. `fastxai demo` needs no clone."
    )


def _places() -> Iterator[Path]:
    here = Path.cwd()
    yield from (here, *here.parents, _PACKAGE.parent)
    try:
        origin = importlib.metadata.distribution("fastxai").read_text("direct_url.json")
    except importlib.metadata.PackageNotFoundError:
        return
    url = urlparse(json.loads(origin or "{}").get("url", ""))  # pip notes it: PEP 610
    if url.scheme == "file":
        yield Path(unquote(url.path))
