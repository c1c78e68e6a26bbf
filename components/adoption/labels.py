"""The classes of a detector of another toolkit, as its label file numbers them; pure.

A `label_map.pbtxt` of the TF Object Detection API, COCO categories, a JSON list of names, or a text file of one name a
line. Numbers may have gaps; a class that stands for the background is left out, for detectors do not return it.
"""

from __future__ import annotations

import json
import re
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from ratchet.components.toolkits.text_files import read_text_of
from ratchet.components.toolkits.textproto import Message, parse_textproto
from ratchet.schemas.base.checked_json import MAX_ID, Problems, is_unicode, load_json, read_integer, read_text, shown
from ratchet.schemas.base.errors import InputError
from ratchet.schemas.base.visible import visible_line

MOST_CLASSES = 65_535  # labels travel as 16 bits
KNOWN = (
    "a label_map.pbtxt of the TF Object Detection API, a text file with one class a line, a JSON list of names, or "
    "COCO categories"
)
_MOST_BYTES = 10_000_000
_ITEM = re.compile(r"^\s*item\s*:?\s*[{<]", re.MULTILINE)
_BACKGROUND = frozenset({"background", "__background__", "???"})  # the last one is a gap in TensorFlow Lite's lists


@dataclass(frozen=True)
class Labels:
    """What the numbers of a detector mean.

    Attributes:
        source: the file.
        ids: ascending.
        names: of the classes, in the order of `ids`.
        other_names: the same by the file's second field, such as `name` where `display_name` is taken; empty if there
            is none.
    """

    source: str
    ids: tuple[int, ...]
    names: tuple[str, ...]
    other_names: tuple[str, ...] = ()

    def counted_from(self, first: int) -> Labels:
        """Moved so that the first class has another number."""
        return self.shifted(first - self.ids[0])

    def shifted(self, by: int) -> Labels:
        """With all numbers higher by so much."""
        return replace(self, ids=tuple(number + by for number in self.ids))

    def placed(self, first: int) -> Labels:
        """Numbered by their places, without gaps."""
        return replace(self, ids=tuple(range(first, first + len(self.ids))))

    def turned(self, by: int) -> Labels:
        """Each number with the name that stands so many places later, the last ones with the first."""
        by %= len(self.names)
        return replace(self, names=self.names[by:] + self.names[:by])

    def named_as(self, wanted: Iterable[str]) -> Labels:
        """With those names of the two that a data set has more of."""
        known = set(wanted)
        if len(known.intersection(self.other_names)) > len(known.intersection(self.names)):
            return replace(self, names=self.other_names, other_names=self.names)
        return self


def read_labels(path: Path) -> Labels:
    """Reads a label file; what it is, its content says.

    Args:
        path: of a file.

    Raises:
        InputError: it cannot be read, or is none of `KNOWN`; with the place and the fix.
    """
    source = visible_line(str(path))
    text = read_text_of(path, _MOST_BYTES, "label file", KNOWN)
    if "\0" in text:
        raise InputError(f"{source}: is no text, it holds zero bytes; give {KNOWN}")
    if not text.strip():
        raise InputError(f"{source}: the file is empty; give {KNOWN}")
    if text.lstrip()[:1] in ("[", "{"):
        return _of_json(load_json(text.encode(), source), source)
    if _ITEM.search(text):
        return _of_pbtxt(parse_textproto(text, source), source)
    return _of_lines(text.splitlines(), source)


def labels_of(names: Sequence[str], source: str) -> Labels:
    """The classes of a list, counted from 1.

    Args:
        names: in label order.
        source: where they are from, for messages.

    Raises:
        InputError: there is none, or one is blank or there twice.
    """
    first = 0 if names and names[0].strip().casefold() in _BACKGROUND else 1
    return _checked([(place, name, "") for place, name in enumerate(names, first)], source)


def _of_lines(lines: Sequence[str], source: str) -> Labels:
    names = [line.strip() for line in lines]
    while names and not names[-1]:
        names.pop()
    if "" in names:
        raise InputError(
            f"{source}: line {names.index('') + 1} is blank, so whether it counts as a class is not said; remove it, "
            "or name the class of that number"
        )
    if len(names) > 1 and all(re.match(r"\d+\s*[:,;.\t ]\s*\S", name) for name in names):
        raise InputError(
            f"{source}: its lines begin with numbers, such as {shown(names[0])}; write the names alone in the order of "
            "their numbers, or a label_map.pbtxt"
        )
    return labels_of(names, source)


def _of_json(document: Any, source: str) -> Labels:
    if isinstance(document, dict):
        if "categories" not in document:
            keys = ", ".join(shown(key) for key in list(document)[:5])
            raise InputError(f"{source}: a JSON object with {keys or 'nothing'}, but no categories; give {KNOWN}")
        document = document["categories"]
    if not isinstance(document, list):
        raise InputError(f"{source}: categories {shown(document)} must be a list; give {KNOWN}")
    if all(isinstance(entry, str) for entry in document):
        return labels_of(document, source)
    found = [_category(entry, f"{source}: entry {place}") for place, entry in enumerate(document)]
    return _checked(found, source)


def _category(entry: Any, where: str) -> tuple[int, str, str]:
    return read_integer(entry, "id", where), read_text(entry, "name", where), ""


def _of_pbtxt(message: Message, source: str) -> Labels:
    return _checked([_item(item, f"{source}: item {place}") for place, item in enumerate(message["item"], 1)], source)


def _item(item: str | Message, where: str) -> tuple[int, str, str]:
    if isinstance(item, str):
        raise InputError(f"{where}: {shown(item)} must be a message with id and name; export the label map again")
    texts = {key: values[-1] for key, values in item.items() if isinstance(values[-1], str)}
    number = texts.get("id", "")
    if not re.fullmatch(r"\d{1,18}", number) or int(number) > MAX_ID:
        raise InputError(f"{where}: id {shown(number)} must be an integer from 1 on; correct it")
    name, display = texts.get("name", ""), texts.get("display_name", "")
    return int(number), display or name, name if display else ""


def _checked(found: Sequence[tuple[int, str, str]], source: str) -> Labels:
    kept = sorted(each for each in found if not _is_background(*each[:2]))
    if not kept:
        raise InputError(f"{source}: names no class; give {KNOWN}")
    if len(kept) > MOST_CLASSES:
        raise InputError(f"{source}: {len(kept)} classes, at most {MOST_CLASSES} are possible; give {KNOWN}")
    problems = Problems(f"{source}: ")
    for number, name, _ in kept:
        if not name.strip() or not is_unicode(name) or not name.isprintable():
            problems.add(f"class {number}: name {shown(name)} must be a line of printable text; correct it")
    for place, what in enumerate(("id", "name")):
        twice = [(value, count) for value, count in Counter(each[place] for each in kept).items() if count > 1]
        if twice:
            problems.add(f"{what} {shown(twice[0][0])} is there {twice[0][1]} times; each class has its own")
    problems.raise_if_any()
    others = tuple(each[2] for each in kept)
    others = others if all(others) and len(set(others)) == len(others) else ()
    return Labels(source, tuple(each[0] for each in kept), tuple(each[1] for each in kept), others)


def _is_background(number: int, name: str) -> bool:
    return name.strip().casefold() in _BACKGROUND and (number == 0 or name.strip() == "???")


def labels_json(names: Sequence[str]) -> str:
    """`labels.json` inside a served model."""
    return json.dumps(list(names))
