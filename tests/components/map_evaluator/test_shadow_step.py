"""The whole step with logged requests: a candidate that reads them otherwise than the served model is held."""

from __future__ import annotations

import base64
import dataclasses
import json
import shutil
from pathlib import Path
from typing import Any

import pytest

from ratchet.components.map_evaluator.settings import ShadowSettings
from ratchet.schemas.artifacts.decisions import Verdict
from ratchet.schemas.artifacts.shadow import ReadAs
from ratchet.schemas.data.dataset import DATASET_FILE, DATASET_FORMAT
from tests.components.map_evaluator.evaluated_world import IMAGES, SETTINGS, World, rules, world, write_examples
from tests.components.map_evaluator.test_beam_evaluation import LABEL_MAP, record
from tests.pixel_detectors import save_pixel_detector, scene

__all__ = ["world"]  # the fixture

pytestmark = pytest.mark.tensorflow
STRANGE = 3  # what only logged requests show


def drawn(image_id: int) -> bytes:
    truth = record(image_id).truth
    objects = [(label, *map(round, box)) for label, box in zip(truth.labels.tolist(), truth.boxes_xywh_px.tolist())]
    return scene(*objects, seed=image_id)


def learned(artifact: Any, **options: Any) -> None:
    """Puts a detector that reads pixels into a model, beside what says how it was trained."""
    directory = Path(artifact.uri, "Format-Serving")
    made = save_pixel_detector(Path(artifact.uri, "made"), LABEL_MAP.names, [0.8, 0.7, 0.9], **options)
    shutil.rmtree(made / "assets.extra")
    shutil.copytree(made, directory, dirs_exist_ok=True)
    shutil.rmtree(made)


@pytest.fixture
def seen(world: World) -> World:
    """The world with real images; of STRANGE things the two models make different classes."""
    redrawn(world.golden, eval=range(IMAGES))
    redrawn(world.span, train=range(100, 150), eval=range(150, 160), held_out=range(160, 170))
    info = DATASET_FORMAT.read(Path(world.golden.uri, DATASET_FILE).read_text(), DATASET_FILE)
    world.baseline.set_string_custom_property("golden_digest", info.digest)
    learned(world.baseline, read_as={STRANGE: 1})
    learned(world.candidate, read_as={STRANGE: 2})
    return world


def redrawn(data: Any, **splits: range) -> None:
    digest = ""
    for split, image_ids in splits.items():
        digest = write_examples(Path(data.uri), split, image_ids, drawn)
    file = Path(data.uri, DATASET_FILE)
    info = DATASET_FORMAT.read(file.read_text(), DATASET_FILE)
    file.write_text(DATASET_FORMAT.write(dataclasses.replace(info, digest=digest)))


def log_of(directory: Path, strange: int, others: int) -> str:
    scenes = [scene((STRANGE, 5, 5), seed=seed) for seed in range(strange)]
    scenes += [scene((1, 5, 5), seed=100 + seed) for seed in range(others)]
    lines = [json.dumps({"image": base64.b64encode(each).decode(), "camera": "north"}) + "\n" for each in scenes]
    directory.mkdir()
    (directory / "served-1.jsonl").write_text("".join(lines))
    return str(directory)


def asking(log: str, **fields: Any) -> Any:
    return dataclasses.replace(SETTINGS, shadow=ShadowSettings(log=log, **fields))


def test_a_candidate_that_disagrees_more_than_allowed_is_held_for_a_person(seen: World, tmp_path: Path) -> None:
    log = log_of(tmp_path / "log", strange=10, others=30)
    evaluation, blessing = seen.evaluate(asking(log, max_disagreement=0.2))
    assert (evaluation.decision.verdict, rules(evaluation)) == (Verdict.INCONCLUSIVE, ["shadow"])
    assert "25 % of 40 objects" in evaluation.decision.failures[0].actual
    assert blessing.get_int_custom_property("blessed") == 0
    shadow = evaluation.shadow
    assert shadow is not None
    cat, dog = LABEL_MAP.names[:2]
    assert shadow.read_as == (ReadAs(cat, dog, 10),)
    assert shadow.by_camera["north"].images == 40
    assert shadow.points["candidate"] == pytest.approx({cat: 0.8, dog: 0.7})


def test_one_that_disagrees_no_more_than_allowed_is_pushed_and_the_figures_are_kept(
    seen: World, tmp_path: Path
) -> None:
    log = log_of(tmp_path / "log", strange=10, others=30)
    evaluation, _ = seen.evaluate(asking(log, max_disagreement=0.25))
    assert (evaluation.decision.verdict, rules(evaluation)) == (Verdict.PUSHED, [])
    assert evaluation.shadow is not None
    assert evaluation.shadow.overall.share == 0.25


def test_a_log_that_cannot_be_read_holds_the_push_and_loses_no_training(seen: World, tmp_path: Path) -> None:
    evaluation, _ = seen.evaluate(asking(str(tmp_path / "nowhere"), max_disagreement=0.25))
    assert (evaluation.decision.verdict, rules(evaluation)) == (Verdict.INCONCLUSIVE, ["shadow"])
    assert "no such directory" in evaluation.decision.failures[0].actual
    assert evaluation.shadow is None


def test_a_first_model_is_held_against_nothing(seen: World, tmp_path: Path) -> None:
    seen.baseline.set_int_custom_property("has_baseline", 0)
    log = log_of(tmp_path / "log", strange=10, others=30)
    evaluation, _ = seen.evaluate(asking(log, max_disagreement=0.0))
    assert (evaluation.decision.verdict, evaluation.shadow) == (Verdict.BOOTSTRAPPED, None)
