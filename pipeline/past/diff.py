"""Reads two runs of a root, as far as they are still there, and compares them."""

from __future__ import annotations

import dataclasses
import tempfile
import zipfile
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TypeVar
from urllib.parse import quote

from ratchet.components.map_evaluator.matches import DataSetMatches
from ratchet.components.map_evaluator.scoring import score
from ratchet.components.map_evaluator.settings import EvaluatorSettings
from ratchet.components.object_store.files import files_of
from ratchet.components.review.sections.training import rows as record_rows
from ratchet.components.run_pages.diff_content import Pair, RunDiff, RunSide
from ratchet.pipeline.past.history import RunEntry, find_run, open_registry, read_history
from ratchet.pipeline.past.run_record import read_record
from ratchet.pipeline.root.places import place, read_place, tree_of
from ratchet.pipeline.root.root_settings import remembered_settings
from ratchet.schemas.artifacts.diagnosis import DIAGNOSIS_FILE, DIAGNOSIS_FORMAT, Diagnosis
from ratchet.schemas.artifacts.evaluation import (
    BASELINE,
    CANDIDATE,
    EVALUATION_FILE,
    EVALUATION_FORMAT,
    GOLDEN,
    MATCHES_FILE,
    DataSetEvaluation,
    Evaluation,
)
from ratchet.schemas.artifacts.registry_entries import RecordedDecision
from ratchet.schemas.artifacts.training_record import TrainingRecord, read_training_record
from ratchet.schemas.base.errors import InputError, RatchetError
from ratchet.schemas.base.files import read_regular, reason_of
from ratchet.schemas.data.dataset import DATASET_FILE, DATASET_FORMAT, DataSetInfo
from ratchet.schemas.data.examples_artifact import ExamplesArtifact

_MODEL = "Format-Serving"
_SPANS = "artifacts/DetectionExampleGen/examples"
T = TypeVar("T")


def read_diff(root: Path, first: str, second: str) -> RunDiff:
    """Compares two runs of a pipeline root; nothing in it is changed.

    Args:
        root: pipeline root.
        first: a run id, or the beginning of just one.
        second: another, which is held against the first.

    Raises:
        InputError: there is no such run, it has not ended, or both are the same.
    """
    registry = open_registry(root)
    history = read_history(root, ())
    entries = [find_run(history, name) for name in (first, second)]
    if entries[0] is entries[1]:
        raise InputError(f"{first} and {second}: both are run {entries[0].run_id}; name two runs")
    decisions = {made.run_id: made for made in registry.decisions()}
    sides = [_side(root, entry, decisions.get(entry.run_id)) for entry in entries]
    measured, why_not = _measured(root, sides, [decisions.get(side.run_id) for side in sides])
    records = [side.record for side in sides]
    return RunDiff(sides[0], sides[1], measured, why_not, _records(records[0], records[1]))


def _side(root: Path, entry: RunEntry, decision: RecordedDecision | None) -> RunSide:
    if entry.result is None:
        raise InputError(f"run {entry.run_id}: {entry.state}, so there is nothing to compare; its log is {entry.log}")
    missing: list[str] = []

    def known(what: str, read: Callable[[], T | None]) -> T | None:
        try:
            return read()
        except (OSError, ValueError, RatchetError) as error:
            missing.append(f"{what} of run {entry.run_id} cannot be read ({reason_of(error)})")
            return None

    evaluation = known("the evaluation", lambda: _evaluation(decision)) if decision else None
    record = known("the training record", lambda: _record(decision)) if decision else None
    asked = read_record(root, entry.run_id)
    version = asked.span_version if asked else None
    side = RunSide(
        run_id=entry.run_id,
        result=entry.result,
        golden_digest=decision.golden_digest if decision else None,
        evaluation=evaluation,
        record=record,
        data=known("the span", lambda: _span(root, record, entry.result.span if entry.result else 0, version)),
        diagnosis=known("the diagnosis", lambda: _diagnosis(root / "runs" / entry.run_id / DIAGNOSIS_FILE)),
        settings=asked.asked.get("settings") or {} if asked else {},
        page=f"{quote(entry.run_id)}/{quote(entry.page.name)}" if entry.page else None,
    )
    return dataclasses.replace(side, missing=tuple(missing))


