"""From the evaluator's decision to a served model, or to the rule that kept the candidate out."""

from __future__ import annotations

import dataclasses
import datetime
import shutil
from pathlib import Path

import pytest

from ratchet.components.registry.publication import Publication, publish
from ratchet.components.registry.push import Candidate, push
from ratchet.components.registry.registry import Registry
from ratchet.components.registry.storage import DiskStorage
from ratchet.schemas.artifacts.blessing import Blessing
from ratchet.schemas.artifacts.decisions import Decision, Reason, Verdict
from ratchet.schemas.artifacts.evaluation import DataSetEvaluation, Delta, Deltas, Evaluation, ModelScores
from ratchet.schemas.artifacts.publication import PublicationResult
from ratchet.schemas.base.files import LOCAL_FILES
from ratchet.schemas.base.model_digest import model_digest
from tests.builders import trained_data
from tests.faults import KILL, in_child
from tests.pipeline.served_root import model_files

NOW = datetime.datetime(2030, 1, 1, tzinfo=datetime.timezone.utc)
FELL = Reason("map_drop", "at least .5", ".4")
LEAK = Reason("trust:leak", "none", "2 leaked")
LOADS = Reason("serving:loads", "it answers", "as measured", passed=True)


class Run:
    """A root, and one candidate that was compared with what is served in it."""

    def __init__(self, root: Path) -> None:
        self.root = root
        self.registry = Registry(DiskStorage(f"{root}/registry", f"{root}/serving/m"))
        self.looked_at: list[str] = []
        self.now = NOW

    def candidate(self, verdict: Verdict, *reasons: Reason, name: str = "candidate") -> Candidate:
        model = self.root / "artifacts" / name
        directory = model / "Format-Serving"
        if not directory.exists():
            model_files(directory, name)
        served = self.registry.pointer().served
        digest = model_digest(str(directory), LOCAL_FILES)
        return Candidate(
            run_id=f"run of {name}",
            model=str(model),
            directory=str(directory),
            digest=digest,
            trained_on=trained_data(span=2, digest="data digest"),
            evaluation_uri=f"{self.root}/artifacts/evaluation/{name}",
            evaluation=evaluation(Decision(verdict, reasons), served is not None),
            evaluation_digest="evaluation",
            blessing=Blessing(
                model_digest=digest,
                baseline_digest=served.digest if served else "",
                baseline_version=served.version if served else "",
                evaluation=f"{self.root}/artifacts/evaluation/{name}",
                evaluation_digest="evaluation",
            ),
        )

    def push(self, candidate: Candidate, accepted: Reason = LOADS) -> PublicationResult:
        def accept(staged: str) -> Reason:
            self.looked_at.append(model_digest(staged, LOCAL_FILES))
            return accepted

        self.now += datetime.timedelta(seconds=1)
        return push(self.registry, candidate, accept, self.now)

    @property
    def served(self) -> str | None:
        served = self.registry.served()
        return served and served.run_id


def evaluation(decision: Decision, baseline: bool) -> Evaluation:
    scores = ModelScores({"AP": 0.4}, {})
    deltas = Deltas(Delta(-0.1, -0.15, -0.05, 0.02), {}, {}) if baseline else None
    golden = DataSetEvaluation(9, scores, ModelScores({"AP": 0.5}, {}) if baseline else None, deltas, {}, {})
    return Evaluation(decision, {"golden": golden}, "golden digest")


@pytest.fixture
def run(tmp_path: Path) -> Run:
    run = Run(tmp_path / "root")
    run.push(run.candidate(Verdict.BOOTSTRAPPED, name="first"))
    return run


def test_an_accepted_candidate_is_served_and_recorded(run: Run) -> None:
    candidate = run.candidate(Verdict.PUSHED)
    result = run.push(candidate)
    assert result == PublicationResult(str(int(run.now.timestamp())), (LOADS,))
    assert run.looked_at[-1] == candidate.digest  # the staged copy itself
    served = run.registry.served()
    assert served is not None
    assert (served.run_id, served.verdict, served.span, served.map) == ("run of candidate", "PUSHED", 2, 0.4)
    first, decision = run.registry.decisions()
    assert (first.baseline_version, first.baseline_digest, first.delta, first.reason) == (None, None, None, None)
    assert (decision.baseline_version, decision.data_digest) == (run.registry.versions()[0].version, "data digest")


def test_a_blocked_decision_names_candidate_baseline_and_reason(run: Run) -> None:
    candidate = run.candidate(Verdict.BLOCKED, dataclasses.replace(LEAK, passed=True), FELL, LEAK)
    assert run.push(candidate) == PublicationResult()
    found = run.registry.decisions()[-1]
    assert (found.model, found.model_digest) == (candidate.model, candidate.digest)
    assert (found.delta, found.delta_ci, found.rule) == (-0.1, (-0.15, -0.05), "map_drop")
    assert found.reason == "map_drop: expected at least .5; found .4"
    assert found.evaluation_broken
    assert run.served == "run of first"


