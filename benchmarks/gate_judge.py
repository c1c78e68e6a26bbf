"""Judges data sets as the data gate does in a run, and keeps what is costly for the next time.

What is kept in the cache directory: what ExampleGen wrote of a data set with TFDV's statistics, by the digest of the
data and of the code that reads; and what the served model finds in an image, by the digests of model and image. A rule
or a limit that has changed can then be judged again without a model.
"""

from __future__ import annotations

import hashlib
import json
import os
import pickle
import shutil
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any
from unittest import mock

import numpy as np

from ratchet.components.stack import environment

environment.prepare()

import apache_beam as beam
import pyarrow as pa
import tensorflow_data_validation as tfdv
from apache_beam.options.pipeline_options import PipelineOptions
from tensorflow_data_validation.statistics.stats_impl import generate_statistics_in_memory
from tfx.dsl.io import fileio
from tfx_bsl.coders.example_coder import ExamplesToRecordBatchDecoder

from ratchet.components.data_gate import examine as gate
from ratchet.components.data_gate import inputs as gate_inputs
from ratchet.components.data_gate.inputs import GateSources, ServedBaseline
from ratchet.components.detector.served import ServedDetector
from ratchet.components.detector.stored_examples import read_records
from ratchet.components.example_gen.generate import GenRequest, generate
from ratchet.pipeline.config.pipeline_settings import PipelineSettings
from ratchet.schemas.artifacts.decisions import DataDecision
from ratchet.schemas.artifacts.history import History
from ratchet.schemas.artifacts.registry_entries import ServedModel
from ratchet.schemas.data.columns import DetectionColumns
from ratchet.schemas.data.copy_settings import CopySettings
from ratchet.schemas.data.dataset import TRAIN_SPLIT
from ratchet.schemas.data.examples_artifact import ExamplesArtifact
from ratchet.schemas.data.records import Detections
from ratchet.schemas.data.tfdv_schema import DEFAULT_SCHEMA_FILE, class_names, read_schema

_ROOT = Path(__file__).resolve().parent.parent
_READING = ("components/example_gen", "components/coco", "components/imaging", "schemas/data")  # code that reads data
_NEW_SPAN = 1000  # a number that no run had
_STATISTICS = "FeatureStats.pb"


class RememberingDetector:
    """A `ServedDetector` that is asked once about an image, and is not even loaded for images that it knows.

    Args:
        directory: the SavedModel.
        cache: directory to remember in.
    """

    def __init__(self, directory: str, cache: Path) -> None:
        self._directory, self._cache = directory, cache / "looks" / _network_digest(directory)[:16]
        self._cache.mkdir(parents=True, exist_ok=True)
        self._real: ServedDetector | None = None
        self.name = f"the served model ({directory})"

    @property
    def embedding_size(self) -> int:
        """Of the model."""
        known = self._cache / "embedding_size"
        if not known.exists():
            known.write_text(str(self._model.embedding_size))
        return int(known.read_text())

    def preprocess(self, encoded: Sequence[bytes]) -> dict[str, Any]:
        """The files themselves: they are decoded once something new is asked about them."""
        return {"files": list(encoded)}

    def embed(self, prepared: dict[str, Any]) -> np.ndarray:
        """[batch, d] float32."""
        rows = [row for row, _ in self._looks(prepared["files"], 0)]
        return np.stack(rows) if rows else np.empty((0, self.embedding_size), np.float32)

    def look(
        self, prepared: dict[str, Any], image_ids: np.ndarray, num_classes: int
    ) -> tuple[DetectionColumns, np.ndarray]:
        """What `detect` and `embed` return."""
        return self.detect(prepared, image_ids, num_classes), self.embed(prepared)

    def detect(self, prepared: dict[str, Any], image_ids: np.ndarray, num_classes: int) -> DetectionColumns:
        """As the model's."""
        looks = self._looks(prepared["files"], num_classes)
        return DetectionColumns.of([found for _, found in looks if found is not None])

    @property
    def _model(self) -> ServedDetector:
        if self._real is None:
            self._real = ServedDetector("the served model", self._directory)
        return self._real

    def _looks(self, files: Sequence[bytes], num_classes: int) -> list[tuple[np.ndarray, Detections | None]]:
        paths = [self._cache / hashlib.sha256(file).hexdigest()[:32] for file in files]
        looks: list[Any] = [pickle.loads(path.read_bytes()) if path.exists() else None for path in paths]
        fresh = [place for place, look in enumerate(looks) if look is None or (num_classes and look[1] is None)]
        if fresh:
            prepared, found = self._model.preprocess([files[place] for place in fresh]), None
            if num_classes:
                found, rows = self._model.look(prepared, np.arange(len(fresh)), num_classes)
            else:
                rows = self._model.embed(prepared)
            for at, place in enumerate(fresh):
                looks[place] = rows[at], None if found is None else _of_one(found, at)
                _write_whole(paths[place], pickle.dumps(looks[place]))
        return looks


