"""Sections of the page, each from its own part of the content; everything returned is safe HTML."""

from __future__ import annotations

import base64
from collections.abc import Callable, Iterable, Mapping, Sequence

from ratchet.components.pages.comparisons import feature_figure
from ratchet.components.pages.fact_words import fact_rows
from ratchet.components.pages.rule_text import RuleWords
from ratchet.components.pages.rule_words import NO_WORDS, rule_subject, rule_title
from ratchet.components.pages.tables import columns, table
from ratchet.components.pages.text import safe, safe_list
from ratchet.schemas.artifacts.data_evidence import Comparison, Picture, Pictures
from ratchet.schemas.artifacts.decisions import Reason, State
from ratchet.schemas.base.differences import Clarity
from ratchet.schemas.base.formatting import many, percent
from ratchet.schemas.data.dataset import EVAL_SPLIT, HELD_OUT_SPLIT, TRAIN_SPLIT, DataSetInfo

MOST_PICTURES = 6  # a rule
_MOST_EXAMPLES, _MOST_CLASSES = 20, 100


_ORDER = (State.FAILED, State.FOLLOWS, State.WARNING, State.NOT_TESTED, State.PASSED)
_STATES = {
    State.FAILED: ("reject", "✗ failed"),
    State.FOLLOWS: ("fact", "↳ follows"),
    State.WARNING: ("warn", "! warning"),
    State.NOT_TESTED: ("untested", "? not tested"),
    State.PASSED: ("pass", "✓ passed"),
}


def state(reason: Reason) -> tuple[str, str]:
    """A rule's CSS class, and its state as a sign and a word."""
    return _STATES[reason.state]


def rule_card(
    reason: Reason,
    pictures: Sequence[Picture],
    comparison: Comparison | None,
    detected: bool,
    consequences: str = "",
) -> str:
    """A rule that failed or warned, with what shows it.

    Args:
        reason: the rule.
        pictures: to show, worst first.
        comparison: what the rule rests on; None if it does not compare distributions.
        detected: whether there was a model whose detections the pictures show.
        consequences: what follows from it, as safe HTML.
    """
    kind, word = state(reason)
    figure = "" if comparison is None else feature_figure(comparison)
    return (
        f'<article class="card {kind}"><h3><span class="state">{word}:</span> '
        f"{safe(rule_title(reason.rule, passed=False))}</h3>"
        f'<div class="split"><div><dl><dt>found</dt><dd class="found">{safe(reason.actual)}</dd>'
        f"<dt>expected</dt><dd>{safe(reason.expected)}</dd>"
        f"<dt>rule</dt><dd><code>{safe(reason.rule)}</code></dd></dl></div>{figure}</div>"
        f"{_pictures(reason.rule, pictures, detected)}{_further_images(reason, pictures)}{consequences}</article>"
    )


def affordable(rules: Sequence[str], pictures: Pictures, budget: int) -> dict[str, list[Picture]]:
    """Pictures of each rule that fit into the page: the worst of every rule first, then the second worst, ...

    Args:
        rules: in the order of importance.
        pictures: those there are.
        budget: bytes of all JPEGs; base64 adds a third.
    """
    chosen: dict[str, list[Picture]] = {rule: [] for rule in rules}
    left = budget
    for place in range(MOST_PICTURES):
        for rule in chosen:
            candidates = pictures.get(rule, ())
            if place < len(candidates) and len(candidates[place].jpeg) <= left:
                left -= len(candidates[place].jpeg)
                chosen[rule].append(candidates[place])
    return chosen


def _pictures(rule: str, pictures: Sequence[Picture], detected: bool) -> str:
    if not pictures:
        return ""
    figures = "".join(
        f'<figure><img src="data:image/jpeg;base64,{base64.b64encode(picture.jpeg).decode()}" '
        f'alt="{safe(picture.file_name, 200)}: {safe(picture.caption)}">'
        f"<figcaption><code>{safe(picture.file_name, 200)}</code><br>{safe(picture.caption)}</figcaption></figure>"
        for picture in pictures
    )
    return f'{_legend(rule, detected)}<div class="pictures">{figures}</div>'


_AS_GIVEN, _READ = ("given", "as given"), ("read", "read otherwise")
# What is drawn beside or instead of labels and detections, by the rule that the pictures show.
_LEGENDS = {
    "boxes:sound": (("label", "sound labels"), _AS_GIVEN, _READ),
    "labels:reading": (_AS_GIVEN, _READ, ("detection", "detections of the served model")),
    "labels:duplicates": (("label", "labels"), ("given", "labelled again")),
    "leak": (),
    "repeated_images": (),
}


def _legend(rule: str, detected: bool) -> str:
    rule = rule.removeprefix("part:")
    usual = [("label", "labels")] if "box" in rule or not rule.startswith(("drift:", "skew:")) else []
    if detected and not rule.startswith(("drift:", "skew:")):
        usual.append(("detection", "detections of the served model"))
    entries = _LEGENDS.get(rule, usual)
    if not entries:
        return ""
    return (
        '<div class="legend">'
        + "".join(
            f'<span><svg viewBox="0 0 26 14" aria-hidden="true"><rect class="{kind}" x="2" y="2" width="22" '
            f'height="10"/></svg>{text}</span>'
            for kind, text in entries
        )
        + "</div>"
    )


