"""What to do after a run: advice, and the commands that go with it."""

from __future__ import annotations

import datetime
import itertools
import shlex
from collections.abc import Callable, Iterable

from markupsafe import Markup

from ratchet.components.pages.html import render
from ratchet.components.pages.rule_words import next_steps
from ratchet.components.review.content import ReviewContent
from ratchet.components.review.sections.noise import with_margin
from ratchet.components.review.sections.wording import Way
from ratchet.schemas.artifacts.decisions import Verdict
from ratchet.schemas.artifacts.diagnosis import RATE_TOO_HIGH, DiagnosisState
from ratchet.schemas.base.differences import Clarity
from ratchet.schemas.base.formatting import capital, many

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
_SIGNED = """--by "$USER" --reason 'REPLACE: why this is right'"""  # refused until somebody has filled it in
_OBSERVE = "--set data_gate.mode=observe"
# Right once, and not to be repeated by habit: what was declared goes with what it declared. What a run was given to let
# its span or its golden set pass is right until a model was pushed with it.
_ONCE = ("training.allow=",)
_UNTIL_PUSHED = ("data_gate.mode=observe", "data_gate.accept_new_golden=")
_ONCE_WORDS = ("--again", "--anew")
_DECLARED = ("training.retrain.learning_rate_fraction=", "augmentation=")
_RATES = ("training.bootstrap.peak_learning_rate=", "training.retrain.learning_rate_fraction=")
_TOO_HIGH = 3  # times the right rate, at which a training diverges


def next_section(content: ReviewContent) -> Markup:
    """Advice, and the commands that go with it."""
    return render("review/templates/next.html", steps=advice(content), ways=ways(content))


def next_gist(content: ReviewContent) -> str:
    """What can be done, in a line."""
    first, *others = ways(content)
    return f"{first.title.lower()}, and {many(len(others), 'other command')}"


def first_step(content: ReviewContent) -> str:
    """What to do next, in a sentence."""
    steps = advice(content)
    if content.verdict.pushes:
        served = f"version {content.pushed_version}" if content.pushed_version else "the new model"
        return f"{capital(served)} is served now. When the next span has arrived:"
    return steps[0] if steps else ""


def first_command(content: ReviewContent) -> str:
    """The command that goes with it; empty where it is not known how the run was started."""
    found = ways(content)
    return found[0].command if content.command and found else ""


def ways(content: ReviewContent) -> list[Way]:
    """The commands that can be given after this run, the one that is meant first."""
    program, root = _program(content), f"--root {shlex.quote(content.root)}"
    found = [
        *_look(content, program, root),
        *_run(content),
        *with_margin(content, _again(content)[0] if content.command else f"{program} run ..."),
    ]
    if content.verdict in (Verdict.BLOCKED, Verdict.INCONCLUSIVE):
        found.append(Way("Approve this candidate all the same", _approval(content), _approve(content, program, root)))
    if content.verdict is Verdict.DATA_REJECTED and content.data.observable:
        observe = "Once and on record. The evaluator still has to find the model no worse than the served one:"
        text = f"{content.command or f'{program} run ...'} {_OBSERVE}"
        found.append(Way("Train on this span all the same", observe, text))
    if _can_go_back(content):
        found.append(Way("Roll back", _rollback(content), f"{program} rollback {root} {_SIGNED}"))
    found.append(Way("See what is served, and why", "", f"{program} status {root}"))
    return [*found, Way("See all runs", "", f"{program} history {root} --open")]


def _look(content: ReviewContent, program: str, root: str) -> list[Way]:
    """To see what holds the candidate, where nothing else does."""
    evaluation = content.evaluation
    if evaluation is None or evaluation.shadow is None:
        return []
    if [reason.rule for reason in evaluation.decision.failures] != ["shadow"]:
        return []
    text = f"{program} shadow {shlex.quote(content.run_id)} --log {shlex.quote(evaluation.shadow.log)} {root} --open"
    return [
        Way("See where the two models disagree", "With pictures of the logged requests; TensorFlow is needed.", text)
    ]


def _program(content: ReviewContent) -> str:
    """What a person calls Ratchet by: as the run was started, with its whole path."""
    words = _words(content.command)
    return shlex.join(words[: words.index("run")]) if "run" in words[1:] else "ratchet"


def _words(command: str) -> list[str]:
    try:
        return shlex.split(command)
    except ValueError:  # not a command that was put together by us
        return []


def _run(content: ReviewContent) -> list[Way]:
    """The run once more, or after a push the next one."""
    if not content.command:
        return []
    if content.verdict.pushes:
        return [Way("Train on the next span", *_following(content))]
    text, left_out = _again(content)
    words = "With the data corrected, or with other settings (--set a.b=c); as it was, with --again."
    lower = _lower_rate(content)
    if lower and not any(setting.startswith("training.allow=") for setting in left_out):
        text, words = f"{text} --set {lower}", "With a third of the learning rate."
    return [Way("Run again", words + _told(left_out), text)]


def _told(left_out: list[str]) -> str:
    return f" Left out: {', '.join(f'--set {setting}' for setting in left_out)}." if left_out else ""


def _following(content: ReviewContent) -> tuple[str, str]:
    """What is said of the command for the span after this one, and the command."""
    text, left_out = _again(content)
    words = [word for word in _words(text) if word != "--bootstrap"]
    for place, (before, after) in enumerate(itertools.pairwise(words), start=1):
        if before == "--span" and after.isdecimal():
            words[place] = str(int(after) + 1)
    return f"As soon as its images and labels are there.{_told(left_out)}", shlex.join(words)


def _can_go_back(content: ReviewContent) -> bool:
    """Whether a model was served before the one that is served now."""
    if content.pushed_version:
        return content.served is not None
    served = [run for run in content.history.runs if Verdict(run.verdict).pushes]
    return len(served) + len(content.history.overrides) > 1


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
    words = _words(content.command)
    if not words:
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


def _approve(content: ReviewContent, program: str, root: str) -> str:
    expires = (datetime.datetime.fromisoformat(content.made_at) + _APPROVED_FOR).date().isoformat()
    broken = " --evaluation-broken" if content.evaluation_is_broken else ""
    return f"{program} approve {shlex.quote(content.run_id)} {root} {_SIGNED} --expires {expires}{broken}"


def _rollback(content: ReviewContent) -> str:
    if content.pushed_version:
        return "If the new model disappoints in service: serves the model before it again, at once, and un-blesses it:"
    return f"This run changed nothing: {_still_served(content)}. If that model itself is at fault, the one before it:"


def _still_served(content: ReviewContent) -> str:
    return f"version {content.served} is served as before" if content.served else "no model is served yet"
