"""Thirty nights: what each of them ends as, what is served after it, and that every span was decided once."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections import Counter
from pathlib import Path

import pytest

from ratchet.schemas.artifacts.decisions import Verdict
from ratchet.schemas.artifacts.run_result import EXIT_CODES
from tests.nights.thirty import (
    FIRST_MODEL,
    KILLED,
    MISSING,
    NIGHTS,
    REJECTED,
    TRUNCATED,
    Night,
    is_delivered,
    span_name,
    told,
)

REPOSITORY = Path(__file__).resolve().parents[2]


def expected() -> dict[int, tuple[int, str | None]]:
    """The span that each night decides on, as its day, with the verdict; (0, NOTHING_NEW) where there is none."""
    nights: dict[int, tuple[int, str | None]] = {}
    for day in range(1, NIGHTS + 1):
        if day == KILLED:
            nights[day] = (0, None)
        elif day == KILLED + 1:  # goes on with it
            nights[day] = (KILLED, told(KILLED).value)
        elif day - 1 in (MISSING, TRUNCATED):
            nights[day] = (day - 1, told(day - 1).value)
        elif not is_delivered(day) or day in (MISSING, TRUNCATED):
            nights[day] = (0, Verdict.NOTHING_NEW.value)
        else:
            nights[day] = (day, (Verdict.BOOTSTRAPPED if day == FIRST_MODEL else told(day)).value)
    return nights


def test_the_plan_has_all_that_a_month_may_bring() -> None:
    verdicts = Counter(verdict for _, verdict in expected().values())
    assert verdicts[None] == 1
    assert verdicts["DATA_REJECTED"] == 1
    assert verdicts["BOOTSTRAPPED"] == 1
    assert verdicts["NOTHING_NEW"] >= 8
    assert verdicts["PUSHED"] >= 8
    assert verdicts["BLOCKED"] >= 3
    assert not is_delivered(KILLED + 1)


@pytest.mark.tensorflow
def test_thirty_nights(tmp_path: Path) -> None:
    """In a process of its own, for the stand-ins stay in the process that was given them."""
    command = [sys.executable, "-m", "tests.nights.thirty", str(tmp_path / "world")]
    environment = {**os.environ, "PYTHONPATH": str(REPOSITORY)}
    done = subprocess.run(command, cwd=REPOSITORY, env=environment, capture_output=True, text=True, check=False)
    file = tmp_path / "world" / "nights.json"
    assert file.exists(), done.stdout[-1000:] + done.stderr[-2000:]
    report = json.loads(file.read_text())
    nights = {night["day"]: Night(**night) for night in report["nights"]}
    assert {day: night.verdict for day, night in nights.items()} == {
        day: verdict for day, (_, verdict) in expected().items()
    }
    served, runs = None, 0
    for day, (decided, verdict) in expected().items():
        night = nights[day]
        code = -9 if verdict is None else EXIT_CODES[Verdict(verdict)]
        assert night.exit_code == code, night
        begins = day == KILLED or (decided != 0 and decided != KILLED)
        assert night.runs == runs + begins, night  # nothing new begins no run, and the killed one goes on in its own
        assert (night.served != served) is (verdict in ("PUSHED", "BOOTSTRAPPED")), night
        if decided:
            assert night.span == 20261100 + decided, night
        served, runs = night.served, night.runs
    for half in (MISSING, TRUNCATED):
        assert f"{span_name(half)} is not whole yet (" in nights[half].said
        assert "SHA256SUMS" in nights[half].said
    assert f"{NIGHTS // 2} are not there yet" in nights[MISSING].said
    assert "is being copied" in nights[TRUNCATED].said
    decisions = [tuple(each) for each in report["decided"]]
    wanted = [(20261100 + day, verdict) for day, verdict in expected().values() if day]
    assert decisions == sorted(wanted)  # each delivered span once
    assert nights[REJECTED].served == nights[REJECTED - 1].served
