"""Data and result files read, compared and evaluated together: what each says of the other decides what can be said."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from ratchet.pipeline.explain.data_evidence import DataInputs, data_evidence
from ratchet.pipeline.explain.data_found import Found
from ratchet.pipeline.explain.data_sets import ReadDataSet, read_data
from ratchet.pipeline.explain.figures import Shown, evaluate_shown, further_sets, golden_boxes, read_shown
from ratchet.pipeline.explain.labels_seen import Seen
from ratchet.pipeline.explain.request import ExplainRequest
from ratchet.pipeline.explain.trainings import ReadTrainings
from ratchet.schemas.artifacts.evaluation import BASELINE, CANDIDATE, TRAIN_SAMPLE


def found_in_files(request: ExplainRequest, trainings: ReadTrainings, known: Mapping[Path, ReadDataSet]) -> Found:
    """Reads data and result files.

    Args:
        request: what was brought.
        trainings: configurations and logs.
        known: training data before that were read already, by path.

    Raises:
        InputError: something is not there.
        DataError: a file is damaged, or one does not fit another.
    """
    golden = _golden(request)
    further = further_sets(request) if golden and golden.found else {}
    data = data_evidence(_data_inputs(request, golden, further, known))
    if golden is None or not golden.found:
        return Found(data)
    evaluated, evaluation = evaluate_shown(golden, further, data.facts, trainings.after, trainings.lost)
    return Found(data, evaluated, evaluation, golden_boxes(golden, evaluated))


def _golden(request: ExplainRequest) -> Shown | None:
    if request.truth is None:
        return None
    files = {CANDIDATE: request.after, BASELINE: request.before}
    return read_shown(
        request.truth, request.images, {model: file for model, file in files.items() if file}, request.dt_ids
    )


def _data_inputs(
    request: ExplainRequest, golden: Shown | None, further: Mapping[str, Shown], known: Mapping[Path, ReadDataSet]
) -> DataInputs:
    trained = [known.get(path) or read_data(path, "the training data before") for path in request.train_before]
    after = read_data(request.train_after, "the training data after") if request.train_after else None
    return DataInputs(
        before=trained[-1] if trained else None,
        after=after,
        golden=_golden_data(request) if trained or after else None,
        earlier=tuple(trained[:-1]),
        seen_golden=Seen.of(golden.truth, golden.found[BASELINE]) if golden and BASELINE in golden.found else None,
        seen_after=_seen_after(request, further.get(TRAIN_SAMPLE)),
    )


def _golden_data(request: ExplainRequest) -> ReadDataSet | None:
    return read_data(request.truth, "the golden set", request.images) if request.truth else None


def _seen_after(request: ExplainRequest, trained: Shown | None) -> Seen | None:
    """The new training data, or some of them, as the model before sees them."""
    if trained is None and request.train_after is not None and request.before_on_train is not None:
        trained = read_shown(request.train_after, None, {BASELINE: request.before_on_train}, request.dt_ids)
    return Seen.of(trained.truth, trained.found[BASELINE]) if trained else None
