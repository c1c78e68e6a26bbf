"""`ratchet bench export`: cases as files that know nothing of Ratchet, and the answers in a file apart.

    DIR/cases/README.md               what is in a case, and how to answer
    DIR/cases/calibration.json        the key of the calibration cases, which may be looked at
    DIR/cases/NNN/                    a case
    DIR/key.json                      the right answers: not to be handed out
    DIR/answers-observing.json        the diagnosis's own answers, and the same with a gate that stops runs
    DIR/answers-enforcing.json

Numbers are drawn anew over all cases. All files of one kind have the same number of bytes: texts end in empty lines,
images in zero bytes behind their end, so that a list of the files says nothing. Ids are given anew, and boxes lie on
whole pixels where those of the baseline's training do: edits would show by their fractions.
"""

from __future__ import annotations

import dataclasses
import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from ratchet.pipeline.bench.answers import KEY_FILE, KEY_FORMAT, Key, answers_json
from ratchet.pipeline.bench.case_result import (
    CASES_DIRECTORY,
    MATERIAL_DIRECTORY,
    CaseResult,
    Split,
    last_attempts,
    read_cases,
)
from ratchet.pipeline.bench.judging import CountsAs, counts_as, question_of, ranking_of
from ratchet.pipeline.bench.leak_tree import LeakTest, leak_test, listing_of
from ratchet.pipeline.bench.material import ANNOTATIONS, BASELINE, CANDIDATE, GOLDEN
from ratchet.pipeline.bench.plain_files import are_whole, config_yaml, log_csv, write_golden, write_labels
from ratchet.schemas.artifacts.diagnosis import CAUSES, NOTHING, UNKNOWN
from ratchet.schemas.artifacts.evaluation import BASELINE_FILE
from ratchet.schemas.artifacts.evaluation import GOLDEN as GOLDEN_DATA
from ratchet.schemas.artifacts.training_record import read_training_record
from ratchet.schemas.base.errors import InputError
from ratchet.schemas.base.files import LOCAL_FILES, whole_directory
from ratchet.schemas.base.formatting import many, percent

CALIBRATION_FILE = "calibration.json"
_IMAGES = (".jpg", ".jpeg", ".png")
_README = """# Why did mAP fall?

A detector is in service (the baseline). It was trained further on new data, which gave the candidate; both were
measured on the same golden images. Each directory here is one such case. Say of each what made the candidate worse, or
why its figures mislead.

| file | what it is |
|---|---|
| `baseline.yaml`, `candidate.yaml` | how each was trained |
| `baseline_log.csv`, `candidate_log.csv` | loss and validation mAP by step |
| `golden.json` | the golden set, COCO |
| `baseline_detections.json`, `candidate_detections.json` | what each model finds there, COCO results |
| `baseline_labels.json`, `candidate_labels.json` | the labels that each was last trained on, COCO |
| `images/` | a sample of the images of all three |

Answer with one JSON file, the likeliest cause of each case first:

    [{"case": "001", "ranking": ["annotation", "dataset_shift"]}, ...]

Causes: CAUSES. DETAILS `unknown` is the answer where it is none of the causes, and `nothing_to_explain` where nothing
is wrong.

Answer each case from its own directory alone. Cases share images and the baseline, so that two directories beside each
other show what was planted in one of them: that is no answer to why mAP fell, and no detector in service has a twin.

`calibration.json` has the answers to some cases: choose whatever you choose on those. The others are judged. In blind
cases, BLIND, the configuration does not say what was changed.
"""


@dataclass(frozen=True)
class Exported:
    """What an export wrote.

    Attributes:
        cases: how many.
        left_out: how many have no files to be judged by: failed, never trained, or run before they were kept.
        leak: what a tree on names, counts and sizes of the files knows.
    """

    cases: int
    left_out: int
    leak: LeakTest

    def to_text(self, out: Path) -> str:
        """For a terminal.

        Args:
            out: where it is.
        """
        left = f"; {many(self.left_out, 'case')} left out, without files to be judged by" if self.left_out else ""
        return (
            f"{many(self.cases, 'case')} in {out / CASES_DIRECTORY}{left}\n"
            f"{_told(self.leak)}\n"
            f"{out / KEY_FILE} has the answers: hand out {out / CASES_DIRECTORY} alone"
        )


def _told(leak: LeakTest) -> str:
    if not leak.n:
        return f"all are calibration cases, whose answers are in {CASES_DIRECTORY}/{CALIBRATION_FILE}: none is scored"
    return (
        f"names, counts and sizes of files name {leak.right} of {leak.n} faults, by chance {percent(leak.chance)}: "
        f"p = {leak.probability:.2g}{', a leak' if leak.leaks else ''}"
    )


