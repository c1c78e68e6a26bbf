"""A key that a JSON object has twice: parsers keep the last value in silence, and which one was meant nobody knows."""

from __future__ import annotations

import re
import reprlib
from itertools import chain
from typing import Any

_SPACED_COLON = re.compile(rb'"[ \t\r\n]+:')
_SPACED = (b'" ', b'"\t', b'"\r', b'"\n')  # to look for these is faster where there are none
_NESTING = frozenset((dict, list))

_short = reprlib.Repr()
_short.maxstring = _short.maxother = 40
_short.maxlevel = 1  # an object may hold a whole file


class RepeatedKeyError(ValueError):
    """An object has a key twice; the message names the key and shows the object."""


def unique_keys(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    """An object of its pairs, for `json.loads(object_pairs_hook=...)`.

    Raises:
        RepeatedKeyError: two have the same key.
    """
    made = dict(pairs)
    if len(made) != len(pairs):
        keys = [key for key, _ in pairs]
        twice = next(key for key in keys if keys.count(key) > 1)
        raise RepeatedKeyError(f"the key {_short.repr(twice)} is there twice in the object {_short.repr(made)}")
    return made


def may_repeat_keys(text: bytes, document: Any) -> bool:
    """Whether a faster parser may have dropped a repeated key; then `unique_keys` has to tell.

    Each key stands before a colon, behind a quote that no string can hold unescaped. So there are never fewer of
    these in the text than keys, and as many as the document has keys only if none was dropped. A string that begins
    with a colon makes one too many: then the answer is yes without a repeated key.

    Args:
        text: UTF-8, valid JSON.
        document: what the parser made of it.
    """
    if b"\\u" not in text and not any(map(text.__contains__, _SPACED)):
        import orjson  # which light commands, that read JSON too, need not load

        # Written again without white space, strings have the same quotes and colons as before; this is faster.
        return text.count(b'":') != orjson.dumps(document).count(b'":')
    return text.count(b'":') + len(_SPACED_COLON.findall(text)) != _count_keys(document)


def _count_keys(document: Any) -> int:
    count, level = 0, [document]
    while level:
        objects = [value for value in level if type(value) is dict]
        count += sum(map(len, objects))
        lists = [value for value in level if type(value) is list and not _NESTING.isdisjoint(map(type, value))]
        inside = chain(chain.from_iterable(map(dict.values, objects)), chain.from_iterable(lists))
        level = [value for value in inside if type(value) in _NESTING]
    return count
