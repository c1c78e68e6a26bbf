"""The verdict, its reason in a sentence, the figures, and what to do now, with commands to copy."""

from __future__ import annotations

import datetime
import itertools
import shlex

from components.pages.bars import interval_bar
from components.pages.rule_words import next_steps, rule_title
from components.pages.text import safe
from components.review.content import ReviewContent
from components.review.sections.wording import (
    ap,
    change,
    found_in_words,
    interval,
    map_change,
    shortened,
    stopped,
    when,
)
from schemas.artifacts.decisions import Reason, Verdict
from schemas.artifacts.evaluation import DataSetEvaluation, Evaluation
from schemas.base.formatting import many, score

TONES = {
    Verdict.PUSHED: "pass",
    Verdict.BOOTSTRAPPED: "pass",
    Verdict.BLOCKED: "reject",
    Verdict.INCONCLUSIVE: "warn",
    Verdict.DATA_REJECTED: "reject",
}
_LONGEST = 110  # characters of what a rule found, in the sentence at the top
_WITHOUT_IT = "Run again without what was changed on purpose; the command below leaves it out."
_KINDS = {"class": "classes", "slice": "slices"}
# What is told with others: the tests of classes and slices, and the interval of a difference that is shown anyway.
_TOLD = ("class_drop", "slice_drop", "class_and_slice_drops", "map_interval")


def headline(content: ReviewContent) -> str:
    """The header's content, as safe HTML."""
    span = f"Span {content.lineage.span.span} of {content.pipeline}"
    return (
        f'<h1>{safe(span)} <span class="quiet">run {safe(content.run_id, 120)}, {when(content.made_at)}</span></h1>'
        f'<p class="word">{content.verdict.value}</p><p class="lead">{safe(reason_sentence(content), 900)}</p>'
        f"{_figures(content)}{_details(content)}{_first_step(content)}"
    )


def reason_sentence(content: ReviewContent) -> str:
    """Why the run ended as it did; not yet escaped."""
    if content.evaluation is None:
        [first, *others] = content.data.failures
        more = f" {many(len(others), 'further rule')} failed." if others else ""
        return f"{found_in_words(content, first)}{more} Nothing was trained."
    sentence = _verdict_sentence(content.evaluation, content.evaluation.golden)
    return stopped(sentence + ("" if content.verdict.pushes else _known_cause(content)))


def _known_cause(content: ReviewContent) -> str:
    """The finding that explains a fall best: of the data gate, or that the training was changed on purpose."""
    if content.data.failures and not content.evaluation_is_broken:
        first = content.data.failures[0]
        title = rule_title(first.rule, passed=False)
        return f"; before training the data gate had found: {_lower(title)}, {shortened(first.actual, _LONGEST)}"
    if content.candidate is not None and content.candidate.declared_changes:
        return f"; its training was changed on purpose: {shortened(content.candidate.declared_changes[0], _LONGEST)}"
    return ""


def _details(content: ReviewContent) -> str:
    """What else failed."""
    if content.evaluation is None:
        return ""
    text = _others(content.evaluation.golden, content.evaluation.decision.failures[1:]).strip()
    return f'<p class="quiet">{safe(text, 900)}</p>' if text else ""


def _lower(text: str) -> str:
    return text if text.startswith("mAP") else text[:1].lower() + text[1:]


def _verdict_sentence(evaluation: Evaluation, golden: DataSetEvaluation) -> str:
    images = many(golden.images, "golden image")
    if not evaluation.decision.failures:
        if golden.baseline is None:
            return f"The first model reaches mAP {ap(golden.candidate.coco['AP'])} on {images} and is served now"
        return f"mAP went {map_change(golden)} on {images} and no rule failed, so the candidate is served now"
    first = evaluation.decision.failures[0]
    if first.rule == "map_drop":
        return _below_the_bar(evaluation, golden, images)
    if first.rule == "map_interval":
        return f"{rule_title(first.rule, passed=False)}: on {images} mAP went {map_change(golden)}"
    sentence = f"{rule_title(first.rule, passed=False)}: {shortened(first.actual, _LONGEST)}"
    if golden.baseline is not None and not evaluation.decision.evaluation_broken:
        sentence += f"; mAP as a whole went {map_change(golden)}"
    return sentence


def _below_the_bar(evaluation: Evaluation, golden: DataSetEvaluation, images: str) -> str:
    """A candidate that rose above a lowered baseline is blocked only where the best served model is the bar."""
    mark, compared = evaluation.high_water, golden.compared
    if mark and compared.baseline and compared.candidate.coco["AP"] >= compared.baseline.coco["AP"]:
        best = f"the {ap(mark.map)} of version {mark.version}, the best that was served"
        return f"mAP went {map_change(golden)} on {images}, but stays below {best}"
    return f"mAP fell {map_change(golden)} on {images}"


