from __future__ import annotations

import dataclasses
import datetime
from typing import Any

import pytest

from ratchet.pipeline.config.pipeline_settings import RetentionSettings
from ratchet.pipeline.retention.facts import Found, GoldenFacts, RootFacts, RunArtifacts, RunFacts
from ratchet.pipeline.retention.plan import Kind, Plan, plan
from ratchet.pipeline.retention.protection import DAY_S
from ratchet.schemas.artifacts.registry_entries import ServedModel

NOW_S = 1000.0 * DAY_S
NARROW = RetentionSettings(runs=1, days=1, versions=1, pages=2)
_KINDS = ("DetectionExampleGen/examples", "DetectorTrainer/model", "MapEvaluator/evaluation")


def artifacts(number: int) -> tuple[str, ...]:
    """Those of run N: its span, its model, its evaluation."""
    return tuple(f"artifacts/{kind}/{number}" for kind in _KINDS)


def span(number: int) -> str:
    return artifacts(number)[0]


def model(number: int) -> str:
    return artifacts(number)[1]


def days_ago(days: float) -> float:
    return NOW_S - days * DAY_S


def moment(days: float) -> str:
    return datetime.datetime.fromtimestamp(days_ago(days), datetime.timezone.utc).isoformat()


def run(number: int, days: float, finished: bool = True, **fields: Any) -> RunFacts:
    """Run N, which ended some days ago."""
    evidence = tuple(f"runs/run-{number}/{name}" for name in ("review.html", "log.txt"))
    return RunFacts(
        **{"run_id": f"run-{number}", "finished": finished, "at_s": days_ago(days), "evidence": evidence} | fields
    )


def version(number: int, days: float = 500, **fields: Any) -> ServedModel:
    """The model of run N, as version N00."""
    whole: dict[str, Any] = {
        "version": f"{number}00",
        "path": f"serving/digits/{number}00",
        "digest": f"model {number}",
        "span": number,
        "golden_digest": "golden",
        "map": 0.5,
        "verdict": "PUSHED",
        "run_id": f"run-{number}",
        "pushed_at": moment(days),
        "blessed": True,
    }
    return ServedModel(**whole | fields)


def root(runs: list[RunFacts], versions: list[ServedModel], **fields: Any) -> RootFacts:
    """A root whose newest version is served; the model of each version was trained on its span and all before."""
    whole: dict[str, Any] = {
        "runs": tuple(runs),
        "served": versions[-1] if versions else None,
        "versions": tuple(versions),
        "restorable": frozenset(one.version for one in versions),
        "on_disk": {one.version: f"serving/digits/{one.version}" for one in versions},
        "models": {one.run_id: model(int(one.run_id.removeprefix("run-"))) for one in runs},
        "lineage": {one.version: tuple(span(number) for number in range(1, one.span + 1)) for one in versions},
        "examples": tuple(span(int(one.run_id.removeprefix("run-"))) for one in runs),
    }
    return RootFacts(**whole | fields)


def known(started_days: float = 400, **others: tuple[str, ...]) -> Any:
    """What ML Metadata knows: the artifacts of run N, or others."""

    def artifacts_of(run_id: str) -> RunArtifacts:
        own = artifacts(int(run_id.removeprefix("run-")))
        return RunArtifacts(days_ago(started_days), others.get(run_id.replace("-", "_"), own))

    return artifacts_of


def planned(facts: RootFacts, settings: RetentionSettings = NARROW, artifacts_of: Any = None) -> Plan:
    made = plan(facts, settings, NOW_S, artifacts_of or known())
    assert not paths(made) & set(reasons(made)), "what stays is not removed"
    return made


def paths(made: Plan, *kinds: Kind) -> set[str]:
    return {one.path for one in made.removals if not kinds or one.kind in kinds}


def reasons(made: Plan) -> dict[str, str]:
    return {one.path: one.reason for one in made.kept}


@pytest.fixture
def blocked() -> RootFacts:
    """A served first model, and two blocked runs after it: an old one and today's."""
    return root([run(1, 400), run(2, 300), run(3, 0)], [version(1)])


