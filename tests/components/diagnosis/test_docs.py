"""What the documentation says of causes is what the code can name."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from ratchet.components.diagnosis.dataset_shift import PROPERTIES
from ratchet.components.diagnosis.evaluation_set import FLAWS
from ratchet.components.diagnosis.label_faults import FAULTS
from ratchet.schemas.artifacts.diagnosis import ANNOTATION, CAUSES, DATASET_SHIFT, EVALUATION_SET

TEXT = (Path(__file__).resolve().parents[3] / "docs" / "diagnosis.md").read_text(encoding="utf-8")
ROWS = dict(re.findall(r"^\| `(\w+)` \| ([^|]*) \|", TEXT, re.M))


def kinds(cause: str) -> set[str]:
    """The details that the page names."""
    return set(re.findall(r"`(\w+)`", ROWS[cause]))


def test_every_cause_is_documented_with_its_kinds() -> None:
    assert [cause for cause in CAUSES if not kinds(cause)] == []


@pytest.mark.parametrize(
    ("cause", "named"),
    [
        (ANNOTATION, {"tight_boxes", *(fault.detail for fault in FAULTS)}),
        (DATASET_SHIFT, PROPERTIES),
        (EVALUATION_SET, {flaw.detail for flaw in FLAWS}),
    ],
)
def test_the_kinds_of_causes_of_data_are_those_that_the_code_names(cause: str, named: set[str]) -> None:
    assert kinds(cause) == named
