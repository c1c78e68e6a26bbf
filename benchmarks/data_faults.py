"""Does the data gate find planted faults, name them rightly, and leave clean spans alone?

    python -m benchmarks.data_faults --root ratchet-demo/root                         # generated digits
    python -m benchmarks.data_faults --root my-root --data my-data --span 2 3 ...     # your own pipeline root and data

Every fault of `benchmarks.faults` is planted at three strengths, and the gate judges it as in a run. For digits the
clean spans are generated; of your own data they are the spans given, whole and as random halves.
"""

from __future__ import annotations

import argparse
import contextlib
import json
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

import numpy as np

from benchmarks.faults import Fault, all_faults, plant
from pipeline.config.pipeline_settings import PipelineSettings, load_settings
from pipeline.data.check_steps import CheckSteps, run_steps
from pipeline.demo.digits import DigitsOptions, write_digits
from pipeline.root.roots import registry_of
from schemas.artifacts.decisions import DataDecision
from schemas.artifacts.history import History
from schemas.artifacts.registry_entries import ServedModel
from schemas.data.tfdv_schema import DEFAULT_SCHEMA_FILE

GOLDEN_IMAGES = 200
CLEAN = 20


class Judged(NamedTuple):
    """One span and what the gate said."""

    name: str
    fault: Fault | None
    decision: DataDecision
    seconds: float

    @property
    def first(self) -> str:
        """The rule that decided first."""
        return self.decision.failures[0].rule if self.decision.failures else "-"

    @property
    def named(self) -> bool:
        """Whether the first failed rule is one that names the fault."""
        return self.fault is not None and any(self.first.startswith(rule) for rule in self.fault.finds)


def main() -> int:
    """Runs the benchmark and prints a line a span, then the sums."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--root", type=Path, required=True, help="pipeline root with a served model")
    parser.add_argument("--name", help="name of the pipeline in that root (default: what is in serving/)")
    parser.add_argument("--data", type=Path, help="directory of span-N and golden; default: digits are generated")
    parser.add_argument("--span", type=int, nargs="+", default=[2], help="clean spans in it; faults go into the first")
    parser.add_argument("--images", type=int, default=150, help="of a generated span")
    parser.add_argument("--clean", type=int, default=CLEAN, help="number of clean spans")
    parser.add_argument("--only", nargs="*", help="faults to plant, by name")
    parser.add_argument("--set", action="append", default=[], metavar="KEY=VALUE")
    arguments = parser.parse_args()
    name = arguments.name or next((arguments.root / "serving").iterdir()).name
    served = registry_of(arguments.root, name).served()
    if served is None:
        parser.error(f"--root {arguments.root}: no model is served there")
    settings = load_settings({}, arguments.set)
    judged = []
    with tempfile.TemporaryDirectory(prefix="ratchet-faults-") as directory:
        work = Path(directory)
        golden = arguments.data / "golden" if arguments.data else _golden(work)
        for label, fault, span in _spans(arguments, golden, work):
            judged.append(_judge(label, fault, span, golden, settings, served))
            print(_line(judged[-1]), flush=True)
    print(_sums(judged))
    return 0


def _golden(work: Path) -> Path:
    write_digits(str(work / "golden"), DigitsOptions(golden=True, images=GOLDEN_IMAGES))
    return work / "golden"


def _spans(arguments: argparse.Namespace, golden: Path, work: Path) -> Iterator[tuple[str, Fault | None, Path]]:
    for number in range(arguments.clean):
        yield f"clean-{number}", None, _clean(arguments, number, work)
    source = _clean(arguments, 0, work)
    for fault in all_faults():
        if arguments.only is None or fault.name in arguments.only:
            with tempfile.TemporaryDirectory(dir=work) as directory:
                span = Path(directory) / "span"
                plant(fault, source, golden, span)
                yield str(fault), fault, span


def _clean(arguments: argparse.Namespace, number: int, work: Path) -> Path:
    """A clean span: another generated one each, or the given spans whole and then halves of them."""
    out = work / f"clean-{number}"
    if out.exists():
        return out
    if arguments.data is None:
        write_digits(str(out), DigitsOptions(span=1000 + number, images=arguments.images))
        return out
    span = arguments.data / f"span-{arguments.span[number % len(arguments.span)]}"
    if number < len(arguments.span):
        return span
    return _half(span, out, number)


def _half(span: Path, out: Path, seed: int) -> Path:
    document = json.loads((span / "annotations.json").read_text())
    images = document["images"]
    kept = np.random.default_rng(seed).permutation(len(images))[: len(images) // 2]
    document["images"] = [images[place] for place in sorted(kept)]
    ids = {entry["id"] for entry in document["images"]}
    document["annotations"] = [entry for entry in document["annotations"] if entry["image_id"] in ids]
    out.mkdir()
    (out / "annotations.json").write_text(json.dumps(document))
    (out / "images").symlink_to((span / "images").resolve())
    return out


def _judge(
    name: str, fault: Fault | None, span: Path, golden: Path, settings: PipelineSettings, served: ServedModel
) -> Judged:
    steps = CheckSteps(
        settings=settings,
        directory=str(span),
        span=0,
        version=1,
        golden=str(golden),
        schema_file=str(DEFAULT_SCHEMA_FILE),
        served=served,
        history=History(),
    )
    started = time.monotonic()
    with tempfile.TemporaryDirectory() as scratch, contextlib.redirect_stderr(sys.stderr):
        decision = run_steps(steps, Path(scratch), Path(scratch) / "out")
    return Judged(name, fault, decision, time.monotonic() - started)


def _line(judged: Judged) -> str:
    mark = "" if judged.fault is None else ("named" if judged.named else "MISSED" if judged.first == "-" else "OTHER")
    others = ", ".join(reason.rule for reason in judged.decision.failures[1:4])
    shown = [*judged.decision.failures, *judged.decision.warnings][:1]
    actual = shown[0].actual[:90] if shown else ""
    head = f"{judged.name:<22}{judged.decision.verdict.value:<8}{mark:<8}{judged.seconds:5.1f} s  {judged.first}"
    return f"{head}  {actual}" + (f"  (also {others})" if others else "")


def _sums(judged: list[Judged]) -> str:
    clean = [each for each in judged if each.fault is None]
    faulty = [each for each in judged if each.fault is not None]
    strongest = [each for each in faulty if each.fault and each.fault.strength == 3]
    wrong = sum(bool(each.decision.failures) for each in clean)
    return (
        f"clean spans rejected: {wrong} of {len(clean)}\n"
        f"faults found: {sum(bool(each.decision.failures) for each in faulty)} of {len(faulty)}, "
        f"named rightly: {sum(each.named for each in faulty)}\n"
        f"at their strongest: found {sum(bool(each.decision.failures) for each in strongest)} of {len(strongest)}, "
        f"named rightly: {sum(each.named for each in strongest)}"
    )


if __name__ == "__main__":
    sys.exit(main())
