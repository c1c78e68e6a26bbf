"""The sections about a span, the same on the data gate's page and on a run's."""

from __future__ import annotations

from collections.abc import Sequence

from ratchet.components.pages.comparisons import comparison_section
from ratchet.components.pages.document import Section
from ratchet.components.pages.features import short_title
from ratchet.components.pages.findings import counts_in_words, finding_cards, untested_in_words, untested_list
from ratchet.components.pages.parts import data_sets, facts_table, rules_table
from ratchet.components.pages.rule_words import rule_title
from ratchet.schemas.artifacts.data_evidence import DRIFT, SKEW, Comparison, DataPictures
from ratchet.schemas.artifacts.decisions import DataDecision, State
from ratchet.schemas.base.formatting import listed, many
from ratchet.schemas.data.dataset import DataSetInfo

_PICTURE_BYTES = 2_000_000  # of all JPEGs; base64 adds a third, and the page stays below 3 MB
_TITLES = {DRIFT: "Drift from the training data", SKEW: "Skew against service"}
_NAMED = 4


def findings_section(
    decision: DataDecision, pictures: DataPictures, comparisons: Sequence[Comparison], budget: int = _PICTURE_BYTES
) -> list[Section]:
    """A card a cause; nothing where nothing was found.

    Args:
        decision: its rules in the order of explanation.
        pictures: those there are.
        comparisons: what drift and skew rest on.
        budget: bytes of all JPEGs.
    """
    found = [*decision.failures, *decision.warnings]
    if not found:
        return []
    cards = finding_cards(decision, pictures, comparisons, budget)
    title = "What is wrong" if decision.failures else "What to look at"
    gist = listed([rule_title(reason.rule, passed=False) for reason in found], _NAMED, "; ")
    return [Section("wrong", title, cards, gist, open=True, tone="reject" if decision.failures else "warn")]


def data_sections(
    decision: DataDecision, comparisons: Sequence[Comparison], span: DataSetInfo, golden: DataSetInfo | None
) -> list[Section]:
    """What was not tested, what is in the span, all rules, compared features and data sets, all of them folded."""
    sections = []
    if decision.untested:
        told = [f"{many(len(rules), 'rule')}: {why}" for rules, why in untested_in_words(decision.untested)]
        gist = told[0] if len(told) == 1 else many(len(decision.untested), "rule")
        sections.append(Section("untested", "What was not tested", untested_list(decision.untested), gist))
    if span.facts.images:
        counted = f"{many(span.facts.images, 'image')}, {many(span.facts.objects, 'object')}"
        sections.append(Section("facts", "What is in it", facts_table(span, golden), counted))
    for kind, title in _TITLES.items():
        compared = [entry for entry in comparisons if entry.kind == kind]
        if compared:
            shown = comparison_section(compared, decision.reasons)
            sections.append(Section(kind, title, shown, _moved(decision, compared)))
    rules = Section("gate-rules", "All rules", rules_table(decision.reasons), counts_in_words(decision))
    return [*sections, rules, Section("sets", "Data sets", data_sets(span, golden), span.source)]


def _moved(decision: DataDecision, compared: Sequence[Comparison]) -> str:
    """Which features differ, the furthest first."""
    states = {reason.rule: reason.state for reason in decision.reasons}
    names = [
        short_title(entry.feature)
        for entry in compared
        if states.get(f"{entry.kind}:{entry.feature}", State.PASSED) is not State.PASSED
    ]
    of = many(len(compared), "feature")
    return f"{len(names)} of {of} differ: {listed(names, _NAMED)}" if names else f"none of {of} differs"
