"""What is asked of golden set, models and training record besides the scores, with answers from the artifacts."""

from __future__ import annotations

import dataclasses
import functools
import json
from collections.abc import Iterator, Mapping

import numpy as np
from tfx import types
from tfx.dsl.io import fileio

from ratchet.components.detector.stored_looks import stored_looks
from ratchet.components.map_evaluator import sanity_checks as sanity
from ratchet.components.map_evaluator.detection_limits import counted_objects, given_objects
from ratchet.components.map_evaluator.inputs import EvaluatorInputs, training_images
from ratchet.components.map_evaluator.leaks import Leaks, find_leaks, no_leak
from ratchet.components.map_evaluator.matches import PERFECT, DataSetMatches
from ratchet.components.map_evaluator.training_rules import training_reasons
from ratchet.schemas.artifacts.adoption import read_adoption
from ratchet.schemas.artifacts.decisions import Reason
from ratchet.schemas.artifacts.evaluation import BASELINE, CANDIDATE, DataSetEvaluation
from ratchet.schemas.artifacts.golden_sets import GOLDEN_SETS_FILE, GOLDEN_SETS_FORMAT, GoldenSets
from ratchet.schemas.artifacts.high_water import HighWaterMark
from ratchet.schemas.artifacts.training_record import RECORD_FILE, read_training_record
from ratchet.schemas.data.dataset import EVAL_SPLIT, TRAIN_SPLIT, dataset_digest
from ratchet.schemas.data.examples_artifact import ExamplesArtifact
from ratchet.schemas.data.fingerprints import Fingerprints


def golden_checks(
    inputs: EvaluatorInputs,
    matches: DataSetMatches,
    golden: DataSetEvaluation,
    baseline: types.Artifact,
    accept_new_golden: bool,
) -> list[Reason]:
    """Whether the evaluation on the golden set can be believed.

    Args:
        inputs: what the execution was given.
        matches: of the golden set.
        golden: its scores.
        baseline: the BaselineReader's artifact, which knows the golden sets of earlier decisions.
        accept_new_golden: whether the golden set may be another than the one recorded at the last push.
    """
    settings = inputs.settings
    digests = _Digests(matches.image_ids, matches.digests)
    uses = golden_sets(baseline).uses
    perfect = matches.tables[PERFECT]
    return [
        *sanity.known_answers(perfect, matches.shuffled),
        counted_objects(perfect, inputs.label_map.names),
        *given_objects(perfect, _detection_limits(inputs), _trainer_of(inputs.directories[CANDIDATE])),
        *sanity.sound_areas(inputs.golden.info.mended_areas),
        sanity.golden_digest(
            read=dataset_digest(inputs.label_map, digests),
            expected=inputs.golden.info.digest,
            recorded=baseline.get_string_custom_property("golden_digest") if BASELINE in inputs.models else None,
            accept_new=accept_new_golden,
        ),
        no_leak(_leaks(inputs), inputs.copies),
        sanity.enough(golden.images, golden.compared.objects, settings.min_golden_images, settings.min_golden_objects),
        sanity.golden_budget(uses.get(inputs.golden.info.digest, 0), settings.golden_budget),
    ]


class _Digests(Mapping[int, bytes]):
    """Digests by image id, without an object a digest."""

    def __init__(self, image_ids: np.ndarray, digests: np.ndarray) -> None:
        """Takes [i] ascending ids and [i, 32] digests."""
        self._image_ids, self._digests = image_ids, digests

    def __getitem__(self, image_id: int) -> bytes:
        return bytes(self._digests[np.searchsorted(self._image_ids, image_id)])

    def __iter__(self) -> Iterator[int]:
        return iter(self._image_ids.tolist())

    def __len__(self) -> int:
        return len(self._image_ids)


def high_water(baseline: types.Artifact, golden_digest: str) -> HighWaterMark | None:
    """The best model that was served on a golden set, as the BaselineReader found it."""
    return golden_sets(baseline).marks.get(golden_digest)


def golden_sets(baseline: types.Artifact) -> GoldenSets:
    """What the BaselineReader found of golden sets."""
    file = f"{baseline.uri}/{GOLDEN_SETS_FILE}"
    if fileio.exists(file):
        with fileio.open(file, "r") as opened:
            return GOLDEN_SETS_FORMAT.read(opened.read(), file)
    # Of a run that an earlier version of Ratchet began, in properties.
    uses = json.loads(baseline.get_string_custom_property("golden_uses") or "{}")
    marks = json.loads(baseline.get_string_custom_property("high_water_marks") or "{}")
    return GoldenSets(uses, {golden: HighWaterMark(**mark) for golden, mark in marks.items()})


def _detection_limits(inputs: EvaluatorInputs) -> dict[str, int]:
    """How many detections of an image each model gives at most, where its training record says so; the baseline is
    left out where it is compared with the candidate's post-processing."""
    limits = {}
    for name, directory in inputs.directories.items():
        is_as_served = name == CANDIDATE or inputs.compared is None
        if is_as_served and fileio.exists(f"{directory}/{RECORD_FILE}"):
            limit = read_training_record(directory, fileio).model.get("max_detections")
            limits |= {name: limit} if isinstance(limit, int) else {}
    if inputs.compared is not None and CANDIDATE in limits:
        limits[BASELINE] = limits[CANDIDATE]  # it is compared with the candidate's post-processing
    return limits


def _trainer_of(directory: str) -> str:
    """The user's own code that trained a model; empty of any other."""
    is_trained = fileio.exists(f"{directory}/{RECORD_FILE}")
    return read_training_record(directory, fileio).trainer if is_trained else ""


def training_checks(inputs: EvaluatorInputs) -> list[Reason]:
    """What the candidate's training record says; nothing of a model that was not trained here."""
    candidate = inputs.directories[CANDIDATE]
    if not fileio.exists(f"{candidate}/{RECORD_FILE}"):
        return []
    return training_reasons(read_training_record(candidate, fileio))


def _leaks(inputs: EvaluatorInputs) -> Leaks | None:
    """Of candidate and baseline; None if one of them does not name its own training images and was not adopted."""
    adopted = [name for name, directory in inputs.directories.items() if read_adoption(directory, fileio)]
    own = training_images({name: place for name, place in inputs.directories.items() if name not in adopted})
    if None in own or not own or not inputs.copies.check:
        return None
    training = Fingerprints.join([images for images in own if images]).distinct()
    golden = stored_looks(inputs.golden, EVAL_SPLIT)
    stored = [functools.partial(stored_looks, span, TRAIN_SPLIT) for span in _stored_spans(inputs)]
    found = find_leaks(golden, training, stored, inputs.copies.max_hamming_distance)
    return dataclasses.replace(found, unknown=BASELINE in adopted)


def _stored_spans(inputs: EvaluatorInputs) -> list[ExamplesArtifact]:
    """The spans of candidate and baseline of which the images are there."""
    found = {inputs.span.info.digest: inputs.span}
    for directory in inputs.directories.values():
        if not fileio.exists(f"{directory}/{RECORD_FILE}"):
            continue
        for data in read_training_record(directory, fileio).data:
            if data.digest not in found:
                span = ExamplesArtifact.find(data.examples, data.digest, fileio, inputs.artifacts or None)
                found |= {data.digest: span} if span is not None and _has_images(span) else {}
    return list(found.values())


def _has_images(span: ExamplesArtifact) -> bool:
    try:
        span.fingerprints(TRAIN_SPLIT)
    except Exception:  # each file system has errors of its own, and none of them may end a run: only hashes are left
        return False
    return bool(span.record_files(TRAIN_SPLIT))
