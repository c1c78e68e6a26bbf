"""Results of runs to tell about."""

from __future__ import annotations

from typing import Any

from ratchet.schemas.artifacts.decisions import Reason, Verdict
from ratchet.schemas.artifacts.run_result import RunResult

DROP = Reason("map_drop", "candidate mAP at least the baseline's 0.7271", "0.5646 (-0.1626)")
CLASS_DROP = Reason("class_drop:cat", "no significant fall of AP by more than 0.05", "0.7885 -> 0.5188")
LOOSE = Reason("labels:size", "boxes at most 6% larger", "boxes are drawn 25% larger than in the golden set")
RUN_ID = "span-3-5a7a9306-1"

# What a class or an attribute of an image may be called by someone who means harm.
HOSTILE = (
    "cat\r\nBcc: victim@example.org\r\n\r\nbody",
    "<!channel> & <https://evil.example|click> `code` *b*",
    "\x1b[2J\x1b]0;owned\x07",
    "\u202eevil\u2028line\x00\x85",
    "\ud800 lone surrogate",
    "Ärger 猫 🐈 " * 400,
    "&" * 50_000,
)


def result(observations: tuple[Reason, ...] = (LOOSE,), **fields: Any) -> RunResult:
    """A blocked run; of a fall that loose boxes explain."""
    whole: dict[str, Any] = {
        "verdict": Verdict.BLOCKED,
        "reasons": (DROP, CLASS_DROP),
        "map": 0.5646,
        "baseline_map": 0.7271,
        "delta": -0.1626,
        "delta_ci": (-0.1745, -0.1467),
        "model": "m",
        "pushed_version": None,
        "report": "review.html",
        "run_id": RUN_ID,
        "span": 3,
        "seconds": {"Gen": 1.0},
        "ended_at": "2030-01-31T12:00:00+00:00",
    }
    whole |= fields
    observed = tuple(reason.rule for reason in observations)
    return RunResult(**{**whole, "reasons": whole["reasons"] + observations, "observed": observed})
