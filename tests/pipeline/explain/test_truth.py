"""A golden set in any layout is the same ground truth."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from ratchet.components.coco.reading import CocoAnnotations, read_truth
from ratchet.components.coco.results import read_results
from ratchet.pipeline.explain.truth import read_any_truth
from ratchet.schemas.base.errors import DataError
from tests.builders import coco, coco_annotation, coco_image, encode, picture, to_bytes, write_span

XML = (
    "<annotation><filename>{name}.jpg</filename><size><width>64</width><height>48</height></size>"
    "<object><name>{class_name}</name><bndbox><xmin>8</xmin><ymin>6</ymin><xmax>24</xmax><ymax>30</ymax></bndbox>"
    "</object></annotation>"
)


def objects(truth: CocoAnnotations) -> list[tuple[str, str, list[float], float]]:
    """Of each object its image's file, its class, its box and its area."""
    return [
        (truth.file_names[image], truth.label_map.name(label), box, area)
        for image, label, box, area in zip(
            truth.objects.image.tolist(),
            truth.objects.labels.tolist(),
            truth.objects.boxes_xywh_px.tolist(),
            truth.objects.area_px2.tolist(),
        )
    ]


EXPECTED = [("a.jpg", "cat", [8.0, 6.0, 16.0, 24.0], 384.0), ("b.jpg", "dog", [8.0, 6.0, 16.0, 24.0], 384.0)]


def voc(path: Path) -> Path:
    (path / "JPEGImages").mkdir(parents=True)
    (path / "Annotations").mkdir()
    for name, class_name in (("a", "cat"), ("b", "dog")):
        (path / f"JPEGImages/{name}.jpg").write_bytes(encode(picture()))
        (path / f"Annotations/{name}.xml").write_text(XML.format(name=name, class_name=class_name))
    return path


def yolo(path: Path) -> Path:
    (path / "images").mkdir(parents=True)
    (path / "labels").mkdir()
    (path / "classes.txt").write_text("cat\ndog\n")
    for number, name in enumerate(("a", "b")):
        (path / f"images/{name}.jpg").write_bytes(encode(picture()))
        (path / f"labels/{name}.txt").write_text(f"{number} 0.25 0.375 0.25 0.5\n")
    return path


def document() -> dict:
    annotations = [
        coco_annotation(number, number, category_id=category, bbox=[8.0, 6.0, 16.0, 24.0], area=384.0)
        for number, category in ((1, 3), (2, 7))
    ]
    images = [coco_image(1, file_name="a.jpg", camera="north"), coco_image(2, file_name="b.jpg")]
    return coco(images=images, annotations=annotations)


def test_a_file_is_read_as_evaluate_reads_it(tmp_path: Path) -> None:
    (tmp_path / "g.json").write_bytes(to_bytes(document()))
    found, expected = read_any_truth(tmp_path / "g.json"), read_truth(tmp_path / "g.json")
    assert objects(found) == objects(expected) == EXPECTED
    assert found.sizes_px.tolist() == expected.sizes_px.tolist()


@pytest.mark.parametrize("layout", [voc, yolo, lambda path: write_span(path, document())])
def test_every_layout_is_the_same_truth(tmp_path: Path, layout: Callable[[Path], Path]) -> None:
    directory = layout(tmp_path / "golden")
    found = read_any_truth(directory)
    assert objects(found) == EXPECTED
    assert found.sizes_px.tolist() == [[64, 48], [64, 48]]
    (tmp_path / "dt").mkdir()
    (tmp_path / "dt/b.txt").write_text("1 0.25 0.375 0.25 0.5 0.9\n")
    detected = read_results(tmp_path / "dt", found)
    assert (detected.image.tolist(), detected.labels.tolist()) == ([1], [2])
    assert detected.boxes_xywh_px.tolist() == [[8.0, 6.0, 16.0, 24.0]]


def test_what_a_data_set_says_of_its_images_and_classes_is_kept(tmp_path: Path) -> None:
    found = read_any_truth(write_span(tmp_path / "golden", document()))
    assert found.label_map.category_ids == (3, 7)
    assert found.attributes == ({"camera": "north"}, {})
    assert found.entries[1]["id"] == 2


def test_crowds_stay_crowds_and_areas_stay_those_of_masks(tmp_path: Path) -> None:
    annotations = [
        coco_annotation(1, 1, iscrowd=1, area=50.0),
        coco_annotation(2, 2, area=100.0),
        coco_annotation(3, 2, bbox=[5.0, 5.0, 0.0, 9.0]),
    ]
    found = read_any_truth(write_span(tmp_path / "golden", coco(annotations=annotations)))
    assert found.objects.is_crowd.tolist() == [True, False]
    assert found.objects.area_px2.tolist() == [50.0, 100.0]


def test_annotations_without_images_beside_them_are_read_as_a_file(tmp_path: Path) -> None:
    (tmp_path / "annotations.json").write_bytes(to_bytes(document()))
    assert objects(read_any_truth(tmp_path)) == EXPECTED


def test_sizes_that_a_file_does_not_say_are_those_of_the_images(tmp_path: Path) -> None:
    images = [
        {"id": number, "file_name": name}
        for number, name in enumerate(("a.jpg", "gone.jpg", "../a.jpg", "broken.jpg"), 1)
    ]
    images[0] |= {"width": 0, "height": 0}
    (tmp_path / "g.json").write_text(json.dumps(coco(images=images)))
    (tmp_path / "images").mkdir()
    (tmp_path / "images/a.jpg").write_bytes(encode(picture(50, 40)))
    (tmp_path / "a.jpg").write_bytes(encode(picture(50, 40)))
    (tmp_path / "images/broken.jpg").write_bytes(b"no image")
    sizes = read_any_truth(tmp_path / "g.json", tmp_path / "images").sizes_px
    assert sizes[0].tolist() == [50, 40]
    assert np.isnan(sizes[1:]).all()
    assert np.isnan(read_any_truth(tmp_path / "g.json").sizes_px).all()


def test_what_is_no_data_set_is_refused(tmp_path: Path) -> None:
    for path in (tmp_path, tmp_path / "nowhere"):
        with pytest.raises(DataError, match=f"^{path}: "):
            read_any_truth(path)
