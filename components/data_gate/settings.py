"""The DataGate's part of the configuration."""

from __future__ import annotations

import dataclasses
import math
from typing import Annotated, Literal, Optional

from pydantic import Field, model_validator

from ratchet.components.labels.limits import LabelLimits
from ratchet.schemas.artifacts.data_evidence import EMBEDDING
from ratchet.schemas.base.settings import settings
from ratchet.schemas.data import features

Share = Annotated[float, Field(ge=0, le=1)]


@settings
class FactLimits:
    """Shares, 0..1, beyond which a span is rejected for what needs no model to see; from a tenth of them on a person is
    told: docs/data-gate.md.

    Attributes:
        repeated_objects: objects that are labelled twice. Natural data has a few in a thousand; a tenth is an export
            that was merged with itself.
        blank: images that are nearly black, nearly white or flat.
        outside_content: objects that lie on a border without content, as of a letter box.
        unlabelled_end: images that come last and have no object although the others have.
        without_objects: images without an object; told from half of the images on.
        small: objects that are smaller than the detector's finest stride once images are resized; warns only.
        min_objects: objects that each class should have for a first model; fewer warn only.
    """

    repeated_objects: Share = 0.1
    blank: Share = 0.1
    outside_content: Share = 0.1
    unlabelled_end: Share = 0.1
    without_objects: Share = 0.95
    small: Share = 0.1
    min_objects: Annotated[int, Field(ge=1)] = 10


# What a person would notice and a detector suffers from, in the unit of `drift.effect_size`; a feature that is not here
# is reported and never stops a run.
MINIMUM_EFFECT = {
    features.QA_BRIGHTNESS: 0.12,  # ln: 13 % brighter or darker
    features.QA_CONTRAST: 0.2,
    features.QA_SHARPNESS: 0.4,
    features.QA_RED_CAST: 0.08,  # ln: 8 % more or less red than green
    features.QA_BLUE_CAST: 0.08,
    # Blood cells and cards: natural spans move by up to .064 of the circle and .31 (ln); a turn of .1 by .097, pixel
    # noise of 10 and 20 levels by .48 to 1.8 and 1.5 to 2.4, the less the harder the JPEGs were compressed.
    features.QA_HUE: 0.075,
    features.QA_NOISE: 0.45,
    features.QA_BOX_LOG_AREA: 0.25,  # ln: 28 % more or less area
    features.QA_BOX_LOG_ASPECT: 0.25,
    features.BOX_CLASS: 0.25,  # share of the boxes
    EMBEDDING: 0.04,  # of the length of the mean embedding
}

# The same where the served model copes with the span: a world that moves is what a detector is retrained for, but from
# here on a person should look first. A third more than the farthest that spans, and halves of spans, of playing cards
# before two cameras moved, the widest of three sets of natural spans. A source may be new altogether, and what images
# look like to the backbone does not outvote what the model finds in them.
WIDE_EFFECT = {
    features.QA_BRIGHTNESS: 0.6,  # moved by 0.47
    features.QA_CONTRAST: 0.5,  # 0.32
    features.QA_SHARPNESS: 1.8,  # 1.34
    features.QA_RED_CAST: 0.22,  # 0.10; as blue
    features.QA_BLUE_CAST: 0.22,  # 0.16
    features.QA_BOX_LOG_AREA: 0.85,  # 0.63
    features.QA_BOX_LOG_ASPECT: 0.35,  # 0.23
    features.BOX_CLASS: 0.45,  # 0.31
}
_MINIMUM_OF_SOURCES = 0.3


@settings
class DataGateSettings:
    """What may stop a run before training.

    Attributes:
        mode: `enforce` stops the run on a failed rule; `observe` records it and lets the run go on, unless without it
            no candidate could be measured (`classes:golden_set`, `classes:served_model`, `golden_boxes`).
        min_examples: fewer images than this on either side are too few to tell drift from chance.
        minimum_effect: effect sizes that features need, besides a distance beyond chance, to stop a run; over the
            table below: `{qa/brightness: 0.3}`.
        wide_effect: effect sizes from which on a drift stops a run although the served model copes with the span; over
            the table below.
        coping: share of its recall, and F1, on golden images like the span's by which the served model may do worse in
            the span and still cope with it.
        embedding: how far the span may be from the training data for the served model's backbone (energy coefficient,
            0..1), beyond what the training data reaches against itself.
        serving_log: directory of logged requests to compare the span with (training-serving skew); None: no skew is
            measured.
        serving_images: logged images that are looked at, the newest ones.
        audit_images: images of the span, and of the golden set, that the served model is shown to judge labels by.
        bad_boxes: share of boxes that may be unusable; they are left out. More reject the span.
        accept_new_golden: measure with this golden set although the served model was accepted on another; for the one
            run in which the golden set is exchanged.
        labels: limits of the annotation checks.
        facts: limits of what is counted without a model.
    """

    mode: Literal["enforce", "observe"] = "enforce"
    min_examples: Annotated[int, Field(ge=2)] = 20
    minimum_effect: dict[str, Annotated[float, Field(ge=0)]] = dataclasses.field(default_factory=dict)
    wide_effect: dict[str, Annotated[float, Field(ge=0)]] = dataclasses.field(default_factory=dict)
    coping: Share = 0.1
    embedding: Share = 0.1
    serving_log: Optional[str] = None
    serving_images: Annotated[int, Field(ge=10)] = 1000
    audit_images: Annotated[int, Field(ge=10)] = 400
    bad_boxes: Share = 0.01
    accept_new_golden: bool = False
    labels: LabelLimits = dataclasses.field(default_factory=LabelLimits)
    facts: FactLimits = dataclasses.field(default_factory=FactLimits)

    @model_validator(mode="after")
    def _features_are_known(self) -> DataGateSettings:
        for setting in ("minimum_effect", "wide_effect"):
            unknown = sorted(set(getattr(self, setting)) - set(features.FEATURE_TITLES) - {EMBEDDING})
            if any(not name.startswith(features.SOURCE_PREFIX) for name in unknown):
                raise ValueError(
                    f"data_gate.{setting}.{unknown[0]}: no such feature; known are "
                    f"{', '.join(features.FEATURE_TITLES)}, {EMBEDDING} and {features.SOURCE_PREFIX}NAME"
                )
        return self

    def minimum_effect_of(self, feature: str) -> float | None:
        """How far a feature has to move to stop a run; None if it never does."""
        is_source = feature.startswith(features.SOURCE_PREFIX)
        default = _MINIMUM_OF_SOURCES if is_source else MINIMUM_EFFECT.get(feature)
        return self.minimum_effect.get(feature, default)

    def agreed_effect_of(self, feature: str) -> float:
        """How far a feature has to move to stop a run where the served model does not cope with the span.

        Half of a wide effect: two thirds of the farthest that natural spans moved. A new source, and images that look
        strange to the backbone, are what a model that does not know a world yet says of it: no fault by themselves.
        """
        minimum, wide = self.minimum_effect_of(feature) or 0.0, self.wide_effect_of(feature)
        is_of_worlds = feature == EMBEDDING or feature.startswith(features.SOURCE_PREFIX)
        return max(minimum, wide / 2) if math.isfinite(wide) or is_of_worlds else minimum

    def wide_effect_of(self, feature: str) -> float:
        """How far a feature has to move to stop a run although the served model copes."""
        default = WIDE_EFFECT.get(feature, math.inf)
        return max(self.wide_effect.get(feature, default), self.minimum_effect_of(feature) or 0.0)
