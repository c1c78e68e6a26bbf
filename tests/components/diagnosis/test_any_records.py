"""Whatever records hold, the causes of data say something of them and raise nothing."""

from __future__ import annotations

import dataclasses
import math
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ratchet.components.diagnosis import annotation, dataset_shift, evaluation_set
from ratchet.components.diagnosis.diagnose import Examine
from ratchet.schemas.artifacts.data_evidence import DRIFT, EMBEDDING, GOLDEN, GOLDEN_SERVING, SKEW, LabelEvidence
from ratchet.schemas.artifacts.decisions import Reason, Verdict
from ratchet.schemas.artifacts.diagnosis import CAUSES, CauseState
from ratchet.schemas.artifacts.evaluation import BASELINE, CANDIDATE
from ratchet.schemas.artifacts.golden_boxes import GoldenBoxes
from ratchet.schemas.data import features
from ratchet.schemas.data.columns import DetectionColumns, TruthColumns
from tests.components.diagnosis.bundles import bundle, comparison, delta, dynamics, label_measure, retrained

EXAMINERS = [annotation.examine, dataset_shift.examine, evaluation_set.examine]
NUMBERS = st.one_of(st.sampled_from([0.0, 1.0, -1.0, 1e-12, 1e12, math.inf, -math.inf, math.nan]), st.floats(-2, 2))
MAYBE = st.one_of(st.none(), NUMBERS)
FEATURES = [features.QA_BRIGHTNESS, features.QA_BOX_LOG_AREA, features.BOX_CLASS, EMBEDDING, "source/camera", "other"]
MEASURES = ["log_width", "offset_y", "jitter", "swapped:ant>bee", "swapped:x", "noise", "missing", "found", "reading:a"]
RULES = [
    *(f"labels:{name}" for name in ("size", "offset", "classes", "missing", "reading", "duplicates", "enough")),
    *("part:labels:size", "part:drift:qa/sharpness", "drift:qa/brightness", "drift:first_span", "drift", "leak"),
    *("facts:unlabelled_end", "boxes:sound", "golden_unchanged", "trust:leak", "trust:enough", "map_defined", ""),
]


FLAGS = st.booleans()
REASONS = st.builds(
    Reason,
    rule=st.sampled_from(RULES),
    expected=st.just(""),
    actual=st.just("found"),
    passed=FLAGS,
    warning=FLAGS,
    tested=FLAGS,
    strength=MAYBE,
    cause=st.sampled_from([None, "labels:size"]),
)


@st.composite
def labels(draw: st.DrawFn) -> LabelEvidence | None:
    names = draw(st.lists(st.sampled_from(MEASURES), max_size=6))
    measures = tuple(
        label_measure(name, draw(NUMBERS), std_error=draw(NUMBERS), limit=draw(NUMBERS), images=3) for name in names
    )
    return draw(st.sampled_from([None, LabelEvidence(measures, draw(NUMBERS), draw(NUMBERS), 0, draw(NUMBERS))]))


@st.composite
def comparisons(draw: st.DrawFn) -> list:
    kinds = st.sampled_from([DRIFT, SKEW, GOLDEN, GOLDEN_SERVING])
    return [
        comparison(
            feature,
            draw(NUMBERS),
            draw(kinds),
            limit=draw(NUMBERS),
            noise=draw(NUMBERS),
            effect_size=draw(MAYBE),
            moved_before=tuple(draw(st.lists(NUMBERS, max_size=2))),
        )
        for feature in draw(st.lists(st.sampled_from(FEATURES), max_size=5))
    ]


def golden(seed: int, images: int, objects: int, models: tuple[str, ...]) -> GoldenBoxes:
    """Boxes without any sense: of no size, outside of the image, of classes that no object has."""
    random = np.random.default_rng(seed)

    def boxes(rows: int) -> np.ndarray:
        return random.choice([-5.0, 0.0, 1.0, 10.0, 50.0], (rows, 4))

    image, rows = random.integers(0, max(1, images), objects), int(random.integers(0, 3 * objects + 1))
    truth = TruthColumns(image, boxes(objects), random.integers(1, 4, objects), np.ones(objects), image % 3 == 0)
    found = {
        model: DetectionColumns(
            random.integers(0, max(1, images), rows),
            np.abs(boxes(rows)),
            random.integers(1, 4, rows),
            random.choice([0.0, 0.5, 1.0], rows),
        )
        for model in models
    }
    names = tuple(f"{place}.jpg" for place in range(images))
    return GoldenBoxes(
        np.arange(images), names, np.full((images, 2), 60.0), ("cat", "dog", "eel"), truth, found, 100, images
    )


@pytest.mark.parametrize("examine", EXAMINERS)
@settings(max_examples=60, deadline=None)
@given(
    reasons=st.lists(REASONS, max_size=5),
    labels=labels(),
    comparisons=comparisons(),
    deltas=st.dictionaries(st.sampled_from(["golden", "held_out", "earlier"]), MAYBE.map(lambda value: delta(value))),
    seed=st.integers(0, 1000),
    images=st.sampled_from([1, 3, 40]),
    objects=st.sampled_from([0, 1, 60]),
    models=st.sampled_from([(), (CANDIDATE,), (CANDIDATE, BASELINE)]),
    line=st.lists(NUMBERS, max_size=3),
    left_out=st.sets(st.sampled_from(["candidate", "baseline", "evaluation", "golden"])),
)
def test_any_records_end_in_findings_of_known_causes_and_never_in_an_error(examine: Examine, **records: Any) -> None:
    fields: dict[str, Any] = {name: records[name] for name in ("reasons", "labels", "comparisons", "deltas")}
    fields["golden"] = golden(records["seed"], records["images"], records["objects"], records["models"])
    fields["candidate"] = retrained(dynamics=dynamics(line=records["line"]))
    fields |= dict.fromkeys(records["left_out"])
    findings = examine(bundle(verdict=Verdict.BLOCKED, **fields))
    assert findings
    for finding in findings:
        assert finding.cause in CAUSES
        assert 0 <= finding.probability <= 1
        assert finding.sentence.endswith(".")
        assert bool(finding.action) == (finding.state is not CauseState.REFUTED)
        if finding.state is CauseState.SUPPORTED:
            assert any(signal.supports for signal in finding.signals)
        assert all(dataclasses.is_dataclass(signal) and signal.sentence for signal in finding.signals)
