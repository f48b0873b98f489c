"""Files that are there whole or not at all."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from typing import BinaryIO


@contextmanager
def replacing(path: str | os.PathLike[str]) -> Iterator[BinaryIO]:
    """Gives a file to write to, which takes the place of `path` once it is whole and on the disk.

    After an exception, and wherever the process dies, `path` is what it was before.

    Args:
        path: File to make or replace; a link to one stays a link.

    Raises:
        OSError: It cannot be written.
    """
    target = os.path.realpath(path)
    folder, name = os.path.split(target)
    draft = os.path.join(folder, f".{name}.{os.getpid()}.tmp")
    try:
        with open(draft, "wb") as file:
            yield file
            file.flush()
            os.fsync(file.fileno())
        os.replace(draft, target)
    except BaseException as error:
        with suppress(OSError):
            os.unlink(draft)
        if isinstance(error, OSError) and error.filename == draft:
            error.filename, error.filename2 = os.fspath(path), None  # what the caller knows
        raise
