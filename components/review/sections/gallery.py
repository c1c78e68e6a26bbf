"""The golden images that got worse: the image once, and over it three layers of boxes that can be switched."""

from __future__ import annotations

import base64
import json
from collections import Counter
from collections.abc import Iterable

from ratchet.components.pages.text import safe
from ratchet.components.review.content import CORRECT, ErrorAnalysis, GalleryImage, ModelErrors, ShownBox
from ratchet.components.review.sections.wording import OF_A_RUN, Terms
from ratchet.schemas.artifacts.evaluation import BASELINE, CANDIDATE
from ratchet.schemas.base.formatting import capital, many
from ratchet.schemas.base.visible import visible_line

_LAYERS = {"truth": "ground truth", BASELINE: "baseline", CANDIDATE: "candidate"}
_WHOLE = 100_000  # characters: not cut, for the script
_BUDGET = 7_000_000  # bytes of all JPEGs
_SMALL, _LARGE = 40, 24  # letters, as parts of the longer side; what is wrong must be read in a thumbnail too


def gallery_section(analysis: ErrorAnalysis, of: int, terms: Terms = OF_A_RUN) -> str:
    """Switches, a choice of class, and the images; safe HTML.

    Args:
        analysis: has the images.
        of: how many images there are in all.
        terms: what they are called.
    """
    if not analysis.gallery:
        return f"<p>The candidate makes no more errors than the baseline in any {terms.image}.</p>"
    images = _affordable(analysis.gallery)
    layers = [name for name in _LAYERS if name == "truth" or name in images[0].found]
    compared = "more errors than the baseline" if BASELINE in layers else "errors"
    figures = "".join(_figure(image, layers) for image in images)
    return (
        f"<p>In {analysis.worse:,} of {many(of, terms.image)} the candidate makes {compared}; here are "
        f"the {len(images)} worst. Shown are detections that are sure enough to count: from each model's and "
        "class's own score at which F1 is best. An error is a missed object or a false detection, averaged over IoU "
        ".50 to .95: a box that fits badly is one only at the stricter thresholds. <span class='script'>Choose an "
        "image to enlarge it; the arrow keys go on from there, and 1, 2, 3 switch the boxes.</span></p>"
        f'<div class="gallery" id="gallery-images">{_controls(images, layers)}'
        f'<div class="tiles">{figures}</div><p class="none" hidden>No image of the worst shows this class.</p></div>'
        f"{_dialog(layers, terms)}"
    )


def _affordable(images: tuple[GalleryImage, ...]) -> list[GalleryImage]:
    chosen, left = [], _BUDGET
    for image in images:
        left -= len(image.jpeg)
        if left < 0 and chosen:
            break
        chosen.append(image)
    return chosen


def _controls(images: Iterable[GalleryImage], layers: list[str]) -> str:
    counts = Counter(name for image in images for name in image.classes)
    options = "".join(
        f'<option value="{safe(name, _WHOLE)}">{safe(name, 60)} ({count})</option>'
        for name, count in sorted(counts.items())
    )
    return (
        f'<div class="controls script">{_switches(layers)}<label>class <select class="by-class"><option value="">all'
        f"</option>{options}</select></label></div>{_legend(layers)}"
    )


def _switches(layers: list[str]) -> str:
    boxes = "".join(
        f'<label class="switch {name}"><input type="checkbox" checked data-layer="{name}"> {_LAYERS[name]} '
        f"<kbd>{number}</kbd></label>"
        for number, name in enumerate(layers, start=1)
    )
    return f"<fieldset><legend>Boxes</legend>{boxes}</fieldset>"


def _legend(layers: list[str]) -> str:
    swatch = (
        '<svg viewBox="0 0 30 14" aria-hidden="true"><rect class="box {}" x="3" y="2" width="24" height="10"/></svg>'
    )
    entries = [(name, _LAYERS[name]) for name in layers]
    entries += [("truth missed", "object that the candidate misses"), (f"{CANDIDATE} wrong", "false detection: filled")]
    return (
        '<div class="legend boxes-legend">'
        + "".join(f"<span>{swatch.format(kind)}{text}</span>" for kind, text in entries)
        + "</div>"
    )


