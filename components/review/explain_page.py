"""The page of `ratchet explain`: why mAP fell between two trainings of any toolkit; pure."""

from __future__ import annotations

import re

from ratchet.components.pages.comparisons import comparison_section
from ratchet.components.pages.tables import columns, table
from ratchet.components.pages.text import safe
from ratchet.components.review.document import Section, document
from ratchet.components.review.explain_content import ExplainContent
from ratchet.components.review.files_page import FILES_STYLE, files_sections
from ratchet.components.review.sections.causes import every_cause
from ratchet.components.review.sections.next_steps import command
from ratchet.components.review.sections.plans import plans_section
from ratchet.components.review.sections.wording import when
from ratchet.schemas.artifacts.data_evidence import DRIFT
from ratchet.schemas.artifacts.diagnosis import DiagnosisState
from ratchet.schemas.base.formatting import capital
from ratchet.schemas.data.training_data import SetFacts

GENERATOR = "ratchet explain"
_TONES = {DiagnosisState.NAMED: "reject", DiagnosisState.UNKNOWN: "warn", DiagnosisState.NOTHING: "pass"}
_EVIDENCE = 3
# What a reader sees: text between tags but for names of rules, and heads of columns that narrow tables repeat.
_SHOWN = re.compile(r"(?<!<code)>[^<>]+(?=<)|data-of=\"[^\"]*\"")
_MODEL = re.compile(r"\b([Tt]he )?(?<!:)(baseline|candidate)\b")
_CLASSES = 12
_WORDS = (
    "<details><summary>Words</summary><dl><dt>before, after</dt><dd>the two models and how they "
    "were trained, in this order</dd><dt>golden images</dt><dd>those that both models were measured on</dd>"
    "<dt>interval</dt><dd>where the difference would lie with 95 of 100 other sets of images like this one</dd>"
    "<dt>mAP</dt><dd>mean average precision over classes and IoU .50 to .95, as COCO defines it</dd></dl></details>"
    "<p>Written by <code>ratchet explain</code>. The same as JSON: explanation.json beside this page.</p>"
)


def explain_page(content: ExplainContent) -> str:
    """The whole page, as HTML that can be written as UTF-8."""
    sections = [
        Section("cause", "Why", _causes(content)),
        Section("trainings", "The two trainings", plans_section(content)),
        *([Section("data", "The data", _data(content))] if _has_data(content) else []),
    ]
    further = files_sections(content.files) if content.files else []
    sections += [
        section._replace(text=_of_two_trainings(section.text)) for section in further if section.name != "files"
    ]
    sections.append(Section("files", "What was brought", _inputs(content)))
    cause = content.diagnosis.cause
    return document(
        title=safe(f"{content.head}: {content.fall}", 200),
        tone=_TONES.get(cause.state, "warn"),
        head=_head(content),
        sections=sections,
        footer=_WORDS,
        style=FILES_STYLE,
        generator=GENERATOR,
    )


def _of_two_trainings(html: str) -> str:
    """Sections of two sets of detections have a baseline and a candidate, which this page calls before and after."""
    return _SHOWN.sub(lambda shown: _MODEL.sub(_renamed, shown.group()), html)


def _renamed(found: re.Match[str]) -> str:
    article, model = found.groups()
    name = "before" if model == "baseline" else "after"
    return f"{article}model {name}" if article else name


def _head(content: ExplainContent) -> str:
    evidence = "".join(f"<li>{safe(sentence)}</li>" for sentence in content.evidence[:_EVIDENCE])
    facts = f"<ul>{evidence}</ul>" if evidence else ""
    head, _, action = content.action.partition(": ")
    told = f"<p><strong>{safe(capital(head))}:</strong> {safe(action)}</p>" if content.action else ""
    surer = f"<p><strong>Surer with:</strong> {safe(content.surer_with)}</p>" if content.surer_with else ""
    return (
        f'<h1>{safe(content.fall, 300)} <span class="quiet">{when(content.made_at)}</span></h1>'
        f'<p class="word">{safe(capital(content.head), 160)}</p><p class="lead">{safe(content.sentence, 900)}</p>'
        f'<div class="why">{facts}{told}{surer}</div>'
    )


def _causes(content: ExplainContent) -> str:
    def title(name: str, detail: str) -> str:
        return content.titles.get(f"{name}:{detail}", name)

    return every_cause(content.diagnosis, {}, title)


def _has_data(content: ExplainContent) -> bool:
    return bool(content.comparisons or content.facts.before or content.facts.after)


def _data(content: ExplainContent) -> str:
    sets = {"before": content.facts.before, "after": content.facts.after, "golden": content.facts.golden}
    known = {name: facts for name, facts in sets.items() if facts is not None}
    drift = [each for each in content.comparisons if each.kind == DRIFT]
    quiet = {reason.rule for reason in content.data.reasons if reason.passed and not reason.warning}
    pictures = (
        comparison_section(drift, quiet, other="the training data before", this="the training data after")
        if drift
        else "<p>Give --train-before and --train-after to have them compared.</p>"
    )
    return f"{_counts(known)}{_shared(content)}{pictures}"


def _counts(sets: dict[str, SetFacts]) -> str:
    classes = list(dict.fromkeys(name for facts in sets.values() for name in facts.objects))[:_CLASSES]
    rows = [("images", [facts.images for facts in sets.values()]), ("boxes", [facts.boxes for facts in sets.values()])]
    rows += [(name, [facts.objects.get(name, 0) for facts in sets.values()]) for name in classes]
    body = (
        f'<tr><th scope="row">{safe(head)}</th>'
        + "".join(f'<td class="number" data-of="{name}">{count:,}</td>' for name, count in zip(sets, counts))
        + "</tr>"
        for head, counts in rows
    )
    return table("<td></td>" + columns(tuple(sets)), body, "stack")


def _shared(content: ExplainContent) -> str:
    facts = content.facts
    told = {
        "images of the training after that the training before saw as well": facts.after_in_before,
        "golden images among the training images before": facts.golden_in_before,
        "golden images among the training images after": facts.golden_in_after,
    }
    items = "".join(f"<li>{share.count:,} of {share.of:,} {what}</li>" for what, share in told.items() if share)
    return f'<ul class="facts">{items}</ul>' if items else ""


def _inputs(content: ExplainContent) -> str:
    rows = (
        f'<tr><th scope="row"><code>{safe(option)}</code></th>'
        f'<td data-of="path"><code>{safe(path, 300)}</code></td></tr>'
        for option, path in content.inputs
    )
    notes = "".join(f"<li>{safe(note, 400)}</li>" for note in content.notes)
    return (
        table("<td></td>" + columns(("path",)), rows, "stack")
        + (f'<ul class="facts">{notes}</ul>' if notes else "")
        + f"<h3>Command</h3>{command(content.command)}"
        + f'<p class="quiet">Ratchet {safe(content.code)}</p>'
    )
