"""Settings as nested mappings: found by dotted paths, listed as leaves, compared as texts."""

from __future__ import annotations

import math
import re
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from ratchet.schemas.base.errors import InputError

Tree = Mapping[str, Any]

MAX_DEPTH = 100
MAX_VALUES = 200_000
_LISTS = (list, tuple, set, frozenset)
_LARGEST_INTEGER = 10**18
NONE = "none"  # as the text of a setting
_PART = re.compile(r"([^.\[\]]+)|\[(\d+)\]")
_INFINITE = {"inf": math.inf, "infinity": math.inf, "-inf": -math.inf, "-infinity": -math.inf}


def plain_tree(tree: Any, source: str) -> Any:
    """A tree as settings have it: names are texts, lists are lists, whatever is no plain value is its text.

    Args:
        tree: of JSON, YAML or Python, where one value may stand in several places.
        source: where it comes from, for messages.

    Raises:
        InputError: it is nested more deeply, or has more values, than any configuration.
    """
    coming, count = [(tree, 0)], 0
    while coming:
        value, depth = coming.pop()
        inside = list(value.values()) if isinstance(value, Mapping) else value if isinstance(value, _LISTS) else ()
        count += 1
        if depth > MAX_DEPTH or count > MAX_VALUES:
            what = f"nested more than {MAX_DEPTH} deep" if depth > MAX_DEPTH else f"more than {MAX_VALUES:,} values"
            raise InputError(f"{source}: {what}, which no training configuration is; give that of the training")
        coming += [(each, depth + 1) for each in inside]
    return _plain(tree)


def _plain(value: Any) -> Any:
    if isinstance(value, Mapping):
        return {str(key): _plain(each) for key, each in value.items()}
    if isinstance(value, _LISTS):
        return [_plain(each) for each in value]
    if isinstance(value, int) and not isinstance(value, bool) and abs(value) > _LARGEST_INTEGER:
        return hex(value)  # of thousands of digits there is no decimal text
    return value if value is None or isinstance(value, (str, bool, int, float)) else str(value)


def at(tree: Any, path: str) -> Any:
    """What stands at a dotted path; None where nothing does.

    >>> at({"a": [{"b.c": 1}, {"b": 2}]}, "a[1].b")
    2
    """
    for name, index in _PART.findall(path):
        if name and isinstance(tree, Mapping):
            tree = tree.get(name)
        elif index and isinstance(tree, (list, tuple)) and int(index) < len(tree):
            tree = tree[int(index)]
        else:
            return None
    return tree


def many(value: Any) -> list[Any]:
    """The values of a repeated setting, which may stand there once, not at all or as a list."""
    if value is None:
        return []
    return list(value) if isinstance(value, (list, tuple)) else [value]


def number(value: Any) -> float | None:
    """A finite number, of a text as well; None for anything else.

    >>> number("4e-2"), number(".5f"), number("1_000"), number(True), number("inf"), number(3)
    (0.04, 0.5, None, None, None, 3.0)
    """
    if isinstance(value, bool) or not isinstance(value, (int, float, str)):
        return None
    parsed = _parsed(value) if isinstance(value, str) else value
    if parsed is None:
        return None
    try:
        return float(parsed) if math.isfinite(parsed) else None
    except OverflowError:  # an integer of hundreds of digits
        return None


def truth(value: Any) -> bool | None:
    """A truth value, of a text as well."""
    if isinstance(value, bool):
        return value
    known = {"true": True, "t": True, "1": True, "yes": True, "false": False, "f": False, "0": False, "no": False}
    return known.get(str(value).lower()) if isinstance(value, (str, int)) else None


