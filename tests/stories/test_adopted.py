"""A detector of another toolkit is adopted; its would-be successors are blocked, approved, taken back, and pushed."""

from __future__ import annotations

import datetime
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from ratchet.components.registry.registry import Registry
from ratchet.components.registry.storage import DiskStorage
from ratchet.pipeline.demo.digits import DigitsOptions, write_digits
from ratchet.pipeline.doctor.doctor import doctor
from ratchet.pipeline.root.roots import registry_of
from ratchet.schemas.artifacts.adoption import ADOPTED, read_adoption
from ratchet.schemas.artifacts.data_evidence import DATA_DECISION_FORMAT
from ratchet.schemas.artifacts.decisions import DataDecision, Verdict
from ratchet.schemas.artifacts.diagnosis import DIAGNOSIS_FORMAT, RATE_TOO_LOW, Diagnosis, DiagnosisState
from ratchet.schemas.artifacts.overrides import OverrideKind
from ratchet.schemas.artifacts.run_result import RUN_RESULT_FORMAT, RunResult
from ratchet.schemas.artifacts.training_record import TrainingRecord, read_training_record
from ratchet.schemas.base.errors import StateError
from ratchet.schemas.base.files import LOCAL_FILES
from ratchet.schemas.base.model_digest import model_digest
from tests.e2e.cache import cached, digest_of
from tests.e2e.conftest import REPOSITORY, Command, command, in_a_month, key_of
from tests.kills.tiny import CONFIG, Tiny

pytestmark = pytest.mark.tensorflow

PIPELINE_CONFIG = """
model { ssd { num_classes: 10 image_resizer { fixed_shape_resizer { height: 320 width: 320 } } } }
train_config {
  batch_size: 8
  num_steps: 400
  optimizer {
    adam_optimizer { learning_rate { constant_learning_rate { learning_rate: 0.008 } } }
  }
  data_augmentation_options { random_crop_image { } }
}
"""
SIGNED = ("--by", "Ada", "--reason", "it finds what we need")
LIKE_IT = ("--set", "augmentation=scale-v1", "--set", "evaluator.margin=0.02")
BAD = (*LIKE_IT, "--set", "training.bootstrap.steps=6")
GOOD = (*LIKE_IT, "--set", "training.bootstrap.steps=400")


@dataclass(frozen=True)
class Served:
    """What is served at some time.

    Attributes:
        version: its version.
        verdict: of its entry.
        digest: of its bytes.
        is_adopted: whether it says that it was adopted.
    """

    version: str
    verdict: str
    digest: str
    is_adopted: bool


@dataclass(frozen=True)
class Story:
    """What happened."""

    root: Path
    adoption: Command
    adopted: Served
    refused: Command
    bad: RunResult
    after_bad: Served
    approval: Command
    approved: Served
    rollback: Command
    back: Served
    good: RunResult
    pushed: Served
    next: RunResult
    history: Command


class World(Tiny):
    """A tiny world in which a detector of another toolkit is in production."""

    def make(self) -> None:
        from tests.foreign import make_foreign

        self.directory.mkdir(exist_ok=True)
        self.config.write_text(CONFIG)
        write_digits(str(self.data / "golden"), DigitsOptions(golden=True, images=24))
        for span, images in ((1, 120), (2, 120), (3, 60)):
            write_digits(str(self.data / f"span-{span}"), DigitsOptions(span=span, images=images))
        make_foreign(self.directory / "exported", "tf-object-detection", quality=0.0)
        (self.directory / "labels.txt").write_text("\n".join("0123456789"))
        (self.directory / "pipeline.config").write_text(PIPELINE_CONFIG)

    def adopt(self) -> Command:
        at = self.directory
        given = ["--model", str(at / "exported"), "--labels", str(at / "labels.txt"), "--root", str(self.root)]
        given += ["--golden", str(self.data / "golden"), "--pipeline-config", str(at / "pipeline.config")]
        return command("adopt", *given, "--config", str(self.config), *SIGNED)

    def give(self, span: int, *options: str) -> Command:
        given = ["--config", str(self.config), "--data", str(self.data), "--root", str(self.root)]
        return command("run", *given, "--span", str(span), *options)

    def run(self, span: int, *options: str) -> RunResult:
        given = self.give(span, "--json", *options)
        line = next(line for line in given.out.splitlines() if line.startswith("{"))
        return RUN_RESULT_FORMAT.read(line, "the result")

    def sign(self, name: str, *options: str) -> Command:
        return command(name, *options, "--root", str(self.root), *SIGNED)

    def served(self) -> Served:
        model = Registry(DiskStorage(f"{self.root}/registry", str(self.serving))).served()
        assert model is not None
        adopted = read_adoption(model.path, LOCAL_FILES) is not None
        return Served(model.version, model.verdict, model_digest(model.path, LOCAL_FILES), adopted)


