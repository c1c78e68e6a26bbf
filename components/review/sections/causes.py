"""Why mAP fell: in the head in a few lines, and in full with every cause, its signals and the images that show it."""

from __future__ import annotations

import base64
from collections.abc import Callable, Iterable, Sequence

from ratchet.components.pages.tables import columns, scrolled, table
from ratchet.components.pages.text import safe, safe_list
from ratchet.components.review.content import GalleryImage, ReviewContent
from ratchet.components.review.sections.gallery import stage
from ratchet.components.review.sections.wording import NOTHING, stopped
from ratchet.schemas.artifacts.cause_words import cause_title, in_words
from ratchet.schemas.artifacts.data_evidence import Picture
from ratchet.schemas.artifacts.diagnosis import Cause, CauseFinding, CauseState, Diagnosis, DiagnosisState, Role, Signal
from ratchet.schemas.base.formatting import capital, many, number, percent

_HEAD_EVIDENCE = 3  # sentences on the first screen
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

Figures = dict[str, str]  # safe HTML by file name
Title = Callable[[str, str], str]


def cause_in_head(diagnosis: Diagnosis) -> str:
    """The answer for the first screen, with what it rests on; nothing where there is nothing to explain."""
    cause = diagnosis.cause
    if cause.state is DiagnosisState.NOTHING:
        return ""
    counted = _counted(_finding_of(diagnosis, cause))
    told = f' <span class="quiet">({counted})</span>' if counted else ""
    items = "".join(f"<li>{safe(capital(sentence))}</li>" for sentence in cause.evidence[:_HEAD_EVIDENCE])
    evidence = f"<ul>{items}</ul>" if items else ""
    return (
        f'<div class="why {_tone(cause)}"><p><strong>{safe(capital(in_words(cause)))}</strong>{told}: '
        f'{safe(stopped(cause.sentence.rstrip(".")), 900)} <a href="#cause">All causes</a></p>{evidence}</div>'
    )


def causes_in_full(content: ReviewContent) -> str:
    """Every cause of a run: those that are supported open, the others folded by what is known of them; safe HTML."""
    return every_cause(content.diagnosis, _figures(content))


def every_cause(diagnosis: Diagnosis, figures: Figures, title: Title = cause_title) -> str:
    """The same of a diagnosis.

    Args:
        diagnosis: the causes.
        figures: images that they name.
        title: gives a cause in words, by name and detail.
    """
    if not diagnosis.findings:
        return f"<p>{safe(diagnosis.cause.sentence, 900)}</p>"
    summary = "" if diagnosis.cause.state is DiagnosisState.NAMED else f"<p>{safe(diagnosis.cause.sentence, 900)}</p>"
    cards = "".join(_card(finding, figures, title) for finding in diagnosis.named)
    groups = "".join(_group(diagnosis, state, words, figures, title) for state, words in _GROUPS.items())
    return f"{summary}{_explained(diagnosis)}{cards}{groups}"


def _tone(cause: Cause) -> str:
    return "reject" if cause.state is DiagnosisState.NAMED else "warn"


def _finding_of(diagnosis: Diagnosis, cause: Cause) -> CauseFinding | None:
    named = (cause.name, cause.detail)
    return next((each for each in diagnosis.findings if (each.cause, each.detail) == named), None)


def _counted(finding: CauseFinding | None) -> str:
    """How many of the signals that say something speak for it."""
    votes = [signal.supports for signal in finding.signals if signal.supports is not None] if finding else []
    return f"{sum(votes)} of {many(len(votes), 'signal')} {'speaks' if sum(votes) == 1 else 'speak'} for it" * bool(
        votes
    )


def _explained(diagnosis: Diagnosis) -> str:
    if diagnosis.explained is None or not diagnosis.named:
        return ""
    return f"<p>Undoing what is supported gives back {percent(diagnosis.explained)} of the fall.</p>"


def _group(diagnosis: Diagnosis, state: CauseState, words: str, figures: Figures, title: Title) -> str:
    found = [finding for finding in diagnosis.findings if finding.state is state]
    if not found:
        return ""
    names = ", ".join(dict.fromkeys(safe(title(finding.cause, finding.detail)) for finding in found))
    cards = "".join(_card(finding, figures, title) for finding in found)
    return f"<details><summary>{many(len(found), 'cause')} {words}: {names}</summary>{cards}</details>"


