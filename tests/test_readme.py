"""The commands that README shows work as they stand there, on a root as the demo leaves it."""

from __future__ import annotations

import re
import shlex
from pathlib import Path

import pytest

from ratchet.pipeline.cli.main import _parser, main
from ratchet.pipeline.demo.scenario import commands_after
from ratchet.pipeline.root.own_settings import write_own_settings
from ratchet.pipeline.root.root_settings import configure_check, configure_run, has_settings, record_root
from ratchet.pipeline.root.roots import registry_of
from ratchet.schemas.artifacts.decisions import Verdict
from tests.pipeline.roots import add_run, serve

README = (Path(__file__).resolve().parent.parent / "README.md").read_text(encoding="utf-8")
READING = ("status", "history", "review")


def commands(text: str) -> list[tuple[str, list[str]]]:
    """Every command of `ratchet` in blocks and sentences of a text, with the RATCHET_ROOT that was exported last."""
    found, root = [], ""
    for inline, line in re.findall(r"`(\.venv/bin/ratchet [^`]+)`|^((?:export|\.venv/bin/ratchet) .*)$", text, re.M):
        words = shlex.split(inline or line, comments=True)
        if words[0] == "export":
            root = words[1].removeprefix("RATCHET_ROOT=")
        else:
            found.append((root, words[1:]))
    return found


SHOWN = commands(README)


@pytest.fixture
def demo(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The directory of README, with the demo's root, its runs' pages and its served model; a browser that opens."""
    root = tmp_path / "ratchet-demo" / "root"
    add_run(root, "span-1-aa-1", Verdict.BOOTSTRAPPED, 1)
    add_run(root, "span-2-bb-1", Verdict.PUSHED, 2)
    add_run(root, "span-3-cc-1", Verdict.BLOCKED, 3)
    serve(root, "100", "span-1-aa-1", 1, verdict="BOOTSTRAPPED")
    serve(root, "200", "span-2-bb-1", 2)
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr("webbrowser.open", lambda url: True)
    return root


def test_it_shows_every_command_of_everyday_use() -> None:
    assert {words[0] for _, words in SHOWN} >= {*READING, "check", "run", "approve", "rollback", "evaluate"}


@pytest.mark.parametrize(("root", "words"), SHOWN, ids=lambda value: " ".join(value)[:50] if value else "none")
def test_it_parses(root: str, words: list[str], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("RATCHET_ROOT", root)
    arguments = _parser().parse_args(words)
    if "root" in arguments and words[0] != "bench":  # which makes its own
        assert str(arguments.root) == root != ""


@pytest.mark.parametrize(
    ("root", "words"), [shown for shown in SHOWN if shown[1][0] in READING], ids=lambda value: "".join(value)
)
def test_what_reads_a_root_finds_it(
    demo: Path, root: str, words: list[str], monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    if not Path(root).exists():
        demo.rename(root)
    monkeypatch.setenv("RATCHET_ROOT", root)
    assert main(words) == 0
    assert "span-3-cc-1" in capsys.readouterr().out


@pytest.mark.parametrize(("root", "words"), [shown for shown in SHOWN if shown[1][0] == "check"], ids=str)
def test_check_needs_no_config_and_finds_the_served_model_where_there_is_one(
    demo: Path, root: str, words: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("RATCHET_ROOT", root)
    given = _parser().parse_args(words)
    settings = configure_check(given.root, given.config, given.set)
    served = registry_of(given.root, settings.name).served()
    assert (served.version if served else None) == ("200" if given.root.exists() else None)


def test_the_runs_it_shows_follow_one_another(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    names = []
    for place, words in (shown for shown in SHOWN if shown[1][0] == "run"):
        monkeypatch.setenv("RATCHET_ROOT", place)
        given = _parser().parse_args(words)
        if not has_settings(given.root):
            write_own_settings(given.root, "name: detector")  # as the first run proposes it
        configuration = configure_run(given.root, given.config, given.set)
        names.append((configuration.settings.name, given.bootstrap))
        given.root.mkdir(exist_ok=True)
        record_root(given.root, configuration.remembered)
        (given.root / "serving" / "detector" / str(len(names))).mkdir(parents=True)
    assert names == [("detector", True), ("detector", False)]


def test_the_demo_ends_with_the_commands_that_follow_it_in_readme() -> None:
    printed = [shlex.split(line) for line in commands_after(Path("ratchet-demo"))]
    assert printed[0] == ["export", "RATCHET_ROOT=ratchet-demo/root"]
    assert [words[1:] for words in printed[1:]] == [words for root, words in SHOWN if root == "ratchet-demo/root"]


def test_the_reader_of_readme_can_fail() -> None:
    text = "`.venv/bin/ratchet evaluate\n--gt a`\n```\nexport RATCHET_ROOT=r # it\n.venv/bin/ratchet x 'y z' # why\n```"
    assert commands(text) == [("", ["evaluate", "--gt", "a"]), ("r", ["x", "y z"])]
