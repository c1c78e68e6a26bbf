"""TensorFlow Serving's labels follow pushes, approvals, rollbacks and promotions."""

from __future__ import annotations

import datetime
import json
import logging
import os
from pathlib import Path

import pytest

from ratchet.components.registry import version_labels
from ratchet.components.registry.model_config import read_labels
from ratchet.components.registry.settings import ServingSettings
from ratchet.components.registry.version_labels import Act, label_served, labelled_versions
from ratchet.pipeline.cli.main import main
from ratchet.pipeline.config.pipeline_settings import load_settings
from ratchet.pipeline.doctor.doctor import doctor
from ratchet.pipeline.retention.survey import survey
from ratchet.pipeline.root.root_file import write_file
from ratchet.pipeline.serving.approve import ApproveRequest, approve
from ratchet.pipeline.serving.promote import PromoteRequest, promote, promotions
from ratchet.pipeline.serving.rollback import RollbackRequest, rollback
from ratchet.schemas.artifacts.decisions import State
from ratchet.schemas.artifacts.publication import PublicationResult
from ratchet.schemas.artifacts.root_file import RootFile
from ratchet.schemas.base.errors import ConfigError, InputError, StateError
from ratchet.schemas.base.settings import load, to_json
from tests.faults import KILL, in_child
from tests.nightly import spread
from tests.pipeline.served_root import NOW, ServedRoot, blocked_root

CONFIG = """\
model_config_list {{
  config {{
    name: "digits"  # ours
    model_version_policy {{ {policy} }}
    {labels}
  }}
}}
"""
SPECIFIC = "specific { versions: 100 versions: 200 }"


def write(world: ServedRoot, policy: str = SPECIFIC, /, **labels: int) -> Path:
    """A model config, and the root's settings that name it."""
    file = world.root.parent / "models.config"
    lines = [f'version_labels {{ key: "{label}" value: {version} }}' for label, version in labels.items()]
    file.write_text(CONFIG.format(policy=policy, labels="\n    ".join(lines)))
    write_file(world.root, RootFile("digits", {"serving": {"model_config": str(file)}}))
    return file


def labels_in(file: Path) -> dict[str, int]:
    return read_labels(file.read_text(), str(file), "digits").labels


@pytest.fixture
def world(tmp_path: Path) -> ServedRoot:
    """Version 100 was served, 200 is, and a candidate is blocked."""
    return blocked_root(tmp_path / "root")


def test_a_push_moves_the_canary_and_leaves_what_clients_get(world: ServedRoot) -> None:
    file = write(world, stable=100, canary=100)
    told = label_served(str(file), "digits", world.registry, Act.PUSH)
    assert labels_in(file) == {"stable": 100, "canary": 200}
    assert told.state is State.PASSED
    assert told.actual == "canary 100 -> 200; stable stays at 100 until `ratchet promote`; the file was written"


def test_without_a_canary_a_push_moves_stable(world: ServedRoot) -> None:
    file = write(world, stable=100)
    label_served(str(file), "digits", world.registry, Act.PUSH)
    assert labels_in(file) == {"stable": 200}


def test_an_approval_and_a_rollback_move_both(world: ServedRoot) -> None:
    file = write(world, stable=100, canary=200)
    made = approve(ApproveRequest("bad", world.root, "Ana", "seen by hand", "2026-12-31"), NOW)
    assert labels_in(file) == {"stable": int(made.version), "canary": int(made.version)}
    later = NOW + datetime.timedelta(minutes=5)
    back = rollback(RollbackRequest(world.root, "Bo", "false alarms"), later)
    assert labels_in(file) == {"stable": int(back.version), "canary": int(back.version)}
    assert "# ours" in file.read_text()


def test_who_approves_or_goes_back_sees_which_label_moved_and_in_which_file(
    world: ServedRoot, capsys: pytest.CaptureFixture[str]
) -> None:
    file = write(world, stable=100, canary=200)
    who = ["--root", str(world.root), "--by", "Ana", "--reason", "seen by hand"]
    tomorrow = str(datetime.datetime.now(datetime.timezone.utc).date() + datetime.timedelta(days=1))

    def told(*command: str) -> str:
        assert main([*command, *who]) == 0
        [line] = [line for line in capsys.readouterr().err.splitlines() if "labels" in line]
        return line

    first = told("approve", "bad", "--expires", tomorrow)
    new = labels_in(file)["stable"]
    where = f"version labels of digits in {file}"
    assert first == f"{where}: stable 100 -> {new}, canary 200 -> {new}; the file was written"
    again = told("approve", "bad", "--expires", tomorrow)
    assert again == f"{where}: stable is {new} already, canary is {new} already; the file was left as it is"
    back = told("rollback")
    assert back.startswith(f"{where}: stable {new} -> {labels_in(file)['stable']}, canary ")
    assert main(["rollback", *who, "--to", "100", "--quiet"]) == 0
    assert "labels" not in capsys.readouterr().err


