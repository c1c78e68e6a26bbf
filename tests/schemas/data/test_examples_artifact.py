"""Tests of `ratchet.schemas.data.examples_artifact`."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from ratchet.schemas.base.files import LOCAL_FILES
from ratchet.schemas.data.dataset import (
    DATASET_FILE,
    DATASET_FORMAT,
    EVAL_SPLIT,
    FINGERPRINTS,
    HELD_OUT_SPLIT,
    TRAIN_SPLIT,
)
from ratchet.schemas.data.examples_artifact import ExamplesArtifact, split_directory
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
