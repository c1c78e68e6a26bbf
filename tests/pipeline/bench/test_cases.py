"""What is planted is written down before it runs, and nothing of it can be read off a number."""

from __future__ import annotations

from pathlib import Path

import pytest

from ratchet.pipeline.bench.case_result import Group, Split
from ratchet.pipeline.bench.cases import Case, plan, read_entries
from ratchet.schemas.base.errors import ConfigError


def planned(split: Split = Split.SCORE, seed: int = 0, blind: bool = False) -> tuple[Case, ...]:
    return plan(read_entries(), split, seed, blind)


def written(directory: Path, text: str) -> Path:
    path = directory / "faults.yaml"
    path.write_text(text, encoding="utf-8")
    return path


@pytest.mark.parametrize("split", Split)
def test_the_faults_that_come_along_make_48_cases(split: Split) -> None:
    cases = planned(split)
    groups = [case.group for case in cases]
    assert len(cases) == 48
    assert len({fault.name for case in cases if case.group is Group.FAULT for fault in case.planted}) >= 16
    assert groups.count(Group.PAIR) / len(cases) == pytest.approx(0.15, abs=0.03)
    assert [groups.count(group) for group in (Group.CONTROL, Group.DECOY, Group.STRANGER)] == [3, 3, 4]


def test_no_strength_that_is_scored_was_calibrated_with() -> None:
    def strengths(split: Split) -> set[tuple[str, float]]:
        faults = [fault for case in planned(split) if case.group is Group.FAULT for fault in case.planted]
        return {(fault.name, fault.strength) for fault in faults if fault.strength != 1}

    assert strengths(Split.CALIBRATION).isdisjoint(strengths(Split.SCORE))
    seeds = [{case.seed for case in planned(split)} for split in Split]
    assert seeds[0].isdisjoint(seeds[1])


def test_every_case_has_a_control_of_its_seed() -> None:
    cases = planned()
    assert {case.seed for case in cases} == {case.seed for case in cases if case.group is Group.CONTROL}


def test_the_same_seed_gives_the_same_cases_and_another_one_other_numbers() -> None:
    def named(cases: tuple[Case, ...]) -> list[str]:
        return [case.title for case in cases]

    assert planned() == planned()
    assert named(planned(seed=1)) != named(planned())
    assert sorted(named(planned(seed=1))) == sorted(named(planned()))


def test_cases_are_not_numbered_in_the_order_of_the_file() -> None:
    titles = [case.title for case in planned() if case.group is not Group.CONTROL]
    in_file = list(read_entries())
    places = [in_file.index(title.split()[0]) for title in titles]
    assert places != sorted(places)


def test_the_strength_goes_into_a_setting(tmp_path: Path) -> None:
    entries = read_entries(
        written(tmp_path, 'rate: {settings: ["a.b={strength}"], scored: [0.5, 30], accepted: [learning_rate_too_high]}')
    )
    cases = [case for case in plan(entries, Split.SCORE, 0, blind=False) if case.planted]
    assert sorted(case.settings for case in cases) == [("a.b=0.5",), ("a.b=30",)]
    assert cases[0].planted[0].settings in ({"a.b": "0.5"}, {"a.b": "30"})


def test_a_blind_bench_plants_below_the_policy_what_could_be_declared(tmp_path: Path) -> None:
    entries = read_entries(
        written(
            tmp_path,
            'rate: {settings: ["a.b={strength}"], below: {steps: "{strength}"}, scored: [3],'
            " accepted: [learning_rate_too_high]}",
        )
    )
    [case] = [case for case in plan(entries, Split.SCORE, 0, blind=True) if case.planted]
    assert (case.settings, case.below, case.planted[0].settings) == ((), {"steps": 3.0}, {})


def test_a_pair_has_both_faults_and_allows_what_both_need(tmp_path: Path) -> None:
    entries = read_entries(
        written(
            tmp_path,
            """
one: {plant: light, settings: ["training.allow=[learning_rate]"], scored: [0.5, 0.9], accepted: [dataset_shift]}
two: {settings: ["training.allow=[augmentation]"], accepted: [augmentation]}
both: {group: pair, both: [one, two]}
""",
        )
    )
    [pair] = [case for case in plan(entries, Split.SCORE, 0, blind=False) if case.group is Group.PAIR]
    assert pair.title == "one 0.5 and two 1"
    assert pair.settings == ("training.allow=[learning_rate, augmentation]",)
    assert [edit.plant for edit in pair.plantings] == ["light"]


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("a: {plant: lihgt, accepted: [dataset_shift]}", "nothing plants 'lihgt'"),
        ("a: {plant: light, accepted: [darkness]}", "'darkness' is no cause"),
        ("a: {plant: light}", "say which cause"),
        ("a: {group: pair, both: [b, c]}", "'b' is no fault of this file"),
        ("a: {group: pair, plant: light}", "names the two entries of a pair"),
        ("a: light", "must be a mapping"),
        ("a: {strenghts: [1]}", "strenghts"),
        ("a: {accepted: [annotation]}", "nothing is planted"),
        ("a: {plant: light, scored: [], accepted: [dataset_shift]}", "a: scored"),
        ("a: {settings: [nonsense], accepted: [pipeline]}", "'nonsense' is no setting; write a.b=value"),
        (
            "a: {settings: [a.b=1], below: {rate: '1'}, accepted: [pipeline]}",
            "nothing below the policy is called 'rate'",
        ),
        ("a: {settings: [a.b=1], below: {steps: few}, accepted: [pipeline]}", "steps = 'few' is no number"),
        ("a: {plant: light, options: {much: 1}, accepted: [dataset_shift]}", "light has no 'much'; it has"),
        ("a: {plant: light, accepted: [unknown]}", "what no cause answers is a stranger"),
        ("a: {group: decoy, plant: light, accepted: [dataset_shift]}", "a decoy has no cause"),
    ],
)
def test_a_wrong_entry_is_named_with_the_file(tmp_path: Path, text: str, said: str) -> None:
    with pytest.raises(ConfigError, match=r"a: .*") as caught:
        read_entries(written(tmp_path, text))
    assert said in str(caught.value)


def test_a_file_without_an_entry_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="no entry is in it"):
        read_entries(written(tmp_path, "# nothing yet"))


def test_a_file_of_faults_that_is_not_there_is_named(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match=r"--faults .*none\.yaml: cannot be read"):
        read_entries(tmp_path / "none.yaml")
