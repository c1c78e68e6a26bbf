"""The page beside the data gate's decision: what is wrong with a span, first in a sentence, then in full; pure.

One file without scripts and without anything to load, so that it can be mailed and opened anywhere. Every string of
the data is hostile until `text.safe` has seen it.
"""

from __future__ import annotations

from dataclasses import dataclass

from ratchet.components.pages.comparisons import comparison_section
from ratchet.components.pages.findings import counts_in_words, finding_cards, in_short, untested_list
from ratchet.components.pages.parts import data_sets, facts_table, rules_table
from ratchet.components.pages.policy import content_security_policy
from ratchet.components.pages.rule_words import next_steps, rule_title
from ratchet.components.pages.style import STYLE
from ratchet.components.pages.text import safe
from ratchet.schemas.artifacts.data_evidence import DRIFT, SKEW, Comparison, Pictures
from ratchet.schemas.artifacts.decisions import DataDecision, DataVerdict, State
from ratchet.schemas.base.formatting import capital, many
from ratchet.schemas.data.dataset import DataSetInfo

_SIDE_PX = 360  # of a picture
_SURE = 0.3  # scores of the detections that are drawn; all of them would hide the image
_LONGEST = 240  # characters of what a rule found, in the sentence at the top
_PICTURE_BYTES = 2_000_000  # of all JPEGs; base64 adds a third, and the page stays below 3 MB


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
    pictures: Pictures


def data_page(content: PageContent) -> str:
    """The whole page.

    Returns:
        HTML that can be written as UTF-8, less than 3 MB.
    """
    verdict = content.decision.verdict
    sections = _sections(content)
    links = "".join(f'<li><a href="#{name}">{title}</a></li>' for name, title, _ in sections)
    body = "".join(
        f'<section id="{name}" aria-labelledby="{name}-title"><h2 id="{name}-title">{title}</h2>{text}</section>'
        for name, title, text in sections
    )
    return (
        '<!DOCTYPE html>\n<html lang="en"><head><meta charset="utf-8">'
        f'<meta http-equiv="Content-Security-Policy" content="{content_security_policy(STYLE)}">'
        '<meta name="viewport" content="width=device-width, initial-scale=1">'
        '<meta name="referrer" content="no-referrer">'
        f"<title>{verdict.value}: {safe(content.title, 200)}</title><style>{STYLE}</style></head><body>"
        f'<header class="verdict {verdict.value.lower()}"><div>{_verdict(content)}'
        f'<nav aria-label="Sections"><ul>{links}</ul></nav></div></header><main>{body}</main>'
        '<footer class="quiet">Written by the data gate of Ratchet; the same in JSON: <code>decision.json</code> and '
        "<code>evidence.json</code> beside this page.</footer></body></html>\n"
    )


def _verdict(content: PageContent) -> str:
    decision = content.decision
    observed = decision.verdict is DataVerdict.REJECT and decision.passed
    word = decision.verdict.value + ("<small>, only observed</small>" if observed else "")
    against = "there is no served model yet" if content.baseline is None else safe(content.baseline)
    return (
        f'<h1>{safe(content.title, 200)}</h1><p class="word">{word}</p><p class="lead">{_explanation(content)}</p>'
        f'<p class="quiet">{counts_in_words(decision)}. {_consequence(decision)} Compared with: {against}.</p>'
    )


def _explanation(content: PageContent) -> str:
    """The best explanation in a sentence: the first rule that failed, or else that warned."""
    decision = content.decision
    worst = [*decision.failures, *decision.warnings]
    if not worst:
        untested = f", but {many(len(decision.untested), 'rule')} could not be" if decision.untested else ""
        return f"Every rule that was tested passed{untested}." if untested else "Every rule passed."
    first = worst[0]
    follow = len(decision.following_from(first))
    more = f" {many(follow, 'other finding')} {'follows' if follow == 1 else 'follow'} from it." if follow else ""
    said = in_short(first) if first.rule.startswith((DRIFT, SKEW)) else first.actual
    found = said if len(said) <= _LONGEST else f"{said[:_LONGEST].rpartition(' ')[0]} ..."
    return f"<strong>{safe(rule_title(first.rule, passed=False))}.</strong> {safe(capital(found).rstrip('. '))}.{more}"


def _consequence(decision: DataDecision) -> str:
    if not decision.passed:
        why = "" if decision.observable else " No candidate of it could be measured, in observe mode neither."
        return f"Nothing is trained on this span; what is served stays.{why}"
    if decision.verdict is DataVerdict.REJECT:
        return "The gate only observes (data_gate.mode=observe): training goes on."
    return "Training goes on."


def _sections(content: PageContent) -> list[tuple[str, str, str]]:
    """Name, title and HTML of each section that has something to say."""
    decision = content.decision
    quiet = {reason.rule for reason in decision.reasons if reason.state is State.PASSED}
    sections = []
    if decision.failures or decision.warnings:
        title = "What is wrong" if decision.failures else "What to look at"
        cards = finding_cards(
            decision, content.pictures, content.comparisons, content.baseline is not None, _PICTURE_BYTES
        )
        sections.append(("wrong", title, cards))
        sections.append(("next", "What to do next", _next(content)))
    if decision.untested:
        sections.append(("untested", "What was not tested", untested_list(decision.untested)))
    if content.span.facts.images:
        sections.append(("facts", "What is in it", facts_table(content.span, content.golden)))
    sections.append(("rules", "All rules", rules_table(decision.reasons)))
    for kind, title in ((DRIFT, "Drift from the training data"), (SKEW, "Skew against service")):
        compared = [entry for entry in content.comparisons if entry.kind == kind]
        if compared:
            sections.append((kind, title, comparison_section(compared, quiet)))
    return [*sections, ("data", "Data sets", data_sets(content.span, content.golden))]


def _next(content: PageContent) -> str:
    decision = content.decision
    rules = [reason.rule for reason in decision.failures or decision.warnings]
    steps = [
        safe(step) for step in next_steps(content.span, rules, observed=decision.passed or not decision.observable)
    ]
    if not decision.passed and decision.observable:
        steps.append(
            "To train on this span all the same, once and on record: give the run's command with "
            "<code>--set data_gate.mode=observe</code> besides. The decision is written as it is here, and the "
            "evaluator still has to find the model no worse than the served one."
        )
    if decision.warnings:
        steps.append("Warnings stop nothing; look at them before they become failures.")
    return f'<ol class="steps">{"".join(f"<li>{step}</li>" for step in steps)}</ol>'
