"""From a report to the content of an HTML file."""

from __future__ import annotations

import base64
import io
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from fastxai._version import __version__
from fastxai.system.json_text import json_text

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from PIL import Image

    from fastxai.report.model import Report, ReportEntry, ReportMap

_FOLDER = Path(__file__).parent / "templates"
# The first is chosen when a page opens: readers who tell no red from green read it too.
_COLOUR_MAPS = ("viridis", "cividis", "inferno", "gray")
_LOSSLESS = 2**20  # pixels up to which a photograph is a PNG; larger ones are JPEGs
_QUALITY = {"photograph": 90, "thumbnail": 70}  # of JPEGs
_THUMBNAIL = 160  # pixels, the longer side


def check_installed() -> None:
    """Refuses to start where the templates cannot be filled in.

    Raises:
        ImportError: jinja2 is not installed.
    """
    try:
        import jinja2  # noqa: F401
    except ImportError as error:
        raise ImportError("a report needs jinja2; pip install 'fastxai[report]'") from error


def render(report: Report) -> bytes:
    """The HTML of a report: pictures, maps, styles and scripts are all inside.

    The page loads nothing, and its content security policy forbids it to. Maps are embedded as the
    float32 values that they are. Every text stays text, whatever it holds.

    Args:
        report: What is shown; at least one picture.

    Returns:
        The content of the file, UTF-8.

    Raises:
        ImportError: jinja2 is not installed.
        ValueError: There is no picture, or a standard error is not of its map's shape.
    """
    index = [facts_of(entry) for entry in report.entries]
    return filled(report, index, [script_json(details_of(entry)) for entry in report.entries])


def filled(
    report: Report, index: Sequence[Mapping[str, Any]], details: Sequence[str] | None
) -> bytes:
    """The HTML of a report whose pictures are ready.

    Args:
        report: Its title and summary.
        index: Of every picture, its `facts_of`.
        details: Of every picture, its `details_of` as JSON; None where the facts name a `file`
            beside the page, a script that the page loads when the picture is looked at.

    Raises:
        ImportError: jinja2 is not installed.
        ValueError: There is no picture.
    """
    check_installed()
    import jinja2

    if not index:
        raise ValueError("report: there is no picture to show.")
    environment = jinja2.Environment(
        autoescape=True, undefined=jinja2.StrictUndefined, trim_blocks=True, lstrip_blocks=True
    )
    content = {
        "colours": {name: _colours(name) for name in _COLOUR_MAPS},
        "entries": list(index),
    }
    text = environment.from_string(_file("report.html.j2")).render(
        title=report.title,
        summary=report.summary,
        version=__version__,
        colour_maps=_COLOUR_MAPS,
        style=_file("report.css"),
        script=_file("report.js"),
        content=script_json(content),
        details=details,
    )
    return text.encode(errors="backslashreplace")  # file names that are not UTF-8


def script_json(value: Any) -> str:
    """JSON that may stand inside a script element: no text in it can end the element.

    Args:
        value: Of kinds that JSON has; numbers that are not finite become null.
    """
    text = json_text(value, separators=(",", ":"))
    for letter in "<>&":  # these stand in strings alone; others than ASCII are escaped already
        text = text.replace(letter, f"\\u{ord(letter):04x}")
    return text


def _file(name: str) -> str:
    return (_FOLDER / name).read_text(encoding="utf-8")


def facts_of(entry: ReportEntry) -> dict[str, Any]:
    """Facts by which the gallery shows, sorts and filters a picture."""
    width, height = _size(entry)
    left, upper, right, lower = entry.box or (0, 0, width, height)
    return {
        "name": entry.name,
        "thumbnail": None if entry.photograph is None else _thumbnail(entry.photograph),
        "width": width,
        "height": height,
        # Shares of the photograph, so that a map lies right at any size.
        "box": [left / width, upper / height, right / width, lower / height],
        "maps": [_facts(each) for each in entry.maps],
        "predicted": entry.predicted,
        "label": entry.label,
        "error": entry.error,
    }


def details_of(entry: ReportEntry) -> dict[str, Any]:
    """Details of a picture that is opened: the photograph and the arrays.

    Raises:
        ValueError: A standard error is not of its map's shape.
    """
    return {
        "photograph": None if entry.photograph is None else _picture(entry.photograph),
        "maps": [_arrays(each) for each in entry.maps],
    }


def _size(entry: ReportEntry) -> tuple[int, int]:
    """Width and height of the picture, or of the maps where there is no photograph."""
    if entry.photograph is not None:
        return entry.photograph.size
    if not entry.maps:
        return 1, 1
    height, width = entry.maps[0].values.shape
    return width, height


def _facts(found: ReportMap) -> dict[str, Any]:
    return {
        "explainer": found.explainer,
        "target": found.target,
        "className": found.class_name,
        "probability": found.probability,
        "correlation": found.correlation,
    }


def _arrays(found: ReportMap) -> dict[str, Any]:
    error = found.standard_error
    if error is not None and error.shape != found.values.shape:
        raise ValueError(
            f"report: `standard_error` must be of the map's shape {found.values.shape}, got "
            f"{error.shape}."
        )
    return {
        "height": found.values.shape[0],
        "width": found.values.shape[1],
        "values": _floats(found.values),
        "standardError": None if error is None else _floats(error),
        "settings": dict(found.settings),
        "curves": {name: list(scores) for name, scores in found.curves.items()},
    }


def _floats(values: np.ndarray) -> str:
    """Little-endian float32 in base64."""
    return base64.b64encode(np.ascontiguousarray(values, "<f4").tobytes()).decode()


def _colours(name: str) -> str:
    """The 256 colours of a map, RGB in base64."""
    import matplotlib

    table = matplotlib.colormaps[name](np.arange(256), bytes=True)[:, :3]
    return base64.b64encode(np.ascontiguousarray(table).tobytes()).decode()


def _picture(photograph: Image.Image) -> str:
    kind = "PNG" if photograph.width * photograph.height <= _LOSSLESS else "JPEG"
    return _data(photograph, kind, _QUALITY["photograph"])


def _thumbnail(photograph: Image.Image) -> str:
    small = photograph.copy()
    small.thumbnail((_THUMBNAIL, _THUMBNAIL))
    return _data(small, "JPEG", _QUALITY["thumbnail"])


def _data(picture: Image.Image, kind: str, quality: int) -> str:
    """A data address; what a camera wrote beside the pixels, such as a place, is left out."""
    from PIL import Image

    bare = Image.new("RGB", picture.size)
    bare.paste(picture)
    content = io.BytesIO()
    options = {"quality": quality} if kind == "JPEG" else {}
    bare.save(content, kind, **options)
    return f"data:image/{kind.lower()};base64,{base64.b64encode(content.getvalue()).decode()}"
