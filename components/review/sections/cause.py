"""Why mAP fell: every cause, what else the run found, and both models on other data."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from markupsafe import Markup

from ratchet.components.pages.html import render
from ratchet.components.pages.numbers import change, score
from ratchet.components.pages.rule_words import rule_title
from ratchet.components.review.content import ReviewContent
from ratchet.components.review.sections.causes import causes_in_full
from ratchet.components.review.sections.wording import found_in_words, interval, shares
from ratchet.schemas.artifacts.decisions import GOLDEN_BUDGET
from ratchet.schemas.artifacts.diagnosis import DiagnosisState
from ratchet.schemas.artifacts.evaluation import EARLIER_SPANS, GOLDEN, HELD_OUT, TRAIN_SAMPLE, DataSetEvaluation
from ratchet.schemas.base.formatting import many

_DATA_SETS = {
    GOLDEN: "golden set",
    HELD_OUT: "new span, images that chose nothing",
    EARLIER_SPANS: "earlier spans, images that chose nothing",
    TRAIN_SAMPLE: "new span, trained on",
}
_TONES = ("reject", "warn", "fact", "pass")  # in the order in which they are told


def cause_title_of(content: ReviewContent) -> str:
    """What the section is called."""
    if content.evaluation is None:
        return "What is known of the cause"
    fell = content.diagnosis.cause.state is not DiagnosisState.NOTHING and not content.verdict.pushes
    return "Why mAP fell" if fell and not content.is_noise else "What the run found"


def cause_section(content: ReviewContent) -> Markup:
    """The diagnosis, further findings as a list, and both models on all data sets."""
    facts = [*_trust(content), *_post_processing(content), *_data(content)]
    return render(
        "review/templates/cause.html",
        causes=causes_in_full(content),
        facts=sorted(facts, key=lambda fact: _TONES.index(fact.tone)),
        data_sets=_data_sets(content),
        broken=content.evaluation_is_broken,
    )


@dataclass(frozen=True)
class _Fact:
    """Something that the run found: its head is emphasised and may be empty; the section is where more of it is."""

    tone: str
    head: str
    text: str
    section: str = ""


def _trust(content: ReviewContent) -> Iterable[_Fact]:
    if content.decision is None:
        return
    checks = [reason for reason in content.decision.reasons if reason.rule.startswith("trust:")]
    failed = [reason for reason in checks if not reason.passed]
    for reason in failed:
        worn = reason.rule == GOLDEN_BUDGET  # its figures are sound
        yield _Fact("reject", "" if worn else "The evaluation cannot be trusted.", found_in_words(reason), "rules")
    if checks and not failed:
        yield _Fact(
            "pass",
            "",
            f"The evaluation itself is sound: all {len(checks)} checks of it passed, "
            "the leak check and the golden set's digest among them.",
        )


def _post_processing(content: ReviewContent) -> Iterable[_Fact]:
    changed = content.evaluation and content.evaluation.post_processing
    if not changed or content.evaluation is None:
        return
    yield _Fact(
        "fact",
        "The post-processing changed:",
        f"{changed.changed}. On the golden set mAP went {shares(changed, content.evaluation.golden)}. The baseline on "
        "this page has the candidate's post-processing unless it says otherwise, so what differs is the training's.",
    )


def _data(content: ReviewContent) -> Iterable[_Fact]:
    for reason in content.data.failures:
        seen = (
            "The data gate would have stopped this run, had it not been told only to observe:"
            if content.data.passed
            else "The data gate rejected the span:"
        )
        follow = len(content.data.following_from(reason))
        more = f" {many(follow, 'other finding')} {'follows' if follow == 1 else 'follow'} from it." if follow else ""
        yield _Fact("reject", seen, f"{found_in_words(reason)}{more}", "data")
    warnings = content.data.warnings
    if warnings:
        titles = "; ".join(rule_title(reason.rule, passed=False) for reason in warnings[:3])
        yield _Fact("warn", "", f"{many(len(warnings), 'warning')} of the data gate: {titles}.", "data")
    if not content.data.remarkable:
        yield _Fact("pass", "", f"The data gate found nothing: all {len(content.data.reasons)} rules passed.")
    elif content.data.untested:
        rules = many(len(content.data.untested), "rule")
        yield _Fact("fact", "", f"The data gate could not test {rules} of {len(content.data.reasons)}.", "data")


@dataclass(frozen=True)
class _DataSet:
    """Both models on a data set."""

    name: str
    compared: DataSetEvaluation

    @property
    def cells(self) -> list[tuple[str, str]]:
        """Name and text of each column."""
        compared = self.compared
        delta = compared.deltas.overall if compared.deltas else None
        before = compared.baseline.coco["AP"] if compared.baseline else None
        return [
            ("images", f"{compared.images:,}"),
            ("baseline", score(before)),
            ("candidate", score(compared.candidate.coco["AP"])),
            ("difference", f"{change(delta.value if delta else None)} ({interval(delta)})"),
        ]


def _data_sets(content: ReviewContent) -> list[_DataSet]:
    """Both models on each data set."""
    if content.evaluation is None or (content.baseline is None and content.adoption is None):
        return []
    sets = content.evaluation.data_sets
    return [_DataSet(told, sets[name].compared) for name, told in _DATA_SETS.items() if name in sets]
