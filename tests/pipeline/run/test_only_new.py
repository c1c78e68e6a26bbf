"""`ratchet run --only-new`: a night without a whole delivery ends well, and says what is there."""

from __future__ import annotations

import hashlib
import json
import shutil
from pathlib import Path
from typing import Any

import pytest

import ratchet.pipeline.run
from ratchet.pipeline.cli.main import main
from ratchet.pipeline.root.roots import registry_at
from ratchet.schemas.artifacts.decisions import Verdict
from tests.builders import coco, coco_annotation, coco_image, recorded_decision, write_span
from tests.pipeline.notify.webhook_server import webhook_server
from tests.pipeline.roots import add_run
from tests.pipeline.run.test_nothing_new import CountingRunner


class Night:
    """A nightly command on deliveries, in a root whose data gate rejects everything."""

    def __init__(self, directory: Path, capfd: pytest.CaptureFixture[str]) -> None:
        self.data, self.root, self.code = directory / "data", directory / "root", -1
        self._capfd = capfd

    def give(self, *options: str, config: str | None = "digits") -> dict[str, Any]:
        chosen = ["--config", config] if config else []
        command = ["run", *chosen, "--data", str(self.data), "--root", str(self.root), "--bootstrap", "--json"]
        self.code = main([*command, "--set", "training.batch_size=2", *options])
        return json.loads(self._capfd.readouterr().out)

    def give_later(self, *options: str) -> dict[str, Any]:
        """As a scheduler gives it after the first model, without `--bootstrap`."""
        few = ("--set", "training.batch_size=2")
        command = ["run", "--data", str(self.data), "--root", str(self.root), "--only-new", "--json", *few]
        self.code = main([*command, *options])
        return json.loads(self._capfd.readouterr().out)

    def block_first_model(self, run_id: str) -> None:
        """As if the first model had been measured, and kept out."""
        record = (self.root / "runs" / run_id / "request.json").read_text()
        shutil.rmtree(self.root / "runs" / run_id)
        add_run(self.root, run_id, Verdict.BLOCKED, 1)
        (self.root / "runs" / run_id / "request.json").write_text(record)
        made = recorded_decision(run_id=run_id, verdict="BLOCKED", baseline_version=None, baseline_digest=None)
        registry_at(self.root).record_decision(run_id, made)

    def deliver(self, name: str) -> Path:
        boxes = [coco_annotation(i, i, category_id=(3, 7)[i % 2]) for i in range(1, 31)]
        return write_span(self.data / name, coco(images=[coco_image(i) for i in range(1, 31)], annotations=boxes))

    def list_files(self, span: Path) -> None:
        paths = sorted(path for path in span.rglob("*") if path.is_file())
        lines = [f"{hashlib.sha256(path.read_bytes()).hexdigest()}  {path.relative_to(span)}\n" for path in paths]
        (span / "SHA256SUMS").write_text("".join(lines))


@pytest.fixture
def night(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]) -> Night:
    write_span(tmp_path / "data" / "golden")
    monkeypatch.setattr(ratchet.pipeline.run, "runner", CountingRunner(tmp_path / "gate"), raising=False)
    return Night(tmp_path, capfd)


@pytest.mark.parametrize("config", ["digits", None])
def test_without_a_delivery_nothing_is_new_and_nothing_is_written(night: Night, config: str | None) -> None:
    assert night.give(config=config)["exit_code"] == 2
    told = night.give("--only-new", config=config)
    assert (night.code, told["verdict"], told["run_id"], told["report"]) == (0, "NOTHING_NEW", "", "")
    assert told["reasons"][0]["actual"].startswith(f"{night.data}: no span-N directory in it")
    assert not night.root.exists()


def test_a_delivery_that_is_half_there_is_named_and_trained_on_once_it_is_whole(night: Night) -> None:
    span = night.deliver("span-2026-11-28")
    night.list_files(span)
    image = sorted((span / "images").iterdir())[0]
    content = image.read_bytes()
    image.unlink()
    told = night.give("--only-new")
    assert (night.code, told["verdict"]) == (0, "NOTHING_NEW")
    sentence = told["reasons"][0]["actual"]
    assert "span-2026-11-28: SHA256SUMS lists 31 files, of which 1 is not there yet" in sentence
    assert night.give()["exit_code"] == 2  # without the option it is an error
    image.write_bytes(content[:-1])
    assert "is being copied" in night.give("--only-new")["reasons"][0]["actual"]
    image.write_bytes(content)
    told = night.give("--only-new")
    assert (night.code, told["verdict"], told["span"]) == (4, "DATA_REJECTED", 20261128)
    assert night.give("--only-new")["verdict"] == "NOTHING_NEW"


