"""TensorBoard's event files of every writer, whole, torn and damaged; TensorBoard's own reader is the oracle."""

from __future__ import annotations

import contextlib
import io
import json
import math
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ratchet.components.toolkits.curves_events import is_event_file, read_events
from ratchet.components.toolkits.curves_series import VALIDATION, Series
from ratchet.components.toolkits.read_curves import read_curves
from ratchet.schemas.base.errors import DataError, InputError
from tests.components.toolkits.event_files import framed, others, simple, tensor, version, write_events

OD_API = {
    "train": [(100, "Loss/total_loss", 2.0), (100, "Loss/classification_loss", 1.5), (100, "learning_rate", 0.04)],
    "eval": [
        *((100, "Loss/total_loss", 2.5), (100, "DetectionBoxes_Precision/mAP", 0.25)),
        *((100, "DetectionBoxes_Precision/mAP@.50IOU", 0.5), (100, "DetectionBoxes_Recall/AR@1", 0.5)),
    ],
}
TF_MODELS = {
    "train": [(10, "total_loss", 2.0), (10, "training_loss", 1.5), (10, "learning_rate", 0.125)],
    "validation": [(10, "validation_loss", 2.5), (10, "AP", 0.25), (10, "AP50", 0.5), (10, "total_loss", 3.0)],
}
ORACLE = """
import json, sys, types
sys.modules["tensorboard.compat.notf"] = types.ModuleType("notf")  # or it would import TensorFlow
from tensorboard.backend.event_processing.event_accumulator import EventAccumulator
from tensorboard.util import tensor_util
read = EventAccumulator(sys.argv[1], size_guidance={"tensors": 0, "scalars": 0})
read.Reload()
tags = read.Tags()
found = {tag: [(e.step, e.value) for e in read.Scalars(tag)] for tag in tags["scalars"]}
for tag in tags["tensors"]:
    values = [(e.step, tensor_util.make_ndarray(e.tensor_proto)) for e in read.Tensors(tag)]
    found[tag] = [(step, float(value)) for step, value in values if value.dtype.kind in "fi" and value.ndim == 0]
print(json.dumps(found))
"""


def events_of(content: bytes, source: str, prefix: str = "") -> Series:
    return read_events(io.BytesIO(content), source, prefix)


@pytest.mark.parametrize("of", [simple, tensor])
@pytest.mark.parametrize("logged", [OD_API, TF_MODELS])
def test_training_and_validation_are_told_apart_by_directory(
    tmp_path: Path, logged: dict, of: Callable[..., bytes]
) -> None:
    for directory, scalars in logged.items():
        write_events(tmp_path / directory, scalars, of=of)
    found = read_curves(tmp_path)
    step = logged["train"][0][0]
    assert (found.unit, found.loss, found.validation_loss) == ("step", ((step, 2.0),), ((step, 2.5),))
    assert (found.validation_map, found.validation_map50) == (((step, 0.25),), ((step, 0.5),))
    assert found.rate[0] == (step, pytest.approx(logged["train"][2][2]))


def test_one_directory_of_them_is_a_log_too(tmp_path: Path) -> None:
    for directory, scalars in OD_API.items():
        write_events(tmp_path / directory, scalars)
    found = read_curves(tmp_path / "eval")
    assert (found.loss, found.validation_loss, found.map) == ((), ((100, 2.5),), ((100, 0.25),))


