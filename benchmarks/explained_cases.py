"""The data of cases of `ratchet bench`, planted again, and what `ratchet explain` makes of it beside the data gate.

python -m benchmarks.explained_cases BENCH [--cases 1 2 ...]

A case's records are kept, its images are not; they follow from its entry and its seed, and the digests of the case say
whether they are the same again.
"""

from __future__ import annotations

import argparse
import json
import os
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from ratchet.components.coco.reading import read_truth
from ratchet.components.coco.results import read_results
from ratchet.components.example_gen.dataset import read_source
from ratchet.components.example_gen.splits import splits_of
from ratchet.pipeline.bench.baseline import digest_of
from ratchet.pipeline.bench.case_result import CASES_DIRECTORY, CaseResult, last_attempts, read_cases
from ratchet.pipeline.bench.cases import FAULTS_FILE, FIRST_SEED, Case, plan, read_entries
from ratchet.pipeline.bench.engine import plant_golden, plant_span
from ratchet.pipeline.bench.sources import digits
from ratchet.pipeline.config.pipeline_settings import DataSettings
from ratchet.pipeline.explain.data_evidence import DataInputs, data_evidence
from ratchet.pipeline.explain.data_found import DataFound
from ratchet.pipeline.explain.data_sets import ReadDataSet, read_data
from ratchet.pipeline.explain.labels_seen import Seen
from ratchet.schemas.artifacts.data_evidence import (
    DATA_DECISION_FORMAT,
    DECISION_FILE,
    EMBEDDING,
    EVIDENCE_FILE,
    EVIDENCE_FORMAT,
    DataEvidence,
)
from ratchet.schemas.artifacts.decisions import DataDecision, State
from ratchet.schemas.artifacts.training_record import read_training_record
from ratchet.schemas.base.errors import RatchetError, StateError
from ratchet.schemas.base.files import LOCAL_FILES


@dataclass(frozen=True)
class CaseData:
    """The data of a case, as a person would have it.

    Attributes:
        span: what the candidate was trained on.
        golden: the golden set.
        trained: what the baseline was trained on, the first span first and the last one last.
        bundle: the records of the case's run.
    """

    span: Path
    golden: Path
    trained: tuple[Path, ...]
    bundle: Path


def planted_again(bench: Path, result: CaseResult, out: Path) -> CaseData:
    """Plants the data of a case of generated digits again.

    Args:
        bench: its directory; nothing is written there.
        result: of the case.
        out: directory for `span` and `golden`; must not hold them.

    Raises:
        StateError: it would not be the same data.
    """
    case = case_of(result)
    for place in (bench / "data" / "golden", bench / "data" / "clean" / str(result.seed)):
        if not place.is_dir():
            raise StateError(f"{place}: is not there; give the directory of a bench with generated digits")
    data, bundle = digits(bench / "data", None), bench / CASES_DIRECTORY / result.number / "bundle"
    lineage = read_training_record(str(bundle / "baseline"), LOCAL_FILES).data
    spans = tuple(dict.fromkeys(each.span for each in lineage))
    sources = data.sources(result.seed, spans[-1])
    edits = {of: [each for each in case.plantings if each.of == of] for of in ("span", "golden")}
    plant_span(sources, edits["span"], out / "span", case.seed, data.images)
    plant_golden(sources, edits["golden"], out / "golden", case.seed)
    for name in ("span", "golden"):
        if digest_of(out / name) != result.digests[name]:
            raise StateError(f"{out / name}: case {result.number} had other data; run the bench with this version")
    return CaseData(out / "span", out / "golden", tuple(data.training(span) for span in spans), bundle)


def case_of(result: CaseResult) -> Case:
    """What was planted.

    Raises:
        StateError: the entries are others now.
    """
    bench_seed = (result.seed - FIRST_SEED[result.split]) // 10
    cases = {case.number: case for case in plan(read_entries(FAULTS_FILE), result.split, bench_seed, result.blind)}
    case = cases.get(result.number)
    if case is None or case.digest != result.digests["case"]:
        raise StateError(f"case {result.number} was planned otherwise; run the bench with this version")
    return case


def trained_part(directory: Path, out: Path) -> Path:
    """The images of a span that are trained on, as ExampleGen chooses them: what the data gate compares.

    Args:
        directory: of the span, COCO.
        out: directory to make; images are links.
    """
    settings = DataSettings()
    source = read_source(str(directory))
    splits = splits_of(source.records, settings.eval_fraction, settings.held_out_fraction)
    document = json.loads((directory / "annotations.json").read_text(encoding="utf-8"))
    document["images"] = [entry for entry in document["images"] if splits[entry["id"]] == "train"]
    kept = {entry["id"] for entry in document["images"]}
    document["annotations"] = [entry for entry in document["annotations"] if entry["image_id"] in kept]
    out.mkdir(parents=True)
    os.symlink((directory / "images").resolve(), out / "images")
    (out / "annotations.json").write_text(json.dumps(document), encoding="utf-8")
    return out


def seen_by_baseline(bundle: Path, data_set: str) -> Seen | None:
    """What the baseline found in a data set of the evaluation; None where it was not measured."""
    place = bundle / "evaluation" / data_set
    if not (place / "ground_truth.json").is_file():
        return None
    truth = read_truth(str(place / "ground_truth.json"))
    return Seen.of(truth, read_results(str(place / "baseline_detections.json"), truth))


