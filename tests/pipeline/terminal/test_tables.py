from __future__ import annotations

from ratchet.pipeline.cli.evaluation_text import evaluation_text
from ratchet.pipeline.terminal.plain_text import table
from ratchet.schemas.artifacts.decisions import Decision, Verdict
from ratchet.schemas.artifacts.evaluation import DataSetEvaluation, ModelScores, Support


def test_columns_stand_two_blanks_apart_and_lines_end_with_their_text() -> None:
    rows = [("run", "mAP", "why"), ("span-10-aa-1", "0.5", ""), ("b", "0.25", "a  b")]
    assert table(rows) == ["run           mAP   why", "span-10-aa-1  0.5", "b             0.25  a  b"]
    assert table(rows, " r")[1:] == ["span-10-aa-1   0.5", "b             0.25  a  b"]


def test_what_looks_like_a_number_stays_as_it_is() -> None:
    assert table([("007", "1e3"), ("8", "0.50")]) == ["007  1e3", "8    0.50"]


def test_letters_that_are_two_columns_wide_move_nothing() -> None:
    narrow, wide = table([("cat", "1"), ("猫猫", "2")])
    assert narrow == "cat   1"
    assert wide == "猫猫  2"


def test_no_line_is_cut_however_long() -> None:
    assert table([("x" * 500, "y" * 500)]) == [f"{'x' * 500}  {'y' * 500}"]


def test_a_class_name_that_is_cut_says_so() -> None:
    names = ("a-name-of-" * 4, "dog")
    scores = ModelScores(coco={"AP": 0.5}, per_class=dict.fromkeys(names, 0.5), per_slice={})
    scored = DataSetEvaluation(
        images=2,
        class_support=dict.fromkeys(names, Support(2, 2)),
        slice_support={},
        candidate=scores,
        baseline=None,
        deltas=None,
    )
    text = evaluation_text(scored, Decision(Verdict.BOOTSTRAPPED, ()))
    assert "a-name-of-a-name-of-a-name-of...  " in text
    assert "a-name-of-" * 4 not in text