def export_benches(benches: Sequence[Path], out: Path) -> Exported:
    """Exports the cases of some benches.

    Args:
        benches: their directories.
        out: directory to make.

    Raises:
        InputError: there is something already, or no case can be exported.
        StateError: a directory is no bench.
    """
    found = [(bench, case) for bench in benches for case in last_attempts(read_cases(bench))]
    chosen = [(bench, case) for bench, case in found if _has_files(bench, case)]
    if not chosen:
        raise InputError(
            f"--dir {', '.join(map(str, benches))}: no case has what others would judge it by; run the bench again"
        )
    numbered = _numbered(chosen)
    with whole_directory(str(out)) as scratch:
        for number, (bench, case) in numbered.items():
            _write_case(bench, case, Path(scratch, CASES_DIRECTORY, number))
        _even_out(Path(scratch, CASES_DIRECTORY))
        cases = [dataclasses.replace(case, number=number) for number, (_, case) in numbered.items()]
        _write_answers(cases, Path(scratch))
        leak = leak_test(cases, {number: listing_of(Path(scratch, CASES_DIRECTORY, number)) for number in numbered})
    return Exported(len(chosen), len(found) - len(chosen), leak)


def _has_files(bench: Path, case: CaseResult) -> bool:
    bundle, kept = _places(bench, case)
    golden = bundle / "evaluation" / GOLDEN_DATA / BASELINE_FILE
    needed = (golden, bundle / CANDIDATE, bundle / BASELINE, kept / CANDIDATE / ANNOTATIONS, kept / GOLDEN)
    return not case.error and counts_as(case) is not CountsAs.LEFT_OUT and all(place.exists() for place in needed)


def _places(bench: Path, case: CaseResult) -> tuple[Path, Path]:
    """Bundle and material of a case."""
    return bench / CASES_DIRECTORY / case.number / "bundle", bench / MATERIAL_DIRECTORY / case.number


def _numbered(chosen: Sequence[tuple[Path, CaseResult]]) -> dict[str, tuple[Path, CaseResult]]:
    """The cases under new numbers, in an order that follows from the cases and says nothing of them."""
    names = [f"{case.source} {case.split.value} {case.blind} {case.seed} {case.number}" for _, case in chosen]
    seed = int.from_bytes(hashlib.sha256("\n".join(names).encode()).digest()[:8], "big")
    order = np.random.default_rng(seed).permutation(len(chosen)).tolist()
    return {f"{number:03}": chosen[place] for number, place in enumerate(order, start=1)}


def _write_case(bench: Path, case: CaseResult, out: Path) -> None:
    bundle, kept = _places(bench, case)
    out.mkdir(parents=True)
    whole = are_whole(kept / BASELINE)
    write_golden(bundle / "evaluation" / GOLDEN_DATA, kept / GOLDEN, out, whole)
    for name in (BASELINE, CANDIDATE):
        record = read_training_record(str(bundle / name), LOCAL_FILES)
        (out / f"{name}.yaml").write_text(config_yaml(record, case.blind), encoding="utf-8")
        (out / f"{name}_log.csv").write_text(log_csv(record), encoding="utf-8")
        if (kept / name / ANNOTATIONS).is_file():
            write_labels(kept / name, name, out, whole)


def _even_out(cases: Path) -> None:
    """Gives all files of one kind the same number of bytes."""
    kinds: dict[str, list[Path]] = {}
    for path in sorted(cases.rglob("*")):
        if path.is_file():
            is_image = path.suffix in _IMAGES
            kinds.setdefault("images" if is_image else path.name, []).append(path)
    for kind, paths in kinds.items():
        largest = max(path.stat().st_size for path in paths)
        for path in paths:
            with path.open("ab") as file:
                file.write((b"\0" if kind == "images" else b"\n") * (largest - path.stat().st_size))


def _write_answers(cases: Sequence[CaseResult], out: Path) -> None:
    questions = sorted((question_of(case) for case in cases), key=lambda each: each.case)
    calibration = tuple(each for each in questions if each.split is Split.CALIBRATION)
    (out / KEY_FILE).write_text(KEY_FORMAT.write(Key(tuple(questions))), encoding="utf-8")
    (out / CASES_DIRECTORY / CALIBRATION_FILE).write_text(KEY_FORMAT.write(Key(calibration)), encoding="utf-8")
    (out / CASES_DIRECTORY / "README.md").write_text(_readme(cases), encoding="utf-8")
    for name in ("observing", "enforcing"):
        outcomes = {case.number: getattr(case, name) for case in cases}
        answers = {number: ranking_of(outcome) for number, outcome in outcomes.items() if outcome is not None}
        (out / f"answers-{name}.json").write_text(answers_json(answers), encoding="utf-8")


def _readme(cases: Sequence[CaseResult]) -> str:
    details = {title for case in cases for fault in case.planted for title in fault.accepted if ":" in title}
    blind = sorted(case.number for case in cases if case.blind)
    words: Mapping[str, str] = {
        "CAUSES": ", ".join(f"`{cause}`" for cause in (*CAUSES, UNKNOWN, NOTHING)),
        "DETAILS": _details(sorted(details)),
        "BLIND": ", ".join(blind) or "of which there are none",
    }
    text = _README
    for word, meaning in words.items():
        text = text.replace(word, meaning)
    return text


def _details(titles: Sequence[str]) -> str:
    if not titles:
        return "A detail may follow behind a colon; none is asked for here."
    asked = ", ".join(f"`{title}`" for title in titles)
    return f"A detail may follow behind a colon; those that are asked for are {asked}."
