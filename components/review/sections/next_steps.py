"""What to do after a run: advice, and the commands that go with it."""

from __future__ import annotations

import datetime
import itertools
import shlex
from collections.abc import Callable, Iterable

from ratchet.components.pages.rule_words import next_steps
from ratchet.components.pages.text import safe
from ratchet.components.review.content import ReviewContent
from ratchet.components.review.sections.noise import with_margin
from ratchet.schemas.artifacts.decisions import Verdict
from ratchet.schemas.artifacts.diagnosis import RATE_TOO_HIGH, DiagnosisState
from ratchet.schemas.base.differences import Clarity

# What is told with others: the tests of classes and slices, and the interval of a difference that is shown anyway.
TOLD = ("class_drop", "slice_drop", "class_and_slice_drops", "map_interval")


def advice(content: ReviewContent) -> list[str]:
    """What a person can do, the most promising first; not yet escaped. Nothing for a model that was served.

    What follows from a fall of mAP is for its causes to say; of a broken evaluation, of data that were rejected and of
    rules that are about something else, the rules say it.
    """
    if content.verdict.pushes:
        return []
    cause, failures = content.diagnosis.cause, _failed(content)
    no_way_on = content.data.passed or not content.data.observable
    of_rules = next_steps(content.lineage.span, failures, _clarity_of(content), observed=no_way_on)
    if cause.state is DiagnosisState.NAMED:
        actions = [cause.action, *(finding.action for finding in content.diagnosis.named)]
        return _distinct([*actions, *of_rules])
    return _distinct(of_rules if content.evaluation is None and of_rules else [*of_rules, cause.action])


def _failed(content: ReviewContent) -> list[str]:
    """The rules that speak for themselves beside the cause."""
    if content.decision is None:
        return [reason.rule for reason in content.data.failures]
    failures = [reason.rule for reason in content.decision.failures]
    named = content.diagnosis.cause.state is DiagnosisState.NAMED
    return [rule for rule in failures if not (named and rule.startswith("training:"))]


def _distinct(steps: Iterable[str]) -> list[str]:
    return list(dict.fromkeys(step for step in steps if step))


def _clarity_of(content: ReviewContent) -> Callable[[str], Clarity]:
    return content.evaluation.clarity_of if content.evaluation else lambda _: Clarity.CLEAR


_APPROVED_FOR = datetime.timedelta(days=14)  # proposed; a person changes it in the command
_LONGEST_COMMAND = 4000
_OBSERVE = "--set data_gate.mode=observe"
# Right once, and not to be repeated by habit: what was declared goes with what it declared. What a run was given to let
# its span or its golden set pass is right until a model was pushed with it.
_ONCE = ("training.allow=",)
_UNTIL_PUSHED = ("data_gate.mode=observe", "data_gate.accept_new_golden=")
_ONCE_WORDS = ("--again", "--anew")
_DECLARED = ("training.retrain.learning_rate_fraction=", "augmentation=")
_RATES = ("training.bootstrap.peak_learning_rate=", "training.retrain.learning_rate_fraction=")
_TOO_HIGH = 3  # times the right rate, at which a training diverges


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
    """The setting that lowers the rate with which a training diverged; empty for a sound one, or for another cause."""
    record, cause = content.candidate, content.diagnosis.cause
    if cause.state is DiagnosisState.NAMED and cause.name != RATE_TOO_HIGH:
        return ""
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
    once = _ONCE + (_UNTIL_PUSHED if content.verdict.pushes else ())
    once += _DECLARED if any(setting.startswith("training.allow=") for setting in settings) else ()
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
