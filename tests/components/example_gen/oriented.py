"""Data sets in the four formats whose pictures are stored turned; the one box of each is around its red rectangle."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from tests.builders import coco, coco_annotation, coco_image, write_span
from tests.components.example_gen.deliveries import od_features, voc_xml, write_tfrecords
from tests.components.imaging.oriented import ORIENTATIONS, UPRIGHT_PX, decoded, red_xywh_px, stored

FORMATS = ("coco", "voc", "yolo", "tfrecord")
_Shown = tuple[str, bytes, tuple[int, int], list[float]]  # file name, file, size that is said, box [x, y, w, h]


def write_oriented(
    form: str,
    directory: Path,
    orientations: Sequence[int] = ORIENTATIONS,
    drawn_on: str = "upright",
    kind: str = "JPEG",
    says_size: bool = True,
) -> Path:
    """A data set of one image an orientation.

    Args:
        form: `coco`, `voc`, `yolo` or `tfrecord`.
        directory: where; made.
        orientations: of its images `1.jpg`, `2.jpg` and so on.
        drawn_on: `upright` or `stored`: what boxes and sizes are of.
        kind: of the files, `JPEG` or `PNG`.
        says_size: whether TFRecords say the sizes of their images.
    """
    shown = [_shown(number, each, drawn_on, kind) for number, each in enumerate(orientations, 1)]
    if form == "tfrecord":
        return write_tfrecords(directory, [_features(each, number, says_size) for number, each in enumerate(shown, 1)])
    writers: dict[str, Any] = {"coco": _write_coco, "voc": _write_voc, "yolo": _write_yolo}
    writers[form](directory, shown)
    return directory


def _shown(number: int, orientation: int, drawn_on: str, kind: str) -> _Shown:
    encoded = stored(orientation, form=kind)
    name = f"{number}.{'jpg' if kind == 'JPEG' else 'png'}"
    if drawn_on == "stored":
        return name, encoded, decoded(encoded).size, red_xywh_px(encoded)
    return name, encoded, UPRIGHT_PX, red_xywh_px(stored(1, form=kind))


def _write_coco(directory: Path, shown: Sequence[_Shown]) -> None:
    images = [
        coco_image(number, file_name=name, width=width, height=height)
        for number, (name, _, (width, height), _) in enumerate(shown, 1)
    ]
    boxes = [
        coco_annotation(number, number, bbox=box, area=box[2] * box[3]) for number, (*_, box) in enumerate(shown, 1)
    ]
    write_span(directory, coco(images=images, annotations=boxes), {name: encoded for name, encoded, *_ in shown})


def _write_voc(directory: Path, shown: Sequence[_Shown]) -> None:
    (directory / "Annotations").mkdir(parents=True)
    (directory / "JPEGImages").mkdir()
    for name, encoded, size, (x, y, width, height) in shown:
        (directory / "JPEGImages" / name).write_bytes(encoded)
        text = voc_xml(name, [("cat", (x, y, x + width, y + height))], size)
        (directory / "Annotations" / f"{Path(name).stem}.xml").write_text(text)


def _write_yolo(directory: Path, shown: Sequence[_Shown]) -> None:
    (directory / "images").mkdir(parents=True)
    (directory / "labels").mkdir()
    (directory / "classes.txt").write_text("cat\n")
    for name, encoded, (wide, high), (x, y, width, height) in shown:
        (directory / "images" / name).write_bytes(encoded)
        row = ((x + width / 2) / wide, (y + height / 2) / high, width / wide, height / high)
        (directory / "labels" / f"{Path(name).stem}.txt").write_text(f"0 {' '.join(map(str, row))}\n")


def _features(shown: _Shown, number: int, says_size: bool) -> dict[str, Any]:
    name, encoded, (wide, high), (x, y, width, height) = shown
    fields: dict[str, Any] = {"image/encoded": [encoded], "image/source_id": [str(number).encode()]}
    fields |= {f"image/{side}": [value] if says_size else None for side, value in (("width", wide), ("height", high))}
    corners = {"xmin": x / wide, "xmax": (x + width) / wide, "ymin": y / high, "ymax": (y + height) / high}
    fields |= {f"image/object/bbox/{key}": [value] for key, value in corners.items()}
    return od_features(name, "cat", 1, (0, 0, 1, 1), **fields)
