"""What the page says, read from its HTML."""

from __future__ import annotations

import dataclasses
import re
from html import unescape
from typing import Any

import pytest

from ratchet.components.review.content import ReviewContent
from ratchet.components.review.page import review_page
from ratchet.components.review.sections.cause import cause_section
from ratchet.components.review.sections.changes import changes_section
from ratchet.components.review.sections.head import headline
from ratchet.components.review.sections.lineage import lineage_section
from ratchet.components.review.sections.next_steps import advice, next_section
from ratchet.components.review.sections.past import override_banner, past_section
from ratchet.components.review.sections.serving import serving_section
from ratchet.components.review.sections.training import record_tables, rows
from ratchet.components.review.sections.verdict import reason_sentence
from ratchet.schemas.artifacts.decisions import DataDecision, Reason, Verdict
from ratchet.schemas.artifacts.evaluation import (
    Delta,
    Deltas,
    HeldOutComparison,
    SecondOpinion,
    Serving,
    ServingFigures,
)
from ratchet.schemas.artifacts.high_water import HighWaterMark
from ratchet.schemas.artifacts.history import History
from ratchet.schemas.artifacts.overrides import OverrideKind
from ratchet.schemas.artifacts.shadow import Disagreement, ReadAs, Shadow
from tests.builders import training_record
from tests.components.review.content import (
    analysis,
    bootstrapped,
    content,
    data_set,
    evaluation,
    override,
    past_run,
    reason,
    rejected,
)


def text_of(html: str) -> str:
    """What a reader sees, in one line."""
    shown = re.sub(r"<[^>]+>", " ", re.sub(r"(?s)<(style|script)>.*?</\1>", "", html))
    return re.sub(r"\s+", " ", unescape(shown)).strip()


def sections(page: str) -> list[str]:
    return re.findall(r'<section id="([^"]+)"', page)


NO_FINDINGS = DataDecision(True, (reason("schema", passed=True),))


def test_the_reason_is_one_sentence_that_names_no_cause() -> None:
    assert reason_sentence(content()) == (
        "mAP fell from 0.7000 to 0.5000 (\u22120.2000; 95 % interval \u22120.2200 to \u22120.1800) on 100 golden "
        "images."
    )


@pytest.mark.parametrize(
    ("shown", "start"),
    [
        (
            content(evaluation=evaluation(reason("class_drop:dog", actual="0.6 -> 0.3"))),
            "Class dog got worse: 0.6 -> 0.3",
        ),
        (content(evaluation=evaluation(reason("trust:leak"))), "Golden images are in the training data, or may be: "),
        (
            content(evaluation=evaluation(reason("map_interval"), verdict=Verdict.INCONCLUSIVE)),
            "A fall of mAP beyond the tolerance is not ruled out: on 100 golden images mAP went from 0.7000",
        ),
        (
            content(evaluation=evaluation(verdict=Verdict.PUSHED, golden=data_set(0.8))),
            "mAP went from 0.7000 to 0.8000",
        ),
        (bootstrapped(), "The first model reaches mAP 0.5000 on 100 golden images"),
        (rejected(), "Drift of brightness from the training data: darker: median 54 -> 18. 1 further rule failed."),
    ],
)
def test_the_reason_of_every_verdict(shown: Any, start: str) -> None:
    assert reason_sentence(shown).startswith(start)


def test_a_broken_evaluation_is_not_quoted_for_its_map() -> None:
    assert "mAP" not in reason_sentence(content(evaluation=evaluation(reason("trust:leak")), data=NO_FINDINGS))


def test_the_head_has_verdict_reason_cause_figures_and_the_next_step_in_this_order() -> None:
    seen = text_of(headline(content()))
    parts = ("BLOCKED", "mAP fell", "Very likely cause", "candidate mAP 0.5000", "baseline mAP 0.7000", "Next:")
    places = [seen.index(part) for part in parts]
    assert places == sorted(places)


def test_classes_that_fell_are_counted_and_the_worst_is_named() -> None:
    failed = [reason(), reason("class_drop:cat"), reason("class_drop:dog"), reason("class_and_slice_drops")]
    seen = text_of(review_page(content(evaluation=evaluation(*failed))))
    assert "2 classes got significantly worse, most of all class dog (\u22120.2500)." in seen


