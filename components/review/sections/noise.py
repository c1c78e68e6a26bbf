"""A difference that is none: what is said of it, what is told before it, and the margin that lets it pass; pure."""

from __future__ import annotations

from ratchet.components.review.content import ReviewContent
from ratchet.components.review.sections.wording import Way, map_change
from ratchet.schemas.artifacts.decisions import Reason
from ratchet.schemas.artifacts.evaluation import AS_SERVED_RULE, DataSetEvaluation, Evaluation
from ratchet.schemas.base.differences import Clarity, measured
from ratchet.schemas.base.formatting import minus

_SUMS = ("class_and_slice_drops", f"class_and_slice_drops{AS_SERVED_RULE}")  # of tests that are told one by one
_MARGINS = (0.005, 0.01, 0.02, 0.03)  # proposed: none is wider than the tolerance by default


def map_as_a_whole(evaluation: DataSetEvaluation) -> str:
    """What became of mAP, where something else is told first."""
    noise = no_difference(evaluation)
    return f"mAP as a whole shows {noise}" if noise else f"mAP as a whole went {map_change(evaluation)}"


def no_difference(evaluation: DataSetEvaluation) -> str:
    """That mAP shows no measurable difference, with figures; empty where it does, or where there is no interval."""
    delta = evaluation.deltas and evaluation.deltas.overall
    return minus(measured(delta.value, delta.interval)) if delta and delta.clarity is Clarity.NOISE else ""


def is_below(golden: DataSetEvaluation) -> bool:
    """Whether the candidate measures below the baseline; where another bar is set, it may be above and yet blocked."""
    return golden.deltas is not None and (golden.deltas.overall.value or 0) < 0


def decisive(evaluation: Evaluation, failures: tuple[Reason, ...]) -> Reason:
    """What is told first: a measured fall, even of a class, before a difference of mAP that is none."""
    clear = (reason for reason in failures if is_clear(evaluation, reason) and reason.rule not in _SUMS)
    return next(clear, failures[0])


def is_clear(evaluation: Evaluation, reason: Reason) -> bool:
    """Whether the difference that a rule is about is one."""
    return evaluation.clarity_of(reason.rule) is Clarity.CLEAR


def with_margin(content: ReviewContent, command: str) -> list[Way]:
    """A command that states a margin, the least of a few that lets such a candidate pass; none where mAP did fall.

    Args:
        content: of the page.
        command: what starts such a run.

    Returns:
        The command, and what is risked with it.
    """
    failed = [reason.rule for reason in content.decision.failures] if content.decision else []
    deltas = content.evaluation.golden.deltas if content.evaluation else None
    if not (content.is_noise and deltas and deltas.overall.value is not None and "map_drop" in failed):
        return []
    fall = -deltas.overall.value
    margin = next((margin for margin in _MARGINS if margin >= fall), None)
    if margin is None:
        return []
    risked = (
        f"A candidate is served then that measures up to {margin:g} lower. What is risked: a model that is truly "
        f"{margin:g} worse is served every second time, and each push may lose as much again. Choose it for good, by "
        "docs/operating-characteristic.md, and not for this candidate."
    )
    return [Way("Run again with a stated margin", risked, f"{command} --set evaluator.margin={margin:g}")]
