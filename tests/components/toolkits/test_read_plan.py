"""Which toolkit's a file is, by its content; and that no file whatever makes anything but an error of ours."""

from __future__ import annotations

import functools
import json
import os
import subprocess
import sys
from pathlib import Path

import pytest
import yaml
from hypothesis import given, settings
from hypothesis import strategies as st

from ratchet.components.toolkits.plan_changes import plan_changes
from ratchet.components.toolkits.python_config import is_python, parse_python_config
from ratchet.components.toolkits.read_plan import plan_of_text, read_plan
from ratchet.schemas.base.errors import InputError
from ratchet.schemas.data.training_plan import TrainingPlan
from tests.components.toolkits.configs import (
    CENTER_NET,
    FASTER_RCNN,
    MMDETECTION_2,
    MMDETECTION_3,
    PARTIAL,
    RETINANET,
    SSD,
    ULTRALYTICS,
    YOLOV5,
    YOLOX_3,
)

TOOLKITS = {
    "TF Object Detection API": (SSD, FASTER_RCNN, CENTER_NET, "model: { ssd { num_classes: 1 } }\ntrain_config: {}"),
    "tf-models": (RETINANET, PARTIAL),
    "Ultralytics": (ULTRALYTICS, YOLOV5),
    "MMDetection": (MMDETECTION_3, YOLOX_3, MMDETECTION_2),
}
WHOLE = [(toolkit, text) for toolkit, texts in TOOLKITS.items() for text in texts]
TEXTS = [text for _, text in WHOLE]


@pytest.mark.parametrize(("toolkit", "text"), WHOLE)
def test_the_content_says_which_toolkit_it_is(toolkit: str, text: str, tmp_path: Path) -> None:
    for name in ("settings.txt", "pipeline.config"):
        (tmp_path / name).write_text(text, encoding="utf-8")
        assert read_plan(tmp_path / name).toolkit == toolkit


@pytest.mark.parametrize("encoding", ["utf-8-sig", "utf-16"])
def test_a_mark_of_the_encoding_is_no_part_of_the_file(encoding: str, tmp_path: Path) -> None:
    file = tmp_path / "args.yaml"
    file.write_text(ULTRALYTICS, encoding=encoding)
    assert read_plan(file).epochs == 100


def test_line_ends_of_other_systems_are_read(tmp_path: Path) -> None:
    for text in TEXTS:
        plan = plan_of_text(text.replace("\n", "\r\n"), "file")
        assert plan.settings == plan_of_text(text, "file").settings


@pytest.mark.parametrize("name", ["pipeline.config", "my_ssd.config", "params.yaml", "args.yaml", "faster_rcnn.py"])
def test_of_a_directory_the_one_configuration_is_read(name: str, tmp_path: Path) -> None:
    (tmp_path / "checkpoint").write_text("x", encoding="utf-8")
    (tmp_path / name).write_text({"y": SSD, "g": SSD, "l": RETINANET}.get(name[-1], SSD), encoding="utf-8")
    assert read_plan(tmp_path).source == str(tmp_path / name)


def test_a_directory_with_several_or_none_is_refused_with_their_names(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="holds no configuration by a usual name"):
        read_plan(tmp_path)
    for name in ("params.yaml", "pipeline.config"):
        (tmp_path / name).write_text("x", encoding="utf-8")
    with pytest.raises(InputError, match=r"holds 2 configurations \(params\.yaml, pipeline\.config\)"):
        read_plan(tmp_path)


@pytest.mark.parametrize(
    ("content", "what"),
    [
        (b"", "is empty"),
        (b" \n\n", "is empty"),
        (b"\x89PNG\r\n\x1a\n\x00\xff", "is no text"),
        (b"\xff\xfea", "is no text"),
        (b"train: images/train\nval: images/val\nnames: [cat]\n", "describes a data set"),
        (b"hello world", "holds no settings by name"),
        (b"a: 1\nb: 2\n", "the settings a, b are those of no toolkit"),
        (b"a: [1\nb: 2\n", "line "),
        (b"lr0: 1\nlr0: 2\n", "given twice"),
        (b"a: &a [1]\nb: *c\n", "line 2"),
        (b'{"optimizer": {"lr": ', "line 1"),
        (b"[" * 3000, "cannot be|not YAML|nested"),
        (b"model = " + b"[" * 3000, "no Python"),
        (b"x = " + b"1+" * 3000 + b"1", "a Python file that assigns x"),
        (b"model {" * 300, "nested more than"),
        (b"#" * 2_000_001, "larger than 2 MB"),
        (b"a: 1\n" * 50_000, "longer than 200,000 characters"),
    ],
)
def test_a_file_that_is_none_is_refused(content: bytes, what: str, tmp_path: Path) -> None:
    file = tmp_path / "config"
    file.write_bytes(content)
    with pytest.raises(InputError, match=what) as error:
        read_plan(file)
    assert str(error.value).startswith(str(file))
    assert "\n" not in str(error.value)


