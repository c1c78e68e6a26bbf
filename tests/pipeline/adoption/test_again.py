"""The same adoption once more: nothing to do, other files than then, or a model whose files are lost."""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import Any

import pytest

from ratchet.components.adoption.answers import Order
from ratchet.pipeline.adoption import adopt
from ratchet.pipeline.doctor.doctor import doctor
from ratchet.pipeline.past.status import read_status
from ratchet.pipeline.root.roots import registry_at
from ratchet.pipeline.serving.rollback import RollbackRequest, rollback
from ratchet.schemas.artifacts.overrides import Override, OverrideKind
from ratchet.schemas.base.errors import InputError, StateError
from ratchet.schemas.base.files import LOCAL_FILES
from ratchet.schemas.base.model_digest import model_digest
from tests.builders import coco, write_span
from tests.pipeline.adoption.stubbed import NOW, Adopting

CONFIG = "train_config { batch_size: 32 num_steps: 5000 }\n"


def test_the_same_files_at_another_place_are_the_same_adoption(adopting: Adopting, tmp_path: Path) -> None:
    first = adopting.adopt()
    for name in ("exported", "golden", "labels.txt"):
        shutil.move(tmp_path / name, tmp_path / f"moved-{name}")
    before = model_digest(str(adopting.root), LOCAL_FILES)
    moved: dict[str, Any] = {
        name: tmp_path / f"moved-{file}" for name, file in (("model", "exported"), ("golden", "golden"))
    }
    again = adopting.adopt(1, labels=tmp_path / "moved-labels.txt", **moved)
    assert (again.prepared, again.override) == (None, registry_at(adopting.root).current_override())
    assert again.override.version == first.override.version
    assert model_digest(str(adopting.root), LOCAL_FILES) == before


def test_an_adoption_whose_log_does_not_say_what_was_given_is_known_by_its_model(
    adopting: Adopting, monkeypatch: pytest.MonkeyPatch
) -> None:
    def without_given(**fields: Any) -> Override:
        fields["given"] = {}
        return Override(**fields)

    with monkeypatch.context() as before:  # Ratchet said so
        before.setattr(adopt, "Override", without_given)
        made = adopting.adopt().override
    assert made.given == {}
    assert adopting.adopt(1).override == made
    (adopting.model / "saved_model.pb").write_bytes(b"another export")
    with pytest.raises(InputError, match="serves a model already"):
        adopting.adopt(2)


@pytest.mark.parametrize(
    ("fields", "said"),
    [
        ({"labels": "other.txt"}, "--labels is a file of sha256 [0-9a-f]{12} and was a file of sha256 [0-9a-f]{12}"),
        ({"golden": "other"}, "--golden .*other is the golden set [0-9a-f]{12} and was [0-9a-f]{12}"),
        (
            {"pipeline_config": "pipeline.config"},
            "--pipeline-config is a file of sha256 [0-9a-f]{12} and was not given",
        ),
        ({"signature": "detect"}, "--signature is detect and was not given"),
        ({"boxes": Order.XYXY}, "--boxes is xyxy and was not given"),
        ({"first_class": 0}, "--first-class is 0 and was not given"),
        ({"first_class": 0, "signature": "detect"}, "--signature is detect and was not given; --first-class is 0 and"),
    ],
)
@pytest.mark.parametrize("is_lost", [False, True])
def test_what_differs_from_then_is_named(
    fields: dict[str, Any], said: str, is_lost: bool, adopting: Adopting, tmp_path: Path
) -> None:
    adopting.adopt()
    if is_lost:
        adopting.damage()
    (tmp_path / "other.txt").write_text("dog\ncat\n")
    (tmp_path / "pipeline.config").write_text(CONFIG)
    other = coco()
    other["annotations"][0]["bbox"][2] += 1
    write_span(tmp_path / "other", other)
    given = {
        name: tmp_path / value if name in ("labels", "golden", "pipeline_config") else value
        for name, value in fields.items()
    }
    before = model_digest(str(adopting.root), LOCAL_FILES)
    for dry_run in (False, True):
        with pytest.raises(
            InputError, match=f"{said}.* when Ada adopted this model as version .*; give what was given"
        ):
            adopting.adopt(1, dry_run, **given)
    assert model_digest(str(adopting.root), LOCAL_FILES) == before


