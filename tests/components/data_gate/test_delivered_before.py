from __future__ import annotations

import numpy as np

from ratchet.components.data_gate.delivered_before import TrainedBefore, not_delivered_before
from ratchet.schemas.artifacts.decisions import Reason
from ratchet.schemas.artifacts.history import History
from ratchet.schemas.artifacts.training_record import TrainedData
from ratchet.schemas.data.fingerprints import Fingerprints, line_of
from tests.builders import dataset_info, recorded_decision

RUN = recorded_decision(run_id="run-3", span=3, data_digest="digest 3", verdict="PUSHED")
LINEAGE = [TrainedData(3, 1, "digest 3", 20, ("cat",), "examples/3")]


def prints(span: int, *files: int, labels: int = 1) -> Fingerprints:
    """Images by a number that is their file's."""
    lines = [
        line_of(row, np.random.default_rng(file).integers(0, 2, 256).astype(bool), bytes([file] * 16 + [labels] * 8))
        for row, file in enumerate(files, start=1)
    ]
    return Fingerprints.parse(lines, span)


def judged(before: TrainedBefore, lineage: list[TrainedData] = LINEAGE, **info: object) -> Reason:
    return not_delivered_before(dataset_info(span=7, **info), History(runs=(RUN,)), lineage, before)


def test_the_same_data_under_a_new_number_names_span_and_run() -> None:
    reason = judged(TrainedBefore(), digest="digest 3")
    assert (reason.passed, reason.warning) == (True, True)
    assert (
        reason.actual
        == "it holds exactly what span 3 held, which was already trained on by run run-3, which ended PUSHED"
    )


def test_the_same_data_is_known_from_the_model_where_the_history_is_gone() -> None:
    span = dataset_info(span=7, digest="digest 3")
    reason = not_delivered_before(span, History(), LINEAGE, TrainedBefore())
    assert reason.warning
    assert "it holds exactly what span 3 held, which was already trained on: nothing in it is new" in reason.actual


def test_what_part_is_new_is_told() -> None:
    before = TrainedBefore.find(prints(7, *range(1, 11)), prints(3, *range(2, 30)))
    assert (before.images, before.same, before.relabelled) == (10, {3: 9}, {})
    reason = judged(before)
    assert reason.actual == "of its 10 images, 9 (90 %) were trained on as span 3 (run run-3); 1 (10 %) are new"
    assert (reason.passed, reason.warning) == (True, True)


def test_other_labels_on_the_same_images_are_told_as_a_correction() -> None:
    before = TrainedBefore.find(prints(7, *range(1, 11), labels=2), prints(3, *range(1, 11)))
    assert (before.same, before.relabelled) == ({}, {3: 10})
    reason = judged(before)
    assert "all of them with other labels than now, as after a correction; none is new" in reason.actual
    assert reason.warning
    version = not_delivered_before(dataset_info(span=3, version=2), History(runs=(RUN,)), LINEAGE, before)
    assert (version.passed, version.warning) == (True, False)


def test_new_images_are_new() -> None:
    before = TrainedBefore.find(prints(7, *range(1, 11)), prints(3, *range(20, 30)))
    reason = judged(before)
    assert (reason.passed, reason.warning, reason.actual) == (True, False, "not trained on before")


def test_what_an_older_version_recorded_is_known_by_its_hash() -> None:
    recorded = prints(3, 1, 2)
    older = Fingerprints(recorded.spans, recorded.image_ids, recorded.hashes)
    assert TrainedBefore.find(prints(7, 1, 2, 5), older).same == {3: 2}


def test_of_an_adopted_model_nobody_knows_what_it_was_trained_on() -> None:
    reason = judged(TrainedBefore(is_known=False))
    assert (reason.passed, reason.warning) == (True, False)
    assert reason.actual.endswith("what the served model was trained on is not known, for it was adopted")
