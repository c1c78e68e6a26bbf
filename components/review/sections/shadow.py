"""Candidate and served model on logged requests, as the evaluator measured it."""

from __future__ import annotations

from markupsafe import Markup

from ratchet.components.pages.html import render
from ratchet.components.shadow import words
from ratchet.components.shadow.tables import tables_of
from ratchet.schemas.artifacts.shadow import Shadow
from ratchet.schemas.base.formatting import capital, many, percent


def shadow_section(shadow: Shadow) -> Markup:
    """What they disagree about, and tables by camera, hour and class."""
    return render(
        "review/templates/shadow.html",
        shadow=shadow,
        headline=capital(words.headline(shadow.overall)),
        kinds=words.kinds(shadow),
        scores=capital(words.scores_moved(shadow)),
        tables=tables_of(shadow),
    )


def shadow_gist(shadow: Shadow) -> str:
    """The share of objects, in a line."""
    overall = shadow.overall
    if overall.share is None:
        return f"no object in {many(overall.images, 'image')}"
    return f"{percent(overall.share)} of {many(overall.objects, 'object')} found differently"