def test_an_old_run_loses_its_artifacts_and_says_of_which_run_they_were(blocked: RootFacts) -> None:
    made = planned(blocked)
    gone = [(one.path, one.reason, one.artifact) for one in made.removals if "/2" in one.path]
    assert gone == [(path, "of run run-2", path) for path in artifacts(2)]


def test_the_newest_runs_are_kept_whole_however_old_they_are(blocked: RootFacts) -> None:
    made = planned(blocked, dataclasses.replace(NARROW, runs=2))
    assert not paths(made, Kind.ARTIFACTS) & {*artifacts(2), *artifacts(3)}


@pytest.mark.parametrize("days", [300, 301])
def test_runs_of_the_last_days_are_kept_whole_however_many_they_are(blocked: RootFacts, days: int) -> None:
    made = planned(blocked, dataclasses.replace(NARROW, days=days))
    assert not paths(made, Kind.ARTIFACTS) & {*artifacts(2), *artifacts(3)}


@pytest.mark.parametrize("setting", ["runs", "days"])
def test_without_a_limit_every_run_is_kept_whole(blocked: RootFacts, setting: str) -> None:
    made = planned(blocked, dataclasses.replace(NARROW, **{setting: None}))
    assert paths(made) == set()


def test_the_archived_model_of_the_served_version_stays(blocked: RootFacts) -> None:
    made = planned(blocked)
    assert reasons(made)[model(1)] == "the archived model of version 100, which is served"
    assert "artifacts/MapEvaluator/evaluation/1" in paths(made)


def test_what_the_served_model_was_trained_on_stays_for_replay() -> None:
    made = planned(root([run(1, 400), run(2, 300), run(3, 0)], [version(1, blessed=False), version(2)]))
    assert reasons(made)[span(1)] == "version 200, which is served, was trained on it: replay reads it"
    assert model(1) in paths(made)


def test_a_blocked_span_that_no_model_was_trained_on_does_not_stay(blocked: RootFacts) -> None:
    assert span(2) in paths(planned(blocked))


@pytest.fixture
def pushed() -> RootFacts:
    """Four pushes long ago, each model trained on its span alone, and a blocked run today."""
    versions = [version(number) for number in (1, 2, 3, 4)]
    lineage = {one.version: (span(one.span),) for one in versions}
    return root([run(number, 500 - number) for number in (1, 2, 3, 4)] + [run(5, 0)], versions, lineage=lineage)


def test_a_rollback_target_keeps_its_files_its_archive_and_its_spans(pushed: RootFacts) -> None:
    made = planned(pushed)
    assert {span(3), model(3)} <= set(reasons(made))
    assert reasons(made)[span(3)] == "version 300, which can be rolled back to, was trained on it: replay reads it"
    assert "serving/digits/300" not in paths(made)


def test_the_models_beyond_those_a_rollback_can_go_to_go(pushed: RootFacts) -> None:
    made = planned(pushed)
    gone = {one.path: one.reason for one in made.removals if one.kind is Kind.VERSIONS}
    why = "older than the 1 models that a rollback can go to"
    assert gone == {"serving/digits/100": why, "serving/digits/200": why}
    assert {span(1), model(1), span(2), model(2)} <= paths(made)


def test_the_best_model_stays_for_the_second_opinion_however_old_it_is(pushed: RootFacts) -> None:
    assert "serving/digits/100" in paths(planned(pushed), Kind.VERSIONS)
    kept = planned(dataclasses.replace(pushed, best="100"))
    assert paths(kept, Kind.VERSIONS) == paths(planned(pushed), Kind.VERSIONS) - {"serving/digits/100"}


def test_without_a_limit_all_versions_stay_with_all_they_need(pushed: RootFacts) -> None:
    made = planned(pushed, dataclasses.replace(NARROW, versions=None))
    assert not paths(made, Kind.VERSIONS)
    assert {path for number in (1, 2, 3, 4) for path in (span(number), model(number))} <= set(reasons(made))


