"""The judge of what a fresh process answers, on answers made by hand."""

from __future__ import annotations

import dataclasses
import json
import subprocess
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import psutil
import pytest

from ratchet.components.detector.serving_check import RULE, check_serving, start_early, started_early
from ratchet.schemas.artifacts.decisions import Reason
from ratchet.schemas.artifacts.serving_probe import ServingProbe
from ratchet.schemas.base.errors import StateError
from ratchet.schemas.data.columns import DetectionColumns
from ratchet.schemas.data.records import Detections
from tests.builders import detections

SIGNATURES = ("serving_default", "image_bytes", "tf_example")
MOST = 5  # detections that an image can have
# Two cats that overlap by less than suppression allows, a dog, and a cat that nobody would be sure of.
FOUND = detections(
    [[10, 10, 40, 40], [10, 26, 40, 40], [60, 60, 20, 30], [0, 0, 9, 9]], [1, 1, 2, 1], [0.9, 0.6, 0.5, 0.02]
)
Answer = dict[str, Any]


def probe(*found: Detections) -> ServingProbe:
    names = tuple(f"{place}.png" for place in range(len(found)))
    columns = DetectionColumns.of(list(found))
    return ServingProbe(("cat", "dog"), names, tuple(name.encode() for name in names), columns)


def image(found: Detections, most: int = MOST) -> Answer:
    x, y, width, height = found.boxes_xywh_px.T
    return {
        "boxes_yxyx_px": np.stack([y, x, y + height, x + width], axis=1).tolist(),
        "labels": found.labels.tolist(),
        "scores": found.scores.tolist(),
        "most": most,
    }


def answers(*images: Answer) -> list[Answer]:
    return [
        {"signature": name, "together": together, "images": [dict(each) for each in images]}
        for name in SIGNATURES
        for together in (False, True)
    ]


def ended(stdout: str = "", returncode: int = 0, stderr: str = "") -> subprocess.CompletedProcess[str]:
    return subprocess.CompletedProcess([], returncode, stdout, stderr)


@pytest.fixture
def judged(tmp_path: Path) -> Callable[..., Reason]:
    def judge(known: ServingProbe, report: Any = None, **end: Any) -> Reason:
        file = tmp_path / "probe.npz"
        file.write_bytes(known.to_bytes())
        line = json.dumps({"answers": report} if isinstance(report, list) else report)
        return check_serving("model", str(file), run=lambda *_: ended(**{"stdout": f"noise\n{line}\n", **end}))

    return judge


Judge = Callable[..., Reason]


def changed(found: Detections, row: int, **values: Any) -> Detections:
    columns = {name: column.copy() for name, column in vars(found).items()}
    for name, value in values.items():
        columns[name][row] = value
    return Detections(**columns)


def without(found: Detections, *rows: int) -> Detections:
    return Detections(**{name: np.delete(column, rows, axis=0) for name, column in vars(found).items()})


def test_the_answers_that_were_measured_pass(judged: Judge) -> None:
    reason = judged(probe(FOUND, FOUND), answers(image(FOUND), image(FOUND)))
    assert (reason.rule, reason.passed) == (RULE, True)
    assert "2 golden images" in reason.expected
    assert reason.actual == "serving_default, image_bytes, tf_example: 6 detections, scores within 0, boxes within 0 px"


def test_rounding_another_order_and_unsure_detections_do_not_matter(judged: Judge) -> None:
    moved = changed(FOUND, 0, boxes_xywh_px=[10.3, 9.8, 40.2, 40.1], scores=0.897)
    turned = Detections(**{name: column[::-1] for name, column in vars(without(moved, 3)).items()})
    reason = judged(probe(FOUND), answers(image(turned)))
    assert reason.passed, reason.actual
    assert "scores within 0.003" in reason.actual


def test_images_without_detections_pass(judged: Judge) -> None:
    nothing = detections([])
    assert judged(probe(nothing), answers(image(nothing))).passed


