"""What a person asks for who adopts a model."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from ratchet.components.adoption.answers import Order


@dataclass(frozen=True)
class AdoptRequest:
    """What a person asks for.

    Attributes:
        model: directory of the SavedModel, or one that holds it as `saved_model`.
        labels: its label file; None: of the configuration, or of a model that Ratchet trained.
        golden: the golden set.
        root: pipeline root, which need not be there.
        by: who adopts it.
        reason: why.
        name: of the pipeline; None: that of the root, the configuration or `detector`.
        signature: to call; None: the usual one.
        boxes: the order of the four numbers of a box; None: as toolkits have them.
        first_class: the number of the first class; None: as the label file says, or 1.
        pipeline_config: how the model was trained, a configuration of its toolkit; None: nothing is known of it.
        config: see `adoption_settings`.
        overrides: the same.
    """

    model: Path
    labels: Path | None
    golden: Path
    root: Path
    by: str
    reason: str
    name: str | None = None
    signature: str | None = None
    boxes: Order | None = None
    first_class: int | None = None
    pipeline_config: Path | None = None
    config: str | None = None
    overrides: tuple[str, ...] = ()
