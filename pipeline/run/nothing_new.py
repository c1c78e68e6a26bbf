"""Whether what is asked for was decided already: a schedule with nothing new must neither train nor look again."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ratchet.components.detector.serving_check import RULE as SERVING_LOADS
from ratchet.pipeline.config.pipeline_settings import PipelineSettings, load_settings
from ratchet.pipeline.past.history import RunEntry, read_run
from ratchet.pipeline.past.run_index import asked_digest, known_runs
from ratchet.pipeline.past.run_record import read_record
from ratchet.schemas.artifacts.decisions import Reason, Verdict
from ratchet.schemas.artifacts.publication import BASELINE_CHANGED, CANDIDATE_CHANGED, EVALUATION_CHANGED
from ratchet.schemas.artifacts.registry_entries import RecordedDecision, ServedModel
from ratchet.schemas.artifacts.run_files import RunRecord
from ratchet.schemas.artifacts.run_index import KnownRun
from ratchet.schemas.artifacts.run_result import NOTHING_NEW_RULE, RunResult
from ratchet.schemas.base.errors import ConfigError
from ratchet.schemas.base.formatting import minute

# What says nothing about data or candidate: such a run has not answered what was asked.
ACCIDENTS = frozenset({BASELINE_CHANGED, CANDIDATE_CHANGED, EVALUATION_CHANGED, SERVING_LOADS})


@dataclass(frozen=True)
class DecidedBefore:
    """The newest run that has answered what is asked for.

    Attributes:
        entry: the run, finished.
        record: what it was asked for.
        served: what is served now; None if nothing is.
        is_own: whether that is the model that the run made.
    """

    entry: RunEntry
    record: RunRecord
    served: ServedModel | None
    is_own: bool

    def result(self, span: int) -> RunResult:
        """What the command says instead of running.

        Args:
            span: the number that was asked for.
        """
        earlier = self.entry.result
        assert earlier is not None  # it is finished
        return RunResult.untrained(
            verdict=Verdict.NOTHING_NEW,
            reasons=(self._reason(earlier, span),),
            report=str(self.entry.page or earlier.report),
            run_id=self.entry.run_id,
            span=span,
            seconds={},
        )

    def _reason(self, earlier: RunResult, span: int) -> Reason:
        copied = "" if span == self.record.span else f"span {span} holds what span {self.record.span} held; "
        ended = f"run {self.entry.run_id} of {minute(self.entry.at)} UTC ended as {earlier.verdict.value}"
        return Reason(
            NOTHING_NEW_RULE,
            "data, a golden set, settings or a served model on which no run has decided; or --again",
            f"{copied}{ended}, and {self._standing()}",
            passed=True,
        )

    def _standing(self) -> str:
        if self.served is None:
            has_candidate = self.entry.result is not None and self.entry.result.model is not None
            approve = f" (`ratchet approve {self.entry.run_id}` serves its candidate)" if has_candidate else ""
            return f"still no model is served{approve}"
        whose = "its model" if self.is_own else "the model that it was compared with"
        return f"{whose} is served, as version {self.served.version}"


def nothing_delivered(what: str, span: int | None = None) -> RunResult:
    """What the command says instead of running where no span is delivered whole yet.

    Args:
        what: is there, and what is not.
        span: that was asked for; None for the newest.
    """
    reason = Reason(NOTHING_NEW_RULE, "a span that is delivered whole", what, passed=True)
    return RunResult.untrained(
        verdict=Verdict.NOTHING_NEW, reasons=(reason,), report="", run_id="", span=span or 0, seconds={}
    )


def decided_before(
    root: Path, asked: Mapping[str, Any], served: ServedModel | None, decisions: Sequence[RecordedDecision]
) -> DecidedBefore | None:
    """The newest run that was asked the same, if what is served lets its answer stand; None: a run has work to do.

    Its answer stands while the model is served with which its candidate was compared, or the candidate itself, by
    content: to serve again what was served before that run is a person's decision, which no schedule takes back.

    Args:
        root: pipeline root.
        asked: `RunRecord.asked` of now.
        served: the baseline of now.
        decisions: of the registry.
    """
    compared = {made.run_id: made.baseline_digest for made in decisions}
    wanted = asked_digest(asked)
    for run in reversed(known_runs(root).runs):
        if run.result is None or run.abandoned or run.asked != wanted:
            continue
        is_own = served is not None and served.run_id == run.run_id
        is_baseline = compared.get(run.run_id, run.baseline) == (served.digest if served else None)
        record = read_record(root, run.run_id) if is_own or (is_baseline and not _was_accident(run)) else None
        if record is not None and _is_same(record.asked, asked):
            return DecidedBefore(read_run(root, root / "runs" / run.run_id), record, served, is_own)
    return None


def _was_accident(run: KnownRun) -> bool:
    reasons = run.result.reasons if run.result else ()
    return any(reason.rule in ACCIDENTS and not reason.passed for reason in reasons)


def _is_same(then: Mapping[str, Any], now: Mapping[str, Any]) -> bool:
    return asked_digest(then) == asked_digest(now) and _settings(then) == _settings(now) is not None


def _settings(asked: Mapping[str, Any]) -> PipelineSettings | None:
    """With the defaults of what a newer version added; None for what this one cannot read."""
    try:
        return load_settings(asked["settings"], ())
    except (ConfigError, KeyError, TypeError):
        return None