@pytest.mark.parametrize(
    ("answered", "words"),
    [
        (
            without(FOUND, 2),
            "0.png: dog with score 0.5000 at [60.0, 60.0, 20.0, 30.0] was measured and is not answered",
        ),
        (changed(FOUND, 2, boxes_xywh_px=[62, 60, 20, 30]), "2 such differences in 1 of 1 images"),
        (changed(FOUND, 2, labels=1), "dog with score 0.5000"),
        (changed(FOUND, 2, scores=0.45), "dog with score 0.5000"),
        (
            changed(FOUND, 3, scores=0.3),
            "cat with score 0.3000 at [0.0, 0.0, 9.0, 9.0] is answered and was not measured",
        ),
        (changed(FOUND, 2, labels=3), "0.png the label 3, which must be within 1..2, the model's label map"),
        (changed(FOUND, 2, scores=np.nan), "0.png the score nan, which must be a finite number"),
        (changed(FOUND, 2, boxes_xywh_px=np.inf), "must be finite numbers"),
        (detections([]), "3 such differences"),
    ],
)
def test_another_answer_fails_and_is_named(judged: Judge, answered: Detections, words: str) -> None:
    reason = judged(probe(FOUND), answers(image(answered)))
    assert not reason.passed
    assert reason.actual.startswith("serving_default, one image at a time: ")
    assert words in reason.actual


@pytest.mark.parametrize("place", range(6))
def test_every_signature_has_to_answer_as_measured_alone_and_together(judged: Judge, place: int) -> None:
    report = answers(image(FOUND), image(FOUND))
    report[place]["images"][1] = image(without(FOUND, 2))
    reason = judged(probe(FOUND, FOUND), report)
    how = f"{SIGNATURES[place // 2]}, {('one image at a time', 'all images together')[place % 2]}: 1.png"
    assert not reason.passed
    assert how in reason.actual


def test_a_box_that_its_neighbour_just_suppresses_does_not_matter_once(judged: Judge) -> None:
    assert judged(probe(FOUND), answers(image(without(FOUND, 1)))).passed
    assert judged(probe(without(FOUND, 1)), answers(image(FOUND))).passed
    twice = judged(probe(FOUND, FOUND), answers(*[image(without(FOUND, 1))] * 2))
    assert not twice.passed
    assert "2 such differences in 2 of 2 images" in twice.actual


def test_two_overlapping_boxes_that_are_equally_sure_may_change_places_but_not_all_boxes_may(judged: Judge) -> None:
    apart = detections([[50 * place, 0, 40, 40] for place in range(40)], scores=[0.5] * 40)
    once = changed(apart, 7, boxes_xywh_px=[353, 0, 40, 40], scores=0.504)
    assert judged(probe(apart), answers(image(once, most=100))).passed
    shifted = dataclasses.replace(apart, boxes_xywh_px=apart.boxes_xywh_px + np.array([3, 0, 0, 0]))
    assert not judged(probe(apart), answers(image(shifted, most=100))).passed


def test_the_end_of_a_full_list_may_be_another_detection(judged: Judge) -> None:
    full = detections([[10, 10, 40, 40], [60, 60, 20, 30]], [1, 2], [0.9, 0.5])
    other = detections([[10, 10, 40, 40], [60, 60, 20, 30], [90, 0, 20, 30]], [1, 2, 2], [0.9, 0.5, 0.505])
    assert judged(probe(full), answers(image(without(other, 1), most=3))).passed is False
    assert judged(probe(other), answers(image(without(other, 1), most=2))).passed
    assert judged(probe(other), answers(image(without(other, 0), most=2))).passed is False


def test_a_full_list_does_not_excuse_every_answer(judged: Judge) -> None:
    one, other = detections([[10, 10, 40, 40]]), detections([[50, 50, 40, 40]])
    assert not judged(probe(one), answers(image(other, most=1))).passed


def test_answers_for_fewer_images_fail(judged: Judge) -> None:
    assert "answers for 1 images where 2" in judged(probe(FOUND, FOUND), answers(image(FOUND))).actual


