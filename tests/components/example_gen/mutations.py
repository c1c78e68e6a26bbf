"""What may happen to a delivery on its way: bytes flipped, values replaced, files renamed, moved, removed, linked."""

from __future__ import annotations

import copy
import csv
import gzip
import io
import json
import os
import random
import re
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any
from xml.etree import ElementTree

import yaml

_BIG_VALUES: list[Any] = [2**63, 10**400, 1e308, float("nan"), float("inf"), "x" * 3000, [[[[]]]], -1, 0, -0.0]
_OTHER_VALUES: list[Any] = [None, True, "", "\ud800", "\0", [], {}, {"id": {}}, "1", "0.5", 1.0, 0.5]
_NAMES: list[Any] = ["../../evil.jpg", "/etc/passwd", "C:\\a.jpg", "a/../../b.jpg", "\u202e.jpg", "%00.jpg", "~/a.jpg"]
VALUES = [*_BIG_VALUES, *_OTHER_VALUES, *_NAMES]
TEXTS = [
    *("nan", "inf", "-1", "1e999", "9" * 400, "\u0663", "0x10", "1_0", "", " ", "0", "1", "2", "0.5", "1.0", "train"),
    *("../../evil.jpg", "/etc/passwd", "<!DOCTYPE a>", "&lol;", "<object>", "\0", "{", "]", ":", "'", "a\tb", "\u2028"),
    *("!!python/name:os.system", "*a", "&a", "- - -", "null", "true", "#", ",", ";", "%", "\ufeff", "e\u0301"),
]
BYTES = [
    *(b"", b"\0" * 100, b"\xff\xfe<\0", b"\x89PNG\r\n\x1a\n", b"[" * 5000, b"{" * 5000, b"\xed\xa0\x80", b"9" * 5000),
    *(
        b"<annotation>" * 2000,
        b"- " * 5000,
        b"&a [*a, *a]",
        b"1 nan inf 1e999 -1",
        b"\x1f\x8b\x08",
        b"BM",
        b"\xff\xd8\xff",
    ),
    *(b"version https://git-lfs.github.com/spec/v1\n", b"<html>404</html>", b"GIF89a", b"RIFF\0\0\0\0WEBP"),
]
FILE_NAMES = [
    *(
        "A.JPG",
        "a.jpg.jpg",
        "a.txt.txt",
        "._a.jpg",
        "a .txt",
        "classes.txt",
        "data.yaml",
        "labels.json",
        "x.csv",
        "b.xml",
    ),
    *(
        "annotations.json",
        "annotations.xml",
        "metadata.jsonl",
        "metadata.csv",
        "e\u0301.jpg",
        "%41.jpg",
        "a\nb.jpg",
        "train",
    ),
    *(
        "label_map.pbtxt",
        "x.tfrecord",
        "notes.json",
        "labelmap.txt",
        "a#b?.png",
        "obj.names",
        "a" * 250,
        "a.bmp",
        "a.parquet",
    ),
]


def mutate(directory: Path, chance: random.Random) -> None:
    """Changes one thing in a delivery."""
    files = [path for path in sorted(directory.rglob("*")) if path.is_file() and not path.is_symlink()]
    if not files:
        return
    texts = [path for path in files if path.suffix.lower() not in (".jpg", ".png")]
    path = chance.choice(texts if texts and chance.random() < 0.75 else files)
    if chance.random() < 0.3:
        chance.choice(_OF_FILES)(path, directory, chance)
        return
    content = path.read_bytes()
    by_kind = _STRUCTURED.get(path.suffix.lower())
    if by_kind is not None and chance.random() < 0.6:
        try:
            path.write_bytes(by_kind(content, chance))
            return
        except (ValueError, LookupError, TypeError, RecursionError, yaml.YAMLError, ElementTree.ParseError, csv.Error):
            pass  # an earlier mutation has broken it
    path.write_bytes(chance.choice(_OF_CONTENT)(content, chance))


def _flipped(content: bytes, chance: random.Random) -> bytes:
    changed = bytearray(content)
    for _ in range(chance.randint(1, 6) if changed else 0):
        changed[chance.randrange(len(changed))] = chance.randrange(256)
    return bytes(changed)


def _truncated(content: bytes, chance: random.Random) -> bytes:
    return content[: chance.randrange(len(content) + 1)]


def _replaced(content: bytes, chance: random.Random) -> bytes:
    return chance.choice(BYTES)


