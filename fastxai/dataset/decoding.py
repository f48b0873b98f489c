"""Picture files as inputs, with what tells later whether a file has changed."""

from __future__ import annotations

import hashlib
import os
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np

from fastxai.dataset.files import OtherRunError, Row
from fastxai.dataset.items import Item

_CHUNK = 2**20  # bytes that are read at a time


@dataclass(frozen=True)
class FileFacts:
    """What a row keeps of a picture file.

    Attributes:
        modified_ns: When it was modified last, in nanoseconds since 1970.
        sha256: Of its content.
    """

    modified_ns: int
    sha256: str

    @classmethod
    def of(cls, path: str | None) -> FileFacts | None:
        """Those of a file; None where there is none that can be read."""
        if path is None:
            return None
        try:
            modified = os.stat(path).st_mtime_ns  # first: a later change is then seen
            return cls(modified, _sha256(path))
        except OSError:
            return None


@dataclass(frozen=True)
class Decoded:
    """An image that was decoded, or not.

    Attributes:
        file: Of its file; None for an array, or where it cannot be read.
        image: (C, H, W) float32, or None.
        error: Why there is no image.
    """

    file: FileFacts | None
    image: np.ndarray | None = None
    error: Exception | None = None

    @classmethod
    def of(cls, item: Item, preprocess: Callable[[Item], np.ndarray]) -> Decoded:
        """Decodes an image.

        Raises:
            OSError: Of the process, not of the file, as too many open files are.
            MemoryError: There is not enough memory.
        """
        file = FileFacts.of(item.path)
        try:
            return cls(file, preprocess(item))
        except (OSError, MemoryError):
            raise
        except Exception as error:
            return cls(file, None, error)


def check_unchanged(item: Item, rows: Sequence[Row], folder: object) -> None:
    """Looks whether an image's file is the one that its rows are of.

    The time of the last change is asked first: where it is the same, the content is taken to be.

    Raises:
        OtherRunError: The file has changed.
    """
    row = next(iter(rows), None)
    if row is None or item.path is None or row.get("file_sha256") is None:
        return
    try:
        if os.stat(item.path).st_mtime_ns == row["file_modified_ns"]:
            return
        if _sha256(item.path) == row["file_sha256"]:
            return
        what = "has changed since it was explained"
    except OSError as error:
        what = f"was explained and cannot be read now ({error.strerror})"
    raise OtherRunError(
        f"dataset: {item.path} {what} into {folder}. Put the picture back, or name another folder."
    )


def _sha256(path: str) -> str:
    digest = hashlib.sha256()
    with open(path, "rb") as file:
        while part := file.read(_CHUNK):
            digest.update(part)
    return digest.hexdigest()