def stage(image: GalleryImage) -> str:
    """An image with all its layers of boxes; safe HTML."""
    return _stage(image, [name for name in _LAYERS if name == "truth" or name in image.found])


def _stage(image: GalleryImage, layers: list[str]) -> str:
    width, height = image.size_px
    alt = f"{image.file_name}: {len(image.truth)} labelled objects; " + "; ".join(
        f"{name} {_errors(errors)}" for name, errors in image.errors.items()
    )
    source = base64.b64encode(image.jpeg).decode()
    groups = "".join(_group(name, _boxes_of(image, name), width, height) for name in layers)
    return (
        f'<span class="stage"><img src="data:image/jpeg;base64,{source}" alt="{safe(alt)}" width="{width}" '
        f'height="{height}"><svg class="overlay" viewBox="0 0 {width} {height}" aria-hidden="true">{groups}</svg>'
        "</span>"
    )


def _figure(image: GalleryImage, layers: list[str]) -> str:
    # Classes are named in a JSON list, because a name may hold any separator; as the choice of a class has them.
    return (
        f'<figure data-classes="{safe(_json_list(image.classes), _WHOLE)}"><button type="button" class="enlarge" '
        f'aria-label="Enlarge {safe(image.file_name, 120)}">{_stage(image, layers)}</button>'
        f"<figcaption><code>{safe(image.file_name, 120)}</code>{_caption(image)}</figcaption></figure>"
    )


def _json_list(names: Iterable[str]) -> str:
    return json.dumps([visible_line(name) for name in names])


def _boxes_of(image: GalleryImage, layer: str) -> tuple[ShownBox, ...]:
    return image.truth if layer == "truth" else image.found.get(layer, ())


def _group(layer: str, boxes: tuple[ShownBox, ...], width: int, height: int) -> str:
    size = max(width, height)
    return f'<g class="layer {layer}">{"".join(_box(layer, box, size, height) for box in boxes)}</g>'


def _box(layer: str, box: ShownBox, side: float, height: int) -> str:
    x, y, box_width, box_height = box.box_xywh_px
    size = side / (_SMALL if box.state == CORRECT else _LARGE)
    above = layer != CANDIDATE
    text_y = max(size, y - size * 0.25) if above else min(height - 2.0, y + box_height + size)
    if layer == BASELINE:
        text_y = min(height - 2.0, max(size, y + size))
    title = f"{_LAYERS[layer]}: {box.text}" + (f", {box.what}" if box.what else "")
    return (
        f'<rect class="box {layer} {box.state}" x="{x}" y="{y}" width="{max(box_width, 0)}" '
        f'height="{max(box_height, 0)}">'
        f'<title>{safe(title)}</title></rect><text class="{layer}" x="{x}" y="{text_y:.1f}" font-size="{size:.1f}">'
        f"{safe(box.text, 30)}</text>"
    )


def _caption(image: GalleryImage) -> str:
    lines = "".join(f"<br>{name}: {_errors(errors)}" for name, errors in image.errors.items())
    extra = ""
    if BASELINE in image.errors:
        more = image.errors[CANDIDATE].total - image.errors[BASELINE].total
        extra = f" <strong>{more:+.1f} errors</strong>"
    return f"{extra}{lines}"


def _errors(errors: ModelErrors) -> str:
    return f"{errors.missed:.1f} missed, {errors.false:.1f} false"


def _dialog(layers: list[str], terms: Terms) -> str:
    """Where an image is shown large; filled by the script."""
    return (
        f'<dialog class="large" aria-label="{capital(terms.image)}"><div class="bar">'
        f'{_switches(layers)}<span class="place" aria-live="polite"></span>'
        '<button type="button" class="previous">← previous</button><button type="button" class="following">next →'
        '</button><button type="button" class="close">close</button></div>'
        f'{_legend(layers)}<div class="large-image"></div>'
        '<div class="large-caption"></div></dialog>'
    )