def test_without_a_limit_even_a_version_that_was_left_behind_stays(pushed: RootFacts) -> None:
    versions = [dataclasses.replace(one, blessed=one.version != "300") for one in pushed.versions]
    everything = dataclasses.replace(NARROW, versions=None)
    assert not paths(planned(dataclasses.replace(pushed, versions=tuple(versions)), everything), Kind.VERSIONS)


def test_a_version_of_the_last_days_stays_on_disk(pushed: RootFacts) -> None:
    recent = [dataclasses.replace(one, pushed_at=moment(0.5)) for one in pushed.versions]
    assert not paths(planned(dataclasses.replace(pushed, versions=tuple(recent))), Kind.VERSIONS)


def test_a_version_that_a_rollback_left_behind_goes_and_counts_for_nothing(pushed: RootFacts) -> None:
    versions = [dataclasses.replace(one, blessed=one.version != "300") for one in pushed.versions]
    made = planned(dataclasses.replace(pushed, versions=tuple(versions)))
    gone = {one.path: one.reason for one in made.removals if one.kind is Kind.VERSIONS}
    assert gone["serving/digits/300"] == "a rollback left it behind"
    assert "serving/digits/200" not in gone
    assert reasons(made)[model(2)] == "the archived model of version 200, which can be rolled back to"


def test_of_two_versions_with_the_same_model_the_newer_is_enough(pushed: RootFacts) -> None:
    again = version(3, version="350", run_id="run-2", digest="model 2", restores="200")
    versions = [pushed.versions[0], pushed.versions[1], again, pushed.versions[3]]
    on_disk = {one.version: one.path for one in versions}
    facts = dataclasses.replace(
        pushed,
        versions=tuple(versions),
        on_disk=on_disk,
        restorable=frozenset(on_disk),
        lineage={**pushed.lineage, "350": ()},
    )
    gone = {one.path: one.reason for one in planned(facts).removals if one.kind is Kind.VERSIONS}
    assert gone["serving/digits/200"] == "version 350 is the same model"
    assert "serving/digits/350" not in gone


@pytest.mark.parametrize("served", [None, "first"])
def test_no_version_at_or_above_the_served_one_goes_nor_any_where_none_is_served(
    pushed: RootFacts, served: str | None
) -> None:
    facts = dataclasses.replace(pushed, served=pushed.versions[0] if served else None)
    assert not paths(planned(facts), Kind.VERSIONS)


def test_a_version_on_disk_that_the_registry_does_not_know_is_not_touched(pushed: RootFacts) -> None:
    facts = dataclasses.replace(pushed, on_disk={**pushed.on_disk, "50": "serving/digits/50"})
    assert "serving/digits/50" not in paths(planned(facts))


def test_where_serving_was_lost_the_archived_models_still_stay(pushed: RootFacts) -> None:
    made = planned(dataclasses.replace(pushed, on_disk={}))
    assert {model(3), model(4)} <= set(reasons(made))


def test_a_target_whose_files_are_gone_gives_its_place_to_one_before_it(pushed: RootFacts) -> None:
    made = planned(dataclasses.replace(pushed, restorable=frozenset({"100", "200", "400"})))
    assert model(2) in reasons(made)


def test_where_a_training_record_cannot_be_read_no_span_goes(pushed: RootFacts) -> None:
    made = planned(dataclasses.replace(pushed, lineage={**pushed.lineage, "300": None}))
    assert {span(1), span(2)} <= set(reasons(made))
    assert "training record of version 300 cannot be read" in reasons(made)[span(1)]
    assert model(1) in paths(made)


def test_a_training_record_of_a_version_that_goes_does_not_matter(pushed: RootFacts) -> None:
    made = planned(dataclasses.replace(pushed, lineage={**pushed.lineage, "100": None}))
    assert span(1) in paths(made)


def test_an_artifact_that_a_kept_run_uses_too_stays(blocked: RootFacts) -> None:
    shared = "artifacts/GoldenExampleGen/examples/2"
    others = known(run_2=(*artifacts(2), shared), run_3=(*artifacts(3), shared))
    made = planned(blocked, artifacts_of=others)
    assert reasons(made)[shared] == "run run-3 is kept and uses it, too"
    assert shared in paths(planned(blocked, artifacts_of=known(run_2=(*artifacts(2), shared))))


