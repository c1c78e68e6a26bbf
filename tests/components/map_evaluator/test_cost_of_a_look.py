"""What docs/evaluation.md says a look at the golden set costs, by simulation."""

from __future__ import annotations

import re
from pathlib import Path

import numpy as np
import pytest

from ratchet.components.map_evaluator.settings import EvaluatorSettings

TEXT = (Path(__file__).resolve().parents[3] / "docs" / "evaluation.md").read_text(encoding="utf-8")
ROWS = [(int(looks), float(share)) for looks, share in re.findall(r"^\| (\d+) \| (\d\.\d\d) \|$", TEXT, re.M)]


def inflation(looks: int) -> float:
    """By how much the served figure is too high after retrainings that taught nothing, in half widths of the interval.

    Each model's figure is off by noise of its own; a candidate is pushed when its figure is no lower than the served
    one's. The interval is that of a difference of two such figures.
    """
    noise = np.random.default_rng(0).normal(size=(20_000, looks + 1))
    served = noise[:, 0]
    for candidate in noise.T[1:]:
        served = np.where(candidate >= served, candidate, served)
    return float(served.mean() / (1.96 * np.sqrt(2)))


@pytest.mark.parametrize(("looks", "share"), ROWS)
def test_what_is_served_is_overrated_by_as_much_as_is_written(looks: int, share: float) -> None:
    assert inflation(looks) == pytest.approx(share, abs=0.01)


def test_the_default_budget_is_among_them() -> None:
    assert EvaluatorSettings().golden_budget in dict(ROWS)
    assert len(ROWS) >= 4
