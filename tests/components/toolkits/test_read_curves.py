"""Whatever toolkit wrote a log, the same figures come of it."""

from __future__ import annotations

import json
import math
import os
from pathlib import Path
from typing import Any

import pytest

from ratchet.components.toolkits.read_curves import read_curves
from ratchet.pipeline.bench.plain_files import log_csv
from ratchet.schemas.artifacts.training_dynamics import Diverged
from ratchet.schemas.artifacts.training_record import TRAINING_RECORD_FORMAT
from ratchet.schemas.base.errors import DataError, InputError
from ratchet.schemas.data.training_plan import TrainingCurves
from tests.builders import training_record
from tests.components.toolkits.event_files import write_events

# A row of each as it stands in public repositories, with fewer columns where there are many of a kind.
ULTRALYTICS = """epoch,time,train/box_loss,train/cls_loss,train/dfl_loss,metrics/precision(B),metrics/recall(B),\
metrics/mAP50(B),metrics/mAP50-95(B),val/box_loss,val/cls_loss,val/dfl_loss,lr/pg0,lr/pg1,lr/pg2
1,9.9,1.0,2.0,0.5,0.6,0.7,0.75,0.5,1.5,1.25,1.0,0.07,0.003,0.003
2,17.6,0.5,1.0,0.25,0.8,0.6,0.875,0.625,1.0,1.0,0.5,0.04,0.006,0.006
"""
YOLOV5 = "".join(
    ",".join(cell.rjust(20) for cell in row.split(",")) + "\n"
    for row in (
        "epoch,train/box_loss,train/obj_loss,train/cls_loss,metrics/precision,metrics/recall,metrics/mAP_0.5,"
        "metrics/mAP_0.5:0.95,val/box_loss,val/obj_loss,val/cls_loss,x/lr0,x/lr1,x/lr2",
        "0,0.25,0.125,0.125,0.0011,0.125,0.25,0.125,0.25,0.25,0.25,0.0002,0.0002,0.0982",
    )
)
RTDETR = "epoch,train/giou_loss,train/cls_loss,train/l1_loss,metrics/mAP50-95(B),lr/pg0\n1,1,0.5,0.25,0.25,0.001\n"
MMDET2 = [
    {"env_info": "sys.platform: linux", "config": "model = dict()", "seed": 0, "exp_name": "a.py"},
    {"mode": "train", "epoch": 1, "iter": 50, "lr": 0.01, "memory": 3000, "loss_cls": 1.0, "loss": 2.0},
    {"mode": "train", "epoch": 1, "iter": 100, "lr": 0.02, "memory": 3000, "loss_cls": 0.5, "loss": 1.0},
    {"mode": "val", "epoch": 1, "iter": 625, "lr": 0.02, "bbox_mAP": 0.25, "bbox_mAP_50": 0.5, "bbox_mAP_s": -1.0},
    {"mode": "train", "epoch": 2, "iter": 50, "lr": 0.02, "loss": 0.75, "grad_norm": 9.0},
    {"mode": "train", "epoch": 2, "iter": 100, "lr": 0.02, "loss": 0.5},
    {"mode": "val", "epoch": 2, "iter": 625, "lr": 0.02, "bbox_mAP": 0.375, "bbox_mAP_50": 0.625},
]
MMENGINE = [
    {"base_lr": 0.02, "lr": 0.02, "loss": 2.0, "loss_cls": 1.0, "epoch": 1, "iter": 69, "memory": 3060, "step": 69},
    {"coco/bbox_mAP": 0.25, "coco/bbox_mAP_50": 0.5, "coco/bbox_mAP_s": -1.0, "time": 0.1, "step": 1},
    {"base_lr": 0.02, "lr": 0.02, "loss": 1.0, "loss_cls": 0.5, "epoch": 2, "iter": 138, "memory": 3060, "step": 138},
    {"coco/bbox_mAP": 0.375, "coco/bbox_mAP_50": 0.625, "time": 0.1, "step": 2},
]
DETECTRON2 = [
    {"iteration": 19, "loss_box_reg": 1.0, "loss_cls": 1.0, "lr": 1e-05, "total_loss": 2.0},
    {"bbox/AP": 25.0, "bbox/AP50": 50.0, "bbox/APs": math.nan, "iteration": 39, "lr": 2e-05, "total_loss": 1.0},
    {"bbox/AP": 37.5, "bbox/AP50": 100.0, "iteration": 40},
]