def _network_digest(directory: str) -> str:
    """Of what computes, without what the model carries besides of its training data."""
    digest = hashlib.sha256()
    for path in sorted([Path(directory) / "saved_model.pb", *(Path(directory) / "variables").iterdir()]):
        digest.update(hashlib.sha256(path.read_bytes()).digest())
    return digest.hexdigest()


def _of_one(found: DetectionColumns, at: int) -> Detections:
    rows = found.image == at
    return Detections(found.boxes_xywh_px[rows], found.labels[rows], found.scores[rows])


def _write_whole(path: Path, content: bytes) -> None:
    """Another process may read, or write the same."""
    beside = path.with_name(f"{path.name}.{os.getpid()}")
    beside.write_bytes(content)
    beside.replace(path)


@dataclass(frozen=True)
class ToJudge:
    """A data set as a span beside a golden set; COCO directories.

    Attributes:
        span: the data set.
        golden: the golden set.
        accept_new_golden: whether the golden set is another one than the served model was accepted on.
    """

    span: Path
    golden: Path
    accept_new_golden: bool = False


@dataclass(frozen=True)
class Read:
    """The same, as it was read: digests of both data sets."""

    span: str
    golden: str
    accept_new_golden: bool = False


class GateJudge:
    """The gate of one pipeline root.

    Args:
        served: the served model.
        history: what was decided before.
        settings: the pipeline's.
        cache: directory to keep what is costly in.
        page: whether the gate draws its page and pictures.
    """

    def __init__(
        self, served: ServedModel, history: History, settings: PipelineSettings, cache: Path, page: bool = False
    ) -> None:
        self._served, self._history, self._settings, self._page = served, history, settings, page
        self._schema_file = str(settings.data.schema or DEFAULT_SCHEMA_FILE)
        self._schema = read_schema(self._schema_file, fileio)
        self._cache = cache
        self._code = _code_digest(self._schema_file)
        self._detector = RememberingDetector(served.path, cache)

    def read(self, sets: Sequence[ToJudge]) -> list[Read]:
        """Reads several data sets in one go, as far as they are not in the cache: starting Beam takes its time."""
        found = [Read(data_digest(each.span), data_digest(each.golden), each.accept_new_golden) for each in sets]
        requests = {}
        for given, read in zip(sets, found):
            requests[self._place(read.span, "span")] = self._request(given.span, is_golden=False)
            requests[self._place(read.golden, "golden")] = self._request(given.golden, is_golden=True)
        wanted = {place: request for place, request in requests.items() if not place.exists()}
        if wanted:
            self._read(wanted)
        return found

    def _read(self, wanted: Mapping[Path, GenRequest]) -> None:
        (self._cache / "read").mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(dir=self._cache, prefix="reading-") as scratch:
            outs = {place: Path(scratch) / place.name for place in wanted}
            options = PipelineOptions(list(self._settings.beam.beam_args))
            generate([(wanted[place], str(out)) for place, out in outs.items()], beam.Pipeline(options=options))
            for place, out in outs.items():
                if wanted[place].span:
                    (out / _STATISTICS).write_bytes(_statistics(out, self._schema).SerializeToString())
                if not place.exists():
                    shutil.move(out, place)

    def is_here(self, read: Read) -> bool:
        """Whether both data sets are in the cache, read by the code of today."""
        return self._place(read.span, "span").exists() and self._place(read.golden, "golden").exists()

    def judge(self, read: Read) -> DataDecision:
        """What the gate says of a data set that was read."""
        settings = self._settings.data_gate
        settings = replace(settings, accept_new_golden=read.accept_new_golden or settings.accept_new_golden)
        with tempfile.TemporaryDirectory() as out, self._patched():
            return gate.examine(self.sources(read), settings, out)

    def inputs(self, read: Read) -> gate_inputs.GateInputs:
        """What the gate judges by, of a data set that was read."""
        with self._patched():
            return gate_inputs.read_inputs(self.sources(read), self._settings.data_gate, read_records, CopySettings())

    def sources(self, read: Read) -> GateSources:
        """Where what was read of a data set is."""
        span, served = self._place(read.span, "span"), self._served
        return GateSources(
            span=str(span),
            golden=str(self._place(read.golden, "golden")),
            statistics=str(span / _STATISTICS),
            schema=self._schema_file,
            baseline=ServedBaseline(served.path, served.version, served.golden_digest),
            history=self._history,
        )

    @contextmanager
    def _patched(self) -> Iterator[None]:
        with mock.patch.object(gate_inputs, "load_detector", return_value=self._detector):
            if self._page:
                yield
            else:
                with mock.patch.object(gate, "draw_pictures", return_value={}):
                    yield

    def _place(self, digest: str, kind: str) -> Path:
        return self._cache / "read" / f"{kind}-{digest[:16]}-{self._code[:12]}"

    def _request(self, directory: Path, is_golden: bool) -> GenRequest:
        data = self._settings.data
        return GenRequest(
            directory=str(directory),
            span=0 if is_golden else _NEW_SPAN,
            version=1,
            strict=is_golden,
            eval_fraction=1.0 if is_golden else data.eval_fraction,
            held_out_fraction=0.0 if is_golden else data.held_out_fraction,
            group_by=None if is_golden else data.group_by,
            class_names=class_names(self._schema),
            reading=(data.golden_reading if is_golden else data.reading).reading,
        )


