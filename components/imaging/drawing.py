"""Boxes drawn on an image, for a person to look at; Pillow only."""

from __future__ import annotations

import io
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from PIL import Image, ImageDraw, ImageFont

# Bluish green and reddish purple of Okabe & Ito's palette (https://jfly.uni-koeln.de/color/), darkened and brightened
# to stand out on photographs; told apart by hue, by lightness and, without any colour, by the dashes.
LABEL_COLOUR = "#00a060"
DETECTION_COLOUR = "#e020b0"
GIVEN_COLOUR = "#d55e00"
READ_COLOUR = "#0072b2"
JPEG_QUALITY = 80

_LONGEST_TEXT = 40


@dataclass(frozen=True, eq=False)
class Layer:
    """Boxes of one kind.

    Attributes:
        name: what they are, for a legend.
        colour: of lines and texts, as CSS and Pillow write it: `#00a060`.
        boxes_xywh_px: [n, 4] float64, pixels of the stored image.
        texts: [n], one a box, empty for a box without; or none at all.
        dashed: dashed lines with the texts below; otherwise solid lines with the texts above. Two layers of different
            kinds stay legible where their boxes coincide.
    """

    name: str
    colour: str
    boxes_xywh_px: np.ndarray
    texts: tuple[str, ...] = ()
    dashed: bool = False

    def __post_init__(self) -> None:
        boxes = np.asarray(self.boxes_xywh_px, dtype=np.float64)
        boxes = boxes.reshape(0, 4) if boxes.size == 0 else boxes
        if boxes.ndim != 2 or boxes.shape[1] != 4:
            raise ValueError(f"boxes_xywh_px: expected shape (n, 4), got {boxes.shape}")
        if len(self.texts) not in (0, len(boxes)):
            raise ValueError(f"texts: expected none or one for each of {len(boxes)} boxes, got {len(self.texts)}")
        object.__setattr__(self, "boxes_xywh_px", boxes)


def labels_layer(boxes_xywh_px: np.ndarray, texts: Sequence[str] = ()) -> Layer:
    """What people labelled: solid green; the arguments are those of `Layer`."""
    return Layer("labels", LABEL_COLOUR, boxes_xywh_px, tuple(texts))


def detections_layer(boxes_xywh_px: np.ndarray, texts: Sequence[str] = ()) -> Layer:
    """What a model detects: dashed magenta; the arguments are those of `Layer`."""
    return Layer("detections", DETECTION_COLOUR, boxes_xywh_px, tuple(texts), dashed=True)


def given_layer(boxes_xywh_px: np.ndarray, texts: Sequence[str] = ()) -> Layer:
    """Boxes as their file gives them, where that is wrong: dashed vermilion; the arguments are those of `Layer`."""
    return Layer("as given", GIVEN_COLOUR, boxes_xywh_px, tuple(texts), dashed=True)


def read_layer(boxes_xywh_px: np.ndarray, texts: Sequence[str] = ()) -> Layer:
    """Boxes as they would be if they were read otherwise: solid blue; the arguments are those of `Layer`."""
    return Layer("read otherwise", READ_COLOUR, boxes_xywh_px, tuple(texts))