def _inserted(content: bytes, chance: random.Random) -> bytes:
    place = chance.randrange(len(content) + 1)
    return content[:place] + chance.choice(BYTES) + content[place:]


def _lines(content: bytes, chance: random.Random) -> bytes:
    """A line doubled, removed, or moved."""
    lines = content.splitlines(keepends=True)
    if lines:
        place = chance.randrange(len(lines))
        kind = chance.randrange(3)
        if kind == 0:
            lines.insert(place, lines[place])
        else:
            line = lines.pop(place)
            if kind == 1:
                lines.insert(chance.randrange(len(lines) + 1), line)
    return b"".join(lines)


def _words(content: bytes, chance: random.Random) -> bytes:
    """Some numbers or words replaced."""
    text = content.decode("utf-8", "replace")
    words = list(re.finditer(r"[\w./-]+", text))
    for match in sorted(chance.sample(words, min(len(words), chance.randint(1, 3))), key=lambda found: -found.start()):
        text = text[: match.start()] + chance.choice(TEXTS) + text[match.end() :]
    return text.encode("utf-8", "surrogatepass")


def _numbers(content: bytes, chance: random.Random) -> bytes:
    """All numbers of a file scaled or shifted."""
    factor, shift = chance.choice([(-1, 0), (0, 0), (1e9, 0), (0.01, 0), (1, 1), (1, -1), (1e-30, 0)])
    text = content.decode("utf-8", "replace")
    return re.sub(r"(?<![\w.])\d+(\.\d+)?(?![\w.])", lambda m: f"{float(m[0]) * factor + shift:g}", text).encode()


def _encoded(content: bytes, chance: random.Random) -> bytes:
    text = content.decode("utf-8", "replace")
    encoding = chance.choice(["utf-16", "utf-8-sig", "utf-32", "utf-16-be", "cp1252"])
    return text.encode(encoding, "replace")


def _line_ends(content: bytes, chance: random.Random) -> bytes:
    return content.replace(b"\n", chance.choice([b"\r\n", b"\r", b"\n\n", b"\n\t\n", b" ", b"\x0b", b"\xe2\x80\xa8"]))


def _zipped(content: bytes, chance: random.Random) -> bytes:
    return gzip.compress(content)


_OF_CONTENT: list[Callable[[bytes, random.Random], bytes]] = [
    *(_flipped, _truncated, _replaced, _inserted, _lines, _words, _words, _numbers, _encoded, _line_ends, _zipped),
]


def _in_json(content: bytes, chance: random.Random) -> bytes:
    document = json.loads(content)
    _in_document(document, chance)
    return json.dumps(document).encode("utf-8", "surrogatepass")


def _in_jsonl(content: bytes, chance: random.Random) -> bytes:
    lines = content.decode().splitlines()
    place = chance.randrange(len(lines))
    lines[place] = _in_json(lines[place].encode(), chance).decode()
    return ("\n".join(lines) + "\n").encode()


def _in_yaml(content: bytes, chance: random.Random) -> bytes:
    document = yaml.safe_load(content)
    _in_document(document, chance)
    return yaml.dump(document, allow_unicode=True).encode("utf-8", "surrogatepass")


def _in_document(document: Any, chance: random.Random) -> None:
    """A value replaced, removed or doubled, or a key renamed."""
    places: list[tuple[Any, Any]] = []

    def visit(part: Any) -> None:
        for key, inner in list(part.items() if isinstance(part, dict) else enumerate(part)):
            places.append((part, key))
            if isinstance(inner, (dict, list)):
                visit(inner)

    visit(document)
    container, key = chance.choice(places)
    kind = chance.randrange(6)
    if kind == 0:
        del container[key]
    elif kind == 1 and isinstance(container, list):
        container.insert(key, copy.deepcopy(container[key]))
    elif kind == 1:
        container[chance.choice(TEXTS)] = container.pop(key)
    elif kind == 2:
        other, other_key = chance.choice(places)
        container[key] = copy.deepcopy(other.get(other_key) if isinstance(other, dict) else None)
    elif kind == 3:
        container[key] = str(container[key])[:200]
    else:
        container[key] = copy.deepcopy(chance.choice(VALUES))


