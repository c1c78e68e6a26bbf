"""Whether a delivery is whole, by a list of its files with their digests: `SHA256SUMS` or `manifest-sha256.txt`.

`sha256sum` of coreutils writes the first, tools for BagIt the second (RFC 8493, section 2.1.3). Such a list may arrive
before the files it lists. A list that makes no sense is taken for one that is being copied: its delivery is not whole.
"""

from __future__ import annotations

import hashlib
import os
import re
import unicodedata
from collections.abc import Iterator, Mapping, MutableMapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from functools import partial

from ratchet.components.example_gen.file_names import is_plain_path
from ratchet.components.example_gen.layout.tree import BAG_FILES, Tree, is_stray, list_tree
from ratchet.components.object_store.client import ahead
from ratchet.components.object_store.objects import sha256
from ratchet.components.object_store.uri import is_gs
from ratchet.schemas.base.checked_json import shown
from ratchet.schemas.base.errors import DataError
from ratchet.schemas.base.files import LOCAL_FILES, Files, below, reason_of, refuse_irregular
from ratchet.schemas.base.formatting import and_more, many
from ratchet.schemas.base.progress import Progress

SUMS, BAG, BAG_TAGS = "SHA256SUMS", "manifest-sha256.txt", "tagmanifest-sha256.txt"
Known = MutableMapping[str, tuple[int, int, str]]  # of a file of this machine its size, time in ns and digest

_OF_FILES = (SUMS, BAG)
_LINE = re.compile(r"([0-9a-fA-F]{64})(?: [ *]|[ \t]+)(.+)")
_TAGGED = re.compile(r"SHA256 \((.+)\) = ([0-9a-fA-F]{64})")  # of `sha256sum --tag`
_ENCODED = {"%0A": "\n", "%0D": "\r", "%25": "%"}  # RFC 8493, section 2.1.3
_LARGEST_BYTES = 1 << 28
_CHUNK_BYTES = 1 << 20
_READERS = 2  # as for the digest of a span, see content.py
_AT_ONCE = 64  # files: what is read in vain behind one that is wrong
_NAMED = 3


def lack_of(directory: str, files: Files, digests: bool = True, known: Known | None = None) -> str | None:
    """What a delivery lacks by its lists of files.

    Args:
        directory: the delivery.
        files: the file system.
        digests: whether files are read and compared, not only looked for.
        known: digests of files that were read before; those that are read now are added.

    Returns:
        What is lacking, for a sentence; None where nothing is, or where there is no list.
    """
    there = [name for name in (*_OF_FILES, BAG_TAGS) if files.exists(below(directory, name))]
    if not there:
        return None
    try:
        lists = {name: parse_manifest(_content(below(directory, name), files), name) for name in there}
        tree = list_tree(directory, files)
    except DataError as error:
        return str(error)
    except OSError as error:
        return f"{os.path.basename(error.filename or directory)} cannot be read: {reason_of(error)}"
    return next(filter(None, _lacks(lists, tree, digests, {} if known is None else known)), None)


def parse_manifest(content: bytes, name: str) -> dict[str, str]:
    """The files of a list, by their paths below the delivery, with their digests in lower case.

    >>> parse_manifest(b"E3B0C44298FC1C149AFBF4C8996FB92427AE41E4649B934CA495991B7852B855  ./images/a.jpg\\n", SUMS)
    {'images/a.jpg': 'e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855'}

    Args:
        content: of the list.
        name: of the list, which says by whose rules it is read.

    Raises:
        DataError: it is not whole, or makes no sense.
    """
    try:
        text = content.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise DataError(f"{name} is no text in UTF-8: write it with sha256sum") from error
    if not text.strip():
        raise DataError(f"{name} is empty")
    if not text.endswith("\n"):
        raise DataError(f"{name} has a last line without an end, as a file that is being copied")
    found: dict[str, str] = {}
    for number, line in enumerate(text.split("\n")[:-1], start=1):
        if line.strip():
            path, digest = _line(line.rstrip("\r"), f"{name} line {number}", name)
            if found.setdefault(path, digest) != digest:
                raise DataError(f"{name} line {number}: lists {shown(path)} a second time, with another digest")
    found.pop(name, None)  # as `sha256sum *` lists it, with what it was before
    return found


