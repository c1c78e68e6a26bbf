"""How far weights went, part by part, and how far batch norms."""

from __future__ import annotations

import numpy as np
import pytest

from ratchet.components.trainer.moved import NormWeights, PartWeights, distance, parts_moved
from ratchet.schemas.artifacts.training_dynamics import PartMoved

START = [np.array([3.0, 4.0]), np.array([0.0, 1.0]), np.array([3.99, 0.24]), np.array([1.0])]
PARTS = {"backbone": PartWeights((0,), (NormWeights(1, 2, 0.01),)), "head": PartWeights((3,), ())}


def ended(**changed: list[float]) -> dict[str, PartMoved]:
    end = [np.array(changed.get(f"w{i}", weight)) for i, weight in enumerate(START)]
    return parts_moved(PARTS, START, end)


def test_what_did_not_move_is_at_0() -> None:
    assert ended() == {"backbone": PartMoved(0.0, 0.0), "head": PartMoved(0.0, None)}


def test_the_distance_is_relative_to_the_start() -> None:
    assert ended(w0=[3.0, 5.0])["backbone"].distance == pytest.approx(0.2)
    assert ended(w3=[-1.0])["head"].distance == pytest.approx(2.0)
    assert distance([0, 3], START, [np.array([3.0, 5.0]), *START[1:]]) == pytest.approx(1 / np.sqrt(26))
    assert distance([], START, START) == 0


def test_the_shift_of_a_norm_is_in_what_it_divided_by_at_the_start() -> None:
    moved = ended(w1=[1.0, 1.5], w2=[100.0, 100.0])["backbone"]
    assert moved.distance == 0  # statistics are no trained weights
    assert moved.norm_shift == pytest.approx((1 / 2 + 0.5 / 0.5) / 2)


@pytest.mark.parametrize("lost", [np.nan, np.inf])
def test_a_part_of_weights_that_are_no_numbers_is_left_out(lost: float) -> None:
    assert set(ended(w0=[3.0, lost])) == {"head"}
    assert ended(w1=[lost, 1.0])["backbone"] == PartMoved(0.0, None)
