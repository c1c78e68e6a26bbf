"""Sections that speak of a baseline and a candidate, in the words of a page that calls them otherwise; pure."""

from __future__ import annotations

import re
from collections.abc import Mapping

from markupsafe import Markup

from ratchet.components.pages.document import Section

# What a reader sees: text between tags but for names of rules, and heads of columns that narrow tables repeat.
_SHOWN = re.compile(r"(?<!<code)>[^<>]+(?=<)|data-of=\"[^\"]*\"")
_MODEL = re.compile(r"\b(?:[Tt]he )?(?<!:)(?:[Bb]aseline|[Cc]andidate)\b")


def renamed(section: Section, names: Mapping[str, str]) -> Section:
    """A section with other names of the models.

    Args:
        section: names of rules and addresses in it stay as they are.
        names: of `candidate`, `the candidate`, `baseline` and `the baseline`, in small letters.
    """
    text, gist = renamed_markup(section.text, names), renamed_text(section.gist, names)
    return section._replace(text=text, gist=gist)


def renamed_markup(markup: Markup, names: Mapping[str, str]) -> Markup:
    """The same of what a reader sees of HTML."""
    return Markup(_SHOWN.sub(lambda shown: renamed_text(shown.group(), names), markup))


def renamed_text(text: str, names: Mapping[str, str]) -> str:
    """The same of a text.

    >>> names = {"candidate": "new", "the candidate": "the new one", "baseline": "old", "the baseline": "the old one"}
    >>> renamed_text("The candidate is worse than the baseline. Baseline mAP", names)
    'The new one is worse than the old one. Old mAP'
    """

    def other(found: re.Match[str]) -> str:
        told = found.group()
        name = names[told.lower()]
        return name[0].upper() + name[1:] if told[0].isupper() else name

    return _MODEL.sub(other, text)
