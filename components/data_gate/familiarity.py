"""How near an image is to what the served model was trained on, as its own backbone sees it; pure."""

from __future__ import annotations

import numpy as np

from ratchet.components.data_gate.drift import BLOCK
from ratchet.components.data_gate.embeddings import distances, projection

_NEAREST = 5  # training images that an image is held against


def familiarity(training: np.ndarray, span: np.ndarray) -> np.ndarray:
    """How near images are to training images, beside how near these are to each other.

    Distances are to the nearest training images in standardised principal components. Of a training image its
    neighbours in the order of delivery do not count: frames of one scene repeat each other, and the next scene is no
    less familiar for that.

    Args:
        training: [n, d] embeddings of images that the model was trained on, in the order in which they were delivered.
        span: [m, d] embeddings of images by the same model.

    Returns:
        [m] shares in 0..1 of the training images that lie at least as far from the others (conformal p-values): of
        images of the same world as likely to be small as large, and next to 0 for images that the model does not know.
        All 1 if there are too few training images to tell, or no embeddings.

    >>> familiarity(np.zeros((0, 3)), np.ones((2, 3)))
    array([1., 1.])
    """
    if len(training) < 4 * _NEAREST or not training.shape[1]:
        return np.ones(len(span))
    project = projection(training)
    known, asked = project(training), project(span)
    among = distances(known, known)
    places, block = np.arange(len(known)), min(BLOCK, len(known) // 8)
    among[np.abs(places[:, None] - places) <= max(0, block - 1)] = np.inf
    usual = np.sort(_to_nearest(among))
    farther = len(usual) - np.searchsorted(usual, _to_nearest(distances(asked, known)), side="left")
    return (farther + 1) / (len(usual) + 1)


def _to_nearest(each: np.ndarray) -> np.ndarray:
    return np.partition(each, _NEAREST - 1, axis=1)[:, :_NEAREST].mean(axis=1)