def test_json_that_is_none_is_refused(tmp_path: Path) -> None:
    file = tmp_path / "config.json"
    deep: dict = {"model": {"type": "X", "backbone": {}}}
    for _ in range(150):
        deep = {"model": {"type": "X", "backbone": {}}, "a": deep}
    for text in ("", "[1, 2]", "{", '{"a": 1, "a": 2}', json.dumps(deep), "NaN"):
        file.write_text(text, encoding="utf-8")
        with pytest.raises(InputError, match=r"config\.json"):
            read_plan(file)


def test_names_that_stand_for_names_without_end_are_refused() -> None:
    lines = ["model = dict(type='X', backbone=dict())", "a = [1, 1, 1, 1, 1, 1, 1, 1, 1, 1]"]
    lines += [f"{new} = [{', '.join([old] * 10)}]" for old, new in zip("abcdefgh", "bcdefghi")]
    with pytest.raises(InputError, match="more than 200,000 values"):
        plan_of_text("\n".join(lines), "config.py")


@pytest.mark.skipif(os.name != "posix", reason="a FIFO")
def test_what_is_no_regular_file_is_refused(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "fifo")
    (tmp_path / "link").symlink_to(tmp_path / "nowhere")
    for name in ("fifo", "link", "missing"):
        with pytest.raises(InputError, match="cannot be read"):
            read_plan(tmp_path / name)


def read_or_refuse(text: str) -> TrainingPlan | None:
    """None where it is refused by an error of ours."""
    try:
        return plan_of_text(text, "file")
    except InputError:
        return None


@given(
    st.one_of(st.text(max_size=80), st.text(st.sampled_from("modeltrain_cfg{}<>[]():=,'\"-#&*! \n01."), max_size=60))
)
def test_any_text_is_read_or_refused(text: str) -> None:
    plan = read_or_refuse(text)
    assert plan is None or plan.toolkit


@settings(max_examples=150, deadline=None)
@given(st.sampled_from(TEXTS), st.data())
def test_a_configuration_cut_or_changed_anywhere_is_read_or_refused(text: str, data: st.DataObject) -> None:
    place = data.draw(st.integers(0, len(text)))
    length = data.draw(st.sampled_from([0, 1, 3, 40, len(text)]))
    inserted = data.draw(
        st.sampled_from(["", "-1", "1e999", "nan", "[]", "{}", "'", '"', "x", "0", "null", "\n", "[[1]]"])
    )
    plan = read_or_refuse(text[:place] + inserted + text[place + length :])
    if plan:
        for changes in (plan_changes(plan, whole(text)), plan_changes(whole(text), plan)):
            assert all(each.sentence and each.name for each in (*changes.changes, *changes.others))


LEAVES = st.one_of(
    st.none(), st.booleans(), st.integers(-5, 10**20), st.floats(), st.sampled_from(["", "x", "auto", "0.5"])
)
ODD = st.recursive(
    LEAVES,
    lambda inner: st.one_of(st.lists(inner, max_size=3), st.dictionaries(st.text(max_size=3), inner, max_size=3)),
)


def places(tree: object, path: tuple = ()) -> list[tuple]:
    """Of every value below."""
    inside = tree.items() if isinstance(tree, dict) else enumerate(tree) if isinstance(tree, list) else ()
    return [found for key, value in inside for found in ((*path, key), *places(value, (*path, key)))]


@settings(max_examples=200, deadline=None)
@given(st.sampled_from([RETINANET, PARTIAL, ULTRALYTICS, YOLOV5, MMDETECTION_2, MMDETECTION_3, YOLOX_3]), st.data())
def test_any_value_in_any_place_is_read_or_refused(text: str, data: st.DataObject) -> None:
    values = json.loads(plain(text))
    *parents, last = data.draw(st.sampled_from(places(values)))
    inner = values
    for key in parents:
        inner = inner[key]
    inner[last] = data.draw(ODD)
    plan = read_or_refuse(json.dumps(values))
    if plan:
        assert plan_changes(plan, plan).changes == ()


@functools.cache
def plain(text: str) -> str:
    """A file that is no protobuf, as JSON."""
    return json.dumps(parse_python_config(text, "file") if is_python(text) else yaml.safe_load(text))


@functools.cache
def whole(text: str) -> TrainingPlan:
    """Read once."""
    return plan_of_text(text, "file")


def test_reading_imports_nothing_that_takes_long() -> None:
    slow = ["numpy", "scipy", "pydantic", "yaml", "PIL", "tensorflow", "pandas"]
    code = (
        "import sys\nimport ratchet.components.toolkits.read_plan, ratchet.components.toolkits.plan_changes\n"
        f"sys.exit(str([name for name in {slow!r} if name in sys.modules] or ''))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert done.stderr.strip() == ""
