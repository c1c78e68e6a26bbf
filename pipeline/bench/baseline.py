"""The model that all cases of a bench start from: converged, so that a clean span neither gains nor loses.

With an unfinished baseline a clean span gains, which hides what a fault costs.
"""

from __future__ import annotations

import json
import re
import shutil
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ratchet.components.example_gen.content import content_digest
from ratchet.components.example_gen.dataset import read_source
from ratchet.pipeline.bench.sources import BenchData
from ratchet.pipeline.root.root_settings import configure_run
from ratchet.pipeline.root.roots import registry_of, serving_name
from ratchet.pipeline.run.preflight import RunRequest
from ratchet.schemas.artifacts.registry_entries import ServedModel
from ratchet.schemas.artifacts.run_result import RunResult
from ratchet.schemas.artifacts.training_record import read_training_record
from ratchet.schemas.base.errors import InputError
from ratchet.schemas.base.files import LOCAL_FILES, write_durably

CONVERGED = 0.01  # of mAP on the truth set: what a clean span may still change
_ROUNDS = 5
_FIRST = ("training.bootstrap.steps=800",)
# The model that the cases start from must itself be a retraining, as theirs are: one that gains nothing is pushed too.
_LATER = (
    *("evaluator.margin=0.05", "evaluator.tolerance=null", "evaluator.class_drop=null", "evaluator.slice_drop=null"),
    "evaluator.second_opinion=null",
)
_OBSERVE = "data_gate.mode=observe"
_NOTE = "baseline.json"
_RUN = re.compile(r"span-(\d+)-")

RunPipeline = Callable[[RunRequest], RunResult]
Say = Callable[[str], None]


@dataclass(frozen=True)
class Baseline:
    """The served model of a root that is copied for every case.

    Attributes:
        root: the pipeline root.
        model: its served SavedModel.
        digest: `model_digest` of the model.
        span: number of the newest span that it was trained on.
        gains: what each retraining on a clean span gained on the truth set; the last one is within CONVERGED, or it has
            not converged.
    """

    root: Path
    model: Path
    digest: str
    span: int
    gains: tuple[float, ...] = ()

    @property
    def next_span(self) -> int:
        """A number that no run of the root has had."""
        runs = (_RUN.match(path.name) for path in (self.root / "runs").glob("span-*"))
        return max([self.span, *(int(run[1]) for run in runs if run)]) + 1


def served_of(root: Path) -> ServedModel:
    """What a root serves.

    Raises:
        InputError: nothing.
    """
    served = registry_of(root, serving_name(root)).served()
    if served is None:
        raise InputError(f"--root {root}: no model is served there; give the root of a detector in service")
    return served


def copied_baseline(root: Path, directory: Path) -> Baseline:
    """The model of a user's root, which is left as it is.

    Args:
        root: of a detector in service.
        directory: of the bench.
    """
    there = _read(directory)
    if there is None or there.digest != served_of(root).digest:
        shutil.rmtree(directory / "baseline", ignore_errors=True)
        shutil.copytree(root, directory / "baseline" / "root")
        there = _written(directory, ())
    return there


def trained_baseline(
    data: BenchData, config: str, directory: Path, pipeline: RunPipeline, gain: Callable[[Path, Path], float], say: Say
) -> Baseline:
    """Trains a first model, and goes on with clean spans until they gain nothing more; once for a bench.

    Args:
        data: clean data.
        config: of the detector.
        directory: of the bench.
        pipeline: runs it.
        gain: difference on the truth set between a later and an earlier model.
        say: tells what is done.
    """
    there = _read(directory)
    if there is not None:
        return there
    root, spans = directory / "work" / "root", directory / "work" / "data"
    shutil.rmtree(directory / "work", ignore_errors=True)
    gains: list[float] = []
    for number in range(1, _ROUNDS + 2):
        say(f"baseline: span {number}")
        shutil.copytree(data.training(number), spans / f"span-{number}")
        before = registry_of(root, serving_name(root)).served() if number > 1 else None
        result = pipeline(_request(root, spans, data.golden, number, config))
        if before is not None and result.model is not None:
            gains.append(round(gain(_exported(result.model), Path(before.path)), 4))
            say(f"baseline: span {number} gained {gains[-1]:+.4f}, {result.verdict.value}")
            if gains[-1] < CONVERGED:
                break
    shutil.rmtree(directory / "baseline", ignore_errors=True)
    (directory / "baseline").mkdir(parents=True)
    root.rename(directory / "baseline" / "root")
    return _written(directory, gains)


def _request(root: Path, spans: Path, golden: Path, number: int, config: str) -> RunRequest:
    configuration = configure_run(root, config, [_OBSERVE, *(_FIRST if number == 1 else _LATER)])
    return RunRequest(
        settings=configuration.settings,
        data=spans,
        golden=golden,
        span=number,
        root=root,
        bootstrap=number == 1,
        remembered=configuration.remembered,
    )


def _exported(model: str) -> Path:
    """The SavedModel in a Trainer's artifact."""
    return Path(model) / "Format-Serving"


def _written(directory: Path, gains: Sequence[float]) -> Baseline:
    """Notes what the root in `baseline/` serves."""
    root = directory / "baseline" / "root"
    served = served_of(root)
    note = {
        "model": str(Path(served.path).relative_to(root)),
        "digest": served.digest,
        "span": read_training_record(served.path, LOCAL_FILES).span,
        "gains": list(gains),
    }
    write_durably(directory / "baseline" / _NOTE, json.dumps(note, indent=1))
    return _of_note(directory, note)


def _read(directory: Path) -> Baseline | None:
    note = directory / "baseline" / _NOTE
    if not note.exists():
        return None
    return _of_note(directory, json.loads(note.read_text()))


def _of_note(directory: Path, note: Mapping[str, Any]) -> Baseline:
    root = directory / "baseline" / "root"
    return Baseline(root, root / note["model"], note["digest"], note["span"], tuple(note["gains"]))


def digest_of(data: Path) -> str:
    """Digest of a data set's images and labels."""
    return content_digest(read_source(str(data)))
