"""`ratchet shadow`: the candidate of a run beside the served model, on logged requests that nobody has labelled."""

from __future__ import annotations

import contextlib
import os
import zipfile
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from ratchet.components.metrics.image_errors import operating_points
from ratchet.components.object_store.files import files_of
from ratchet.components.object_store.uri import is_gs
from ratchet.components.registry.registry import Registry
from ratchet.components.run_pages.shadow_content import ShadowReport
from ratchet.components.shadow.figures import USUAL_SCORE, usable_points
from ratchet.components.shadow.looks import Looks, shadow_of
from ratchet.components.shadow.shown import shown_images
from ratchet.components.stack.environment import prepare
from ratchet.pipeline.past.diff import golden_matches
from ratchet.pipeline.root.places import place, read_place
from ratchet.pipeline.root.roots import check_root, registry_at, settled
from ratchet.pipeline.serving.approve import candidate_of, find_decision
from ratchet.pipeline.terminal.console import output_to, own_stderr, progress_on
from ratchet.schemas.artifacts.class_names import read_class_names
from ratchet.schemas.artifacts.evaluation import (
    AS_SERVED,
    BASELINE,
    CANDIDATE,
    EVALUATION_FILE,
    EVALUATION_FORMAT,
    GOLDEN,
)
from ratchet.schemas.artifacts.registry_entries import RecordedDecision, ServedModel
from ratchet.schemas.artifacts.training_record import LABELS_FILE
from ratchet.schemas.base.errors import InputError, RatchetError, StateError
from ratchet.schemas.base.progress import LOGGER

MOST_PICTURES = 24
_BATCH = 16


@dataclass(frozen=True)
class ShadowRequest:
    """What a person asks for.

    Attributes:
        run: the run's id, or its beginning.
        root: pipeline root.
        log: directory of the logged requests, a path or gs:// URI.
        limit: images to look at, at most, the newest.
        score: from which on detections of both models count; None: each model's own operating points.
    """

    run: str
    root: Path
    log: str
    limit: int = 500
    score: float | None = None


def shadow(request: ShadowRequest) -> ShadowReport:
    """Shows the logged images to both models; nothing of the root is changed.

    Raises:
        InputError: there is no such run, no other served model, or no log that can be read.
        StateError: a model is not what was recorded of it.
    """
    if request.limit < 1:
        raise InputError(f"--limit {request.limit}: at least one image has to be looked at")
    if request.score is not None and not 0 <= request.score <= 1:
        raise InputError(f"--score {request.score:g}: a score is within 0 and 1")
    if not is_gs(request.log) and not Path(request.log).is_dir():
        raise InputError(f"--log {request.log}: no such directory; give that of the logged requests")
    root = check_root(request.root)
    registry = registry_at(root)
    settled(registry)
    decisions = registry.decisions()
    decision = find_decision(request.run, root, decisions, "")
    served = _beside(registry, decision)
    directories = {CANDIDATE: str(candidate_of(decision)), BASELINE: served.path}
    labels = {name: _labels(directory) for name, directory in directories.items()}
    names = tuple(dict.fromkeys([*labels[CANDIDATE], *labels[BASELINE]]))
    points, notes = _points(request, decision, served, decisions, names)
    digests = {CANDIDATE: decision.model_digest, BASELINE: served.digest}
    models = {name: (directories[name], digests[name], labels[name], points[name]) for name in directories}
    looks = _looks(request, models, names)
    if looks.no_numbers:
        notes.append(f"in {len(looks.no_numbers)} batches the candidate found what is no number: {looks.no_numbers[0]}")
    figures = shadow_of(looks, request.log, names, points)
    images = tuple(shown_images(looks, names))
    return ShadowReport(decision.run_id, decision.verdict, served.version, figures, images, tuple(notes))


