"""Reads a COCO data set and writes it as gzipped TFRecords of tf.Examples, with Beam."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from typing import Any

import apache_beam as beam
from apache_beam.io.textio import WriteToText
from apache_beam.io.tfrecordio import WriteToTFRecord
from tfx import types
from tfx.dsl.components.base import base_beam_executor
from tfx.dsl.io import fileio
from tfx.types import artifact_utils

from components.example_gen.convert import to_example
from components.example_gen.dataset import DataSet, find_span, read_dataset, split_of
from components.example_gen.images import image_quality
from schemas.dataset import DATASET_FILE, EVAL_SPLIT, FINGERPRINTS, TRAIN_SPLIT, DataSetInfo
from schemas.fingerprints import line_of
from schemas.records import ImageRecord, LabelMap

SPLITS = (TRAIN_SPLIT, EVAL_SPLIT)


class Executor(base_beam_executor.BaseBeamExecutor):
    """Validates the whole data set before the first record is written."""

    def Do(
        self,
        input_dict: dict[str, list[types.Artifact]],
        output_dict: dict[str, list[types.Artifact]],
        exec_properties: dict[str, Any],
    ) -> None:
        """See the base class."""
        directory, span = exec_properties["directory"], 0
        if exec_properties["is_span_base"]:
            span, directory = find_span(directory, exec_properties["span"] or None, files=fileio)
        dataset = read_dataset(directory, files=fileio)
        fraction = exec_properties["eval_fraction"]
        splits = {record.image_id: split_of(record.file_name, fraction) for record in dataset.records}

        examples = artifact_utils.get_single_instance(output_dict["examples"])
        examples.split_names = artifact_utils.encode_split_names(list(SPLITS))
        examples.set_int_custom_property("span", span)
        examples.set_string_custom_property("digest", dataset.digest)
        examples.set_string_custom_property("file_format", "tfrecords_gzip")
        examples.set_string_custom_property("payload_format", "FORMAT_TF_EXAMPLE")
        with self._make_beam_pipeline() as pipeline:
            _write_splits(pipeline, dataset, splits, examples)
        with fileio.open(f"{examples.uri}/{DATASET_FILE}", "w") as file:
            file.write(_info(dataset, span, splits).to_json())


@dataclass(frozen=True)
class _Converted:
    """One image as the steps after this one want it."""

    split: str
    example: bytes
    fingerprint: str


def _write_splits(pipeline: beam.Pipeline, dataset: DataSet, splits: dict[int, str], examples: types.Artifact) -> None:
    converted = (
        pipeline
        | "Records" >> beam.Create([(record, splits[record.image_id]) for record in dataset.records])
        | "Spread" >> beam.Reshuffle()
        | "Convert" >> beam.Map(_convert, dataset.directory, dataset.label_map)
    )
    for split in SPLITS:
        uri = artifact_utils.get_split_uri([examples], split)
        part = converted | f"Pick/{split}" >> beam.Filter(_is_in, split)
        _ = (
            part
            | f"Example/{split}" >> beam.Map(lambda image: image.example)
            | f"Write/{split}" >> WriteToTFRecord(f"{uri}/data_tfrecord", file_name_suffix=".gz")
        )
        _ = (
            part
            | f"Fingerprint/{split}" >> beam.Map(lambda image: image.fingerprint)
            | f"WriteFingerprints/{split}" >> WriteToText(f"{examples.uri}/{FINGERPRINTS}/{split}")
        )


def _is_in(image: _Converted, split: str) -> bool:
    return image.split == split


def _convert(image: tuple[ImageRecord, str], directory: str, label_map: LabelMap) -> _Converted:
    record, split = image
    with fileio.open(f"{directory}/images/{record.file_name}", "rb") as file:
        encoded = file.read()
    quality = image_quality(encoded)
    example = to_example(record, encoded, quality, label_map)
    return _Converted(split, example.SerializeToString(deterministic=True), line_of(record.image_id, quality.hash_bits))


def _info(dataset: DataSet, span: int, splits: dict[int, str]) -> DataSetInfo:
    boxes: Counter[str] = Counter()
    for record in dataset.records:
        boxes[splits[record.image_id]] += len(record.truth.labels)
    images = Counter(splits.values())
    return DataSetInfo(
        source=dataset.directory,
        span=span,
        digest=dataset.digest,
        class_names=dataset.label_map.names,
        category_ids=dataset.label_map.category_ids,
        images={split: images[split] for split in SPLITS},
        boxes={split: boxes[split] for split in SPLITS},
    )