def _story(directory: Path) -> Story:
    world = World(directory)
    world.make()
    adoption = world.adopt()
    adopted = world.served()
    refused = world.give(1)
    bad = world.run(1, *BAD)
    after_bad = world.served()
    approval = world.sign("approve", bad.run_id, "--expires", in_a_month())
    approved = world.served()
    rollback = world.sign("rollback")
    back = world.served()
    good = world.run(2, *GOOD)
    pushed = world.served()
    following = world.run(3, *LIKE_IT, "--set", "evaluator.margin=1.0")
    history = command("history", "--root", str(world.root))
    return Story(
        *(world.root, adoption, adopted, refused, bad, after_bad, approval, approved, rollback, back),
        *(good, pushed, following, history),
    )


@pytest.fixture(scope="module")
def story() -> Iterator[Story]:
    own = ("tests/stories/test_adopted.py", "tests/foreign.py", "tests/kills/tiny.py")
    key = digest_of(REPOSITORY, own, key_of(REPOSITORY))
    with cached(REPOSITORY / "build" / "test-cache" / "adopted", key, _story) as made:
        yield made


def decisions(story: Story) -> list[DataDecision]:
    """The data gate's, of all runs in their order."""
    files = (story.root / "artifacts" / "DataGate" / "decision").glob("*/decision.json")
    return [
        DATA_DECISION_FORMAT.read(file.read_text(), str(file))
        for file in sorted(files, key=lambda file: int(file.parent.name))
    ]


def diagnosis_of(story: Story, result: RunResult) -> Diagnosis:
    file = story.root / "runs" / result.run_id / "diagnosis.json"
    return DIAGNOSIS_FORMAT.read(file.read_text(), str(file))


def record_of(result: RunResult) -> TrainingRecord:
    return read_training_record(f"{result.model}/Format-Serving", LOCAL_FILES)


def page_of(result: RunResult) -> str:
    return Path(result.report).read_text()


def test_the_model_that_was_in_production_is_served_and_known_as_adopted(story: Story) -> None:
    assert story.adoption.code == 0, story.adoption.err
    assert (story.adopted.verdict, story.adopted.is_adopted) == (ADOPTED, True)
    with pytest.raises(StateError, match="no training record"):
        read_training_record(f"{story.root}/serving/tiny/{story.adopted.version}", LOCAL_FILES)


def test_a_run_without_the_adopted_models_augmentation_is_refused_before_anything_is_trained(story: Story) -> None:
    assert story.refused.code == 2
    assert "the adopted model was trained with random_crop_image (crop), which is gone" in story.refused.err
    assert "set augmentation: scale-v1" in story.refused.err
    assert len(list((story.root / "runs").glob("span-1-*"))) == 1  # that of the run after it


def test_a_candidate_that_is_worse_than_the_adopted_model_is_blocked(story: Story) -> None:
    bad = story.bad
    assert (bad.verdict, bad.exit_code) == (Verdict.BLOCKED, 3)
    assert "map_drop" in [reason.rule for reason in bad.reasons]
    assert bad.baseline_map is not None
    assert bad.baseline_map > 0.05
    assert story.after_bad == story.adopted