def _looks(
    request: ShadowRequest, models: Mapping[str, tuple[str, str, tuple[str, ...], np.ndarray]], names: Sequence[str]
) -> Looks:
    prepare()
    with contextlib.ExitStack() as stack:
        stack.enter_context(progress_on(stack.enter_context(own_stderr())))
        LOGGER.info("starting TensorFlow, which takes a while")
        stack.enter_context(output_to(Path(os.devnull)))  # what TensorFlow says of the machine
        from ratchet.components.requests.log import RequestLog
        from ratchet.components.shadow.look import ShadowModel, look

        log = RequestLog(request.log, request.limit, "--log")
        return look(log, {name: ShadowModel(*model) for name, model in models.items()}, names, _BATCH, MOST_PICTURES)


def _beside(registry: Registry, decision: RecordedDecision) -> ServedModel:
    """What is served; where that is the candidate itself, the model that it took the place of."""
    served = registry.served()
    if served is None:
        raise InputError("no model is served, so there is nothing to hold a candidate against")
    if served.digest != decision.model_digest:
        return served
    before = [model for model in registry.versions() if model.version == decision.baseline_version]
    if not before:
        raise InputError(f"run {decision.run_id}: its candidate is the first model that was served; give a later run")
    if not place(before[0].path, "saved_model.pb").is_file():
        raise InputError(f"{before[0].path}: the model that the candidate of {decision.run_id} replaced is gone")
    return before[0]


def _labels(directory: str) -> tuple[str, ...]:
    names = read_class_names(directory, files_of(directory))
    if names is None:
        raise StateError(f"{directory}: the model has no {LABELS_FILE}, which names its classes; restore it")
    return names


def _points(
    request: ShadowRequest,
    decision: RecordedDecision,
    served: ServedModel,
    decisions: Sequence[RecordedDecision],
    names: Sequence[str],
) -> tuple[dict[str, np.ndarray], list[str]]:
    """By model the score from which on a detection of each class counts, and what of it should be known."""
    if request.score is not None:
        return {name: np.full(len(names) + 1, request.score) for name in (CANDIDATE, BASELINE)}, []
    sources = {
        CANDIDATE: iter([(decision, (CANDIDATE,))]),
        BASELINE: _measured(served, decision, decisions),
    }
    points, notes = {}, []
    for name, source in sources.items():
        found = next(filter(None, (_points_in(made, tables) for made, tables in source)), None)
        if found is None:
            model = "candidate" if name == CANDIDATE else f"served version {served.version}"
            notes.append(
                f"what was measured of the {model} on the golden set is gone, so its detections count from a score of "
                f"{USUAL_SCORE:g} on; --score S sets another one for both models"
            )
        points[name] = usable_points(np.array([np.inf, *((found or {}).get(each, np.inf) for each in names)]))
    return points, notes


def _measured(
    served: ServedModel, decision: RecordedDecision, decisions: Sequence[RecordedDecision]
) -> Iterator[tuple[RecordedDecision, tuple[str, ...]]]:
    """The decisions for which the served model was measured, and as what: that on the run before all others."""
    for made in (decision, *reversed(decisions)):
        if made.baseline_digest == served.digest:
            yield made, (AS_SERVED, BASELINE)
        if made.model_digest == served.digest:
            yield made, (CANDIDATE,)


def _points_in(decision: RecordedDecision, tables: Sequence[str]) -> Mapping[str, float] | None:
    """The operating points of a model on the golden set, by class; None if what was measured is gone."""
    try:
        matches = golden_matches(decision)
        file = place(decision.evaluation, EVALUATION_FILE)
        names = tuple(EVALUATION_FORMAT.read(read_place(file), str(file)).data_sets[GOLDEN].class_support)
    except (OSError, ValueError, KeyError, EOFError, zipfile.BadZipFile, RatchetError):
        return None
    table = next((matches.tables[name] for name in tables if name in matches.tables), None)
    if table is None:
        return None
    return dict(zip(names, operating_points(table, len(names))[1:].tolist()))
