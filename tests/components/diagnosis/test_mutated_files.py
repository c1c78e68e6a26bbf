"""Runs whose files are no longer what was written: each ends in a diagnosis that can be written and read.

Two hundred and fifty of them every time, ten thousand by night.
"""

from __future__ import annotations

import dataclasses
import math
import random
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from ratchet.components.diagnosis.reading import RunPlaces, diagnosis_at
from ratchet.schemas.artifacts.decisions import Reason, Verdict
from ratchet.schemas.artifacts.diagnosis import (
    ANNOTATION,
    CAUSES,
    DIAGNOSIS_FORMAT,
    NOTHING,
    RATE_TOO_HIGH,
    UNKNOWN,
    CauseState,
    Diagnosis,
    DiagnosisState,
)
from ratchet.schemas.artifacts.evaluation import GOLDEN
from ratchet.schemas.base.files import LOCAL_FILES
from tests.components.diagnosis.bundles import (
    BOOTSTRAP_PEAK,
    PEAK,
    bundle,
    dynamics,
    golden_boxes,
    label_evidence,
    loose,
    retrained,
)
from tests.components.diagnosis.mutations import mutate_file, restore
from tests.components.diagnosis.written import write_coco, write_run
from tests.nightly import often

FAILED_RULE = Reason("labels:size", "boxes as the golden set's", "boxes 25 % larger", strength=4.0)
LOOSE = bundle(
    deltas={"golden": -0.2, "held_out": 0.05, "earlier": -0.15},
    labels=label_evidence(log_width=0.22, log_height=0.22),
    golden=golden_boxes(candidate=lambda boxes: loose(boxes, 1.25)),
    reasons=[FAILED_RULE],
)
TENFOLD = bundle(
    deltas={"golden": -0.09, "held_out": -0.1, "earlier": -0.08},
    candidate=retrained(
        peak=10 * PEAK,
        new=(0.731, 0.416, 0.55, 0.64, 0.7, 0.735),
        old=(0.731, 0.42, 0.55, 0.64, 0.7, 0.735),
        dynamics=dynamics(peak_rate=BOOTSTRAP_PEAK, distance=0.23, norm_shift=0.217, rise=1.68, last=0.126),
    ),
    golden=golden_boxes(images=20),  # too few to undo anything on them, which is what takes most of the time
)
REJECTED = bundle(verdict=Verdict.DATA_REJECTED, reasons=[FAILED_RULE], candidate=None, evaluation=None, golden=None)
FIRST = bundle(verdict=Verdict.BOOTSTRAPPED, baseline=None, golden=golden_boxes(images=20))
# What is diagnosed, and how many of a thousand runs are of it. `coco` is `loose` as it was kept before there was a
# sample of boxes.
RUNS = {"loose": LOOSE, "coco": LOOSE, "tenfold": TENFOLD, "rejected": REJECTED, "first": FIRST}
TIMES = {"loose": 120, "coco": 60, "tenfold": 570, "rejected": 150, "first": 100}


def check(found: Diagnosis) -> None:
    """What every diagnosis promises, whatever it was made of."""
    assert DIAGNOSIS_FORMAT.read(DIAGNOSIS_FORMAT.write(found), "diagnosis.json") == found
    assert all(map(math.isfinite, numbers_in(DIAGNOSIS_FORMAT.values_of(found))))
    cause = found.cause
    assert 0.0 <= cause.probability <= 1.0
    assert (cause.name in CAUSES) == (cause.state is DiagnosisState.NAMED)
    assert (cause.name == NOTHING) == (cause.state is DiagnosisState.NOTHING)
    assert (cause.name == UNKNOWN) == (cause.state in (DiagnosisState.UNKNOWN, DiagnosisState.FAILED))
    assert cause.sentence.endswith(".")
    if cause.state is DiagnosisState.FAILED:
        assert cause.sentence.startswith("The diagnosis itself failed (")
        assert len(cause.sentence) < 1000
    for finding in found.findings:
        assert finding.cause in CAUSES
        assert 0.0 <= finding.probability <= 1.0
        assert finding.share is None or 0.0 <= finding.share <= 1.0
        assert (finding.state is CauseState.SUPPORTED) == (finding.probability > 0.5)
        assert all(
            signal.value is not None or signal.supports is None for signal in finding.signals if signal.std_error
        )


def numbers_in(values: Any) -> Iterator[float]:
    """All numbers of JSON values."""
    if isinstance(values, (dict, list)):
        for value in values.values() if isinstance(values, dict) else values:
            yield from numbers_in(value)
    elif isinstance(values, (int, float)):
        yield values


def written(name: str, directory: Path) -> RunPlaces:
    """One of RUNS."""
    made = RUNS[name]
    if name != "coco" or made.golden is None:
        return write_run(made, directory)
    write_coco(made.golden, directory / "evaluation" / GOLDEN)
    return write_run(dataclasses.replace(made, golden=None), directory)


def test_what_is_mutated_is_diagnosed_soundly_before(tmp_path: Path) -> None:
    found = {name: diagnosis_at(written(name, tmp_path / name), LOCAL_FILES) for name in RUNS}
    for each in found.values():
        check(each)
    names = {name: each.cause.name for name, each in found.items()}
    assert names == {
        "loose": ANNOTATION,
        "coco": ANNOTATION,
        "tenfold": RATE_TOO_HIGH,
        "rejected": UNKNOWN,
        "first": NOTHING,
    }
    assert found["coco"].cause == found["loose"].cause


@pytest.mark.filterwarnings("ignore::RuntimeWarning", "ignore::numpy.exceptions.ComplexWarning")
@pytest.mark.parametrize("name", RUNS)
def test_mutated_files_end_in_a_diagnosis_that_holds_its_promises(name: str, tmp_path: Path) -> None:
    places, chance, times = written(name, tmp_path), random.Random(name), often(TIMES[name] // 2, 10 * TIMES[name])
    contents = {path: path.read_bytes() for path in sorted(tmp_path.rglob("*")) if path.is_file()}
    states: Counter[DiagnosisState] = Counter()
    for number in range(times):
        chosen = chance.sample(sorted(contents), chance.choice([1, 1, 2, 3]))
        for path in chosen:
            mutate_file(path, chance)
        found = diagnosis_at(places, LOCAL_FILES)
        try:
            check(found)
        except Exception as error:  # the test is that nothing at all is raised
            raise AssertionError(f"run {number}, {[path.name for path in chosen]}: {found}") from error
        for path in chosen:
            restore(path, contents[path])
        states[found.cause.state] += 1
    assert states[DiagnosisState.FAILED]
    assert states.total() - states[DiagnosisState.FAILED] > times / 4  # else only the readers were tried
