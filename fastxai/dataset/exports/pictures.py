"""The photographs of a run, read once more as the run has read them."""

from __future__ import annotations

from typing import Any

from fastxai.dataset.picture import Frame, Picture, load_picture


def frame_of(manifest: dict[str, Any]) -> Frame:
    """What part of every photograph the network saw."""
    known = manifest["settings"]["preprocess"]["frame"]
    crop = known["crop"]
    return Frame(tuple(known["resize"]), None if crop is None else tuple(crop))


def picture_of(manifest: dict[str, Any], path: str) -> Picture:
    """A photograph and what the network saw of it.

    Args:
        manifest: Of the run.
        path: The file; a relative path starts at the folder in which the run was started.

    Raises:
        PictureError: It cannot be read.
    """
    known = manifest["settings"]["preprocess"]
    return load_picture(path, frame_of(manifest), known["grayscale"], known["max_pixels"])
