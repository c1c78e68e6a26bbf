"""The MapEvaluator's part of the configuration."""

from __future__ import annotations

from typing import Annotated

from pydantic import Field

from schemas.settings import settings


@settings
class EvaluatorSettings:
    """What a candidate must reach; mAP is a fraction, 0..1.

    Attributes:
        min_map: no model below it is served, not even a first one.
        margin: how far mAP may fall below the baseline's.
        tolerance: a drop this large must be outside the 95 % interval of the difference; with a golden
            set too small for that the run is inconclusive, which blocks too.
        resamples: bootstrap resamples behind the interval.
        seed: of the resampling.
        batch_size: images a prediction call.
    """

    min_map: Annotated[float, Field(gt=0, le=1)] = 0.01
    margin: Annotated[float, Field(ge=0, le=1)] = 0.0
    tolerance: Annotated[float, Field(ge=0, le=1)] = 0.03
    resamples: Annotated[int, Field(ge=100, le=100_000)] = 1000
    seed: Annotated[int, Field(ge=0, lt=2**31)] = 0
    batch_size: Annotated[int, Field(ge=1, le=1024)] = 16