def text_of(value: Any) -> str:
    """A setting as text.

    >>> text_of(0.04), text_of(True), text_of(None), text_of((800, 1333))
    ('0.04', 'true', 'none', '[800, 1333]')
    """
    if value is None:
        return NONE
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, Mapping):
        return "{" + ", ".join(f"{key}: {text_of(each)}" for key, each in value.items()) + "}"
    if isinstance(value, (list, tuple)):
        return "[" + ", ".join(map(text_of, value)) + "]"
    return shown(value) if isinstance(value, float) else str(value)


def shown(value: float) -> str:
    """A number as people write it.

    >>> shown(0.1 + 0.2), shown(50000.0), shown(2.5e-5), shown(1234567.0)
    ('0.3', '50000', '2.5e-05', '1234567')
    """
    if math.isfinite(value) and value == int(value) and abs(value) < 1e15:
        return str(int(value))
    return f"{value:.6g}"


def is_same(before: str, after: str) -> bool:
    """Whether two texts say the same: `0.040` and `4e-2` do, `True` and `true`, `[1, 2]` and `[1.0, 2]` too."""
    if before == after or before.lower() == after.lower() in ("true", "false", NONE):
        return True
    first, second = _numbers(before), _numbers(after)
    if first is None or second is None or len(first) != len(second):
        return False
    return all(math.isclose(a, b, rel_tol=1e-6, abs_tol=1e-15) for a, b in zip(first, second))


def leaves(tree: Any, path: str = "") -> Iterator[tuple[str, str]]:
    """Every leaf with its dotted path; a list of plain values is one leaf.

    >>> dict(leaves({"a": {"b": 1, "c": [1, 2]}, "d": [{"e": None}, {}]}))
    {'a.b': '1', 'a.c': '[1, 2]', 'd[0].e': 'none', 'd[1]': '{}'}
    """
    if isinstance(tree, Mapping) and tree:
        for key, value in tree.items():
            yield from leaves(value, f"{path}.{key}" if path else str(key))
    elif isinstance(tree, (list, tuple)) and any(isinstance(each, (Mapping, list, tuple)) for each in tree):
        for index, value in enumerate(tree):
            yield from leaves(value, f"{path}[{index}]")
    else:
        yield path, text_of(tree)


def is_below(path: str, parent: str) -> bool:
    """Whether a dotted path is another one or lies below it."""
    return path == parent or path.startswith((f"{parent}.", f"{parent}["))


class Settings:
    """A tree of settings that remembers by which path each attribute of a plan was found."""

    def __init__(self, tree: Tree) -> None:
        """Reads from a tree."""
        self.tree = tree
        self.named: dict[str, str] = {}

    def take(self, attribute: str, *paths: str) -> Any:
        """The first of some settings that is there, as what is behind an attribute.

        Args:
            attribute: of a TrainingPlan; empty for none.
            paths: dotted; where none is there, the first one is named as what to set.
        """
        for path in paths:
            value = at(self.tree, path)
            if value is not None:
                self.name(attribute, path)
                return value
        self.name(attribute, paths[0])
        return None

    def number(self, attribute: str, *paths: str, default: float | None = None) -> float | None:
        """`take` of a finite number."""
        found = number(self.take(attribute, *paths))
        return default if found is None else found

    def text(self, attribute: str, *paths: str) -> str | None:
        """`take` of a text; None where there is none."""
        found = self.take(attribute, *paths)
        return None if found is None else text_of(found)

    def name(self, attribute: str, path: str) -> None:
        """Says which path is behind an attribute."""
        if attribute:
            self.named[attribute] = path


def _parsed(text: str) -> float | None:
    text = text.strip().lower()
    if text in _INFINITE:
        return _INFINITE[text]
    if "_" in text or text.startswith(("nan", "-nan", "+nan")):
        return None
    try:
        return int(text, 16) if "0x" in text else float(text[:-1] if text[-1:] == "f" else text)
    except ValueError:
        return None


def _numbers(text: str) -> Sequence[float] | None:
    parsed = [_parsed(part) for part in text.strip("[]()").split(",")]
    return None if None in parsed else [each for each in parsed if each is not None]
