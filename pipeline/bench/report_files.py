"""Reads one bench or several, and writes their report."""

from __future__ import annotations

import dataclasses
import json
from collections.abc import Sequence
from pathlib import Path

from ratchet.pipeline.bench.case_result import CaseResult, read_cases
from ratchet.pipeline.bench.chart import write_charts
from ratchet.pipeline.bench.report import Report, report_of, to_json, to_markdown
from ratchet.schemas.base.errors import InputError
from ratchet.schemas.base.files import reason_of, write_durably


def read_benches(directories: Sequence[Path]) -> list[CaseResult]:
    """Every attempt at every case of some benches.

    Args:
        directories: of benches; where there are several, numbers of cases begin with the directory's name.

    Raises:
        InputError: two directories have the same name.
        StateError: one is no bench, or a result cannot be read.
    """
    names = [directory.resolve().name for directory in directories]
    if len(set(names)) < len(names):
        twice = next(name for name in names if names.count(name) > 1)
        raise InputError(f"--dir: two directories are called {twice}, which cases are told apart by; rename one")
    if len(names) == 1:
        return read_cases(directories[0])
    return [
        dataclasses.replace(case, number=f"{name}/{case.number}")
        for name, directory in zip(names, directories)
        for case in read_cases(directory)
    ]


def write_report(directories: Sequence[Path], out: Path, charts: bool = True) -> Report:
    """Writes `report.md`, `report.json` and the pictures.

    Args:
        directories: of benches.
        out: directory to write into; made if need be.
        charts: whether to draw, which needs matplotlib.

    Raises:
        ConfigError: matplotlib is not installed.
        InputError: nothing can be written there.
        StateError: one is no bench.
    """
    report = report_of(read_benches(directories))
    try:
        out.mkdir(parents=True, exist_ok=True)
        write_durably(out / "report.md", to_markdown(report))
        write_durably(out / "report.json", json.dumps(to_json(report), indent=1))
        if charts:
            write_charts(report, out)
    except OSError as error:
        raise InputError(f"--out {out}: cannot be written ({reason_of(error)}); give another directory") from error
    return report
