"""EXIF orientations of a data set's images: refused in one message, applied to pixels and sizes, or ignored."""

from __future__ import annotations

from pathlib import Path

import pytest

from ratchet.components.example_gen.content import content_digest
from ratchet.components.example_gen.dataset import Source, encoded_images, read_source
from ratchet.components.example_gen.ingest import Ingested, ingest
from ratchet.components.example_gen.orientations import Oriented, OrientedImageError, refusal
from ratchet.schemas.base.errors import DataError
from ratchet.schemas.data.exif import Exif
from ratchet.schemas.data.records import ImageRecord, record_to_json
from tests.builders import record
from tests.components.example_gen.deliveries import WRITERS, two_records, write_tfrecords
from tests.components.example_gen.oriented import FORMATS, write_oriented
from tests.components.imaging.oriented import ORIENTATIONS, UPRIGHT_PX, red_xywh_px, stored

OPENED_BY_READER = ("yolo", "tfrecord")  # whose readers see the image files
EVERY_FORMAT = pytest.mark.parametrize("form", FORMATS)


def ingested(source: Source) -> list[tuple[ImageRecord, Ingested]]:
    return [
        (each, ingest(encoded, each, name, source.exif))
        for shard in source.shards
        for (each, encoded), name in zip(encoded_images(shard), shard.names)
        if isinstance(encoded, bytes)
    ]


@EVERY_FORMAT
@pytest.mark.parametrize("kind", ["JPEG", "PNG"])
@pytest.mark.parametrize(("exif", "drawn_on"), [("apply", "upright"), ("ignore", "stored")])
def test_boxes_lie_on_the_red_pixels(form: str, kind: str, exif: Exif, drawn_on: str, tmp_path: Path) -> None:
    source = read_source(str(write_oriented(form, tmp_path / "span", drawn_on=drawn_on, kind=kind)), exif=exif)
    found = ingested(source)
    assert [taken.orientation for _, taken in found] == list(ORIENTATIONS)
    for each, taken in found:
        assert each.truth.boxes_xywh_px[0] == pytest.approx(red_xywh_px(taken.encoded), abs=1e-4)
        assert each.truth.area_px2[0] == pytest.approx(40 * 24, abs=1e-2)
        assert exif == "ignore" or (each.width_px, each.height_px) == UPRIGHT_PX
        assert taken.quality.file_bytes == len(taken.encoded)
    assert source.bad_boxes.count == 0


@pytest.mark.parametrize("form", OPENED_BY_READER)
def test_readers_that_open_images_refuse_at_once_with_count_and_names(form: str, tmp_path: Path) -> None:
    directory = write_oriented(form, tmp_path / "span")
    with pytest.raises(DataError) as caught:
        read_source(str(directory))
    told = str(caught.value)
    assert told.startswith(f"{directory}: 7 of 8 images have an EXIF orientation other than 1")
    assert "'2.jpg' (2), '3.jpg' (3), '4.jpg' (4), '5.jpg' (5), '6.jpg' (6) and 2 more" in told
    assert "data.exif: apply (ratchet convert: --exif apply) if on the upright picture" in told
    assert "\n" not in told


@pytest.mark.parametrize("form", ["coco", "voc", "yolo"])
def test_the_digest_of_the_files_refuses_where_reading_the_labels_has_opened_none(form: str, tmp_path: Path) -> None:
    directory = write_oriented(form, tmp_path / "span", (1, 8))
    with pytest.raises(DataError, match=r"1 of 2 images has an EXIF orientation other than 1.* '2\.jpg' \(8\)"):
        content_digest(read_source(str(directory)))


@EVERY_FORMAT
def test_the_digest_depends_on_what_is_done_with_the_same_files(form: str, tmp_path: Path) -> None:
    directory = str(write_oriented(form, tmp_path / "span", (1, 3)))
    applied, ignored = (content_digest(read_source(directory, exif=exif)) for exif in ("apply", "ignore"))
    assert applied != ignored


@EVERY_FORMAT
def test_upright_images_are_taken_as_they_are_whatever_is_asked_for(form: str, tmp_path: Path) -> None:
    directory = str(WRITERS[form](tmp_path / "span"))
    refused, applied, ignored = (read_source(directory, exif=exif) for exif in ("refuse", "apply", "ignore"))
    taken = [[each.encoded for _, each in ingested(source)] for source in (refused, applied, ignored)]
    assert taken[0] == taken[1] == taken[2] != []
    assert len({tuple(map(record_to_json, source.records)) for source in (refused, applied, ignored)}) == 1
    assert content_digest(refused) == content_digest(ignored)


