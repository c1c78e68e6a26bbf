"""Reads a COCO data set and writes it as gzipped TFRecords of tf.Examples, with Beam."""

from __future__ import annotations

from collections import Counter
from typing import Any

import apache_beam as beam
from apache_beam.io.tfrecordio import WriteToTFRecord
from tfx import types
from tfx.dsl.components.base import base_beam_executor
from tfx.dsl.io import fileio
from tfx.types import artifact_utils

from components.example_gen.convert import to_example
from components.example_gen.dataset import DataSet, find_span, read_dataset, split_of
from schemas.dataset import DATASET_FILE, EVAL_SPLIT, TRAIN_SPLIT, DataSetInfo
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


def _write_splits(pipeline: beam.Pipeline, dataset: DataSet, splits: dict[int, str], examples: types.Artifact) -> None:
    parts = (
        pipeline
        | "Records" >> beam.Create(dataset.records)
        | "Spread" >> beam.Reshuffle()
        | "Convert" >> beam.Map(_convert, dataset.directory, dataset.label_map)
        | "Split" >> beam.Partition(_index_of_split, len(SPLITS), splits)  # pyright: ignore[reportArgumentType] - Beam's own hint is too narrow
    )
    for split, part in zip(SPLITS, parts):
        uri = artifact_utils.get_split_uri([examples], split)
        _ = (
            part
            | f"Strip/{split}" >> beam.Map(lambda item: item[1])
            | f"Write/{split}" >> WriteToTFRecord(f"{uri}/data_tfrecord", file_name_suffix=".gz")
        )


def _index_of_split(item: tuple[int, bytes], _count: int, splits: dict[int, str]) -> int:
    return SPLITS.index(splits[item[0]])


def _convert(record: ImageRecord, directory: str, label_map: LabelMap) -> tuple[int, bytes]:
    with fileio.open(f"{directory}/images/{record.file_name}", "rb") as file:
        encoded = file.read()
    return record.image_id, to_example(record, encoded, label_map).SerializeToString(deterministic=True)


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
