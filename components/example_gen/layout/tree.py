"""The files of a delivery: listed once, without what other programs leave behind, through symbolic links."""

from __future__ import annotations

import os
import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from functools import cached_property

from ratchet.components.example_gen.file_names import IMAGE_SUFFIXES
from ratchet.components.object_store.uri import is_gs
from ratchet.schemas.base.checked_json import shown
from ratchet.schemas.base.files import Files
from ratchet.schemas.base.formatting import and_more

# Pictures that cannot be delivered: TensorFlow and browsers do not read all of them.
OTHER_SUFFIXES = (
    *(".bmp", ".dib", ".gif", ".webp", ".tif", ".tiff", ".heic", ".heif", ".avif", ".jxl", ".jp2", ".j2k", ".ppm"),
    *(".pgm", ".pbm", ".tga", ".dng", ".cr2", ".nef", ".arw", ".raw", ".dcm", ".exr", ".mpo", ".jfif", ".jpe", ".apng"),
)
_STRAYS = frozenset(
    (
        *("thumbs.db", "ehthumbs.db", "desktop.ini", "@eadir", "#recycle", "$recycle.bin", "lost+found"),
        *("__macosx", "system volume information", "__pycache__", "icon\r"),
    )
)
# What says of a delivery whether it is whole is no part of it: manifests.py.
BAG_FILES = frozenset(("SHA256SUMS", "manifest-sha256.txt", "tagmanifest-sha256.txt", "bagit.txt", "bag-info.txt"))
_COPY_MARKS = re.compile(r"~\$.*|.*~|.*\.(?:tmp|crdownload|part|swp)", re.IGNORECASE)


@dataclass(frozen=True)
class Tree:
    """What a delivery holds.

    Attributes:
        directory: the delivery.
        files: the file system.
        names: its files, paths below it with '/' between the steps, sorted.
        strays: what is no part of it, files and directories; hidden ones and those of file managers.
        linked: directories that are symbolic links to somewhere outside of it; they were followed.
        circles: directories that are symbolic links to one that holds them; they were not.
        doubled: directories that are symbolic links to another one inside; their files are there twice.
        broken: symbolic links to nowhere.
    """

    directory: str
    files: Files = field(repr=False)
    names: tuple[str, ...] = field(repr=False)
    strays: tuple[str, ...] = ()
    linked: tuple[str, ...] = ()
    circles: tuple[str, ...] = ()
    doubled: tuple[str, ...] = ()
    broken: tuple[str, ...] = ()

    @cached_property
    def pictures(self) -> tuple[str, ...]:
        """The images, by their suffix."""
        return self.ending(*IMAGE_SUFFIXES)

    @cached_property
    def other_pictures(self) -> tuple[str, ...]:
        """Images of a kind that cannot be read."""
        return self.ending(*OTHER_SUFFIXES)

    @cached_property
    def directories(self) -> frozenset[str]:
        """The directories that hold files, also in others; '' is the delivery itself."""
        found = {""}
        for name in {os.path.dirname(name) for name in self.names}:
            while name not in found:
                found.add(name)
                name = os.path.dirname(name)
        return frozenset(found)

    @cached_property
    def _set(self) -> frozenset[str]:
        return frozenset(self.names)

    def __contains__(self, name: str) -> bool:
        return name in self._set

    def ending(self, *suffixes: str) -> tuple[str, ...]:
        """The files with one of these lower-case endings, whatever its case."""
        return tuple(name for name in self.names if name.lower().endswith(suffixes))

    def path(self, name: str) -> str:
        """The path of a file or directory of it."""
        return os.path.join(self.directory, name) if name else self.directory

    def told(self) -> tuple[str, ...]:
        """What a user should know of it."""
        told = []
        if self.strays:
            told.append(f"skipped {_counted(self.strays, 'hidden or foreign file{s}')}")
        if self.linked:
            what = f"symbolic link{{s}} out of {self.directory}"
            told.append(f"followed {_counted(self.linked, what)}")
        if self.circles:
            told.append(f"did not follow {_counted(self.circles, 'symbolic link{s} to what holds it')}")
        if self.broken:
            told.append(f"nothing was read of {_counted(self.broken, 'symbolic link{s} to what is not there')}")
        return tuple(told)


