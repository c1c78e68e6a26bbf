"""What can be done now, as commands to copy."""

from __future__ import annotations

import datetime
import itertools
import shlex

from components.pages.text import safe
from components.review.content import ReviewContent
from components.review.sections.headline import advice
from schemas.artifacts.decisions import Verdict

_APPROVED_FOR = datetime.timedelta(days=14)  # proposed; a person changes it in the command
_LONGEST_COMMAND = 4000
_OBSERVE = "--set data_gate.mode=observe"
# Right once, and not to be repeated by habit: what was declared goes with what it declared.
_ONCE = ("data_gate.mode=observe", "data_gate.accept_new_golden=", "training.allow=")
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
        again = "With the data corrected, or with other settings (--set a.b=c)."
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
