"""Everything that can be known to be wrong before TensorFlow is started and anything is written."""

from __future__ import annotations

import collections
import dataclasses
import glob
import hashlib
import json
import os
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ratchet.components.example_gen.content import content_digest
from ratchet.components.example_gen.dataset import Source, read_source
from ratchet.components.example_gen.spans import find_span
from ratchet.components.example_gen.splits import splits_of
from ratchet.components.map_evaluator.scoring import check_settings
from ratchet.components.object_store.files import files_of
from ratchet.components.object_store.uri import is_gs
from ratchet.components.registry.settings import ServingSettings
from ratchet.components.trainer.lineage import read_earlier
from ratchet.components.trainer.own.code import find_code
from ratchet.components.trainer.own.importing import check_importable
from ratchet.components.trainer.own.plan import OwnPlan, plan_own
from ratchet.components.trainer.policy import NewSpan, TrainingPlan, plan_training
from ratchet.components.vertex_registry.settings import VertexRegistrySettings
from ratchet.pipeline.config.beam_settings import BeamSettings
from ratchet.pipeline.config.kubeflow_settings import KubeflowSettings
from ratchet.pipeline.config.metadata_settings import MetadataSettings
from ratchet.pipeline.config.pipeline_settings import NotifySettings, PipelineSettings, RetentionSettings
from ratchet.pipeline.root.places import uri_of
from ratchet.pipeline.root.root_settings import Remembered
from ratchet.pipeline.root.roots import registry_of
from ratchet.pipeline.terminal.console import output_to
from ratchet.schemas.artifacts.adoption import Adoption, read_adoption
from ratchet.schemas.artifacts.origin import origin_of
from ratchet.schemas.artifacts.registry_entries import ServedModel
from ratchet.schemas.artifacts.training_record import TrainedData, TrainingRecord
from ratchet.schemas.base import settings as settings_io
from ratchet.schemas.base.checked_json import Problems
from ratchet.schemas.base.code_version import code_version
from ratchet.schemas.base.errors import ConfigError
from ratchet.schemas.base.files import LOCAL_FILES
from ratchet.schemas.base.formatting import many
from ratchet.schemas.base.progress import LOGGER
from ratchet.schemas.base.visible import visible_line
from ratchet.schemas.data.dataset import TRAIN_SPLIT
from ratchet.schemas.data.records import attribute_columns
from ratchet.schemas.data.tfdv_schema import DEFAULT_SCHEMA_FILE, read_class_names


@dataclass(frozen=True)
class RunRequest:
    """What a user asks for.

    Attributes:
        settings: the configuration.
        data: directory of the `span-N` directories.
        golden: directory of the golden set.
        span: the span to train on; None for the newest.
        root: pipeline root.
        bootstrap: whether a first model is wanted.
        command: what a person gave to ask for it, for the page at its end.
        remembered: the configuration that the root is to keep; None: it keeps what it has.
        anew: whether an unfinished run of the same request is left alone, and a new one started.
        again: whether to run although a run has decided what is asked for.
        only_new: whether it is no error that no span is delivered whole yet.
    """

    settings: PipelineSettings
    data: Path
    golden: Path
    span: int | None
    root: Path
    bootstrap: bool
    command: str = ""
    remembered: Remembered | None = None
    anew: bool = False
    again: bool = False
    only_new: bool = False


@dataclass(frozen=True)
class Asked:
    """A request whose data could be read.

    Attributes:
        number: of the span.
        span: the span.
        parts: everything that could change the run's result, by name: `RunRecord.asked`.
        version: of the span.
        golden_images: images of the golden set.
    """

    number: int
    span: Source
    parts: dict[str, Any]
    version: int = 1
    golden_images: int = 0


