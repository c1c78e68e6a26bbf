"""Candidate and served model on logged requests, within a run."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

from ratchet.components.map_evaluator.inputs import EvaluatorInputs
from ratchet.components.map_evaluator.matches import DataSetMatches
from ratchet.components.metrics.image_errors import operating_points
from ratchet.components.requests.log import RequestLog
from ratchet.components.shadow.figures import usable_points
from ratchet.components.shadow.look import ShadowModel, look
from ratchet.components.shadow.looks import shadow_of
from ratchet.schemas.artifacts.evaluation import AS_SERVED, BASELINE, CANDIDATE
from ratchet.schemas.artifacts.shadow import Shadow
from ratchet.schemas.base.errors import InputError
from ratchet.schemas.base.progress import LOGGER


def measured_shadow(inputs: EvaluatorInputs, golden: DataSetMatches) -> Shadow | str | None:
    """What both models find in the log.

    A log that cannot be read ends no run: by now a candidate has been trained.

    Args:
        inputs: of the evaluator.
        golden: the matches of the golden set, which have the operating points.

    Returns:
        The figures, or why there are none; None where nothing is asked, or there is no baseline.
    """
    settings = inputs.settings.shadow
    if settings is None or BASELINE not in inputs.models:
        return None
    names, points = inputs.label_map.names, _points(inputs, golden)
    models = {
        name: ShadowModel(inputs.directories[name], inputs.digests[name], inputs.class_names[name], points[name])
        for name in (CANDIDATE, BASELINE)
    }
    try:
        log = RequestLog(settings.log, settings.images, "evaluator.shadow.log")
        looks = look(log, models, names, inputs.settings.batch_size)
    except InputError as error:
        LOGGER.warning("%s", error)
        return str(error)
    return shadow_of(looks, settings.log, names, points)


def _points(inputs: EvaluatorInputs, golden: DataSetMatches) -> Mapping[str, np.ndarray]:
    """By model the score from which on a detection of each label counts; of the baseline as it is served."""
    count, score = len(inputs.label_map.names), inputs.settings.shadow and inputs.settings.shadow.score
    if score is not None:
        return {name: np.full(count + 1, score) for name in (CANDIDATE, BASELINE)}
    served = AS_SERVED if AS_SERVED in golden.tables else BASELINE
    tables = {CANDIDATE: golden.tables[CANDIDATE], BASELINE: golden.tables[served]}
    return {name: usable_points(operating_points(table, count)) for name, table in tables.items()}