def side_by_side(pictures: Sequence[tuple[bytes, Sequence[Layer], str]], longest_side_px: int) -> bytes:
    """Pictures of one height in a row, each with its title above.

    Args:
        pictures: of each a JPEG or PNG, what to draw on it, and its title.
        longest_side_px: of each.

    Returns:
        A JPEG without metadata.
    """
    drawn = []
    for encoded, layers, _ in pictures:
        with Image.open(io.BytesIO(encoded)) as image:
            drawn.append(with_boxes(image, layers, longest_side_px))
    title_px, gap_px = max(14, longest_side_px // 16), 6
    width = sum(picture.width for picture in drawn) + gap_px * (len(drawn) - 1)
    row = Image.new("RGB", (width, max(picture.height for picture in drawn) + title_px + 6), "white")
    draw, font, left = ImageDraw.Draw(row), ImageFont.load_default(size=title_px), 0
    for picture, (_, _, title) in zip(drawn, pictures):
        draw.text((left + 2, 1), title[:_LONGEST_TEXT], fill="black", font=font)
        row.paste(picture, (left, title_px + 6))
        left += picture.width + gap_px
    buffer = io.BytesIO()
    row.save(buffer, "JPEG", quality=JPEG_QUALITY, optimize=True)
    return buffer.getvalue()


def draw_boxes(encoded: bytes, layers: Sequence[Layer], longest_side_px: int) -> bytes:
    """A thumbnail with boxes.

    Args:
        encoded: a JPEG or PNG; its EXIF orientation is ignored, as TensorFlow does.
        layers: what to draw, the uppermost last.
        longest_side_px: of the thumbnail; a smaller image is enlarged.

    Returns:
        A JPEG without metadata.
    """
    with Image.open(io.BytesIO(encoded)) as image:
        thumbnail = with_boxes(image, layers, longest_side_px)
    buffer = io.BytesIO()
    thumbnail.save(buffer, "JPEG", quality=JPEG_QUALITY, optimize=True)
    return buffer.getvalue()


def with_boxes(image: Image.Image, layers: Sequence[Layer], longest_side_px: int) -> Image.Image:
    """A scaled copy with boxes.

    Args:
        image: as `Image.open` returned it.
        layers: what to draw, in pixels of `image`, the uppermost last.
        longest_side_px: of the copy.
    """
    scale = longest_side_px / max(image.size)
    size = max(1, round(image.width * scale)), max(1, round(image.height * scale))
    # The JPEG decoder takes most of the way to a thumbnail; asking for twice the size leaves the filter enough.
    image.draft("RGB", (2 * size[0], 2 * size[1]))
    small = _to_rgb(image).resize(size)
    draw, pen = ImageDraw.Draw(small), _Pen.of(small)
    corners = [_corners(layer.boxes_xywh_px * scale, small.size, 2 * pen.line) for layer in layers]
    for layer, boxes in zip(layers, corners):
        _draw_lines(draw, boxes, layer, pen)
    for layer, boxes in zip(layers, corners):  # above the lines of all layers
        _draw_texts(draw, boxes, layer, pen, small.height)
    return small


def _to_rgb(image: Image.Image) -> Image.Image:
    if image.mode.startswith("I"):  # 16 bits a pixel: convert("RGB") would clip, TensorFlow keeps the high byte
        return Image.fromarray((np.asarray(image).astype(np.uint32) >> 8).astype(np.uint8)).convert("RGB")
    return image.convert("RGB")


@dataclass(frozen=True)
class _Pen:
    """Sizes in px of lines and letters, larger on a larger picture."""

    line: int
    font: int

    @classmethod
    def of(cls, image: Image.Image) -> _Pen:
        side = max(image.size)
        return cls(line=max(2, side // 120), font=max(12, side // 24))


def _draw_lines(draw: ImageDraw.ImageDraw, corners: np.ndarray, layer: Layer, pen: _Pen) -> None:
    for box in corners[np.isfinite(corners).all(axis=1)]:
        if layer.dashed:
            _dashed_rectangle(draw, box, layer.colour, pen.line)
        else:
            draw.rectangle(tuple(box), outline=layer.colour, width=pen.line)


def _draw_texts(draw: ImageDraw.ImageDraw, corners: np.ndarray, layer: Layer, pen: _Pen, height: int) -> None:
    font = ImageFont.load_default(size=pen.font)
    for (x1, y1, _, y2), text in zip(corners, layer.texts):
        if text and np.isfinite((x1, y1, y2)).all():
            y = min(y2 + 1, height - pen.font - 3) if layer.dashed else y1 - pen.font - 1
            corner, text = (x1 + 2, max(0.0, y)), text[:_LONGEST_TEXT]
            draw.rectangle(draw.textbbox(corner, text, font=font), fill="white")
            draw.text(corner, text, fill=layer.colour, font=font)


def _corners(boxes_xywh: np.ndarray, size: tuple[int, int], margin: int) -> np.ndarray:
    """`[x1, y1, x2, y2]`, [n, 4], in order even if a side is negative, and never far outside of the picture."""
    ends = boxes_xywh[:, :2] + boxes_xywh[:, 2:]
    corners = np.hstack([np.minimum(boxes_xywh[:, :2], ends), np.maximum(boxes_xywh[:, :2], ends)])
    return np.clip(corners, -margin, np.tile(size, 2) + margin)


def _dashed_rectangle(draw: ImageDraw.ImageDraw, box: np.ndarray, colour: str, line: int) -> None:
    x1, y1, x2, y2 = box
    dash, inset = 3 * line, line - 1
    for x in np.arange(x1, x2, 5 * line):
        for y in (y1, max(y1, y2 - inset)):
            draw.rectangle((x, y, min(x + dash, x2), y + inset), fill=colour)
    for y in np.arange(y1, y2, 5 * line):
        for x in (x1, max(x1, x2 - inset)):
            draw.rectangle((x, y, x + inset, min(y + dash, y2)), fill=colour)
