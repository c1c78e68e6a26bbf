"""What a bench may take from another one of the same data: data and baseline, and runs that would be the same again."""

from __future__ import annotations

import shutil
from dataclasses import replace
from pathlib import Path

from ratchet.pipeline.bench.case_result import CASE_RESULT_FORMAT, CASES_DIRECTORY, MATERIAL_DIRECTORY, CaseResult
from ratchet.pipeline.bench.cases import Case
from ratchet.schemas.base.errors import InputError

_SHARED = ("data", "baseline", "matches")
_BUNDLE = "bundle"


def borrow_baseline(like: Path, directory: Path) -> None:
    """Copies generated data, baseline and what was measured of it, unless they are there.

    Args:
        like: directory of the bench to take from.
        directory: of the bench that takes.

    Raises:
        InputError: that bench has no baseline.
    """
    if not (like / "baseline").is_dir():
        raise InputError(f"--like {like}: no baseline is there yet; give the directory of a bench that has run a case")
    for name in _SHARED:
        if (like / name).is_dir() and not (directory / name).exists():
            copying = directory / f"{name}.copying"
            shutil.rmtree(copying, ignore_errors=True)
            shutil.copytree(like / name, copying)
            copying.rename(directory / name)


def borrowed(case: Case, like: Path, directory: Path, wanted: dict[str, str]) -> CaseResult | None:
    """The result of the same run in another bench, with copies of what was kept of it.

    A blind case of which nothing was changed below the policy is trained as the open one is: only what the diagnosis is
    told differs.

    Args:
        case: to be run.
        like: directory of the other bench.
        directory: of the bench that takes.
        wanted: digests that the result has to have, beside the case's own.

    Returns:
        The result, whose answers are those of the other bench, or None.
    """
    same = replace(case, blind=False)  # one with edits below the policy has no like among open cases
    for result in reversed(attempts(like, same)):
        kept = like / CASES_DIRECTORY / case.number / _BUNDLE
        if not result.error and {**wanted, "case": same.digest}.items() <= result.digests.items() and kept.is_dir():
            _copy(kept, directory / CASES_DIRECTORY / case.number / _BUNDLE)
            _copy(like / MATERIAL_DIRECTORY / case.number, directory / MATERIAL_DIRECTORY / case.number)
            return replace(result, blind=case.blind, digests={**result.digests, "case": case.digest})
    return None


def attempts(directory: Path, case: Case) -> list[CaseResult]:
    """All results of a case, in the order in which they were made."""
    paths = (directory / CASES_DIRECTORY).glob(f"{case.number}-*.json")
    results = [CASE_RESULT_FORMAT.read(path.read_text(encoding="utf-8"), str(path)) for path in paths]
    return sorted(results, key=lambda result: result.attempt)


def _copy(source: Path, out: Path) -> None:
    shutil.rmtree(out, ignore_errors=True)
    if source.is_dir():
        shutil.copytree(source, out)
