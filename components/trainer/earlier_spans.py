"""What a model carries of the earlier spans of its lineage, so that the data gate can compare with each of them.

A span that is as an earlier one was is no news to a model that was trained on both: day after night, two sites in
turn. Statistics of a span are the same for every model and travel from baseline to candidate; what its images look
like to the backbone is asked of the new model.
"""

from __future__ import annotations

import dataclasses

import numpy as np
from tfx.dsl.io import fileio

from ratchet.components.detector.detections import renumbering
from ratchet.components.detector.sampling import Look, sample_images
from ratchet.components.detector.served import ServedDetector
from ratchet.components.trainer.lineage import carried, images_of_each
from ratchet.schemas.artifacts.training_record import (
    STATISTICS_FILE,
    TRAINING_SAMPLE_FILE,
    TrainedData,
    TrainingRecord,
    earlier_sample_file,
    earlier_statistics_file,
    read_training_record,
)
from ratchet.schemas.data.dataset import TRAIN_SPLIT
from ratchet.schemas.data.examples_artifact import ExamplesArtifact
from ratchet.schemas.data.feature_sample import FeatureSample


def describe_earlier_spans(
    record: TrainingRecord, detector: ServedDetector, baseline: str | None, artifacts: str | None
) -> dict[str, bytes]:
    """Describes the earlier spans of a lineage to a new model.

    Args:
        record: of the new model.
        detector: the new model.
        baseline: directory of the model that it was trained from; None: there are no earlier spans.
        artifacts: the artifacts directory of the pipeline root; None: there is none.

    Returns:
        Contents by path in the model. Of a span whose images are gone, what the baseline knew without embeddings.
    """
    if baseline is None:
        return {}
    spans, trained_last = carried(record.data), read_training_record(baseline, fileio).data[-1].digest
    files: dict[str, bytes] = {}
    for data in spans:
        is_last = data.digest == trained_last
        statistics = _read(baseline, STATISTICS_FILE if is_last else earlier_statistics_file(data.digest))
        if statistics is not None:
            files[earlier_statistics_file(data.digest)] = statistics
        limit = images_of_each(len(spans))
        sample = _seen_by(data, record, detector, artifacts, limit)
        if sample is None:
            path = TRAINING_SAMPLE_FILE if is_last else earlier_sample_file(data.digest)
            sample = _kept(_read(baseline, path), path, limit)
        if sample is not None:
            files[earlier_sample_file(data.digest)] = sample.to_bytes()
    return files


def _seen_by(
    data: TrainedData, record: TrainingRecord, detector: ServedDetector, artifacts: str | None, limit: int
) -> FeatureSample | None:
    examples = ExamplesArtifact.find(data.examples, data.digest, fileio, artifacts)
    if examples is None or not examples.is_whole(TRAIN_SPLIT):
        return None
    title = f"describing images of span {data.span}"
    sample = sample_images(Look(title, examples, (TRAIN_SPLIT,), limit, detector)).sample
    return dataclasses.replace(sample, labels=renumbering(data.class_names, record.class_names)[sample.labels])


def _kept(content: bytes | None, path: str, limit: int) -> FeatureSample | None:
    if content is None:
        return None
    sample = FeatureSample.from_bytes(content, path).thinned(limit)
    return dataclasses.replace(sample, embeddings=np.empty((len(sample), 0), np.float32))


def _read(model: str, path: str) -> bytes | None:
    if not fileio.exists(f"{model}/{path}"):
        return None
    with fileio.open(f"{model}/{path}", "rb") as file:
        return file.read()
