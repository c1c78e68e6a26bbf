"""How far labels may be from what a model finds: the configuration's `data_gate.labels`."""

from __future__ import annotations

from typing import Annotated

from pydantic import Field

from ratchet.schemas.base.settings import settings

Share = Annotated[float, Field(ge=0, le=1)]


@settings
class LabelLimits:
    """How far labels may be from what the served model finds, beyond how far the golden set's are: docs/data-gate.md.

    Attributes:
        min_objects: fewer labelled objects that the model finds are too few to judge labels by.
        offset: median displacement of the boxes, as a fraction of their size.
        size: boxes that are too loose or too tight: median ln(label's size / detection's size), as it differs from the
            golden set's; 0.05 is 5 %.
        jitter: boxes drawn carelessly: standard deviation around where the golden set has them, beyond its own, as a
            fraction of their size.
        box_format: share of boxes that fit only when their numbers are read in another format, such as corners.
        classes: two classes mixed up: share of what looks like one class that is labelled as a certain other one.
        noise: share of objects with a wrong class here and there, beyond two that are mixed up.
        missing: share of objects without a label.
        found: share of labels that fit nothing that the served model sees.
    """

    min_objects: Annotated[int, Field(ge=1)] = 30
    offset: Share = 0.05
    size: Share = 0.05
    jitter: Share = 0.06  # draws from natural images of two data sets reach .05
    box_format: Share = 0.02
    classes: Share = 0.1
    noise: Share = 0.1
    missing: Share = 0.1
    found: Share = 0.05
