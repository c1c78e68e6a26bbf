"""Tests of `ratchet.schemas.data.examples_artifact`."""

from __future__ import annotations

import struct
from dataclasses import replace
from pathlib import Path

import pytest

from ratchet.schemas.base.errors import StateError
from ratchet.schemas.base.files import LOCAL_FILES
from ratchet.schemas.data.dataset import (
    DATASET_FILE,
    DATASET_FORMAT,
    EVAL_SPLIT,
    FINGERPRINTS,
    HELD_OUT_SPLIT,
    TRAIN_SPLIT,
)
from ratchet.schemas.data.examples_artifact import ExamplesArtifact, check_file_read, split_directory
from tests.builders import dataset_info


@pytest.fixture
def stored(tmp_path: Path) -> ExamplesArtifact:
    info = replace(dataset_info(), span=3)
    (tmp_path / DATASET_FILE).write_text(DATASET_FORMAT.write(info))
    for split, names in ((TRAIN_SPLIT, ("b", "a")), (EVAL_SPLIT, ("c",))):
        directory = Path(split_directory(str(tmp_path), split))
        directory.mkdir()
        for name in names:
            (directory / name).touch()
    return ExamplesArtifact.open(str(tmp_path), LOCAL_FILES)


def test_it_knows_what_example_gen_wrote_of_it(stored: ExamplesArtifact) -> None:
    assert stored.info == replace(dataset_info(), span=3)


def test_record_files_come_split_by_split_and_in_the_order_of_their_names(stored: ExamplesArtifact) -> None:
    names = [Path(path).name for path in stored.record_files(TRAIN_SPLIT, EVAL_SPLIT)]
    assert names == ["a", "b", "c"]
    assert stored.record_files(EVAL_SPLIT) == [f"{stored.uri}/Split-eval/c"]


def test_a_split_without_a_directory_has_no_files(stored: ExamplesArtifact) -> None:
    assert stored.record_files("other") == []


def test_what_is_not_listed_is_a_stranger_and_what_is_listed_and_gone_is_to_be_read(stored: ExamplesArtifact) -> None:
    listed = replace(stored, info=replace(stored.info, record_files={TRAIN_SPLIT: {"a": 3, "gone": 2}}))
    at = f"{stored.uri}/Split-train"
    assert listed.strangers(TRAIN_SPLIT) == ["b"]
    assert listed.files_to_read(TRAIN_SPLIT) == [f"{at}/a", f"{at}/gone"]
    assert listed.record_files(TRAIN_SPLIT) == [f"{at}/a"]
    assert stored.files_to_read(TRAIN_SPLIT, EVAL_SPLIT) == stored.record_files(TRAIN_SPLIT, EVAL_SPLIT)
    assert stored.strangers(TRAIN_SPLIT) == []


def test_statistics_of_other_images_are_an_error_that_names_what_lies_beside(stored: ExamplesArtifact) -> None:
    record = struct.pack("<QI", 1, 0) + b"x" + bytes(4)
    Path(stored.uri, "Split-train", "a").write_bytes(record * 3)
    info = replace(stored.info, images={TRAIN_SPLIT: 3}, record_files={TRAIN_SPLIT: {"a": 3}})
    listed = replace(stored, info=info)
    listed.check_counted(TRAIN_SPLIT, 3, "stats.pb")
    with pytest.raises(
        StateError, match=r"stats\.pb: of 5 images, but .*dataset\.json says 3; .* did not write: b; delete"
    ):
        listed.check_counted(TRAIN_SPLIT, 5, "stats.pb")
    Path(stored.uri, "Split-train", "b").unlink()
    with pytest.raises(StateError, match=r"stats\.pb: of 5 images, .* give the command with --anew, and run again"):
        listed.check_counted(TRAIN_SPLIT, 5, "stats.pb")


def test_fingerprints_are_those_of_its_span(stored: ExamplesArtifact) -> None:
    Path(stored.uri, FINGERPRINTS).mkdir()
    Path(stored.uri, FINGERPRINTS, EVAL_SPLIT).write_text(f"7 {'0f' * 32}\n")
    prints = stored.fingerprints(EVAL_SPLIT)
    assert (prints.spans.tolist(), prints.image_ids.tolist()) == ([3], [7])


def test_a_data_set_from_before_there_was_a_split_has_nothing_in_it(stored: ExamplesArtifact) -> None:
    assert HELD_OUT_SPLIT not in stored.info.images
    assert stored.record_files(HELD_OUT_SPLIT) == []
    assert len(stored.fingerprints(HELD_OUT_SPLIT).image_ids) == 0


def test_a_directory_that_is_not_one_raises_the_error_of_its_file_system(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError):
        ExamplesArtifact.open(str(tmp_path), LOCAL_FILES)


