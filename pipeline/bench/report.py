"""The report of a bench, for a terminal, as Markdown and as JSON; pure."""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from ratchet.pipeline.bench.case_result import CaseResult, Measured, last_attempts
from ratchet.pipeline.bench.goals import Goal, goals, rules
from ratchet.pipeline.bench.judging import CountsAs, counts_as, question_of, score
from ratchet.pipeline.bench.matrix import matrix
from ratchet.pipeline.bench.tables import (
    HEADS,
    SHORT_HEADS,
    Leaks,
    Row,
    Table,
    answers,
    judged_cases,
    leaks,
    outcomes,
    shares_json,
    shown_rows,
    tables,
)
from ratchet.pipeline.terminal.plain_text import table as aligned
from ratchet.schemas.base.formatting import difference_with_interval, many

Rows = Sequence[Sequence[str]]
_GOAL_HEADS = ("", "wanted", "found", "")
_README_HEADS = (
    "regressions pushed",
    "right cause first",
    "among the first two",
    "harmless with a named cause",
    'strangers "unknown"',
    "best trivial comparator, first",
)
_HONEST = "What keeps the figures honest"


@dataclass(frozen=True)
class Report:
    """All that a bench says.

    Attributes:
        attempts: every attempt at every case.
        cases: the last ones.
        tables: see there.
        leaks: what lists of files give away.
    """

    attempts: tuple[CaseResult, ...]
    cases: tuple[CaseResult, ...]
    tables: tuple[Table, ...]
    leaks: Leaks

    @property
    def rules(self) -> list[Goal]:
        """What keeps it honest."""
        return rules(self.attempts, self.cases, self.leaks)

    def of(self, table: Table) -> list[CaseResult]:
        """The cases of a table."""
        return [case for case in judged_cases(self.cases) if case.blind is table.blind]


def report_of(attempts: Sequence[CaseResult]) -> Report:
    """The report of a bench.

    Args:
        attempts: of `read_cases`.
    """
    cases = last_attempts(attempts)
    return Report(tuple(attempts), tuple(cases), tuple(tables(cases)), leaks(cases))


def to_text(report: Report) -> str:
    """For a terminal."""
    parts = [_summary(report)]
    for table in report.tables:
        parts += [f"\n{table.title}: {_counts(table)}", _verdicts(table), *_lines(_short_rows(table))]
        parts += ["", *_lines([_GOAL_HEADS, *_goal_rows(goals(table))])]
    parts += [f"\n{_HONEST}", *_lines([_GOAL_HEADS, *_goal_rows(report.rules)])]
    return "\n".join(parts)


def to_markdown(report: Report) -> str:
    """Tables, matrices and every case."""
    parts = [f"# Bench\n\n{_summary(report)}"]
    for table in report.tables:
        parts.append(f"## {table.title}\n\n{_counts(table)}. {_verdicts(table)}.\n\n{_piped([_head(), *_rows(table)])}")
        parts.append(f"![Planted beside named]({table.file_name}.png)\n\n{matrix_markdown(report, table)}")
        parts.append(_piped([_GOAL_HEADS, *_goal_rows(goals(table))]))
    parts.append(f"## {_HONEST}\n\n{_piped([_GOAL_HEADS, *_goal_rows(report.rules)])}")
    parts.append(f"## Cases\n\n{_piped(_case_rows(report))}")
    return "\n\n".join(parts) + "\n"


def block_markdown(report: Report, command: str) -> str:
    """All tables with their matrices and goals, and what keeps them honest: for a page of the documentation.

    Args:
        report: of the bench.
        command: that ran it.
    """
    parts = [_written(report, command)]
    for table in report.tables:
        parts.append(f"### {table.title}\n\n{_counts(table)}. {_verdicts(table)}.")
        parts.append(_piped([_head(), *_rows(table)]))
        parts.append(matrix_markdown(report, table))
        parts.append(_piped([_GOAL_HEADS, *_goal_rows(goals(table))]))
    parts.append(f"### {_HONEST}\n\n{_piped([_GOAL_HEADS, *_goal_rows(report.rules)])}")
    return "\n\n".join(parts)


def readme_markdown(report: Report, command: str, picture: str) -> str:
    """What the README shows: the diagnosis in each mode beside the best comparator, and the first matrix.

    Args:
        report: of the bench.
        command: that ran it.
        picture: path of the picture.
    """
    parts = [_written(report, command), _piped([["", *_README_HEADS], *map(_readme_row, report.tables)])]
    if report.tables:
        first = report.tables[0]
        parts.append(f"{first.title}: planted causes in rows, named ones in columns. [As a picture]({picture})")
        parts.append(matrix_markdown(report, first))
    return "\n\n".join(parts)


def _readme_row(table: Table) -> list[str]:
    own, best = table.product, table.best_comparator
    other = f"{best.name}: {best.scores.first}" if best else "-"
    shares = (table.verdicts.regressions_pushed, own.first, own.first_two, own.harmless_named, own.strangers_unknown)
    return [table.title, *map(str, shares), other]


