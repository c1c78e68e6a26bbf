"""The MapEvaluator's part of the configuration."""

from __future__ import annotations

import dataclasses
from typing import Annotated, Literal

from ratchet.components.metrics.limits import LARGEST_LIMIT, MAX_DETECTIONS
from ratchet.schemas.artifacts.decisions import DEFAULT_GOLDEN_BUDGET
from ratchet.schemas.base.plain_settings import Field, settings

Fraction = Annotated[float, Field(ge=0, le=1)]
Limit = Annotated[float, Field(gt=0)]


@settings
class SliceRules:
    """Limits of one class or slice; AP is a fraction, 0..1.

    Attributes:
        min_ap: the candidate's AP must reach it.
        margin: how far the AP may fall below the baseline's, significant or not.
        drop: instead of `class_drop` or `slice_drop`; 1 switches the test off.
    """

    min_ap: Fraction | None = None
    margin: Fraction | None = None
    drop: Fraction | None = None


@settings
class SecondOpinionSettings:
    """What a candidate must not lose on images that have chosen nothing: docs/second-opinion.md.

    Attributes:
        pushes_ago: how far back one of the earlier models lies that it is held against.
        gain: a candidate that measures lower there is blocked where a real gain of mAP as large as this is excluded;
            such a gain is blocked, by all comparisons together, at most as often as `significance` says.
        max_images: held-out images in all; of the earlier spans' a fixed random sample is taken.
        min_images: with fewer of them nothing is tested.
        min_objects: nor with fewer objects.
    """

    pushes_ago: Annotated[int, Field(ge=1)] = 5
    gain: Limit = 0.01
    max_images: Annotated[int, Field(ge=1)] = 2000
    min_images: Annotated[int, Field(ge=2)] = 20
    min_objects: Annotated[int, Field(ge=1)] = 20


@settings
class EvaluatorSettings:
    """What a candidate must reach; mAP is a fraction, 0..1. A rule set to null is not applied.

    Attributes:
        min_map: no model below it is served, not even a first one.
        margin: how far mAP may fall below the baseline's.
        bar: what mAP is held against: the baseline's, or where an approval has lowered that, the best that was served
            on this golden set.
        tolerance: a drop this large must be outside the 95 % interval of the difference; with a golden
            set too small for that the run is inconclusive, which blocks too.
        class_drop: no class may fall significantly by more than this.
        slice_drop: no slice may.
        per_class: limits of single classes, by name.
        per_slice: limits of single slices, by name: `object_size=small`, `camera=north`.
        significance: chance, over all classes and slices together, of a block where none fell.
        min_objects: a class or slice with fewer objects in the golden set is not tested.
        min_object_images: nor one whose objects are in fewer images.
        max_detections: how many detections of each image and class count, the best ones (COCO's maxDets); as many as
            the golden images hold objects of a class.
        slice_by: attributes of images, such as `camera`, each value of which is a slice.
        bootstrap_by: attribute whose values are the independent units, such as `recording`; images if null.
        resamples: bootstrap resamples behind the intervals.
        seed: of the resampling.
        min_golden_images: a golden set with fewer images decides nothing.
        min_golden_objects: nor one with fewer objects.
        golden_budget: decisions that one golden set may make; a candidate after that is not pushed.
        train_sample: training images that both models are also measured on.
        batch_size: images a prediction call.
        second_opinion: the rules on held-out images.
        max_latency_ms: how long a single image may take on this machine, a first model's too.
        max_latency_ratio: that time as a multiple of the baseline's.
        max_size_ratio: the SavedModel's bytes as a multiple of the baseline's.
    """

    min_map: Annotated[float, Field(gt=0, le=1)] | None = 0.01
    margin: Fraction | None = 0.0
    bar: Literal["baseline", "high_water"] = "baseline"
    tolerance: Fraction | None = 0.03
    class_drop: Fraction | None = 0.05
    slice_drop: Fraction | None = 0.05
    per_class: dict[str, SliceRules] = dataclasses.field(default_factory=dict)
    per_slice: dict[str, SliceRules] = dataclasses.field(default_factory=dict)
    significance: Annotated[float, Field(gt=0, lt=1)] = 0.05
    min_objects: Annotated[int, Field(ge=1)] = 20
    min_object_images: Annotated[int, Field(ge=2)] = 10
    max_detections: Annotated[int, Field(ge=1, le=LARGEST_LIMIT)] = MAX_DETECTIONS
    slice_by: tuple[str, ...] = ()
    bootstrap_by: str | None = None
    resamples: Annotated[int, Field(ge=100, le=100_000)] = 1000
    seed: Annotated[int, Field(ge=0, lt=2**31)] = 0
    min_golden_images: Annotated[int, Field(ge=1)] = 10
    min_golden_objects: Annotated[int, Field(ge=1)] = 20
    golden_budget: Annotated[int, Field(ge=1)] = DEFAULT_GOLDEN_BUDGET
    train_sample: Annotated[int, Field(ge=0)] = 500
    batch_size: Annotated[int, Field(ge=1, le=1024)] = 16
    second_opinion: SecondOpinionSettings | None = dataclasses.field(default_factory=SecondOpinionSettings)
    max_latency_ms: Limit | None = None
    max_latency_ratio: Limit | None = None
    max_size_ratio: Limit | None = None
