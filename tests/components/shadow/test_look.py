"""Two SavedModels on a log of requests."""

from __future__ import annotations

import base64
import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from ratchet.components.shadow.looks import Looks, shadow_of
from ratchet.components.shadow.shown import shown_images
from ratchet.schemas.artifacts.evaluation import BASELINE, CANDIDATE
from ratchet.schemas.artifacts.shadow import ReadAs, Shadow
from ratchet.schemas.base.persisted import PersistedFormat
from tests.pixel_detectors import save_pixel_detector, scene

pytestmark = pytest.mark.tensorflow
NAMES = ("car", "bus", "bike")
# Objects: label, left, top. The candidate misses buses and reads what the served model calls a bike as a car.
SCENES: dict[str, bytes] = {
    "agreed": scene((1, 5, 5), (1, 40, 40), seed=1),
    "missed": scene((2, 5, 5), (1, 40, 40), seed=2),
    "twice": scene((2, 5, 5), (3, 40, 40), seed=3),
    "empty": scene(seed=4),
}


def log_of(directory: Path, names: Sequence[str] = tuple(SCENES)) -> Path:
    lines: list[dict[str, Any]] = [{"image": base64.b64encode(SCENES[name]).decode(), "name": name} for name in names]
    for line, camera, hour in zip(lines, ("north", "north", "south"), (3, 3, 15)):
        line |= {"camera": camera, "logged_at": f"2026-11-28T{hour:02}:00:00+01:00"}
    directory.mkdir()
    (directory / "served-1.jsonl").write_text("".join(json.dumps(line) + "\n" for line in lines))
    return directory


