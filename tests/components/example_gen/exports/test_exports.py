from __future__ import annotations

from pathlib import Path

import pytest

from tests.components.example_gen.exports.registry import EXPORTS
from tests.components.example_gen.exports.scenes import painted


@pytest.mark.parametrize("name", EXPORTS)
def test_the_truth_of_an_export_is_what_is_painted_in_its_pictures(name: str, tmp_path: Path) -> None:
    export, directory = EXPORTS[name], tmp_path / "delivery"
    truth = export.build(directory)
    assert any(truth.values())
    named = {split for _, split in export.splits}
    assert {export.split_of(path) for path in truth} <= (named or {""})
    for path, boxes in truth.items():
        if export.form != "tfrecord":
            assert painted(directory / path) == boxes


def test_paint_shows_that_a_wrong_truth_is_seen(tmp_path: Path) -> None:
    truth = EXPORTS["coco-2017"].build(tmp_path / "delivery")
    path = next(iter(truth))
    assert painted(tmp_path / "delivery" / path) != [truth[path][0]._replace(x=11)]
