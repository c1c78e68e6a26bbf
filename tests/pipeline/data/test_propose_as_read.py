"""What is proposed comes from the data that a run reads, and says how they are read."""

from __future__ import annotations

from pathlib import Path

import pytest

from ratchet.pipeline.config.pipeline_settings import load_settings
from ratchet.pipeline.data.config_propose import propose_for, propose_for_root
from ratchet.schemas.base.errors import DataError
from tests.components.example_gen.exports.registry import EXPORTS

SPLITS = ("data.reading.split=train", "data.golden_reading.split=valid")


@pytest.fixture
def data(tmp_path: Path) -> Path:
    """A Roboflow export as the first span: three pictures for training, two for validation, one for a test."""
    EXPORTS["roboflow-coco"].build(tmp_path / "data" / "span-1")
    return tmp_path / "data"


def test_a_split_is_what_figures_are_of(data: Path) -> None:
    assert f"{data}/span-1 (3 images, 4 objects)" in propose_for(data, None, SPLITS).head[0]
    assert f"{data}/span-1 (6 images, 8 objects)" in propose_for(data, None, ()).head[0]


def test_how_data_are_read_stands_in_the_proposal_of_a_root(data: Path) -> None:
    overrides = (*SPLITS, "training.bootstrap.steps=9", "data.exif=ignore")
    proposal = propose_for_root(data, data / "span-1", None, overrides)
    settings = load_settings(proposal.values, ())
    assert (settings.data.reading.split, settings.data.golden_reading.split) == ("train", "valid")
    assert settings.data.exif == "ignore"
    assert settings.training.bootstrap.steps != 9


def test_a_split_that_the_golden_set_lacks_is_an_error_before_anything_is_proposed(data: Path) -> None:
    with pytest.raises(DataError, match="no split 'holdout' in it"):
        propose_for_root(data, data / "span-1", None, ("data.golden_reading.split=holdout",))
