"""Faults to plant in a made root, and how it is looked at and mended afterwards."""

from __future__ import annotations

import os
import shutil
import socket
import subprocess
from collections.abc import Callable

from ratchet.pipeline.doctor.doctor import doctor
from ratchet.pipeline.doctor.findings import Report
from ratchet.schemas.artifacts.registry_entries import Pointer, RecordedDecision, ServedModel
from tests.pipeline.doctor.lifelike import LATER, LifelikeRoot

Fault = Callable[[LifelikeRoot], object]


def look(world: LifelikeRoot) -> Report:
    return doctor(world.root, False, LATER)


def mend(world: LifelikeRoot) -> Report:
    return doctor(world.root, True, LATER)


def kinds(report: Report) -> set[str]:
    return {finding.kind for _, finding in report.findings}


def versions(world: LifelikeRoot) -> list[ServedModel]:
    return world.registry.versions()


# Faults, by name, after which the registry is what it was and the same model is served.


def an_empty_pointer(world: LifelikeRoot) -> None:
    world.file("served.json").write_text("")


def a_torn_pointer(world: LifelikeRoot) -> None:
    file = world.file("served.json")
    file.write_text(file.read_text()[:40])


def a_lost_pointer(world: LifelikeRoot) -> None:
    world.file("served.json").unlink()


def a_torn_entry_of_the_served_version(world: LifelikeRoot) -> None:
    world.entry("versions/200.json").write_text('{"version": "200"')


def a_lost_entry_of_an_earlier_version(world: LifelikeRoot) -> None:
    world.entry("versions/100.json").unlink()


def a_torn_entry_of_an_earlier_version(world: LifelikeRoot) -> None:
    world.entry("versions/100.json").write_text("[]")


def lost_entries_and_pointer(world: LifelikeRoot) -> None:
    shutil.rmtree(world.file("versions"))
    world.file("served.json").unlink()


def a_torn_decision(world: LifelikeRoot) -> None:
    world.decision_file("bad").write_text("{")


def a_lost_decision(world: LifelikeRoot) -> None:
    world.decision_file("good").unlink()


def a_lost_registry(world: LifelikeRoot) -> None:
    shutil.rmtree(world.root / "registry")


def lost_files_of_the_served_version(world: LifelikeRoot) -> None:
    shutil.rmtree(world.serving / "200")


def damaged_files_of_the_served_version(world: LifelikeRoot) -> None:
    (world.serving / "200" / "variables" / "data").write_text("other")


def a_lost_training_record(world: LifelikeRoot) -> None:
    shutil.rmtree(world.serving / "200" / "assets.extra")


def a_lost_serving_directory(world: LifelikeRoot) -> None:
    shutil.rmtree(world.root / "serving")


def a_version_that_was_never_recorded(world: LifelikeRoot) -> None:
    shutil.copytree(world.candidate("bad"), world.serving / "300")


def a_version_of_half_a_model(world: LifelikeRoot) -> None:
    (world.serving / "1795679999").mkdir()


def a_pointer_that_is_behind(world: LifelikeRoot) -> None:
    first = next(model for model in versions(world) if model.version == "100")
    world.registry.swap(world.registry.pointer(), Pointer(first))


def a_lost_ratchet_json(world: LifelikeRoot) -> None:
    (world.root / "ratchet.json").unlink()


def a_torn_ratchet_json(world: LifelikeRoot) -> None:
    (world.root / "ratchet.json").write_text('{"format": 1, "na')


def a_lost_ml_metadata(world: LifelikeRoot) -> None:
    (world.root / "metadata.sqlite").unlink()


def an_empty_ml_metadata(world: LifelikeRoot) -> None:
    (world.root / "metadata.sqlite").write_bytes(b"")


def a_truncated_ml_metadata(world: LifelikeRoot) -> None:
    os.truncate(world.root / "metadata.sqlite", 20_000)


def an_ml_metadata_of_noise(world: LifelikeRoot) -> None:
    (world.root / "metadata.sqlite").write_bytes(b"noise" * 999)


def an_older_ml_metadata(world: LifelikeRoot) -> None:
    (world.root / "artifacts" / "MapEvaluator" / "evaluation" / "77").mkdir()


def a_blessing_of_what_was_kept_out(world: LifelikeRoot) -> None:
    for blessing in world.store.get_artifacts_by_type("ModelBlessing"):
        blessing.custom_properties["blessed"].int_value = 1
        world.store.put_artifacts([blessing])


def a_torn_result(world: LifelikeRoot) -> None:
    (world.root / "runs" / "good" / "result.json").write_text("{")


def half_a_file(world: LifelikeRoot) -> None:
    world.file(f"versions/100.json.{dead_process()}.writing").write_text("{")


def a_staged_model_of_a_dead_process(world: LifelikeRoot) -> None:
    shutil.copytree(world.serving / "100", world.serving / f"unfinished-{socket.gethostname()}-{dead_process()}-0123")


FAULTS = [
    an_empty_pointer,
    a_torn_pointer,
    a_lost_pointer,
    a_torn_entry_of_the_served_version,
    a_lost_entry_of_an_earlier_version,
    a_torn_entry_of_an_earlier_version,
    lost_entries_and_pointer,
    a_torn_decision,
    a_lost_decision,
    a_lost_registry,
    lost_files_of_the_served_version,
    damaged_files_of_the_served_version,
    a_lost_training_record,
    a_lost_serving_directory,
    a_version_that_was_never_recorded,
    a_version_of_half_a_model,
    a_pointer_that_is_behind,
    a_lost_ratchet_json,
    a_torn_ratchet_json,
    a_lost_ml_metadata,
    an_empty_ml_metadata,
    a_truncated_ml_metadata,
    an_ml_metadata_of_noise,
    an_older_ml_metadata,
    a_blessing_of_what_was_kept_out,
    a_torn_result,
    half_a_file,
    a_staged_model_of_a_dead_process,
]


def decisions(world: LifelikeRoot) -> list[RecordedDecision]:
    return world.registry.decisions()


def dead_process() -> int:
    """The number of a process that has ended."""
    ended = subprocess.Popen(["true"])
    ended.wait()
    return ended.pid
