"""Does the data gate find planted faults, name them rightly, and leave clean spans alone?

    python -m benchmarks.data_faults --root ratchet-demo/root                         # generated digits
    python -m benchmarks.data_faults --root my-root --data my-data --span 2 3 ...     # your own pipeline root and data

Every fault of a file (`benchmarks/faults.yaml`, or your own with --faults) is planted at its strengths, in several
draws: each takes other images of the spans and other random choices, and the gate judges it as in a run. Natural spans
without a fault are judged beside them.
"""

from __future__ import annotations

import argparse
import contextlib
import hashlib
import json
import sys
import tempfile
import traceback
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from benchmarks.data_faults_table import CRASH, Judged, table_of
from benchmarks.faults import FAULTS_FILE, Fault, plant, read_faults
from benchmarks.gate_judge import GateJudge, Read, ToJudge
from benchmarks.natural_distances import distance_table, distances
from benchmarks.natural_spans import generated_span, generated_spans, natural_spans
from ratchet.pipeline.bench import planting
from ratchet.pipeline.config.pipeline_settings import load_settings
from ratchet.pipeline.demo.digits import DigitsOptions, write_digits
from ratchet.pipeline.root.roots import registry_of, serving_name
from ratchet.schemas.base.errors import RatchetError, StateError

GOLDEN_IMAGES = 200
_TOGETHER = 12  # spans that are read in one go


@dataclass(frozen=True)
class Case:
    """A span to judge.

    Attributes:
        name: what it is.
        fault: what is planted; None: nothing.
        draw: the seed.
        source: what it is planted into, or the clean span itself.
    """

    name: str
    fault: Fault | None
    draw: int
    source: Path


def main() -> int:
    """Runs the benchmark and prints a line a span, then the table."""
    arguments = _arguments()
    try:
        return _run(arguments)
    except RatchetError as error:
        print(f"data_faults: {error}", file=sys.stderr)
        return 2


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--root", type=Path, required=True, help="pipeline root with a served model")
    parser.add_argument("--data", type=Path, help="directory of span-N and golden; default: digits are generated")
    parser.add_argument("--span", type=int, nargs="+", default=[2], help="clean spans in it, which faults go into")
    parser.add_argument("--trained", type=Path, help="the data set that the served model was trained on")
    parser.add_argument("--faults", type=Path, default=FAULTS_FILE, help="YAML or JSON like benchmarks/faults.yaml")
    parser.add_argument("--scored", action="store_true", help="the strengths that no limit was chosen by")
    parser.add_argument("--only", nargs="*", help="faults to plant, by name; none: clean spans alone")
    parser.add_argument("--draws", type=int, default=10, help="of each fault and strength")
    parser.add_argument("--first-draw", type=int, default=0, help="seed of the first draw")
    parser.add_argument("--images", type=int, default=60, help="of a span that a fault is planted into")
    parser.add_argument("--no-clean", action="store_true", help="judge no clean spans")
    parser.add_argument("--cache", type=Path, help="directory to keep what is costly in; default: a temporary one")
    parser.add_argument("--json", type=Path, help="file to write every judgement to")
    parser.add_argument("--distances", action="store_true", help="print how far the clean spans are from each other")
    parser.add_argument("--set", action="append", default=[], metavar="KEY=VALUE", help="a setting of the gate")
    return parser.parse_args()


def _run(arguments: argparse.Namespace) -> int:
    registry = registry_of(arguments.root, serving_name(arguments.root))
    served = registry.served()
    if served is None:
        raise StateError(f"--root {arguments.root}: no model is served there; run the pipeline once, which serves one")
    faults = [
        fault
        for fault in read_faults(arguments.faults, arguments.scored)
        if (arguments.only is None or fault.name in arguments.only)
        and (fault.plant != "delivered-again" or arguments.trained)
    ]
    with contextlib.ExitStack() as stack:
        work = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="ratchet-faults-")))
        cache = arguments.cache or work / "cache"
        judge = GateJudge(served, registry.history(), load_settings({}, arguments.set), cache)
        golden = arguments.data / "golden" if arguments.data else _golden(work)
        planter = Planter(judge, golden, arguments.images, arguments.trained, cache)
        cases = [*_clean(arguments, work), *_faulty(arguments, faults, work)]
        judged = []
        for start in range(0, len(cases), _TOGETHER):
            some = cases[start : start + _TOGETHER]
            for case, read in zip(some, planter.read(some)):
                judged.append(_judged(judge, case, read))
                print(f"{len(judged):>5} of {len(cases)}  {judged[-1].line}", flush=True)
                if arguments.json is not None:
                    arguments.json.write_text(json.dumps([each.to_json() for each in judged], indent=1))
        print(table_of(judged))
        if arguments.distances:
            _print_distances(judge, planter, [case for case in cases if case.fault is None])
    return 0


