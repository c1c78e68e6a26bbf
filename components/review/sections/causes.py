"""Why mAP fell: in the head in a few lines, and in full with every cause, its signals and the images that show it."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable
from dataclasses import dataclass

from markupsafe import Markup

from ratchet.components.pages.findings import shot_of
from ratchet.components.pages.html import render
from ratchet.components.review.content import GalleryImage, ReviewContent
from ratchet.components.review.sections.gallery import golden_figure
from ratchet.schemas.artifacts.cause_words import cause_title
from ratchet.schemas.artifacts.data_evidence import Picture
from ratchet.schemas.artifacts.diagnosis import Cause, CauseFinding, CauseState, Diagnosis, DiagnosisState, Role, Signal
from ratchet.schemas.base.formatting import many, percent

_PICTURES = 4  # a cause
_BUDGET = 2_000_000  # bytes of all JPEGs
_STATES = {
    CauseState.SUPPORTED: ("reject", "✗ supported"),
    CauseState.OPEN: ("warn", "! open"),
    CauseState.REFUTED: ("pass", "✓ refuted"),
    CauseState.NOT_TESTABLE: ("untested", "? not testable"),
}
_GROUPS = {
    CauseState.OPEN: "neither shown nor ruled out",
    CauseState.REFUTED: "ruled out",
    CauseState.NOT_TESTABLE: "not testable",
}
_ROLES = {
    Role.SUSPECT: "what changed",
    Role.SYMPTOM: "what it looks like",
    Role.PROOF: "what undoing it gives back",
}
_SAYS = {True: "for it", False: "against it", None: "nothing"}

Figures = dict[str, Markup]  # by file name
Title = Callable[[str, str], str]


@dataclass(frozen=True)
class _Card:
    """A cause as it is shown: the finding, what is told of it, images that show it, and names of further ones."""

    tone: str
    state: str
    title: str
    finding: CauseFinding
    rows: list[tuple[str, str]]
    pictures: list[Markup]
    further: list[str]

    @property
    def signals(self) -> list[tuple[Signal, str, str]]:
        """Each with what it looks at and what it says."""
        return [(signal, _ROLES[signal.role], _SAYS[signal.supports]) for signal in self.finding.signals]


@dataclass(frozen=True)
class _Group:
    """Causes of which the same is known."""

    summary: str
    cards: list[_Card]


def causes_in_full(content: ReviewContent) -> Markup:
    """Every cause of a run: those that are supported open, the others folded by what is known of them."""
    return every_cause(content.diagnosis, _figures(content))


def every_cause(diagnosis: Diagnosis, figures: Figures, title: Title = cause_title) -> Markup:
    """The same of a diagnosis.

    Args:
        diagnosis: the causes.
        figures: images that they name.
        title: gives a cause in words, by name and detail.
    """
    named = diagnosis.cause.state is DiagnosisState.NAMED
    return render(
        "review/templates/causes.html",
        sentence="" if named and diagnosis.findings else diagnosis.cause.sentence,
        explained=diagnosis.explained if diagnosis.named else None,
        cards=[_card(finding, figures, title) for finding in diagnosis.named],
        groups=[group for state in _GROUPS if (group := _group(diagnosis, state, figures, title))],
    )


def causes_gist(diagnosis: Diagnosis) -> str:
    """How many causes are in which state, in a line."""
    counts = Counter(finding.state for finding in diagnosis.findings)
    words = {CauseState.SUPPORTED: "supported"} | _GROUPS
    return ", ".join(f"{counts[state]} {word}" for state, word in words.items() if counts[state])


def counted_in_words(diagnosis: Diagnosis) -> str:
    """How many of the signals that say something speak for the answer; empty where none does."""
    return _counted(_finding_of(diagnosis, diagnosis.cause))


def _finding_of(diagnosis: Diagnosis, cause: Cause) -> CauseFinding | None:
    named = (cause.name, cause.detail)
    return next((each for each in diagnosis.findings if (each.cause, each.detail) == named), None)


def _counted(finding: CauseFinding | None) -> str:
    """How many of the signals that say something speak for it."""
    votes = [signal.supports for signal in finding.signals if signal.supports is not None] if finding else []
    return f"{sum(votes)} of {many(len(votes), 'signal')} {'speaks' if sum(votes) == 1 else 'speak'} for it" * bool(
        votes
    )


def _group(diagnosis: Diagnosis, state: CauseState, figures: Figures, title: Title) -> _Group | None:
    found = [finding for finding in diagnosis.findings if finding.state is state]
    if not found:
        return None
    names = ", ".join(dict.fromkeys(title(finding.cause, finding.detail) for finding in found))
    return _Group(
        f"{many(len(found), 'cause')} {_GROUPS[state]}: {names}", [_card(each, figures, title) for each in found]
    )


def _card(finding: CauseFinding, figures: Figures, title: Title) -> _Card:
    tone, word = _STATES[finding.state]
    to_do = "what would test it" if finding.state is CauseState.NOT_TESTABLE else "what to do"
    rows = [(to_do, finding.action)] if finding.action else []
    if finding.share is not None:
        error = "" if finding.std_error is None else f" ± {percent(finding.std_error)}"
        rows.append(("undoing it gives back", f"{percent(finding.share)}{error} of the fall"))
    if finding.probability:
        rows.append(("how sure", f"{_counted(finding)}; {finding.probability:.2f} if all weigh alike, not calibrated"))
    drawn = [name for name in finding.images if name in figures][:_PICTURES]
    return _Card(
        tone,
        word,
        title(finding.cause, finding.detail),
        finding,
        rows,
        [figures[name] for name in drawn],
        [name for name in finding.images if name not in drawn],
    )


def _figures(content: ReviewContent) -> Figures:
    """The images that findings name, as far as there are pictures of them: golden ones first, then the span's."""
    golden = {image.file_name: image for image in (content.analysis.named if content.analysis else ())}
    span = {picture.file_name: picture for found in content.pictures.pictures.values() for picture in found}
    figures: Figures = {}
    left = _BUDGET
    for name in _wanted(content.diagnosis.findings):
        image = golden.get(name) or span.get(name)
        if image is None or image.size_bytes > left:
            continue
        left -= image.size_bytes
        figures[name] = golden_figure(image) if isinstance(image, GalleryImage) else _span_figure(image)
    return figures


def _wanted(findings: Iterable[CauseFinding]) -> Iterable[str]:
    return dict.fromkeys(name for finding in findings for name in finding.images[:_PICTURES])


def _span_figure(picture: Picture) -> Markup:
    return render("review/templates/span_figure.html", shot=shot_of("named", picture))
