"""What every command has: examples that can be given as they stand, and the options of all commands."""

from __future__ import annotations

import argparse
import json

import pytest

from ratchet.pipeline.cli.main import _parser, main
from ratchet.pipeline.config.pipeline_settings import load_settings
from ratchet.pipeline.config.presets import presets
from ratchet.pipeline.terminal.arguments import Parser
from tests.pipeline.cli.command_lines import PARSERS, shown, split_program

EXAMPLES = [(parser, example) for parser in PARSERS for example in parser.examples]
EVERY = {"--help", "--version", "--json", "--quiet", "--verbose"}


def flags(parser: Parser) -> set[str]:
    return {flag for action in parser.known for flag in action.option_strings}


CONFIGURED = [parser for parser in PARSERS if "--config" in flags(parser)]


@pytest.mark.parametrize("parser", PARSERS, ids=lambda parser: parser.prog)
def test_every_command_has_examples_and_the_options_of_all_commands(parser: Parser) -> None:
    assert flags(parser) >= EVERY | {"-h", "-q", "-v"}
    assert parser.examples
    assert any(command[: len(parser.prog.split())] == parser.prog.split() for command in _all_shown(parser))


def _all_shown(parser: Parser) -> list[list[str]]:
    return [command for example in parser.examples for command in shown(example)]


@pytest.mark.parametrize(("parser", "example"), EXAMPLES, ids=[example for _, example in EXAMPLES])
def test_an_example_parses_with_whole_names_of_options_and_settings(parser: Parser, example: str) -> None:
    for command in shown(example):
        program, given = split_program(command)
        assert program.prog.split()[0] == parser.prog.split()[0]
        arguments = program.parse_args(given)
        load_settings({}, getattr(arguments, "set", []))
        below = program
        for word in given:
            if below.commands is not None and word in below.commands.choices:
                below = below.commands.choices[word]
        assert {word for word in given if word.startswith("--")} <= flags(below)


@pytest.mark.parametrize("parser", PARSERS, ids=lambda parser: parser.prog)
def test_help_ends_with_the_examples(parser: Parser) -> None:
    head, _, tail = parser.format_help().partition("\nexamples:\n")
    assert head.startswith("usage: ")
    assert tail.splitlines() == [f"  {example}" for example in parser.examples]


@pytest.mark.parametrize("parser", PARSERS, ids=lambda parser: parser.prog)
def test_every_option_says_what_it_is(parser: Parser) -> None:
    assert [action.option_strings for action in parser.known if not action.help] == []


@pytest.mark.parametrize("parser", CONFIGURED, ids=lambda parser: parser.prog)
def test_help_lists_the_configurations_that_come_along(parser: Parser) -> None:
    assert ", ".join(presets()) in " ".join(parser.format_help().split())
    assert "digits" in presets()


@pytest.mark.parametrize("command", [[], ["run"], ["schema", "infer"], ["bench", "score"], ["approve"]])
def test_the_version_is_told_by_every_command(command: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as end:
        main([*command, "--version"])
    assert end.value.code == 0
    assert capsys.readouterr().out.startswith("ratchet 0.")


@pytest.mark.parametrize("group", [[], ["schema"], ["config"]])
def test_without_a_command_the_help_goes_to_standard_error_and_the_exit_code_is_2(
    group: list[str], capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(group) == 2
    out, err = capsys.readouterr()
    assert out == ""
    assert err.startswith(f"usage: {' '.join(['ratchet', *group])} ")
    assert "\nexamples:\n" in err
    assert err.splitlines()[-1].startswith("ratchet: no command was given; one of ")


def test_without_a_command_json_is_an_error_as_any_other(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["--json"]) == 2
    told = json.loads(capsys.readouterr().out)
    assert (told["verdict"], told["exit_code"]) == (None, 2)
    assert told["error"].startswith("no command was given; one of run, demo, ")


@pytest.mark.parametrize(
    ("given", "told"),
    [
        (["stauts"], "`ratchet` has no command 'stauts'; did you mean 'status'?"),
        (["roll"], "did you mean 'rollback'?"),
        (["zzz"], "`ratchet` has no command 'zzz'; `ratchet --help` lists them"),
        (["schema", "infre"], "`ratchet schema` has no command 'infre'; did you mean 'infer'?"),
        (["run", "--dtaa", "spans"], "`ratchet run` has no option --dtaa; did you mean '--data'?"),
        (["run", "--data", "d", "--boostrap"], "did you mean '--bootstrap'?"),
        (["run", "--data=d", "--gloden=g"], "has no option --gloden; did you mean '--golden'?"),
        (["status", "--zzz"], "`ratchet status` has no option --zzz; `ratchet status --help` lists what it takes"),
        (["--root", "r", "status"], "has no option --root of its own; give it behind the command, as run --root"),
        (
            ["convert", "--from", "a", "--out", "b", "--exif", "aply"],
            "argument --exif: invalid choice: 'aply'; choose from refuse, apply, ignore; did you mean 'apply'?",
        ),
        (["convert", "--from", "a", "--out", "b", "--exif=ignroe"], "did you mean 'ignore'?"),
        (["bench", "--split", "scores"], "did you mean 'score'?"),
        (["run", "--config", "digit", "--data", "d"], "mobile, retinanet_resnetfpn_coco; did you mean 'digits'?"),
        (["run", "--config", "digits", "--data", "d", "--set", "batch_size=8"], "did you mean 'training.batch_size'?"),
        (["run", "--config", "digits", "--data", "d", "--set", "traning.seed=8"], "did you mean 'training'?"),
    ],
)
def test_what_is_misspelled_is_told_with_what_was_meant(
    given: list[str], told: str, capsys: pytest.CaptureFixture[str], tmp_path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    assert main(given) == 2
    out, err = capsys.readouterr()
    assert out == ""
    assert err.count("\n") == 1
    assert told in err


@pytest.mark.parametrize(
    ("given", "told"),
    [
        (["run"], "the following arguments are required: --data"),
        (["status", "--root"], "argument --root: expected one argument"),
        (["digits", "--span", "1", "--seed", "-1", "--out"], "argument --out: expected one argument"),
        (["status", "-q", "-v"], "argument -v/--verbose: not allowed with argument -q/--quiet"),
        (["status", "more"], "unrecognized arguments: more"),
    ],
)
def test_what_is_spelled_well_is_told_as_it_is(given: list[str], told: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(given) == 2
    assert told in capsys.readouterr().err


@pytest.mark.parametrize("before", [True, False])
def test_options_of_all_commands_stand_before_the_command_or_behind_it(before: bool) -> None:
    given = ["--json", "-q", "status"] if before else ["status", "--json", "-q"]
    arguments = _parser().parse_args(given)
    assert (arguments.json, arguments.quiet, arguments.verbose) == (True, True, False)


def test_a_command_without_examples_cannot_be_added() -> None:
    from ratchet.pipeline.cli.options import add_command

    with pytest.raises(TypeError, match="examples"):
        add_command(Parser().add_subparsers(), "x", lambda _: 0, "help", "description")  # pyright: ignore


def test_the_parser_is_argparses_own() -> None:
    assert isinstance(_parser(), argparse.ArgumentParser)