def test_it_is_a_first_model_with_the_adopted_ones_labels_that_says_what_it_was_held_against(story: Story) -> None:
    record = record_of(story.bad)
    assert (record.mode, record.baseline_digest, record.init_checkpoint) == ("bootstrap", None, None)
    assert record.class_names == tuple("0123456789")
    assert [data.span for data in record.data] == [1]
    [told] = record.declared_changes
    assert told.startswith("trained anew: the served model was adopted; by ")
    assert told.endswith("pipeline.config it was trained with TF Object Detection API")


def test_what_is_not_known_of_the_adopted_model_is_said_to_be_not_tested(story: Story) -> None:
    first, second, third = decisions(story)
    for decision in (first, second):
        untested = {reason.rule: reason.actual for reason in decision.untested}
        assert "adopted by Ada" in untested["drift"]
        assert "labels:familiar" in untested
        assert not [reason.rule for reason in decision.reasons if reason.rule.startswith("drift:")]
    assert [reason.rule for reason in third.reasons if reason.rule.startswith("drift:")]
    leak = next(reason for reason in story.good.reasons if reason.rule == "trust:leak")
    assert leak.passed
    assert "what the baseline was trained on is not known" in leak.actual
    after = [reason.actual for reason in story.next.reasons if reason.rule == "trust:leak"]
    assert not any("not known" in text for text in after)


def test_the_diagnosis_holds_the_training_against_the_adopted_models_configuration(story: Story) -> None:
    diagnosis = diagnosis_of(story, story.bad)
    assert diagnosis.cause.state is not DiagnosisState.FAILED
    [short] = [finding for finding in diagnosis.findings if finding.cause == RATE_TOO_LOW]
    assert "48 images, each time counted, and the adopted model on 3,200" in short.sentence
    page = page_of(story.bad)
    assert "The baseline was adopted by Ada" in page
    assert "TF Object Detection API" in page


def test_an_approval_and_a_rollback_lead_from_the_adopted_model_and_back(story: Story) -> None:
    assert (story.approval.code, story.rollback.code) == (0, 0), story.approval.err + story.rollback.err
    assert (story.approved.verdict, story.approved.is_adopted) == ("APPROVED", False)
    assert story.back.is_adopted
    assert story.back.digest == story.adopted.digest
    for given in (story.approval, story.rollback):
        assert "could not be told" not in given.err
    kinds = [made.kind for made in registry_of(story.root, "tiny").overrides()]
    assert kinds == [OverrideKind.ADOPTED, OverrideKind.APPROVED, OverrideKind.ROLLED_BACK]


def test_a_candidate_that_is_better_than_the_adopted_model_is_pushed(story: Story) -> None:
    good = story.good
    assert (good.verdict, good.exit_code) == (Verdict.PUSHED, 0)
    assert good.delta_ci is not None
    assert good.delta_ci[0] > 0
    assert (story.pushed.verdict, story.pushed.is_adopted) == ("PUSHED", False)
    assert [data.span for data in record_of(good).data] == [2]


def test_the_run_after_it_is_a_retraining_like_any_other(story: Story) -> None:
    record = record_of(story.next)
    assert record.mode == "retrain"
    assert record.baseline_digest == story.pushed.digest
    assert [data.span for data in record.data] == [2, 3]
    assert record.continual.replay > 0
    assert not any("anew" in change for change in record.declared_changes)


def test_the_root_is_healthy_and_tells_all_of_it(story: Story) -> None:
    report = doctor(story.root, False, datetime.datetime.now(datetime.timezone.utc))
    assert report.healthy, report
    for told in (ADOPTED, "BLOCKED", "APPROVED", "ROLLED_BACK", "PUSHED"):
        assert told in story.history.out