@pytest.mark.parametrize(
    ("scalars", "curve", "points"),
    [
        ([(5, "Losses/TotalLoss", 2.0)], "loss", ((5, 2.0),)),
        ([(5, "train_loss", 2.0), (5, "lr-AdamW", 0.5)], "rate", ((5, 0.5),)),
        ([(5, "bbox/AP", 50.0), (5, "bbox/AP50", 75.0)], "validation_map", ((5, 0.5),)),
        ([(5, "bbox/AP", 50.0), (5, "bbox/AP50", 75.0)], "validation_map50", ((5, 0.75),)),
        ([(5, "PascalBoxes_Precision/mAP@0.5IOU", 0.5)], "validation_map50", ((5, 0.5),)),
        ([(5, "train/box_loss", 1.0), (5, "train/cls_loss", 0.5), (5, "train/dfl_loss", 0.25)], "loss", ((5, 1.75),)),
        ([(5, "metrics/mAP50-95(B)", 0.5)], "validation_map", ((5, 0.5),)),
        ([(5, "lr/pg0", 0.5), (5, "lr/pg1", 0.25), (5, "lr/pg2", 0.25)], "rate", ((5, 0.25),)),
        ([(5, "val/bbox_mAP", 0.5)], "validation_map", ((5, 0.5),)),
        ([(5, "coco/bbox_mAP", 0.5)], "validation_map", ((5, 0.5),)),
        ([(5, "loss/total", 0.5), (5, "mAP/mixture", 0.25)], "validation_map", ((5, 0.25),)),
        ([(5, "loss", 0.5), (5, "gradient_norm", 0.25)], "gradient_norm", ((5, 0.25),)),
        ([(5, "val_loss", 0.5)], "validation_loss", ((5, 0.5),)),
    ],
)
def test_the_names_of_every_toolkit_are_known(tmp_path: Path, scalars: list, curve: str, points: tuple) -> None:
    write_events(tmp_path, scalars)
    assert getattr(read_curves(tmp_path), curve) == points


def test_a_later_file_counts_from_its_first_step_on(tmp_path: Path) -> None:
    write_events(tmp_path, [(1, "loss", 4.0), (2, "loss", 3.0), (3, "loss", 2.0), (3, "AP", 0.5)], begun=999)
    write_events(tmp_path, [(2, "loss", 3.5)], begun=1000)
    found = read_curves(tmp_path)
    assert (found.loss, found.map) == (((1, 4.0), (2, 3.5)), ())


def test_a_file_beside_it_with_other_figures_takes_nothing_away(tmp_path: Path) -> None:
    write_events(tmp_path, [(1, "loss", 4.0), (2, "loss", 3.0)], begun=1)
    write_events(tmp_path, [(1, "AP", 0.5)], begun=2)
    found = read_curves(tmp_path)
    assert (found.loss, found.map) == (((1, 4.0), (2, 3.0)), ((1, 0.5),))


def test_steps_that_go_back_in_one_file_are_those_of_a_restart(tmp_path: Path) -> None:
    write_events(tmp_path, [(step, "loss", float(place)) for place, step in enumerate((1, 2, 3, 2, 3, 4))])
    assert read_curves(tmp_path).loss == ((1, 0.0), (2, 3.0), (3, 4.0), (4, 5.0))


@pytest.mark.parametrize(
    ("tag", "unit"),
    [("metrics/mAP50-95(B)", "epoch"), ("lr/pg0", "epoch"), ("epoch_loss", "epoch"), ("lr", "step"), ("AP", "step")],
)
def test_toolkits_that_log_by_epochs_are_known(tmp_path: Path, tag: str, unit: str) -> None:
    write_events(tmp_path, [(5, tag, 0.5)])
    assert read_curves(tmp_path).unit == unit


def test_a_training_in_a_directory_with_any_name_is_a_training(tmp_path: Path) -> None:
    for name in ("test", "test_run", "eval_2"):
        write_events(tmp_path / name, [(1, "loss", 4.0)])
        assert read_curves(tmp_path / name).loss == ((1, 4.0),)


def test_runs_beside_each_other_are_several_trainings(tmp_path: Path) -> None:
    for name in ("version_0", "version_1"):
        write_events(tmp_path / name, [(1, "loss", 4.0)])
    with pytest.raises(InputError, match="logs of several trainings: version_0/events"):
        read_curves(tmp_path)


def test_a_loss_that_is_no_number_is_said(tmp_path: Path) -> None:
    write_events(tmp_path, [(1, "loss", 4.0), (2, "loss", math.nan), (3, "loss", math.inf), (3, "AP", math.nan)])
    found = read_curves(tmp_path)
    assert (found.loss, found.diverged_at, found.map) == (((1, 4.0),), 2, ())


@pytest.mark.parametrize("dtype", ["<f4", "<f8", "<i8"])
@pytest.mark.parametrize("in_content", [True, False])
def test_numbers_of_every_type_are_read(dtype: str, in_content: bool) -> None:
    content = version() + tensor(3, "loss", 2.0, dtype, in_content) + tensor(4, "loss", 0.0, dtype, in_content)
    assert events_of(content, "e") == {"loss": [(3.0, 2.0), (4.0, 0.0)]}