def frame(content: bytes) -> bytes:
    return struct.pack("<QI", len(content), 0) + content + bytes(4)


@pytest.fixture
def listing(tmp_path: Path) -> ExamplesArtifact:
    """Of 4 + 2 images in two listed files, beside what a broken try has left."""
    files = {TRAIN_SPLIT: {"data-0-of-2": 4, "data-1-of-2": 2}, EVAL_SPLIT: {}}
    info = dataset_info(images={TRAIN_SPLIT: 6, EVAL_SPLIT: 0}, record_files=files)
    (tmp_path / DATASET_FILE).write_text(DATASET_FORMAT.write(info))
    directory = Path(split_directory(str(tmp_path), TRAIN_SPLIT))
    (directory / "beam-temp-data-1234").mkdir(parents=True)
    for name, images in {**files[TRAIN_SPLIT], "data-0-of-3": 6}.items():
        (directory / name).write_bytes(frame(b"image") * images)
    return ExamplesArtifact.open(str(tmp_path), LOCAL_FILES)


def path_of(listing: ExamplesArtifact, name: str) -> Path:
    return Path(split_directory(listing.uri, TRAIN_SPLIT), name)


def test_only_listed_files_belong_to_a_data_set(listing: ExamplesArtifact) -> None:
    assert [Path(path).name for path in listing.record_files(TRAIN_SPLIT, EVAL_SPLIT)] == ["data-0-of-2", "data-1-of-2"]
    assert list(listing.images_of_files(TRAIN_SPLIT).values()) == [4, 2]
    assert listing.is_whole(TRAIN_SPLIT)
    assert listing.is_whole(EVAL_SPLIT)
    listing.check_files(TRAIN_SPLIT, EVAL_SPLIT)
    listing.check_read(TRAIN_SPLIT, 6)


def test_a_listed_file_that_is_gone_makes_it_not_whole(listing: ExamplesArtifact) -> None:
    path_of(listing, "data-1-of-2").unlink()
    assert [Path(path).name for path in listing.record_files(TRAIN_SPLIT)] == ["data-0-of-2"]
    assert not listing.is_whole(TRAIN_SPLIT)
    with pytest.raises(StateError, match=r"data-1-of-2: no such file, but .*dataset\.json lists it with 2 images; .*"):
        listing.check_read(TRAIN_SPLIT, 4)


@pytest.mark.parametrize(
    ("content", "found"), [(frame(b"a") * 5, 5), (frame(b"a") * 3, 3), (frame(b"a") * 4 + b"x", 4)]
)
def test_a_file_of_another_count_is_named_with_both_counts(
    listing: ExamplesArtifact, content: bytes, found: int
) -> None:
    path_of(listing, "data-0-of-2").write_bytes(content)
    if found == 4:  # less than a whole record behind those that count
        listing.check_files(TRAIN_SPLIT)
        return
    with pytest.raises(
        StateError, match=rf"data-0-of-2: it holds {found} images, but .*says 4; .*restore it, or .*--anew"
    ):
        listing.check_read(TRAIN_SPLIT, found + 2)


def test_of_an_older_data_set_the_split_is_named(stored: ExamplesArtifact) -> None:
    assert stored.images_of_files(TRAIN_SPLIT) == {}
    stored.check_read(TRAIN_SPLIT, 540)
    with pytest.raises(StateError, match=r"Split-train: its TFRecord files hold 1080 images, but .* says 540; "):
        stored.check_read(TRAIN_SPLIT, 1080)


def test_of_an_older_data_set_what_beam_had_not_finished_is_left_out(stored: ExamplesArtifact) -> None:
    Path(split_directory(stored.uri, EVAL_SPLIT), "beam-temp-data-1234").mkdir()
    assert [Path(path).name for path in stored.record_files(EVAL_SPLIT)] == ["c"]


def test_an_older_data_set_is_whole_with_as_many_files_as_their_names_say(stored: ExamplesArtifact) -> None:
    for name in ("a", "b"):
        Path(split_directory(stored.uri, TRAIN_SPLIT), name).unlink()
    assert not stored.is_whole(TRAIN_SPLIT)
    for number in range(2):
        assert not stored.is_whole(TRAIN_SPLIT)
        Path(split_directory(stored.uri, TRAIN_SPLIT), f"data-0000{number}-of-00002").touch()
    assert stored.is_whole(TRAIN_SPLIT)


def test_who_has_read_a_file_to_its_end_says_how_many_it_holds() -> None:
    check_file_read("a", 3, {"a": 3})
    check_file_read("b", 5, {"a": 3})
    with pytest.raises(StateError, match=r"^a: it holds 5 images, but dataset\.json says 3; "):
        check_file_read("a", 5, {"a": 3})
