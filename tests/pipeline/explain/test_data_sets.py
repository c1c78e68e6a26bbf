from __future__ import annotations

import json
import os
import shutil
from pathlib import Path

import numpy as np
import pytest

from ratchet.components.example_gen.dataset import encoded_images, inspect_image, read_source
from ratchet.components.imaging.quality import image_features
from ratchet.pipeline.explain.data_sets import ReadDataSet, image_sizes, objects_of_classes, read_data
from ratchet.schemas.base.errors import DataError, InputError
from ratchet.schemas.base.files import LOCAL_FILES
from ratchet.schemas.data import facts, features
from ratchet.schemas.data.dataset import TRAIN_SPLIT
from ratchet.schemas.data.examples_artifact import ExamplesArtifact
from ratchet.schemas.data.features import COUNT_FEATURES, IMAGE_FEATURES
from tests.builders import dataset_info
from tests.components.example_gen.oriented import write_oriented
from tests.pipeline.explain.scenes import CLASSES, SIDE, document_of, write_document, write_scenes


def of_images(data: ReadDataSet) -> set[str]:
    return set(data.sample.images) - set(COUNT_FEATURES)


def test_figures_are_those_that_example_gen_measures(tmp_path: Path) -> None:
    directory = write_scenes(tmp_path / "data", images=12)
    data = read_data(directory, "data")
    [shard] = read_source(str(directory)).shards
    for row, (record, encoded) in enumerate(encoded_images(shard)):
        assert isinstance(encoded, bytes)
        measured = image_features(inspect_image(encoded, record, record.file_name))
        for key in IMAGE_FEATURES:
            assert data.sample.images[key][row] == np.float32(measured[key])
    assert data.sample.images[features.QA_NUM_BOXES].sum() == len(data.sample.labels) == data.facts.objects


def test_sample_is_what_the_data_gate_reads_of_stored_images(tmp_path: Path) -> None:
    from ratchet.components.detector.sampling import Look, sample_images
    from ratchet.components.example_gen.convert import to_example

    directory = write_scenes(tmp_path / "data", images=10)
    source = read_source(str(directory))
    stored = [
        to_example(record, encoded, inspect_image(encoded, record, "image"), source.label_map).SerializeToString()
        for record, encoded in encoded_images(source.shards[0])
        if isinstance(encoded, bytes)
    ]
    info = dataset_info(images={TRAIN_SPLIT: 10})
    look = Look("reading", ExamplesArtifact("unused", info, LOCAL_FILES), (TRAIN_SPLIT,), 10)
    gate = sample_images(look, read=lambda _: stored).sample
    own = read_data(directory, "data").sample
    for theirs, ours in ((gate.images, own.images), (gate.objects, own.objects)):
        assert theirs.keys() == ours.keys()
        for key, values in theirs.items():
            np.testing.assert_array_equal(values, ours[key], err_msg=key)
    np.testing.assert_array_equal(gate.labels, own.labels)
    np.testing.assert_array_equal(gate.box_counts, own.box_counts)


def test_directory_without_images_gives_its_labels_and_says_so(tmp_path: Path) -> None:
    directory = write_scenes(tmp_path / "data", images=8)
    shutil.rmtree(directory / "images")
    data = read_data(directory, "data")
    assert not data.has_images
    assert of_images(data) == set()
    assert len(data.sample.objects[features.QA_BOX_LOG_AREA]) == data.facts.objects > 0
    assert facts.BLANK not in data.facts.counts
    assert "its labels alone" in data.notes[0]


@pytest.mark.parametrize("form", ["coco", "yolo"])
def test_images_with_an_exif_orientation_are_named_and_read_as_stored(form: str, tmp_path: Path) -> None:
    data = read_data(write_oriented(form, tmp_path / "data", (1, 3, 6), drawn_on="stored"), "data")
    [note] = data.notes
    assert note.startswith("2 of 3 images have an EXIF orientation other than 1, which TensorFlow does not apply: ")
    assert "2.jpg (3), 3.jpg (6); they were compared as their pixels are stored" in note
    assert len(data.sample.images[features.QA_BRIGHTNESS]) == 3
    assert not data.unreadable


def test_coco_file_of_any_name_finds_images_beside_it_or_where_told(tmp_path: Path) -> None:
    directory = write_scenes(tmp_path / "data", images=5)
    elsewhere = tmp_path / "elsewhere" / "train.json"
    elsewhere.parent.mkdir()
    shutil.copyfile(directory / "annotations.json", elsewhere)
    assert read_data(directory / "annotations.json", "data").has_images
    assert not read_data(elsewhere, "data").has_images
    told = read_data(elsewhere, "data", images=directory / "images")
    assert told.has_images
    assert told.notes == ()
    assert read_data(elsewhere, "data", images=directory / "images", labels_only=True).notes == ()


def test_directory_of_one_coco_file_and_its_images_is_read(tmp_path: Path) -> None:
    directory = write_scenes(tmp_path / "data", images=5)
    os.rename(directory / "annotations.json", directory / "_annotations.coco.json")
    for path in (directory / "images").iterdir():
        path.rename(directory / path.name)
    (directory / "images").rmdir()
    assert len(read_data(directory, "data").looks or ()) == 5