def test_halves_are_read_and_what_is_no_scalar_is_passed_over() -> None:
    assert events_of(version() + others(1) + tensor(3, "loss", 2.0, "<f2"), "e", VALIDATION) == {
        f"{VALIDATION}loss/images": [],
        f"{VALIDATION}loss": [(3.0, 2.0)],
    }


def test_every_cut_of_a_file_is_read_up_to_its_last_whole_record() -> None:
    whole = version() + simple(1, "loss", 4.0) + tensor(2, "loss", 3.0)
    first = len(version() + simple(1, "loss", 4.0))
    for length in range(len(whole)):
        points = events_of(whole[:length], "e").get("loss", [])
        assert points == ([(1.0, 4.0)] if length >= first else [])
    assert events_of(whole + bytes(4096), "e") == events_of(whole, "e")  # a disk that was full


def test_damage_within_is_named() -> None:
    parts = [version(), simple(1, "loss", 4.0), simple(2, "loss", 3.0)]
    for place in (0, 5, 9, 14, len(parts[1]) - 1):
        damaged = bytearray(parts[1])
        damaged[place] ^= 0x55
        with pytest.raises(DataError, match=r"^e: record 1 is damaged"):
            events_of(parts[0] + bytes(damaged) + parts[2], "e")
    with pytest.raises(DataError, match=r"^e: record 1 is no event"):
        events_of(parts[0] + framed(b"\x2a\xff") + parts[2], "e")


def test_another_file_of_that_name_is_refused(tmp_path: Path) -> None:
    path = write_events(tmp_path, [])
    path.write_text("epoch,loss\n1,2.0\n")
    with pytest.raises(DataError, match="no event file of TensorBoard"):
        read_curves(tmp_path)
    path.write_bytes(b"")
    with pytest.raises(DataError, match="neither a loss nor an mAP"):
        read_curves(path)


def test_an_event_file_of_another_name_is_known_by_its_first_bytes(tmp_path: Path) -> None:
    (tmp_path / "log").write_bytes(version() + simple(1, "loss", 4.0))
    assert read_curves(tmp_path / "log").loss == ((1, 4.0),)


@given(st.binary(max_size=200), st.sampled_from(["events.out.tfevents.1.a", "results.csv", "a.log.json", "b"]))
def test_any_bytes_are_read_or_refused(tmp_path_factory: pytest.TempPathFactory, content: bytes, name: str) -> None:
    path = tmp_path_factory.mktemp("any") / name
    for written in (content, version() + framed(content), b"epoch,train/loss\n" + content, b'{"step": 1}\n' + content):
        path.write_bytes(written)
        with contextlib.suppress(InputError):
            assert read_curves(path).source == str(path)


def test_tensorboards_own_reader_sees_the_same(tmp_path: Path) -> None:
    content = version() + simple(1, "loss", 4.0) + others(2, "lr") + tensor(2, "AP", 0.1) + tensor(3, "AP", 0.2, "<f8")
    content += tensor(4, "AP", 0.3, in_content=False) + simple(5, "learning_rate", 1e-5) + simple(6, "loss", 0.0)
    path = tmp_path / "events.out.tfevents.1.a"
    path.write_bytes(content + b"torn")
    done = subprocess.run([sys.executable, "-c", ORACLE, str(path)], capture_output=True, text=True, check=True)
    expected = {tag: [tuple(point) for point in points] for tag, points in json.loads(done.stdout).items() if points}
    assert {tag: points for tag, points in events_of(path.read_bytes(), "e").items() if points} == expected
    assert sum(map(len, expected.values())) == 6


def test_neither_tensorflow_nor_tensorboard_is_imported(tmp_path: Path) -> None:
    write_events(tmp_path, [(1, "loss", 4.0)])
    code = (
        "import sys\nfrom pathlib import Path\n"
        "from ratchet.components.toolkits.read_curves import read_curves\n"
        "assert read_curves(Path(sys.argv[1])).loss\n"
        "sys.exit(str([name for name in ('tensorflow', 'tensorboard', 'pandas') if name in sys.modules] or ''))"
    )
    done = subprocess.run([sys.executable, "-c", code, str(tmp_path)], capture_output=True, text=True, check=False)
    assert done.stderr.strip() == ""


def test_the_first_bytes_tell_an_event_file() -> None:
    assert is_event_file(version())
    assert not is_event_file(version()[:11])
    assert not is_event_file(b"epoch,train/loss\n")
