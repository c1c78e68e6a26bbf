"""Data sets in figures, without files, and what is proposed for them, once a process."""

from __future__ import annotations

import functools
from collections.abc import Mapping, Sequence

import numpy as np

from ratchet.components.trainer.model.data_fit import BoxShapes
from ratchet.pipeline.config.proposal.choices import Architecture, fit_architecture, starting_point
from ratchet.pipeline.config.proposal.figures import DataFigures
from ratchet.pipeline.config.proposal.machine import Machine
from ratchet.pipeline.config.proposal.proposal import Proposal
from ratchet.pipeline.config.proposal.proposal import propose as propose_anew

GIB = 1 << 30
LAPTOP = Machine(16 * GIB, cores=8)
GPU = Machine(16 * GIB, cores=8, gpus=1)


def figures(
    image: tuple[int, int],
    boxes: Sequence[tuple[float, float]],
    images: int = 300,
    classes: Mapping[str, int] | None = None,
    objects_an_image: int | None = None,
    attributes: Mapping[str, int] | None = None,
) -> DataFigures:
    """Equal images of (height, width), which have the boxes (height, width) in turn."""
    rows = np.arange(len(boxes)) % images
    counts = np.bincount(rows, minlength=images)
    return DataFigures(
        directory="data/span-1",
        shapes=BoxShapes(np.tile(np.array([image], float), (images, 1)), np.array(boxes, float), rows),
        class_boxes=classes or {"car": len(boxes)},
        objects_an_image=counts if objects_an_image is None else np.full(images, objects_an_image),
        attributes=attributes or {},
    )


def scattered(short_px: float, long_px: float, count: int = 900, seed: int = 0) -> list[tuple[float, float]]:
    """Boxes (height, width) whose sides lie between two lengths, as objects near and far have them."""
    drawn = np.random.default_rng(seed).uniform(short_px, long_px, (count, 1)) * np.array([[1.0, 0.8]])
    return [(float(height), float(width)) for height, width in drawn]


DIGITS = figures((128, 128), [(h, h * 0.67) for h, _ in scattered(20, 45)], classes={str(i): 90 for i in range(10)})
STREET = figures((720, 1280), scattered(40, 200), classes={"car": 500, "person": 400})
SURVEY = figures((3000, 4000), scattered(25, 60), classes={"boat": 900})


@functools.cache
def propose(data: DataFigures, machine: Machine) -> Proposal:
    """What is proposed; anchors take a second to be found."""
    return propose_anew(data, machine)


@functools.cache
def fitted(data: DataFigures, machine: Machine = LAPTOP) -> Architecture:
    """What follows from the sizes."""
    return fit_architecture(data, machine, starting_point(data, machine))
