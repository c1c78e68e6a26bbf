"""What the first step of a job does: what can be known to be wrong, or to be needless, is known here.

On one machine `ratchet run` looks first (pipeline/run/preflight.py, starting.py); a job has this.
"""

from __future__ import annotations

import dataclasses
import hashlib
import json
from dataclasses import dataclass
from typing import Any

from ratchet.components.example_gen.content import content_digest
from ratchet.components.example_gen.dataset import read_source
from ratchet.components.example_gen.spans import FoundSpan, find_span
from ratchet.components.object_store.files import files_of
from ratchet.components.object_store.objects import list_below
from ratchet.components.object_store.uri import is_gs
from ratchet.components.registry.lease import take_lease
from ratchet.components.registry.publication import settle
from ratchet.components.registry.registry import Registry
from ratchet.components.registry.storages import storage_of
from ratchet.kubeflow.step.job_lease import LEASE_S, holder_of
from ratchet.kubeflow.step.local_view import local_view
from ratchet.kubeflow.step.places import put_text
from ratchet.kubeflow.step.probe import probe
from ratchet.kubeflow.step.records import run_directory
from ratchet.pipeline.config.pipeline_settings import PipelineSettings
from ratchet.pipeline.root.root_settings import without_secrets
from ratchet.pipeline.run.nothing_new import decided_before
from ratchet.pipeline.run.preflight import asked_settings, trainer_part
from ratchet.schemas.artifacts.registry_entries import ServedModel
from ratchet.schemas.artifacts.root_file import ARTIFACTS, ROOT_FILE, ROOT_FILE_FORMAT, RootFile
from ratchet.schemas.artifacts.run_files import REQUEST_FILE, RUN_RECORD_FORMAT, RunRecord
from ratchet.schemas.artifacts.run_result import RESULT_FILE, RUN_RESULT_FORMAT, utc_now
from ratchet.schemas.base.code_version import code_version
from ratchet.schemas.base.settings import to_json
from ratchet.schemas.base.signing import Signer
from ratchet.schemas.data.exif import Exif
from ratchet.schemas.data.tfdv_schema import read_class_names


@dataclass(frozen=True)
class JobRequest:
    """What a job was started with.

    Attributes:
        run_id: names the run.
        root: pipeline root.
        registry: where the pointer files are.
        serving: the directory TensorFlow Serving watches.
        data: directory of the `span-N` directories.
        golden: the golden set.
        span: the span to train on; 0 for the newest.
        bootstrap: whether a first model is wanted.
        schema_file: the curated schema.
        settings: of the pipeline, `accept_new_golden` as the job was told.
    """

    run_id: str
    root: str
    registry: str
    serving: str
    data: str
    golden: str
    span: int
    bootstrap: bool
    schema_file: str
    settings: PipelineSettings


@dataclass(frozen=True)
class Begun:
    """What a job has to do.

    Attributes:
        new: whether anything.
        span: the span it is about.
    """

    new: bool
    span: FoundSpan


def begin(request: JobRequest) -> Begun:
    """Looks at everything that a run needs, and takes the lease of the root.

    Args:
        request: what the job was started with.

    Raises:
        InputError: something it was given cannot work.
        StateError: a right is missing, another run holds the root, or the root contradicts itself.
    """
    for directory in (request.root, request.registry, request.serving):
        probe(directory)
    take_lease(request.root, holder_of(request.run_id), LEASE_S)
    registry = Registry(storage_of(request.registry, request.serving), Signer.from_environment())
    settle(registry)
    found = find_span(request.data, request.span or None, files_of(request.data), request.settings.data.marker)
    asked = _asked(request, found)
    _remember(request)
    served = registry.served()
    record = _record(request, found, asked, served)
    directory = run_directory(request.root, request.run_id)
    put_text(f"{directory}/{REQUEST_FILE}", RUN_RECORD_FORMAT.write(record))
    decided = decided_before(local_view(request.root), asked, served, registry.decisions())
    if decided is None:
        registry.baseline(request.bootstrap)  # before anything is read or trained
        return Begun(True, found)
    result = dataclasses.replace(decided.result(found.number), run_id=request.run_id)
    put_text(f"{directory}/{RESULT_FILE}", RUN_RESULT_FORMAT.write(result))
    return Begun(False, found)


def _remember(request: JobRequest) -> None:
    """Makes the root say what it is, as the first run on one machine does: the command line asks for it."""
    path = f"{request.root}/{ROOT_FILE}"
    if files_of(path).exists(path):
        return
    settings, left_out = without_secrets(json.loads(to_json(request.settings)))
    said = RootFile(request.settings.name, settings, "a job on a cluster", request.root, ARTIFACTS, left_out)
    put_text(path, ROOT_FILE_FORMAT.write(said) + "\n")


def _record(request: JobRequest, found: FoundSpan, asked: dict[str, Any], served: ServedModel | None) -> RunRecord:
    baseline = (served.version, served.digest) if served else None
    return RunRecord(
        found.number, asked, baseline, "a job on a cluster", utc_now(), code_version(), span_version=found.version
    )


def _asked(request: JobRequest, found: FoundSpan) -> dict[str, Any]:
    """See `RunRecord.asked`; the same as on one machine where the data lie on one."""
    trainer = trainer_part(request.settings)  # first: whether the image holds it
    names = read_class_names(request.schema_file, files_of(request.schema_file))
    exif = request.settings.data.exif
    checkpoint = request.settings.training.init_checkpoint
    return {
        "span": found.number,
        "data": _content(found.directory, names, exif, strict=False),
        "golden": _content(request.golden, names, exif, strict=True),
        "bootstrap": request.bootstrap,
        "settings": asked_settings(request.settings),
        "schema": _file_digest(request.schema_file),
        "init_checkpoint": _checkpoint_digest(checkpoint) if checkpoint else None,
        "code": code_version(),
        **trainer,
    }


def _content(directory: str, class_names: tuple[str, ...] | None, exif: Exif, strict: bool) -> str:
    """Changes with any byte of a data set; an object store knows a checksum of each object, so none is read there."""
    if not is_gs(directory):
        return content_digest(read_source(directory, strict=strict, class_names=class_names, exif=exif))
    return _listing_digest(directory)


def _listing_digest(prefix: str) -> str:
    digest = hashlib.sha256()
    for found in sorted(list_below(prefix), key=lambda info: info.name):
        digest.update(f"{found.uri[len(prefix) :]}\0{found.size}\0{found.crc32c}\n".encode())
    return digest.hexdigest()


def _file_digest(path: str) -> str:
    with files_of(path).open(path, "rb") as file:
        return hashlib.sha256(file.read()).hexdigest()


def _checkpoint_digest(prefix: str) -> str:
    """Of the files of a TensorFlow checkpoint."""
    if is_gs(prefix):
        return _listing_digest(prefix)
    files = sorted(files_of(prefix).glob(f"{prefix}*"))
    return hashlib.sha256("".join(map(_file_digest, files)).encode()).hexdigest()
