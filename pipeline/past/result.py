"""How a run ended: the object that `--json` prints, and the lines a person reads."""

from __future__ import annotations

import dataclasses
import datetime
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from pipeline.terminal.plain_text import visible_line
from schemas.artifacts.decisions import Reason, Verdict

EXIT_CODES = {
    Verdict.PUSHED: 0,
    Verdict.BOOTSTRAPPED: 0,
    Verdict.BLOCKED: 3,
    Verdict.INCONCLUSIVE: 3,
    Verdict.DATA_REJECTED: 4,
}
_SHOWN = 6  # reasons in a terminal; the JSON has all


def utc_now() -> str:
    """The present time in UTC, ISO 8601, to the second."""
    return datetime.datetime.now(datetime.timezone.utc).isoformat(timespec="seconds")


@dataclass(frozen=True)
class RunResult:
    """One run.

    Attributes:
        verdict: how it ended.
        reasons: the rules that decided against it, or, for a push, those that it passed.
        map: candidate mAP on the golden set, over the classes that the baseline knows too; None if no candidate was
            trained.
        baseline_map: baseline mAP on the same set.
        delta: their difference.
        delta_ci: its 95 % interval.
        model: the candidate's SavedModel.
        pushed_version: its version in service; None if it was not pushed.
        report: the picture of golden images with the boxes of both models, or the directory of the decision.
        run_id: names the run in ML Metadata and under `runs/`.
        span: the span trained on.
        seconds: of each step.
        observed: what the data gate saw and did not stop the run for.
        ended_at: when it ended, UTC, ISO 8601, to the second; now, unless it was read from a file.
    """

    verdict: Verdict
    reasons: tuple[Reason, ...]
    map: float | None
    baseline_map: float | None
    delta: float | None
    delta_ci: tuple[float, float] | None
    model: str | None
    pushed_version: str | None
    report: str
    run_id: str
    span: int
    seconds: dict[str, float]
    observed: tuple[Reason, ...] = ()
    ended_at: str = dataclasses.field(default_factory=utc_now)

    @property
    def exit_code(self) -> int:
        """What `ratchet run` exits with."""
        return EXIT_CODES[self.verdict]

    @property
    def first_reason(self) -> str:
        """The decisive reason in one line."""
        against = _failed(self.reasons)
        if against:
            return against[0].sentence
        seen = _failed(self.observed)
        return f"the evaluator's rules passed; observed {seen[0].sentence}" if seen else "every rule passed"

    def to_json(self) -> dict[str, Any]:
        """The contract of `ratchet run --json`. `cause` is null until a diagnosis can name it.

        What the data gate observed stands at the end of `reasons`; `observed` lists the names of those rules.
        """
        values = dataclasses.asdict(self)
        values["verdict"] = self.verdict.value
        values["reasons"] = [reason.to_json() for reason in self.reasons + self.observed]
        values["observed"] = [reason.rule for reason in self.observed]
        values["cause"] = None
        return values

    @classmethod
    def from_json(cls, values: dict[str, Any]) -> RunResult:
        """The inverse of `to_json`.

        Args:
            values: the object in `result.json`; keys that a later version may have added are left alone.

        Raises:
            KeyError: a key is missing.
            ValueError: an unknown verdict.
            TypeError: a value of another type.
        """
        reasons = [Reason.from_json(value) for value in values["reasons"]]
        own = len(reasons) - len(values["observed"])
        interval = values["delta_ci"]
        parsed = {
            "verdict": Verdict(values["verdict"]),
            "reasons": tuple(reasons[:own]),
            "observed": tuple(reasons[own:]),
            "delta_ci": None if interval is None else (interval[0], interval[1]),
        }
        names = [field.name for field in dataclasses.fields(cls)]
        whole = {name: parsed[name] if name in parsed else values[name] for name in names}
        _check_kinds(whole, interval)
        return cls(**whole)

    def to_text(self) -> str:
        """A few lines for a terminal."""
        lines = [f"{self.verdict.value}  (span {self.span}, run {self.run_id})", f"  {visible_line(self.first_reason)}"]
        if self.map is not None:
            lines.append(
                f"  mAP {self.map:.4f}" + ("" if self.baseline_map is None else f", baseline {self.baseline_map:.4f}")
            )
        if self.delta is not None and self.delta_ci is not None:
            low, high = self.delta_ci
            lines.append(f"  difference {self.delta:+.4f}, 95 % interval [{low:+.4f}, {high:+.4f}]")
        lines += [f"  also: {visible_line(reason.sentence)}" for reason in _failed(self.reasons)[1:_SHOWN]]
        observed = _failed(self.observed)[:_SHOWN]
        lines += [f"  the data gate had observed {visible_line(reason.sentence)}" for reason in observed]
        warnings = [reason for reason in self.reasons + self.observed if reason.passed and reason.warning]
        lines += [f"  warning: {visible_line(reason.sentence)}" for reason in warnings]
        served = f"version {self.pushed_version} is served now" if self.pushed_version else "what is served stays"
        return "\n".join([*lines, f"  {served}", f"  {self.report}"])


def _check_kinds(values: Mapping[str, Any], interval: Any) -> None:
    """TypeError for a value of another type, which would only be met when it is shown."""
    kinds = {
        (str,): [values[name] for name in ("report", "run_id", "ended_at")],
        (str, type(None)): [values["model"], values["pushed_version"]],
        (int,): [values["span"]],
        (int, float): [*(interval or ()), *values["seconds"].values()],
        (int, float, type(None)): [values[name] for name in ("map", "baseline_map", "delta")],
    }
    wrong = [value for allowed, given in kinds.items() for value in given if type(value) not in allowed]
    if wrong:
        raise TypeError(f"{wrong[0]!r} is of another type")


def _failed(reasons: Sequence[Reason]) -> list[Reason]:
    return [reason for reason in reasons if not reason.passed]
