"""Tables about rules and data sets, which several pages have."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping

from markupsafe import Markup

from ratchet.components.pages.fact_words import fact_rows
from ratchet.components.pages.html import first, render
from ratchet.components.pages.rule_text import RuleWords
from ratchet.components.pages.rule_words import NO_WORDS, rule_subject, rule_title
from ratchet.components.pages.states import STATES
from ratchet.schemas.artifacts.decisions import Reason, State
from ratchet.schemas.base.differences import Clarity
from ratchet.schemas.base.formatting import many, percent
from ratchet.schemas.data.dataset import EVAL_SPLIT, HELD_OUT_SPLIT, TRAIN_SPLIT, DataSetInfo

_TEMPLATE = "pages/templates/data.html"
_MOST_EXAMPLES, _MOST_CLASSES = 20, 100
_ORDER = (State.FAILED, State.FOLLOWS, State.WARNING, State.NOT_TESTED, State.PASSED)
_SPLITS = {TRAIN_SPLIT: "training", EVAL_SPLIT: "validation", HELD_OUT_SPLIT: "held out"}


def rules_table(
    reasons: Iterable[Reason],
    clarity_of: Callable[[str], Clarity] = lambda _: Clarity.CLEAR,
    own: Mapping[str, RuleWords] = NO_WORDS,
) -> Markup:
    """All rules with their state: those that failed, warnings, the untested; folded below them those that passed.

    Args:
        reasons: the rules.
        clarity_of: whether the difference that a rule is about is one.
        own: see `rule_title`.
    """
    given = list(reasons)
    place = {reason.rule: _ORDER.index(reason.state) for reason in given}

    def title(reason: Reason) -> str:
        if not reason.tested:
            return rule_subject(reason.rule)
        return rule_title(reason.rule, reason.state is State.PASSED, clarity_of(reason.rule), own)

    # What follows from another rule stays behind it.
    ordered = sorted(given, key=lambda each: place.get(each.cause or "", place[each.rule]))
    rows = [(*STATES[reason.state], title(reason), reason) for reason in ordered]
    passed = [row for row in rows if row[-1].state is State.PASSED]
    return render(_TEMPLATE, open=[row for row in rows if row not in passed], passed=passed)


def data_sets(span: DataSetInfo, golden: DataSetInfo | None) -> Markup:
    """What is known of the data sets, side by side, and the boxes that were left out."""
    sets = {"this span": span} | ({"golden set": golden} if golden else {})
    facts: dict[str, Callable[[DataSetInfo], str]] = {
        "source": lambda info: info.source,
        "format": lambda info: info.source_format,
        "span and version": lambda info: f"span {info.span}, version {info.version}" if info.span else "-",
        "images": lambda info: _per_split(info.images, "image"),
        "labelled boxes": lambda info: _per_split(info.boxes, "box"),
        "boxes left out": _bad_count,
        "classes": lambda info: first(info.class_names, _MOST_CLASSES),
        "content digest": lambda info: info.digest,
    }
    bad = [(title, info.bad_boxes) for title, info in sets.items() if info.bad_boxes.count]
    rows = [(name, [(title, fact(info)) for title, info in sets.items()]) for name, fact in facts.items()]
    return render(_TEMPLATE, titles=list(sets), rows=rows, bad=bad, examples=_MOST_EXAMPLES)


def facts_table(span: DataSetInfo, golden: DataSetInfo | None) -> Markup:
    """What was counted in the data sets, side by side; of what is unusual only what one of them has."""
    sets = {"this span": span} | ({"golden set": golden} if golden and golden.facts.images else {})
    told = {title: dict(fact_rows(info.facts)) for title, info in sets.items()}
    names = dict.fromkeys(name for rows in told.values() for name in rows)
    rows = [(name, [(title, each.get(name, "none")) for title, each in told.items()]) for name in names]
    return render(_TEMPLATE, titles=list(sets), rows=rows)


def _per_split(counts: Mapping[str, int], thing: str) -> str:
    splits = ", ".join(f"{word} {counts[split]:,}" for split, word in _SPLITS.items() if counts.get(split))
    return f"{many(sum(counts.values()), thing)} ({splits})"


def _bad_count(info: DataSetInfo) -> str:
    bad = info.bad_boxes
    return "none" if bad.count == 0 else f"{bad.count:,} of {bad.of:,} ({percent(bad.count / max(bad.of, 1))})"
