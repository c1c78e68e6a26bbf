"""Two runs beside each other, as plain values: what differs between them, and whether it is a difference; pure."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, NamedTuple

from ratchet.components.pages.fact_words import fact_rows
from ratchet.components.pages.numbers import NOTHING, change, interval, score
from ratchet.components.pages.rule_words import rule_subject, rule_title
from ratchet.schemas.artifacts.cause_words import cause_title, in_words
from ratchet.schemas.artifacts.diagnosis import Cause, Diagnosis, DiagnosisState
from ratchet.schemas.artifacts.evaluation import DataSetEvaluation, Delta, Evaluation
from ratchet.schemas.artifacts.run_result import RunResult
from ratchet.schemas.artifacts.training_record import TrainingRecord
from ratchet.schemas.base.differences import Clarity
from ratchet.schemas.base.formatting import many, minute
from ratchet.schemas.data.dataset import DataSetInfo

_OF_PARTS = ("class_drop:", "slice_drop:")  # of each class and slice, which stand in a table of their own


class Pair(NamedTuple):
    """One entry of both runs, as text.

    Attributes:
        name: what it is.
        first: its value in the first run.
        second: its value in the second.
    """

    name: str
    first: str
    second: str

    @property
    def differs(self) -> bool:
        """Whether the two values are different."""
        return self.first != self.second


@dataclass(frozen=True)
class RunSide:
    """One of the runs, with what is still there of it.

    Attributes:
        run_id: its name.
        result: how it ended.
        golden_digest: the golden set of its decision; None if it came to none.
        evaluation: what was measured; None where nothing was, or that is gone, as all of these.
        record: of its candidate's training.
        data: its span.
        diagnosis: why mAP fell.
        settings: what the run was asked for.
        page: address of its page from the page of the difference.
        missing: what could not be read, and why; sentences.
    """

    run_id: str
    result: RunResult
    golden_digest: str | None = None
    evaluation: Evaluation | None = None
    record: TrainingRecord | None = None
    data: DataSetInfo | None = None
    diagnosis: Diagnosis | None = None
    settings: Mapping[str, Any] = field(default_factory=dict)
    page: str | None = None
    missing: tuple[str, ...] = ()


class Moved(NamedTuple):
    """A class or slice of both candidates.

    Attributes:
        name: of it.
        kind: `class` or `slice`.
        first: AP or mAP of the first run's candidate.
        second: that of the second run's.
        delta: second minus first.
    """

    name: str
    kind: str
    first: float | None
    second: float | None
    delta: Delta

    @property
    def is_clear(self) -> bool:
        """Whether the interval of the difference leaves 0 out."""
        return self.delta.clarity is Clarity.CLEAR


@dataclass(frozen=True)
class RunDiff:
    """What two runs have and have not in common.

    Attributes:
        first: one run.
        second: the other; differences are this minus the first.
        measured: the second candidate against the first on the golden set that both were measured on; None where they
            were measured on different ones, or where what is needed is gone.
        why_not: why that is so; empty otherwise.
        records: entries of the two training records; empty where one is gone.
    """

    first: RunSide
    second: RunSide
    measured: DataSetEvaluation | None = None
    why_not: str = ""
    records: tuple[Pair, ...] = ()

    @property
    def delta(self) -> Delta | None:
        """The difference of mAP with its interval; None where it means nothing."""
        return self.measured.deltas.overall if self.measured and self.measured.deltas else None

    def moved(self) -> list[Moved]:
        """Classes and slices, the largest fall first."""
        compared = self.measured and self.measured.compared
        if compared is None or compared.baseline is None or compared.deltas is None:
            return []
        parts = (
            ("class", compared.baseline.per_class, compared.candidate.per_class, compared.deltas.per_class),
            ("slice", compared.baseline.per_slice, compared.candidate.per_slice, compared.deltas.per_slice),
        )
        found = [
            Moved(name, kind, first.get(name), second.get(name), delta)
            for kind, first, second, deltas in parts
            for name, delta in deltas.items()
            if delta.value is not None
        ]
        return sorted(found, key=lambda each: each.delta.value or 0.0)

    def overview(self) -> list[Pair]:
        """How both ended."""
        sides = [_overview(side) for side in (self.first, self.second)]
        return [Pair(name, sides[0][name], sides[1][name]) for name in sides[0]]

    def settings(self) -> list[Pair]:
        """The settings that differ, of what both runs were asked for."""
        if not self.first.settings or not self.second.settings:
            return []
        return [
            pair
            for pair in _paired(dict(_flat(self.first.settings)), dict(_flat(self.second.settings)))
            if pair.differs
        ]

    def data(self) -> list[Pair]:
        """What was counted in the two spans; empty where one of them is gone."""
        if self.first.data is None or self.second.data is None:
            return []
        return _paired(*(_data(side.data) for side in (self.first, self.second) if side.data))

    def rules(self) -> list[Pair]:
        """The rules that failed in one of the runs, and what became of them in the other; classes and slices apart."""
        states = [{reason.rule: reason for reason in side.result.reasons} for side in (self.first, self.second)]
        names = dict.fromkeys(
            reason.rule
            for side in states
            for reason in side.values()
            if not reason.passed and reason.tested and not reason.rule.startswith(_OF_PARTS)
        )
        return [Pair(_rule(name, states), *(_found(side.get(name)) for side in states)) for name in names]

    def causes(self) -> list[Pair]:
        """What the two diagnoses say of each cause that one of them does not rule out."""
        found = [_causes(side.diagnosis) for side in (self.first, self.second)]
        return [pair for pair in _paired(*found) if {pair.first, pair.second} - {NOTHING, "refuted", "not testable"}]


def _rule(name: str, states: Sequence[Mapping[str, Any]]) -> str:
    failed = all(name in side and not side[name].passed for side in states)
    return rule_title(name, passed=False) if failed else rule_subject(name).replace("Map ", "mAP ", 1)


def _found(reason: Any) -> str:
    return NOTHING if reason is None else f"{reason.state.value}: {reason.actual}"


def _overview(side: RunSide) -> dict[str, str]:
    result, first = side.result, side.result.decisive
    ends = f" ({interval(result.delta_ci)})" if result.delta_ci else ""
    return {
        "verdict": result.verdict.value,
        "ended (UTC)": minute(result.ended_at),
        "span": str(result.span),
        "candidate mAP": score(result.map),
        "mAP of its baseline": score(result.baseline_map),
        "difference from its baseline": f"{change(result.delta)}{ends}",
        "golden set": side.golden_digest[:12] if side.golden_digest else NOTHING,
        "version in service": result.pushed_version or NOTHING,
        "cause": _cause(result.cause),
        "what decided": rule_title(first.rule, passed=False, clarity=_clarity(result)) if first else "no rule failed",
    }


def _clarity(result: RunResult) -> Clarity:
    return Clarity.NOISE if result.blocked_by_noise else Clarity.CLEAR


def _cause(cause: Cause | None) -> str:
    if cause is None:
        return NOTHING
    return cause_title(cause.name, cause.detail) if cause.state is DiagnosisState.NAMED else in_words(cause)


def _paired(first: Mapping[str, str], second: Mapping[str, str]) -> list[Pair]:
    return [
        Pair(name, first.get(name, NOTHING), second.get(name, NOTHING)) for name in dict.fromkeys([*first, *second])
    ]


def _flat(values: Mapping[str, Any], before: str = "") -> Iterator[tuple[str, str]]:
    for name, value in values.items():
        if isinstance(value, Mapping):
            yield from _flat(value, f"{before}{name}.")
        else:
            yield f"{before}{name}", ", ".join(map(str, value)) if isinstance(value, list | tuple) else str(value)


def _data(info: DataSetInfo) -> dict[str, str]:
    bad = info.bad_boxes
    return {
        "source": info.source,
        "format": info.source_format,
        "span and version": f"{info.span}, {info.version}",
        **{f"images: {split}": f"{count:,}" for split, count in info.images.items()},
        **{f"boxes: {split}": f"{count:,}" for split, count in info.boxes.items()},
        "class names": ", ".join(info.class_names),
        "boxes left out": f"{bad.count:,} of {bad.of:,}" if bad.count else "none",
        **{f"counted: {name}": text for name, text in fact_rows(info.facts)},
        "content digest": info.digest[:16],
    }


def _causes(diagnosis: Diagnosis | None) -> dict[str, str]:
    if diagnosis is None:
        return {}
    return {
        cause_title(finding.cause): f"{finding.state.value}{_detail(finding.detail)}"
        + (f", {finding.probability:.2f}" if finding.probability else "")
        for finding in diagnosis.findings
    }


def _detail(detail: str) -> str:
    return f" ({detail.replace('_', ' ')})" if detail else ""


def gist_of_moves(moved: Sequence[Moved]) -> str:
    """How many classes and slices moved, in a line."""
    clear = [each for each in moved if each.is_clear]
    fell = sum((each.delta.value or 0.0) < 0 for each in clear)
    others = many(len(moved) - len(clear), "other")
    return f"{fell} fell, {len(clear) - fell} rose, {others} without a measurable difference"


def to_json(diff: RunDiff) -> dict[str, Any]:
    """The contract of `ratchet diff --json`."""
    delta = diff.delta
    return {
        "runs": [diff.first.run_id, diff.second.run_id],
        "verdicts": [diff.first.result.verdict.value, diff.second.result.verdict.value],
        "map": [diff.first.result.map, diff.second.result.map],
        "delta": dataclasses.asdict(delta) if delta else None,
        "not_compared_because": diff.why_not or None,
        "moved": [
            {"name": each.name, "kind": each.kind, "ap": [each.first, each.second], **dataclasses.asdict(each.delta)}
            for each in diff.moved()
        ],
        **{
            name: [pair._asdict() for pair in pairs if pair.differs]
            for name, pairs in (
                ("overview", diff.overview()),
                ("settings", diff.settings()),
                ("training", diff.records),
                ("data", diff.data()),
                ("rules", diff.rules()),
                ("causes", diff.causes()),
            )
        },
        "missing": [*diff.first.missing, *diff.second.missing],
    }
