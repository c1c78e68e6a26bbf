"""`ratchet shadow` on a root with models that find something."""

from __future__ import annotations

import base64
import json
from pathlib import Path

import numpy as np
import pytest

from ratchet.pipeline.cli.main import main
from ratchet.pipeline.serving.shadow import ShadowRequest, shadow
from ratchet.schemas.artifacts.decisions import Verdict
from ratchet.schemas.artifacts.evaluation import (
    BASELINE,
    CANDIDATE,
    EVALUATION_FILE,
    EVALUATION_FORMAT,
    GOLDEN,
    MATCHES_FILE,
    Support,
)
from ratchet.schemas.base.errors import InputError, StateError
from ratchet.schemas.data.columns import DetectionColumns, TruthColumns
from tests.builders import detections, ground_truth
from tests.pipeline.served_root import ServedRoot
from tests.pixel_detectors import save_pixel_detector, scene

pytestmark = pytest.mark.tensorflow
NAMES = ("car", "bus")
SCORES = {"first": [0.9, 0.9], "good": [0.9, 0.8], "bad": [0.9, 0.3]}  # of a car, of a bus


class RealRoot(ServedRoot):
    """Its models are real ones."""

    def _train(self, directory: Path, run_id: str) -> None:
        save_pixel_detector(directory, NAMES, SCORES[run_id])


@pytest.fixture
def world(tmp_path: Path) -> RealRoot:
    made = RealRoot(tmp_path / "root")
    made.run("first", Verdict.BOOTSTRAPPED)
    made.run("good", Verdict.PUSHED)
    made.run("bad", Verdict.BLOCKED)
    return made


@pytest.fixture
def log(tmp_path: Path) -> Path:
    scenes = [scene((1, 5, 5), (2, 30, 30), seed=seed) for seed in range(4)]
    lines = [
        {"image": base64.b64encode(encoded).decode(), "camera": f"cam {place % 2}", "name": f"<{place}>.png"}
        for place, encoded in enumerate(scenes)
    ]
    (tmp_path / "log").mkdir()
    (tmp_path / "log" / "served-1.jsonl").write_text("".join(json.dumps(line) + "\n" for line in lines))
    return tmp_path / "log"


def request(world: RealRoot, log: Path, run: str = "bad", **fields: object) -> ShadowRequest:
    return ShadowRequest(run, world.root, str(log), **fields)  # pyright: ignore[reportArgumentType]


def measured(world: RealRoot, run_id: str, **scores: tuple[float, float]) -> None:
    """What the evaluation of a run measured on two golden images: by model its scores of a car and of a bus."""
    from ratchet.components.map_evaluator.matches import Collector

    [made] = [made for made in world.registry.decisions() if made.run_id == run_id]
    boxes = [[5, 5, 10, 10], [30, 30, 10, 10]]
    truth = TruthColumns.of([ground_truth(boxes, [1, 2])] * 2)
    found = {name: DetectionColumns.of([detections(boxes, [1, 2], [*own])] * 2) for name, own in scores.items()}
    collector = Collector()
    collector.add_columns(np.array([1, 2]), truth, found)
    directory = Path(made.evaluation, GOLDEN)
    directory.mkdir()
    collector.merge([collector]).finish().save(str(directory / MATCHES_FILE))
    file = Path(made.evaluation, EVALUATION_FILE)
    evaluation = EVALUATION_FORMAT.read(file.read_text(), str(file))
    evaluation.golden.class_support.update(dict.fromkeys(NAMES, Support(2, 2)))
    file.write_text(EVALUATION_FORMAT.write(evaluation))


def test_each_model_counts_from_its_own_operating_point(world: RealRoot, log: Path) -> None:
    measured(world, "bad", **{CANDIDATE: (0.85, 0.25), BASELINE: (0.7, 0.75)})
    report = shadow(request(world, log))
    assert report.shadow.points == {CANDIDATE: {"car": 0.85, "bus": 0.25}, BASELINE: {"car": 0.7, "bus": 0.75}}
    assert (report.shadow.overall.agreed, report.shadow.overall.apart) == (8, 0)
    assert report.notes == ()


