"""Answers to an exported bench, whoever gave them: `[{"case": "001", "ranking": ["annotation", "unknown"]}, ...]`."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ratchet.pipeline.bench.case_result import Split
from ratchet.pipeline.bench.judging import Answers, CountsAs, Question, cause_of, score
from ratchet.pipeline.bench.tables import HEADS, Row, shares_json
from ratchet.pipeline.terminal.plain_text import table
from ratchet.schemas.artifacts.diagnosis import CAUSES, NOTHING, UNKNOWN
from ratchet.schemas.base.checked_json import shown
from ratchet.schemas.base.errors import InputError
from ratchet.schemas.base.files import read_regular, reason_of
from ratchet.schemas.base.formatting import listed, many
from ratchet.schemas.base.persisted import PersistedFormat
from ratchet.schemas.base.visible import visible_line

KEY_FILE = "key.json"
KNOWN = (*CAUSES, UNKNOWN, NOTHING)
_EXAMPLE = '[{"case": "001", "ranking": ["annotation", "dataset_shift"]}]'
_SHOWN = 5


@dataclass(frozen=True)
class Key:
    """What the right answers are.

    Attributes:
        cases: of the export.
    """

    cases: tuple[Question, ...]


KEY_FORMAT = PersistedFormat(Key, "the key of an exported bench", 1, "export the bench again")


def answers_json(answers: Answers) -> str:
    """The text of a file of answers, by case."""
    entries = [json.dumps({"case": case, "ranking": list(answers[case])}) for case in sorted(answers)]
    return "[\n" + ",\n".join(entries) + "\n]\n"


def read_key(path: Path) -> Key:
    """The key of an export.

    Raises:
        InputError: there is none.
        StateError: it is none.
    """
    return KEY_FORMAT.read(_text(path, f"give the {KEY_FILE} that the export wrote, with --key"), str(path))


def read_answers(path: Path, questions: Sequence[Question]) -> Answers:
    """A file of answers.

    Args:
        path: of the file.
        questions: the cases that there are.

    Raises:
        InputError: it cannot be read, or an answer is malformed; says which case, and how it should be.
    """
    text = _text(path, f"give a file such as {_EXAMPLE}")
    try:
        entries = json.loads(text)
    except (ValueError, RecursionError) as error:
        raise InputError(f"{path}: is not JSON ({error}); write a list such as {_EXAMPLE}") from error
    if not isinstance(entries, list):
        raise InputError(f"{path}: {shown(entries)} is no list of answers; write {_EXAMPLE}")
    answers: dict[str, tuple[str, ...]] = {}
    known = {question.case for question in questions}
    for place, entry in enumerate(entries, start=1):
        case = _case(path, place, entry, known)
        if case in answers:
            raise InputError(f"{path}: case {case}: is answered twice; leave one of the answers out")
        answers[case] = _ranking(path, case, entry)
    return answers


def _text(path: Path, fix: str) -> str:
    try:
        return read_regular(path)
    except (OSError, UnicodeDecodeError) as error:
        raise InputError(f"{path}: cannot be read ({reason_of(error)}); {fix}") from error


def _case(path: Path, place: int, entry: Any, known: set[str]) -> str:
    if not isinstance(entry, Mapping) or "case" not in entry:
        raise InputError(
            f'{path}: answer {place}: {shown(entry)} names no case; write {{"case": "001", "ranking": [...]}}'
        )
    case = entry["case"]
    if not isinstance(case, str):
        raise InputError(f'{path}: answer {place}: case = {shown(case)}: must be a text, "001" and not 1')
    if case not in known:
        there = f"cases are {min(known)} to {max(known)}" if known else "the key has no case"
        raise InputError(f"{path}: case {visible_line(case)[:40]}: is not in the key; {there}")
    return case


def _ranking(path: Path, case: str, entry: Mapping[str, Any]) -> tuple[str, ...]:
    ranking = entry.get("ranking")
    if not isinstance(ranking, list) or not ranking or not all(isinstance(title, str) for title in ranking):
        given = shown(ranking) if "ranking" in entry else "missing"
        raise InputError(
            f"{path}: case {case}: ranking is {given}: must be a list of causes, the likeliest first, such as "
            f'["annotation", "unknown"]; answer ["{UNKNOWN}"] where you know none'
        )
    for title in ranking:
        if cause_of(title) not in KNOWN:
            raise InputError(
                f"{path}: case {case}: {shown(title)} is no cause; causes are {', '.join(KNOWN)}, each with a detail "
                "behind a colon if you know it"
            )
    return tuple(ranking)


@dataclass(frozen=True)
class Scored:
    """Files of answers on the same cases.

    Attributes:
        title: of the cases: `score`, `score, blind`.
        counts: how many there are of each kind.
        rows: one a file.
        unanswered: by file, the cases without an answer, which count as "unknown".
    """

    title: str
    counts: dict[str, int]
    rows: tuple[Row, ...]
    unanswered: dict[str, tuple[str, ...]]


def score_answers(key: Key, files: Sequence[Path]) -> list[Scored]:
    """Scores files of answers, on the cases whose answers were not given out, blind cases apart.

    Args:
        key: of the export.
        files: answers.

    Raises:
        InputError: see `read_answers`.
    """
    given = {str(path): read_answers(path, key.cases) for path in files}
    judged = [each for each in key.cases if each.split is Split.SCORE] or list(key.cases)
    return [
        _scored([each for each in judged if each.blind is blind], given)
        for blind in (False, True)
        if any(each.blind is blind for each in judged)
    ]


def _scored(questions: Sequence[Question], given: Mapping[str, Answers]) -> Scored:
    kinds = [each.counts_as for each in questions]
    return Scored(
        title=f"{questions[0].split.value}{', blind' if questions[0].blind else ''}",
        counts={kind.value: kinds.count(kind) for kind in CountsAs if kind in kinds},
        rows=tuple(Row(name, score(questions, answers)) for name, answers in given.items()),
        unanswered={
            name: missing
            for name, answers in given.items()
            if (missing := tuple(each.case for each in questions if each.case not in answers))
        },
    )


def scored_text(found: Sequence[Scored]) -> str:
    """For a terminal: figures in rows, files in columns, each with its 95 % interval."""
    parts = []
    for scored in found:
        counts = ", ".join(f"{count} {kind}" for kind, count in scored.counts.items())
        rows = [["", *(visible_line(row.name) for row in scored.rows)]]
        rows += [[head, *(str(getattr(row.scores, name)) for row in scored.rows)] for name, head in HEADS.items()]
        parts.append("\n".join([f"{scored.title}: {counts}", *table(rows)]))
        parts += [
            f'{visible_line(name)}: no answer to {many(len(missing), "case")}, which count as "unknown": '
            f"{listed(missing, _SHOWN)}"
            for name, missing in scored.unanswered.items()
        ]
    return "\n\n".join(parts)


def scored_json(found: Sequence[Scored]) -> dict[str, Any]:
    """The same figures."""
    return {
        scored.title: {
            "cases": scored.counts,
            "rows": {row.name: shares_json(row.scores) for row in scored.rows},
            "unanswered": {name: list(missing) for name, missing in scored.unanswered.items()},
        }
        for scored in found
    }
