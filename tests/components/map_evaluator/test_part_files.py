"""Tests of `ratchet.components.map_evaluator.part_files`."""

from __future__ import annotations

import dataclasses
from pathlib import Path

import pytest

from ratchet.components.map_evaluator.held_out import ChosenImages
from ratchet.components.map_evaluator.part_files import DataPart, read_part, write_part
from ratchet.schemas.base.errors import StateError
from ratchet.schemas.base.files import LOCAL_FILES

PLAIN = DataPart("golden", ("a", "b"), 30, 0.1 + 0.2, ("cat", "dog"), images_of_files={"a": 10, "b": 20})
ONE, OTHER = ChosenImages({7: 1, 2**60: 2}, (0, 2, 1)), ChosenImages({}, (0,))
CHOSEN = DataPart("held_out", ("a", "b", "c"), 2, chosen={"a": ONE, "c": ONE, "b": OTHER})


@pytest.mark.parametrize("part", [PLAIN, CHOSEN, DataPart("empty", (), 0), DataPart("none", ("a",), 1, chosen={})])
def test_what_is_written_is_read(tmp_path: Path, part: DataPart) -> None:
    write_part(part, str(tmp_path / "part"), LOCAL_FILES)
    assert read_part(str(tmp_path / "part"), LOCAL_FILES) == part


def test_what_is_taken_of_many_files_alike_is_written_once(tmp_path: Path) -> None:
    chosen = ChosenImages({number: number for number in range(1000)}, (0, 1))
    sizes = []
    for files in (1, 100):
        names = tuple(f"file-{number}" for number in range(files))
        write_part(
            DataPart("held_out", names, 1000, chosen=dict.fromkeys(names, chosen)), str(tmp_path / "part"), LOCAL_FILES
        )
        sizes.append((tmp_path / "part").stat().st_size)
    assert sizes[1] < sizes[0] + 3000


@pytest.mark.parametrize("content", ['{"format": 2}', "[]", "", '{"format": 1, "na'])
def test_anything_else_is_refused(tmp_path: Path, content: str) -> None:
    (tmp_path / "part").write_text(content)
    with pytest.raises(StateError, match=r"part: .*un the step again"):
        read_part(str(tmp_path / "part"), LOCAL_FILES)


def test_counts_of_files_that_are_not_read_stay_behind(tmp_path: Path) -> None:
    more = dataclasses.replace(PLAIN, images_of_files={**PLAIN.images_of_files, "c": 5})
    write_part(more, str(tmp_path / "part"), LOCAL_FILES)
    assert read_part(str(tmp_path / "part"), LOCAL_FILES) == PLAIN
