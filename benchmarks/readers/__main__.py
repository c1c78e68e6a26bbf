"""Reads the tests' exports, and cases, with libraries and with Ratchet, and counts what is right, refused and wrong.

python -m benchmarks.readers PYTHON [--cases DIR] [--details]

PYTHON is that of an environment with datumaro, supervision, pylabel, globox and pycocotools.
"""

from __future__ import annotations

import argparse
import json
import logging
import subprocess
import sys
import tempfile
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

from benchmarks.readers import foreign, ours
from benchmarks.readers.cases import cases
from benchmarks.readers.deliveries import Delivery, exports
from benchmarks.readers.judging import Outcome, Verdict, judge

OURS = "Ratchet"
_LONGEST_S = 900

Verdicts = dict[str, Verdict]  # by the name of the delivery


def main(arguments: list[str]) -> None:
    """Runs the command line."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("python", metavar="PYTHON")
    parser.add_argument("--cases", type=Path, metavar="DIR", help="directories with a case.md and an input/")
    parser.add_argument("--details", action="store_true", help="every delivery that was not read rightly")
    given = parser.parse_args(arguments)
    logging.disable(logging.WARNING)
    with tempfile.TemporaryDirectory() as made:
        directory = Path(made)
        deliveries = list(exports(directory / "exports"))
        if given.cases:
            deliveries += cases(given.cases, directory / "cases")
        packages, verdicts = _all_verdicts(given.python, deliveries, directory)
    lines = [*_table(deliveries, verdicts), "", *_package_table(packages)]
    if given.details:
        lines += ["", *_details(verdicts)]
    sys.stdout.write("\n".join(lines) + "\n")


def _all_verdicts(
    python: str, deliveries: Sequence[Delivery], directory: Path
) -> tuple[dict[str, dict[str, Any]], dict[str, Verdicts]]:
    packages: dict[str, dict[str, Any]] = {}
    verdicts = {OURS: {each.name: _own_verdict(each, directory / "out" / each.name) for each in deliveries}}
    for reader in foreign.READERS:
        document = _asked(python, reader, deliveries, directory)
        packages[reader.split(",")[0]] = document["package"]
        answers = document["answers"]
        verdicts[reader] = {each.name: judge(each, answers[each.name]) for each in deliveries}
    return packages, verdicts


def _own_verdict(delivery: Delivery, out: Path) -> Verdict:
    answer = ours.answer(delivery, out)
    if not delivery.truth and "error" not in answer:
        delivery = replace(delivery, truth=ours.truth_within(out), classes=tuple(answer["classes"]))
    return judge(delivery, answer)


def _asked(python: str, reader: str, deliveries: Sequence[Delivery], directory: Path) -> dict[str, Any]:
    """What a reader in another Python answers."""
    known, out = directory / "deliveries.json", directory / "answers.json"
    known.write_text(json.dumps([each.to_json() for each in deliveries]), encoding="utf-8")
    command = [python, str(Path(foreign.__file__)), reader, str(known), str(out)]
    done = subprocess.run(command, capture_output=True, text=True, timeout=_LONGEST_S, cwd=directory, check=False)
    if done.returncode:
        raise SystemExit(f"{reader}: {done.stderr[-2000:]}")
    return json.loads(out.read_text(encoding="utf-8"))


def _table(deliveries: Sequence[Delivery], verdicts: dict[str, Verdicts]) -> list[str]:
    groups = {each.group: [other.name for other in deliveries if other.group == each.group] for each in deliveries}
    lines = []
    for group, names in groups.items():
        lines += [f"{group} ({len(names)})", "", f"| reader | {' | '.join(each.value for each in Outcome)} |"]
        lines.append("|---|" + "---|" * len(Outcome))
        for reader, found in verdicts.items():
            outcomes = [found[name].outcome for name in names]
            lines.append(f"| {reader} | {' | '.join(str(outcomes.count(each)) for each in Outcome)} |")
        lines.append("")
    return lines[:-1]


def _package_table(packages: dict[str, dict[str, Any]]) -> list[str]:
    lines = ["| library | version | packages it needs | MB with them |", "|---|---|---|---|"]
    return lines + [
        f"| {name} | {each['version']} | {each['dependencies']} | {each['megabytes']} |"
        for name, each in packages.items()
    ]


def _details(verdicts: dict[str, Verdicts]) -> list[str]:
    return [
        f"{reader}: {name}: {verdict.outcome.value}: {verdict.why[:300]}"
        for reader, found in verdicts.items()
        for name, verdict in found.items()
        if verdict.outcome not in (Outcome.RIGHT, Outcome.NO_READER)
    ]


if __name__ == "__main__":
    main(sys.argv[1:])