def _further_images(reason: Reason, pictures: Sequence[Picture]) -> str:
    shown = {picture.file_name for picture in pictures}
    rest = [name for name in reason.images if name not in shown]
    if not rest:
        return ""
    title = f"{many(len(rest), 'further image')} that {'shows' if len(rest) == 1 else 'show'} it"
    return f"<details><summary>{title}</summary><p><code>{safe_list(rest, 100)}</code></p></details>"


def rules_table(
    reasons: Iterable[Reason],
    clarity_of: Callable[[str], Clarity] = lambda _: Clarity.CLEAR,
    own: Mapping[str, RuleWords] = NO_WORDS,
) -> str:
    """All rules with their state: those that failed, warnings, the untested, the others, each in the order given.

    Args:
        reasons: the rules.
        clarity_of: whether the difference that a rule is about is one.
        own: see `rule_title`.
    """
    given = list(reasons)
    place = {reason.rule: _ORDER.index(reason.state) for reason in given}
    rows = []
    # What follows from another rule stays behind it.
    for reason in sorted(given, key=lambda each: place.get(each.cause or "", place[each.rule])):
        kind, word = state(reason)
        is_right = reason.state is State.PASSED
        title = (
            rule_title(reason.rule, is_right, clarity_of(reason.rule), own)
            if reason.tested
            else rule_subject(reason.rule)
        )
        measure = f'<br><span class="quiet">{safe(reason.measure)}</span>' if reason.measure else ""
        rows.append(
            f'<tr class="{kind}"><td class="state">{word}</td><th scope="row">'
            f'{safe(title)}<br><code class="quiet">{safe(reason.rule)}</code></th>'
            f'<td data-of="expected">{safe(reason.expected)}</td>'
            f'<td data-of="found">{safe(reason.actual)}{measure}</td></tr>'
        )
    return table(columns(("state", "rule", "expected", "found")), rows, "stack")


def data_sets(span: DataSetInfo, golden: DataSetInfo | None) -> str:
    """What is known of the data sets, side by side, and the boxes that were left out."""
    sets = {"this span": span} | ({"golden set": golden} if golden else {})
    facts: dict[str, Callable[[DataSetInfo], str]] = {
        "source": lambda info: f"<code>{safe(info.source)}</code>",
        "format": lambda info: safe(info.source_format),
        "span and version": lambda info: f"span {info.span}, version {info.version}" if info.span else "-",
        "images": lambda info: _per_split(info.images, "image"),
        "labelled boxes": lambda info: _per_split(info.boxes, "box"),
        "boxes left out": _bad_count,
        "classes": _classes,
        "content digest": lambda info: f"<code>{safe(info.digest)}</code>",
    }
    rows = (
        f'<tr><th scope="row">{name}</th>'
        + "".join(f'<td data-of="{title}">{fact(info)}</td>' for title, info in sets.items())
        + "</tr>"
        for name, fact in facts.items()
    )
    facts_table = table("<td></td>" + columns(sets), rows, "stack")
    return facts_table + "".join(_bad_boxes(title, info) for title, info in sets.items())


def facts_table(span: DataSetInfo, golden: DataSetInfo | None) -> str:
    """What was counted in the data sets, side by side; of what is unusual only what one of them has."""
    sets = {"this span": span} | ({"golden set": golden} if golden and golden.facts.images else {})
    told = {title: dict(fact_rows(info.facts)) for title, info in sets.items()}
    names = dict.fromkeys(name for rows in told.values() for name in rows)
    rows = (
        f'<tr><th scope="row">{safe(name)}</th>'
        + "".join(f'<td data-of="{title}">{safe(rows.get(name, "none"), 2000)}</td>' for title, rows in told.items())
        + "</tr>"
        for name in names
    )
    return table("<td></td>" + columns(sets), rows, "stack")


_SPLITS = {TRAIN_SPLIT: "training", EVAL_SPLIT: "validation", HELD_OUT_SPLIT: "held out"}


def _per_split(counts: dict[str, int], thing: str) -> str:
    splits = ", ".join(f"{word} {counts[split]:,}" for split, word in _SPLITS.items() if counts.get(split))
    return f"{many(sum(counts.values()), thing)} ({splits})"


def _bad_count(info: DataSetInfo) -> str:
    bad = info.bad_boxes
    return "none" if bad.count == 0 else f"{bad.count:,} of {bad.of:,} ({percent(bad.count / max(bad.of, 1))})"


def _classes(info: DataSetInfo) -> str:
    return f"{len(info.class_names):,}: {safe_list(info.class_names, _MOST_CLASSES)}"


def _bad_boxes(whose: str, info: DataSetInfo) -> str:
    bad = info.bad_boxes
    if bad.count == 0:
        return ""
    meant = ""
    if bad.guessed_format is not None:
        meant = f"<p>Read as <code>{safe(bad.guessed_format)}</code> they would be sound.</p>"
    examples = "".join(f"<li>{safe(example)}</li>" for example in bad.examples[:_MOST_EXAMPLES])
    return (
        f"<details><summary>{many(bad.count, 'box')} of {whose} left out: examples</summary>{meant}"
        f"<ul>{examples}</ul><p>Images: <code>{safe_list(bad.images, _MOST_EXAMPLES)}</code></p></details>"
    )
