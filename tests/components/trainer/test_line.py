"""What is validated between start and end."""

from __future__ import annotations

import numpy as np
import pytest

from ratchet.components.trainer.line import along_the_line
from ratchet.components.trainer.loop import UnsoundWeightsError
from ratchet.schemas.artifacts.training_dynamics import LinePoint
from ratchet.schemas.artifacts.training_record import ValidationPoint

START = [np.array([0.0, 4.0], np.float32), np.array(1.0, np.float32)]
END = [np.array([4.0, 0.0], np.float32), np.array(1.0, np.float32)]


def test_points_lie_at_the_quarters_and_have_all_weights_blended() -> None:
    seen: list[list[float]] = []

    def validate(weights: list[np.ndarray]) -> ValidationPoint:
        seen.append([*weights[0].tolist(), float(weights[1])])
        assert weights[0].dtype == np.float32
        return ValidationPoint(9, weights[0][0] / 10, 0.5, None)

    line = along_the_line(START, END, validate)
    assert seen == [[1, 3, 1], [2, 2, 1], [3, 1, 1]]
    assert [(point.share, point.map) for point in line] == [(0.25, 0.1), (0.5, 0.2), (0.75, pytest.approx(0.3))]
    assert line[0] == LinePoint(0.25, 0.1, 0.5, None)


def test_a_point_at_which_the_model_finds_no_boxes_is_left_out() -> None:
    def validate(weights: list[np.ndarray]) -> ValidationPoint:
        if weights[0][0] == 2:
            raise UnsoundWeightsError("no boxes")
        return ValidationPoint(9, 0.5, None, 0.5)

    assert [point.share for point in along_the_line(START, END, validate)] == [0.25, 0.75]


@pytest.mark.parametrize("lost", [np.nan, np.inf])
def test_nothing_leads_to_weights_that_are_no_numbers(lost: float) -> None:
    end = [np.array([lost, 0.0], np.float32), END[1]]
    assert along_the_line(START, end, lambda weights: pytest.fail("nothing to validate")) == ()
