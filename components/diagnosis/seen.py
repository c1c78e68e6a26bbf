"""What figures the diagnosis was tried on: by one far beyond all of them no cause is named; pure.

`seen.json` is written by `python -m benchmarks.seen_signals`, from calibration cases of the bench.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path

from ratchet.schemas.artifacts.diagnosis import CauseFinding, Signal
from ratchet.schemas.base.persisted import PersistedFormat

SEEN_FILE = Path(__file__).with_name("seen.json")
_WIDER = 10.0  # times as far from the threshold as the farthest that was seen; what is farther is taken for no figure


@dataclass(frozen=True)
class SeenSignals:
    """The lowest and the highest value of each signal in bench cases.

    Attributes:
        cases: how many there were.
        ranges: by `CAUSE/NAME`; a signal that is not there was never measured.
    """

    cases: int
    ranges: Mapping[str, tuple[float, float]]

    def beyond(self, finding: CauseFinding) -> str:
        """Which figure in favour of a cause is far beyond all that were seen, in words; empty where none is."""
        for signal in finding.signals:
            ends = self.ranges.get(f"{finding.cause}/{signal.name}")
            if signal.supports and ends is not None and _is_beyond(signal, *ends):
                tried = f"{ends[0]:.3g} to {ends[1]:.3g} in the {self.cases} cases that it was tried on"
                return f"{signal.name} = {signal.value:.3g} ({signal.unit}; {tried})"
        return ""


SEEN_FORMAT = PersistedFormat(
    SeenSignals, "ranges of signals", 1, "install Ratchet again", sort_keys=True, allow_nan=False
)


@cache
def seen_signals() -> SeenSignals:
    """Those of this version.

    Raises:
        OSError: the file is missing: the installation is broken.
        StateError: it is spoilt.
    """
    return SEEN_FORMAT.read(SEEN_FILE.read_bytes(), SEEN_FILE.name)


def _is_beyond(signal: Signal, lowest: float, highest: float) -> bool:
    """On the side of the threshold where it speaks for the cause; nothing is known of one that nothing was seen on."""
    if signal.value is None:
        return False
    farthest = highest if signal.value > signal.threshold else lowest
    seen, own = farthest - signal.threshold, signal.value - signal.threshold
    return seen * own > 0 and abs(own) > _WIDER * abs(seen)