def list_tree(directory: str, files: Files) -> Tree:
    """Lists a delivery.

    Args:
        directory: it.
        files: the file system.
    """
    top = directory.rstrip("/") or directory
    names: list[str] = []
    strays: list[str] = []
    linked: list[str] = []
    circles: list[str] = []
    doubled: list[str] = []
    broken: list[str] = []
    for below, folders, found in _walk(top, "", files, (os.path.realpath(top),), (linked, circles, doubled)):
        if any(map(is_stray, below.split("/"))):
            continue
        for name in [*folders, *found]:
            if is_stray(name):
                strays.append(_joined(below, name))
        kept = [_joined(below, name) for name in found if not is_stray(name) and (below or name not in BAG_FILES)]
        names += kept
        broken += [name for name in kept if _leads_nowhere(os.path.join(top, name))]
    found_links = (tuple(sorted(linked)), tuple(circles), tuple(doubled), tuple(sorted(broken)))
    return Tree(top, files, tuple(sorted(names)), tuple(sorted(strays)), *found_links)


def holds_files(directory: str, files: Files) -> bool:
    """Whether a delivery has begun to arrive: any file of its own, however deep; ends with the first that is found.

    Args:
        directory: the delivery.
        files: the file system.
    """
    try:
        names = [str(name).rstrip("/") for name in files.listdir(directory)]
    except FileNotFoundError:  # an object store's directory of which only the mark is there
        return False
    except OSError:  # whoever reads it says why it cannot be read
        return True
    # What has an ending is most likely a file, and to look at one costs an object store less than a directory.
    for name in sorted(names, key=lambda name: "." not in name):
        path = os.path.join(directory, name)
        if is_stray(name) or name in BAG_FILES:
            continue
        if files.isdir(path):
            if holds_files(path, files):
                return True
        elif not is_gs(path) or files.exists(path):  # there a mark of a directory has the name of one with a slash
            return True
    return False


def _leads_nowhere(path: str) -> bool:
    return os.path.islink(path) and not os.path.exists(path)


def _walk(
    top: str, below: str, files: Files, parents: tuple[str, ...], links: tuple[list[str], ...]
) -> Iterator[tuple[str, list[str], list[str]]]:
    """Directories below one, with the names in each; what symbolic links lead to as well."""
    start = os.path.join(top, below) if below else top
    for root, folders, found in files.walk(start):
        here = _joined(below, str(root)[len(start) :].replace(os.sep, "/").strip("/"))
        folders = [str(name).rstrip("/") for name in folders]
        yield here, folders, [str(name) for name in found]
        if any(map(is_stray, here.split("/"))):
            continue
        for name in folders:
            path = os.path.join(top, here, name)
            if not is_stray(name) and os.path.islink(path):
                target = os.path.realpath(path)
                linked, circles, doubled = links
                if any(f"{parent}/".startswith(f"{target}/") for parent in parents):
                    circles.append(_joined(here, name))
                    continue
                if not (target + "/").startswith(parents[0] + "/"):
                    linked.append(_joined(here, name))
                else:
                    doubled.append(_joined(here, name))
                yield from _walk(top, _joined(here, name), files, (*parents, target), links)


def is_stray(name: str) -> bool:
    """Whether a name is hidden, or one that file managers and unfinished copies leave."""
    return name.startswith(".") or name.lower() in _STRAYS or _COPY_MARKS.fullmatch(name) is not None


def _joined(below: str, name: str) -> str:
    return f"{below}/{name}" if below and name else below or name


def _counted(names: tuple[str, ...], what: str) -> str:
    listed = ", ".join(shown(name) for name in names[:3])
    return f"{len(names)} {what.replace('{s}', 's' if len(names) > 1 else '')}: {listed}{and_more(len(names) - 3)}"
