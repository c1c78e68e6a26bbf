"""Lists of class names as annotation tools write them: classes.txt, obj.names, labelmap.txt, data.yaml, *.pbtxt.

And which class an object of a TFRecord has: by `class/text`, by `class/label`, or by both.
"""

from __future__ import annotations

import re
import unicodedata
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple

import yaml
from google.protobuf import text_format

from ratchet.components.example_gen.file_names import read_text_file
from ratchet.components.example_gen.protos import StringIntLabelMap
from ratchet.schemas.base.checked_json import MAX_ID, is_unicode, shown
from ratchet.schemas.base.errors import DataError
from ratchet.schemas.base.files import Files
from ratchet.schemas.base.yaml_checks import YAML_ERRORS, UnfitYamlError, UniqueKeys, check_yaml
from ratchet.schemas.data.records import LabelMap

_CVAT_LINE = re.compile(r"(?P<name>[^:]*):(\d+,\d+,\d+)?:[^:]*:[^:]*")
# PyYAML takes seconds for more; ten thousand classes fit into it.
_MAX_YAML = {"characters": 200_000, "items": 20_000, "brackets": 200}


class _Loader(UniqueKeys, yaml.BaseLoader):
    """Every scalar stays a string: `no` and `1` are class names like others."""


class PbtxtItem(NamedTuple):
    """One class of a label_map.pbtxt."""

    id: int
    name: str
    display_name: str


def label_map_of(names: Iterable[str], source: str) -> LabelMap:
    """The label map of a list of names, with the category ids 1..K; DataError when it is empty or has one twice."""
    names = tuple(names)
    if not names:
        raise DataError(f"{source}: no class names; list every class")
    for name in names:
        check_class_name(name, source)
    twice = _repeated(names)
    if twice:
        raise DataError(
            f"{source}: class {shown(twice[0])} is listed twice; rename one, so that the others keep their numbers"
        )
    refuse_twins(names, source)
    return LabelMap(names, tuple(range(1, len(names) + 1)))


def _repeated(values: Sequence[Any]) -> list[Any]:
    return [value for value, count in Counter(values).items() if count > 1]


def check_class_name(name: str, where: str) -> str:
    """The name; DataError for a blank one, and for what is no valid Unicode."""
    if not name.strip() or not is_unicode(name):
        raise DataError(f"{where}: class name {shown(name)} must be a non-empty string of valid Unicode; correct it")
    return name


def read_class_list(path: str, files: Files) -> LabelMap:
    """Reads class names.

    Args:
        path: a `.yaml` file with `names:`, else a text file with one name a line; of CVAT's lines
            `name:colour:parts:actions` the name is taken, its `background` left out.
        files: the file system.

    Returns:
        The names in the file's order, ids 1..K.

    Raises:
        DataError: unreadable, empty, a gap in it or a name twice.
    """
    text = read_text_file(path, files)
    if path.endswith((".yaml", ".yml")):
        return label_map_of(names_in_yaml(read_yaml(text, path), path), path)
    lines = [line.strip() for line in text.splitlines()]
    cvat = any(_CVAT_LINE.fullmatch(line) for line in lines)
    if cvat:
        lines = [line.split(":")[0] for line in lines if line and not line.startswith("#")]
        return label_map_of((name for name in lines if name != "background"), path)
    while lines and not lines[-1]:
        lines.pop()
    if "" in lines:
        raise DataError(
            f"{path}: line {lines.index('') + 1} is blank: whether it counts as a class is not said; remove it, or "
            "name the class of that number"
        )
    if _are_numbered(lines):
        raise DataError(
            f"{path}: its lines are numbered, such as {shown(lines[0])}; write the names alone, in this order"
        )
    return label_map_of(lines, path)


def _are_numbered(lines: Sequence[str]) -> bool:
    """Whether each line begins with its number: `0 bolt`, or `1: bolt`; "1 euro" may be a name."""
    matches = [re.match(r"(\d+)\s*(?:([:.,;)\t=-])\s*|\s)\S", line) for line in lines]
    if len(lines) < 2 or not all(matches):
        return False
    found = [(int(match[1]), match[2]) for match in matches if match and len(match[1]) < 10]
    first = 0 if not all(mark for _, mark in found) or found[0][0] == 0 else 1
    return [number for number, _ in found] == list(range(first, first + len(lines)))