def _written(report: Report, command: str) -> str:
    codes = ", ".join(sorted({case.code for case in report.cases}))
    return f"{_summary(report)}. Command: `{command}`; code: {codes}."


def matrix_markdown(report: Report, table: Table) -> str:
    """Planted causes beside named ones; answers that were never given have no column."""
    found = matrix(report.of(table), answers(report.of(table), table.mode))
    columns = [place for place, _ in enumerate(found.named) if any(counts[place] for counts in found.counts)]
    head = ["planted \\ named", *(found.named[place].replace("_", " ") for place in columns), "n"]
    rows = [
        [row.replace("_", " "), *(str(counts[place] or "") for place in columns), str(sum(counts))]
        for row, counts in zip(found.planted, found.counts)
    ]
    return _piped([head, *rows])


def to_json(report: Report) -> dict[str, Any]:
    """All figures, and what became of every case."""
    return {
        "cases": len(report.cases),
        "attempts": len(report.attempts),
        "tables": [_table_json(table) for table in report.tables],
        "rules": [dataclasses.asdict(rule) for rule in report.rules],
        "judged": [_case_json(case) for case in report.cases],
    }


def _table_json(table: Table) -> dict[str, Any]:
    return {
        "mode": table.mode,
        "blind": table.blind,
        "split": table.split.value,
        "cases": table.cases,
        "verdicts": shares_json(table.verdicts),
        "rows": [{"name": row.name, **shares_json(row.scores)} for row in table.rows],
        "signals": [{"name": row.name, **shares_json(row.scores)} for row in table.signals],
        "goals": [dataclasses.asdict(goal) for goal in goals(table)],
    }


def _case_json(case: CaseResult) -> dict[str, Any]:
    values = {"case": case.number, "attempt": case.attempt, "counts_as": counts_as(case).value, "error": case.error}
    return values | {mode: answers([case], mode).get(case.number) for mode in ("observing", "enforcing")}


def _summary(report: Report) -> str:
    sources = sorted({case.source for case in report.cases})
    judged = judged_cases(report.cases)
    split = judged[0].split.value if judged else "no"
    return f"{many(len(report.cases), 'case')} of {', '.join(sources)}; judged by the {len(judged)} {split} cases"


def _counts(table: Table) -> str:
    return ", ".join(f"{count} {kind}" for kind, count in table.cases.items() if count)


def _verdicts(table: Table) -> str:
    found = table.verdicts
    return (
        f"Regressions pushed: {found.regressions_pushed}; good candidates blocked: {found.good_blocked}; "
        f"pushed at all: {found.pushed}"
    )


def _head() -> list[str]:
    return ["", *HEADS.values()]


def _rows(table: Table) -> list[list[str]]:
    return [_cells(row) for row in shown_rows(table)]


def _short_rows(table: Table) -> list[list[str]]:
    rows = [[row.name, *(getattr(row.scores, name).short for name in HEADS)] for row in shown_rows(table)]
    return [["", *SHORT_HEADS], *rows]


def _cells(row: Row) -> list[str]:
    return [row.name, *(str(getattr(row.scores, name)) for name in HEADS)]


def _goal_rows(found: Sequence[Goal]) -> list[tuple[str, ...]]:
    return [(goal.name, goal.wanted, goal.found, goal.reached.value) for goal in found]


def _case_rows(report: Report) -> list[list[str]]:
    head = ["case", "planned as", "planted", "counts as", "true difference", "on golden", "gate", "observing", "answer"]
    rows = [head]
    for case in report.cases:
        said = outcomes([case], "observing").get(case.number)
        right = said is not None and _is_right(case)
        rows.append(
            [
                f"{case.number}{' blind' if case.blind else ''}",
                f"{case.group.value}, {case.split.value}",
                " and ".join(map(str, case.planted)) or "-",
                counts_as(case).value,
                _difference(case.truth),
                _difference(case.golden),
                (case.gate.first_failed or case.gate.verdict.value) if case.gate else "-",
                said.verdict.value if said else f"failed: {case.error}",
                f"{said.cause.title}{'' if right else ' (wrong)'}" if said else "-",
            ]
        )
    return rows


def _is_right(case: CaseResult) -> bool:
    scores = score([question_of(case)], answers([case], "observing"))
    wrong = scores.harmless_named.hits
    right = scores.first.hits + scores.pairs.hits + scores.strangers_unknown.hits
    return right > 0 or (counts_as(case) in (CountsAs.HARMLESS, CountsAs.LEFT_OUT) and not wrong)


def _difference(measured: Measured | None) -> str:
    return difference_with_interval(measured.delta.value, measured.delta.interval) if measured else "-"


def _lines(rows: Rows) -> list[str]:
    return aligned([[str(cell) for cell in row] for row in rows])


def _piped(rows: Rows) -> str:
    lines = ["| " + " | ".join(cell.replace("|", "\\|") for cell in row) + " |" for row in rows]
    return "\n".join([lines[0], "|" + "---|" * len(rows[0]), *lines[1:]])
