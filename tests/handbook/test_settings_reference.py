"""docs/settings.md has every setting, as the classes say it."""

from __future__ import annotations

import dataclasses
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Annotated, Any, Literal, Optional

import pytest
from pydantic import Field, TypeAdapter

from handbook.setting_classes import Setting, default_text, groups, type_words, yaml_text
from handbook.settings_reference import PAGE, main, page, preset_rows, prose
from ratchet.pipeline.config.pipeline_settings import PipelineSettings
from ratchet.schemas.base.settings import load, settings

TREE = PAGE.parent.parent
TEXT = PAGE.read_text(encoding="utf-8")
TABLES = re.findall(r"^\| setting \| type and range .*\n\| ---.*\n((?:\|.*\n)+)", TEXT, re.M)
ROWS = [re.split(r"(?<!\\) ?\| ?", row)[1:-1] for table in TABLES for row in table.splitlines()]
CELLS = {key.strip("`"): rest for key, *rest in ROWS}


def schema_keys(schema: dict[str, Any], root: dict[str, Any], key: str = "") -> Iterator[str]:
    """Every setting as pydantic's own JSON schema has it: what the reference has to name."""
    if reference := schema.get("$ref"):
        yield from schema_keys(root["$defs"][reference.rpartition("/")[2]], root, key)
    for each in schema.get("anyOf", []):
        yield from schema_keys(each, root, key)
    for name, inside in schema.get("properties", {}).items():
        place = f"{key}.{name}".lstrip(".")
        below = list(schema_keys(inside, root, place))
        yield from below
        if not below or "$ref" not in inside:  # a group that is always there is no setting itself
            yield place
    if isinstance(inside := schema.get("additionalProperties"), dict):
        yield from schema_keys(inside, root, f"{key}.NAME")
    if "items" in schema:
        yield from schema_keys(schema["items"], root, f"{key}[]")


def test_the_page_is_what_the_classes_say() -> None:
    assert page() == TEXT, "docs/settings.md: run `make settings-doc`"


def test_every_setting_that_pydantic_knows_has_a_row_with_a_type_a_default_and_a_sentence() -> None:
    whole = TypeAdapter(PipelineSettings).json_schema()
    # Of `auto` or a group of settings its schema has the group alone.
    assert set(CELLS) == {*schema_keys(whole, whole), "model.anchors"}
    assert len(CELLS) == len(ROWS) > 150
    assert [key for key, (words, default, what) in CELLS.items() if not (words and default and len(what) > 8)] == []


GROUPS = {each.key for each in groups(PipelineSettings)}
_TOP = "|".join(sorted(group for group in GROUPS if group and "." not in group))
_NAMED = re.compile(rf"(?<![\w./:@])((?:{_TOP})(?:\.[a-z_0-9]{{2,}})+)(?![\w/(])")
OWN_NAMES = (
    r"(evaluator\.per_(class|slice)|kubeflow\.(resources|images|time_limits_s)|data_gate\.(minimum|wide)_effect)\b"
)
# Not ours: a configuration of the TF Object Detection API, a file, a site.
FILES_AND_SITES = ("yaml", "json", "jsonl", "md", "py", "sqlite", "broken", "org")  # what a name may end with
OTHERS = {"model.ssd.matcher.argmax_matcher.matched_threshold", "model.ssd.matcher.argmax_matcher.unmatched_threshold"}
DOCUMENTS = [TREE / "README.md", *sorted((TREE / "docs").glob("*.md")), *sorted((TREE / "docs/causes").glob("*.md"))]


def unknown_settings(text: str) -> set[str]:
    """Of settings that a text names, those that are not there."""
    named = {key for key in _NAMED.findall(text) if key.rpartition(".")[2] not in FILES_AND_SITES}
    return {key for key in named - OTHERS - GROUPS - set(CELLS) if not re.match(OWN_NAMES, key)}


@pytest.mark.parametrize("file", DOCUMENTS, ids=lambda file: file.name)
def test_every_setting_that_a_document_names_is_there(file: Path) -> None:
    assert unknown_settings(file.read_text(encoding="utf-8")) == set()


def test_a_setting_that_is_not_there_is_noticed() -> None:
    assert unknown_settings("`training.epochs`, `--set data_gate.labels.misread=1`") == {
        "training.epochs",
        "data_gate.labels.misread",
    }


def test_a_default_of_the_page_is_one_that_the_settings_take() -> None:
    for key, default in (("training.batch_size", "16"), ("evaluator.tolerance", "0.03"), ("data.marker", "null")):
        assert CELLS[key][1] == f"`{default}`"
        assert load(PipelineSettings, {}, "none") == load(PipelineSettings, nested(key, default), key)