FALLEN = evaluation(reason(), reason("class_drop:cat"), reason("map_interval"))


MARK = HighWaterMark("1700000000", 0.75, "best", "golden-digest", "the approval of <Ada> on 2030-01-03")


def lowered(candidate: float, *reasons: Reason, verdict: Verdict = Verdict.BLOCKED) -> ReviewContent:
    """The baseline has .7, since the approval of a model worse than the best that was served."""
    measured = evaluation(*reasons, verdict=verdict, golden=data_set(candidate))
    return content(evaluation=dataclasses.replace(measured, high_water=MARK), data=NO_FINDINGS)


def test_a_lowered_baseline_is_shown_beside_the_best_served_model_in_figures_and_lineage() -> None:
    shown = lowered(0.72, verdict=Verdict.PUSHED)
    figures = headline(shown)
    assert (
        "version 1700000000; the baseline is 0.0500 below it since the approval of &lt;Ada&gt; on 2030-01-03" in figures
    )
    assert "best served mAP 0.7500" in text_of(figures)
    assert "best served on this golden set version 1700000000, mAP 0.7500" in text_of(lineage_section(shown))


def test_a_baseline_that_is_the_best_needs_no_word() -> None:
    best = dataclasses.replace(evaluation(), high_water=dataclasses.replace(MARK, map=0.7))
    assert "best served" not in headline(content(evaluation=best))
    assert "best served" not in headline(content())


def test_a_candidate_that_rose_and_stays_below_the_high_water_mark_did_not_fall() -> None:
    assert reason_sentence(lowered(0.72, reason("map_drop"))).endswith(
        "on 100 golden images, but stays below the 0.7500 of version 1700000000, the best that was served."
    )
    assert "stays below" not in reason_sentence(lowered(0.6, reason("map_drop")))


def test_a_spent_golden_budget_is_told_with_the_change_of_map_and_needs_no_broken_evaluation() -> None:
    spent = reason("trust:golden_budget", actual="this is number 101; renew the golden set")
    shown = content(evaluation=evaluation(spent, golden=data_set(0.72)), data=NO_FINDINGS)
    found = "The golden set has decided too often: this is number 101; renew the golden set"
    assert reason_sentence(shown).startswith(f"{found}; mAP as a whole went from 0.7000")
    assert "--evaluation-broken" not in text_of(next_section(shown))
    assert any("evaluator.golden_budget=N" in step for step in advice(shown))
    assert "cannot be trusted" not in cause_section(shown)
    assert "The golden set has decided too often" in cause_section(shown)


def test_the_second_opinion_shows_every_model_held_against_and_what_is_missing() -> None:
    delta = Delta(-0.0121, -0.0201, -0.0041, 0.0041)
    opinion = SecondOpinion(240, 240, 1310, 6, 3, 12, ("cat",), missing=("version 15 (there) is gone",))
    made = tuple(
        HeldOutComparison(name, version, ago, 0.5112, 0.5233, delta)
        for name, version, ago in (("baseline", "1800000000", 0), ("best", "1700000000", 4))
    )
    verdicts = (reason("second_opinion:baseline", passed=True), reason("second_opinion:best"))
    whole = dataclasses.replace(evaluation(*verdicts), second_opinion=dataclasses.replace(opinion, comparisons=made))
    seen = text_of(review_page(content(evaluation=whole)))
    for words in (
        "240 images with 1,310 objects of 6 spans",
        "3 more images left out as copies",
        "12 not used (evaluator.second_opinion.max_images)",
        "the best beyond doubt, served 4 pushes ago",
        "version 15 (there) is gone",
        "Held-out images say that mAP fell below the best model",
    ):
        assert words in seen, words


@pytest.mark.parametrize(
    ("half", "said"),
    [
        (0.001, "Held-out images say that mAP fell below the baseline model's: "),
        (0.004, "Held-out images rule out a real gain on the baseline model: "),
    ],
)
def test_held_out_images_say_that_map_fell_only_where_the_interval_does(half: float, said: str) -> None:
    delta = Delta(-0.0014, -0.0014 - half, -0.0014 + half, half / 2)
    opinion = SecondOpinion(
        528, 528, 1310, 5, 0, 0, ("cat",), (HeldOutComparison("baseline", "15", 0, 0.5, 0.5, delta),)
    )
    whole = dataclasses.replace(evaluation(reason("second_opinion:baseline")), second_opinion=opinion)
    assert reason_sentence(content(evaluation=whole, data=NO_FINDINGS)).startswith(said)


