"""Does a directory load where it will serve, and does it answer there as was measured? Pure but for the process."""

from __future__ import annotations

import contextlib
import json
import math
import os
import signal
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

import ratchet
from ratchet.components.detector.agreement import Agreement, Difference, compare
from ratchet.components.detector.detections import to_columns
from ratchet.components.stack.environment import as_served
from ratchet.schemas.artifacts.decisions import Reason
from ratchet.schemas.artifacts.serving_probe import ServingProbe
from ratchet.schemas.base.errors import StateError
from ratchet.schemas.base.files import LOCAL_FILES, Files
from ratchet.schemas.data.columns import DetectionColumns

RULE = "serving:loads"
_BY_ROUNDING = 0.05  # share of the detections that may be lost or new where rounding can explain it
_PACKAGES = Path(ratchet.__file__).parent.parent
_TIMEOUT_S = 3600  # only so that a process that hangs does not keep a run for ever

_ready: list[subprocess.Popen[str]] = []  # started, and not yet asked
_blocks: list[None] = []  # one for each that a process may be started in

Run = Callable[[str, str], "subprocess.CompletedProcess[str]"]


@contextlib.contextmanager
def started_early() -> Iterator[None]:
    """A block at whose end a model may be checked: in it, `start_early` starts the fresh process before it is asked.

    One that nobody asked anything ends with the outermost block.
    """
    _blocks.append(None)
    try:
        yield
    finally:
        _blocks.pop()
        while _ready and not _blocks:
            process = _ready.pop()
            process.kill()
            process.communicate()


def start_early() -> None:
    """Starts the fresh process of the next check now, so that it imports TensorFlow while others work.

    It is for whoever knows that a check is near; outside of such a block, and where one waits already, nothing happens.
    """
    if _blocks and not _ready:
        _ready.append(_start())


def run_answers(directory: str, probe_file: str) -> subprocess.CompletedProcess[str]:
    """Asks `ratchet.components.detector.answers`, in a process that was asked nothing before.

    It sees no GPU, for the memory of one may be taken by the run that asks, and nothing of a cluster.

    Raises:
        subprocess.TimeoutExpired: it hangs; it was killed.
    """
    process = _ready.pop() if _ready else _start()
    try:
        out, err = process.communicate(json.dumps([directory, probe_file]) + "\n", _TIMEOUT_S)
    except BaseException:  # Ctrl-C too: no process is left behind
        process.kill()
        process.communicate()
        raise
    return subprocess.CompletedProcess(process.args, process.returncode, out, err)


def _start() -> subprocess.Popen[str]:
    return subprocess.Popen(
        [sys.executable, "-m", "ratchet.components.detector.answers"],
        cwd=_PACKAGES,
        env=as_served(os.environ),
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        encoding="utf-8",
        errors="replace",
    )


def check_serving(directory: str, probe_file: str, files: Files = LOCAL_FILES, run: Run = run_answers) -> Reason:
    """Loads a SavedModel in a fresh process with TensorFlow alone and holds its answers against what was measured.

    Args:
        directory: the SavedModel.
        probe_file: PROBE_FILE of the evaluation.
        files: file functions, to read the probe with.
        run: starts the process, given the directory and the probe's file on this machine.

    Returns:
        Rule `serving:loads`; it failed if the model did not load, a signature failed, or one answers differently.

    Raises:
        StateError: the probe cannot be read.
    """
    content = _read(probe_file, files)
    probe = ServingProbe.from_bytes(content, probe_file)
    with tempfile.TemporaryDirectory() as temporary:
        copy = os.path.join(temporary, "probe.npz")
        Path(copy).write_bytes(content)
        try:
            report = _report(run(directory if "://" in directory else os.path.abspath(directory), copy))
            actual, passed = _judged(report, probe)
        except _FailedError as error:
            actual, passed = str(error), False
        except subprocess.TimeoutExpired:
            actual, passed = f"no answer in {_TIMEOUT_S // 60} minutes", False
    return Reason(
        rule=RULE,
        expected=f"loaded by TensorFlow alone, it answers {len(probe.images)} golden images as was measured",
        actual=actual,
        passed=passed,
    )


class _FailedError(Exception):
    """The process has no answers; the message says why."""


def _read(path: str, files: Files) -> bytes:
    if not files.exists(path):
        raise StateError(f"{path}: is missing, so there is nothing to try the model with; run again")
    with files.open(path, "rb") as file:
        return file.read()


