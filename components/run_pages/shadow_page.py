"""The page of a candidate beside the served model on logged requests; pure."""

from __future__ import annotations

import io
import json
from dataclasses import dataclass

from markupsafe import Markup
from PIL import Image

from ratchet.components.imaging.drawing import thumbnail
from ratchet.components.pages.document import Page, Section, document, footer
from ratchet.components.pages.html import render
from ratchet.components.pages.overlay import Stage, image_id
from ratchet.components.pages.trail import Link, trail
from ratchet.components.run_pages import shadow_content
from ratchet.components.run_pages.shadow_content import ShadowReport
from ratchet.components.shadow import words
from ratchet.components.shadow.shown import ShownImage
from ratchet.components.shadow.tables import Table, tables_of
from ratchet.schemas.artifacts.evaluation import BASELINE, CANDIDATE
from ratchet.schemas.base.formatting import capital, many, minute, percent
from ratchet.schemas.base.visible import visible_line

_FIRST = 6  # images that are open
_LONGEST_PX = 480
_TERMS = ("candidate", "baseline", "golden set", "operating point", "IoU", "interval")


def shadow_page(report: ShadowReport, review: str | None = None) -> str:
    """The whole page, as HTML that can be written as UTF-8.

    Args:
        report: what is shown.
        review: address of the run's own page; None if it has none.
    """
    shadow = report.shadow
    tables = [_section(table) for table in tables_of(shadow)]
    return document(
        Page(
            title=f"{report.run_id} on logged requests",
            tone="fact",
            head=render("run_pages/templates/shadow_head.html", **_head(report), review=review),
            sections=[
                Section("images", "Where they disagree most", _images(report), _gist(report), open=True),
                *tables,
                Section("read-as", "Read as another class", _read_as(report), _read_as_gist(report)),
                Section("counted", "How it is counted", _counted(report)),
            ],
            footer=footer("Written by ratchet shadow; the same as JSON: --json.", *_TERMS),
            trail=trail(beside=Link(review, "The run's page") if review else None),
        )
    )


def _head(report: ShadowReport) -> dict[str, object]:
    overall = report.shadow.overall
    return {
        "report": report,
        "overall": overall,
        "share": None if overall.share is None else percent(overall.share),
        "headline": capital(words.headline(overall)),
        "kinds": words.kinds(report.shadow),
        "scores": capital(words.scores_moved(report.shadow)),
        "told": shadow_content.told(report),
    }


@dataclass(frozen=True)
class _Shot:
    image: ShownImage
    stage: Stage
    data: list[tuple[str, object]]
    told: str

    @classmethod
    def of(cls, image: ShownImage, place: int) -> _Shot:
        request = image.request
        name = request.name or f"image {place + 1}"
        with Image.open(io.BytesIO(image.encoded)) as opened:
            size_px = opened.size
        stage = Stage(
            name=name,
            jpeg=thumbnail(image.encoded, min(_LONGEST_PX, max(size_px))),
            size_px=size_px,
            alt=f"{name}: {image.words}",
            layers=image.layers,
            figure_id=image_id(f"{place + 1}/{name}"),
            key=f"logged-{place}",
        )
        slices = json.dumps([visible_line(request.camera)] if request.camera else [])
        data = [("place", place), ("worst", f"{image.weight:.6g}"), ("slices", slices), ("classes", "[]")]
        at = minute(request.at.isoformat()) if request.at else ""
        return cls(image, stage, data, ", ".join(filter(None, (name, request.camera, at))))


def _images(report: ShadowReport) -> Markup:
    shots = [_Shot.of(image, place) for place, image in enumerate(report.images)]
    cameras = sorted({image.request.camera for image in report.images} - {""})
    counts = [(visible_line(name), sum(each.request.camera == name for each in report.images)) for name in cameras]
    return render(
        "run_pages/templates/shadow_images.html",
        first=shots[:_FIRST],
        rest=shots[_FIRST:],
        open_at_first=_FIRST,
        cameras=counts,
    )


def _gist(report: ShadowReport) -> str:
    apart = report.shadow.overall.images_apart
    return f"{len(report.images):,} of {many(apart, 'image')} in which they disagree"


def _section(table: Table) -> Section:
    return Section(f"by-{table.name}", table.title, table.text, table.gist, open=table.name != "class")


def _read_as(report: ShadowReport) -> Markup:
    return render(
        "run_pages/templates/shadow_read_as.html",
        rows=report.shadow.read_as[: shadow_content.MOST_READ_AS],
        more=len(report.shadow.read_as) - shadow_content.MOST_READ_AS,
    )


def _read_as_gist(report: ShadowReport) -> str:
    return many(report.shadow.overall.other_class, "object")


def _counted(report: ShadowReport) -> Markup:
    points = report.shadow.points
    names = list(next(iter(points.values()), {}))
    models = [model for model in (BASELINE, CANDIDATE) if model in points]
    rows = [(name, [points[model].get(name) for model in models]) for name in names]
    return render("run_pages/templates/shadow_counted.html", rows=rows)
