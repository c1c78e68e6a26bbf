"""Before/after pairs with a known cause: the right first answer with everything, and none without the file it needs.

The pairs are those of `benchmarks/explain_pairs`, with fewer pictures.
"""

from __future__ import annotations

import dataclasses
from pathlib import Path

import pytest

from benchmarks.explain_pairs.asked import CONFIGS, DATA, IMAGES, LOGS, answer_to, groups_of, is_right, only
from benchmarks.explain_pairs.pair import SMALL, TINY, Pair
from benchmarks.explain_pairs.pairs import PAIRS
from benchmarks.explain_pairs.subsets import fault_of_answer, faults_of_every_subset, is_whole, subsets
from ratchet.pipeline.explain.explain import explain
from ratchet.schemas.artifacts.diagnosis import Cause, Diagnosis, DiagnosisState
from tests.nightly import NIGHTLY

BY_NAME = {pair.name: pair for pair in PAIRS}
# By night one with every group of files: many subsets. One of logs alone; one whose flaw is in what was measured.
EVERY_FILE = ("other_camera",) if NIGHTLY else ()
LITTLE = ("typed_map", "dummy_constant")


@pytest.mark.parametrize("pair", PAIRS, ids=lambda pair: pair.name)
def test_the_planted_cause_is_the_first_answer_with_everything(pair: Pair, tmp_path: Path) -> None:
    answer = answer_to(pair.made(tmp_path, SMALL))
    assert is_right(answer, pair.right), answer


@pytest.mark.parametrize("name", [*EVERY_FILE, *LITTLE])
def test_every_subset_is_answered_and_names_nothing_that_it_cannot_test(name: str, tmp_path: Path) -> None:
    request = BY_NAME[name].made(tmp_path, TINY)
    asked = [groups for groups in subsets(groups_of(request)) if is_whole(groups)]
    assert len(asked) >= 3
    assert list(faults_of_every_subset(request)) == []


@pytest.mark.parametrize("name", ["rate_too_high", "restarted_rate", "augmentation_removed", "loss_falls_map_falls"])
def test_configurations_and_logs_alone_name_what_shows_in_them(name: str, tmp_path: Path) -> None:
    pair = BY_NAME[name]
    request = only(pair.made(tmp_path, TINY), (CONFIGS, LOGS))
    cause = pair.right[0].partition(":")[0]
    assert answer_to(request).startswith(cause)


@pytest.mark.parametrize("pair", PAIRS, ids=lambda pair: pair.name)
def test_configurations_alone_name_no_cause(pair: Pair, tmp_path: Path) -> None:
    request = only(pair.made(tmp_path, TINY), (CONFIGS,))
    if CONFIGS not in groups_of(request):
        return
    assert explain(request).diagnosis.cause.state is not DiagnosisState.NAMED


@pytest.mark.parametrize("name", ["augmentation_removed", "twenty_images"])
def test_what_logs_alone_look_like_is_told_and_not_named(name: str, tmp_path: Path) -> None:
    request = only(BY_NAME[name].made(tmp_path, TINY), (LOGS,))
    cause = explain(request).diagnosis.cause
    assert cause.state is DiagnosisState.UNKNOWN
    assert "Whether an input changed that does so is not known" in cause.sentence
    assert any("while the training loss went on falling" in each for each in (cause.sentence, *cause.evidence))


def test_dark_images_are_named_without_golden_images_to_compare_them_with(tmp_path: Path) -> None:
    pair = BY_NAME["other_camera"]
    request = pair.made(tmp_path, SMALL)
    answer = answer_to(only(request, set(groups_of(request)) - {IMAGES}))
    assert is_right(answer, pair.right), answer


def test_a_pair_in_each_of_the_four_syntaxes() -> None:
    assert {pair.toolkit for pair in PAIRS} == {"TF OD API", "tf-models", "Ultralytics", "MMDetection"}


def test_the_check_of_subsets_finds_a_cause_without_its_files() -> None:
    named = Cause("dataset_shift", "lighting", 0.9, DiagnosisState.NAMED, "", (), "")
    assert "which nothing here tests" in fault_of_answer(Diagnosis(named, ()), frozenset({CONFIGS, LOGS}))
    assert "nothing here says that mAP fell" in fault_of_answer(Diagnosis(named, ()), frozenset({DATA}))
    failed = dataclasses.replace(named, state=DiagnosisState.FAILED)
    assert fault_of_answer(Diagnosis(failed, ()), frozenset({DATA})).startswith("failed")