def test_the_newest_golden_set_of_the_served_model_stays(blocked: RootFacts) -> None:
    stored = [f"artifacts/GoldenExampleGen/examples/{number}" for number in (2, 11, 12)]
    golden = tuple(
        GoldenFacts(path, digest, int(path.rpartition("/")[2]))
        for path, digest in zip(stored, ["golden", "golden", "another"])
    )
    made = planned(dataclasses.replace(blocked, golden=golden), artifacts_of=known(run_2=tuple(stored)))
    assert reasons(made)[stored[1]] == "the golden set that the served model was accepted on"
    assert {stored[0], stored[2]} <= paths(made)


def test_an_unfinished_run_keeps_all_it_has_while_it_can_be_resumed(blocked: RootFacts) -> None:
    facts = dataclasses.replace(blocked, runs=(*blocked.runs[:2], run(3, 0.5, finished=False), run(4, 0)))
    made = planned(facts)
    assert not paths(made) & set(artifacts(3))
    assert "run-3" not in made.changed


def test_an_unfinished_run_shares_its_artifacts_with_no_pruning(blocked: RootFacts) -> None:
    facts = dataclasses.replace(blocked, runs=(*blocked.runs[:2], run(3, 0.5, finished=False), run(4, 0)))
    made = planned(facts, artifacts_of=known(run_3=(*artifacts(3), span(2))))
    assert reasons(made)[span(2)] == "run run-3 can still be resumed"


def test_an_old_unfinished_run_goes_unless_it_is_the_newest(blocked: RootFacts) -> None:
    abandoned = run(4, 40, finished=False)
    assert set(artifacts(4)) <= paths(planned(dataclasses.replace(blocked, runs=(*blocked.runs, abandoned))))
    newest = dataclasses.replace(blocked, runs=(blocked.runs[0], abandoned))
    assert not paths(planned(newest)) & set(artifacts(4))


def test_an_unfinished_run_that_was_pruned_is_never_resumable_again(blocked: RootFacts) -> None:
    runs = (*blocked.runs, run(4, 0, finished=False, left=(model(4),)))
    assert model(4) in paths(planned(dataclasses.replace(blocked, runs=runs)))


def test_a_run_that_was_pruned_is_old_for_good_although_more_runs_are_kept_now(blocked: RootFacts) -> None:
    runs = (blocked.runs[0], dataclasses.replace(blocked.runs[1], left=(model(2),)), blocked.runs[2])
    made = planned(dataclasses.replace(blocked, runs=runs), dataclasses.replace(NARROW, runs=3))
    assert paths(made, Kind.ARTIFACTS) == {model(2)}


def test_what_was_left_of_a_pruned_run_goes_once_nothing_needs_it(pushed: RootFacts) -> None:
    left = (dataclasses.replace(pushed.runs[0], left=(model(1),)), *pushed.runs[1:])
    made = planned(dataclasses.replace(pushed, runs=left), artifacts_of=known(run_1=("artifacts/never/asked",)))
    assert model(1) in paths(made)
    assert made.changed["run-1"] == (model(1),)


def test_ml_metadata_is_not_asked_about_runs_that_were_pruned() -> None:
    runs = [run(number, 900 - number, left=() if number < 99 else (model(number),)) for number in range(1, 100)]
    asked: list[str] = []

    def artifacts_of(run_id: str) -> RunArtifacts:
        asked.append(run_id)
        return known()(run_id)

    made = planned(root([*runs, run(100, 20), run(101, 0)], [version(100)]), artifacts_of=artifacts_of)
    assert sorted(set(asked)) == ["run-100", "run-101"]
    assert set(made.changed) == {"run-99", "run-100"}


def test_copies_go_once_their_run_has_ended(blocked: RootFacts) -> None:
    baseline, push = "artifacts/BaselineReader/baseline/9", "artifacts/Pusher/pushed_model/9"
    facts = dataclasses.replace(blocked, copies={f"{baseline}/Format-Serving": baseline, push: push})
    gone = {one.path: one.artifact for one in planned(facts).removals if one.kind is Kind.COPIES}
    assert gone == {f"{baseline}/Format-Serving": None, push: push}  # the baseline's history.json stays
    unfinished = dataclasses.replace(facts, runs=(*facts.runs, run(4, 0, finished=False)))
    made = planned(unfinished, artifacts_of=known(run_4=(baseline, push)))
    assert not paths(made, Kind.COPIES)