@pytest.fixture(scope="module")
def models(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    """The served model knows its classes in another order, and no `van`, which only the candidate finds."""
    from ratchet.components.shadow.look import ShadowModel

    directory = tmp_path_factory.mktemp("models")
    served = save_pixel_detector(directory / "served", ("bus", "car", "bike"), read_as={1: 2, 2: 1})
    names = (*NAMES, "van")
    candidate = save_pixel_detector(directory / "candidate", names, [0.8, 0.3, 0.7, 0.9], read_as={3: 1})
    half = np.full(len(names) + 1, 0.5)
    return {
        BASELINE: ShadowModel(str(served), "served", ("bus", "car", "bike"), half),
        CANDIDATE: ShadowModel(str(candidate), "candidate", names, half),
    }


def looked(models: dict[str, Any], log: Path, batch_size: int = 3, pictures: int = 5) -> Looks:
    from ratchet.components.requests.log import RequestLog
    from ratchet.components.shadow.look import look

    return look(RequestLog(str(log), 100, "--log"), models, (*NAMES, "van"), batch_size, pictures)


def figures(looks: Looks, models: dict[str, Any]) -> Shadow:
    return shadow_of(looks, "log", (*NAMES, "van"), {name: model.points for name, model in models.items()})


def test_models_are_compared_by_the_names_of_their_classes(models: dict[str, Any], tmp_path: Path) -> None:
    shadow = figures(looked(models, log_of(tmp_path / "log")), models)
    overall = shadow.overall
    assert (overall.images, overall.images_apart) == (4, 2)
    assert (overall.agreed, overall.missed, overall.new, overall.other_class) == (3, 2, 0, 1)
    assert overall.missed_faint == 2
    assert shadow.read_as == (ReadAs("bike", "car", 1),)
    assert shadow.shift.median == pytest.approx(-0.1)


def test_cameras_and_hours_are_those_of_the_log(models: dict[str, Any], tmp_path: Path) -> None:
    shadow = figures(looked(models, log_of(tmp_path / "log")), models)
    assert {name: (each.images, each.apart) for name, each in shadow.by_camera.items()} == {
        "north": (2, 1),
        "not known": (1, 0),
        "south": (1, 2),
    }
    assert list(shadow.by_hour) == ["03", "15", "not known"]
    assert (shadow.oldest, shadow.newest) == ("2026-11-28T03:00:00+01:00", "2026-11-28T15:00:00+01:00")


def test_the_worst_images_are_kept_and_drawn_and_no_more_than_asked_for(models: dict[str, Any], tmp_path: Path) -> None:
    # Logs are read from their end: the worst image is the last but one that is looked at.
    looks = looked(models, log_of(tmp_path / "log", ("agreed", "twice", "missed", "empty")), batch_size=1, pictures=1)
    [shown] = shown_images(looks, (*NAMES, "van"))
    assert (shown.request.name, shown.encoded) == ("twice", SCENES["twice"])
    assert shown.words == "1 missed, 1 read as another class"
    served, candidate = shown.layers
    assert [box.text for box in served.boxes] == ["bus 90%", "bike 90%"]
    assert [box.state for box in served.boxes] == ["wrong", "wrong"]
    assert [box.title for box in candidate.boxes] == ["car 70%: the served model reads another class"]
    both = looked(models, tmp_path / "log")
    assert len(both.worst) == 2
    served, candidate = shown_images(both, (*NAMES, "van"))[1].layers
    assert {(box.state, box.title.partition(": ")[2]) for box in served.boxes} == {
        ("right", "the candidate finds it too"),
        ("wrong", "missed: the candidate does not find it, or only faintly"),
    }
    assert [(box.state, box.title.partition(": ")[2]) for box in candidate.boxes] == [
        ("right", "the served model finds it too")
    ]


def test_the_size_of_a_batch_changes_nothing(models: dict[str, Any], tmp_path: Path) -> None:
    log = log_of(tmp_path / "log")
    assert figures(looked(models, log, 1), models) == figures(looked(models, log, 100), models)


def test_what_the_served_model_cannot_know_is_left_out_and_counted(models: dict[str, Any], tmp_path: Path) -> None:
    (tmp_path / "log").mkdir()
    entry = {"image": base64.b64encode(scene((4, 5, 5), (1, 40, 40))).decode()}
    (tmp_path / "log" / "served-1.jsonl").write_text(json.dumps(entry) + "\n")
    known = {**models, BASELINE: _without_fourth(models[BASELINE], tmp_path)}
    looks = looked(known, tmp_path / "log")
    assert looks.new_classes == {"van": 1}
    assert figures(looks, known).overall.new == 0


def _without_fourth(model: Any, tmp_path: Path) -> Any:
    """The served model, to whom a fourth class looks like a bus that it is not sure of."""
    import dataclasses

    other = save_pixel_detector(
        tmp_path / "served", ("bus", "car", "bike"), [0.9, 0.9, 0.9, 0.1], read_as={1: 2, 2: 1, 4: 1}
    )
    return dataclasses.replace(model, directory=str(other))


def test_requests_without_a_time_have_none() -> None:
    from ratchet.components.shadow.pairs import Paired

    shadow = shadow_of(Looks(Paired.join([]), ()), "log", NAMES, {})
    assert (shadow.oldest, shadow.newest, shadow.by_hour) == (None, None, {})


def test_of_a_day_without_a_time_the_hour_is_not_known_and_the_day_is() -> None:
    from ratchet.components.requests.log_lines import time_of
    from ratchet.components.shadow.looks import Request
    from ratchet.components.shadow.pairs import pair_detections
    from ratchet.schemas.data.columns import DetectionColumns

    times = ("2026-11-28T15:10:00+01:00", "2026-11-30", None, "2026-11-27")
    nothing, half = DetectionColumns.of([]), np.full(4, 0.5)
    paired = pair_detections(nothing, nothing, half, half, len(times))
    shadow = shadow_of(Looks(paired, tuple(Request("north", time_of(at)) for at in times)), "log", NAMES, {})
    assert {hour: each.images for hour, each in shadow.by_hour.items()} == {"15": 1, "not known": 3}
    assert (shadow.oldest, shadow.newest) == ("2026-11-27", "2026-11-30")


def test_of_very_many_cameras_those_with_the_most_images_are_listed() -> None:
    from ratchet.components.shadow.looks import MOST_CAMERAS, OTHER_CAMERAS, Request
    from ratchet.components.shadow.pairs import pair_detections
    from ratchet.schemas.data.columns import DetectionColumns

    cameras = [f"{number:03}" for number in range(200)] + ["150"] * 5
    nothing, half = DetectionColumns.of([]), np.full(4, 0.5)
    paired = pair_detections(nothing, nothing, half, half, len(cameras))
    shadow = shadow_of(Looks(paired, tuple(Request(camera) for camera in cameras)), "log", NAMES, {})
    assert len(shadow.by_camera) == MOST_CAMERAS + 1
    assert shadow.by_camera["150"].images == 6
    assert shadow.by_camera[OTHER_CAMERAS].images == 200 - MOST_CAMERAS


def test_figures_are_the_same_after_they_were_written_into_an_evaluation_and_read(
    models: dict[str, Any], tmp_path: Path
) -> None:
    form = PersistedFormat(Shadow, "a shadow", 1, "", allow_nan=False)
    shadow = figures(looked(models, log_of(tmp_path / "log")), models)
    assert form.read(form.write(shadow), "file") == shadow
