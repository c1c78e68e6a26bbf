"""Writes what figures the diagnosis was tried on, from the calibration cases of benches that were run.

python -m benchmarks.seen_signals BENCH [BENCH ...] [--out components/diagnosis/seen.json]
"""

from __future__ import annotations

import argparse
import math
import sys
from collections.abc import Iterable, Sequence
from pathlib import Path

from ratchet.components.diagnosis.seen import SEEN_FILE, SEEN_FORMAT, SeenSignals
from ratchet.pipeline.bench.case_result import CaseResult, Split, last_attempts, read_cases
from ratchet.schemas.base.errors import InputError, RatchetError

_DIGITS = 4


def seen_in(results: Iterable[CaseResult]) -> SeenSignals:
    """Lowest and highest value of each signal, by `CAUSE/NAME`, in calibration cases that came to an end.

    Args:
        results: of any cases; those that are scored must not be looked at, and are not.

    Raises:
        InputError: none of them is a calibration case with signals.
    """
    cases = [case for case in results if case.split is Split.CALIBRATION and not case.error and case.signals]
    if not cases:
        raise InputError("no calibration case with signals is among them; give a bench that was run with calibration")
    values: dict[str, list[float]] = {}
    for case in cases:
        for title, value in case.signals.items():
            finding, _, name = title.partition("/")
            if value is not None and math.isfinite(value):
                values.setdefault(f"{finding.partition(':')[0]}/{name}", []).append(float(f"{value:.{_DIGITS}g}"))
    return SeenSignals(len(cases), {name: (min(of), max(of)) for name, of in sorted(values.items())})


def main(arguments: Sequence[str] | None = None) -> int:
    """Reads what was run, and writes the ranges."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("benches", type=Path, nargs="+", metavar="BENCH", help="directory of a bench that was run")
    parser.add_argument("--out", type=Path, default=SEEN_FILE, help="where to write")
    options = parser.parse_args(arguments)
    try:
        seen = seen_in(case for bench in options.benches for case in last_attempts(read_cases(bench)))
    except RatchetError as error:
        print(f"seen_signals: {error}", file=sys.stderr)
        return 2
    options.out.write_text(f"{SEEN_FORMAT.write(seen)}\n", encoding="utf-8")
    print(f"{len(seen.ranges)} signals of {seen.cases} cases: {options.out}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
