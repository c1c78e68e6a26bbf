"""Matches -> scores, slices and differences with their intervals; pure."""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Collection, Iterable, Mapping, Sequence

import numpy as np

from ratchet.components.map_evaluator.matches import DataSetMatches
from ratchet.components.map_evaluator.settings import EvaluatorSettings
from ratchet.components.metrics.average_precision import UNDEFINED, detection_metrics
from ratchet.components.metrics.bootstrap import DeltaEstimate, PairedDeltas, Slice, paired_deltas
from ratchet.components.metrics.coco_rules import AREA_NAMES
from ratchet.components.metrics.match_table import MatchTable
from ratchet.schemas.artifacts.evaluation import (
    BASELINE,
    CANDIDATE,
    DataSetEvaluation,
    Delta,
    Deltas,
    ModelScores,
    Support,
)
from ratchet.schemas.base.errors import ConfigError

MIN_GROUPS = 8  # of fewer recordings, cameras, ... intervals can be too narrow (decision 0007)
_COCO_AREA = {"small": "APs", "medium": "APm", "large": "APl"}
_NO_VALUES = np.empty(0, np.str_)
_LISTED = 8
_NO_VALUE = "(none)"  # of an image that lacks the attribute
# The baseline takes new objects for old ones. That a candidate does not must not hide that it lost elsewhere.
WITHOUT_NEW = "new_classes=absent"


Classes = Mapping[int, str]  # name by label


def score(
    matches: DataSetMatches,
    class_names: Sequence[str],
    settings: EvaluatorSettings,
    known: Collection[str] | None = None,
) -> DataSetEvaluation:
    """Scores the models on one data set.

    Args:
        matches: what the models hit.
        class_names: in label order, 1..K.
        settings: slices and resampling.
        known: the classes that the baseline knows; None for all. If it lacks some, the images without an object of
            these are a slice of their own, WITHOUT_NEW.
    """
    classes = dict(enumerate(class_names, start=1))
    shared_classes = {label: name for label, name in classes.items() if known is None or name in known}
    slices = slices_of(matches.attributes, settings.slice_by)
    if BASELINE not in matches.tables or len(shared_classes) == len(classes):
        return _score(matches, classes, slices, settings)
    slices[WITHOUT_NEW] = Slice(images=_shows_only(matches.tables[CANDIDATE], shared_classes))
    tables = {model: matches.tables[model].of_labels(list(shared_classes)) for model in (CANDIDATE, BASELINE)}
    shared = _score(dataclasses.replace(matches, tables=tables), shared_classes, slices, settings)
    candidate = {CANDIDATE: matches.tables[CANDIDATE]}
    whole = _score(dataclasses.replace(matches, tables=candidate), classes, slices, settings)
    baseline = shared.baseline and dataclasses.replace(
        shared.baseline, per_class={name: shared.baseline.per_class.get(name, UNDEFINED) for name in class_names}
    )
    return dataclasses.replace(whole, baseline=baseline, deltas=shared.deltas, shared=shared)


def _shows_only(table: MatchTable, classes: Classes) -> np.ndarray:
    # [i] bool, images without an object of another class
    shows_other = np.zeros(len(table.image_ids), np.bool_)
    for label in table.labels():
        if label not in classes:
            shows_other[table.truth_image[table.truth_rows(label)]] = True
    return ~shows_other


def _score(
    matches: DataSetMatches, classes: Classes, slices: Mapping[str, Slice], settings: EvaluatorSettings
) -> DataSetEvaluation:
    candidate, baseline = matches.tables[CANDIDATE], matches.tables.get(BASELINE)
    groups = _groups(matches, settings.bootstrap_by)
    deltas = None
    if baseline is not None:
        estimates = paired_deltas(
            candidate, baseline, resamples=settings.resamples, seed=settings.seed, groups=groups, slices=slices
        )
        deltas = _deltas(estimates, classes)
    return DataSetEvaluation(
        images=len(candidate.image_ids),
        candidate=_scores(candidate, classes, slices),
        baseline=_scores(baseline, classes, slices) if baseline is not None else None,
        deltas=deltas,
        class_support=_class_support(candidate, classes, groups),
        slice_support={name: _support(candidate, part, groups) for name, part in slices.items()},
        max_detections=candidate.max_detections,
    )


def slices_of(attributes: Mapping[str, np.ndarray], slice_by: tuple[str, ...]) -> dict[str, Slice]:
    """The slices of a data set: object sizes, and every value of the attributes asked for.

    Args:
        attributes: [i] str by name.
        slice_by: the attributes to slice by.
    """
    slices = {f"object_size={area}": Slice(area=area) for area in AREA_NAMES[1:]}
    for name in slice_by:
        values = attributes.get(name, _NO_VALUES)
        for value in np.unique(values).tolist():
            slices[f"{name}={value or _NO_VALUE}"] = Slice(images=values == value)
    return slices


