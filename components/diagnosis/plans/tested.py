"""No cause of which no input is known to have changed: what it looks like is told, and what would test it; pure.

Two trainings whose data or configurations nobody brought may show what a cause does, as a loss that falls while mAP
falls, or boxes drawn otherwise. Several causes do that, and which of their inputs changed is the test.
"""

from __future__ import annotations

from dataclasses import replace

from ratchet.components.diagnosis.weighing import NAMED
from ratchet.schemas.artifacts.diagnosis import CauseFinding, CauseState, Role


def only_tested(finding: CauseFinding) -> CauseFinding:
    """A supported finding as an open one where none of its suspects was measured.

    Args:
        finding: of two trainings.
    """
    suspects = [signal for signal in finding.signals if signal.role is Role.SUSPECT]
    if finding.state is not CauseState.SUPPORTED or any(signal.supports for signal in suspects):
        return finding
    shown = next((signal.sentence for signal in finding.signals if signal.supports), finding.sentence)
    test = next((signal.sentence for signal in suspects if signal.value is None), finding.action)
    told = f"{shown} Whether an input changed that does so is not known."
    return replace(finding, state=CauseState.OPEN, probability=NAMED, sentence=told, action=test, share=None)


def looks_like(finding: CauseFinding) -> bool:
    """Whether a finding is one that only its looks speak for."""
    is_untested = not any(signal.role is Role.SUSPECT and signal.supports for signal in finding.signals)
    return is_untested and finding.state is CauseState.OPEN and finding.probability >= NAMED