def read_yaml(text: str, path: str) -> Any:
    """What a YAML file of classes holds, every scalar a string; DataError for what is none, or too large for one."""
    sizes = {
        "characters": len(text),
        "items": len(re.findall(r"[,\n]", text)),
        "brackets": len(re.findall(r"[\[{]", text)),
    }
    for what, size in sizes.items():
        if size > _MAX_YAML[what]:
            raise DataError(f"{path}: {size} {what}, allowed are {_MAX_YAML[what]}: it is no list of class names")
    try:
        check_yaml(text)
        return yaml.load(text, Loader=_Loader)
    except UnfitYamlError as error:
        raise DataError(f"{path}: {error}") from error
    except YAML_ERRORS as error:
        raise DataError(f"{path}: not valid YAML: {' '.join(str(error).split())[:300]}") from error


def names_in_yaml(document: Any, path: str) -> list[str]:
    """The class names of Ultralytics' data.yaml.

    Raises:
        DataError: `names` is no list and no mapping of 0..K-1, or `nc` is not their number.
    """
    names: Any = document.get("names") if isinstance(document, dict) else None
    if isinstance(names, dict):
        expected = [str(number) for number in range(len(names))]
        if set(names) != set(expected):
            raise DataError(f"{path}: the keys of names are {shown(list(names))}; they must be 0..{len(names) - 1}")
        names = [names[key] for key in expected]
    if not isinstance(names, list) or not all(isinstance(name, str) for name in names):
        raise DataError(f"{path}: names {shown(names)} must be a list of class names or a mapping of 0..K-1 to them")
    count = document.get("nc")
    if count is not None and count != str(len(names)):
        raise DataError(
            f"{path}: nc is {shown(count)}, but names has {len(names)}: {shown(names)}; correct one of them"
        )
    return names


def refuse_twins(names: Sequence[str], source: str) -> None:
    """DataError where two classes differ only in case, in spaces or in their Unicode form."""
    first: dict[str, str] = {}
    for name in names:
        other = first.setdefault(_plain(name), name)
        if other is not name:
            raise DataError(
                f"{source}: classes {other!a} and {name!a} differ only in case, spaces, hyphens or Unicode form; "
                "write them alike if they are one class, else rename one"
            )


def _plain(name: str) -> str:
    """A name without what people do not see or type as they please; what has no width is dropped."""
    seen = "".join(char for char in unicodedata.normalize("NFKC", name) if unicodedata.category(char) != "Cf")
    return " ".join(re.sub(r"(?<=[^\W_])[\s_-]+(?=[^\W_])", " ", seen.casefold()).split())


def read_pbtxt(path: str, files: Files) -> list[PbtxtItem]:
    """Reads a label map of the TF Object Detection API: `item { id: 1 name: "cat" display_name: "Cat" }`.

    Returns:
        Its items by ascending id.

    Raises:
        DataError: not of that form, or an id or name twice.
    """
    try:
        label_map = text_format.Parse(read_text_file(path, files), StringIntLabelMap(), allow_unknown_field=True)
    except (text_format.ParseError, RecursionError) as error:
        told = "".join(char if char.isprintable() else "?" for char in str(error)[:300].rstrip("."))
        raise DataError(f"{path}: no label map: {told}; export it again") from error
    items = sorted(_pbtxt_item(item, path) for item in label_map.item)
    for key in ("id", "name", "display_name"):
        twice = _repeated([getattr(item, key) for item in items])
        if twice:
            raise DataError(f"{path}: two items have the {key} {shown(twice[0])}; give each its own")
    if not items:
        raise DataError(f"{path}: no item in it; list every class as item {{ id: 1 name: 'cat' }}")
    return items


def _pbtxt_item(item: Any, path: str) -> PbtxtItem:
    if not item.HasField("id") or item.id < 0:
        raise DataError(f"{path}: item {shown(item.name)}: id must be an integer, 0..{MAX_ID}; give it one")
    name = item.name or item.display_name
    check_class_name(name, f"{path}: item {item.id}")
    return PbtxtItem(item.id, name, item.display_name or name)


