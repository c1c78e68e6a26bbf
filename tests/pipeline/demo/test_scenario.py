from __future__ import annotations

import json
from pathlib import Path

import pytest

from ratchet.pipeline.demo.scenario import ACTS, MARKER, DemoResult, _make_anew
from ratchet.schemas.artifacts.decisions import Verdict
from ratchet.schemas.base.errors import InputError
from tests.pipeline.past.test_result import DROP, PASSED, result

DIRECTORY = Path("my demo")
RUNS = (
    result(Verdict.BOOTSTRAPPED, PASSED, map=0.5, baseline_map=None, delta=None, delta_ci=None, span=1),
    result(Verdict.PUSHED, PASSED, map=0.7, baseline_map=0.5, delta=0.2, span=2),
    result(Verdict.BLOCKED, DROP, map=0.3, baseline_map=0.7, delta=-0.4, span=3),
)


def test_the_table_has_a_row_a_run_with_its_figures_and_reason() -> None:
    lines = DemoResult(RUNS, 61.2, DIRECTORY).to_text().splitlines()
    assert lines[1].split() == [
        "span",
        "baseline",
        "mAP",
        "candidate",
        "mAP",
        "difference",
        "verdict",
        "seconds",
        "reason",
    ]
    assert lines[2].split()[:5] == ["1", "-", "0.5000", "-", "BOOTSTRAPPED"]
    assert lines[3].split()[:5] == ["2", "0.5000", "0.7000", "+0.2000", "PUSHED"]
    assert lines[4].split()[:5] == ["3", "0.7000", "0.3000", "-0.4000", "BLOCKED"]
    assert "map_drop" in lines[4]
    assert "as it should" in lines[6]


def test_it_ends_with_commands_that_name_its_root() -> None:
    lines = DemoResult(RUNS, 61.2, DIRECTORY).to_text().splitlines()
    assert lines[-6:] == [
        "Look at it yourself:",
        "  export RATCHET_ROOT='my demo/root'",
        "  ratchet status",
        "  ratchet history",
        "  ratchet review --open",
        "  ratchet check --data 'my demo/data' --span 3",
    ]


def test_another_verdict_than_expected_fails_the_demo() -> None:
    assert DemoResult(RUNS, 1.0, DIRECTORY).as_expected
    wrong = DemoResult((RUNS[0], RUNS[2], RUNS[2]), 1.0, DIRECTORY)
    assert not wrong.as_expected
    assert "NOT as expected" in wrong.to_text()


def test_the_story_is_bootstrap_push_block() -> None:
    assert [act.expected for act in ACTS] == [Verdict.BOOTSTRAPPED, Verdict.PUSHED, Verdict.BLOCKED]


def test_json_is_the_contract() -> None:
    value = json.loads(json.dumps(DemoResult(RUNS, 61.2, DIRECTORY).to_json()))
    assert set(value) == {"runs", "seconds", "page"}
    assert [run["verdict"] for run in value["runs"]] == ["BOOTSTRAPPED", "PUSHED", "BLOCKED"]
    assert value["page"] == "review.html"


def test_only_a_directory_that_a_demo_made_is_replaced(tmp_path: Path) -> None:
    made = tmp_path / "demo"
    _make_anew(made)
    (made / "old").touch()
    _make_anew(made)
    assert [file.name for file in made.iterdir()] == [MARKER]
    (tmp_path / "precious").touch()
    with pytest.raises(InputError, match="was not made by the demo"):
        _make_anew(tmp_path)
    assert (tmp_path / "precious").exists()