@dataclass(frozen=True)
class Beside:
    """One case in both.

    Attributes:
        title: of the case.
        distances: by kind and feature, what the gate measured and what was measured here.
        failed: rules that fail, the gate's and here.
        labels: by measure, the gate's value, ours, and the gate's limit.
        judged: share of the images whose labels can be judged, the gate's and here.
        seconds: that it took, without reading.
    """

    title: str
    distances: dict[str, tuple[float, float]]
    failed: tuple[tuple[str, ...], tuple[str, ...]]
    labels: dict[str, tuple[float, float, float]]
    judged: tuple[float | None, float | None]
    seconds: float


def beside_gate(title: str, case: CaseData, references: Sequence[ReadDataSet], work: Path) -> Beside:
    """What is found in the data of a case beside what the gate found.

    Args:
        title: of the case.
        case: its data.
        references: what the baseline was trained on, read.
        work: directory for the part of the span that is trained on.
    """
    after = read_data(trained_part(case.span, work / "part"), "the span")
    golden = read_data(case.golden, "the golden set")
    started = time.monotonic()
    found = data_evidence(
        DataInputs(
            before=references[-1],
            after=after,
            golden=golden,
            earlier=tuple(references[:-1]),
            seen_golden=seen_by_baseline(case.bundle, "golden"),
            seen_after=seen_by_baseline(case.bundle, "train_sample"),
        )
    )
    decision = DATA_DECISION_FORMAT.read((case.bundle / "decision" / DECISION_FILE).read_bytes(), DECISION_FILE)
    evidence = EVIDENCE_FORMAT.read((case.bundle / "decision" / EVIDENCE_FILE).read_bytes(), EVIDENCE_FILE)
    return beside(title, found, decision, evidence, time.monotonic() - started)


def beside(title: str, found: DataFound, decision: DataDecision, evidence: DataEvidence, seconds: float) -> Beside:
    """Ours beside the gate's."""
    theirs, ours = (
        {f"{each.kind}:{each.feature}": each for each in of.comparisons if each.feature != EMBEDDING}
        for of in (evidence, found.evidence)
    )
    distances = {
        name: (theirs[name].distance if name in theirs else np.nan, ours[name].distance if name in ours else np.nan)
        for name in dict.fromkeys([*theirs, *ours])
    }
    measures, own = (
        {each.name: each for each in of.labels.measures} if of.labels else {} for of in (evidence, found.evidence)
    )
    labels = {name: (measures[name].value, own[name].value, measures[name].limit) for name in measures if name in own}
    judged = tuple(of.labels.judged if of.labels else None for of in (evidence, found.evidence))
    return Beside(
        title, distances, (_failed(decision), _failed(found.decision)), labels, (judged[0], judged[1]), seconds
    )


def _failed(decision: DataDecision) -> tuple[str, ...]:
    return tuple(reason.rule for reason in decision.reasons if reason.state is State.FAILED)


def all_beside(bench: Path, numbers: Sequence[int]) -> Iterator[Beside]:
    """Every case of a bench that came to an end, or some of them."""
    known: dict[Path, ReadDataSet] = {}
    for result in last_attempts(read_cases(bench)):
        if result.error or (numbers and int(result.number) not in numbers):
            continue
        with tempfile.TemporaryDirectory() as work:
            case = planted_again(bench, result, Path(work))
            for path in case.trained:
                if path not in known:
                    known[path] = read_data(trained_part(path, Path(work) / f"trained-{path.name}"), path.name)
            title = f"{result.number} {' and '.join(map(str, result.planted)) or result.group.value}"
            yield beside_gate(title, case, [known[path] for path in case.trained], Path(work))


def main(arguments: Sequence[str] | None = None) -> int:
    """Prints every case, and how close both are."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("bench", type=Path, metavar="BENCH", help="directory of a bench that was run")
    parser.add_argument("--cases", type=int, nargs="*", default=[], metavar="N", help="these alone")
    options = parser.parse_args(arguments)
    try:
        for case in all_beside(options.bench, options.cases):
            print(shown(case), flush=True)
    except RatchetError as error:
        print(f"explained_cases: {error}", file=sys.stderr)
        return 2
    return 0


def shown(case: Beside) -> str:
    """A case in a few lines."""
    apart = {name: abs(one - other) for name, (one, other) in case.distances.items()}
    known = {name: value for name, value in apart.items() if np.isfinite(value)}
    worst = max(known, key=lambda name: known[name], default="")
    missing = sorted(name for name, value in apart.items() if not np.isfinite(value))
    theirs, ours = case.failed
    lines = [
        f"{case.title}: {case.seconds:.1f} s",
        f"  failed in the gate: {', '.join(theirs) or '-'}",
        f"  failed here:        {', '.join(ours) or '-'}",
        f"  distances: {len(known)} in both, farthest apart {worst} {case.distances.get(worst)}",
        f"  only in one: {missing or '-'}",
        f"  judged {case.judged}; labels: "
        + ", ".join(f"{name} {one:+.3f} {other:+.3f} ({limit:g})" for name, (one, other, limit) in case.labels.items()),
    ]
    return "\n".join(lines)


if __name__ == "__main__":
    sys.exit(main())