def test_a_promotion_moves_stable_and_is_logged_with_who_and_why(
    world: ServedRoot, capsys: pytest.CaptureFixture[str], caplog: pytest.LogCaptureFixture
) -> None:
    file = write(world, stable=100, canary=200)
    command = ["promote", "--root", str(world.root), "--by", " Ana ", "--reason", "a day without a complaint"]
    assert main([*command, "--dry-run"]) == 0
    assert labels_in(file) == {"stable": 100, "canary": 200}
    assert promotions(world.registry) == []
    assert main([*command, "--json"]) == 0
    assert labels_in(file) == {"stable": 200, "canary": 200}
    [made] = promotions(world.registry)
    assert (made.by, made.reason, made.version, made.previous, made.run_id) == (
        *("Ana", "a day without a complaint", "200", "100", "good"),
    )
    told = json.loads(capsys.readouterr().out.splitlines()[-1])
    assert (told["version"], told["dry_run"]) == ("200", False)
    assert main(command) == 0  # given again, it says what the first time had done
    assert len(promotions(world.registry)) == 1
    assert "by the same command; nothing was changed" in caplog.text


def test_a_promotion_that_is_killed_at_any_point_is_completed_by_the_same_command(world: ServedRoot) -> None:
    request = PromoteRequest(world.root, "Ana", "a day")
    file = write(world, stable=100, canary=200)
    before, log = file.read_text(), world.root / "registry" / "promotions.jsonl"

    def given() -> str:
        return promote(request, NOW).at

    whole = in_child(given, world.root.parent)
    assert (whole.error, labels_in(file)["stable"]) == (None, 200)
    for point in spread(range(len(whole.points)), 6):
        file.write_text(before)
        log.unlink(missing_ok=True)
        assert in_child(given, world.root.parent, point, KILL).killed
        promote(request, NOW + datetime.timedelta(minutes=1))
        assert labels_in(file) == {"stable": 200, "canary": 200}
        assert [made.version for made in promotions(world.registry)] == ["200"]


def test_a_log_of_promotions_is_no_fault_of_a_root(world: ServedRoot) -> None:
    file = write(world, stable=100, canary=200)
    before = doctor(world.root, repair=False, now=NOW).to_json()
    promote(PromoteRequest(world.root, "Ana", "a day"), NOW)
    assert labels_in(file)["stable"] == 200
    assert doctor(world.root, repair=False, now=NOW).to_json() == before


@pytest.mark.parametrize(
    ("given", "words"),
    [
        ({"stable": 200, "canary": 200}, "stable is version 200 already"),
        ({"stable": 100}, "needs the labels stable and canary there; it has stable"),
        ({}, "it has none"),
        ({"stable": 50, "canary": 100}, "canary is version 100, and version 200 is served"),
    ],
)
def test_where_there_is_no_canary_nothing_is_promoted(world: ServedRoot, given: dict[str, int], words: str) -> None:
    file = write(world, SPECIFIC, **given)
    before = file.read_text()
    with pytest.raises(InputError, match=words):
        promote(PromoteRequest(world.root, "Ana", "a day"), NOW)
    assert (file.read_text(), promotions(world.registry)) == (before, [])


def test_without_a_model_config_the_setting_is_named(world: ServedRoot) -> None:
    with pytest.raises(InputError, match=r"have no serving\.model_config.*ROOT/ratchet\.yaml.*--config"):
        promote(PromoteRequest(world.root, "Ana", "a day"), NOW)