def lines(rows: list[dict[str, Any]]) -> str:
    return "".join(f"{json.dumps(row)}\n" for row in rows)


def read(path: Path, text: str, name: str = "results.csv") -> TrainingCurves:
    file = path / name
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_text(text)
    return read_curves(file)


def refusal(path: Path) -> str:
    with pytest.raises(InputError) as caught:
        read_curves(path)
    assert "\n" not in str(caught.value)
    return str(caught.value)


class TestUltralytics:
    def test_the_parts_of_the_loss_are_added_up(self, tmp_path: Path) -> None:
        found = read(tmp_path, ULTRALYTICS)
        assert (found.unit, found.source) == ("epoch", str(tmp_path / "results.csv"))
        assert found.loss == ((1, 3.5), (2, 1.75))
        assert found.validation_loss == ((1, 3.75), (2, 2.5))
        assert found.validation_map == found.map == ((1, 0.5), (2, 0.625))
        assert found.validation_map50 == ((1, 0.75), (2, 0.875))
        assert found.diverged_at is None

    def test_the_rate_is_that_of_most_weights_and_not_of_the_biases(self, tmp_path: Path) -> None:
        assert read(tmp_path, ULTRALYTICS).rate == ((1, 0.003), (2, 0.006))
        assert read(tmp_path, YOLOV5).rate == ((0, 0.0002),)

    def test_older_names_are_padded_and_epochs_begin_at_0(self, tmp_path: Path) -> None:
        found = read(tmp_path, YOLOV5)
        assert (found.loss, found.validation_loss) == (((0, 0.5),), ((0, 0.75),))
        assert (found.validation_map, found.validation_map50) == (((0, 0.125),), ((0, 0.25),))

    def test_other_models_have_other_parts(self, tmp_path: Path) -> None:
        assert read(tmp_path, RTDETR).loss == ((1, 1.75),)

    def test_a_torn_last_row_is_passed_over(self, tmp_path: Path) -> None:
        whole = read(tmp_path, ULTRALYTICS)
        assert read(tmp_path, f"{ULTRALYTICS}3,20.1,0.4,0.") == whole
        assert read(tmp_path, ULTRALYTICS.rstrip("\n")) == whole

    def test_a_training_begun_again_in_the_same_file_counts_from_its_first_row_on(self, tmp_path: Path) -> None:
        head, first, second, _ = ULTRALYTICS.split("\n")
        again = second.replace("2,17.6,0.5", "2,17.6,4.5")
        assert read(tmp_path, "\n".join([head, first, second, head, again, ""])).loss == ((1, 3.5), (2, 5.75))
        assert read(tmp_path, "\n".join([head, first, second, first, ""])).loss == ((1, 3.5),)

    def test_a_loss_that_becomes_nan_is_said_and_left_out(self, tmp_path: Path) -> None:
        found = read(tmp_path, ULTRALYTICS.replace("2,17.6,0.5", "2,17.6,nan"))
        assert (found.loss, found.diverged_at) == (((1, 3.5),), 2)

    def test_a_loss_of_nan_alone_is_a_log_too(self, tmp_path: Path) -> None:
        found = read(tmp_path, "epoch,train/loss\n0,nan\n1,inf\n")
        assert (found.loss, found.diverged_at) == ((), 0)

    @pytest.mark.parametrize(
        ("text", "told"),
        [
            (ULTRALYTICS.replace("2,17.6,0.5", "2,17.6,half"), "line 3: 'train/box_loss' 'half' must be a number"),
            (ULTRALYTICS.replace("1,9.9,1.0", "1,1.0"), "line 2: 14 columns, the first line names 15"),
            (ULTRALYTICS.replace("1,9.9", "-1,9.9"), "line 2: epoch '-1' must be a number from 0 on"),
            ("a,b\n1,2\n", "'a,b' names no column step"),
            ("epoch,colour\n1,2\n", "it has ['colour', 'epoch']; give the log of a detector's training"),
            ("epoch,metrics/mAP50-95(B)\n1,250\n", "an mAP of 250 at step 1"),
            ("", "names no column step"),
        ],
    )
    def test_what_is_wrong_is_named(self, tmp_path: Path, text: str, told: str) -> None:
        (tmp_path / "results.csv").write_text(text)
        assert told in refusal(tmp_path / "results.csv")


