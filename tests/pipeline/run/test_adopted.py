"""What a run does before it starts, where what is served was adopted."""

from __future__ import annotations

from pathlib import Path

import pytest

from ratchet.components.trainer.own.plan import OwnPlan
from ratchet.pipeline.config.pipeline_settings import load_settings
from ratchet.pipeline.retention.survey import survey
from ratchet.pipeline.run.dry_run import plan_run
from ratchet.pipeline.run.preflight import RunRequest, begins_lineage, check_new, plan_new, read_request
from ratchet.schemas.artifacts.adoption import ADOPTED, ADOPTION_FILE, ADOPTION_FORMAT, Adoption
from ratchet.schemas.base.errors import ConfigError, InputError
from ratchet.schemas.data.training_plan import RateSchedule, TrainingPlan
from tests.builders import write_span
from tests.components.trainer.test_adopted import without_plan
from tests.pipeline.roots import serve

SMALL = ("training.batch_size=1", "data.eval_fraction=0", "data.held_out_fraction=0")


@pytest.fixture
def directory(tmp_path: Path) -> Path:
    """A span and a golden set, and a root that serves an adopted model."""
    write_span(tmp_path / "data" / "span-1")
    write_span(tmp_path / "data" / "golden")
    serve_adopted(tmp_path / "root", without_plan())
    return tmp_path


def serve_adopted(root: Path, adoption: Adoption, version: str = "100") -> None:
    files = {ADOPTION_FILE: ADOPTION_FORMAT.write(adoption)}
    serve(root, version, "adoption", day=1, files=files, verdict=ADOPTED, map=0.4)


def request(directory: Path, *overrides: str, bootstrap: bool = False) -> RunRequest:
    settings = load_settings({"name": "digits"}, [*SMALL, *overrides])
    data = directory / "data"
    return RunRequest(settings, data, data / "golden", None, directory / "root", bootstrap)


def test_a_first_model_is_planned_without_being_asked_for(directory: Path) -> None:
    asked = request(directory)
    served, plan = plan_new(asked, read_request(asked))
    assert served is not None
    assert served.version == "100"
    assert not isinstance(plan, OwnPlan)
    assert (plan.mode, plan.class_names, plan.has_baseline) == ("bootstrap", ("dog", "cat"), True)
    assert begins_lineage(asked)


def test_a_bootstrap_is_refused_as_over_any_served_model(directory: Path) -> None:
    asked = request(directory, bootstrap=True)
    with pytest.raises(InputError, match="served already: leave --bootstrap out"):
        check_new(asked, read_request(asked))


def test_the_weights_that_it_is_to_start_from_must_be_there(directory: Path) -> None:
    asked = request(directory, f"training.init_checkpoint={directory / 'no-such'}")
    with pytest.raises(ConfigError, match=r"init_checkpoint = .*no-such': no such file"):
        check_new(asked, read_request(asked))


def test_a_rate_above_the_adopted_models_is_refused_before_anything_is_read_or_trained(directory: Path) -> None:
    plan = TrainingPlan("tf-models", "p.yaml", rate=RateSchedule("constant", ((0.0, 0.001),)), optimizer="adam")
    serve_adopted(directory / "root", without_plan(plan=plan), version="200")
    asked = request(directory)
    with pytest.raises(ConfigError, match=r"peak_learning_rate = 0\.008: the adopted model was trained with 0\.001"):
        check_new(asked, read_request(asked))


def test_the_rehearsal_says_what_is_trained_and_what_it_is_held_against(directory: Path) -> None:
    planned = plan_run(request(directory))
    text = planned.to_text()
    assert "baseline  version 100, adopted, mAP 0.4000; what is trained anew has to be no worse" in text
    assert "training  a first training from random weights" in text
    values = planned.to_json()["training"]
    assert values["declared_changes"][0].startswith("trained anew: the served model was adopted")


def test_the_evaluation_of_two_models_is_estimated(directory: Path) -> None:
    estimate = plan_run(request(directory)).estimate
    assert estimate is not None
    served_none = directory / "other"
    served_none.mkdir()
    (directory / "data").rename(served_none / "data")
    first = plan_run(request(served_none, bootstrap=True)).estimate
    assert first is not None
    assert estimate.seconds > first.seconds


def test_pruning_takes_an_adopted_model_for_one_that_was_trained_on_nothing_here(directory: Path) -> None:
    root = directory / "root"
    assert survey(root, root).lineage == {"100": ()}