def _report(done: subprocess.CompletedProcess[str]) -> Mapping[str, Any]:
    if done.returncode < 0:
        raise _FailedError(f"the process ended with {_signal_name(-done.returncode)}")
    if done.returncode > 0:
        raise _FailedError(f"the process ended with exit code {done.returncode}{_last_line(done.stderr)}")
    try:
        report = json.loads(done.stdout.strip().rpartition("\n")[2])
    except ValueError as error:
        raise _FailedError(f"the process gave no answer{_last_line(done.stderr)}") from error
    if "failed" in report:
        raise _FailedError(report["failed"])
    return report


def _signal_name(number: int) -> str:
    known = {item.value: item.name for item in signal.Signals}
    return f"signal {number} ({known.get(number, 'unknown')})" + ("; was memory short?" if number == 9 else "")


def _last_line(text: str) -> str:
    lines = text.strip().splitlines()
    return f": {lines[-1].strip()}" if lines else ""


@dataclass(frozen=True)
class _Answer:
    """What one signature answered to the images of the probe, alone or together, held against what was measured."""

    how: str
    found: tuple[DetectionColumns, ...]
    agreements: tuple[Agreement, ...]

    @property
    def detections(self) -> int:
        return sum(agreement.detections for agreement in self.agreements)

    def differences(self) -> list[tuple[int, Difference]]:
        """Image and difference, without the few that rounding explains."""
        every = [(image, found) for image, each in enumerate(self.agreements) for found in each.differences]
        severe = [(image, found) for image, found in every if not found.by_rounding]
        few = len(every) - len(severe) <= math.ceil(_BY_ROUNDING * self.detections)
        return severe if few else every


def _judged(report: Mapping[str, Any], probe: ServingProbe) -> tuple[str, bool]:
    measured = [_of_image(probe.detections, place) for place in range(len(probe.images))]
    answers = [_answer(entry, probe, measured) for entry in report["answers"]]
    for answer in answers:
        differences = answer.differences()
        if differences:
            return f"{answer.how}: {_described(differences, answer, probe, measured)}", False
    score = max(agreement.score for answer in answers for agreement in answer.agreements)
    pixels = max(agreement.pixels for answer in answers for agreement in answer.agreements)
    names = ", ".join(dict.fromkeys(entry["signature"] for entry in report["answers"]))
    return f"{names}: {answers[0].detections} detections, scores within {score:.1g}, boxes within {pixels:.1g} px", True


def _of_image(found: DetectionColumns, place: int) -> DetectionColumns:
    keep = np.zeros(max(place, int(found.image.max(initial=0))) + 1, np.bool_)
    keep[place] = True
    return found.of_images(keep)


def _answer(entry: Mapping[str, Any], probe: ServingProbe, measured: Sequence[DetectionColumns]) -> _Answer:
    how = f"{entry['signature']}, {'all images together' if entry['together'] else 'one image at a time'}"
    if "failed" in entry:
        raise _FailedError(f"{how}: {entry['failed']}")
    if len(entry["images"]) != len(probe.images):
        raise _FailedError(f"{how}: answers for {len(entry['images'])} images where {len(probe.images)} were asked for")
    try:
        found = tuple(_columns(how, probe, entry["images"]))
    except StateError as error:
        raise _FailedError(str(error)) from error
    pairs = zip(measured, found, entry["images"])
    return _Answer(how, found, tuple(compare(one, other, image["most"]) for one, other, image in pairs))


def _columns(how: str, probe: ServingProbe, images: Sequence[Mapping[str, Any]]) -> Iterator[DetectionColumns]:
    for name, image in zip(probe.file_names, images):
        scores = np.array(image["scores"], np.float64)
        boxes = np.array(image["boxes_yxyx_px"], np.float64).reshape(-1, 4)
        labels = np.array(image["labels"], np.int64)
        count = np.array([len(scores)])
        yield to_columns(how, np.array([name]), len(probe.class_names), boxes[None], labels[None], scores[None], count)


def _described(
    differences: Sequence[tuple[int, Difference]],
    answer: _Answer,
    probe: ServingProbe,
    measured: Sequence[DetectionColumns],
) -> str:
    image, first = differences[0]
    found = (measured if first.is_lost else answer.found)[image]
    box = ", ".join(f"{value:.1f}" for value in found.boxes_xywh_px[first.row])
    name = probe.class_names[found.labels[first.row] - 1]
    what = f"{name} with score {found.scores[first.row]:.4f} at [{box}]"
    happened = "was measured and is not answered" if first.is_lost else "is answered and was not measured"
    images = len({image for image, _ in differences})
    more = (
        f"; {len(differences)} such differences in {images} of {len(measured)} images" if len(differences) > 1 else ""
    )
    return f"{probe.file_names[image]}: {what} {happened}{more}"
