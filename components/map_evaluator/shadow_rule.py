"""Whether candidate and served model agree enough on logged requests for a push without a person; pure."""

from __future__ import annotations

from ratchet.components.map_evaluator.settings import ShadowSettings
from ratchet.components.shadow.words import ends
from ratchet.schemas.artifacts.decisions import Reason
from ratchet.schemas.artifacts.shadow import Shadow
from ratchet.schemas.base.formatting import many, percent

SHADOW = "shadow"


def shadow_reasons(shadow: Shadow | str, settings: ShadowSettings | None) -> list[Reason]:
    """What the limit of disagreement says; nothing where none is set.

    Which of the two models is right, nothing here knows. So what failed holds a candidate for a person and blocks it
    for nobody, and so does a log that cannot be read or is too small: a limit was asked for, and nothing shows that it
    is kept.

    Args:
        shadow: what was measured, or why nothing was.
        settings: the limit.
    """
    if settings is None or settings.max_disagreement is None:
        return []
    expected = f"at most {percent(settings.max_disagreement)} of the objects in logged requests found differently"
    if isinstance(shadow, str):
        return [Reason(SHADOW, expected, f"nothing was measured: {shadow}")]
    overall = shadow.overall
    if overall.images < settings.min_images:
        found = f"{many(overall.images, 'logged image')} where evaluator.shadow.min_images asks for"
        return [Reason(SHADOW, expected, f"{found} {settings.min_images}")]
    if overall.share is None:
        return [Reason(SHADOW, expected, f"neither model finds an object in {many(overall.images, 'image')}")]
    kinds = f"{overall.missed:,} missed, {overall.new:,} new, {overall.other_class:,} read as another class"
    found = f"{percent(overall.share)} of {many(overall.objects, 'object')} ({ends(overall.interval)}): {kinds}"
    return [Reason(SHADOW, expected, found, passed=overall.share <= settings.max_disagreement)]