def read_request(request: RunRequest) -> Asked:
    """Reads the data that a request names, and checks the settings against it; the pipeline root is not asked.

    Raises:
        InputError: something the user gave cannot work.
    """
    _check_beam(request.settings)
    _check_trainer(request.settings.training.run_fn)
    names = read_class_names(schema_file(request.settings), LOCAL_FILES)
    found = find_span(str(request.data), request.span, marker=request.settings.data.marker)
    data = request.settings.data
    span = read_source(found.directory, class_names=names, reading=data.reading.reading, exif=data.exif)
    golden = read_source(
        *(str(request.golden), LOCAL_FILES, True, names, data.golden_reading.reading, data.exif),
    )
    for source in (span, golden):
        tell_of(source)
        _check_files(source)
    check_settings(
        golden.label_map.names,
        attribute_columns([record.attributes for record in golden.records]),
        request.settings.evaluator,
    )
    _tell_if_too_small(golden, request)
    _check_shadow_log(request.settings)
    if request.bootstrap:
        _check_checkpoint(request.settings.training.init_checkpoint)
    parts = _parts(request, found.number, span, golden)
    return Asked(found.number, span, parts, found.version, len(golden.records))


def _check_beam(settings: PipelineSettings) -> None:
    """Whether Beam takes its options, which only Beam knows."""
    if not settings.beam.beam_args:
        return
    try:
        with output_to(Path(os.devnull)):  # what libraries say when they are imported
            from ratchet.components.stack.beam_options import check_args
    except ModuleNotFoundError:  # the light install, where no run can begin
        return
    check_args(settings.beam.beam_args, settings.beam.job_server_args)


def _check_trainer(run_fn: str | None) -> None:
    """Whether a trainer of the user's own is there, before hours of other work."""
    if run_fn is not None:
        find_code(run_fn)
        LOGGER.info("importing %s", run_fn)
        check_importable(run_fn)


def _check_shadow_log(settings: PipelineSettings) -> None:
    """Before hours of training, after which the evaluator would look for it."""
    shadow = settings.evaluator.shadow
    if shadow is not None and not is_gs(shadow.log) and not Path(shadow.log).is_dir():
        raise ConfigError(
            f"evaluator.shadow.log = {visible_line(shadow.log)!r}: no such directory; give that of the logged requests "
            "(`ratchet log-sample`), or set evaluator.shadow to null"
        )


def tell_of(source: Source) -> None:
    """Says what was read otherwise than it stands there, and what the delivery holds beside it."""
    for sentence in (*source.told, *source.left_out):
        LOGGER.info("%s: %s", source.directory, sentence)


def _tell_if_too_small(golden: Source, request: RunRequest) -> None:
    """The evaluator would say so as well, after hours of training."""
    limits, images = request.settings.evaluator, len(golden.records)
    objects = sum(int((~record.truth.is_crowd).sum()) for record in golden.records)
    if images < limits.min_golden_images or objects < limits.min_golden_objects:
        LOGGER.warning(
            "%s: has %s with %s that count, and evaluator.min_golden_images and min_golden_objects ask for %d and %d: "
            "this run's candidate can be approved, but not pushed; label more golden images",
            *(request.golden, many(images, "image"), many(objects, "object")),
            *(limits.min_golden_images, limits.min_golden_objects),
        )


def check_new(request: RunRequest, asked: Asked) -> ServedModel | None:
    """Whether a new run of a request could start from what is served; the baseline, None for a bootstrap.

    Raises:
        InputError: it could not.
        StateError: the pipeline root contradicts itself.
    """
    return plan_new(request, asked)[0]


def plan_new(request: RunRequest, asked: Asked) -> tuple[ServedModel | None, TrainingPlan | OwnPlan]:
    """What a new run of a request starts from, None for a bootstrap, and how it trains; see `check_new`."""
    served = registry_of(request.root, request.settings.name).baseline(request.bootstrap)
    origin = origin_of(served.path, files_of(served.path)) if served else None
    if isinstance(origin, Adoption):  # a first model is trained, from the same weights as one of a bootstrap
        _check_checkpoint(request.settings.training.init_checkpoint)
    return served, _plan_training(request, asked.number, asked.span, origin)


def begins_lineage(request: RunRequest) -> bool:
    """Whether a run trains a first model: at a bootstrap, and where what is served was adopted."""
    if request.bootstrap:
        return True
    served = registry_of(request.root, request.settings.name).pointer().served
    return served is not None and is_adopted(served)