def test_checkpoints_and_working_directories_stay_while_a_run_that_may_need_them_can_be_resumed(
    blocked: RootFacts,
) -> None:
    found = {"checkpoints": ("artifacts/checkpoints/aa", "artifacts/checkpoints/bb"), "working": ("w/1", "w/2")}
    dated = {key: (Found(new, days_ago(0.2)), Found(old, days_ago(3))) for key, (new, old) in found.items()}
    facts = dataclasses.replace(blocked, **dated)
    assert paths(planned(facts), Kind.CHECKPOINTS, Kind.LEFTOVERS) == {
        "artifacts/checkpoints/aa", "artifacts/checkpoints/bb", "w/1", "w/2"
    }  # fmt: skip
    unfinished = dataclasses.replace(facts, runs=(*facts.runs, run(4, 0, finished=False)))
    made = planned(unfinished, artifacts_of=known(started_days=1))
    assert paths(made, Kind.CHECKPOINTS, Kind.LEFTOVERS) == {"artifacts/checkpoints/bb", "w/2"}


def test_half_written_files_go_after_an_hour_unless_their_process_lives(blocked: RootFacts) -> None:
    hour_s = 60 * 60
    half = (
        Found("registry/served.json.1.writing", NOW_S - 2 * hour_s),
        Found("registry/served.json.2.writing", NOW_S - 2 * hour_s, in_use=True),
        Found("serving/digits/unfinished-400", NOW_S - hour_s / 2),
    )
    made = planned(dataclasses.replace(blocked, half_written=half, set_aside=("serving/digits/.pruned-50",)))
    assert paths(made, Kind.LEFTOVERS) == {"registry/served.json.1.writing", "serving/digits/.pruned-50"}


def test_pages_and_logs_go_beyond_their_number_and_results_never() -> None:
    made = planned(root([run(number, 100 - number) for number in range(1, 6)], [version(1)]))
    names = ("review.html", "log.txt")
    assert paths(made, Kind.EVIDENCE) == {f"runs/run-{number}/{name}" for number in (1, 2, 3) for name in names}
    everything = dataclasses.replace(NARROW, pages=None)
    assert not paths(planned(root([run(1, 99), run(2, 0)], []), everything), Kind.EVIDENCE)


def test_a_run_that_is_kept_whole_keeps_its_page_whatever_their_number() -> None:
    facts = root([run(number, 0) for number in range(1, 6)], [version(1)])
    assert not paths(planned(facts), Kind.EVIDENCE)


def test_the_only_page_of_a_run_stays(blocked: RootFacts) -> None:
    decision = "artifacts/DataGate/decision/2"
    others = known(run_2=(decision, *artifacts(2)))
    without = dataclasses.replace(blocked.runs[1], evidence=("runs/run-2/log.txt",), report=f"{decision}/report.html")
    runs = (blocked.runs[0], without, blocked.runs[2])
    assert reasons(planned(dataclasses.replace(blocked, runs=runs), artifacts_of=others)) | {} == {
        **reasons(planned(blocked)),
        decision: "the only page of run run-2",
    }
    assert decision in paths(planned(blocked, artifacts_of=others))


def test_a_version_that_has_a_label_in_tensorflow_servings_config_stays_however_old_it_is() -> None:
    facts = root([run(1, 400), run(2, 300), run(3, 200)], [version(1, 400), version(2, 300), version(3, 200)])
    oldest = facts.on_disk[facts.versions[0].version]
    assert oldest in paths(planned(facts), Kind.VERSIONS)
    labelled = dataclasses.replace(facts, labelled=frozenset({facts.versions[0].version}))
    assert oldest not in paths(planned(labelled))
    unknown = dataclasses.replace(facts, labelled=None)
    assert not paths(planned(unknown), Kind.VERSIONS)
