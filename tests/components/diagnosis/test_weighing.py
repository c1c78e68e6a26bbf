"""What signals make of a cause, and what becomes of one whose figures are no finite numbers."""

from __future__ import annotations

import math

import pytest

from ratchet.components.diagnosis.weighing import weighed
from ratchet.schemas.artifacts.diagnosis import OVERFITTING, CauseFinding, CauseState, Role, Signal

BLANK = CauseFinding(OVERFITTING, "", CauseState.OPEN, 0.0, "It may be.", "Train less.")


def signal(value: float, threshold: float = 1.0, std_error: float | None = 0.1) -> Signal:
    return Signal("figure", Role.SUSPECT, value, threshold, "ratio", True, "It was so much.", std_error)


@pytest.mark.parametrize("odd", [math.inf, -math.inf, math.nan])
@pytest.mark.parametrize("field", ["value", "threshold"])
def test_a_figure_that_is_no_finite_number_was_not_measured_and_counts_nothing(field: str, odd: float) -> None:
    finding = weighed(BLANK, [signal(2.0), signal(**{"value": 2.0, field: odd})])
    assert finding.probability == weighed(BLANK, [signal(2.0)]).probability
    sound, unsound = finding.signals
    assert sound == signal(2.0)
    assert (unsound.value, unsound.supports, unsound.std_error) == (None, None, None)
    assert math.isfinite(unsound.threshold)
    assert unsound.sentence == "Not measured, for a figure behind it is no finite number: It was so much."


def test_a_figure_without_a_sound_error_stays_one() -> None:
    [found] = weighed(BLANK, [signal(2.0, std_error=math.nan)]).signals
    assert found == signal(2.0, std_error=None)