def _card(finding: CauseFinding, figures: Figures, title: Title) -> str:
    kind, word = _STATES[finding.state]
    to_do = "what would test it" if finding.state is CauseState.NOT_TESTABLE else "what to do"
    rows = [(to_do, safe(finding.action))] if finding.action else []
    if finding.share is not None:
        error = "" if finding.std_error is None else f" ± {percent(finding.std_error)}"
        rows.append(("undoing it gives back", f"{percent(finding.share)}{error} of the fall"))
    if finding.probability:
        counted = _counted(finding)
        rows.append(("likelihood by unit weights", f"{finding.probability:.2f}, not calibrated; {counted}"))
    listed = "".join(f"<dt>{name}</dt><dd>{text}</dd>" for name, text in rows)
    return (
        f'<article class="card {kind}"><h3><span class="state">{word}:</span> '
        f"{safe(title(finding.cause, finding.detail))}</h3><p>{safe(finding.sentence)}</p>"
        f"<dl>{listed}</dl>{_signals(finding.signals)}{_images(finding, figures)}</article>"
    )


def _signals(signals: Sequence[Signal]) -> str:
    if not signals:
        return ""
    rows = (
        f'<tr><th scope="row">{safe(signal.sentence)}<br><code class="quiet">{safe(signal.name)}</code></th>'
        f'<td data-of="looks at">{_ROLES[signal.role]}</td><td class="number" data-of="value">{_value(signal)}</td>'
        f'<td class="number" data-of="limit">{number(signal.threshold)}</td>'
        f'<td data-of="unit">{safe(signal.unit)}</td><td data-of="speaks">{_SAYS[signal.supports]}</td></tr>'
        for signal in signals
    )
    head = columns(("signal", "looks at", "value", "limit", "unit", "speaks"))
    return scrolled("Signals", table(head, rows, "stack signals"))


def _value(signal: Signal) -> str:
    if signal.value is None:
        return NOTHING
    error = "" if signal.std_error is None else f" ± {number(signal.std_error)}"
    return f"{number(signal.value)}{error}"


def _images(finding: CauseFinding, figures: Figures) -> str:
    if not finding.images:
        return ""
    drawn = [name for name in finding.images if name in figures][:_PICTURES]
    rest = [name for name in finding.images if name not in drawn]
    pictures = f'<div class="pictures">{"".join(figures[name] for name in drawn)}</div>' if drawn else ""
    also = f'<p class="quiet">{"Also" if drawn else "Shown by"}: <code>{safe_list(rest, 20)}</code></p>' if rest else ""
    return pictures + also


def _figures(content: ReviewContent) -> Figures:
    """The images that findings name, as far as there are pictures of them: golden ones first, then the span's."""
    golden = {image.file_name: image for image in (content.analysis.named if content.analysis else ())}
    span = {picture.file_name: picture for pictures in content.pictures.values() for picture in pictures}
    figures: Figures = {}
    left = _BUDGET
    for name in _wanted(content.diagnosis.findings):
        image = golden.get(name) or span.get(name)
        if image is None or len(image.jpeg) > left:
            continue
        left -= len(image.jpeg)
        figures[name] = _golden_figure(image) if isinstance(image, GalleryImage) else _span_figure(image)
    return figures


def _wanted(findings: Iterable[CauseFinding]) -> Iterable[str]:
    return dict.fromkeys(name for finding in findings for name in finding.images[:_PICTURES])


def _golden_figure(image: GalleryImage) -> str:
    return (
        f"<figure>{stage(image)}<figcaption><code>{safe(image.file_name, 120)}</code>, golden set</figcaption></figure>"
    )


def _span_figure(picture: Picture) -> str:
    return (
        f'<figure><img src="data:image/jpeg;base64,{base64.b64encode(picture.jpeg).decode()}" '
        f'alt="{safe(picture.file_name, 200)}: {safe(picture.caption)}">'
        f"<figcaption><code>{safe(picture.file_name, 120)}</code>, new span: {safe(picture.caption)}</figcaption>"
        "</figure>"
    )
