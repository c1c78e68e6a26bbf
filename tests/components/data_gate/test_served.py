from __future__ import annotations

import dataclasses
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from ratchet.schemas.artifacts.adoption import ADOPTION_FILE, ADOPTION_FORMAT
from ratchet.schemas.artifacts.training_record import (
    RECORD_FILE,
    STATISTICS_FILE,
    TRAINING_RECORD_FORMAT,
    TRAINING_SAMPLE_FILE,
    earlier_sample_file,
    earlier_statistics_file,
)
from ratchet.schemas.data import features
from ratchet.schemas.data.feature_sample import FeatureSample
from tests.builders import trained_data, training_record
from tests.components.trainer.test_adopted import without_plan

pytestmark = pytest.mark.tensorflow


def sample(images: int, brightness: float) -> bytes:
    none = np.empty(0, np.int64)
    figures = {features.QA_BRIGHTNESS: np.full(images, brightness)}
    return FeatureSample(figures, {}, none, np.zeros(images, np.int64), np.zeros((images, 2))).to_bytes()


def test_the_spans_that_travel_with_a_model_are_its_lineage(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from ratchet.components.data_gate import inputs
    from ratchet.components.data_gate.comparing import statistics_of

    def statistics(site: str) -> bytes:
        return statistics_of({"source/site": np.array([site.encode()] * 5, object)}).SerializeToString()

    data = [trained_data(span=span, digest=digest) for span, digest in ((1, "one"), (2, "two"), (3, "three"))]
    (tmp_path / earlier_sample_file("one")).parent.mkdir(parents=True)
    record = dataclasses.replace(training_record(), data=tuple(data))
    contents: dict[str, bytes] = {
        RECORD_FILE: TRAINING_RECORD_FORMAT.write(record).encode(),
        STATISTICS_FILE: statistics("c"),
        TRAINING_SAMPLE_FILE: sample(30, 3.0),
        earlier_sample_file("one"): sample(20, 1.0),
        earlier_statistics_file("one"): statistics("a"),
    }
    for name, content in contents.items():
        (tmp_path / name).write_bytes(content)
    nothing: Any = None
    monkeypatch.setattr(inputs, "load_detector", lambda *_: nothing)
    monkeypatch.setattr(inputs, "model_digest", lambda *_: "digest")
    served = inputs.Served.load(inputs.ServedBaseline(str(tmp_path), "7", "golden")).training
    assert served is not None
    assert [span.title for span in served.lineage.spans] == ["span 1", "span 3"]  # nothing is known of span 2
    assert [span.distributions["source/site"].categories for span in served.lineage.spans] == [("a",), ("c",)]
    assert [len(span.sample) for span in served.lineage.spans] == [20, 30]
    (tmp_path / earlier_sample_file("one")).unlink()
    old = inputs.Served.load(inputs.ServedBaseline(str(tmp_path), "7", "golden")).training
    assert old is not None
    assert [span.title for span in old.lineage.spans] == ["span 3"]


def test_of_an_adopted_model_its_classes_are_known_and_no_training_data(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from ratchet.components.data_gate import inputs

    (tmp_path / ADOPTION_FILE).parent.mkdir()
    (tmp_path / ADOPTION_FILE).write_text(ADOPTION_FORMAT.write(without_plan()))
    nothing: Any = None
    monkeypatch.setattr(inputs, "load_detector", lambda *_: nothing)
    monkeypatch.setattr(inputs, "model_digest", lambda *_: "digest")
    served = inputs.Served.load(inputs.ServedBaseline(str(tmp_path), "7", "golden"))
    assert (served.class_names, served.training) == (("dog", "cat"), None)
    assert str(served) == "version 7, adopted by Ada on 2026-03-01; what it was trained on is not known"
