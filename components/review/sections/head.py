"""The first screen of a page: the verdict, why, the figure that matters, and the next command."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from markupsafe import Markup

from ratchet.components.pages.bars import interval_axis
from ratchet.components.pages.html import render
from ratchet.components.pages.numbers import change, score, when
from ratchet.components.pages.rule_words import rule_title
from ratchet.components.review.content import ReviewContent
from ratchet.components.review.sections.causes import counted_in_words
from ratchet.components.review.sections.next_steps import first_command, first_step
from ratchet.components.review.sections.past import Banner, override_banner
from ratchet.components.review.sections.verdict import reason_sentence
from ratchet.components.review.sections.wording import OF_A_RUN, Terms, stopped
from ratchet.schemas.artifacts.cause_words import in_words
from ratchet.schemas.artifacts.diagnosis import Cause, DiagnosisState
from ratchet.schemas.artifacts.evaluation import Delta, Evaluation
from ratchet.schemas.artifacts.publication import AFTER_PUSH
from ratchet.schemas.base.differences import detectable
from ratchet.schemas.base.formatting import many
from ratchet.schemas.base.formatting import score as plain_score

_EVIDENCE = 2  # sentences on the first screen
_NAMED = 3  # classes


@dataclass(frozen=True)
class Note:
    """A remark below the verdict's sentence; both are texts, and the title may be empty."""

    title: str
    text: str


@dataclass(frozen=True)
class Why:
    """A cause on the first screen.

    Attributes:
        tone: CSS class.
        title: the cause in words.
        counted: how many signals speak for it.
        sentence: the answer.
        evidence: what it rests on, the strongest first.
    """

    tone: str
    title: str
    counted: str
    sentence: str
    evidence: tuple[str, ...]


@dataclass(frozen=True)
class Head:
    """What stands above the sections.

    Attributes:
        subject: what the page is about.
        about: which one, and when.
        word: the verdict.
        sentence: why.
        cause: why mAP fell; None where there is nothing to explain.
        notes: what else a person should know.
        figures: what was measured.
        step: what to do next, in a sentence.
        command: the one that goes with it.
        banner: a person's decision that holds.
        other_ways: whether a section `next` has further commands.
    """

    subject: str
    about: str
    word: str
    sentence: str
    cause: Why | None = None
    notes: Sequence[Note] = ()
    figures: Markup | None = None
    step: str = ""
    command: str = ""
    banner: Banner | None = None
    other_ways: bool = True


def head_of(head: Head) -> Markup:
    """The head as HTML."""
    return render("review/templates/head.html", head=head)


def headline(content: ReviewContent) -> Markup:
    """The head of a run's page."""
    evaluation = content.evaluation
    version = f"version {content.served}" if content.served else ""
    return head_of(
        Head(
            subject=f"Span {content.lineage.span.span} of {content.pipeline}",
            about=f"run {content.run_id}, {when(content.made_at)}",
            word=content.verdict.value,
            sentence=reason_sentence(content),
            cause=_why(content),
            notes=[*_moved(content), *_of_training(content)],
            figures=figures(evaluation, OF_A_RUN, baseline=version) if evaluation else None,
            step=first_step(content),
            command=first_command(content),
            banner=override_banner(content),
        )
    )


def _why(content: ReviewContent) -> Why | None:
    cause: Cause = content.diagnosis.cause
    if cause.state is DiagnosisState.NOTHING:
        return None
    tone = "reject" if cause.state is DiagnosisState.NAMED else "warn"
    sentence = stopped(cause.sentence.rstrip("."))
    # What the sentence says already needs no saying again.
    told = [each for each in cause.evidence[:_EVIDENCE] if each.rpartition(": ")[2].rstrip(".") not in sentence]
    return Why(tone, in_words(cause), counted_in_words(content.diagnosis), sentence, tuple(told))


