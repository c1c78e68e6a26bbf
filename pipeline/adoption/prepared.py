"""A model that is to be adopted, as it could be served: asked, proven, measured, wrapped, tried in a fresh process."""

from __future__ import annotations

import datetime
import errno
import os
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from ratchet.components.adoption.labels import Labels, labels_json, labels_of, read_labels
from ratchet.components.adoption.places import saved_model_in
from ratchet.components.detector.serving_check import check_serving
from ratchet.pipeline.adoption.found import OWN, Found
from ratchet.pipeline.adoption.golden import GoldenImages, read_golden
from ratchet.pipeline.adoption.measured import Measured, ask, measure
from ratchet.pipeline.adoption.request import AdoptRequest
from ratchet.pipeline.config.pipeline_settings import PipelineSettings
from ratchet.schemas.artifacts.adoption import ADOPTION_FILE, ADOPTION_FORMAT, Adoption, read_adoption
from ratchet.schemas.artifacts.class_names import read_class_names
from ratchet.schemas.artifacts.evaluation import PROBE_FILE
from ratchet.schemas.artifacts.training_record import LABELS_FILE, RECORD_FILE, TrainingRecord, read_training_record
from ratchet.schemas.base.errors import InputError, StateError
from ratchet.schemas.base.files import LOCAL_FILES
from ratchet.schemas.base.model_digest import model_digest
from ratchet.schemas.base.progress import LOGGER
from ratchet.schemas.base.visible import visible_line
from ratchet.schemas.data.columns import DetectionColumns
from ratchet.schemas.data.training_plan import TrainingPlan


@dataclass(frozen=True, eq=False)
class Prepared:
    """A model that could be served.

    Attributes:
        directory: its SavedModel as it would be served.
        digest: of that.
        found: what was found out about it.
        measured: on the golden set.
        record: of its training; None of a model that Ratchet did not train.
    """

    directory: str
    digest: str
    found: Found
    measured: Measured
    record: TrainingRecord | None


def prepare(
    request: AdoptRequest, settings: PipelineSettings, plan: TrainingPlan | None, now: datetime.datetime, scratch: Path
) -> Prepared:
    """Does all that can be done before anything is changed.

    Args:
        request: which model.
        settings: by which the golden set is read and measured.
        plan: how the model was trained; None: that is not known.
        now: the present, UTC.
        scratch: a directory for what is made.

    Raises:
        InputError: the model, its labels or the golden set cannot be used.
        StateError: it answers otherwise in a fresh process than was measured.
    """
    source = saved_model_in(str(request.model))
    labels = None if _is_own(source) else _labels(request, plan)
    images = GoldenImages(read_golden(request.golden, settings))
    LOGGER.info("loading %s, which takes a while", visible_line(source))
    if labels is None:
        directory = source
        found, measured = _own(request, source, images, settings)
    else:
        directory = str(scratch / "wrapped")
        found, measured = _foreign(request, settings, (source, labels, plan), images, now, directory)
    _check_answers(directory, measured, scratch)
    record = read_training_record(directory, LOCAL_FILES) if found.kind == OWN else None
    return Prepared(directory, model_digest(directory, LOCAL_FILES), found, measured, record)


def _labels(request: AdoptRequest, plan: TrainingPlan | None) -> Labels:
    file = label_file(request, plan)
    if file is None:
        assert plan is not None  # or `label_file` had raised
        assert plan.class_names
        labels = labels_of(plan.class_names, plan.source)
    else:
        if file != request.labels:
            LOGGER.info("labels are those of %s, which %s names", file, request.pipeline_config)
        labels = read_labels(file)
    return labels if request.first_class is None else labels.counted_from(request.first_class)


def label_file(request: AdoptRequest, plan: TrainingPlan | None) -> Path | None:
    """The label file of the command, or the one that the model's configuration names.

    Args:
        request: which model.
        plan: how it was trained.

    Returns:
        None where the configuration holds the classes itself, and for a model of Ratchet, which does so.

    Raises:
        InputError: there is none.
    """
    if request.labels is not None or _is_own(saved_model_in(str(request.model))):
        return request.labels
    if plan is not None and plan.class_names:
        return None
    named = plan.label_map if plan is not None else None
    if named and request.pipeline_config is not None:
        places = [Path(named), request.pipeline_config.parent / Path(named).name]
        there = next((place for place in places if place.is_file()), None)
        if there is not None:
            return there
        raise InputError(
            f"--labels is missing, and {visible_line(named)}, which {request.pipeline_config} names, is not there; "
            "give --labels FILE"
        )
    raise InputError(
        "--labels is missing: without it nobody knows what the model's class numbers mean; give the label_map.pbtxt "
        "that it was trained with, a text file with one class a line, a JSON list, or COCO categories"
    )


