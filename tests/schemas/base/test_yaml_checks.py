"""YAML that would exhaust stack or memory, or that cannot be meant."""

from __future__ import annotations

import pytest

from ratchet.schemas.base.errors import ConfigError
from ratchet.schemas.base.settings import parse_yaml, with_overrides
from ratchet.schemas.base.yaml_checks import MAX_DEPTH, MAX_NODES, UnfitYamlError, check_yaml

BOMB = "a0: &a0 [x, x, x, x, x, x, x, x, x, x]\n" + "\n".join(
    f"a{level}: &a{level} [{', '.join([f'*a{level - 1}'] * 10)}]" for level in range(1, 12)
)


@pytest.mark.parametrize(
    ("text", "part"),
    [
        ("a: " + "[" * 5000, "nested more than 100 deep (line 1): close what is open there, or take levels out"),
        ("- " * 5000, "nested more than 100 deep (line 1): close what is open there, or take levels out"),
        ("\n".join(" " * level + f"a{level}:" for level in range(300)), "nested more than 100 deep (line 101)"),
        (BOMB, "more than 100000 values (line 5), counting what aliases stand for: give fewer"),
        ("a: &a {b: *a}", "the alias *a stands inside of what it stands for (line 1): write it out"),
        ("&a [*a]", "the alias *a stands inside of what it stands for (line 1): write it out"),
        ("a: 1\nb: {c: 1, c: 2}", "key 'c' is given twice (line 2): keep one"),
        (f"a: {'9' * 6000}", "not valid YAML: "),
        ("a: !!int x", "not valid YAML: "),
        ("a: !!timestamp x", "not valid YAML: "),
        ("a: 2001-99-99", "not valid YAML: "),
        ("!!map x", "not valid YAML: expected a mapping node"),
        ("a: !!python/object/apply:os.system [ls]", "not valid YAML: "),
        ("a: \0", "not valid YAML: "),
    ],
)
def test_yaml_that_cannot_be_meant_is_one_line(text: str, part: str) -> None:
    with pytest.raises(ConfigError) as caught:
        parse_yaml(text, "c.yaml")
    assert str(caught.value).startswith(f"c.yaml: {part}")
    assert "\n" not in str(caught.value)


def test_aliases_within_reason_are_welcome() -> None:
    text = "a: &a {x: 1, y: [1, 2]}\nb: *a\nc: [*a, *a]"
    assert parse_yaml(text, "c.yaml")["c"] == [{"x": 1, "y": [1, 2]}] * 2
    check_yaml("[" * MAX_DEPTH + "]" * MAX_DEPTH)
    hundredth = MAX_NODES // 100
    most = f"- &a [{', '.join('1' * (hundredth - 1))}]\n" + "- *a\n" * 98 + "- 1\n" * (hundredth - 1)
    check_yaml(most)
    with pytest.raises(UnfitYamlError, match=f"more than {MAX_NODES} values"):
        check_yaml(f"{most}- 1\n")


def test_groups_inside_each_other_on_the_command_line_have_an_end() -> None:
    with pytest.raises(ConfigError, match=r"^--set a\.a.*: 4999 groups of settings inside each other; correct it$"):
        with_overrides({}, [".".join("a" * 5000) + "=1"])