def test_figures_of_a_broken_evaluation_are_not_read_and_marked() -> None:
    shown = content(evaluation=evaluation(reason("trust:leak"), golden=data_set(0.8), held_out=data_set(0.8)))
    assert "these figures say nothing about the models" in text_of(cause_section(shown))
    assert "candidate mAP 0.8000 not to be trusted" in text_of(headline(shown))


def test_a_long_finding_is_cut_at_a_word_with_one_ending() -> None:
    shown = content(evaluation=evaluation(reason("trust:leak", actual="golden image 5 is image 7, " * 30)))
    assert reason_sentence(shown).endswith(" ...")
    assert len(reason_sentence(shown)) < 200


def test_classes_are_sorted_by_damage_with_their_intervals() -> None:
    html = changes_section(data_set())
    assert re.findall(r'<tr class="(\w+)"><th scope="row">(\w+)</th>', html)[:2] == [("worse", "dog"), ("worse", "cat")]
    assert "\u22120.2700 to \u22120.2300" in text_of(html)


def test_a_class_that_the_baseline_does_not_know_is_shown_without_difference() -> None:
    shared = data_set()
    names = {"cat": 0.6, "dog": 0.4, "eel": 0.9}
    golden = dataclasses.replace(
        shared,
        candidate=type(shared.candidate)(shared.candidate.coco, names, {}),
        class_support={**shared.class_support, "eel": shared.class_support["dog"]},
        shared=shared,
    )
    row = re.search(r"<tr[^>]*><th scope=\"row\">eel.*?</tr>", changes_section(golden))
    assert row is not None
    assert "not known" in row.group()


def test_records_show_what_differs_and_fold_what_does_not() -> None:
    one, other = training_record(batch_size=8), training_record()
    assert [(row.name, row.candidate, row.baseline) for row in rows(other, one) if row.differs] == [
        ("passes over the new span", "6.67", "3.33"),
        ("batch size", "16", "8"),
    ]
    html = record_tables(other, one)
    assert html.index("batch size") < html.index("<details") < html.index("peak learning rate")


def test_every_field_of_a_record_is_shown() -> None:
    record = training_record()
    shown = text_of(record_tables(record, None))
    for value in ("0.008", "none-v1", "250", "cat, dog", "0.5000 of their norm", "random weights"):
        assert value in shown


def test_an_approval_is_shown_on_every_later_page_until_it_says_expired() -> None:
    def banner(made_at: str) -> str:
        made = override()
        shown = override_banner(content(made_at=made_at, history=History((), (made,), made)))
        assert shown is not None
        return shown.text

    valid, expired = banner("2030-01-20T00:00:00+00:00"), banner("2030-02-02T00:00:00+00:00")
    assert "approved by Ada on 2030-01-10 until 2030-02-01: the golden set misses night images" in valid
    assert "expired" not in valid
    assert "That approval has expired" in expired
    assert override_banner(content()) is None


def test_a_rollback_is_shown_with_what_it_restored() -> None:
    made = override(kind=OverrideKind.ROLLED_BACK, expires=None, restored="1799999999")
    banner = override_banner(content(history=History((), (made,), made)))
    assert banner is not None
    assert "since a rollback (the model of version 1799999999) by Ada" in banner.text


def test_past_runs_are_listed_newest_first_with_this_one() -> None:
    html = past_section(content(history=History((past_run(1), past_run(2)), (override(),))))
    assert re.findall(r'<th scope="row">(span-\d)', html) == ["span-2", "span-2", "span-1"]
    assert "approved span-1-9999aaaa-1" in html


def test_what_is_served_after_a_blocked_run_is_the_baseline() -> None:
    blocked = past_run(2, verdict="BLOCKED", map=0.1, baseline_map=0.61)
    chart = past_section(content(history=History((past_run(1), blocked))))
    assert "served after the run: from 0.61 to 0.7, lowest 0.61" in chart
    assert "candidate: from 0.61 to 0.5, lowest 0.1" in chart