def test_a_score_that_is_given_counts_for_both(world: RealRoot, log: Path) -> None:
    measured(world, "bad", **{CANDIDATE: (0.85, 0.25), BASELINE: (0.7, 0.75)})
    report = shadow(request(world, log, score=0.5))
    overall = report.shadow.overall
    assert (overall.agreed, overall.missed, overall.missed_faint, overall.new) == (4, 4, 4, 0)


def test_without_what_was_measured_the_usual_score_counts_and_that_is_said(world: RealRoot, log: Path) -> None:
    report = shadow(request(world, log))
    assert report.shadow.overall.missed == 4
    assert len(report.notes) == 2
    assert "count from a score of 0.5 on" in report.notes[0]


def test_points_of_a_served_model_that_was_never_the_runs_baseline_are_those_of_its_own_run(
    world: RealRoot, log: Path
) -> None:
    measured(world, "good", **{CANDIDATE: (0.6, 0.65)})
    measured(world, "first", **{CANDIDATE: (0.2, 0.2)})
    report = shadow(request(world, log, "first"))
    assert report.version == "200"
    assert report.shadow.points[BASELINE] == {"car": 0.6, "bus": 0.65}
    assert report.shadow.points[CANDIDATE] == {"car": 0.2, "bus": 0.2}


def test_a_candidate_that_is_served_is_held_against_the_model_that_it_replaced(world: RealRoot, log: Path) -> None:
    assert shadow(request(world, log, "good")).version == "100"
    assert shadow(request(world, log, "bad")).version == "200"


def test_the_command_writes_a_page_beside_the_runs_own_and_says_the_same_as_json(
    world: RealRoot, log: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    arguments = ["shadow", "bad", "--root", str(world.root), "--log", str(log), "--limit", "3", "--json"]
    assert main(arguments) == 0
    told = capsys.readouterr()
    values = json.loads(told.out)
    assert values["overall"]["missed"] == 3
    assert values["overall"]["share"] == pytest.approx(0.5)
    assert {name: each["images"] for name, each in values["by_camera"].items()} == {"cam 0": 1, "cam 1": 2}
    assert values["worst"][0]["name"] == "<3>.png"  # the newest first
    assert "they disagree about 50 % of 6 objects" in told.err
    page = Path(values["page"])
    assert page == world.root / "runs" / "bad" / "shadow.html"
    assert "&lt;3&gt;.png" in page.read_text()
    assert "<3>.png" not in page.read_text()


@pytest.mark.parametrize(
    ("fields", "words"),
    [
        ({"limit": 0}, "--limit 0"),
        ({"score": 1.5}, r"--score 1\.5"),
        ({"score": float("nan")}, "--score nan"),
        ({"log": "/nowhere/at/all"}, "--log /nowhere/at/all: no such directory"),
        ({"run": "none"}, "no run of .* begins so"),
    ],
)
def test_what_cannot_be_used_is_named(world: RealRoot, log: Path, fields: dict[str, object], words: str) -> None:
    asked = {"run": "bad", "root": world.root, "log": str(log), **fields}
    with pytest.raises(InputError, match=words):
        shadow(ShadowRequest(**asked))  # pyright: ignore[reportArgumentType]


def test_a_candidate_that_was_altered_is_not_shown_anything(world: RealRoot, log: Path) -> None:
    (world.candidate("bad") / "variables" / "more").write_text("x")
    with pytest.raises(StateError, match="is not the"):
        shadow(request(world, log))


def test_the_first_model_has_nothing_to_be_held_against(tmp_path: Path, log: Path) -> None:
    alone = RealRoot(tmp_path / "alone")
    alone.run("first", Verdict.BOOTSTRAPPED)
    with pytest.raises(InputError, match="the first model that was served"):
        shadow(request(alone, log, "first"))
