"""The code of a trainer of one's own is found without running it, and its digest changes with it."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

from ratchet.components.trainer.own.code import find_code
from ratchet.components.trainer.own.importing import check_importable
from ratchet.components.trainer.settings import TrainerSettings
from ratchet.schemas.base import settings as settings_io
from ratchet.schemas.base.errors import ConfigError


@pytest.fixture
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An empty working directory."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(sys, "path", list(sys.path))
    return tmp_path


def write(file: Path, text: str) -> Path:
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_text(text)
    return file


RUN_FN = "def run_fn(fn_args):\n    pass\n"


def test_a_module_in_the_working_directory_is_found(here: Path) -> None:
    file = write(here / "mine_one.py", RUN_FN)
    assert find_code("mine_one.run_fn").file == file


def test_nothing_of_the_code_is_run(here: Path) -> None:
    write(here / "mine_two" / "__init__.py", "raise SystemExit(7)\n")
    write(here / "mine_two" / "train.py", f"raise SystemExit(8)\n{RUN_FN}")
    assert find_code("mine_two.train.run_fn").function == "run_fn"


def test_of_a_package_every_module_is_in_the_digest(here: Path) -> None:
    write(here / "pack" / "__init__.py", "")
    write(here / "pack" / "train.py", RUN_FN)
    other = write(here / "pack" / "nets" / "net.py", "WIDTH = 4\n")
    before = find_code("pack.train.run_fn").digest
    assert find_code("pack.train.run_fn").digest == before
    write(other, "WIDTH = 5\n")
    assert find_code("pack.train.run_fn").digest != before


def test_a_module_of_another_name_and_a_text_in_another_module_are_other_code(here: Path) -> None:
    train, net = write(here / "pack" / "train.py", RUN_FN), write(here / "pack" / "zet.py", "WIDTH = 4\n")
    write(here / "pack" / "__init__.py", "")
    before = find_code("pack.train.run_fn").digest
    net = net.rename(here / "pack" / "zoo.py")
    renamed = find_code("pack.train.run_fn").digest
    train.write_text(f"{RUN_FN}WIDTH = 4\n")
    net.write_text("")
    assert len({before, renamed, find_code("pack.train.run_fn").digest}) == 3


def test_of_a_module_alone_what_it_imports_from_beside_it_is_in_the_digest(here: Path) -> None:
    write(here / "alone.py", f"import near\nimport numpy\n{RUN_FN}")
    write(here / "near.py", "from farther import value\n")
    farther, unread = write(here / "farther.py", "value = 1\n"), write(here / "unread.py", "")
    before = find_code("alone.run_fn").digest
    write(unread, "value = 1\n")
    assert find_code("alone.run_fn").digest == before
    write(farther, "value = 2\n")
    assert find_code("alone.run_fn").digest != before


def test_the_digest_does_not_depend_on_where_the_code_lies(here: Path) -> None:
    write(here / "moved.py", RUN_FN)
    first = find_code("moved.run_fn").digest
    (here / "moved.py").rename(write(here / "sub" / "x", "").parent / "moved.py")
    sys.path.insert(0, str(here / "sub"))
    assert find_code("moved.run_fn").digest == first


@pytest.mark.parametrize(
    ("name", "told"),
    [
        ("no_such_package.train.run_fn", "there is no module 'no_such_package'"),
        ("shop.no_such_module.run_fn", "there is no module 'shop.no_such_module'"),
        ("shop.train.missing", "train.py has no function 'missing'"),
        ("shop.train.run_fn.inner", "'shop.train' .* is no package"),
        ("shop.broken.run_fn", "broken.py, line 1: no Python"),
        ("sys.exit", "module 'sys' is no Python source file"),
    ],
)
def test_what_cannot_be_found_is_named(here: Path, name: str, told: str) -> None:
    write(here / "shop" / "__init__.py", "")
    write(here / "shop" / "train.py", RUN_FN)
    write(here / "shop" / "broken.py", "def run_fn(:\n")
    with pytest.raises(ConfigError, match=told) as caught:
        find_code(name)
    assert str(caught.value).startswith(f"training.run_fn = '{name}': ")
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize("name", ["shop/train.py", "shop.train:run_fn", "run_fn", ""])
def test_what_is_no_functions_name_is_told_with_an_example(name: str) -> None:
    with pytest.raises(ConfigError, match=r"is no function's name; .* such as my_package\.train\.run_fn") as caught:
        settings_io.load(TrainerSettings, {"training": {"run_fn": name}}, "x.yaml")
    assert f'training.run_fn = "{name}"' in str(caught.value)


def test_a_module_that_can_be_imported_passes(here: Path) -> None:
    write(here / "sound.py", RUN_FN)
    check_importable("sound.run_fn")


@pytest.mark.parametrize(
    ("text", "told"),
    [
        (f"import no_such_library\n{RUN_FN}", "ModuleNotFoundError: No module named 'no_such_library' at .*line 1"),
        (f"print('noise')\n1 / 0\n{RUN_FN}", "ZeroDivisionError: division by zero at .*line 2"),
        (f"import sys\nsys.exit(3)\n{RUN_FN}", "SystemExit: 3"),
        (f"import os\nos._exit(9)\n{RUN_FN}", "the process that imports its module ended with code 9"),
        (f"input('password? ')\n{RUN_FN}", "EOFError: EOF when reading a line at .*line 1"),
        ("def run_fn(): pass\n", r"cannot be called with one argument \(too many positional arguments\); it is called"),
        ("def run_fn(one, two): pass\n", r"cannot be called with one argument \(missing a required argument: 'two'\)"),
        ("run_fn = 4\n", "no function but a value of type int"),
    ],
)
def test_a_module_that_cannot_be_imported_is_told_in_a_line(here: Path, text: str, told: str) -> None:
    write(here / "unsound.py", text)
    with pytest.raises(ConfigError, match=told) as caught:
        check_importable("unsound.run_fn")
    assert "\n" not in str(caught.value)


def test_where_tensorflow_is_not_installed_nothing_is_said(here: Path) -> None:
    write(here / "tensorflow" / "__init__.py", "raise ModuleNotFoundError('no', name='tensorflow')\n")
    write(here / "light.py", f"import tensorflow\n{RUN_FN}")
    check_importable("light.run_fn")