class TestMMDetection:
    def test_2_counts_iterations_anew_in_each_epoch(self, tmp_path: Path) -> None:
        found = read(tmp_path, lines(MMDET2), "20230101_000000.log.json")
        assert found.unit == "epoch"
        assert found.loss == ((0.5, 2.0), (1, 1.0), (1.5, 0.75), (2, 0.5))
        assert found.validation_map == ((1, 0.25), (2, 0.375))
        assert found.validation_map50 == ((1, 0.5), (2, 0.625))
        assert found.gradient_norm == ((1.5, 9.0),)
        assert found.rate[0] == (0.5, 0.01)

    def test_2_by_iterations_validates_at_the_row_of_training_before(self, tmp_path: Path) -> None:
        rows = [
            {"mode": "train", "epoch": 1, "iter": 50, "lr": [0.01], "loss": 2.0},
            {"mode": "val", "epoch": 1, "iter": 625, "bbox_mAP": 0.25},
            {"mode": "train", "epoch": 2, "iter": 100, "lr": [0.01], "loss": 1.0},
            {"mode": "val", "epoch": 2, "iter": 625, "bbox_mAP": 0.5},
        ]
        found = read(tmp_path, lines(rows), "a.log.json")
        assert (found.unit, found.loss) == ("step", ((50, 2.0), (100, 1.0)))
        assert (found.validation_map, found.rate) == (((50, 0.25), (100, 0.5)), ((50, 0.01), (100, 0.01)))

    def test_2_calls_what_it_measures_on_voc_map(self, tmp_path: Path) -> None:
        rows = [*MMDET2[:3], {"mode": "val", "epoch": 1, "iter": 9, "mAP": 0.5, "AP50": 0.5}]
        found = read(tmp_path, lines(rows), "a.log.json")
        assert (found.validation_map, found.validation_map50, found.map) == ((), ((100, 0.5),), ((100, 0.5),))

    def test_2_validates_the_loss_where_it_is_told_to(self, tmp_path: Path) -> None:
        rows = [*MMDET2, {"mode": "val", "epoch": 2, "iter": 9, "loss": 4.0}]
        found = read(tmp_path, lines(rows), "a.log.json")
        assert (found.validation_loss, found.loss[-1]) == (((2, 4.0),), (2, 0.5))

    def test_a_figure_of_no_object_is_left_out(self, tmp_path: Path) -> None:
        rows = [*MMENGINE[:3], MMENGINE[3] | {"coco/bbox_mAP": -1.0}]
        assert read(tmp_path, lines(rows), "scalars.json").validation_map == ((69, 0.25),)

    def test_a_restart_writes_another_file(self, tmp_path: Path) -> None:
        read(tmp_path, lines(MMDET2), "20230101_000000.log.json")
        later = [MMDET2[0], MMDET2[4] | {"loss": 9.0}]
        read(tmp_path, lines(later), "20230102_000000.log.json")
        found = read_curves(tmp_path)
        assert found.loss == ((0.5, 2.0), (1, 1.0), (1.5, 9.0))
        assert found.validation_map == ((1, 0.25),)

    def test_a_restart_in_the_first_epoch_counts_epochs_as_well(self, tmp_path: Path) -> None:
        read(tmp_path, lines(MMDET2[:2]), "20230101_000000.log.json")
        read(tmp_path, lines(MMDET2), "20230102_000000.log.json")
        assert read_curves(tmp_path).loss == ((0.5, 2.0), (1, 1.0), (1.5, 0.75), (2, 0.5))

    def test_3_says_the_epoch_where_it_validates(self, tmp_path: Path) -> None:
        found = read(tmp_path, lines(MMENGINE), "20230101_000000/vis_data/scalars.json")
        assert found.unit == "step"
        assert found.loss == ((69, 2.0), (138, 1.0))
        assert found.validation_map == ((69, 0.25), (138, 0.375))
        assert found.rate == ((69, 0.02), (138, 0.02))
        read(tmp_path, lines(MMENGINE), "20230101_000000/vis_data/20230101_000000.json")
        assert read_curves(tmp_path).validation_map == found.validation_map

    def test_3_begun_again_counts_from_its_first_row_on(self, tmp_path: Path) -> None:
        later = [MMENGINE[0] | {"loss": 5.0}]
        assert read(tmp_path, lines([*MMENGINE, *later]), "scalars.json").loss == ((69, 5.0),)
        assert read(tmp_path, lines([*MMENGINE, *later]), "scalars.json").validation_map == ((69, 0.25),)

    def test_a_torn_last_line_is_passed_over_and_one_within_is_named(self, tmp_path: Path) -> None:
        whole = lines(MMENGINE)
        assert read(tmp_path, f'{whole}{{"lr": 0.0', "scalars.json").loss == ((69, 2.0), (138, 1.0))
        (tmp_path / "scalars.json").write_text(f'{{"lr": 0.0\n{whole}')
        assert "scalars.json: line 1 is no JSON" in refusal(tmp_path / "scalars.json")
        (tmp_path / "scalars.json").write_text(f"{whole}[1]\n")
        assert "scalars.json: line 5 is a list; expected is a JSON object a line" in refusal(tmp_path / "scalars.json")

    def test_lines_of_no_step_are_refused(self, tmp_path: Path) -> None:
        (tmp_path / "a.json").write_text('{"coco/bbox_mAP": 0.4}\n')
        assert "no line of it says iteration, step, global_step, iter or epoch" in refusal(tmp_path / "a.json")