def _line(line: str, where: str, name: str) -> tuple[str, str]:
    match, tagged = _LINE.fullmatch(line), _TAGGED.fullmatch(line)
    if match is None and tagged is None:
        raise DataError(f"{where}: is {shown(line)}, which is no SHA-256 digest and path")
    digest, path = (match[1], match[2]) if match else (tagged[2], tagged[1]) if tagged else ("", "")
    if name != SUMS:
        path = re.sub("%0A|%0D|%25", lambda code: _ENCODED[code[0].upper()], path, flags=re.IGNORECASE)
    path = path.removeprefix("./")
    if not is_plain_path(path):
        raise DataError(f"{where}: lists {shown(path)}, which is no plain path below the delivery")
    return path, digest.lower()


def _content(path: str, files: Files) -> bytes:
    refuse_irregular(path)
    with files.open(path, "rb") as file:
        content = file.read(_LARGEST_BYTES + 1)
    if len(content) > _LARGEST_BYTES:
        raise DataError(f"{os.path.basename(path)} is larger than {_LARGEST_BYTES >> 20} MiB")
    return content


def _lacks(lists: Mapping[str, Mapping[str, str]], tree: Tree, digests: bool, known: Known) -> Iterator[str | None]:
    """What may be lacking, what is cheap to know first."""
    names = {_form(name): name for name in (*tree.names, *tree.strays)}
    for name, listed in lists.items():
        yield _missing(name, [path for path in listed if not _is_there(path, names, tree)], len(listed))
    yield _unlisted([path for name in lists if name in _OF_FILES for path in lists[name]], lists, tree)
    if digests:
        for name, listed in lists.items():
            yield _unlike(name, {names.get(_form(path), path): digest for path, digest in listed.items()}, tree, known)


def _form(name: str) -> str:
    """Some file systems keep names in another Unicode form than they were given."""
    return unicodedata.normalize("NFC", name)


def _is_there(path: str, names: Mapping[str, str], tree: Tree) -> bool:
    if _form(path) in names:
        return True
    is_listed = not any(is_stray(step) for step in path.split("/")) and path not in BAG_FILES
    return not is_listed and tree.files.exists(tree.path(path))


def _missing(name: str, missing: Sequence[str], count: int) -> str | None:
    if not missing:
        return None
    return f"{name} lists {many(count, 'file')}, of which {_are(missing)} not there yet: {_some(missing)}"


def _unlisted(listed: Sequence[str], lists: Mapping[str, object], tree: Tree) -> str | None:
    """A list of which the end has not arrived would else be one of a smaller delivery."""
    if not any(name in lists for name in _OF_FILES):
        return None
    known = {_form(path) for path in listed}
    beside = [path for path in tree.pictures if _form(path) not in known]
    what = " and ".join(name for name in _OF_FILES if name in lists)
    return f"{_are(beside)} there that {what} does not list: {_some(beside)}" if beside else None


def _are(names: Sequence[str]) -> str:
    return f"{len(names)} {'is' if len(names) == 1 else 'are'}"


def _some(names: Sequence[str]) -> str:
    return ", ".join(shown(name) for name in names[:_NAMED]) + and_more(len(names) - _NAMED)


def _unlike(name: str, listed: Mapping[str, str], tree: Tree, known: Known) -> str | None:
    """The first file that is not what its digest says; nothing behind it is read."""
    paths = [tree.path(path) for path in listed]
    progress = Progress(f"comparing with {name}", len(paths), unit_name="files", only_if_long=True)
    try:
        for done, (path, found) in enumerate(zip(listed, _digests(paths, tree.files, known)), start=1):
            if found != listed[path]:
                return f"{shown(path)} is not the file that {name} lists: it is being copied, or was changed"
            progress.update(done)
    except OSError as error:
        return f"{shown(os.path.relpath(error.filename or '', tree.directory))} cannot be read: {reason_of(error)}"
    return None


def _digests(paths: Sequence[str], files: Files, known: Known) -> Iterator[str | None]:
    """Of objects many at once, of files of this machine a few."""
    if paths and is_gs(paths[0]):
        yield from ahead(sha256, paths)
        return
    with ThreadPoolExecutor(_READERS) as pool:
        for start in range(0, len(paths), _AT_ONCE):
            yield from pool.map(partial(_digest, files=files, known=known), paths[start : start + _AT_ONCE])


def _digest(path: str, files: Files, known: Known) -> str:
    refuse_irregular(path)
    state = os.stat(path) if files is LOCAL_FILES else None
    before = known.get(path)
    if state and before and before[:2] == (state.st_size, state.st_mtime_ns):
        return before[2]
    content = hashlib.sha256()
    with files.open(path, "rb") as file:
        while chunk := file.read(_CHUNK_BYTES):
            content.update(chunk)
    if state:
        known[path] = (state.st_size, state.st_mtime_ns, content.hexdigest())
    return content.hexdigest()
