"""What a message says of `ratchet doctor --repair` is true: after it, what was refused works."""

from __future__ import annotations

import datetime
import os
import shutil
from collections.abc import Callable
from pathlib import Path

import pytest

from ratchet.pipeline.doctor.doctor import doctor
from ratchet.pipeline.root.metadata_store import store_of
from ratchet.pipeline.root.ml_metadata_sync import OverrideStore
from ratchet.pipeline.root.root_file import read_file
from ratchet.pipeline.root.roots import check_root
from ratchet.pipeline.run.starting import check_ml_metadata
from ratchet.pipeline.serving.rollback import RollbackRequest, plan_rollback
from ratchet.schemas.artifacts.metadata_file import METADATA_FILE
from ratchet.schemas.artifacts.run_result import RESULT_FILE, RUN_RESULT_FORMAT
from ratchet.schemas.artifacts.training_record import read_training_record
from ratchet.schemas.base.errors import StateError
from ratchet.schemas.base.files import LOCAL_FILES
from tests.pipeline.doctor.lifelike import LATER, LifelikeRoot
from tests.test_architecture import modules

Step = Callable[[LifelikeRoot], object]


def ask_what_is_served(world: LifelikeRoot) -> object:
    return world.registry.served()


def ask_for_decisions(world: LifelikeRoot) -> object:
    return world.registry.decisions()


def ask_for_versions(world: LifelikeRoot) -> object:
    return world.registry.versions()


def ask_how_it_was_trained(world: LifelikeRoot) -> object:
    return read_training_record(str(world.serving / "200"), LOCAL_FILES)


def ask_for_ml_metadata(world: LifelikeRoot) -> object:
    return OverrideStore(world.root)


def start_a_run(world: LifelikeRoot) -> object:
    return check_ml_metadata(world.root)


def read_the_root(world: LifelikeRoot) -> object:
    return read_file(world.root)


def result_file(world: LifelikeRoot) -> Path:
    return world.root / "runs" / "bad" / RESULT_FILE


def read_the_result(world: LifelikeRoot) -> object:
    return RUN_RESULT_FORMAT.read(result_file(world).read_bytes(), RESULT_FILE)


def roll_back(world: LifelikeRoot) -> object:
    moment = datetime.datetime(2026, 3, 1, tzinfo=datetime.timezone.utc)
    return plan_rollback(RollbackRequest(world.root, "Ana", "checked", "100"), world.registry, moment)


def edit_log(world: LifelikeRoot) -> None:
    world.approve()
    log = world.file("overrides.jsonl")
    log.write_text(log.read_text().replace("Ana", "Bob"))


# By the module that has the message: what is planted, and what it refuses.
MESSAGES: list[tuple[str, Step, Step]] = [
    ("components.registry.consistency", lambda w: shutil.rmtree(w.serving / "200"), ask_what_is_served),
    ("components.registry.consistency", lambda w: (w.serving / "900").mkdir(), ask_what_is_served),
    ("components.registry.consistency", lambda w: w.file("served.json").unlink(), ask_what_is_served),
    ("schemas.artifacts.registry_entries", lambda w: w.file("served.json").write_text(""), ask_what_is_served),
    (
        "schemas.artifacts.registry_entries",
        lambda w: w.file("served.json").write_text('{"served": 7}'),
        ask_what_is_served,
    ),
    ("schemas.artifacts.registry_entries", lambda w: w.entry("versions/200.json").write_text("{}"), ask_for_versions),
    ("schemas.artifacts.registry_entries", lambda w: w.decision_file("bad").write_text("[[["), ask_for_decisions),
    ("schemas.artifacts.overrides", lambda w: edit_log(w), ask_what_is_served),
    (
        "schemas.artifacts.training_record",
        lambda w: shutil.rmtree(w.serving / "200" / "assets.extra"),
        ask_how_it_was_trained,
    ),
    ("pipeline.root.ml_metadata", lambda w: (w.root / "metadata.sqlite").unlink(), ask_for_ml_metadata),
    ("pipeline.root.ml_metadata", lambda w: os.truncate(w.root / "metadata.sqlite", 5000), ask_for_ml_metadata),
    ("schemas.artifacts.metadata_file", lambda w: (w.root / METADATA_FILE).write_text("{"), lambda w: store_of(w.root)),
    ("pipeline.root.roots", lambda w: shutil.rmtree(w.root / "registry"), lambda w: check_root(w.root)),
    ("pipeline.run.starting", lambda w: os.truncate(w.root / "metadata.sqlite", 0), start_a_run),
    ("schemas.artifacts.root_file", lambda w: (w.root / "ratchet.json").write_text("{}"), read_the_root),
    ("schemas.artifacts.run_result", lambda w: result_file(w).write_text('{"verdict": "BLO'), read_the_result),
    ("pipeline.serving.rollback", lambda w: (w.serving / "100" / "saved_model.pb").unlink(), roll_back),
]


@pytest.mark.parametrize(("module", "fault", "ask"), MESSAGES)
def test_what_the_message_promises_comes_true(world: LifelikeRoot, module: str, fault: Step, ask: Step) -> None:
    fault(world)
    with pytest.raises(StateError, match="`ratchet doctor --repair`"):
        ask(world)
    assert doctor(world.root, True, LATER).healthy
    ask(world)


def test_every_module_with_such_a_message_is_tested() -> None:
    own = ("pipeline.doctor", "pipeline.cli.root")
    found = {name for name, source in modules() if "doctor --repair" in source and not name.startswith(own)}
    with_servers = {"pipeline.root.same_store"}  # tests/servers/
    assert found == {module for module, _, _ in MESSAGES} | with_servers