def nested(key: str, value: str) -> dict[str, Any]:
    plain: Any = {"null": None}.get(value, float(value) if "." in value else value)
    plain = int(plain) if isinstance(plain, str) else plain
    for name in reversed(key.split(".")):
        plain = {name: plain}
    return plain


@settings
class Inner:
    """Inside.

    Attributes:
        told: what it is,
            in two lines.
    """

    told: Annotated[int, Field(ge=1)] = 3


@settings
class Outer:
    """Outside: docs/training.md.

    Attributes:
        inner: the group.
        own: a list; None: none of it.
        by_name: one for each.
        maybe: a group that may be missing.
    """

    inner: Inner = dataclasses.field(default_factory=Inner)
    own: tuple[str, ...] = ()
    by_name: dict[str, Inner] = dataclasses.field(default_factory=dict)
    maybe: Optional[Inner] = None


def test_groups_are_found_wherever_they_are() -> None:
    found = {each.key: each for each in groups(Outer)}
    assert list(found) == ["", "inner", "by_name.NAME", "maybe"]
    assert found["inner"].settings == (
        Setting("inner.told", "whole number, at least 1", "`3`", "what it is, in two lines."),
    )
    assert [each.key for each in found[""].settings] == ["own", "by_name", "maybe"]
    assert [each.key for each in found["by_name.NAME"].settings] == ["by_name.NAME.told"]
    assert found["inner"].told == "the group."


def test_a_setting_without_a_word_is_refused_by_name() -> None:
    @settings
    class Silent:
        """Says nothing.

        Attributes:
            other: is not there.
        """

        silent: int = 1

    with pytest.raises(ValueError, match=r"Silent\.silent: its docstring says nothing of it"):
        groups(Silent)
    Silent.__doc__ = "Says:\n\n    Attributes:\n        silent: a word.\n        other: too many.\n"
    with pytest.raises(ValueError, match="describes other, which is no setting"):
        groups(Silent)


@pytest.mark.parametrize(
    ("hint", "words"),
    [
        (bool, "true or false"),
        (Optional[str], "text, or null"),
        (Annotated[float, Field(ge=0, le=0.5)], "number, 0 to 0.5"),
        (Annotated[float, Field(gt=0, lt=1)], "number, above 0, below 1"),
        (Annotated[str | None, Field(pattern="^a$")], "text, matching `^a$`, or null"),
        (Literal["a", "b", "c"], "`a`, `b` or `c`"),
        (tuple[str, ...], "list of texts"),
        (dict[str, Annotated[int, Field(ge=1)]], "mapping of names to whole numbers (at least 1)"),
        (
            Annotated[tuple[Annotated[float, Field(gt=0)], ...], Field(min_length=1)],
            "list of numbers (above 0), 1 or more of them",
        ),
        (Literal["auto"] | Inner, "`auto` or group of settings"),
    ],
)
def test_a_type_is_told_in_words(hint: Any, words: str) -> None:
    assert type_words(hint) == words


@pytest.mark.parametrize(
    ("value", "text"),
    [(None, "null"), (True, "true"), ((), "[]"), ({"a": 0.5}, "{a: 0.5}"), ("", '""'), (Inner(), "{told: 3}")],
)
def test_a_value_is_written_as_yaml(value: Any, text: str) -> None:
    assert yaml_text(value) == text


def test_what_a_configuration_that_comes_along_changes_is_told() -> None:
    [row] = preset_rows([Setting("training.batch_size", "", "`16`", ""), Setting("training.seed", "", "`0`", "")])
    assert row == ("`training.batch_size`", "`16`", "`16`", "`8`", "`256`")
    assert preset_rows([Setting("evaluator.per_class.NAME.drop", "", "`null`", "")]) == []


def test_words_of_docstrings_become_links_and_null() -> None:
    assert prose("docs/data.md: None is nothing, Nonesuch is") == "[data.md](data.md): `null` is nothing, Nonesuch is"


def test_a_required_setting_says_so() -> None:
    @dataclasses.dataclass
    class Needs:
        it: str

    assert default_text(dataclasses.fields(Needs)[0]) == "required"


def test_the_command_writes_the_page(tmp_path: Path) -> None:
    assert main(["--out", str(tmp_path / "page.md")]) == 0
    assert (tmp_path / "page.md").read_text(encoding="utf-8") == TEXT