def _in_xml(content: bytes, chance: random.Random) -> bytes:
    root = ElementTree.fromstring(content)  # a test wrote it
    parents = [element for element in root.iter() if len(element)]
    parent = chance.choice(parents)
    place = chance.randrange(len(parent))
    element = parent[place]
    kind = chance.randrange(6)
    if kind == 0:
        parent.remove(element)
    elif kind == 1:
        parent.insert(place, copy.deepcopy(element))
    elif kind == 2:
        element.tag = chance.choice([element.tag.upper(), f"{element.tag}s", "{http://a.b/c}" + element.tag, "object"])
    elif kind == 3 and element.attrib:
        element.attrib[chance.choice(sorted(element.attrib))] = _fit_for_xml(chance.choice(TEXTS))
    elif kind == 4:
        chance.choice(parents).append(copy.deepcopy(element))
    else:
        element.text = _fit_for_xml(chance.choice(TEXTS))
    return ElementTree.tostring(root, chance.choice(["utf-8", "us-ascii", "utf-16"]))


def _fit_for_xml(text: str) -> str:
    return text.replace("\0", "")


def _in_csv(content: bytes, chance: random.Random) -> bytes:
    rows = list(csv.reader(io.StringIO(content.decode())))
    row = rows[0] if chance.random() < 0.3 else chance.choice(rows)
    place = chance.randrange(len(row))
    kind = chance.randrange(4)
    if kind == 0:
        del row[place]
    elif kind == 1:
        row.insert(place, row[place])
    else:
        row[place] = chance.choice(TEXTS)
    out = io.StringIO()
    csv.writer(out).writerows(rows)
    return out.getvalue().encode("utf-8", "surrogatepass")


_STRUCTURED: dict[str, Callable[[bytes, random.Random], bytes]] = {
    ".json": _in_json,
    ".jsonl": _in_jsonl,
    ".yaml": _in_yaml,
    ".yml": _in_yaml,
    ".xml": _in_xml,
    ".csv": _in_csv,
}


def _renamed(path: Path, directory: Path, chance: random.Random) -> None:
    spellings = [
        *(path.name.upper(), f"{path.name}{path.suffix}", f"{path.stem} (1){path.suffix}", f".{path.name}", path.stem),
        *(f"{path.stem}{chance.choice(['.bmp', '.webp', '.txt', '.xml', '.json', '.JPG', '.jpeg', '.png'])}",),
    ]
    path.rename(path.with_name(chance.choice([*spellings, chance.choice(FILE_NAMES)])))


def _moved(path: Path, directory: Path, chance: random.Random) -> None:
    places = [place for place in sorted(directory.rglob("*")) if place.is_dir() and not place.is_symlink()]
    path.rename(chance.choice([*places, directory]) / path.name)


def _removed(path: Path, directory: Path, chance: random.Random) -> None:
    path.unlink()


def _doubled(path: Path, directory: Path, chance: random.Random) -> None:
    copied = path.with_name(chance.choice([*FILE_NAMES, f"{path.stem} (1){path.suffix}", f"{path.stem}.png"]))
    if not copied.exists():
        shutil.copy(path, copied)


def _linked(path: Path, directory: Path, chance: random.Random) -> None:
    others = [other for other in sorted(directory.rglob("*")) if other != path]
    targets = [str(other) for other in others] or ["."]
    target = chance.choice([*targets, "..", ".", "/nonexistent/a", str(path), "a" * 250])
    path.unlink()
    path.symlink_to(target)


def _linked_directory(path: Path, directory: Path, chance: random.Random) -> None:
    link = path.parent / chance.choice(["train", "labels", "images", "Annotations", "link", "obj_x_data"])
    if not (link.exists() or link.is_symlink()):
        places = [str(place) for place in sorted(directory.rglob("*")) if place.is_dir()]
        link.symlink_to(chance.choice([*places, "..", ".", str(directory), "/nonexistent", link.name]))


def _became_directory(path: Path, directory: Path, chance: random.Random) -> None:
    path.unlink()
    path.mkdir()


def _became_fifo(path: Path, directory: Path, chance: random.Random) -> None:
    path.unlink()
    os.mkfifo(path)


def _directory_renamed(path: Path, directory: Path, chance: random.Random) -> None:
    if path.parent != directory:
        name = chance.choice(
            [path.parent.name.upper(), "train", "labels", "images", "obj_x_data", "Annotations", ".x", "d"]
        )
        if not (path.parent.parent / name).exists():
            path.parent.rename(path.parent.parent / name)


_OF_FILES: list[Callable[[Path, Path, random.Random], None]] = [
    *(_renamed, _renamed, _moved, _removed, _doubled, _linked, _linked_directory, _became_directory, _became_fifo),
    _directory_renamed,
]
