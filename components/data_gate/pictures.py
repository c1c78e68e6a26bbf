"""The images that rules name, each drawn so that it shows what its rule found; pure, Pillow only.

Boxes that are no boxes are drawn as they were given and as they may have been meant; labels beside what the model sees,
and what has no label alone; a copy of a golden image beside the golden one; a dark image beside a usual one.
"""

from __future__ import annotations

from collections.abc import Iterable

from ratchet.components.data_gate.fault_layers import LAYERS, Album, Drawable, labels_and_detections, labels_of
from ratchet.components.imaging.drawing import draw_boxes, labels_layer, side_by_side
from ratchet.components.pages.parts import MOST_PICTURES
from ratchet.schemas.artifacts.data_evidence import DRIFT, SKEW, Picture
from ratchet.schemas.artifacts.decisions import Reason, State
from ratchet.schemas.base.formatting import many

_SIDE_PX = 360  # of a picture
_PAIR_PX = 240  # of each of two side by side
_OF_BOXES = "box"  # in the names of features of boxes, for which boxes are drawn
_PART = "part:"
_REPEATED = "repeated_images"


def pictured_rules(reasons: Iterable[Reason]) -> dict[str, tuple[str, ...]]:
    """File names of the images to draw, by rule: of rules that failed or warned, and follow from no other."""
    return {
        reason.rule: reason.images[:MOST_PICTURES]
        for reason in reasons
        if reason.images and reason.state in (State.FAILED, State.WARNING)
    }


def draw_pictures(reasons: Iterable[Reason], album: Album) -> dict[str, tuple[Picture, ...]]:
    """Draws what each rule found.

    Args:
        reasons: all rules; only findings are drawn.
        album: what there is; an image that is not is left out.
    """
    found = {reason.rule: reason for reason in reasons}
    shown = pictured_rules(found.values())
    if _REPEATED in shown:  # of each pair one picture
        copies = tuple(name for name in shown[_REPEATED] if name in album.repeated)
        shown[_REPEATED] = copies or shown[_REPEATED]
    return {
        rule: tuple(_picture(found[rule], album.images[name], album) for name in names if name in album.images)
        for rule, names in shown.items()
    }


def _picture(reason: Reason, image: Drawable, album: Album) -> Picture:
    name, rule = image.record.file_name, reason.rule.removeprefix(_PART)
    if rule == "leak" and name in album.originals:
        beside = album.originals[name]
        row = ((image.encoded, (), "this span"), (beside.encoded, (), beside.title))
        return Picture(name, side_by_side(row, _PAIR_PX), beside.caption or image.caption)
    original = album.images.get(album.repeated.get(name, ""))
    if rule == _REPEATED and original is not None:
        row = ((image.encoded, (), "this image"), (original.encoded, (), original.record.file_name))
        return Picture(name, side_by_side(row, _PAIR_PX), image.caption)
    figure = album.figures.get(reason.rule, {}).get(name, "")
    if reason.rule in album.usual:
        beside = album.usual[reason.rule]
        boxes = [] if _OF_BOXES not in reason.rule else [image.record, beside.record]
        layers = [[labels_layer(each.truth.boxes_xywh_px)] if each is not None else [] for each in boxes] or [[], []]
        row = ((image.encoded, layers[0], "this span"), (beside.encoded, layers[1], "usual: a golden image"))
        compared = f"{figure} on the left, {beside.caption} on the right" if figure and beside.caption else ""
        return Picture(name, side_by_side(row, _PAIR_PX), compared or "on the right a usual image, to compare with")
    if rule.partition(":")[0] in (DRIFT, SKEW):
        layers = [labels_of(image, album, texts="class" in rule)] if _OF_BOXES in rule else []
        caption = figure or many(len(image.record.truth.labels), "label")
    else:
        layers, caption = LAYERS.get(rule, labels_and_detections)(reason, image, album)
    return Picture(name, draw_boxes(image.encoded, layers, _SIDE_PX), caption)
