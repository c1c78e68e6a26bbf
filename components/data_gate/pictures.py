"""The images that rules name, each with what shows what its rule found; pure, Pillow only.

Boxes that are no boxes as they were given and as they may have been meant; labels beside what the model sees, and what
has no label alone; a copy of a golden image beside the golden one; and of each rule images that are as they should be.
"""

from __future__ import annotations

import io
from collections.abc import Iterable, Sequence

from PIL import Image

from ratchet.components.data_gate.fault_layers import LAYERS, Album, Beside, Drawable, labels_and_detections, labels_of
from ratchet.components.imaging.drawing import thumbnail
from ratchet.components.pages.findings import MOST_PICTURES
from ratchet.schemas.artifacts.data_evidence import DRIFT, SKEW, DataPictures, Picture, PictureLayer, View
from ratchet.schemas.artifacts.decisions import Reason, State
from ratchet.schemas.base.formatting import many

_SIDE_PX = 480  # of a small copy
PART = "part:"  # before the name of a rule that is asked of a part of a span
_REPEATED = "repeated_images"


def pictured_rules(reasons: Iterable[Reason]) -> dict[str, tuple[str, ...]]:
    """File names of the images to draw, by rule: of rules that failed or warned, and follow from no other."""
    return {
        reason.rule: reason.images[:MOST_PICTURES]
        for reason in reasons
        if reason.images and reason.state in (State.FAILED, State.WARNING)
    }


def draw_pictures(reasons: Iterable[Reason], album: Album) -> DataPictures:
    """Draws what each rule found, and what it should be like.

    Args:
        reasons: all rules; only findings are drawn.
        album: what there is; an image that is not is left out.
    """
    found = {reason.rule: reason for reason in reasons}
    shown = pictured_rules(found.values())
    if _REPEATED in shown:  # of each pair one picture
        copies = tuple(name for name in shown[_REPEATED] if name in album.repeated)
        shown[_REPEATED] = copies or shown[_REPEATED]
    return DataPictures(
        {
            rule: tuple(_picture(found[rule], album.images[name], album) for name in names if name in album.images)
            for rule, names in shown.items()
        },
        {rule: tuple(_usual(rule, each) for each in album.usual[rule]) for rule in shown if rule in album.usual},
    )


def shows_boxes(rule: str) -> bool:
    """Whether a rule is about boxes, so that its pictures show them."""
    return "box" in rule or "object/class" in rule or rule.removeprefix(PART).partition(":")[0] not in (DRIFT, SKEW)


def _usual(rule: str, beside: Beside) -> Picture:
    layers = [labels_of(beside.record, beside.class_names)] if shows_boxes(rule) else []
    return Picture(beside.record.file_name, beside.caption, (_view(beside.encoded, layers, beside.title),))


def _picture(reason: Reason, image: Drawable, album: Album) -> Picture:
    name, rule = image.record.file_name, reason.rule.removeprefix(PART)
    if rule == "leak" and name in album.originals:
        beside = album.originals[name]
        views = _view(image.encoded, title="this span"), _view(beside.encoded, title=beside.title)
        return Picture(name, beside.caption or image.caption, views)
    original = album.images.get(album.repeated.get(name, ""))
    if rule == _REPEATED and original is not None:
        views = _view(image.encoded, title=name), _view(original.encoded, title=original.record.file_name)
        return Picture(name, image.caption, views)
    if rule.partition(":")[0] in (DRIFT, SKEW):
        layers = [labels_of(image.record, album.class_names if "class" in rule else ())] if shows_boxes(rule) else []
        figure = album.figures.get(reason.rule, {}).get(name, "")
        caption = figure or many(len(image.record.truth.labels), "label")
    else:
        layers, caption = LAYERS.get(rule, labels_and_detections)(reason, image, album)
    return Picture(name, caption, (_view(image.encoded, layers),))


def _view(encoded: bytes, layers: Sequence[PictureLayer] = (), title: str = "") -> View:
    with Image.open(io.BytesIO(encoded)) as image:
        size = image.size
    return View(thumbnail(encoded, _SIDE_PX), size, title, tuple(layers))
