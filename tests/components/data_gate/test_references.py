from __future__ import annotations

import dataclasses

import numpy as np
import pytest

from ratchet.components.data_gate.drift_rules import drift_reason, strength
from ratchet.components.data_gate.references import (
    Lineage,
    Reference,
    Span,
    distribution_of_values,
    embedding_comparison,
    nearest,
    with_moves,
)
from ratchet.components.data_gate.settings import DataGateSettings
from ratchet.schemas.artifacts.data_evidence import DRIFT, EMBEDDING, Comparison, Distribution
from ratchet.schemas.data import features
from ratchet.schemas.data.feature_sample import FeatureSample

SETTINGS = DataGateSettings()
RNG = np.random.default_rng(3)
DAY, NIGHT = 150.0, 60.0
SITE = "source/site"


def images(brightness: float, count: int = 120, shift: float = 0.0) -> FeatureSample:
    embeddings = 20 + RNG.normal(size=(count, 12))
    embeddings[:, 0] += shift
    return FeatureSample(
        images={features.QA_BRIGHTNESS: brightness * np.exp(0.1 * RNG.normal(size=count))},
        objects={features.QA_BOX_LOG_AREA: RNG.normal(size=2 * count)},
        labels=np.tile([1, 2], count),
        box_counts=np.full(count, 2),
        embeddings=embeddings.astype(np.float32),
    )


def of_site(**shares: float) -> dict[str, Distribution]:
    return {SITE: Distribution(tuple(shares.values()), categories=tuple(shares), values=100)}


def lineage(*samples: FeatureSample) -> Lineage:
    return Lineage(tuple(Reference(f"span {number}", len(each), each) for number, each in enumerate(samples, start=1)))


def compared(known: Lineage, sample: FeatureSample, feature: str = features.QA_BRIGHTNESS) -> Comparison:
    """As the gate compares a span with all that the served model was trained on."""
    span = Span(len(sample), sample, sample.embeddings)
    last, title = known.newest.sample, known.newest.title
    if feature == EMBEDDING:
        newest, threshold = embedding_comparison(last.embeddings, sample.embeddings, 0.1, title), 0.1
    else:
        nothing = Distribution(())
        empty = Comparison(DRIFT, feature, "jensen shannon divergence", 0, 0, 0, nothing, nothing)
        only = Reference(title, len(last), last)
        far = dataclasses.replace(empty, distance=9.0, limit=0.1, effect_size=9.0)
        newest, threshold = nearest(far, 0.1, [only], span, lambda each: strength(each, SETTINGS)), 0.1
        newest = dataclasses.replace(newest, span=distribution_of_values(sample.images[feature]))
    found = nearest(newest, threshold, known.others(20), span, lambda each: strength(each, SETTINGS))
    return with_moves(found, known, span)


@pytest.mark.parametrize("feature", [features.QA_BRIGHTNESS, EMBEDDING])
def test_day_after_night_is_no_drift_for_a_model_that_was_trained_on_both(feature: str) -> None:
    day, night = images(DAY), images(NIGHT, shift=6)
    alone = compared(lineage(night), images(DAY), feature)
    assert not drift_reason(alone, SETTINGS).passed
    both = compared(lineage(day, night), images(DAY), feature)
    assert both.reference == "span 1"
    reason = drift_reason(both, SETTINGS)
    assert (reason.passed, reason.warning) == (True, False)


@pytest.mark.parametrize("feature", [features.QA_BRIGHTNESS, EMBEDDING])
def test_a_span_of_two_known_worlds_in_one_is_no_drift(feature: str) -> None:
    mixed = FeatureSample.join([images(DAY, 60), images(NIGHT, 60, shift=6)])
    found = compared(lineage(images(DAY), images(NIGHT, shift=6)), mixed, feature)
    assert found.reference == "span 1 to span 2 together"
    assert drift_reason(found, SETTINGS).passed


def test_what_is_beyond_all_spans_has_drifted_and_is_named_beside_the_nearest() -> None:
    known = lineage(images(DAY), images(100.0), images(NIGHT))
    reason = drift_reason(compared(known, images(1.5 * DAY)), SETTINGS)
    assert not reason.passed
    assert "(nearest: span 1)" in reason.expected
    assert reason.actual.startswith("the images are 51 % brighter: median brightness 225 of 255 here, 150 in span 1")


def test_a_span_like_the_newest_is_compared_with_that() -> None:
    assert compared(lineage(images(DAY), images(NIGHT)), images(NIGHT)).reference == "span 2"


def test_sites_in_turn_are_known_by_their_names() -> None:
    spans = [Reference(f"span {i}", 100, images(DAY), of_site(**{site: 1.0})) for i, site in enumerate("ab")]
    there, here = (of_site(**{name: 1.0})[SITE] for name in "ba")
    newest = Comparison(DRIFT, SITE, "l infty", 1.0, 0.1, 0.1, there, here, reference="span 1")
    sample = images(DAY)

    def found(**shares: float) -> Comparison:
        span = Span(100, sample, sample.embeddings, of_site(**shares))
        return nearest(newest, 0.1, Lineage(tuple(spans)).others(20), span, lambda each: strength(each, SETTINGS))

    assert (found(a=1.0).reference, found(a=1.0).distance) == ("span 0", 0.0)
    assert (found(a=0.5, b=0.5).reference, found(a=0.5, b=0.5).distance) == ("span 0 to span 1 together", 0.0)
    assert found(c=1.0).distance == 1.0


def test_the_distance_to_the_first_span_grows_where_each_step_is_small() -> None:
    steps = [DAY * 0.9**step for step in range(6)]
    found = compared(lineage(*map(images, steps[:-1])), images(steps[-1]))
    assert found.first == "span 1"
    assert found.from_first == pytest.approx(-5 * np.log(0.9), abs=0.06)
    assert found.moved_before == pytest.approx([-np.log(0.9)] * 4, abs=0.06)


def test_halves_say_how_far_a_single_span_moves() -> None:
    found = compared(lineage(images(DAY)), images(DAY))
    assert found.moved_in_halves
    assert found.from_first is None
    assert len(found.moved_before) == 1
    assert found.moved_before[0] < 0.06


def test_spans_of_a_model_without_embeddings_of_them_are_compared_by_their_figures() -> None:
    old = dataclasses.replace(images(DAY), embeddings=np.empty((120, 0), np.float32))
    known = lineage(old, images(NIGHT, shift=6))
    assert compared(known, images(DAY)).reference == "span 1"
    assert not drift_reason(compared(known, images(DAY), EMBEDDING), SETTINGS).passed
