from __future__ import annotations

import dataclasses

import numpy as np
import pytest

from ratchet.components.data_gate.golden_set import TRAFFIC, beside_traffic, beside_training, of_golden_set
from ratchet.components.data_gate.references import Lineage, Reference
from ratchet.components.data_gate.settings import DataGateSettings
from ratchet.schemas.artifacts.data_evidence import EMBEDDING, GOLDEN, GOLDEN_SERVING, Comparison, Distribution
from ratchet.schemas.data import features
from ratchet.schemas.data.feature_sample import FeatureSample

SETTINGS = DataGateSettings()
NAMES = ("cat", "dog")
THRESHOLDS = {
    features.QA_BRIGHTNESS: 0.1,
    features.QA_BOX_LOG_AREA: 0.1,
    features.BOX_CLASS: 0.1,
    EMBEDDING: 0.1,
}
DAY, NIGHT = 150.0, 60.0


def images(
    seed: int, brightness: float = DAY, count: int = 120, area: float = 0.0, dogs: float = 0.5, shift: float = 0.0
) -> FeatureSample:
    random = np.random.default_rng(seed)
    embeddings = 20 + random.normal(size=(count, 12))
    embeddings[:, 0] += shift
    return FeatureSample(
        images={features.QA_BRIGHTNESS: brightness * np.exp(0.1 * random.normal(size=count))},
        objects={features.QA_BOX_LOG_AREA: area + random.normal(size=2 * count)},
        labels=1 + (random.random(2 * count) < dogs),
        box_counts=np.full(count, 2),
        embeddings=embeddings.astype(np.float32),
    )


def trained_on(*samples: FeatureSample) -> Lineage:
    return Lineage(tuple(_reference(f"span {number}", sample) for number, sample in enumerate(samples, start=1)))


def _reference(title: str, sample: FeatureSample) -> Reference:
    shares = [float(np.mean(sample.labels == label)) for label in (1, 2)]
    classes = Distribution(tuple(shares), categories=NAMES, values=len(sample.labels))
    return Reference(title, len(sample), sample, {features.BOX_CLASS: classes})


def compared(sample: FeatureSample, known: Lineage, names: tuple[str, ...] = NAMES) -> dict[str, Comparison]:
    golden = of_golden_set(sample, names, NAMES)
    return {entry.feature: entry for entry in beside_training(golden, known, THRESHOLDS, SETTINGS)}


def test_a_golden_set_like_the_training_data_is_within_every_limit() -> None:
    for seed in range(6):
        found = compared(images(seed), trained_on(images(seed + 50)))
        assert set(found) == set(THRESHOLDS)
        assert all(entry.kind == GOLDEN and entry.passed for entry in found.values())


@pytest.mark.parametrize(
    ("feature", "other"),
    [
        (features.QA_BRIGHTNESS, images(1, brightness=NIGHT)),
        (features.QA_BOX_LOG_AREA, images(1, area=2.0)),
        (features.BOX_CLASS, images(1, dogs=0.95)),
        (EMBEDDING, images(1, shift=6.0)),
    ],
)
def test_what_the_golden_set_is_unlike_in_is_beyond_its_limit_alone(feature: str, other: FeatureSample) -> None:
    found = compared(other, trained_on(images(2)))
    assert [entry.feature for entry in found.values() if not entry.passed] == [feature]
    assert found[feature].distance > 2 * found[feature].noise


def test_a_golden_set_of_day_and_night_is_like_a_model_that_was_trained_on_both_in_turn() -> None:
    both = FeatureSample.join([images(1, DAY, 60), images(2, NIGHT, 60)])
    known = trained_on(images(3, DAY), images(4, NIGHT))
    assert compared(both, known)[features.QA_BRIGHTNESS].passed
    assert not compared(both, trained_on(images(4, NIGHT)))[features.QA_BRIGHTNESS].passed


def test_classes_are_compared_by_name() -> None:
    sample = images(1, dogs=0.8)
    turned = dataclasses.replace(sample, labels=3 - sample.labels)
    known = trained_on(images(2, dogs=0.8))
    here, there = (
        compared(each, known, names)[features.BOX_CLASS] for each, names in ((sample, NAMES), (turned, NAMES[::-1]))
    )
    assert here.distance == pytest.approx(there.distance)
    assert here.span == there.span


def test_boxes_of_classes_that_the_model_does_not_know_are_not_compared() -> None:
    sample, other = images(1), images(3, area=9.0)
    labels = np.where(np.tile([True, False], 120), 3, sample.labels)
    areas = np.where(labels == 3, other.objects[features.QA_BOX_LOG_AREA], sample.objects[features.QA_BOX_LOG_AREA])
    grown = dataclasses.replace(sample, labels=labels, objects={features.QA_BOX_LOG_AREA: areas})
    found = compared(grown, trained_on(images(2)), (*NAMES, "emu"))
    assert all(entry.passed for entry in found.values())
    assert found[features.BOX_CLASS].span.values == 120


def test_too_few_golden_images_say_nothing() -> None:
    assert compared(images(1, count=19), trained_on(images(2))) == {}


def test_the_traffic_is_compared_in_what_is_known_of_it() -> None:
    nothing = np.empty(0, np.int64)
    log = dataclasses.replace(
        images(5, NIGHT), objects={}, labels=nothing, box_counts=np.zeros(120, np.int64), embeddings=np.empty((120, 0))
    )
    [found] = beside_traffic(of_golden_set(images(1), NAMES, NAMES), log, THRESHOLDS, SETTINGS)
    assert (found.kind, found.feature, found.reference) == (GOLDEN_SERVING, features.QA_BRIGHTNESS, TRAFFIC)
    assert not found.passed
    assert found.effect_size == pytest.approx(np.log(DAY / NIGHT), abs=0.05)
