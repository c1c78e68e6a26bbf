"""What images say that chose nothing: the candidate beside every model that it was held against there."""

from __future__ import annotations

from ratchet.components.pages.parts import state
from ratchet.components.pages.tables import columns, scrolled, table
from ratchet.components.pages.text import safe
from ratchet.components.review.sections.wording import ap, change, interval
from ratchet.schemas.artifacts.decisions import Decision
from ratchet.schemas.artifacts.evaluation import HeldOutComparison, SecondOpinion
from ratchet.schemas.base.formatting import many

_REFERENCES = {
    "baseline": "the served model",
    "earlier": "served {ago} ago",
    "best": "the best beyond doubt, served {ago} ago",
}


_CAPTION = (
    "<caption>A comparison fails where the candidate measures lower and a real gain, of "
    "evaluator.second_opinion.gain, is excluded; an interval around 0 alone does not help.</caption>"
)


def second_opinion_section(opinion: SecondOpinion, decision: Decision) -> str:
    """The images, and a row a reference; safe HTML."""
    verdicts = {reason.rule: state(reason) for reason in decision.reasons}
    rows = (_row(made, verdicts.get(f"second_opinion:{made.reference}")) for made in opinion.comparisons)
    head = columns(("held against", "version", "its mAP", "candidate", "difference", "95 % interval", "verdict"))
    missing = "".join(f'<li class="warn">{safe(text)}</li>' for text in opinion.missing)
    return (
        f"<p>{_images(opinion)}</p>"
        + (scrolled("Second opinion", table(head, rows, "stack", _CAPTION)) if opinion.comparisons else "")
        + (f'<ul class="facts">{missing}</ul>' if missing else "")
    )


def _images(opinion: SecondOpinion) -> str:
    more = [
        *([f"{many(opinion.copies, 'more image')} left out as copies of others"] if opinion.copies else []),
        *([f"{opinion.unused:,} not used (evaluator.second_opinion.max_images)"] if opinion.unused else []),
    ]
    return (
        f"On {many(opinion.images, 'image')} with {many(opinion.objects, 'object')} of {many(opinion.spans, 'span')} "
        "that were held out of everything: of training, of the choice of the checkpoint and of the golden set. So luck "
        f"has no direction here{'; ' if more else ''}{', '.join(more)}."
    )


def _row(made: HeldOutComparison, verdict: tuple[str, str] | None) -> str:
    kind, word = verdict or ("warn", "! not tested")
    cells = {
        "version": safe(made.version),
        "its mAP": ap(made.map),
        "candidate": ap(made.candidate),
        "difference": change(made.delta.value),
        "95 % interval": interval(made.delta),
    }
    name = _REFERENCES.get(made.reference, made.reference).replace("{ago}", many(made.pushes_ago, "push"))
    return (
        f'<tr class="{kind}"><th scope="row">{safe(name)}</th>'
        + "".join(f'<td data-of="{title}">{text}</td>' for title, text in cells.items())
        + f'<td class="state" data-of="verdict">{word}</td></tr>'
    )