def _others(golden: DataSetEvaluation, others: tuple[Reason, ...]) -> str:
    """Further failed rules; the sum of the tests only repeats the classes and slices that it names."""
    counts = {kind: [_of(reason) for reason in others if reason.rule.startswith(f"{kind}_drop:")] for kind in _KINDS}
    text = "".join(f" {_fallen(golden, kind, names)}" for kind, names in counts.items() if names)
    rest = [reason for reason in others if reason.rule.partition(":")[0] not in _TOLD]
    if rest:
        text += f" Also: {rule_title(rest[0].rule, passed=False)}" + (
            f", and {len(rest) - 1} more." if rest[1:] else "."
        )
    return text


def _of(reason: Reason) -> str:
    return reason.rule.partition(":")[2]


def _fallen(golden: DataSetEvaluation, kind: str, names: list[str]) -> str:
    deltas = getattr(golden.deltas, f"per_{kind}") if golden.deltas else {}
    values = {name: deltas[name].value for name in names if name in deltas and deltas[name].value is not None}
    worst = min(values, key=lambda name: values[name], default=names[0])
    shown = f"{kind} {worst} ({change(values.get(worst))})"
    if len(names) == 1:
        return f"{shown[:1].upper()}{shown[1:]} got significantly worse."
    return f"{len(names)} {_KINDS[kind]} got significantly worse, most of all {shown}."


def _figures(content: ReviewContent) -> str:
    if content.evaluation is None:
        return ""
    golden = content.evaluation.golden
    compared, delta = golden.compared, golden.deltas and golden.deltas.overall
    cells = [("candidate mAP", ap(compared.candidate.coco["AP"]), "")]
    if compared.baseline:
        version = f"version {content.served}" if content.served else ""
        cells.append(("baseline mAP", ap(compared.baseline.coco["AP"]), version))
    cells += _best_served(content.evaluation)
    if delta:
        reach = max(abs(value) for value in (delta.value, delta.lo, delta.hi, 1e-4) if value is not None)
        bar = interval_bar(delta.value, delta.lo, delta.hi, reach, "difference of mAP")
        cells.append(("difference", f"{change(delta.value)} {bar}", f"95 % interval {interval(delta)}"))
    if content.evaluation_is_broken:
        cells = [(name, value, note if name == "baseline mAP" else "not to be trusted") for name, value, note in cells]
    over = f"over the {len(compared.class_support)} classes that both know" if golden.shared else ""
    cells.append(("golden set", many(golden.images, "image"), over or many(compared.objects, "object")))
    return (
        '<dl class="figures">'
        + "".join(
            f'<div><dt>{name}</dt><dd>{value}</dd><dd class="quiet">{safe(note)}</dd></div>'
            for name, value, note in cells
        )
        + "</dl>"
    )


def _best_served(evaluation: Evaluation) -> list[tuple[str, str, str]]:
    """Of a lowered baseline, what the best served model had."""
    mark, below = evaluation.high_water, evaluation.below_the_mark
    if mark is None or below is None:
        return []
    since = f" since {mark.lowered_by}" if mark.lowered_by else ""
    return [
        ("best served mAP", ap(mark.map), f"version {mark.version}; the baseline is {score(below)} below it{since}")
    ]


def _first_step(content: ReviewContent) -> str:
    steps = advice(content)
    if not steps:
        return ""
    return f'<p class="next"><strong>Next:</strong> {safe(steps[0])} <a href="#next">Commands</a></p>'


def advice(content: ReviewContent) -> list[str]:
    """What a person can do, the most promising first; not yet escaped. Nothing for a model that was served."""
    if content.verdict.pushes:
        return []
    failures = [reason.rule for reason in content.decision.failures] if content.decision else []
    found = [reason.rule for reason in content.data.failures]
    if content.evaluation_is_broken:
        return next_steps(content.lineage.span, [*failures, *found])
    declared = content.candidate.declared_changes if content.candidate else ()
    steps = [_WITHOUT_IT] if declared else []
    if "map_drop" in failures:  # classes and interval follow from it
        failures = [rule for rule in failures if rule.partition(":")[0] not in _TOLD]
    # Where a cause is known, advice on how to look for one would only distract from it.
    return [*next_steps(content.lineage.span, found), *steps] or next_steps(content.lineage.span, failures)