def _statistics(out: Path, schema: Any) -> Any:
    """TFDV's statistics of what ExampleGen wrote, as `span_statistics` makes them, without a Beam pipeline a span."""
    files = ExamplesArtifact.open(str(out), fileio).record_files(TRAIN_SPLIT)
    names = [feature.name for feature in schema.feature]
    batch = ExamplesToRecordBatchDecoder().DecodeBatch(list(read_records(files)))
    known = [place for place, name in enumerate(batch.schema.names) if name in names]
    columns = pa.RecordBatch.from_arrays(
        [batch.column(place) for place in known], [batch.schema.names[place] for place in known]
    )
    return generate_statistics_in_memory(columns, tfdv.StatsOptions(schema=schema, feature_allowlist=names))


def data_digest(directory: Path) -> str:
    """Of annotations and images, by their names."""
    digest = hashlib.sha256((directory / "annotations.json").read_bytes())
    for name in sorted(
        entry["file_name"] for entry in json.loads((directory / "annotations.json").read_text())["images"]
    ):
        digest.update(f"{name} {hashlib.sha256((directory / 'images' / name).read_bytes()).hexdigest()}\n".encode())
    return digest.hexdigest()


def _code_digest(schema_file: str) -> str:
    """Of the code that reads data sets, and of the schema."""
    digest = hashlib.sha256(Path(schema_file).read_bytes())
    for package in _READING:
        for path in sorted((_ROOT / package).glob("*.py")):
            digest.update(path.read_bytes())
    return digest.hexdigest()