class TestDetectron2:
    def test_percent_become_fractions_in_both_curves(self, tmp_path: Path) -> None:
        found = read(tmp_path, lines(DETECTRON2), "metrics.json")
        assert (found.unit, found.loss) == ("step", ((19, 2.0), (39, 1.0)))
        assert (found.validation_map, found.validation_map50) == (((39, 0.25), (40, 0.375)), ((39, 0.5), (40, 1.0)))
        assert found.rate == ((19, 1e-05), (39, 2e-05))

    def test_low_percent_beside_higher_ones_are_percent_too(self, tmp_path: Path) -> None:
        rows = [{"iteration": 1, "bbox/AP": 0.5, "bbox/AP50": 0.9}, {"iteration": 2, "bbox/AP": 0.75, "bbox/AP50": 2.0}]
        found = read(tmp_path, lines(rows), "metrics.json")
        assert found.validation_map == ((1, 0.005), (2, 0.0075))

    def test_percent_are_percent_however_low_they_are(self, tmp_path: Path) -> None:
        found = read(tmp_path, lines([{"iteration": 1, "bbox/AP": 0.5, "bbox/AP50": 0.75}]), "metrics.json")
        assert (found.validation_map, found.validation_map50) == (((1, 0.005),), ((1, 0.0075),))

    def test_a_resumed_training_counts_from_its_first_row_on(self, tmp_path: Path) -> None:
        rows = [*DETECTRON2, {"iteration": 39, "total_loss": 7.0, "lr": 3e-05}]
        found = read(tmp_path, lines(rows), "metrics.json")
        assert (found.loss, found.validation_map) == (((19, 2.0), (39, 7.0)), ((39, 0.25),))