def test_past_runs_on_another_golden_set_are_not_compared() -> None:
    html = past_section(content(history=History((past_run(1, golden_digest="another"),))))
    assert "different golden sets cannot be compared" in html
    assert "different golden sets" not in past_section(content())


def test_the_lineage_has_digests_spans_code_and_metadata_ids() -> None:
    seen = text_of(lineage_section(content()))
    for part in (
        "golden-digest",
        "span-digest",
        "0.1.0, source 0123456789ab",
        "evaluation 8 artifacts/evaluation/8",
        "b" * 64,
    ):
        assert part in seen


def test_every_section_is_there_for_a_trained_candidate() -> None:
    assert sections(review_page(content())) == [
        "cause", "images", "next", "changes", "errors", "confusion", "curves",
        "serving", "data", "training", "rules", "past", "take-along", "lineage",
    ]  # fmt: skip


def test_latency_and_size_of_both_models_stand_side_by_side() -> None:
    seen = text_of(review_page(content()))
    assert "a single image, median 20 ms 30 ms 1.50 x" in seen
    assert "files of the model 2 MB 2.4 MB 1.20 x" in seen


def test_an_evaluation_from_before_latency_was_measured_has_no_section_of_it() -> None:
    older = dataclasses.replace(evaluation(reason()), serving=None)
    assert "serving" not in sections(review_page(content(evaluation=older)))


def test_a_first_model_has_no_ratio_of_latency_and_size() -> None:
    seen = text_of(serving_section(Serving(ServingFigures(30.0, 2_400_000), None)))
    assert "a single image, median \u2013 30 ms \u2013" in seen


def test_a_rejected_span_has_only_what_is_known_of_it() -> None:
    page = review_page(rejected())
    assert sections(page) == ["cause", "next", "data", "rules", "past", "take-along", "lineage"]
    assert "DATA_REJECTED" in page


def test_a_first_model_is_compared_with_nothing() -> None:
    page = text_of(review_page(bootstrapped()))
    assert "BOOTSTRAPPED" in page
    assert "baseline mAP" not in page
    assert "Golden images with the most errors" in page


def test_without_an_image_that_got_worse_the_page_says_so() -> None:
    page = text_of(review_page(content(analysis=analysis(gallery=(), worse=0))))
    assert "In none of 100 golden images the candidate makes more errors than the baseline" in page


def test_undefined_differences_do_not_break_the_page() -> None:
    nothing = Delta(None, None, None, None)
    deltas = Deltas(nothing, {"cat": nothing, "dog": nothing}, {"object_size=small": nothing})
    page = review_page(content(evaluation=evaluation(reason(), golden=data_set(deltas=deltas))))
    assert "95 % interval" in page


def test_a_server_that_does_not_serve_it_is_told_in_the_head() -> None:
    told = Reason("serving:available", "version 7 is AVAILABLE", "LOADING after 300 s", passed=True, warning=True)
    text = text_of(review_page(content(evaluation=evaluation(told, verdict=Verdict.PUSHED))))
    assert "TensorFlow Serving does not serve it yet: LOADING after 300 s" in text


def test_the_tfma_report_is_linked_where_a_candidate_was_measured() -> None:
    assert '<a href="tfma.html">' in review_page(content())
    assert "tfma" not in review_page(rejected()).partition("<footer>")[2].partition("</footer>")[0]


def test_what_logged_requests_say_has_a_section_and_names_with_a_way_to_look() -> None:
    shadow = Shadow(
        log="/data/log",
        overall=Disagreement(40, 9, 90, 2, 6, 2, interval=(0.06, 0.16), images_interval=(0.12, 0.37)),
        by_camera={"<north>": Disagreement(40, 9, 90, 2, 6, 2, interval=(0.06, 0.16))},
        read_as=(ReadAs("cat", "dog", 2),),
    )
    whole = dataclasses.replace(evaluation(reason("shadow")), shadow=shadow)
    page = " ".join(review_page(content(evaluation=whole)).split())
    assert "They disagree about 10 % of 100 objects (95 % interval 6 % to 16 %)" in page
    assert "&lt;north&gt;" in page
    assert "cat as dog (2)" in page
    assert "10 % of 100 objects found differently" in page
    assert "On logged requests it finds too much that the served model does not" in page
    assert 'id="shadow"' not in review_page(content())