@pytest.mark.parametrize(
    ("end", "words"),
    [
        ({"returncode": -9}, "the process ended with signal 9 (SIGKILL); was memory short?"),
        ({"returncode": -11}, "the process ended with signal 11 (SIGSEGV)"),
        ({"returncode": 1, "stderr": "Traceback\nImportError: no op\n"}, "exit code 1: ImportError: no op"),
        ({"stdout": "", "stderr": "killed by a hook"}, "the process gave no answer: killed by a hook"),
        ({"stdout": "half of {"}, "the process gave no answer"),
    ],
)
def test_a_process_that_does_not_answer_fails_and_says_how_it_ended(judged: Judge, end: Any, words: str) -> None:
    reason = judged(probe(FOUND), answers(image(FOUND)), **end)
    assert not reason.passed
    assert words in reason.actual


def test_what_the_process_says_of_the_model_is_what_was_found(judged: Judge) -> None:
    assert judged(probe(FOUND), {"failed": "it cannot be loaded (x)"}).actual == "it cannot be loaded (x)"
    report = answers(image(FOUND))
    report[5] = {"signature": "tf_example", "together": True, "failed": "InvalidArgumentError: no image"}
    reason = judged(probe(FOUND), report)
    assert reason.actual == "tf_example, all images together: InvalidArgumentError: no image"


def test_a_process_that_hangs_fails(tmp_path: Path) -> None:
    def hang(directory: str, probe_file: str) -> subprocess.CompletedProcess[str]:
        raise subprocess.TimeoutExpired([directory, probe_file], 1)

    (tmp_path / "probe.npz").write_bytes(probe(FOUND).to_bytes())
    assert "no answer in 60 minutes" in check_serving("model", str(tmp_path / "probe.npz"), run=hang).actual


@pytest.mark.parametrize(
    ("content", "words"),
    [
        (None, "is missing"),
        (b"", "not the golden images of an evaluation"),
        (b"PK\x03\x04 half", "not the golden images of an evaluation"),
        (dataclasses.replace(probe(FOUND), images=()).to_bytes(), "its parts do not belong together"),
        (probe().to_bytes(), "holds no golden image"),
    ],
)
def test_a_probe_that_cannot_be_read_is_an_error(tmp_path: Path, content: bytes | None, words: str) -> None:
    file = tmp_path / "probe.npz"
    if content is not None:
        file.write_bytes(content)
    with pytest.raises(StateError, match=words):
        check_serving("model", str(file), run=lambda *_: pytest.fail("asked all the same"))


def test_the_process_is_given_whole_paths_and_urls_as_they_are(tmp_path: Path) -> None:
    asked: list[str] = []

    def run(directory: str, _: str) -> subprocess.CompletedProcess[str]:
        asked.append(directory)
        return ended(json.dumps({"failed": "no"}))

    (tmp_path / "probe.npz").write_bytes(probe(FOUND).to_bytes())
    for directory in ("model", "gs://bucket/model"):
        check_serving(directory, str(tmp_path / "probe.npz"), run=run)
    assert asked == [str(Path("model").absolute()), "gs://bucket/model"]


def test_a_process_that_was_started_early_and_asked_nothing_ends_with_the_block() -> None:
    others = set(psutil.Process().children())  # such as a browser of other tests
    with started_early():
        assert set(psutil.Process().children()) == others  # until somebody knows that a check is near
        start_early()
        [started] = set(psutil.Process().children()) - others
        assert "ratchet.components.detector.answers" in started.cmdline()
    assert not started.is_running()


def test_several_runs_one_after_the_other_start_one_process_as_long_as_nobody_asks_it() -> None:
    others = set(psutil.Process().children())
    with started_early():
        start_early()
        started = set(psutil.Process().children()) - others
        for _ in range(2):
            with started_early():
                start_early()
                assert set(psutil.Process().children()) - others == started
        assert set(psutil.Process().children()) - others == started
    assert set(psutil.Process().children()) == others


def test_a_step_alone_in_its_process_starts_none() -> None:
    others = set(psutil.Process().children())
    start_early()
    assert set(psutil.Process().children()) == others