def test_a_file_that_cannot_be_written_leaves_a_promotion_undone(
    world: ServedRoot, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(*_: object) -> None:
        raise OSError(28, "No space left on device")

    file = write(world, stable=100, canary=200)
    monkeypatch.setattr(version_labels, "write_durably", full)
    with pytest.raises(StateError, match="No space left on device; then promote again"):
        promote(PromoteRequest(world.root, "Ana", "a day"), NOW)
    assert labels_in(file) == {"stable": 100, "canary": 200}


@pytest.mark.parametrize("content", [None, b"model_config_list {", b"\xff\xfe", b"x" * (2 << 20), b""])
def test_a_file_that_is_none_keeps_nothing_out_of_service(
    world: ServedRoot, content: bytes | None, caplog: pytest.LogCaptureFixture
) -> None:
    file = write(world, stable=100)
    file.unlink()
    if content is not None:
        file.write_bytes(content)
    told = label_served(str(file), "digits", world.registry, Act.PUSH)
    assert (told.passed, told.state) == (True, State.WARNING)
    assert "nothing was written" in told.actual
    with caplog.at_level(logging.WARNING, logger="ratchet"):
        made = approve(ApproveRequest("bad", world.root, "Ana", "seen by hand", "2026-12-31"), NOW)
    assert world.registry.pointer().served_as == (made.version, made.model_digest)
    assert "serving:labels" in caplog.text


def test_a_link_stays_one_and_the_file_behind_it_keeps_its_mode(world: ServedRoot) -> None:
    file = write(world, stable=100)
    real = file.rename(file.with_name("real.config"))
    real.chmod(0o640)
    file.symlink_to(real)
    label_served(str(file), "digits", world.registry, Act.PUSH)
    assert file.is_symlink()
    assert labels_in(real) == {"stable": 200}
    assert os.stat(real).st_mode & 0o777 == 0o640
    assert [path.name for path in real.parent.glob("real.config*")] == ["real.config"]


def test_line_ends_stay_as_they_are(world: ServedRoot) -> None:
    file = write(world, stable=100)
    file.write_bytes(file.read_bytes().replace(b"\n", b"\r\n"))
    label_served(str(file), "digits", world.registry, Act.PUSH)
    content = file.read_bytes()
    assert content.count(b"\n") == content.count(b"\r\n") == 7
    assert labels_in(file) == {"stable": 200}


def test_a_label_of_a_version_that_the_server_does_not_load_is_told(world: ServedRoot) -> None:
    file = write(world, "latest { num_versions: 1 }", stable=100, canary=100)
    told = label_served(str(file), "digits", world.registry, Act.PUSH)
    assert told.state is State.WARNING
    assert "loads only the newest 1, so that it knows no stable (100)" in told.actual
    file = write(world, "latest { num_versions: 2 }", stable=100, canary=100)
    assert label_served(str(file), "digits", world.registry, Act.PUSH).state is State.PASSED


def test_a_model_that_uses_no_labels_is_left_alone(world: ServedRoot) -> None:
    file = write(world)
    before = file.read_text()
    told = label_served(str(file), "digits", world.registry, Act.PUSH)
    assert (told.state, file.read_text()) == (State.PASSED, before)


def test_no_version_with_a_label_is_pruned(world: ServedRoot) -> None:
    file = write(world, stable=100, canary=200)
    assert survey(world.root, world.root).labelled == {"100", "200"}
    file.write_text("no config")
    assert survey(world.root, world.root).labelled is None
    assert labelled_versions(str(file), "digits") is None


@pytest.mark.parametrize("path", ["models.config", "gs://bucket/models.config", "/a\nb"])
def test_a_path_that_another_command_would_not_find_is_refused(path: str) -> None:
    with pytest.raises(ConfigError, match="absolute path"):
        load(ServingSettings, {"model_config": path}, "config")


@pytest.mark.tensorflow
def test_the_pusher_says_what_became_of_the_labels_and_goes_on(world: ServedRoot) -> None:
    from ratchet.components.registry.executor import _labelled, _seen_in_service

    file = write(world, stable=100, canary=100)
    settings = ServingSettings(model_config=str(file))
    given = {"name": "digits", "serving": to_json(settings)}
    result = _seen_in_service(_labelled(PublicationResult("200"), world.registry, given), given)
    assert [(told.rule, told.state) for told in result.told] == [("serving:labels", State.PASSED)]
    assert labels_in(file) == {"stable": 100, "canary": 200}
    file.unlink()
    result = _labelled(PublicationResult("200"), world.registry, given)
    assert (result.version, result.told[0].state) == ("200", State.WARNING)
    blocked = PublicationResult(None)
    assert _labelled(blocked, world.registry, given) == blocked
    without = {"name": "digits", "serving": to_json(ServingSettings(status_url="http://h:1"))}
    assert _labelled(PublicationResult("200"), world.registry, without) == PublicationResult("200")


@pytest.mark.tensorflow
def test_the_pusher_is_told_of_a_model_config_alone() -> None:
    from ratchet.pipeline.pipeline import _after_push

    settings = load_settings({}, ["serving.model_config=/etc/models.config"])
    assert _after_push(settings)["name"] == "detector"
    assert _after_push(load_settings({}, [])) == {}
