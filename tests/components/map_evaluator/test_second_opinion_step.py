"""The second opinion in the whole step: earlier spans and earlier models, and what happens when they are gone."""

from __future__ import annotations

import dataclasses
import shutil
from pathlib import Path
from typing import Any

import pytest

from ratchet.components.map_evaluator.settings import SecondOpinionSettings
from ratchet.schemas.artifacts.decisions import Verdict
from ratchet.schemas.artifacts.evaluation import BASELINE, EARLIER_SPANS, HELD_OUT, Evaluation, SecondOpinion
from ratchet.schemas.artifacts.references import (
    BEST,
    EARLIER,
    REFERENCES_FILE,
    REFERENCES_FORMAT,
    Reference,
    References,
)
from ratchet.schemas.artifacts.training_record import RECORD_FILE, TRAINING_RECORD_FORMAT, TrainedData
from ratchet.schemas.base.files import LOCAL_FILES
from ratchet.schemas.base.model_digest import model_digest
from ratchet.schemas.data.dataset import DATASET_FILE, DATASET_FORMAT, FINGERPRINTS, LOOKS
from ratchet.schemas.data.fingerprints import Fingerprints, line_of
from tests.builders import training_record
from tests.components.map_evaluator.evaluated_world import (
    SETTINGS,
    World,
    alter,
    bits_of,
    examples,
    looks_of,
    model,
    rules,
    world,
)
from tests.components.map_evaluator.test_beam_evaluation import LABEL_MAP

__all__ = ["world"]  # the fixture

pytestmark = pytest.mark.tensorflow
CONFUSED = (2, 1)  # takes each class for the other


def write_record(world: World, *earlier: Any) -> None:
    spans = [DATASET_FORMAT.read(Path(one.uri, DATASET_FILE).read_text(), "") for one in earlier]
    data = [
        TrainedData(info.span, 1, info.digest, 1, info.class_names, one.uri)
        for info, one in zip(spans, earlier, strict=True)
    ]
    new = TrainedData(2, 1, "new", 50, LABEL_MAP.names, world.span.uri)
    record = dataclasses.replace(training_record(), data=(*data, new))
    (world.path("candidate") / RECORD_FILE).write_text(TRAINING_RECORD_FORMAT.write(record))


def refer(world: World, *references: Reference) -> None:
    Path(world.baseline.uri, REFERENCES_FILE).write_text(REFERENCES_FORMAT.write(References(references)))


def reference(name: str, made: Any, version: str = "1600000000", pushes_ago: int = 5) -> Reference:
    path = f"{made.uri}/Format-Serving"
    return Reference(name, version, path, model_digest(path, LOCAL_FILES), pushes_ago)


def opinion_of(evaluation: Evaluation) -> SecondOpinion:
    assert evaluation.second_opinion is not None
    return evaluation.second_opinion


@pytest.fixture
def earlier(tmp_path: Path) -> Any:
    """A span whose held-out images have the ids of those of the new span."""
    return examples(tmp_path / "earlier", 1, train=range(300, 310), eval=range(310, 315), held_out=range(160, 200))


@pytest.fixture
def lineage(world: World, earlier: Any) -> World:
    # Other pictures under the same ids, as two deliveries may have them.
    lines = [line_of(image_id, bits_of(1000 + image_id)) for image_id in range(160, 200)]
    Path(earlier.uri, FINGERPRINTS, "held_out").write_text("\n".join(lines))
    write_record(world, earlier)
    return world


def test_held_out_images_of_all_spans_give_a_second_opinion(lineage: World, tmp_path: Path) -> None:
    refer(lineage, reference(BEST, model(tmp_path / "best", range(80, 85))))
    evaluation, _ = lineage.evaluate()
    assert evaluation.decision.verdict is Verdict.PUSHED
    opinion = opinion_of(evaluation)
    assert (opinion.images, opinion.spans, opinion.copies, opinion.missing) == (50, 2, 0, ())
    assert [made.reference for made in opinion.comparisons] == [BASELINE, BEST]
    assert all(made.delta.value == 0 for made in opinion.comparisons)
    assert (evaluation.data_sets[HELD_OUT].images, evaluation.data_sets[EARLIER_SPANS].images) == (10, 40)
    passed = [reason.rule for reason in evaluation.decision.reasons if reason.rule.startswith("second_opinion")]
    assert passed == ["second_opinion:baseline", "second_opinion:best"]


def test_a_candidate_that_is_as_bad_as_the_served_model_is_blocked_by_an_earlier_better_one(
    lineage: World, tmp_path: Path
) -> None:
    refer(lineage, reference(BEST, model(tmp_path / "best", range(80, 85))))
    for name in ("candidate", "baseline"):
        shutil.rmtree(lineage.path(name))
        model(Path(getattr(lineage, name).uri), range(90, 95), taken_for=CONFUSED)
    record = examples(tmp_path / "again", 1, train=range(1), eval=range(1, 2), held_out=range(200, 240))
    write_record(lineage, record)
    evaluation, blessing = lineage.evaluate(dataclasses.replace(SETTINGS, min_map=None))
    assert rules(evaluation) == ["second_opinion:best"]
    assert evaluation.decision.verdict is Verdict.BLOCKED
    assert blessing.get_int_custom_property("blessed") == 0
    [reason] = evaluation.decision.failures
    assert "version 1600000000, served 5 pushes ago" in reason.expected
    assert "ratchet rollback --to 1600000000 --by NAME --reason TEXT" in reason.actual