def is_adopted(served: ServedModel) -> bool:
    """Whether a served model was adopted, also where a rollback led back to it."""
    return read_adoption(served.path, files_of(served.path)) is not None


def schema_file(settings: PipelineSettings) -> str:
    """The curated schema: the user's, or the one that comes along."""
    return settings.data.schema or str(DEFAULT_SCHEMA_FILE)


def _check_files(source: Source) -> None:
    """Whether the image files are there; what is in them is seen when they are read."""
    problems = Problems()
    for path in _paths(source):
        if not os.path.isfile(path):
            what = "not a regular file" if os.path.lexists(path) else "no such file"
            problems.add(f"{path}: {what}; deliver it")
    problems.raise_if_any()


def _paths(source: Source) -> list[str]:
    return [path for shard in source.shards for path in shard.paths]


def _plan_training(
    request: RunRequest, number: int, span: Source, baseline: TrainingRecord | Adoption | None
) -> TrainingPlan | OwnPlan:
    data = request.settings.data
    splits = splits_of(span.records, data.eval_fraction, data.held_out_fraction, data.group_by)
    records = [record for record in span.records if splits[record.image_id] == TRAIN_SPLIT]
    names = span.label_map.names
    counts = collections.Counter(label for record in records for label in record.truth.labels.tolist())
    boxes = {name: counts[label] for label, name in enumerate(names, start=1)}
    trained = TrainedData(number, 1, "", len(records), names, "", span.exif)
    if request.settings.training.run_fn is not None:
        return plan_own(request.settings.training, trained, boxes, baseline)
    plan = plan_training(request.settings.trainer, NewSpan(trained, boxes), baseline)
    for earlier in plan.replayed:
        artifacts = f"{uri_of(request.root)}/artifacts"
        read_earlier(earlier, files_of(artifacts), artifacts)
    return plan


def _check_checkpoint(prefix: str | None) -> None:
    if prefix and "://" not in prefix and not _checkpoint_files(prefix):
        raise ConfigError(f"training.init_checkpoint = {prefix!r}: no such file")


def _parts(request: RunRequest, number: int, span: Source, golden: Source) -> dict[str, Any]:
    init_checkpoint = request.settings.training.init_checkpoint
    return {
        "span": number,
        "data": content_digest(span),
        "golden": content_digest(golden),
        "bootstrap": request.bootstrap,
        "settings": asked_settings(request.settings),
        "schema": _digest([schema_file(request.settings)]),
        "init_checkpoint": _digest(_checkpoint_files(init_checkpoint)) if init_checkpoint else None,
        "code": code_version(),
        **trainer_part(request.settings),
    }


def trainer_part(settings: PipelineSettings) -> dict[str, str]:
    """The code of a trainer of the user's own, as `RunRecord.asked` has it; empty without one."""
    run_fn = settings.training.run_fn
    return {} if run_fn is None else {"trainer": find_code(run_fn).digest}


def asked_settings(settings: PipelineSettings) -> dict[str, Any]:
    """The settings that can change a run's result, as `RunRecord.asked` has them.

    Whom it tells, what it asks of a server, what is kept after it, where that is noted and what it runs on change
    nothing: a crashed one goes on when they change.
    """
    plain = dataclasses.replace(
        settings,
        notify=NotifySettings(),
        retention=RetentionSettings(),
        metadata=MetadataSettings(),
        kubeflow=KubeflowSettings(),
        serving=ServingSettings(),
        vertex_registry=VertexRegistrySettings(),
        beam=BeamSettings(),
    )
    return json.loads(settings_io.to_json(plain))


def _checkpoint_files(prefix: str) -> list[str]:
    """The files of a TensorFlow checkpoint, or a file of this name; none where it is not on this machine."""
    found = {*glob.glob(f"{glob.escape(prefix)}.*"), *glob.glob(glob.escape(prefix))}
    return sorted(filter(os.path.isfile, found))


def _digest(paths: list[str]) -> str:
    digest = hashlib.sha256()
    for path in paths:
        with open(path, "rb") as file:
            while chunk := file.read(1 << 20):
                digest.update(chunk)
    return digest.hexdigest()
