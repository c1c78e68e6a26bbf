"""How a run ended, as a person reads it."""

from __future__ import annotations

from ratchet.components.example_gen.span_names import span_text
from ratchet.pipeline.past.cause import cause_line
from ratchet.schemas.artifacts.decisions import State, Verdict
from ratchet.schemas.artifacts.diagnosis import DiagnosisState
from ratchet.schemas.artifacts.run_result import RunResult
from ratchet.schemas.base.differences import NO_DIFFERENCE, detectable, minimum_detectable
from ratchet.schemas.base.formatting import difference, interval, listed, score
from ratchet.schemas.base.visible import visible_line

_SHOWN = 6  # reasons in a terminal; the JSON has all
_EVIDENCE = 3  # sentences in a terminal; the JSON has all
NOISE_ADVICE = (
    "what helps where the golden set cannot tell: more data, more steps, more golden images, or a stated margin "
    "(--set evaluator.margin=M; docs/operating-characteristic.md)"
)


def result_text(result: RunResult) -> str:
    """A few lines for a terminal."""
    if result.verdict is Verdict.NOTHING_NEW:
        return "\n".join(_nothing_new(result))
    lines = [
        f"{result.verdict.value}  (span {span_text(result.span)}, run {result.run_id})",
        f"  {visible_line(result.first_reason)}",
        *_cause(result),
    ]
    if result.map is not None:
        baseline = "" if result.baseline_map is None else f", baseline {score(result.baseline_map)}"
        lines.append(f"  mAP {score(result.map)}{baseline}")
    if result.delta is not None and result.delta_ci is not None:
        ends = interval(result.delta_ci)
        noise = f" ({NO_DIFFERENCE})" if result.is_noise else ""
        lines.append(f"  difference {difference(result.delta)}, 95 % interval {ends}{noise}")
    told = minimum_detectable(result.delta_ci)
    if told is not None:
        lines.append(f"  differences of mAP below {detectable(told)} cannot be told reliably with this golden set")
    lines += [
        f"  beside the baseline as it is served: {visible_line(reason.actual)}"
        for reason in result.reasons
        if reason.passed and reason.rule == "map_drop_as_served"
    ]
    failed = [reason for reason in result.deciding if not reason.passed]
    against = [reason for reason in failed if reason != result.decisive][: _SHOWN - 1]
    observed = [reason for reason in result.observations if not reason.passed][:_SHOWN]
    warnings = [reason for reason in result.reasons if reason.state is State.WARNING]
    untested = [reason.rule for reason in result.reasons if reason.state is State.NOT_TESTED]
    lines += [f"  also: {visible_line(reason.sentence)}" for reason in against]
    lines += [f"  the data gate had observed {visible_line(reason.sentence)}" for reason in observed]
    lines += [f"  warning: {visible_line(reason.sentence)}" for reason in warnings]
    lines += [f"  not tested: {visible_line(listed(untested, _SHOWN))}"] if untested else []
    named = result.cause is not None and result.cause.state is DiagnosisState.NAMED
    if result.blocked_by_noise and not named:
        lines.append(f"  {NOISE_ADVICE}")
    return "\n".join([*lines, f"  {served_now(result)}", f"  {result.report}"])


def served_now(result: RunResult) -> str:
    """What the run has changed of what is served, in half a sentence."""
    if result.pushed_version:
        return f"version {result.pushed_version} is served now"
    if result.map is not None and result.baseline_map is None:  # a first model, beside which nothing is served
        return "the candidate is not served"
    return "what is served stays"


def _cause(result: RunResult) -> list[str]:
    told = cause_line(result.cause)
    if not told or result.cause is None:
        return []
    evidence = [f"    {visible_line(sentence)}" for sentence in result.cause.evidence[:_EVIDENCE]]
    action = [f"  next: {visible_line(result.cause.action)}"] if result.cause.action else []
    return [f"  {visible_line(told)}", *evidence, *action]


def _nothing_new(result: RunResult) -> list[str]:
    if not result.run_id:  # nothing is delivered
        return [result.verdict.value, f"  {visible_line(result.first_reason)}"]
    return [
        f"{result.verdict.value}  (span {span_text(result.span)})",
        f"  {visible_line(result.first_reason)}",
        "  new data, another golden set, other settings or another served model make a run; so does --again",
        f"  {result.report}",
    ]