def test_an_empty_directory_is_no_delivery_and_is_named(night: Night) -> None:
    (night.data / "span-2").mkdir()
    told = night.give("--only-new")
    assert (night.code, told["verdict"], night.root.exists()) == (0, "NOTHING_NEW", False)
    sentence = "nothing is delivered whole yet: span-2: no file in it, so copy the delivery into it or delete it"
    assert told["reasons"][0]["actual"] == f"{night.data}: {sentence}"
    assert sentence in night.give()["error"]  # without the option it is an error
    night.deliver("span-1")
    assert (night.give("--only-new")["span"], night.code) == (1, 4)


def test_a_span_that_is_asked_for_by_its_day_may_not_have_come_yet(night: Night) -> None:
    night.deliver("span-2026-11-27")
    told = night.give("--only-new", "--span", "2026-11-28")
    assert (night.code, told["verdict"], told["span"]) == (0, "NOTHING_NEW", 20261128)
    assert "no span-2026-11-28; it holds span-2026-11-27" in told["reasons"][0]["actual"]
    assert night.give("--only-new", "--span", "2026-11-27")["verdict"] == "DATA_REJECTED"


@pytest.mark.parametrize("rehearsed", [(), ("--dry-run",)])
def test_after_a_first_model_that_was_blocked_a_night_without_news_is_none(
    night: Night, rehearsed: tuple[str, ...]
) -> None:
    """A scheduler is told of a mistake when there is something to do for a person, and not every night."""
    night.deliver("span-1")
    run_id = night.give()["run_id"]
    night.block_first_model(run_id)
    told = night.give_later(*rehearsed)
    assert (night.code, told["verdict"]) == (0, "NOTHING_NEW")
    [reason] = (told["result"] if rehearsed else told)["reasons"]
    ends = f"ended as BLOCKED, and still no model is served (`ratchet approve {run_id}` serves its candidate)"
    assert reason["actual"].endswith(ends)
    span = night.deliver("span-2")
    (span / "annotations.json").write_text((span / "annotations.json").read_text().replace("[10", "[11"))
    told = night.give_later(*rehearsed)
    assert (night.code, told["exit_code"]) == (2, 2)
    assert told["error"] == (
        "no model is served yet, so there is no baseline to compare with: "
        f"`ratchet approve {run_id}` serves the candidate that was BLOCKED, or give --bootstrap to train and serve a "
        "first one"
    )


def test_what_a_person_has_to_mend_stays_an_error(night: Night) -> None:
    night.deliver("span-3")
    shutil.copytree(night.data / "span-3", night.data / "span-03")
    assert night.give("--only-new")["exit_code"] == 2
    shutil.rmtree(night.data / "span-03")
    (night.data / "span-2026-02-30").mkdir()
    assert "there is no day 2026-02-30" in night.give("--only-new")["error"]
    shutil.rmtree(night.data)
    assert "no such directory" in night.give("--only-new")["error"]  # as of a disk that is not mounted


def test_a_rehearsal_says_the_same(night: Night) -> None:
    told = night.give("--only-new", "--dry-run")
    assert (night.code, told["would"], told["verdict"], told["dry_run"]) == (0, "nothing", "NOTHING_NEW", True)
    assert night.give("--dry-run")["exit_code"] == 2  # without the option it is an error there, too


def test_a_person_reads_one_sentence(night: Night, capfd: pytest.CaptureFixture[str]) -> None:
    given = ["run", "--config", "digits", "--data", str(night.data), "--root", str(night.root), "--only-new"]
    assert main(given) == 0
    lines = capfd.readouterr().out.splitlines()
    assert lines[0] == "NOTHING_NEW"
    assert lines[1:] == [f"  {night.data}: no span-N directory in it; name the deliveries span-1, span-2, ..."]


def test_a_heartbeat_of_such_a_night_names_neither_a_span_nor_a_page(
    night: Night, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("NO_PROXY", "127.0.0.1")
    with webhook_server() as server:
        settings = (f"notify.urls=[{json.dumps(server.url)}]", "notify.on=[NOTHING_NEW]")
        night.give("--only-new", *(word for setting in settings for word in ("--set", setting)))
    text = server.requests[0][2]["text"]
    assert text.startswith(f"NOTHING_NEW digits: {night.data}: no span-N directory")
    assert "Page" not in text
