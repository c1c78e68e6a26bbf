from __future__ import annotations

import dataclasses

import numpy as np
import pytest

from ratchet.components.labels.findings import (
    Estimate,
    Excess,
    Finding,
    clustered_median_of,
    median_of,
    reason_of,
    share_of,
    shortfall,
)
from tests.components.labels.scenes import scenes

SPAN = scenes(seed=1, images=20)


def test_a_share_of_objects_that_err_together_is_less_certain() -> None:
    random = np.random.default_rng(0)
    image = np.repeat(np.arange(50), 6)
    alone = share_of(random.random(300) < 0.3, image)
    together = share_of((random.random(50) < 0.3)[image], image)
    assert together.std_error > 1.8 * alone.std_error


def test_the_standard_error_of_a_share_is_that_of_repeated_draws() -> None:
    random = np.random.default_rng(1)
    draws = []
    for _ in range(400):
        hits = random.random(60) < random.beta(2, 2, 60)
        image = np.repeat(np.arange(60), 4)
        draws.append(share_of(np.repeat(hits, 4), image))
    spread = np.std([draw.value for draw in draws])
    assert np.mean([draw.std_error for draw in draws]) == pytest.approx(spread, rel=0.15)


def test_no_hit_among_few_is_no_certainty() -> None:
    assert share_of(np.zeros(10, dtype=np.bool_), np.arange(10)).std_error > 0.05


def test_the_standard_error_of_a_median_is_that_of_repeated_draws() -> None:
    random = np.random.default_rng(2)
    draws = [median_of(random.normal(size=100), np.arange(100)) for _ in range(400)]
    assert np.mean([draw.std_error for draw in draws]) == pytest.approx(np.std([d.value for d in draws]), rel=0.15)


@pytest.mark.parametrize("together", [0.0, 0.5, 2.0])
def test_the_standard_error_of_a_clustered_median_is_that_of_repeated_draws(together: float) -> None:
    random = np.random.default_rng(3)
    image = np.repeat(np.arange(40), 8)
    draws = [
        clustered_median_of(random.normal(size=320) + together * random.normal(size=40)[image], image)
        for _ in range(400)
    ]
    spread = np.std([draw.value for draw in draws])
    assert np.mean([draw.std_error for draw in draws]) == pytest.approx(spread, rel=0.2)


def test_a_clustered_median_is_never_less_certain_than_with_a_value_an_image() -> None:
    values = np.repeat(np.random.default_rng(4).normal(size=30), 5)
    image = np.repeat(np.arange(30), 5)
    assert clustered_median_of(values, image).std_error <= median_of(values, image).std_error


def test_what_is_expected_of_images_that_the_model_finds_less_in_is_less() -> None:
    span, golden = Estimate(0.6, 0.02, 100), Estimate(0.8, 0.02, 100)
    assert shortfall(span, golden, relative_recall=1).value == pytest.approx(0.25)
    assert shortfall(span, golden, relative_recall=0.75).value == pytest.approx(0)


@pytest.mark.parametrize(
    ("value", "std_error", "breaks", "doubtful"),
    [(0.2, 0.02, True, True), (0.2, 0.08, False, True), (0.08, 0.01, False, True), (0.04, 0.001, False, False)],
    ids=["clear", "over_but_uncertain", "certain_but_within", "small"],
)
def test_a_limit_is_broken_only_by_what_is_over_it_and_no_chance(
    value: float, std_error: float, breaks: bool, doubtful: bool
) -> None:
    excess = Excess(value, std_error, 100)
    assert (excess.breaks(0.1), excess.is_doubtful(0.1)) == (breaks, doubtful)


def test_few_images_prove_less() -> None:
    assert Excess(0.2, 0.05, 100).breaks(0.1)
    assert not Excess(0.2, 0.05, 6).breaks(0.1)


def test_an_interval_stays_within_what_a_share_can_be() -> None:
    assert Excess(0.01, 0.02, 50).ends == pytest.approx((0, 0.0492))
    assert Excess(0.98, 0.05, 50).ends == pytest.approx((0.882, 1))


def test_where_many_sets_of_images_are_asked_a_finding_has_to_be_surer() -> None:
    span = scenes(0, images=4)
    finding = Finding(Excess(0.15, 0.045, 200), "so", np.ones(4))
    assert finding.excess.p_value == pytest.approx(0.0005, abs=0.0002)
    assert not reason_of("labels:size", "", finding, 0.1, span).passed
    assert reason_of("labels:size", "", finding, 0.1, dataclasses.replace(span, asked=20)).passed


def test_what_would_have_been_found_is_more_than_the_limit_and_than_chance() -> None:
    certain, uncertain = Excess(0.0, 0.001, 100), Excess(0.0, 0.1, 100)
    assert certain.smallest_found(0.1) == pytest.approx(0.1, abs=0.002)
    assert uncertain.smallest_found(0.1) == pytest.approx(0.40, abs=0.02)
    assert Excess(0.0, 0.1, 100, error_if_none=0.01).smallest_found(0.1) == pytest.approx(0.185, abs=0.01)


def test_a_share_is_told_with_its_interval_and_one_that_may_be_none_by_its_upper_end() -> None:
    def told(share: Excess) -> str:
        return share.told("of the labels", "are wrong", "; some 9 objects")

    assert (
        told(Excess(0.26, 0.06, 40)) == "about 26 % of the labels are wrong (95 % interval 14 to 38 %; some 9 objects)"
    )
    assert told(Excess(0.02, 0.06, 40)) == "about 2 % of the labels are wrong (95 % interval 0 to 14 %; some 9 objects)"
    assert told(Excess(0.0, 0.006, 40)) == "at most 1.2 % of the labels are wrong"
    assert told(Excess(-0.2, 0.0, 40)) == "at most 0.5 % of the labels are wrong"


@pytest.mark.parametrize(("std_error", "tested"), [(0.02, True), (0.2, False)])
def test_a_rule_that_could_have_found_only_the_worst_has_tested_nothing(std_error: float, tested: bool) -> None:
    finding = Finding(Excess(0.0, std_error, 40), "nothing", np.zeros(len(SPAN.file_names)))
    reason = reason_of("labels:noise", "little", finding, 0.1, SPAN)
    assert reason.passed
    assert reason.tested is tested
    assert reason.actual.startswith("too little to tell") is not tested