Found = tuple[int | None, str | None, str]  # label, text, place


@dataclass(frozen=True)
class Classes:
    """The classes that are known before the records are read.

    Attributes:
        label_map: them; None if only the records name them.
        texts: label 1..K by every name that a text may have.
        ids_count: whether `class/label` is the label map's category id; otherwise only texts count where there are
            any.
        source: where they come from, for messages.
    """

    label_map: LabelMap | None = None
    texts: tuple[tuple[str, int], ...] = ()
    ids_count: bool = True
    source: str = "the records"

    @classmethod
    def of_items(cls, items: Sequence[PbtxtItem], source: str) -> Classes:
        """Those of a label_map.pbtxt; a text may be a name or a display name."""
        label_map = LabelMap(tuple(item.display_name for item in items), tuple(item.id for item in items))
        texts = [(name, label) for label, item in enumerate(items, 1) for name in (item.display_name, item.name)]
        return cls(label_map, tuple(texts), True, source)

    @classmethod
    def of_names(cls, names: Sequence[str]) -> Classes:
        """Those of a curated list, in label order."""
        label_map = label_map_of(names, "the schema's classes")
        return cls(
            label_map, tuple((name, label) for label, name in enumerate(names, 1)), False, "the schema's classes"
        )

    def resolve(self, found: list[Found], source: str) -> tuple[LabelMap, list[int]]:
        """Finds the class of each object.

        Args:
            found: label, text and place of each; at least one object.
            source: what was read, for messages.

        Returns:
            The label map, and the label 1..K of each object.

        Raises:
            DataError: a class is unknown or has two names, or only numbers are given.
        """
        _check_pairs(found)
        known = self if self.label_map else Classes._found(found, source)
        assert known.label_map is not None
        by_text = dict(known.texts)
        by_id = {category_id: label for label, category_id in enumerate(known.label_map.category_ids, 1)}
        return known.label_map, [known._label(each, by_text, by_id) for each in found]

    @staticmethod
    def _found(found: list[Found], source: str) -> Classes:
        texts = {text for _, text, _ in found if text is not None}
        unnamed = next((place for _, text, place in found if text is None), None)
        if unnamed is not None:
            raise DataError(
                f"{unnamed}: class/label without class/text, and no label map; put a label_map.pbtxt into {source}"
            )
        if all(label is not None for label, _, _ in found):
            pairs = sorted({(label or 0, text or "") for label, text, _ in found})
            return Classes.of_items([PbtxtItem(label, text, text) for label, text in pairs], "the records")
        return Classes.of_names(sorted(texts))

    def _label(self, found: Found, by_text: dict[str, int], by_id: dict[int, int]) -> int:
        number, text, place = found
        label = by_text.get(text) if text is not None else None
        if text is not None and label is None:
            raise DataError(
                f"{place}: class {shown(text)} is not in {self.source}, which has {shown(list(by_text))}; correct it "
                "or add the class there"
            )
        if number is None or (label is not None and not self.ids_count):
            return label or 0
        if by_id.get(number) is None or label not in (None, by_id[number]):
            named = f" of {shown(text)}" if text is not None else ""
            raise DataError(
                f"{place}: class/label {number}{named} is not as in {self.source}, whose classes have the numbers "
                f"{shown(list(by_id))}; correct one of them"
            )
        return by_id[number]


def _check_pairs(found: list[Found]) -> None:
    """A number must always have the same name, and a name the same number."""
    texts: dict[int, str] = {}
    labels: dict[str, int] = {}
    for label, text, place in found:
        if label is not None and not 0 <= label <= MAX_ID:
            raise DataError(f"{place}: class/label {label} must be an integer, 0..{MAX_ID}; correct it")
        if label is None or text is None:
            continue
        if texts.setdefault(label, text) != text or labels.setdefault(text, label) != label:
            other = texts[label] if texts[label] != text else labels[text]
            raise DataError(
                f"{place}: class/label {label} goes with class/text {shown(text)} here, and elsewhere with "
                f"{shown(other)}; give each class one number and one name"
            )
