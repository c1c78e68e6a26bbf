"""The page beside the data gate's decision: verdict, cause in a sentence and next step, then what shows it; pure."""

from __future__ import annotations

from dataclasses import dataclass

from markupsafe import Markup

from ratchet.components.pages.data_sections import data_sections, findings_section
from ratchet.components.pages.document import Page, Section, document, footer
from ratchet.components.pages.findings import counts_in_words, in_short
from ratchet.components.pages.html import render
from ratchet.components.pages.rule_words import next_steps, rule_title
from ratchet.schemas.artifacts.data_evidence import DRIFT, SKEW, Comparison, DataPictures
from ratchet.schemas.artifacts.decisions import DataDecision, DataVerdict
from ratchet.schemas.base.formatting import capital, many
from ratchet.schemas.data.dataset import DataSetInfo

_LONGEST = 240  # characters of what a rule found, in the sentence at the top
_SOURCES = "Written by the data gate of Ratchet; the same in JSON: decision.json and evidence.json beside this page."
_TERMS = ("span", "golden set", "data gate", "drift", "skew", "cause, consequence", "to cope")


@dataclass(frozen=True)
class PageContent:
    """What the page shows.

    Attributes:
        title: what was judged: `span 4 of data/spans`.
        span: the new span.
        golden: the golden set; None if the span was checked without one.
        baseline: the served model in words; None before the first.
        decision: its reasons in the order of explanation.
        comparisons: drift and skew, in any order.
        pictures: by rule, the worst first.
    """

    title: str
    span: DataSetInfo
    golden: DataSetInfo | None
    baseline: str | None
    decision: DataDecision
    comparisons: tuple[Comparison, ...]
    pictures: DataPictures


def data_page(content: PageContent) -> str:
    """The whole page.

    Returns:
        HTML that can be written as UTF-8, less than 3 MB.
    """
    decision, verdict = content.decision, content.decision.verdict
    steps = _next_steps(content)
    found = findings_section(decision, content.pictures, content.comparisons)
    further = [Section("next", "What to do next", _templated(steps=steps), many(len(steps), "step"))] if found else []
    head = _templated(
        title=content.title,
        verdict=verdict.value,
        observed=verdict is DataVerdict.REJECT and decision.passed,
        cause=_cause(decision),
        next_step=steps[0] if found and steps else "",
        counts=counts_in_words(decision),
        consequence=_consequence(decision),
        baseline=content.baseline or "there is no served model yet",
    )
    return document(
        Page(
            title=f"{verdict.value}: {content.title}",
            tone=verdict.value.lower(),
            head=head,
            sections=[
                *found,
                *further,
                *data_sections(decision, content.comparisons, content.span, content.golden),
            ],
            footer=footer(_SOURCES, *_TERMS),
        )
    )


def _templated(**values: object) -> Markup:
    return render("data_gate/templates/page.html", **values)


def _cause(decision: DataDecision) -> tuple[str, str]:
    """The best explanation, by its title and in a sentence: the first rule that failed, or else that warned."""
    worst = [*decision.failures, *decision.warnings]
    if not worst:
        untested = f", but {many(len(decision.untested), 'rule')} could not be" if decision.untested else ""
        return "", f"Every rule that was tested passed{untested}." if untested else "Every rule passed."
    first = worst[0]
    follow = len(decision.following_from(first))
    more = f" {many(follow, 'other finding')} {'follows' if follow == 1 else 'follow'} from it." if follow else ""
    said = in_short(first) if first.rule.startswith((DRIFT, SKEW)) else first.actual
    found = said if len(said) <= _LONGEST else f"{said[:_LONGEST].rpartition(' ')[0]} ..."
    return rule_title(first.rule, passed=False), f"{capital(found).rstrip('. ')}.{more}"


def _consequence(decision: DataDecision) -> str:
    if not decision.passed:
        why = "" if decision.observable else " No candidate of it could be measured, in observe mode neither."
        return f"Nothing is trained on this span; what is served stays.{why}"
    if decision.verdict is DataVerdict.REJECT:
        return "The gate only observes (data_gate.mode=observe): training goes on."
    return "Training goes on."


def _next_steps(content: PageContent) -> list[str]:
    decision = content.decision
    rules = [reason.rule for reason in decision.failures or decision.warnings]
    steps = next_steps(content.span, rules, observed=decision.passed or not decision.observable)
    if not decision.passed and decision.observable:
        steps.append(
            "To train on this span all the same, once and on record: give the run's command with "
            "--set data_gate.mode=observe besides. The decision is written as it is here, and the "
            "evaluator still has to find the model no worse than the served one."
        )
    if decision.warnings:
        steps.append("Warnings stop nothing; look at them before they become failures.")
    return steps