def test_an_older_span_with_classes_in_another_order_measures_the_same(lineage: World, earlier: Any) -> None:
    before, _ = lineage.evaluate()
    path = Path(earlier.uri, DATASET_FILE)
    info = DATASET_FORMAT.read(path.read_text(), "")
    path.write_text(DATASET_FORMAT.write(dataclasses.replace(info, class_names=info.class_names[::-1])))
    turned, _ = lineage.evaluate()
    # Its labels now mean the other class, which the models do not find there.
    assert (
        turned.data_sets[EARLIER_SPANS].candidate.coco["AP"] < before.data_sets[EARLIER_SPANS].candidate.coco["AP"] / 2
    )
    assert turned.data_sets[HELD_OUT] == before.data_sets[HELD_OUT]


def test_copies_of_images_that_chose_something_are_left_out(lineage: World, earlier: Any) -> None:
    shown = [101, 152, 5, 160, *range(1164, 1200)]  # a training image, one of validation, a golden, a held-out one
    lines = [line_of(image_id, bits_of(other)) for image_id, other in zip(range(160, 200), shown)]
    Path(earlier.uri, FINGERPRINTS, "held_out").write_text("\n".join(lines))
    looks = dataclasses.replace(looks_of(shown, 1), prints=Fingerprints.parse(lines, 1))
    Path(earlier.uri, LOOKS, "held_out.npz").write_bytes(looks.to_bytes())
    evaluation, _ = lineage.evaluate()
    assert (opinion_of(evaluation).images, opinion_of(evaluation).copies) == (46, 4)
    assert evaluation.data_sets[EARLIER_SPANS].images == 36


def test_of_too_many_images_those_of_the_new_span_stay(lineage: World) -> None:
    settings = dataclasses.replace(SETTINGS, second_opinion=SecondOpinionSettings(max_images=25))
    evaluation, _ = lineage.evaluate(settings)
    assert (opinion_of(evaluation).images, opinion_of(evaluation).unused) == (25, 25)
    assert evaluation.data_sets[HELD_OUT].images == 10


def test_models_and_spans_that_are_gone_are_warned_of_and_nothing_else(
    lineage: World, earlier: Any, tmp_path: Path
) -> None:
    gone, altered = model(tmp_path / "gone", range(1)), model(tmp_path / "altered", range(1))
    refer(lineage, reference(BEST, gone), reference(EARLIER, altered, "1600000001"))
    shutil.rmtree(gone.uri)
    alter(Path(altered.uri, "Format-Serving"))
    shutil.rmtree(earlier.uri)
    evaluation, _ = lineage.evaluate(dataclasses.replace(SETTINGS, second_opinion=SecondOpinionSettings(min_images=5)))
    assert evaluation.decision.verdict is Verdict.PUSHED
    [warning] = [reason for reason in evaluation.decision.warnings if reason.rule == "second_opinion:missing"]
    assert "version 1600000000 (" in warning.actual
    assert "is gone" in warning.actual
    assert "version 1600000001 (" in warning.actual
    assert "has other files than were recorded" in warning.actual
    assert "span 1: its stored images are gone" in warning.actual
    assert [made.reference for made in opinion_of(evaluation).comparisons] == [BASELINE]


def test_a_reference_that_cannot_be_loaded_or_changes_meanwhile_is_left_out(lineage: World, tmp_path: Path) -> None:
    broken, changing = model(tmp_path / "broken", range(1)), model(tmp_path / "changing", range(1))
    Path(broken.uri, "Format-Serving", "saved_model.pb").write_bytes(b"x")
    refer(lineage, reference(BEST, broken), reference(EARLIER, changing, "1600000001"))
    evaluation, _ = lineage.evaluate(then=lambda: alter(Path(changing.uri, "Format-Serving")))
    assert evaluation.decision.verdict is Verdict.PUSHED
    opinion = opinion_of(evaluation)
    assert [made.reference for made in opinion.comparisons] == [BASELINE]
    assert len(opinion.missing) == 2
    assert "cannot be loaded as a SavedModel" in opinion.missing[0]


def test_a_first_model_has_no_second_opinion_and_neither_has_one_that_wants_none(lineage: World) -> None:
    off, _ = lineage.evaluate(dataclasses.replace(SETTINGS, second_opinion=None))
    lineage.baseline.set_int_custom_property("has_baseline", 0)
    first, _ = lineage.evaluate()
    assert (off.second_opinion, first.second_opinion) == (None, None)
    assert (off.decision.verdict, first.decision.verdict) == (Verdict.PUSHED, Verdict.BOOTSTRAPPED)


def test_too_few_held_out_images_are_told_and_test_nothing(world: World) -> None:
    evaluation, _ = world.evaluate()
    assert evaluation.decision.verdict is Verdict.PUSHED
    [warning] = [reason for reason in evaluation.decision.warnings if reason.rule == "second_opinion"]
    assert "not tested: 10 images and 30 objects of 1 span" in warning.actual
    assert "at least 20 held-out images" in warning.expected
