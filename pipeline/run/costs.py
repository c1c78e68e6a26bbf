"""What steps were measured to take, by which a run is estimated: `costs.json`; pure.

The file is written by `make bench-costs` (benchmarks/costs.py) from measurements; no figure of it is typed in.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

from ratchet.components.trainer.model.model_settings import ModelSettings

COSTS_FILE = Path(__file__).with_name("costs.json")


@dataclass(frozen=True)
class StepCost:
    """A step that goes over images, in one process; CPU seconds, which one core gives in as many seconds.

    Attributes:
        start_s: whatever the data.
        image_s: of an image.
        megapixel_s: of a million of its pixels.
        base_bytes: of the process, whatever the data.
        image_bytes: of an image, for the memory that grows with their number.
    """

    start_s: float = 0.0
    image_s: float = 0.0
    megapixel_s: float = 0.0
    base_bytes: float = 0.0
    image_bytes: float = 0.0

    def seconds(self, images: int, megapixels: float) -> float:
        """Of so many images with so many million pixels each."""
        return images * (self.image_s + megapixels * self.megapixel_s)

    def memory_bytes(self, images: int) -> float:
        """At the peak."""
        return self.base_bytes + images * self.image_bytes


@dataclass(frozen=True)
class ModelCost:
    """A preset's model on a processor.

    Attributes:
        preset: its name.
        backbone: its type.
        options: of the backbone.
        fpn_filters: channels of the decoder.
        head_filters: channels of the heads.
        parameters: weights, statistics of batch norms included.
        step_pixel_s: CPU seconds of a training step, for each pixel of its images as the model sees them.
        look_pixel_s: CPU seconds of detections, for each of these pixels.
        first_s: CPU seconds that the first step and the first look take besides, in which graphs are traced.
        look_pixel_bytes: of memory, for each pixel of a batch of looks.
    """

    preset: str
    backbone: str
    options: Mapping[str, Any]
    fpn_filters: int
    head_filters: int
    parameters: int
    step_pixel_s: float
    look_pixel_s: float
    first_s: float
    look_pixel_bytes: float

    def is_of(self, model: ModelSettings) -> bool:
        """Whether it was measured with a model of this shape, whatever its input size and anchors."""
        return (
            (self.backbone, dict(self.options)) == (model.backbone.type, dict(model.backbone.options))
            and (self.fpn_filters, self.head_filters) == (model.fpn_filters, model.head_filters)
            and (model.family, model.decoder) == ("retinanet", "fpn")
        )


@dataclass(frozen=True)
class Costs:
    """All of it.

    Attributes:
        machine: that it was measured on, for a person.
        steps: by name.
        models: of the presets.
    """

    machine: str
    steps: Mapping[str, StepCost]
    models: tuple[ModelCost, ...]

    def model(self, settings: ModelSettings) -> tuple[ModelCost, bool]:
        """What a model costs, and whether it is one that was measured; else it is the nearest that was.

        Args:
            settings: of the model.
        """
        exact = next((cost for cost in self.models if cost.is_of(settings)), None)
        if exact is not None:
            return exact, True
        by_size = sorted(self.models, key=lambda cost: cost.parameters)
        if settings.backbone.type.startswith("mobile"):
            return next((cost for cost in by_size if cost.backbone.startswith("mobile")), by_size[-1]), False
        return (by_size[0] if _is_narrow(settings) else by_size[-1]), False


def _is_narrow(settings: ModelSettings) -> bool:
    """Whether decoder and heads, which a ResNet's stride 8 makes the larger part of the work, have few channels."""
    return max(settings.fpn_filters, settings.head_filters) <= 64


@cache
def measured_costs(file: Path = COSTS_FILE) -> Costs:
    """Reads the file.

    Args:
        file: as `benchmarks.costs` writes it.
    """
    values = json.loads(file.read_text(encoding="utf-8"))
    return Costs(
        machine=values["machine"],
        steps={name: StepCost(**cost) for name, cost in values["steps"].items()},
        models=tuple(ModelCost(**cost) for cost in values["models"]),
    )
