from __future__ import annotations

import numpy as np
import pytest

from ratchet.components.trainer.model.anchor_fit import anchor_sizes_px
from ratchet.components.trainer.model.model_settings import AnchorSettings

pytestmark = pytest.mark.tensorflow


def test_anchors_are_fitted_in_the_sizes_and_places_that_tf_models_generates() -> None:
    from official.vision.ops import anchor

    settings = AnchorSettings(num_scales=3, aspect_ratios=(0.4, 2.5), size=2.6)
    generate = anchor.build_anchor_generator(
        min_level=3,
        max_level=4,
        num_scales=settings.num_scales,
        aspect_ratios=list(settings.aspect_ratios),
        anchor_size=settings.size,
    )
    for level, boxes in generate(image_size=[64, 96]).items():
        low, high = np.split(np.reshape(boxes[1, 2], [-1, 4]), 2, axis=1)  # [6, yx]
        assert high - low == pytest.approx(anchor_sizes_px(settings, int(level)), rel=1e-5)
        middle = np.array([1.5, 2.5]) * 2 ** int(level)
        assert (low + high) / 2 == pytest.approx(np.tile(middle, (6, 1)), rel=1e-5)
