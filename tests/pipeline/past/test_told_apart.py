"""What `ratchet status` says of the golden set's resolution."""

from __future__ import annotations

import datetime
from pathlib import Path
from typing import Any

import pytest

from ratchet.pipeline.past.status import read_status
from ratchet.schemas.artifacts.decisions import Verdict
from ratchet.schemas.artifacts.evaluation import EVALUATION_FILE, EVALUATION_FORMAT
from tests.builders import recorded_decision
from tests.components.review.content import evaluation
from tests.entry_file import entry_file, entry_names
from tests.pipeline.roots import add_run, registry_in, serve

TODAY = datetime.date(2030, 2, 1)


def decide(root: Path, number: int, half: float, **fields: Any) -> None:
    """A decision on the golden set `golden`, made on that day of January 2030."""
    made = {"decided_at": f"2030-01-{number:02}T00:00:00+00:00", "evaluation": str(root / f"artifacts/E/{number}")}
    interval = {"delta": -0.01, "delta_ci": (-0.01 - half, -0.01 + half)}
    registry_in(root).record_decision(
        f"{number}", recorded_decision(run_id=f"span-{number}", **made | interval | fields)
    )


def line(root: Path) -> str:
    found = [line for line in read_status(root, TODAY).to_text().splitlines() if line.startswith("golden ")]
    return found[0] if found else ""


@pytest.fixture
def root(tmp_path: Path) -> Path:
    add_run(tmp_path, "span-2-bb-1", Verdict.PUSHED, 2)
    serve(tmp_path, "200", "span-2-bb-1", 2)
    return tmp_path


def test_status_says_what_the_newest_decision_could_tell_apart_and_with_how_many_images(root: Path) -> None:
    decide(root, 2, half=0.2)
    decide(root, 3, half=0.0098)
    file = root / "artifacts/E/3" / EVALUATION_FILE
    file.parent.mkdir(parents=True)
    file.write_text(EVALUATION_FORMAT.write(evaluation()))
    assert line(root) == (
        "golden   differences of mAP below 0.014 cannot be told reliably with the 100 images of golden set golden"
    )
    told = read_status(root, TODAY).to_json()["told_apart"]
    assert told["difference"] == pytest.approx(0.014, rel=1e-2)
    assert (told["images"], told["golden_digest"], told["run_id"]) == (100, "golden", "span-3")


def test_without_the_evaluation_the_images_are_left_out(root: Path) -> None:
    decide(root, 3, half=0.0098)
    assert line(root).endswith("below 0.014 cannot be told reliably with golden set golden")


@pytest.mark.parametrize("unknown", [{"delta_ci": None}, {"delta_ci": (0.0, 0.0)}, {"evaluation_broken": True}])
def test_a_decision_that_says_nothing_of_it_leaves_the_word_to_the_one_before(root: Path, unknown: Any) -> None:
    decide(root, 2, half=0.0098)
    decide(root, 3, half=0.2, **unknown)
    assert "below 0.014" in line(root)


def test_where_nothing_is_known_of_the_newest_golden_set_nothing_is_said(root: Path) -> None:
    assert line(root) == ""
    decide(root, 2, half=0.01)
    decide(root, 3, half=0.01, delta_ci=None, golden_digest="renewed")
    assert line(root) == ""


def test_a_torn_decision_does_not_stop_status(root: Path) -> None:
    decide(root, 3, half=0.01)
    [name] = entry_names(root, "decisions")
    entry_file(root, f"decisions/{name}").write_text("{")
    assert "served   version 200" in read_status(root, TODAY).to_text()
    assert line(root) == ""