def check_settings(
    class_names: Sequence[str], attributes: Mapping[str, np.ndarray], settings: EvaluatorSettings
) -> None:
    """Makes sure that the golden set has what the settings name: no limit may silently never apply.

    Args:
        class_names: of the golden set.
        attributes: its images' attributes, [i] str by name.
        settings: slices, groups and limits.

    Raises:
        ConfigError: it has not, or the attribute to resample by has too few values.
    """
    for name in settings.slice_by:
        if not np.any(attributes.get(name, _NO_VALUES) != ""):
            raise ConfigError(
                f"evaluator.slice_by: no golden image has the attribute {name!r}; "
                "give it in images[] of annotations.json, or leave it out of slice_by"
            )
    _check_groups(attributes, settings.bootstrap_by)
    _check_names("class", settings.per_class, class_names)
    _check_names("slice", settings.per_slice, [*slices_of(attributes, settings.slice_by), WITHOUT_NEW])


def _check_groups(attributes: Mapping[str, np.ndarray], by: str | None) -> None:
    if by is None:
        return
    values = attributes.get(by, _NO_VALUES)
    named, without = np.unique(values[values != ""]), int(np.count_nonzero(values == ""))
    if len(named) and without:
        raise ConfigError(
            f"evaluator.bootstrap_by = {by!r}: {without} of {len(values)} golden images lack it, so that it is unknown "
            "which of them belong together; give it to every image in images[] of annotations.json, to one that is "
            "alone a value of its own"
        )
    if len(named) < MIN_GROUPS:
        raise ConfigError(
            f"evaluator.bootstrap_by = {by!r}: the golden set has {len(named)} values of it, at least {MIN_GROUPS} are "
            "needed to estimate what another one would change; add images of others, or leave it out if images are "
            "independent"
        )


def _check_names(kind: str, named: Iterable[str], known: Sequence[str]) -> None:
    for name in named:
        if name not in known:
            shown = ", ".join(known[:_LISTED]) + (", ..." if len(known) > _LISTED else "")
            raise ConfigError(f"evaluator.per_{kind}: the golden set has no {kind} {name!r}; it has {shown}")


def _groups(matches: DataSetMatches, by: str | None) -> np.ndarray | None:
    # [i] group of each image. Images without the attribute are one group: of what is unknown nothing is claimed.
    if by is None:
        return None
    values = matches.attributes.get(by, np.full(len(matches.image_ids), ""))
    return np.unique(values, return_inverse=True)[1]


def _scores(table: MatchTable, classes: Classes, slices: Mapping[str, Slice]) -> ModelScores:
    metrics = detection_metrics(table, num_classes=max(classes, default=0))
    return ModelScores(
        coco=dict(metrics.coco),
        per_class={name: float(metrics.per_class_ap[label]) for label, name in classes.items()},
        per_slice={
            name: metrics.coco[_COCO_AREA[part.area]] if part.images is None else _map(table.of_images(part.images))
            for name, part in slices.items()
        },
    )


def _map(table: MatchTable) -> float:
    return detection_metrics(table).coco["AP"]


def _deltas(estimates: PairedDeltas, classes: Classes) -> Deltas:
    return Deltas(
        overall=delta_of(estimates.overall),
        per_class={classes[label]: delta_of(estimate) for label, estimate in estimates.per_class.items()},
        per_slice={name: delta_of(estimate) for name, estimate in estimates.per_slice.items()},
    )


def delta_of(estimate: DeltaEstimate) -> Delta:
    """A difference as it is written down."""
    values = (estimate.value, estimate.lo, estimate.hi, estimate.std_error)
    return Delta(*(value if math.isfinite(value) else None for value in values), units=estimate.units)


def _class_support(table: MatchTable, classes: Classes, groups: np.ndarray | None) -> dict[str, Support]:
    return {name: _support_of(table, [label], groups) for label, name in classes.items()}


def _support(table: MatchTable, part: Slice, groups: np.ndarray | None) -> Support:
    return _support_of(table, table.labels(), groups, AREA_NAMES.index(part.area), part.images)


def _support_of(
    table: MatchTable, labels: Iterable[int], groups: np.ndarray | None, area: int = 0, images: np.ndarray | None = None
) -> Support:
    """What is behind a figure, class by class: a byte an image, however many objects they hold."""
    objects, shows = 0, np.zeros(len(table.image_ids), np.bool_)
    for label in labels:
        rows = table.truth_rows(label)
        of_objects = table.truth_image[rows][table.truth["valid"][rows] >> area & 1 == 1]
        of_objects = of_objects if images is None else of_objects[images[of_objects]]
        objects += len(of_objects)
        shows[of_objects] = True
    in_groups = None if groups is None else len(np.unique(groups[shows]))
    return Support(objects, int(np.count_nonzero(shows)), in_groups)