def test_names_with_directories_are_found_by_their_last_step(tmp_path: Path) -> None:
    directory = write_scenes(tmp_path / "data", images=5)
    document = document_of(directory)
    for entry in document["images"]:
        entry["file_name"] = f"train2017/{entry['file_name']}"
    (tmp_path / "file.json").write_text(json.dumps(document), encoding="utf-8")
    assert len(read_data(tmp_path / "file.json", "data", images=directory / "images").looks or ()) == 5


def test_unreadable_images_are_counted_and_named_and_the_others_read(tmp_path: Path) -> None:
    directory = write_scenes(tmp_path / "data", images=12)
    names = sorted(path.name for path in (directory / "images").iterdir())
    (directory / "images" / names[0]).write_bytes(b"")
    (directory / "images" / names[1]).write_bytes((directory / "images" / names[1]).read_bytes()[:300])
    (directory / "images" / names[2]).unlink()
    (directory / "images" / names[3]).unlink()
    (directory / "images" / names[3]).symlink_to(tmp_path / "nowhere")
    os.unlink(directory / "images" / names[4])
    os.mkfifo(directory / "images" / names[4])
    data = read_data(directory, "data")
    assert sorted(data.unreadable) == names[:5]
    assert len(data.compared) == len(data.looks or ()) == 7
    assert len(data.records) == 12
    assert data.notes[0].startswith("5 of 12 images could not be read")


def test_image_of_another_size_than_its_annotation_says_is_named(tmp_path: Path) -> None:
    directory = write_scenes(tmp_path / "data", images=4)
    document = document_of(directory)
    document["images"][0].update(width=2 * SIDE, height=2 * SIDE)
    write_document(directory, document)
    [problem] = read_data(directory, "data").unreadable.values()
    assert f"{SIDE}x{SIDE}" in problem


def test_no_image_that_can_be_read_leaves_the_labels(tmp_path: Path) -> None:
    directory = write_scenes(tmp_path / "data", images=4)
    for path in (directory / "images").iterdir():
        path.write_bytes(b"GIF89a")
    data = read_data(directory, "data")
    assert not data.has_images
    assert of_images(data) == set()
    assert data.notes[0].startswith("none of its 4 images could be read")


def test_of_many_images_some_are_chosen_whatever_their_order(tmp_path: Path) -> None:
    directory = write_scenes(tmp_path / "data", images=30)
    data = read_data(directory, "data", most_compared=6, most_looked_at=10)
    document = document_of(directory)
    document["images"].reverse()
    write_document(directory, document)
    again = read_data(directory, "data", most_compared=6, most_looked_at=10)
    assert [record.file_name for record in data.compared] == [record.file_name for record in again.compared]
    assert (len(data.sample), len(data.looks or ()), len(data.records)) == (6, 10, 30)
    assert "10 of its 30 images" in data.notes[0]


def test_yolo_layout_is_read_as_convert_reads_it(tmp_path: Path) -> None:
    directory, yolo = write_scenes(tmp_path / "data", images=6), tmp_path / "yolo"
    (yolo / "labels").mkdir(parents=True)
    shutil.copytree(directory / "images", yolo / "images")
    (yolo / "classes.txt").write_text("\n".join(CLASSES), encoding="utf-8")
    document = document_of(directory)
    for entry in document["images"]:
        lines = [
            f"{label['category_id'] - 1} {(x + w / 2) / SIDE} {(y + h / 2) / SIDE} {w / SIDE} {h / SIDE}"
            for label in document["annotations"]
            if label["image_id"] == entry["id"]
            for x, y, w, h in [label["bbox"]]
        ]
        (yolo / "labels" / f"{Path(entry['file_name']).stem}.txt").write_text("\n".join(lines), encoding="utf-8")
    coco, read = read_data(directory, "coco"), read_data(yolo, "yolo")
    assert objects_of_classes(read) == objects_of_classes(coco)
    assert image_sizes(read) == {(SIDE, SIDE): 6}
    for key, values in coco.sample.images.items():
        np.testing.assert_array_equal(read.sample.images[key], values)


@pytest.mark.parametrize("content", [b"", b"{", b"[]", b"\xff\xfe\x00", b"[" * 100_000, b'{"images": []}'])
def test_file_that_is_no_coco_file_is_one_line(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "labels.json"
    path.write_bytes(content)
    with pytest.raises(DataError) as error:
        read_data(path, "data")
    assert str(path) in str(error.value)


def test_what_is_not_there_is_said(tmp_path: Path) -> None:
    directory = write_scenes(tmp_path / "data", images=3)
    with pytest.raises(InputError, match="no such file or directory"):
        read_data(tmp_path / "nothing", "data")
    with pytest.raises(InputError, match="no such directory; give the one that holds the images"):
        read_data(directory / "annotations.json", "data", images=tmp_path / "nothing")
    (tmp_path / "empty").mkdir()
    with pytest.raises(DataError, match="none of the images of"):
        read_data(directory / "annotations.json", "data", images=tmp_path / "empty")
    os.mkfifo(tmp_path / "pipe.json")
    with pytest.raises(DataError, match="pipe"):
        read_data(tmp_path / "pipe.json", "data")
