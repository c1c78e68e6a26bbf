"""What the page says of a baseline that Ratchet did not train."""

from __future__ import annotations

from pathlib import Path

from ratchet.components.review.content import ReviewContent
from ratchet.components.review.page import review_page
from ratchet.components.review.sections.cause import cause_section
from ratchet.components.review.sections.lineage import lineage_section
from ratchet.components.review.sections.training import rows, training_gist, training_section
from ratchet.schemas.artifacts.adoption import Adoption
from tests.builders import training_record
from tests.components.review.content import content
from tests.components.review.test_page import text_of
from tests.components.trainer.test_adopted import adopted, without_plan


def page_of(adoption: Adoption) -> ReviewContent:
    return content(baseline=None, adoption=adoption, candidate=training_record())


def test_the_training_stands_beside_what_the_adopted_models_configuration_says(tmp_path: Path) -> None:
    adoption = adopted(tmp_path)
    known = {row.name: row.baseline for row in rows(training_record(), adoption) if row.baseline != "-"}
    assert known["peak learning rate"] == "0.04"
    assert known["batch size"] == "32"
    assert known["planned steps"] == "20000"
    assert known["augmentation"] == "random_horizontal_flip and random_crop_image"
    assert known["optimizer"] == "SGD"
    assert known["model: input_size"] == "320, 320"
    text = text_of(training_section(training_record(), adoption))
    assert "The baseline was adopted by Ada on 2026-03-01: Ratchet did not train it." in text
    assert f"what {adoption.plan and adoption.plan.source} says (TF Object Detection API)" in text


def test_what_only_the_candidate_says_is_no_difference(tmp_path: Path) -> None:
    html = training_section(training_record(), adopted(tmp_path))
    apart = html.partition("</table>")[0]
    assert "peak learning rate" in apart
    assert "gradient clipping" not in apart
    assert "of the candidate alone" in text_of(html)


def test_without_a_configuration_it_says_that_nothing_is_known() -> None:
    text = text_of(training_section(training_record(), without_plan()))
    assert "and nothing is known of how it was trained." in text
    assert training_gist(training_record(), without_plan()) == "trained anew: the baseline was adopted"
    started = training_record(mode="bootstrap", init_checkpoint="old/ckpt-7", baseline_digest=None)
    assert training_gist(started, without_plan()) == "trained from old/ckpt-7: the baseline was adopted"
    assert "start old/ckpt-7" in " ".join(text_of(training_section(started, without_plan())).split())


def test_where_the_baseline_comes_from_stands_with_the_run(tmp_path: Path) -> None:
    text = text_of(lineage_section(page_of(adopted(tmp_path))))
    assert "by Ada on 2026-03-01: it works" in text
    assert "/models/old (digest 000000000000)" in text


def test_the_whole_page_is_that_of_a_run_with_a_baseline() -> None:
    shown = page_of(without_plan())
    assert "The baseline was adopted by Ada" in text_of(review_page(shown))
    assert text_of(cause_section(shown)) == text_of(cause_section(content(candidate=training_record())))