def _judged(judge: GateJudge, case: Case, read: Read) -> Judged:
    try:
        return Judged.of(case.name, case.fault, case.draw, judge.judge(read))
    except Exception as error:  # whatever it is: the gate should have decided
        place = traceback.extract_tb(error.__traceback__)[-1]
        found = f"{type(error).__name__} in {Path(place.filename).name}:{place.lineno}: {error}"
        return Judged(case.name, case.fault, case.draw, CRASH, "-", found, ())


def _print_distances(judge: GateJudge, planter: Planter, clean: Sequence[Case]) -> None:
    reads = planter.read(clean)
    samples = {case.name: judge.inputs(read).span_sample.sample for case, read in zip(clean, reads)}
    whole = frozenset(name for name in samples if ", part " not in name)
    print("\n" + distance_table(distances(samples, whole)))


def _golden(work: Path) -> Path:
    write_digits(str(work / "golden"), DigitsOptions(golden=True, images=GOLDEN_IMAGES))
    return work / "golden"


def _draws(arguments: argparse.Namespace) -> list[int]:
    return list(range(arguments.first_draw, arguments.first_draw + arguments.draws))


def _clean(arguments: argparse.Namespace, work: Path) -> Iterator[Case]:
    if arguments.no_clean:
        return
    if arguments.data is None:
        spans = generated_spans(_draws(arguments), arguments.images, work)
    else:
        spans = natural_spans(arguments.data, arguments.span, work)
    for name, directory in spans:
        yield Case(name, None, 0, directory)


def _faulty(arguments: argparse.Namespace, faults: Sequence[Fault], work: Path) -> Iterator[Case]:
    for draw in _draws(arguments):
        for fault in faults:
            yield Case(str(fault), fault, draw, _source(arguments, draw, work))


def _source(arguments: argparse.Namespace, draw: int, work: Path) -> Path:
    if arguments.data is None:
        return generated_span(draw, arguments.images, work)
    return arguments.data / f"span-{arguments.span[draw % len(arguments.span)]}"


@dataclass(frozen=True)
class Planter:
    """Plants faults and has the results read, unless a cache knows them already."""

    judge: GateJudge
    golden: Path
    images: int
    trained: Path | None
    cache: Path

    def read(self, cases: Sequence[Case]) -> list[Read]:
        """What each case is as data that was read."""
        (self.cache / "planted").mkdir(parents=True, exist_ok=True)
        notes = [self.cache / "planted" / self._key(case) for case in cases]
        reads = [Read(**json.loads(note.read_text())) if note.exists() else None for note in notes]
        fresh = [place for place, read in enumerate(reads) if read is None or not self.judge.is_here(read)]
        with tempfile.TemporaryDirectory(prefix="ratchet-planted-") as work:
            sets = [self._planted(cases[place], Path(work) / str(place)) for place in fresh]
            for place, read in zip(fresh, self.judge.read(sets)):
                notes[place].write_text(json.dumps(vars(read)))
                reads[place] = read
        return [read for read in reads if read is not None]

    def _planted(self, case: Case, out: Path) -> ToJudge:
        if case.fault is None:
            return ToJudge(case.source, self.golden)
        span = out / "span"
        golden = plant(case.fault, case.source, self.golden, span, case.draw, self.images, self.trained)
        return ToJudge(span, golden, accept_new_golden=golden != self.golden)

    def _key(self, case: Case) -> str:
        """Of everything that what is planted depends on."""
        digest = hashlib.sha256(repr((case.fault, case.draw, self.images)).encode())
        for directory in (case.source, self.golden, self.trained):
            digest.update((directory / "annotations.json").read_bytes() if directory else b"-")
        engine = Path(planting.__file__).parent
        for path in (Path(__file__).parent / "faults.py", engine / "planting.py", *sorted(engine.glob("fault_*.py"))):
            digest.update(path.read_bytes())
        return digest.hexdigest()[:24]


if __name__ == "__main__":
    sys.exit(main())
