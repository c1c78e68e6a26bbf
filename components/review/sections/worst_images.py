"""The images that got worse in a comparison of files: with boxes where their files can be read, else by name."""

from __future__ import annotations

import dataclasses

from ratchet.components.pages.tables import columns, scrolled, table
from ratchet.components.pages.text import safe
from ratchet.components.review.content import GalleryImage
from ratchet.components.review.files_content import FilesContent
from ratchet.components.review.sections.gallery import gallery_section
from ratchet.components.review.sections.wording import OF_FILES
from ratchet.schemas.artifacts.evaluation import BASELINE, CANDIDATE
from ratchet.schemas.base.formatting import many


def worst_images_title(content: FilesContent) -> str:
    """What the section is called."""
    return "Images that got worse" if content.evaluation.golden.baseline else "Images with the most errors"


def worst_images_section(content: FilesContent) -> str:
    """A gallery, or a table without pictures; safe HTML."""
    analysis, images = content.analysis, content.evaluation.golden.images
    if not analysis.gallery:
        than = " than the baseline" if content.evaluation.golden.baseline else ""
        return f"<p>In none of {many(images, 'image')} the candidate makes {'more ' if than else ''}errors{than}.</p>"
    seen = tuple(image for image in analysis.gallery if image.jpeg)
    unseen = [image for image in analysis.gallery if not image.jpeg]
    parts = []
    if seen:
        parts.append(gallery_section(dataclasses.replace(analysis, gallery=seen), images, OF_FILES))
    if unseen:
        parts += [_why(content, len(unseen), bool(seen)), _table(unseen)]
    return "".join(parts)


def _why(content: FilesContent, count: int, some_are_seen: bool) -> str:
    if content.pictures is None:
        golden = content.evaluation.golden
        made = "more errors than the baseline" if golden.baseline else "errors"
        return (
            f"<p>In {content.analysis.worse:,} of {many(golden.images, 'image')} the candidate makes {made}; the "
            "worst: <code>--images DIR</code> shows them here, with the boxes. An error is a missed object or a false "
            "detection that is sure enough to count, averaged over IoU .50 to .95.</p>"
        )
    of = "further of the worst images" if some_are_seen else "of the worst images"
    why = "".join(f"<li><code>{safe(name, 200)}</code>: {safe(told)}</li>" for name, told in content.unseen.items())
    return f"<h3>Not shown: {count} {of}</h3><ul>{why}</ul>"


def _table(images: list[GalleryImage]) -> str:
    models = [model for model in (BASELINE, CANDIDATE) if model in images[0].errors]
    of = [f", {model}" for model in models] if len(models) > 1 else [""]
    heads = ["image", *(f"{kind}{model}" for model in of for kind in ("missed", "false"))]
    rows = (
        f'<tr><th scope="row"><code>{safe(image.file_name, 120)}</code></th>'
        + "".join(
            f'<td class="number">{value:.1f}</td>'
            for model in models
            for value in (image.errors[model].missed, image.errors[model].false)
        )
        + "</tr>"
        for image in images
    )
    return scrolled("errors by image", table(columns(heads), rows))
