"""The earlier models and images of the second opinion, as far as they are what was recorded."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from tfx.dsl.io import fileio

from ratchet.components.detector.served import load_detector
from ratchet.components.map_evaluator.held_out import HeldOutImages, choose_held_out, lineage_of
from ratchet.components.map_evaluator.settings import EvaluatorSettings, SecondOpinionSettings
from ratchet.schemas.artifacts.class_names import read_class_names
from ratchet.schemas.artifacts.references import REFERENCES_FILE, REFERENCES_FORMAT, Reference
from ratchet.schemas.artifacts.training_record import POST_PROCESSING, RECORD_FILE, read_training_record
from ratchet.schemas.base.errors import StateError
from ratchet.schemas.base.formatting import joined
from ratchet.schemas.base.model_digest import model_digest
from ratchet.schemas.data.copy_settings import CopySettings
from ratchet.schemas.data.dataset import EVAL_SPLIT
from ratchet.schemas.data.examples_artifact import ExamplesArtifact
from ratchet.schemas.data.fingerprints import Fingerprints


def read_references(baseline: str) -> tuple[Reference, ...]:
    """What BaselineReader wrote beside a baseline; none in an artifact of an older version."""
    path = f"{baseline}/{REFERENCES_FILE}"
    if not fileio.exists(path):
        return ()
    with fileio.open(path) as file:
        return REFERENCES_FORMAT.read(file.read(), path).models


def usable(
    references: Sequence[Reference], golden: Sequence[str], candidate: str
) -> tuple[dict[Reference, tuple[str, ...]], list[str]]:
    """Those that can be measured.

    Args:
        references: the models.
        golden: the classes of the golden set.
        candidate: the SavedModel that they are to be compared with.

    Returns:
        The label map of each, and in words why the others are left out.
    """
    found: dict[Reference, tuple[str, ...]] = {}
    missing: list[str] = []
    for reference in references:
        reason = changed(reference) or _otherwise_processed(reference, candidate)
        if reason is None:
            try:
                load_detector(reference.name, reference.path, reference.digest)
                found[reference] = read_class_names(reference.path, fileio) or tuple(golden)
            except StateError as error:
                reason = str(error)
        if reason is not None:
            missing.append(reason)
    return found, missing


def unchanged(references: Iterable[Reference]) -> tuple[list[Reference], list[str]]:
    """Those that are still as they were recorded, and in words what became of the others."""
    gone = {reference: reason for reference in references if (reason := changed(reference))}
    return [reference for reference in references if reference not in gone], list(gone.values())


def held_out_images(
    golden: ExamplesArtifact,
    span: ExamplesArtifact,
    candidate: str,
    trained_on: Sequence[Fingerprints],
    settings: EvaluatorSettings,
    copies: CopySettings,
    artifacts: str,
) -> HeldOutImages:
    """The images of a span and of those before it that chose nothing.

    Args:
        golden: the golden set.
        span: the new span.
        candidate: the SavedModel, which knows its lineage.
        trained_on: training images of the models.
        settings: how many images are taken.
        copies: what a copy is.
        artifacts: the artifacts directory of the pipeline root; empty: there is none.
    """
    names, path = golden.info.class_names, f"{candidate}/{RECORD_FILE}"
    data = read_training_record(candidate, fileio).data if fileio.exists(path) else ()
    lineage = lineage_of(span, data, fileio, artifacts or None, names)
    chosen_by = Fingerprints.join([golden.fingerprints(EVAL_SPLIT), *trained_on])
    most = (settings.second_opinion or SecondOpinionSettings()).max_images
    return choose_held_out(lineage, chosen_by, names, copies.max_hamming_distance, most, golden)


def changed(reference: Reference) -> str | None:
    """In words what became of a model that is no longer as it was recorded; None if it is."""
    if not fileio.isdir(reference.path):
        state = "is gone"
    else:
        try:
            digest = model_digest(reference.path, fileio)
        except Exception as error:  # each file system has errors of its own, and none of them may end a run
            state = f"cannot be read ({type(error).__name__}: {error})"
        else:
            if digest == reference.digest:
                return None
            state = f"has other files than were recorded (content digest {digest[:12]})"
    return (
        f"version {reference.version} ({reference.path}) {state}, so nothing was compared with it; restore it "
        "from a backup; `ratchet doctor` says what it can bring back"
    )


def _otherwise_processed(reference: Reference, candidate: str) -> str | None:
    """In words how the post-processing of a model differs, which alone would make a difference; None if it does not."""
    if not all(fileio.exists(f"{path}/{RECORD_FILE}") for path in (reference.path, candidate)):
        return None
    try:
        before, now = (read_training_record(path, fileio).model for path in (reference.path, candidate))
    except StateError as error:
        return str(error)
    differing = [
        f"{key} {before.get(key)}, now {now.get(key)}" for key in POST_PROCESSING if before.get(key) != now.get(key)
    ]
    if not differing:
        return None
    return (
        f"version {reference.version} is served with another post-processing ({joined(differing)}), so "
        "nothing was compared with it"
    )
