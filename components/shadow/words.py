"""What two models disagree about, in words; pure."""

from __future__ import annotations

from collections.abc import Mapping

from ratchet.schemas.artifacts.shadow import UNKNOWN_PART, Disagreement, Shadow
from ratchet.schemas.base.formatting import listed, many, minus, percent


def ends(interval: tuple[float, float] | None) -> str:
    """An interval of a share.

    >>> ends((0.101, 0.149)), ends(None)
    ('95 % interval 10 % to 15 %', 'no interval: too few images')
    """
    if interval is None:
        return "no interval: too few images"
    return f"95 % interval {percent(interval[0])} to {percent(interval[1])}"


def headline(overall: Disagreement) -> str:
    """What they disagree about, in a sentence."""
    if overall.share is None:
        return f"neither finds an object in {many(overall.images, 'image')}"
    return (
        f"they disagree about {percent(overall.share)} of {many(overall.objects, 'object')} "
        f"({ends(overall.interval)}), in {percent(overall.images_share or 0.0)} of {many(overall.images, 'image')} "
        f"({ends(overall.images_interval)})"
    )


def kinds(shadow: Shadow) -> list[tuple[str, int, str]]:
    """The kinds of disagreement: name, how many, and what it is."""
    overall = shadow.overall
    classes = listed([f"{each.served} as {each.candidate} ({each.objects:,})" for each in shadow.read_as], 3)
    return [
        ("missed", overall.missed, f"found by the served model alone{_faint(overall.missed_faint, 'candidate')}"),
        ("new", overall.new, f"found by the candidate alone{_faint(overall.new_faint, 'served model')}"),
        ("other class", overall.other_class, f"read as another class{f': {classes}' if classes else ''}"),
    ]


def _faint(count: int, model: str) -> str:
    return f"; {count:,} of them by the {model} too, with at least half the score that counts" if count else ""


def scores_moved(shadow: Shadow) -> str:
    """How the scores differ where they agree, in a sentence."""
    shift = shadow.shift
    if shift.median is None or shift.low is None or shift.high is None:
        return "there is no object on which they agree"
    return minus(
        f"candidate's score minus the served model's over {many(shift.objects, 'object')}: median {shift.median:+.3f}, "
        f"10th to 90th percentile {shift.low:+.3f} to {shift.high:+.3f}"
    )


def parts(shadow: Shadow) -> dict[str, Mapping[str, Disagreement]]:
    """The tables: by camera, by hour and by class, each where something is known of it."""
    found = {"camera": shadow.by_camera, "hour": shadow.by_hour, "class": shadow.by_class}
    return {name: of for name, of in found.items() if set(of) - {UNKNOWN_PART}}