def test_the_same_again_publishes_once(run: Run) -> None:
    candidate = run.candidate(Verdict.PUSHED)
    first = run.push(candidate)
    assert run.push(candidate).version == first.version
    assert len(run.registry.versions_on_disk()) == 2
    assert len(run.registry.decisions()) == 2


@pytest.mark.parametrize("when", ["before", "between"])
def test_bytes_that_nobody_measured_are_not_served(run: Run, when: str) -> None:
    candidate = run.candidate(Verdict.PUSHED)
    Path(candidate.directory, "variables", "data").write_text("other")
    if when == "before":
        candidate = dataclasses.replace(candidate, digest=model_digest(candidate.directory, LOCAL_FILES))
        result = run.push(candidate)
        assert [reason.rule for reason in result.reasons] == ["candidate_changed"]
        assert run.registry.decisions()[-1].verdict == "BLOCKED"
    else:
        with pytest.raises(Exception, match="nothing was changed"):
            run.push(candidate)
    assert run.served == "run of first"
    assert len(list((run.root / "serving" / "m").iterdir())) == 1


def test_an_evaluation_that_was_changed_decides_nothing(run: Run) -> None:
    result = run.push(dataclasses.replace(run.candidate(Verdict.PUSHED), evaluation_digest="other"))
    assert [reason.rule for reason in result.reasons] == ["evaluation_changed"]
    assert run.served == "run of first"


def test_a_model_that_does_not_answer_where_it_would_serve_is_blocked(run: Run) -> None:
    refused = dataclasses.replace(LOADS, actual="the process died", passed=False)
    candidate = run.candidate(Verdict.PUSHED)
    result = run.push(candidate, refused)
    assert result == PublicationResult(None, (refused,))
    assert result.final(candidate.evaluation.decision).verdict is Verdict.BLOCKED
    assert run.registry.decisions()[-1].rule == "serving:loads"
    assert run.served == "run of first"
    assert len(list((run.root / "serving" / "m").iterdir())) == 1


def test_a_candidate_whose_baseline_was_replaced_meanwhile_is_blocked_with_what_to_do(run: Run) -> None:
    slow = run.candidate(Verdict.PUSHED, name="slow")
    run.push(run.candidate(Verdict.PUSHED, name="quick"))
    result = run.push(slow)
    assert result.version is None
    assert [reason.rule for reason in result.reasons if not reason.passed] == ["baseline_changed"]
    assert "run again on this span" in result.reasons[-1].actual
    assert run.registry.decisions()[-1].verdict == "BLOCKED"
    assert run.served == "run of quick"
    assert len(list((run.root / "serving" / "m").iterdir())) == 2


def test_two_first_models_are_not_both_served(tmp_path: Path) -> None:
    run = Run(tmp_path / "root")
    one, other = run.candidate(Verdict.BOOTSTRAPPED, name="one"), run.candidate(Verdict.BOOTSTRAPPED, name="other")
    run.push(one)
    assert run.push(other).version is None
    assert run.served == "run of one"


def test_a_run_that_had_pushed_before_it_was_killed_says_so_whatever_is_served_since(run: Run) -> None:
    candidate = run.candidate(Verdict.PUSHED)
    pushed = run.push(candidate)
    first = run.registry.versions()[0]
    back = Publication(dataclasses.replace(first, restores=first.version), first.path, run.registry.pointer().served_as)
    publish(run.registry, back, run.registry.storage.stage(first.path, first.digest), int(NOW.timestamp()))
    assert run.push(candidate).version == pushed.version
    assert run.served == "run of first"


def test_killed_at_every_point_the_same_step_ends_alike_and_serves_once(run: Run) -> None:
    candidate = run.candidate(Verdict.PUSHED)
    saved = run.root.with_name("saved")
    shutil.copytree(run.root, saved)
    points = in_child(lambda: run.push(candidate).version, run.root).points
    assert len(points) > 20
    for point in range(len(points)):
        shutil.rmtree(run.root)
        shutil.copytree(saved, run.root)
        assert in_child(lambda: run.push(candidate).version, run.root, point, KILL).killed
        assert run.push(candidate).version == run.registry.versions_on_disk()[-1]
        assert run.served == "run of candidate"
        assert [made.verdict for made in run.registry.decisions()] == ["BOOTSTRAPPED", "PUSHED"]
        assert len(run.registry.versions_on_disk()) == 2


def test_decisions_keep_their_order_although_the_clock_goes_back(run: Run) -> None:
    run.push(run.candidate(Verdict.BLOCKED, FELL, name="second"))
    run.now -= datetime.timedelta(days=2)
    run.push(run.candidate(Verdict.BLOCKED, FELL, name="a third"))
    assert [made.run_id for made in run.registry.decisions()] == ["run of first", "run of second", "run of a third"]
