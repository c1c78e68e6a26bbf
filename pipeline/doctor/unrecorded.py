"""A first model that TensorFlow Serving sees and the registry never heard of, on an object store.

An earlier version pushed there and then died in the step that records it. What such a model is can be proven by what
its run left: an evaluation of these very bytes that lets them pass, the blessing beside it, and the candidate itself.
"""

from __future__ import annotations

import datetime
import hashlib
from collections.abc import Iterator
from functools import partial

from ratchet.components.object_store import objects
from ratchet.components.object_store.files import files_of
from ratchet.components.registry.publication import decision_key
from ratchet.components.registry.push import EvaluatedCandidate, decision_on
from ratchet.pipeline.doctor.findings import Finding
from ratchet.pipeline.doctor.patient import Patient
from ratchet.pipeline.root.object_path import ObjectPath
from ratchet.schemas.artifacts.blessing import Blessing
from ratchet.schemas.artifacts.evaluation import EVALUATION_FILE, EVALUATION_FORMAT, Evaluation
from ratchet.schemas.artifacts.registry_entries import RecordedDecision
from ratchet.schemas.artifacts.training_record import read_training_record
from ratchet.schemas.base.errors import RatchetError
from ratchet.schemas.base.model_digest import is_intact, model_digest

_BLESSED = "BLESSED"  # TFX's name for the file
_SERVING = "Format-Serving"
_MODEL = f"{_SERVING}/saved_model.pb"


def check_unrecorded(patient: Patient) -> list[Finding]:
    """Whether the only model that is served was ever recorded."""
    tree, pointer, on_disk = patient.tree, patient.pointer(), patient.on_disk()
    nothing_known = pointer is not None and not pointer.served and not pointer.pushing and not patient.versions()
    if not isinstance(tree, ObjectPath) or not nothing_known or len(on_disk) != 1 or patient.decisions():
        return []
    [version] = on_disk
    place = f"{patient.registry.serving_directory}/{version}"
    decision = next(_proven(tree, place, patient.now), None)
    if decision is None:
        return []  # check_unknown sets it aside
    what = f"version {version} is served and was never recorded; it is {decision.model}, {decision.verdict}"
    fix = "records the decision on it, by its evaluation; then its version and that it is served"
    record = partial(patient.registry.record_decision, decision_key(decision), decision)
    return [Finding("unrecorded", place, what, fix, repair=record)]


def _proven(tree: ObjectPath, served: str, now: datetime.datetime) -> Iterator[RecordedDecision]:
    digest = model_digest(served, files_of(served))
    for file, text, evaluation in _evaluations(tree):
        first = evaluation.baseline_digest is None and evaluation.decision.verdict.pushes
        if evaluation.candidate_digest != digest or not first or not _is_blessed(file):
            continue
        for model in _candidates(tree, digest):
            blessing = Blessing(digest, "", "", str(file.parent), hashlib.sha256(text.encode()).hexdigest())
            measured = EvaluatedCandidate(
                run_id=_run_of(tree, file),
                model=str(model),
                trained_on=read_training_record(served, files_of(served)).data[-1],
                evaluation_uri=str(file.parent),
                evaluation=evaluation,
                blessing=blessing,
            )
            written = datetime.datetime.fromtimestamp(int(file.modified_s()), datetime.timezone.utc)
            yield decision_on(measured, evaluation.decision, min(written, now))


def _evaluations(tree: ObjectPath) -> Iterator[tuple[ObjectPath, str, Evaluation]]:
    files = list(tree.glob(f"artifacts/**/{EVALUATION_FILE}"))
    for file, read in zip(files, objects.read_many([str(file) for file in files])):
        try:
            text = read.data.decode() if read else ""
            yield file, text, EVALUATION_FORMAT.read(text, str(file))
        except (RatchetError, ValueError):
            continue


def _is_blessed(evaluation: ObjectPath) -> bool:
    """Of the same step: `evaluation/7` has `blessing/7` beside it, under Kubeflow `STEP_7/evaluation` a `blessing`."""
    place = evaluation.parent
    names = (f"blessing/{place.name}", "blessing")
    return any((parent / name / _BLESSED).is_file() for parent in (place.parent.parent, place.parent) for name in names)


def _candidates(tree: ObjectPath, digest: str) -> Iterator[ObjectPath]:
    """The model artifacts with these bytes that a trainer wrote."""
    for file in tree.glob(f"artifacts/**/{_MODEL}"):
        place = file.parent
        if "Trainer" in file.below and is_intact(str(place), digest, files_of(str(place))):
            yield place.parent


def _run_of(tree: ObjectPath, file: ObjectPath) -> str:
    """The job that the evaluation is of: `artifacts/PROJECT/JOB/TASK/evaluation/...`; else a name by its place."""
    parts = file.below.split("/")[1:]
    return parts[1] if len(parts) > 4 else f"unrecorded-{hashlib.sha256(str(file.below).encode()).hexdigest()[:8]}"
