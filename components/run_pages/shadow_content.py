"""A run's candidate beside the served model on logged requests: what command and page say of it; pure."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from ratchet.components.shadow import words
from ratchet.components.shadow.shown import ShownImage
from ratchet.schemas.artifacts.shadow import Disagreement, Shadow
from ratchet.schemas.base.formatting import listed, many, percent

MOST_READ_AS = 20


@dataclass(frozen=True)
class ShadowReport:
    """What `ratchet shadow` came to.

    Attributes:
        run_id: the run whose candidate was looked at.
        verdict: of it.
        version: of the served model that it was held against.
        shadow: the figures.
        images: those in which they disagree most.
        notes: what else should be known, sentences.
    """

    run_id: str
    verdict: str
    version: str
    shadow: Shadow
    images: tuple[ShownImage, ...] = ()
    notes: tuple[str, ...] = ()


def told(report: ShadowReport) -> list[str]:
    """What else should be known."""
    shadow, notes = report.shadow, list(report.notes)
    if shadow.new_classes:
        counts = listed([f"{name} ({count:,})" for name, count in shadow.new_classes.items()], 10)
        notes.append(f"left out: what the candidate finds of classes that the served model does not know: {counts}")
    if shadow.unreadable:
        notes.append(f"{many(shadow.unreadable, 'entry')} of the log could not be read as an image")
    if shadow.oldest and shadow.newest:
        notes.append(f"logged from {shadow.oldest} to {shadow.newest}")
    return notes


def to_text(report: ShadowReport) -> str:
    """A few lines and tables for a terminal."""
    shadow = report.shadow
    lines = [
        f"candidate of {report.run_id} ({report.verdict}) beside version {report.version}, on "
        f"{many(shadow.overall.images, 'logged image')} of {shadow.log}",
        f"  {words.headline(shadow.overall)}",
        *(f"  {name:<12}{count:>7,}  {meaning}" for name, count, meaning in words.kinds(shadow)),
        f"  scores: {words.scores_moved(shadow)}",
    ]
    for name, of in words.parts(shadow).items():
        lines += ["", *_table(name, of)]
    return "\n".join([*lines, *(["", *told(report)] if told(report) else [])])


def _table(name: str, of: Mapping[str, Disagreement]) -> Iterator[str]:
    width = min(max(map(len, (name, *of))), 40)
    yield f"{name:<{width}}  {'images':>7} {'objects':>8} {'missed':>7} {'new':>7} {'class':>7}  disagree"
    for part, each in of.items():
        share = "" if each.share is None else f"{percent(each.share)}  ({words.ends(each.interval)})"
        counts = f"{each.images:>7,} {each.objects:>8,} {each.missed:>7,} {each.new:>7,} {each.other_class:>7,}"
        yield f"{part[:width]:<{width}}  {counts}  {share}".rstrip()


def to_json(report: ShadowReport) -> dict[str, Any]:
    """The contract of `ratchet shadow --json`."""
    shadow = report.shadow
    of_parts = {
        f"by_{name}": {part: _values(each) for part, each in of.items()}
        for name, of in (("camera", shadow.by_camera), ("hour", shadow.by_hour), ("class", shadow.by_class))
    }
    return {
        "run_id": report.run_id,
        "verdict": report.verdict,
        "served_version": report.version,
        "log": shadow.log,
        "oldest": shadow.oldest,
        "newest": shadow.newest,
        "unreadable": shadow.unreadable,
        "overall": _values(shadow.overall),
        **of_parts,
        "read_as": [dataclasses.asdict(each) for each in shadow.read_as],
        "score_shift": dataclasses.asdict(shadow.shift),
        "operating_points": shadow.points,
        "new_classes": shadow.new_classes,
        "worst": [{"name": each.request.name, "camera": each.request.camera} for each in report.images],
        "notes": told(report),
    }


def _values(each: Disagreement) -> dict[str, Any]:
    return {**dataclasses.asdict(each), "objects": each.objects, "share": each.share, "images_share": each.images_share}
