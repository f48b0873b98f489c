"""Files that are there whole or not at all.

A file is written aside, as a *draft* in the folder of its target, brought to the disk and renamed.
A draft is locked as long as somebody writes it. The kernel gives the lock up when that process
ends, however it ends, so the next writer of the same target knows which drafts nobody will finish.
"""

from __future__ import annotations

import errno
import fcntl
import hashlib
import os
import re
import secrets
import stat
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from typing import BinaryIO

_LONGEST_NAME = 100  # bytes that a draft's name takes over; file systems allow 143 to 255 in all
_END_OF_DRAFT = re.compile(r"[0-9a-f]{16}\.tmp")
_NO_SYNC = (errno.EINVAL, errno.ENOTSUP, errno.ENOSYS)  # of file systems that sync no folders


@contextmanager
def replacing(path: str | os.PathLike[str]) -> Iterator[BinaryIO]:
    """Gives a file to write to, which takes the place of `path` once it is whole and on the disk.

    After an exception, and wherever the process dies, `path` is what it was before. Drafts of the
    same file that a process left behind when it died are removed.

    Args:
        path: File to make or replace; a link to one stays a link, and a file that is replaced keeps
            its permissions. A device or a pipe is written to as it is.

    Raises:
        OSError: It cannot be written: also where it is a folder, where it is write-protected, and
            where no file can be made beside it.
    """
    given = os.fsdecode(path)
    before = _status(given)
    # An empty name, and one that ends in a slash, are errors of `open` as well.
    if not os.path.basename(given) or (before is not None and not stat.S_ISREG(before.st_mode)):
        with open(given, "wb") as file:
            yield file
        return
    if before is not None and not os.access(given, os.W_OK):
        raise PermissionError(errno.EACCES, os.strerror(errno.EACCES), given)
    target = os.path.realpath(given)
    _remove_leftovers(target)
    draft, held = "", None
    try:
        while held is None:
            draft = _draft_name(target)
            held = _new_draft(draft, before)
        yield held
        held.flush()
        os.fsync(held.fileno())
        os.replace(draft, target)  # still locked: nobody takes it for a leftover
        held.close()
        sync_folder(os.path.dirname(target))
    except BaseException as error:
        with suppress(OSError):
            os.unlink(draft)
        if held is not None:
            with suppress(OSError):  # closing writes what is buffered, and a disk may be full
                held.close()
        if isinstance(error, OSError) and _is_of(draft, error):
            error.filename, error.filename2 = given, None  # what the caller knows
        raise


def _is_of(draft: str, error: OSError) -> bool:
    """Whether a draft could not be written: an error of writing, as of a full disk, has no name."""
    return error.filename == draft or (error.filename is None and error.errno is not None)


def _status(path: str) -> os.stat_result | None:
    try:
        return os.stat(path)
    except FileNotFoundError:
        return None


def _prefix(target: str) -> str:
    """The prefix of the names of all drafts of a target."""
    name = os.path.basename(target)
    encoded = os.fsencode(name)
    if len(encoded) > _LONGEST_NAME:
        name = hashlib.sha256(encoded).hexdigest()[:32]
    return f".{name}."


def _draft_name(target: str) -> str:
    """A path that nobody can guess, so that nobody can put something there before."""
    return os.path.join(os.path.dirname(target), f"{_prefix(target)}{secrets.token_hex(8)}.tmp")


def _new_draft(draft: str, before: os.stat_result | None) -> BinaryIO | None:
    """A new file, locked; None where the name is taken.

    Args:
        draft: Its path.
        before: Of the file that it is going to replace, whose owner and permissions it gets.
    """
    mode = 0o666 if before is None else before.st_mode & 0o777
    flags = os.O_RDWR | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC
    try:
        number = os.open(draft, flags, mode)
    except FileExistsError:
        return None
    file = open(number, "wb")  # noqa: SIM115 - the caller closes it
    try:
        if _lock(number):
            if before is not None:
                _give(number, before)
            return file
    except BaseException:
        file.close()
        raise
    file.close()
    return None


def _lock(number: int) -> bool:
    """Locks a draft that was made just now; whether it is still there."""
    try:
        fcntl.flock(number, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False  # it was taken for a leftover
    except OSError:
        return True  # a file system without locks: leftovers stay
    return os.fstat(number).st_nlink > 0


def _give(number: int, before: os.stat_result) -> None:
    """Gives a draft the owner and the permissions of the file that it replaces."""
    now = os.fstat(number)
    if (now.st_uid, now.st_gid) != (before.st_uid, before.st_gid):
        with suppress(PermissionError):  # only root may give files away
            os.fchown(number, before.st_uid, before.st_gid)
    if (now.st_mode ^ before.st_mode) & 0o777:
        os.fchmod(number, before.st_mode & 0o777)


def _remove_leftovers(target: str) -> None:
    """Removes drafts of a target that nobody writes any more, as far as that is allowed."""
    folder, prefix = os.path.dirname(target), _prefix(target)
    try:
        names = os.listdir(folder)
    except OSError:
        return  # no such folder: an error of the draft's; or one that may not be read
    for name in names:
        if name.startswith(prefix) and _END_OF_DRAFT.fullmatch(name, len(prefix)):
            with suppress(OSError):  # somebody else's file, or it is gone already
                _remove_if_left(os.path.join(folder, name))


def _remove_if_left(draft: str) -> None:
    number = os.open(draft, os.O_RDWR | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC)
    try:
        if stat.S_ISREG(os.fstat(number).st_mode):
            fcntl.flock(number, fcntl.LOCK_EX | fcntl.LOCK_NB)
            os.unlink(draft)
    finally:
        os.close(number)


def sync_folder(folder: str) -> None:
    """Brings a rename to the disk, where the file system can do that."""
    try:
        number = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    except PermissionError:
        return  # files may be made in it, but it may not be read
    try:
        os.fsync(number)
    except OSError as error:
        if error.errno not in _NO_SYNC:
            raise
    finally:
        os.close(number)