def _is_own(source: str) -> bool:
    """Whether Ratchet trained or wrapped a model."""
    return any(os.path.lexists(f"{source}/{name}") for name in (RECORD_FILE, ADOPTION_FILE))


def _foreign(
    request: AdoptRequest,
    settings: PipelineSettings,
    given: tuple[str, Labels, TrainingPlan | None],
    images: GoldenImages,
    now: datetime.datetime,
    directory: str,
) -> tuple[Found, Measured]:
    """A model of another toolkit, which is wrapped; written into the directory."""
    from ratchet.components.adoption.foreign import load_foreign, shortly
    from ratchet.components.adoption.wrapped import Wrapping, save_wrapped
    from ratchet.components.detector.warmup import write_warmup

    source, labels, plan = given
    foreign = load_foreign(source, request.signature)
    asked = ask(foreign, images, labels, request.boxes)
    names = asked.labels.names
    measured = measure(source, asked.found, names, images, settings.evaluator)
    LOGGER.info("wrapping it for serving")
    try:
        kept = save_wrapped(
            foreign, Wrapping(asked.taken, asked.reading, asked.labels.ids, names, asked.most), directory
        )
    except Exception as error:  # whatever TensorFlow raises of what it cannot save again
        if os.strerror(errno.ENOSPC) in str(error):
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC), directory) from error
        raise InputError(
            f"{visible_line(source)}: works, but cannot be saved again with the signatures that Ratchet serves "
            f"({shortly(error)}); export it with a newer TensorFlow"
        ) from error
    adoption = Adoption(
        at=now.isoformat(timespec="seconds"),
        by=request.by.strip(),
        reason=request.reason.strip(),
        source=os.path.abspath(source),
        source_digest=model_digest(source, LOCAL_FILES),
        kind=foreign.signature.kind,
        signature=foreign.signature.name,
        class_names=names,
        exif=settings.data.exif,
        plan=plan,
    )
    os.makedirs(os.path.dirname(f"{directory}/{ADOPTION_FILE}"), exist_ok=True)
    Path(directory, ADOPTION_FILE).write_text(ADOPTION_FORMAT.write(adoption), "utf-8")
    Path(directory, LABELS_FILE).write_text(labels_json(names), "utf-8")
    write_warmup(directory, measured.probe.images)  # with which it is tried in a fresh process, so that none fails
    taken = f"signature {adoption.signature!r} is given {asked.taken.words}"
    return Found(adoption.kind, taken, source, names, asked.proof.to_text(), asked.proof.odd, plan, kept), measured


def _own(
    request: AdoptRequest, source: str, images: GoldenImages, settings: PipelineSettings
) -> tuple[Found, Measured]:
    """A model that Ratchet trained, or has wrapped before: it stays as it is, byte for byte."""
    from ratchet.components.detector.served import ServedDetector

    given = {
        "--labels": request.labels,
        "--pipeline-config": request.pipeline_config,
        "--boxes": request.boxes,
        "--first-class": request.first_class,
        "--signature": request.signature,
    }
    told = [option for option, value in given.items() if value is not None]
    if told:
        raise InputError(
            f"{told[0]}: {visible_line(source)} is a model of Ratchet, which says that itself; leave {told[0]} out"
        )
    adoption = read_adoption(source, LOCAL_FILES)
    names = _own_names(source)
    detector = ServedDetector("the model", source)
    parts = {}
    for record, content in images:
        prepared = detector.preprocess([content])
        parts[record.image_id] = detector.detect(prepared, np.array([record.image_id]), len(names))
    records = images.source.records
    found = DetectionColumns.join([parts[record.image_id] for record in records], [1] * len(records))
    measured = measure(source, found, names, images, settings.evaluator)
    if adoption is not None:
        proof = f"{adoption.by} adopted it on {adoption.at[:10]}, and it is served as it was then"
        return Found(adoption.kind, "", source, names, proof, (), adoption.plan, ()), measured
    record = read_training_record(source, LOCAL_FILES)
    proof = f"Ratchet trained it on span {record.span}, and it keeps its record"
    return Found(OWN, "", source, names, proof, (), None, ()), measured


def _own_names(source: str) -> tuple[str, ...]:
    names, file = read_class_names(source, LOCAL_FILES), visible_line(f"{source}/{LABELS_FILE}")
    if names is None:
        raise InputError(f"{file}: is not there, so the model's classes are not known; restore the model")
    return labels_of(names, file).names


def _check_answers(directory: str, measured: Measured, scratch: Path) -> None:
    LOGGER.info("trying it in a fresh process, as it will be served")
    probe = scratch / PROBE_FILE
    probe.write_bytes(measured.probe.to_bytes())
    reason = check_serving(directory, str(probe))
    if not reason.passed:
        raise StateError(
            f"{reason.sentence}; the model cannot be served so: report it, or export the model with a newer TensorFlow"
        )
    LOGGER.info("%s", reason.actual)
