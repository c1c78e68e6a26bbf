"""The one way to HTML: Jinja2 templates that escape every value, and show what would hide in it.

Templates lie in `templates/` of the package whose pages they are, and are named from `components/` on:
`review/templates/head.html`. A value is text of others until it is `Markup`: it is escaped, what hides in it (controls,
characters that turn the direction of writing) is shown as escapes, and what is long is cut (`upto` cuts elsewhere).
"""

from __future__ import annotations

import base64
import functools
from collections.abc import Sequence
from pathlib import Path

from jinja2 import Environment, FileSystemLoader, StrictUndefined
from markupsafe import Markup, escape

from ratchet.components.pages import numbers
from ratchet.schemas.base.formatting import and_more, capital, many
from ratchet.schemas.base.visible import visible_line

_COMPONENTS = Path(__file__).resolve().parents[1]
_LONGEST = 600  # characters of one piece of text; a page is for reading, the JSON files beside it have the rest


def render(template: str, /, **values: object) -> Markup:
    """A template with its values.

    Args:
        template: its name from `components/` on.
        values: what it names.

    Raises:
        jinja2.UndefinedError: the template names what is not there.
    """
    return Markup(_environment().get_template(template).render(**values))


def upto(text: object, longest: int) -> Markup:
    r"""A text as HTML, cut after so many characters; what would not be shorter for it is not cut.

    >>> upto("<b>photo\u202egpj.exe", 100)
    Markup('&lt;b&gt;photo\\u202egpj.exe')
    """
    if isinstance(text, Markup):
        return text
    shown = visible_line(str(text))
    rest = f"… ({len(shown) - longest:,} more characters)"
    return escape(shown[:longest] + rest if longest + len(rest) < len(shown) else shown)


def first(items: Sequence[object], most: int, longest: int = 80) -> Markup:
    """The first items, separated by commas, and how many more there are.

    >>> first(["<a>", "b", "c"], 2)
    Markup('&lt;a&gt;, b and 1 more')
    """
    return Markup(", ").join(upto(item, longest) for item in items[:most]) + and_more(len(items) - most)


def jpeg_source(encoded: bytes) -> str:
    """A JPEG as the source of an image element."""
    return f"data:image/jpeg;base64,{base64.b64encode(encoded).decode()}"


def _finalize(value: object) -> object:
    if value is None:
        return numbers.NOTHING
    return upto(value, _LONGEST) if isinstance(value, str) else value


@functools.cache
def _environment() -> Environment:
    environment = Environment(
        loader=FileSystemLoader(_COMPONENTS),
        autoescape=True,
        undefined=StrictUndefined,
        finalize=_finalize,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.filters |= {
        "upto": upto,
        "first_of": first,
        "jpeg": jpeg_source,
        "many": many,
        "cap": capital,
        "thousands": lambda count: f"{count:,}",
        **numbers.FILTERS,
    }
    return environment