def _moved(content: ReviewContent) -> list[Note]:
    """Of a model that is served now: what got better with it, and what got worse all the same."""
    deltas = content.evaluation.golden.deltas if content.evaluation and content.verdict.pushes else None
    if deltas is None:
        return []
    moved = deltas.per_class | deltas.per_slice
    better = {name: delta for name, delta in moved.items() if delta.interval and delta.interval[0] > 0}
    worse = {name: delta for name, delta in moved.items() if delta.interval and delta.interval[1] < 0}
    return [Note("Better", _named(better)), Note("Worse all the same", _named(worse))]


def _named(moved: Mapping[str, Delta]) -> str:
    if not moved:
        return "no class and no slice beyond its interval."
    ordered = sorted(moved.items(), key=lambda item: -abs(item[1].value or 0.0))
    told = ", ".join(f"{name} ({change(delta.value)})" for name, delta in ordered[:_NAMED])
    return f"{told}{f' and {len(ordered) - _NAMED} more' if ordered[_NAMED:] else ''}, of classes and slices."


def _of_training(content: ReviewContent) -> list[Note]:
    """What a person should know of the training, and of what came after a push, although it decided nothing."""
    warnings = content.decision.warnings if content.decision else ()
    return [
        Note(rule_title(reason.rule, passed=False), stopped(reason.actual))
        for reason in warnings
        if reason.rule.startswith("training:") or reason.rule in AFTER_PUSH
    ]


@dataclass(frozen=True)
class _Cell:
    name: str
    value: str
    note: str = ""


def figures(evaluation: Evaluation, terms: Terms, candidate: str = "", baseline: str = "") -> Markup:
    """What was measured.

    Args:
        evaluation: of both models.
        terms: what things are called.
        candidate: which one it is.
        baseline: which one it is.
    """
    golden, broken = evaluation.golden, evaluation.decision.evaluation_broken
    compared, delta = golden.compared, golden.deltas and golden.deltas.overall
    cells = [_Cell("candidate mAP", score(compared.candidate.coco["AP"]), "not to be trusted" if broken else candidate)]
    cells += _of_baseline(evaluation, baseline)
    over = f"over the {len(compared.class_support)} classes that both know" if golden.shared else ""
    cells.append(_Cell(terms.images, many(golden.images, "image"), over or many(compared.objects, "object")))
    if delta and delta.minimum_detectable and not broken:
        told = detectable(delta.minimum_detectable)
        cells.append(_Cell("it can tell apart", f"{told} mAP", "a true difference found 8 times in 10"))
    known = delta is not None and delta.value is not None
    return render(
        "review/templates/figures.html",
        difference=change(delta.value) if delta else "",
        bar=interval_axis(delta.value, delta.lo, delta.hi, "difference of mAP") if delta and known else Markup(),
        note="not to be trusted" if broken else "with its 95 % interval" if delta and delta.interval else "",
        tone=_tone(delta),
        cells=cells,
    )


def _tone(delta: Delta | None) -> str:
    ends = delta.interval if delta else None
    return "unclear" if ends is None or ends[0] <= 0 <= ends[1] else "worse" if ends[1] < 0 else "better"


def _of_baseline(evaluation: Evaluation, version: str) -> list[_Cell]:
    """The baseline, as the candidate is exported and as it is served where these differ, and the best served model."""
    compared, changed = evaluation.golden.compared, evaluation.post_processing
    cells = [_Cell("baseline mAP", score(compared.baseline.coco["AP"]), version)] if compared.baseline else []
    if changed:
        served = changed.as_served.compared.baseline
        exported = f"as the candidate is exported: {changed.changed}"
        cells = [_Cell(cell.name, cell.value, exported) for cell in cells]
        cells.append(_Cell("baseline as served", score(served and served.coco["AP"]), version))
    mark, below = evaluation.high_water, evaluation.below_the_mark
    if mark is not None and below is not None:
        since = f" since {mark.lowered_by}" if mark.lowered_by else ""
        note = f"version {mark.version}; the baseline is {plain_score(below)} below it{since}"
        cells.append(_Cell("best served mAP", score(mark.map), note))
    return cells