_APPROVED_FOR = datetime.timedelta(days=14)  # proposed; a person changes it in the command
_LONGEST_COMMAND = 4000
_OBSERVE = "--set data_gate.mode=observe"
# Right once, and not to be repeated by habit: what was declared goes with what it declared.
_ONCE = ("data_gate.mode=observe", "data_gate.accept_new_golden=", "training.allow=")
_ONCE_WORDS = ("--again", "--anew")
_DECLARED = ("training.retrain.learning_rate_fraction=", "augmentation=")


def next_section(content: ReviewContent) -> str:
    """Advice, and the commands that go with it; safe HTML."""
    steps = "".join(f"<li>{safe(step)}</li>" for step in advice(content))
    listed = f'<ol class="steps">{steps}</ol>' if steps else ""
    return listed + "".join(
        f"<h3>{title}</h3>{_paragraph(words)}{command(text)}" for title, words, text in _commands(content)
    )


def _paragraph(words: str) -> str:
    return f"<p>{safe(words)}</p>" if words else ""


def command(text: str) -> str:
    """A command with a button that copies it."""
    return (
        f'<div class="command"><pre tabindex="0"><code>{safe(text, _LONGEST_COMMAND)}</code></pre>'
        '<button type="button" class="copy script">Copy</button></div>'
    )


def _commands(content: ReviewContent) -> list[tuple[str, str, str]]:
    """Title, what it does, and the command."""
    root = f"--root {shlex.quote(content.root)}"
    signed = '--by "$USER" --reason ""'
    found = []
    if content.command:
        command_line, left_out = _again(content.command)
        again = "With the data corrected, or with other settings (--set a.b=c); as it was, with --again."
        if left_out:
            again += f" Left out: {', '.join(f'--set {setting}' for setting in left_out)}."
        found.append(("Run again", again, command_line))
    if content.verdict in (Verdict.BLOCKED, Verdict.INCONCLUSIVE):
        found.append(("Approve this candidate all the same", _approval(content), _approve(content, root, signed)))
    if content.verdict is Verdict.DATA_REJECTED:
        observe = "Once and on record. The evaluator still has to find the model no worse than the served one:"
        text = f"{content.command or 'ratchet run ...'} {_OBSERVE}"
        found.append(("Train on this span all the same", observe, text))
    found.append(_rollback(content, root, signed))
    found.append(("See what is served, and why", "", f"ratchet status {root}"))
    found.append(("See all runs", "", f"ratchet history {root}"))
    return found


def _again(command_line: str) -> tuple[str, list[str]]:
    """A command without settings that are meant for once, and those settings."""
    try:
        words = shlex.split(command_line)
    except ValueError:  # not a command that was put together by us
        return command_line, []
    words = [word for word in words if word not in _ONCE_WORDS]
    settings = [after for before, after in itertools.pairwise(words) if before == "--set"]
    once = _ONCE + (_DECLARED if any(setting.startswith("training.allow=") for setting in settings) else ())
    left_out = [setting for setting in settings if setting.startswith(once)]
    kept: list[str] = []
    for word in words:
        if word in left_out and kept[-1:] == ["--set"]:
            kept.pop()
        else:
            kept.append(word)
    return shlex.join(kept), left_out


def _approval(content: ReviewContent) -> str:
    words = (
        "Serves exactly the model that was measured here. Give a reason; it is shown with your name on every later "
        "page. The date is the last day for which you vouch for it."
    )
    if content.evaluation_is_broken:
        words += (
            " The evaluation itself was broken, so nobody knows how good this model is: --evaluation-broken says that "
            "you know that."
        )
    return words


def _approve(content: ReviewContent, root: str, signed: str) -> str:
    expires = (datetime.datetime.fromisoformat(content.made_at) + _APPROVED_FOR).date().isoformat()
    broken = " --evaluation-broken" if content.evaluation_is_broken else ""
    return f"ratchet approve {shlex.quote(content.run_id)} {root} {signed} --expires {expires}{broken}"


def _rollback(content: ReviewContent, root: str, signed: str) -> tuple[str, str, str]:
    if content.pushed_version:
        words = "If the new model disappoints in service: serves the model before it again, at once, and un-blesses it:"
    else:
        words = (
            f"This run changed nothing: {_still_served(content)}. If that model itself is at fault, the one before it:"
        )
    return "Roll back", words, f"ratchet rollback {root} {signed}"


def _still_served(content: ReviewContent) -> str:
    return f"version {content.served} is served as before" if content.served else "no model is served yet"
