"""What images say that chose nothing: the candidate beside every model that it was held against there."""

from __future__ import annotations

from dataclasses import dataclass

from markupsafe import Markup

from ratchet.components.pages.html import render
from ratchet.components.pages.numbers import change, score
from ratchet.components.pages.states import STATES
from ratchet.components.review.sections.wording import interval
from ratchet.schemas.artifacts.decisions import Decision
from ratchet.schemas.artifacts.evaluation import HeldOutComparison, SecondOpinion
from ratchet.schemas.base.formatting import many

_REFERENCES = {
    "baseline": "the served model",
    "earlier": "served {ago} ago",
    "best": "the best beyond doubt, served {ago} ago",
}


@dataclass(frozen=True)
class _Row:
    """A model that the candidate was held against, what it is called, and the verdict."""

    name: str
    made: HeldOutComparison
    tone: str
    verdict: str

    @property
    def cells(self) -> list[tuple[str, str]]:
        """Name and text of each column."""
        made = self.made
        return [
            ("version", made.version),
            ("its mAP", score(made.map)),
            ("candidate", score(made.candidate)),
            ("difference", change(made.delta.value)),
            ("95 % interval", interval(made.delta)),
        ]


def second_opinion_section(opinion: SecondOpinion, decision: Decision) -> Markup:
    """The images, and a row a reference."""
    verdicts = {reason.rule: STATES[reason.state] for reason in decision.reasons}
    rows = [_row(made, verdicts.get(f"second_opinion:{made.reference}")) for made in opinion.comparisons]
    images = _images(opinion)
    return render("review/templates/second_opinion.html", images=images, rows=rows, missing=opinion.missing)


def second_opinion_gist(opinion: SecondOpinion) -> str:
    """How the candidate differs from each model on held-out images, in a line."""
    return "; ".join(f"{made.reference}: {change(made.delta.value)}" for made in opinion.comparisons)


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


def _row(made: HeldOutComparison, verdict: tuple[str, str] | None) -> _Row:
    tone, word = verdict or ("warn", "! not tested")
    name = _REFERENCES.get(made.reference, made.reference).replace("{ago}", many(made.pushes_ago, "push"))
    return _Row(name, made, tone, word)
