"""What the operating system refuses, in one line: the path, the reason and the fix."""

from __future__ import annotations

import errno
import os
import shutil
from typing import NamedTuple


class Refusal(NamedTuple):
    """What to say of an error of the operating system, and whether the user can mend it before the next try."""

    message: str
    mendable: bool


_FIXES = {  # what the user can mend: exit code 2
    errno.EACCES: "change its owner or permissions, or run as the user who owns it",
    errno.EPERM: "change its owner or permissions, or run as the user who owns it",
    errno.EROFS: "make the file system writable or give another directory",
    errno.ENOENT: "put it there or correct the path",
    errno.EEXIST: "move it away or give another path",
    errno.ENOTEMPTY: "move it away or give another path",
    errno.EISDIR: "a file is expected there: move it away or give another path",
    errno.ENOTDIR: "a directory is expected there: move the file away or give another path",
    errno.EINVAL: "give a regular file of a file system that can do this",
    errno.ENXIO: "give a regular file",
    errno.ENODEV: "give a regular file",
    errno.ENAMETOOLONG: "give a shorter path",
    errno.ELOOP: "its symbolic links lead in a circle: correct them",
    errno.ENOLCK: "this file system has no locks (flock): use a directory on a local disk",
    errno.EOPNOTSUPP: "this file system cannot do that: use a directory on a local disk",
    errno.EXDEV: "it crosses file systems: use a directory on one disk",
    errno.EBUSY: "another process uses it: wait for that and repeat the command",
    errno.ETXTBSY: "another process uses it: wait for that and repeat the command",
    errno.EAGAIN: "another process holds it: wait for that and repeat the command",
}
_CRASHES = {  # what comes over a command in the middle of its work: exit code 1
    errno.ENOSPC: "free some space there, then repeat the command",
    errno.EDQUOT: "free some space there or raise the quota, then repeat the command",
    errno.EFBIG: "raise the limit of file sizes (ulimit -f), then repeat the command",
    errno.EIO: "check the disk, then repeat the command",
    errno.ESTALE: "mount the file system again, then repeat the command",
    errno.EMFILE: "raise the limit of open files (ulimit -n), then repeat the command",
    errno.ENFILE: "close other programs, then repeat the command",
    errno.ENOMEM: "close other programs or take a machine with more memory, then repeat the command",
    errno.EPIPE: "a process or connection that was needed has ended: repeat the command",
}


def refusal(error: OSError) -> Refusal | None:
    """What to say of an error; None for one that is no news of the operating system, but a fault.

    >>> refusal(OSError(errno.ENOSPC, "No space left on device", "root/x"))
    Refusal(message='root/x: No space left on device; free some space there, then repeat the command', mendable=False)
    """
    if isinstance(error, shutil.Error):
        return _of_copy(error)
    fix = _FIXES.get(error.errno or 0) or _CRASHES.get(error.errno or 0)
    if fix is None:
        return None
    if error.errno == errno.ENOENT and not _is_absolute(error.filename) and not _has_current_directory():
        return Refusal("the current directory is gone; change to one that is there", True)
    path = f"{os.fsdecode(error.filename)}: " if _is_path(error.filename) else ""
    return Refusal(f"{path}{error.strerror or os.strerror(error.errno or 0)}; {fix}", error.errno in _FIXES)


def is_crash(error: BaseException | None) -> bool:
    """Whether this is a full or broken disk or the like, whatever the error that was made of it says."""
    return isinstance(error, OSError) and error.errno in _CRASHES


def _of_copy(error: shutil.Error) -> Refusal | None:
    """`shutil.copytree` gathers what it met: (source, target, text of the error)."""
    try:
        source, _, reason = error.args[0][0]
    except (IndexError, TypeError, ValueError):
        return None
    full = os.strerror(errno.ENOSPC) in str(reason) or os.strerror(errno.EIO) in str(reason)
    return Refusal(f"{source}: cannot be copied ({reason}); mend that, then repeat the command", not full)


def _has_current_directory() -> bool:
    try:
        os.getcwd()
    except OSError:
        return False
    return True


def _is_path(value: object) -> bool:
    return isinstance(value, (str, bytes, os.PathLike))


def _is_absolute(value: object) -> bool:
    return _is_path(value) and os.path.isabs(os.fsdecode(value))  # type: ignore[arg-type]