def test_a_configuration_that_was_given_then_is_missed(adopting: Adopting, tmp_path: Path) -> None:
    (tmp_path / "pipeline.config").write_text(CONFIG)
    adopting.adopt(pipeline_config=tmp_path / "pipeline.config")
    with pytest.raises(InputError, match="--pipeline-config is not given and was a file of sha256"):
        adopting.adopt(1)
    (tmp_path / "pipeline.config").write_text(f"{CONFIG}# read again\n")
    with pytest.raises(InputError, match=r"--pipeline-config is a file of sha256 .* and was a file of sha256"):
        adopting.adopt(1, pipeline_config=tmp_path / "pipeline.config")


@pytest.mark.parametrize("is_gone", [False, True])
def test_a_model_whose_files_are_lost_is_adopted_again(is_gone: bool, adopting: Adopting) -> None:
    first = adopting.adopt().override
    shutil.rmtree(adopting.serving / first.version) if is_gone else adopting.damage()
    advice = r"restore the serving directory from a backup: no version in it is whole, or adopt it again: the same"
    status = read_status(adopting.root, NOW.date())
    assert status.problem is not None
    assert "artifacts of run" not in status.problem
    report = doctor(adopting.root, False, NOW)
    told = [finding.fix for _, finding in report.findings if finding.kind == "files"]
    for text in (status.problem, *told):
        assert "restore the serving directory from a backup: no version in it is whole, or adopt it again" in text
    with pytest.raises(StateError, match=advice):
        rollback(RollbackRequest(adopting.root, "Ada", "it is damaged"), NOW)

    again = adopting.adopt(1, by="Bo", reason="a disk had failed").override
    assert (again.kind, again.previous_version) == (OverrideKind.ADOPTED, first.version)
    served = registry_at(adopting.root).served()
    assert served is not None
    assert (served.version, served.verdict, served.blessed) == (again.version, "ADOPTED", True)
    assert doctor(adopting.root, False, NOW).healthy
    assert read_status(adopting.root, NOW.date()).problem is None
    assert [model.blessed for model in registry_at(adopting.root).versions()] == [False, True]


def test_a_copy_that_a_run_has_kept_brings_it_back_without_another_adoption(adopting: Adopting) -> None:
    first = adopting.adopt().override
    copy = adopting.root / "artifacts" / "BaselineReader" / "baseline" / "1" / "Format-Serving"
    shutil.copytree(adopting.serving / first.version, copy)
    adopting.damage()
    with pytest.raises(
        StateError, match=r"was adopted .* from the copy of a run that was held against it, if there is one"
    ):
        registry_at(adopting.root).served()
    assert doctor(adopting.root, True, NOW).healthy
    assert adopting.adopt(1).override == first


def test_the_rehearsal_of_it_changes_nothing(adopting: Adopting) -> None:
    adopting.adopt()
    adopting.damage()
    before = model_digest(str(adopting.root), LOCAL_FILES)
    rehearsed = adopting.adopt(1, dry_run=True).override
    served_as = registry_at(adopting.root).pointer().served_as
    assert served_as is not None
    assert (rehearsed.version, rehearsed.previous_version) == ("", served_as[0])
    assert model_digest(str(adopting.root), LOCAL_FILES) == before


def test_another_model_is_not_adopted_in_place_of_a_lost_one(adopting: Adopting) -> None:
    adopting.adopt()
    adopting.damage()
    (adopting.model / "saved_model.pb").write_bytes(b"a better one")
    with pytest.raises(
        InputError, match=r"is another model than Ada adopted on 2030-01-05, whose files .* would pass by"
    ):
        adopting.adopt(1)


@pytest.mark.parametrize("name", ["labels", "pipeline_config"])
def test_a_file_that_is_not_there_is_named(name: str, adopting: Adopting, tmp_path: Path) -> None:
    missing: dict[str, Any] = {name: tmp_path / "gone.txt"}
    with pytest.raises(InputError, match=r"gone\.txt: cannot be read"):
        adopting.adopt(**missing)
    assert not adopting.root.exists()