def test_what_was_read_for_one_setting_is_not_taken_for_another(tmp_path: Path) -> None:
    directory = str(write_oriented("yolo", tmp_path / "span", (6, 6)))
    ignored = read_source(directory, exif="ignore")
    applied = read_source(directory, exif="apply")
    assert ignored.records[0].width_px == applied.records[0].height_px == 64
    assert read_source(directory, exif="ignore") is ignored


def test_a_single_image_is_refused_with_what_its_annotation_is_the_size_of() -> None:
    for size, like in ((UPRIGHT_PX, "upright"), (UPRIGHT_PX[::-1], "stored"), ((7, 7), "")):
        with pytest.raises(OrientedImageError) as caught:
            ingest(stored(6), record(*size), "a.jpg", "refuse")
        assert caught.value.found == Oriented("17.jpg", 6, like)
    with pytest.raises(OrientedImageError) as caught:
        ingest(stored(3), record(*UPRIGHT_PX), "a.jpg", "refuse")
    assert caught.value.found == Oriented("17.jpg", 3)


def test_the_refusal_says_which_sizes_the_annotations_have() -> None:
    found = [Oriented("a.jpg", 6, "upright"), Oriented("b.jpg", 8, "upright"), Oriented("c.jpg", 6, "stored")]
    told = refusal([*found, Oriented("d.jpg", 3)], "span-1", 9)
    assert (
        "'d.jpg' (3); 2 annotated with the size of the upright picture, 1 annotated with the size of the stored" in told
    )
    assert "annotated" not in refusal([Oriented("d.jpg", 3)], "span-1", 9)


@pytest.mark.parametrize("orientation", [5, 6, 7, 8])
def test_an_annotation_of_the_stored_size_contradicts_applying(orientation: int) -> None:
    with pytest.raises(DataError) as caught:
        ingest(stored(orientation), record(*UPRIGHT_PX[::-1]), "a.jpg", "apply")
    assert str(caught.value).startswith(
        "a.jpg (image 17): the annotation says 64x96 px, the size of the stored pixels, but with data.exif: apply "
        f"boxes are on the upright picture of 96x64 px (EXIF orientation {orientation}); export"
    )


def test_an_annotation_of_neither_size_is_told_the_upright_one() -> None:
    with pytest.raises(DataError, match=r"^a\.jpg \(image 17\): the file has 96x64 px, the annotation says 90x60"):
        ingest(stored(6), record(90, 60), "a.jpg", "apply")


def test_ignoring_an_orientation_that_the_annotation_has_applied_names_the_setting() -> None:
    with pytest.raises(DataError, match=r"swapped by an EXIF orientation, .*: data\.exif: apply turns the pixels"):
        ingest(stored(6), record(*UPRIGHT_PX), "a.jpg", "ignore")


def test_damage_is_found_before_it_is_turned() -> None:
    encoded = stored(6, form="PNG")
    place = encoded.index(b"IDAT") + 10
    damaged = encoded[:place] + bytes([encoded[place] ^ 1]) + encoded[place + 1 :]
    with pytest.raises(DataError, match="damaged"):
        ingest(damaged, record(*UPRIGHT_PX), "a.png", "apply")


@pytest.mark.parametrize("orientation", [3, 6])
def test_records_without_sizes_have_those_of_their_files_made_upright(orientation: int, tmp_path: Path) -> None:
    directory = write_oriented("tfrecord", tmp_path / "span", (orientation, 1), says_size=False)
    source = read_source(str(directory), exif="apply")
    for each, taken in ingested(source):
        assert each.truth.boxes_xywh_px[0] == pytest.approx(red_xywh_px(taken.encoded), abs=1e-4)


def test_records_that_say_the_stored_size_contradict_applying(tmp_path: Path) -> None:
    directory = write_oriented("tfrecord", tmp_path / "span", (6,), drawn_on="stored")
    with pytest.raises(DataError, match="the size of the stored pixels"):
        ingested(read_source(str(directory), exif="apply"))


def test_an_area_that_a_record_says_is_not_that_of_the_turned_box(tmp_path: Path) -> None:
    first = {"image/encoded": [stored(6)], "image/object/area": [77.5], "image/width": None, "image/height": None}
    source = read_source(str(write_tfrecords(tmp_path / "span", two_records(first))), exif="apply")
    assert source.records[0].truth.area_px2.tolist() == [77.5]
    assert (source.records[0].width_px, source.records[0].height_px) == UPRIGHT_PX