class TestRatchet:
    def test_its_record_is_read_from_the_model(self, tmp_path: Path) -> None:
        record = training_record(diverged=Diverged(200, "the loss was no number", 0.004, None, 3.0))
        (tmp_path / "assets.extra").mkdir()
        file = tmp_path / "assets.extra/training_record.json"
        file.write_text(TRAINING_RECORD_FORMAT.write(record))
        for found in (read_curves(file), read_curves(tmp_path)):
            assert (found.unit, found.loss) == ("step", ((0, 1.5), (249, 0.25)))
            assert (found.validation_map, found.diverged_at) == (((250, 0.5),), 200)
            assert found.rate[0] == (0, pytest.approx(0.0004))

    def test_a_broken_record_is_an_input_error(self, tmp_path: Path) -> None:
        file = tmp_path / "training_record.json"
        file.write_text('{"format": 4}')
        assert "not a training record" in refusal(file)

    def test_what_the_bench_exports_is_read(self, tmp_path: Path) -> None:
        record = training_record()
        found = read(tmp_path, log_csv(record), "candidate_log.csv")
        assert (found.unit, found.loss) == ("step", ((0, 1.5), (249, 0.25)))
        assert found.validation_map == ((250, 0.5),)


class TestDirectories:
    def test_the_toolkits_own_log_counts_before_events(self, tmp_path: Path) -> None:
        read(tmp_path, ULTRALYTICS)
        write_events(tmp_path, [(1, "train/loss", 9.0)])
        assert read_curves(tmp_path).loss == ((1, 3.5), (2, 1.75))

    def test_several_trainings_are_named(self, tmp_path: Path) -> None:
        read(tmp_path, ULTRALYTICS, "one/results.csv")
        read(tmp_path, ULTRALYTICS, "two/results.csv")
        assert refusal(tmp_path).endswith(
            "logs of several trainings: one/results.csv, two/results.csv; give one of these files, or the directory of "
            "one training"
        )
        assert read_curves(tmp_path / "two").loss

    @pytest.mark.parametrize(
        ("first", "second"),
        [("baseline_log.csv", "candidate_log.csv"), ("results.csv", "metrics.json"), ("results.csv", "a.log.json")],
    )
    def test_several_logs_in_one_directory_are_named(self, tmp_path: Path, first: str, second: str) -> None:
        for name in (first, second):
            (tmp_path / name).write_text(lines(DETECTRON2) if name.endswith("json") else ULTRALYTICS)
        assert f"logs of several trainings: {', '.join(sorted((first, second)))}; " in refusal(tmp_path)

    def test_none_is_said(self, tmp_path: Path) -> None:
        (tmp_path / "metrics.json").write_text('{"accuracy": 1}')
        (tmp_path / "notes.txt").write_text("hello")
        (tmp_path / "catalog.csv").write_text("epoch,loss\n1,2\n")
        assert "no log of a training in it" in refusal(tmp_path)
        assert "cannot be read: No such file" in refusal(tmp_path / "nowhere")

    def test_links_to_nowhere_and_pipes_do_not_hang(self, tmp_path: Path) -> None:
        os.mkfifo(tmp_path / "metrics.json")
        (tmp_path / "results.csv").symlink_to(tmp_path / "gone")
        assert "results.csv: cannot be read: No such file" in refusal(tmp_path)
        os.mkfifo(tmp_path / "pipe.csv")
        assert "a FIFO or pipe" in refusal(tmp_path / "pipe.csv")

    def test_a_name_that_a_terminal_would_obey_is_escaped(self, tmp_path: Path) -> None:
        for name in ("a\x1b[2J", "b"):
            read(tmp_path, ULTRALYTICS, f"{name}/results.csv")
        assert "a\\x1b[2J/results.csv" in refusal(tmp_path)


def test_it_is_no_stack_trace_that_says_what_is_no_text(tmp_path: Path) -> None:
    (tmp_path / "log.bin").write_bytes(b"\xff\xfe\x00\x01")
    with pytest.raises(DataError, match="no UTF-8 text"):
        read_curves(tmp_path / "log.bin")
