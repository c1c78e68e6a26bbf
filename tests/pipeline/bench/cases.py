"""Results of bench cases as tests need them."""

from __future__ import annotations

from typing import Any

import numpy as np

from ratchet.pipeline.bench.case_result import (
    CaseResult,
    GateSaid,
    Group,
    Measured,
    Outcome,
    PlantedFault,
    Ranked,
    Split,
)
from ratchet.pipeline.bench.cases import Case
from ratchet.schemas.artifacts.decisions import DataVerdict, Verdict
from ratchet.schemas.artifacts.diagnosis import CAUSES, NOTHING, UNKNOWN, Cause, CauseState, DiagnosisState
from ratchet.schemas.artifacts.evaluation import Delta

STATES = {UNKNOWN: DiagnosisState.UNKNOWN, NOTHING: DiagnosisState.NOTHING}


def outcome(*ranking: str, pushed: bool = False, ruled_out: tuple[str, ...] = ()) -> Outcome:
    """A diagnosis that answers with the first of a ranking; what is no cause is no finding."""
    name, _, detail = ranking[0].partition(":")
    found = [title for title in ranking if title.partition(":")[0] in CAUSES]
    return Outcome(
        verdict=Verdict.PUSHED if pushed else Verdict.BLOCKED,
        cause=Cause(name, detail, 0.9, STATES.get(name, DiagnosisState.NAMED), "", (), ""),
        ranking=(
            *(Ranked(title, 0.9 - 0.1 * place, CauseState.SUPPORTED) for place, title in enumerate(found)),
            *(Ranked(title, 0.0, CauseState.REFUTED) for title in ruled_out),
        ),
        pushed=pushed,
    )


def measured(difference: float | None, half: float = 0.004, baseline: float = 0.7, images: int = 1000) -> Measured:
    """Both models, their difference with an interval of that half width."""
    if difference is None:
        return Measured(images, None, baseline, Delta(None, None, None, None))
    delta = Delta(difference, difference - half, difference + half, half / 1.96, float(images))
    return Measured(images, baseline + difference, baseline, delta)


def planted(*accepted: str, name: str = "loose", strength: float = 0.25) -> PlantedFault:
    """One fault with the causes that name it rightly."""
    return PlantedFault(name, strength, accepted)


def case(number: int | str = 1, group: Group = Group.FAULT, truth: float | None = -0.1, **other: Any) -> CaseResult:
    """A case; a fault is one of annotation unless `planted` says otherwise."""
    both = other.pop("said", outcome(UNKNOWN))
    values: dict[str, Any] = {
        "attempt": 1,
        "split": Split.SCORE,
        "source": "digits",
        "seed": 3,
        "blind": False,
        "planted": (planted("annotation"),) if group is Group.FAULT else (),
        "digests": {"span": "a" * 64},
        "code": "1.0, source 0123456789ab",
        "gate": GateSaid(DataVerdict.PASS),
        "observing": both,
        "enforcing": both,
        "golden": measured(truth, images=200),
        "truth": measured(truth),
    }
    name = f"{number:03d}" if isinstance(number, int) else number
    return CaseResult(number=name, group=group, **{**values, **other})


def bench(seed: int = 0, split: Split = Split.SCORE, blind: bool = False, start: int = 0) -> list[CaseResult]:
    """A made-up bench: five faults of each cause, pairs, strangers, controls and decoys; most answers are right."""
    rng = np.random.default_rng([seed, start])
    groups = [*([Group.FAULT] * 45), *([Group.PAIR] * 8), *([Group.STRANGER] * 4), *([Group.CONTROL] * 6)]
    return [
        _made_up(start + place, group, CAUSES[(place - 1) % len(CAUSES)], rng, split, blind)
        for place, group in enumerate([*groups, *([Group.DECOY] * 3)], start=1)
    ]


def _made_up(number: int, group: Group, cause: str, rng: np.random.Generator, split: Split, blind: bool) -> CaseResult:
    harmless = group in (Group.CONTROL, Group.DECOY)
    other = str(rng.choice([name for name in CAUSES if name != cause]))
    second = CAUSES[(CAUSES.index(cause) + 1) % len(CAUSES)]
    right = [NOTHING] if harmless else [UNKNOWN] if group is Group.STRANGER else [cause, second]
    answer = right if rng.random() < 0.85 else [UNKNOWN, cause] if rng.random() < 0.5 else [other, cause]
    faults = {Group.FAULT: (planted(cause),), Group.PAIR: (planted(cause), planted(second, name="dark"))}
    fall = rng.normal(0.002, 0.006) if harmless else -abs(rng.normal(0.06, 0.06))
    pushed = bool(fall > -0.005)
    return case(
        number,
        group,
        float(fall),
        split=split,
        blind=blind,
        seed=number % 3 + (0 if split is Split.SCORE else 100),
        planted=faults.get(group, ()),
        said=outcome(*answer, pushed=pushed),
        signals={"gap": float(rng.normal()), f"{cause}/own": 1.0 if rng.random() < 0.6 else 0.0},
        listing={"count/files": 400.0, "bytes/jpg/mean": float(rng.normal(2000, 100))},
    )


def planned(case: Case, digests: dict[str, str], attempt: int = 1, code: str = "1", error: str = "") -> CaseResult:
    """A result of a planned case, of which nothing was measured."""
    return CaseResult(
        number=case.number,
        attempt=attempt,
        group=case.group,
        split=case.split,
        source="digits",
        seed=case.seed,
        blind=case.blind,
        planted=case.planted,
        digests={**digests, "case": case.digest},
        code=code,
        error=error,
    )