def _evaluation(decision: RecordedDecision) -> Evaluation:
    file = place(decision.evaluation, EVALUATION_FILE)
    return EVALUATION_FORMAT.read(read_place(file), str(file))


def _record(decision: RecordedDecision) -> TrainingRecord:
    return read_training_record(f"{decision.model}/{_MODEL}", files_of(decision.model))


def _diagnosis(file: Path) -> Diagnosis | None:
    return DIAGNOSIS_FORMAT.read(read_regular(file), str(file)) if file.is_file() else None


def _span(root: Path, record: TrainingRecord | None, span: int, version: int | None) -> DataSetInfo | None:
    """The span of a run: by its training record or, where nothing was trained, the newest one of its number."""
    if record is not None:
        newest, tree = record.data[-1], str(tree_of(root))
        found = ExamplesArtifact.find(newest.examples, newest.digest, files_of(tree), f"{tree}/artifacts")
        return found.info if found else None
    infos = []
    for path in tree_of(root).glob(f"{_SPANS}/[0-9]*/{DATASET_FILE}"):
        info = DATASET_FORMAT.read(read_place(path), str(path))
        if info.span == span and version in (None, info.version):
            infos.append((int(path.parent.name), info))
    return max(infos, key=lambda each: each[0])[1] if infos else None


def _records(first: TrainingRecord | None, second: TrainingRecord | None) -> tuple[Pair, ...]:
    if first is None or second is None:
        return ()
    return tuple(Pair(row.name, row.baseline, row.candidate) for row in record_rows(second, first))


def _measured(
    root: Path, sides: Sequence[RunSide], decisions: Sequence[RecordedDecision | None]
) -> tuple[DataSetEvaluation | None, str]:
    """The second candidate against the first, or why they cannot be held against each other."""
    without = [side.run_id for side in sides if side.golden_digest is None]
    if without:
        return None, f"Run {without[0]} measured no candidate, so there is nothing to hold its mAP against."
    digests = {side.golden_digest for side in sides}
    if len(digests) > 1:
        return None, "The two candidates were measured on different golden sets: their mAP cannot be compared."
    if any(side.evaluation is None for side in sides):
        return (
            None,
            "What was measured is gone, so that the two mAP have no interval: artifacts of old runs are pruned.",
        )
    try:
        matches = [golden_matches(made) for made in decisions if made is not None]
        return _score(root, sides, matches), ""
    except (OSError, ValueError, KeyError, EOFError, zipfile.BadZipFile, RatchetError) as error:
        return None, f"The matches of the two candidates cannot be compared ({reason_of(error)})."


def golden_matches(decision: RecordedDecision) -> DataSetMatches:
    """What each detection in the golden set hit, for every model that was measured for a decision.

    Raises:
        OSError: the artifacts are gone.
        ValueError: the file is no such file, as are KeyError, EOFError and BadZipFile.
    """
    with tempfile.TemporaryDirectory() as directory:
        local = Path(directory, MATCHES_FILE)
        local.write_bytes(place(decision.evaluation, GOLDEN, MATCHES_FILE).read_bytes())
        return DataSetMatches.load(str(local))


def _score(root: Path, sides: Sequence[RunSide], matches: Sequence[DataSetMatches]) -> DataSetEvaluation:
    first, second = matches
    evaluation = sides[1].evaluation
    assert evaluation is not None
    names = tuple(evaluation.golden.class_support)
    known = [set(side.record.class_names) for side in sides if side.record is not None]
    tables = {CANDIDATE: second.tables[CANDIDATE], BASELINE: first.tables[CANDIDATE]}
    both = dataclasses.replace(second, tables=tables)
    return score(both, names, _settings(root), set(names).intersection(*known))


def _settings(root: Path) -> EvaluatorSettings:
    """How the root's own settings slice and resample; as usual where those cannot be read."""
    try:
        settings = remembered_settings(root)
    except RatchetError:
        settings = None
    return settings.evaluator if settings else EvaluatorSettings()


def page_name(diff: RunDiff) -> str:
    """What the page of two runs is called, beside the index."""
    return f"diff-{diff.first.run_id}-{diff.second.run_id}.html"[-200:]
