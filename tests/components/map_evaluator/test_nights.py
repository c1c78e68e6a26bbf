"""Many nights on which nothing really gets better, by simulation: the second opinion keeps true mAP up."""

from __future__ import annotations

import dataclasses

import numpy as np
import pytest

from benchmarks.nights import Outcome, World, simulate
from ratchet.components.map_evaluator.settings import EvaluatorSettings
from tests.nightly import NIGHTLY, often

HISTORIES = often(25, nightly=200)
WITHOUT = EvaluatorSettings(second_opinion=None)
SIZES = [(500, 300), (2000, 300)] + ([(500, 100), (500, 500), (2000, 100), (2000, 500)] if NIGHTLY else [])
EVERY_SIZE = pytest.mark.parametrize(("golden", "span"), SIZES)


def lost(outcomes: list[Outcome]) -> float:
    """By how much true mAP fell, in the mean of the histories."""
    return -float(np.mean([outcome.true_change for outcome in outcomes]))


@EVERY_SIZE
@pytest.mark.parametrize("drift", [0.0, -0.0005])
def test_over_200_nights_without_progress_true_map_falls_by_no_more_than_005(
    golden: int, span: int, drift: float
) -> None:
    outcomes = simulate(World(golden=golden, span=span, drift=drift), EvaluatorSettings(), HISTORIES, gains=0)
    assert lost(outcomes) <= 0.005


@EVERY_SIZE
def test_real_gains_of_01_pass_on_the_first_night_and_on_the_last(golden: int, span: int) -> None:
    world = World(golden=golden, span=span)
    passed = np.mean([outcome.gains for outcome in simulate(world, EvaluatorSettings(), HISTORIES, gains=40)], axis=0)
    assert passed.min() >= 0.9


def test_the_golden_set_alone_is_fitted_while_true_map_falls() -> None:
    # So the simulation shows what the second opinion is for, and the tests above would notice its absence.
    outcomes = simulate(World(drift=-0.001), WITHOUT, HISTORIES, gains=0)
    assert lost(outcomes) > 0.01
    assert np.mean([outcome.measured_change for outcome in outcomes]) > 0.05


def test_with_few_held_out_images_less_is_seen_and_more_is_lost() -> None:
    few, many = (World(span=span, drift=-0.001) for span in (30, 500))
    assert lost(simulate(few, EvaluatorSettings(), HISTORIES, gains=0)) > lost(
        simulate(many, EvaluatorSettings(), HISTORIES, gains=0)
    )


def test_the_same_seed_gives_the_same_history() -> None:
    world = dataclasses.replace(World(), nights=20)
    assert simulate(world, EvaluatorSettings(), 1) == simulate(world, EvaluatorSettings(), 1)
