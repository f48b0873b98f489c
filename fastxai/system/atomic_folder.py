"""Folders that are there whole or not at all, as `atomic_file` has it for files."""

from __future__ import annotations

import errno
import fcntl
import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from fastxai.system.atomic_file import sync_folder


@contextmanager
def new_folder(path: str | os.PathLike[str]) -> Iterator[Path]:
    """Gives a folder to fill, which stands at `path` once it is whole and on the disk.

    After an exception nothing is left of it. A process that dies leaves a draft beside `path`,
    which the next one removes.

    Args:
        path: The folder; nothing may be there, but for an empty folder.

    Raises:
        FileExistsError: There is something.
        OSError: It cannot be made, or another process is filling it.
    """
    target = Path(path).absolute()
    if target.is_symlink() or (target.exists() and not (target.is_dir() and _is_empty(target))):
        raise FileExistsError(errno.EEXIST, os.strerror(errno.EEXIST), str(path))
    draft = target.with_name(f".{target.name}.draft")
    draft.mkdir(exist_ok=True)
    number = os.open(draft, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC | os.O_NOFOLLOW)
    try:
        fcntl.flock(number, fcntl.LOCK_EX | fcntl.LOCK_NB)
        _clear(draft)
        try:
            yield draft
            _sync(draft)
            os.replace(draft, target)
            sync_folder(str(target.parent))
        except BaseException:
            shutil.rmtree(draft, ignore_errors=True)
            raise
    finally:
        os.close(number)


def _is_empty(folder: Path) -> bool:
    return next(folder.iterdir(), None) is None


def _clear(folder: Path) -> None:
    for each in folder.iterdir():
        if each.is_dir() and not each.is_symlink():
            shutil.rmtree(each)
        else:
            each.unlink()


def _sync(folder: Path) -> None:
    """Brings files and folders to the disk, what lies deepest first."""
    for place, _, names in os.walk(folder, topdown=False):
        for name in names:
            number = os.open(os.path.join(place, name), os.O_RDONLY | os.O_CLOEXEC)
            try:
                os.fsync(number)
            finally:
                os.close(number)
        sync_folder(place)
