"""What was measured and what a rule found, in words; pure text, not yet escaped."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from ratchet.components.pages import numbers
from ratchet.components.pages.file_words import FILE_WORDS
from ratchet.components.pages.numbers import change, score
from ratchet.components.pages.rule_text import RuleWords
from ratchet.components.pages.rule_words import NO_WORDS, rule_title
from ratchet.schemas.artifacts.decisions import Reason
from ratchet.schemas.artifacts.evaluation import DataSetEvaluation, Delta, PostProcessing


@dataclass(frozen=True)
class Terms:
    """What a page calls what a run and a comparison of two files have in common.

    Attributes:
        image: one of the images that decide.
        images: all of them.
        alone: a candidate without a baseline.
        could_be_first: what becomes of it if no rule failed.
        passes: what becomes of a candidate if no rule failed.
        fails: what becomes of it otherwise.
        rules: titles of rules, instead of the usual ones.
    """

    image: str
    images: str
    alone: str
    could_be_first: str
    passes: str
    fails: str
    rules: Mapping[str, RuleWords]


@dataclass(frozen=True)
class Way:
    """A command that a person may give.

    Attributes:
        title: what it is for.
        words: what it does; may be empty.
        command: to be pasted as it is, from any directory.
    """

    title: str
    words: str
    command: str


OF_A_RUN = Terms(
    image="golden image",
    images="golden set",
    alone="The first model",
    could_be_first="is served now",
    passes="is served now",
    fails="is not served",
    rules=NO_WORDS,
)
OF_FILES = Terms(
    image="image",
    images="images",
    alone="The candidate",
    could_be_first="no rule failed; no baseline was given, so nothing was compared",
    passes="may replace the baseline",
    fails="may not replace the baseline",
    rules=FILE_WORDS,
)


def interval(delta: Delta | None) -> str:
    """The 95 % interval of a difference.

    >>> interval(Delta(-0.16, -0.17, -0.15, 0.01))
    '\u22120.1700 to \u22120.1500'
    """
    return numbers.interval(delta.interval if delta else None)


def map_change(evaluation: DataSetEvaluation) -> str:
    """From which mAP to which, and by how much."""
    compared = evaluation.compared
    delta = evaluation.deltas and evaluation.deltas.overall
    before = compared.baseline.coco["AP"] if compared.baseline else None
    ends = f"95 % interval {interval(delta)}" if delta and delta.interval else "of unknown interval"
    value = delta.value if delta else None
    return f"from {score(before)} to {score(compared.candidate.coco['AP'])} ({change(value)}; {ends})"


def shares(changed: PostProcessing, golden: DataSetEvaluation) -> str:
    """From the baseline's mAP as it is served to the candidate's, and what of it comes from where."""
    served, same = changed.as_served.compared.baseline, golden.compared.baseline
    if served is None or same is None:
        return map_change(golden)
    before, between, after = (scores.coco["AP"] for scores in (served, same, golden.compared.candidate))
    return (
        f"from {score(before)} to {score(after)} ({change(after - before)}): by the post-processing to "
        f"{score(between)} ({change(between - before)}), by the training to {score(after)} ({change(after - between)})"
    )


_LONGEST = 200


def found_in_words(reason: Reason) -> str:
    """A rule that failed and what it found."""
    return f"{rule_title(reason.rule, passed=False)}: {stopped(shortened(reason.actual))}"


def shortened(text: str, longest: int = _LONGEST) -> str:
    """The beginning of a long text, up to a word's end; without a full stop.

    >>> shortened("done."), shortened("one two three", 9)
    ('done', 'one two ...')
    """
    if len(text) <= longest:
        return text.rstrip(". ")
    return f"{text[:longest].rpartition(' ')[0].rstrip(',;:. ')} ..."


def stopped(text: str) -> str:
    """A sentence with its full stop; one that was cut has its own.

    >>> stopped("done"), stopped("one two ...")
    ('done.', 'one two ...')
    """
    return text if text.endswith("...") else f"{text}."
