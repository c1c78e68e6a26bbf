"""The verdict, its reason in a sentence, the figures, and what to do now, with commands to copy."""

from __future__ import annotations

import datetime
import itertools
import shlex
from collections.abc import Callable

from components.pages.bars import interval_bar
from components.pages.rule_words import next_steps, rule_title
from components.pages.text import safe
from components.review.content import ReviewContent
from components.review.sections.noise import decisive, is_below, is_clear, map_as_a_whole, no_difference, with_margin
from components.review.sections.training import differing
from components.review.sections.wording import (
    ap,
    change,
    found_in_words,
    interval,
    map_change,
    shares,
    shortened,
    stopped,
    when,
)
from schemas.artifacts.decisions import Reason, Verdict
from schemas.artifacts.evaluation import DataSetEvaluation, Evaluation
from schemas.base.differences import Clarity, detectable
from schemas.base.formatting import capital, listed, many, score

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
_MAP_RULES = ("map_drop", "map_interval")


def headline(content: ReviewContent) -> str:
    """The header's content, as safe HTML."""
    span = f"Span {content.lineage.span.span} of {content.pipeline}"
    return (
        f'<h1>{safe(span)} <span class="quiet">run {safe(content.run_id, 120)}, {when(content.made_at)}</span></h1>'
        f'<p class="word">{content.verdict.value}</p><p class="lead">{safe(reason_sentence(content), 900)}</p>'
        f"{_figures(content)}{_details(content)}{_of_training(content)}{_first_step(content)}"
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
    if content.candidate is not None and content.candidate.changed_training:
        return f"; its training was changed on purpose: {shortened(content.candidate.changed_training[0], _LONGEST)}"
    return ""


def _details(content: ReviewContent) -> str:
    """What else failed."""
    if content.evaluation is None:
        return ""
    evaluation, failures = content.evaluation, content.evaluation.decision.failures
    first = decisive(evaluation, failures) if failures else None
    # What is no difference is told with the figures of mAP.
    told = {first} | {reason for reason in failures if reason.rule == "map_drop" and not is_clear(evaluation, reason)}
    text = _others(evaluation, tuple(reason for reason in failures if reason not in told)).strip()
    return f'<p class="quiet">{safe(text, 900)}</p>' if text else ""


def _of_training(content: ReviewContent) -> str:
    """What a person should know of the training although it decided nothing."""
    warnings = content.decision.warnings if content.decision else ()
    said = content.candidate is not None and not content.verdict.pushes and not content.data.failures
    told = [
        reason
        for reason in warnings
        if reason.rule.startswith("training:") and not (said and reason.rule == "training:changed")
    ]
    return "".join(
        f'<p class="quiet"><strong>{safe(rule_title(reason.rule, passed=False))}:</strong> '
        f"{safe(stopped(reason.actual), 900)}</p>"
        for reason in told
    )


def _lower(text: str) -> str:
    return text if text.startswith("mAP") else text[:1].lower() + text[1:]


def _verdict_sentence(evaluation: Evaluation, golden: DataSetEvaluation) -> str:
    images = many(golden.images, "golden image")
    noise = capital(no_difference(golden))
    if not evaluation.decision.failures:
        if golden.baseline is None:
            return f"The first model reaches mAP {ap(golden.candidate.coco['AP'])} on {images} and is served now"
        went = f"{noise} in mAP" if noise else f"mAP went {map_change(golden)}"
        return f"{went} on {images} and no rule failed, so the candidate is served now"
    first = decisive(evaluation, evaluation.decision.failures)
    if first.rule == "map_drop":
        if noise:
            return f"{noise} in mAP on {images}; the candidate is not served, since the rule expects {first.expected}"
        fell = "fell" if is_clear(evaluation, first) and is_below(golden) else "went"
        return f"mAP {fell} {map_change(golden)} on {images}" + _below_the_mark(evaluation)
    if first.rule == "map_drop_as_served" and evaluation.post_processing:
        unclear = no_difference(evaluation.post_processing.as_served)
        if unclear:
            expected = f"the candidate is not served, since the rule expects {first.expected}"
            return f"{capital(unclear)} in mAP from what is served, on {images}; {expected}"
        below = _below_the_mark(evaluation)
        fell = "mAP is not below what is served" if below else "mAP fell below what is served"
        return f"{fell}, {shares(evaluation.post_processing, golden)}; on {images}{below}"
    title = rule_title(first.rule, passed=False, clarity=evaluation.clarity_of(first.rule))
    if first.rule == "map_interval":
        went = f"{title}: on {images} mAP went {map_change(golden)}"
        return f"{noise} in mAP on {images}; {_lower(title)}" if noise else went
    sentence = f"{title}: {shortened(first.actual, _LONGEST)}"
    if golden.baseline is not None and not evaluation.decision.evaluation_broken:
        sentence += f"; {map_as_a_whole(golden)}"
    return sentence


def _below_the_mark(evaluation: Evaluation) -> str:
    """A candidate that rose above a lowered baseline is blocked only where the best served model is the bar."""
    mark, compared = evaluation.high_water, evaluation.beside_served.compared
    if not mark or not compared.baseline or compared.candidate.coco["AP"] < compared.baseline.coco["AP"]:
        return ""
    return f", but stays below the {ap(mark.map)} of version {mark.version}, the best that was served"


def _others(evaluation: Evaluation, others: tuple[Reason, ...]) -> str:
    """Further failed rules; the sum of the tests only repeats the classes and slices that it names."""
    golden = evaluation.golden
    counts = {kind: [_of(reason) for reason in others if reason.rule.startswith(f"{kind}_drop:")] for kind in _KINDS}
    text = "".join(f" {_fallen(golden, kind, names)}" for kind, names in counts.items() if names)
    rest = [reason for reason in others if reason.rule.partition(":")[0] not in _TOLD]
    if rest:
        title = rule_title(rest[0].rule, passed=False, clarity=evaluation.clarity_of(rest[0].rule))
        text += f" Also: {title}" + (f", and {len(rest) - 1} more." if rest[1:] else ".")
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
    version = f"version {content.served}" if content.served else ""
    cells = [("candidate mAP", ap(compared.candidate.coco["AP"]), "")]
    if compared.baseline:
        cells.append(("baseline mAP", ap(compared.baseline.coco["AP"]), version))
    changed = content.evaluation.post_processing
    if changed:
        cells[-1] = ("baseline mAP", cells[-1][1], f"as the candidate is exported: {changed.changed}")
        served = changed.as_served.compared.baseline
        cells.append(("baseline as served", ap(served and served.coco["AP"]), version))
    cells += _best_served(content.evaluation)
    if delta:
        reach = max(abs(value) for value in (delta.value, delta.lo, delta.hi, 1e-4) if value is not None)
        bar = interval_bar(delta.value, delta.lo, delta.hi, reach, "difference of mAP")
        cells.append(("difference", f"{change(delta.value)} {bar}", f"95 % interval {interval(delta)}"))
    if content.evaluation_is_broken:
        trusted = ("baseline mAP", "baseline as served")
        cells = [(name, value, note if name in trusted else "not to be trusted") for name, value, note in cells]
    over = f"over the {len(compared.class_support)} classes that both know" if golden.shared else ""
    cells.append(("golden set", many(golden.images, "image"), over or many(compared.objects, "object")))
    if delta and delta.minimum_detectable and not content.evaluation_is_broken:
        told = detectable(delta.minimum_detectable)
        cells.append(("it can tell apart", f"{told} mAP", "a true difference found 8 times in 10"))
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
    if _DIVERGED in failures:
        return next_steps(content.lineage.span, [_DIVERGED, *found])
    steps = _declared_steps(content)
    clarity_of = _clarity_of(content)
    if "map_drop" in failures and clarity_of("map_drop") is Clarity.CLEAR:  # classes and interval follow from it
        failures = [rule for rule in failures if rule.partition(":")[0] not in _TOLD]
    elif "map_drop" in failures and not content.is_noise:  # a class fell, and mAP shows nothing
        failures = [rule for rule in failures if rule.partition(":")[0] not in _MAP_RULES]
    known = [*next_steps(content.lineage.span, found), *steps]
    of_evaluation = next_steps(content.lineage.span, failures, clarity_of)
    if content.is_noise:  # what is known is no cause of a fall, for there was none
        return [*known, *of_evaluation]
    # Where a cause is known, advice on how to look for one would only distract from it.
    return known or _unexplained(content, failures)


def _declared_steps(content: ReviewContent) -> list[str]:
    declared = content.candidate.changed_training if content.candidate else ()
    if not declared:
        return []
    _, left_out = _again(content)
    return [_WITHOUT_IT if left_out else f"Put back what was changed ({listed(declared, 4, '; ')}), and run again."]


def _unexplained(content: ReviewContent, failures: list[str]) -> list[str]:
    """Where nothing else is known, the span is at fault only if the training was like the baseline's."""
    apart = _method_apart(content)
    blames_span = [rule for rule in failures if rule in _BLAME_THE_SPAN]
    if not apart or not blames_span:
        return next_steps(content.lineage.span, failures, _clarity_of(content))
    others = [rule for rule in failures if rule not in blames_span]
    text = (
        f"Look at the golden images that got worse. The training was not like the served model's ({apart}), so the "
        "fall may be its doing: train as the served model was trained before the span is blamed; approve the candidate "
        "only if the golden set is wrong about it."
    )
    return [text, *next_steps(content.lineage.span, others, _clarity_of(content))]


def _method_apart(content: ReviewContent) -> str:
    """What differs from the training of a baseline that was retrained as well; a first training differs by nature."""
    if content.candidate is None or content.baseline is None or content.baseline.mode != content.candidate.mode:
        return ""
    rows = [row for row in differing(content.candidate, content.baseline) if row.of_method]
    return listed([f"{row.name} {row.candidate}, there {row.baseline}" for row in rows], 3, "; ")


def _clarity_of(content: ReviewContent) -> Callable[[str], Clarity]:
    return content.evaluation.clarity_of if content.evaluation else lambda _: Clarity.CLEAR


_APPROVED_FOR = datetime.timedelta(days=14)  # proposed; a person changes it in the command
_LONGEST_COMMAND = 4000
_OBSERVE = "--set data_gate.mode=observe"
# Right once, and not to be repeated by habit: what was declared goes with what it declared.
_ONCE = ("data_gate.mode=observe", "data_gate.accept_new_golden=", "training.allow=")
_ONCE_WORDS = ("--again", "--anew")
_DECLARED = ("training.retrain.learning_rate_fraction=", "augmentation=")
_RATES = ("training.bootstrap.peak_learning_rate=", "training.retrain.learning_rate_fraction=")
_TOO_HIGH = 3  # times the right rate, at which a training diverges
_DIVERGED = "training:diverged"
_BLAME_THE_SPAN = ("map_drop", "class_and_slice_drops")


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
        command_line, left_out = _again(content)
        again = "With the data corrected, or with other settings (--set a.b=c); as it was, with --again."
        lower = _lower_rate(content)
        if lower and not any(setting.startswith("training.allow=") for setting in left_out):
            command_line, again = f"{command_line} --set {lower}", "With a third of the learning rate."
        if left_out:
            again += f" Left out: {', '.join(f'--set {setting}' for setting in left_out)}."
        found.append(("Run again", again, command_line))
    found += with_margin(content, _again(content)[0] if content.command else "ratchet run ...")
    if content.verdict in (Verdict.BLOCKED, Verdict.INCONCLUSIVE):
        found.append(("Approve this candidate all the same", _approval(content), _approve(content, root, signed)))
    if content.verdict is Verdict.DATA_REJECTED and content.data.observable:
        observe = "Once and on record. The evaluator still has to find the model no worse than the served one:"
        text = f"{content.command or 'ratchet run ...'} {_OBSERVE}"
        found.append(("Train on this span all the same", observe, text))
    found.append(_rollback(content, root, signed))
    found.append(("See what is served, and why", "", f"ratchet status {root}"))
    found.append(("See all runs", "", f"ratchet history {root}"))
    return found


def _lower_rate(content: ReviewContent) -> str:
    """The setting that lowers the rate with which a training diverged; empty for a sound one."""
    record = content.candidate
    if record is None or record.diverged is None or record.asked is None:
        return ""
    lower = record.asked.peak_learning_rate / _TOO_HIGH
    if record.mode == "bootstrap":
        return f"{_RATES[0]}{lower:.3g}"
    return f"{_RATES[1]}{lower / record.learning_rate.bootstrap_peak:.3g}"


def _again(content: ReviewContent) -> tuple[str, list[str]]:
    """The run's command without settings that are meant for once, and those settings."""
    try:
        words = shlex.split(content.command)
    except ValueError:  # not a command that was put together by us
        return content.command, []
    words = [word for word in words if word not in _ONCE_WORDS]
    settings = [after for before, after in itertools.pairwise(words) if before == "--set"]
    once = _ONCE + (_DECLARED if any(setting.startswith("training.allow=") for setting in settings) else ())
    told = content.candidate.changed_training if content.candidate else ()
    changed = [f".{change.partition(':')[0]}" for change in told]
    left_out = [
        setting
        for setting in settings
        if setting.startswith(once)
        or (setting.startswith("training.") and setting.partition("=")[0].endswith(tuple(changed)))
        or (_lower_rate(content) and setting.startswith(_RATES))
    ]
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
