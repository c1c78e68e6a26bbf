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
        min_ap: the candidate's AP must reach it, a first model's too; None: any will do.
        margin: how far the AP may fall below the baseline's, significant or not; None: only a significant fall counts.
        drop: instead of `class_drop` or `slice_drop`; 1 switches the test off; None: as for all others.
    """

    min_ap: Fraction | None = None
    margin: Fraction | None = None
    drop: Fraction | None = None


@settings
class SecondOpinionSettings:
    """What a candidate must not lose on images that have chosen nothing, `data.held_out_fraction` of every span:
    docs/second-opinion.md. The whole group may be null: then nothing is asked of them.

    Attributes:
        pushes_ago: how many pushes back one of the earlier models lies that it is held against, beside the best one.
        gain: a candidate that measures lower there is blocked where a real gain of mAP as large as this is excluded;
            such a gain is blocked, by all comparisons together, at most as often as `significance` says.
        max_images: held-out images in all; of the earlier spans' a fixed random sample is taken.
        min_images: with fewer held-out images nothing is tested.
        min_objects: with fewer labelled objects in them nothing is tested either.
    """

    pushes_ago: Annotated[int, Field(ge=1)] = 5
    gain: Limit = 0.01
    max_images: Annotated[int, Field(ge=1)] = 2000
    min_images: Annotated[int, Field(ge=2)] = 20
    min_objects: Annotated[int, Field(ge=1)] = 20


@settings
class ShadowSettings:
    """Candidate and served model on logged requests, which nobody has labelled: docs/shadow.md.

    Attributes:
        log: directory of the logged requests, as of `ratchet log-sample`.
        max_disagreement: share of the objects about which the two may disagree; above it the run is INCONCLUSIVE, until
            a person has looked and approves. None: it is measured and shown, and holds nothing.
        images: logged images to look at, at most, the newest.
        min_images: with fewer there is too little to judge by, and the run is held, too.
        score: from which on detections of both models count, where clients use one; None: from each model's own
            operating points on the golden set.
    """

    log: Annotated[str, Field(min_length=1)]
    max_disagreement: Fraction | None = None
    images: Annotated[int, Field(ge=2)] = 500
    min_images: Annotated[int, Field(ge=2)] = 20
    score: Fraction | None = None


@settings
class EvaluatorSettings:
    """What a candidate must reach to be pushed: docs/evaluation.md. mAP is a fraction, 0..1. A rule set to null is not
    applied.

    Attributes:
        min_map: no model with a lower mAP on the golden set is served, not even a first one.
        margin: how far mAP may fall below `bar` and still pass.
        bar: what mAP is held against: `baseline`, the served model's; `high_water`, that of the best model that was
            served on this golden set, which differs where an approval or a margin has let it fall.
        tolerance: a fall of mAP this large must be excluded by the 95 % interval of the difference. With a golden set
            too small for that the run is INCONCLUSIVE, which blocks too.
        class_drop: no class's AP may fall significantly by more than this.
        slice_drop: no slice's mAP may (object sizes, and attributes named in `slice_by`).
        per_class: limits of single classes, by name.
        per_slice: limits of single slices, by name: `object_size=small`, `camera=north`.
        significance: chance, over all classes and slices together, of a block where none fell.
        min_objects: a class or slice with fewer objects in the golden set is not tested.
        min_object_images: a class or slice whose objects are in fewer golden images is not tested either.
        max_detections: how many detections of each image and class count, the best ones (COCO's maxDets). Raise it
            where golden images hold more objects of a class than this.
        slice_by: attributes of images, such as `camera`, each value of which is a slice with figures of its own.
        bootstrap_by: attribute whose values are the independent units, such as `recording`, because frames of one are
            alike; None: each image is one.
        resamples: bootstrap resamples behind the intervals; more take longer and steady the intervals' ends.
        seed: what the resampling draws follows from it.
        min_golden_images: a golden set with fewer images decides nothing: no candidate is pushed.
        min_golden_objects: a golden set with fewer labelled objects decides nothing either.
        golden_budget: decisions that one golden set may make, because it wears out with every look; a candidate after
            that is not pushed.
        train_sample: training images that both models are also measured on, which shows overfitting; 0: none.
        batch_size: images a prediction call; lower it if memory runs out.
        second_opinion: the rules on held-out images.
        max_latency_ms: how many milliseconds a single image may take on this machine, a first model's too; None: any.
        max_latency_ratio: how many times as long as the baseline's a single image may take, such as 1.2; None: any.
        max_size_ratio: how many times as large as the baseline's the SavedModel may be; None: any.
        shadow: what the two models find in logged requests; None: that is not asked.
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
    shadow: ShadowSettings | None = None
