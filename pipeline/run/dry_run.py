"""What `ratchet run` would do: read and checked as it is before TensorFlow starts, and nothing is written."""

from __future__ import annotations

import dataclasses
import json
import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ratchet.components.trainer.own.plan import OwnPlan
from ratchet.components.trainer.policy import TrainingPlan
from ratchet.pipeline.config.pipeline_settings import PipelineSettings
from ratchet.pipeline.config.proposal.machine import Machine, this_machine
from ratchet.pipeline.past.result import result_text
from ratchet.pipeline.past.run_record import next_run_id, unfinished_run, unreported_run
from ratchet.pipeline.root.holding import check_free, with_ml_metadata
from ratchet.pipeline.root.metadata_store import store_of
from ratchet.pipeline.root.places import is_remote, uri_of
from ratchet.pipeline.root.room import free_bytes
from ratchet.pipeline.root.root_settings import without_secrets
from ratchet.pipeline.root.roots import check_settled, is_root, registry_of
from ratchet.pipeline.root.same_store import check_store
from ratchet.pipeline.run.costs import measured_costs
from ratchet.pipeline.run.earlier import earlier_run, golden_is_stored
from ratchet.pipeline.run.estimate import RunEstimate, estimate_run
from ratchet.pipeline.run.estimate_text import estimate_lines, estimate_values
from ratchet.pipeline.run.nothing_new import decided_before
from ratchet.pipeline.run.preflight import Asked, RunRequest, is_adopted, plan_new, read_request
from ratchet.pipeline.run.starting import check_ml_metadata, tell_budget, tell_left_behind
from ratchet.pipeline.run.workload import workload
from ratchet.schemas.artifacts.diagnosis import DIAGNOSIS_STEP
from ratchet.schemas.artifacts.publication import REGISTRATION_STEP
from ratchet.schemas.artifacts.registry_entries import ServedModel
from ratchet.schemas.artifacts.review import REVIEW_STEP
from ratchet.schemas.artifacts.run_files import key_of
from ratchet.schemas.artifacts.run_result import RUN_RESULT_FORMAT, RunResult
from ratchet.schemas.base import settings as settings_io
from ratchet.schemas.base.errors import ConfigError, InputError
from ratchet.schemas.base.formatting import many
from ratchet.schemas.base.visible import visible_line
from ratchet.schemas.data.dataset import GOLDEN_STEP

BEGIN, RESUME, REPORT, NOTHING = "begin", "resume", "report", "nothing"
_STEPS = ("DetectionExampleGen", GOLDEN_STEP, "BaselineReader", "ImportSchemaGen", "StatisticsGen", "DataGate")
_ASKED_FILES = 300  # whose size is asked; on an object store each is a request
_BEHIND_THE_GATE = ("DetectorTrainer", "MapEvaluator", DIAGNOSIS_STEP, "Pusher")


@dataclass(frozen=True)
class PlannedRun:
    """What would be done.

    Attributes:
        would: `begin` a run, `resume` an interrupted one, `report` how one ended whose command was killed before it
            could say so, or `nothing`.
        request: what was asked for.
        asked: its data.
        run_id: of the run that would be begun, resumed or reported; of `nothing` the one that has decided.
        served: what is served now.
        training: of a run that would be begun; None for any other.
        result: of `nothing`: what would be said.
        proposed: the file to which settings that are proposed would be written; None where there are settings.
        estimate: how long a run that would be begun takes, and how much memory; None for any other, and where a
            trainer of the user's own trains, of which nothing is known.
    """

    would: str
    request: RunRequest
    asked: Asked
    run_id: str
    served: ServedModel | None = None
    training: TrainingPlan | OwnPlan | None = None
    result: RunResult | None = None
    proposed: str | None = None
    estimate: RunEstimate | None = None

    @property
    def steps(self) -> tuple[str, ...]:
        """The steps, as far as the data gate lets the span pass."""
        if self.would not in (BEGIN, RESUME):
            return ()
        return planned_steps(self.request.settings)

    def to_text(self) -> str:
        """For a person."""
        request, asked, name = self.request, self.asked, visible_line(self.run_id)
        lines = [f"Nothing was written. {_SENTENCES[self.would].format(run=name)}"]
        if self.result is not None:
            return "\n".join([*lines, *(f"  {line}" for line in result_text(self.result).splitlines())])
        span = f"span {asked.number} of {asked.span.directory}, {many(len(asked.span.records), 'image')}"
        lines += [f"  span      {visible_line(span)}", f"  golden    {visible_line(str(request.golden))}"]
        lines += [f"  root      {visible_line(uri_of(request.root))}"]
        if self.would == BEGIN:
            lines += [f"  baseline  {_baseline_text(self.served, self.training)}"]
        if self.training is not None:
            lines += [f"  training  {_training_text(self.training, request.settings)}"]
        if self.steps:
            lines += [f"  steps     {', '.join(self.steps)}; behind DataGate only if it lets the span pass"]
        if self.estimate is not None:
            lines += map(visible_line, estimate_lines(self.estimate))
        elif isinstance(self.training, OwnPlan):
            lines += ["  time      not estimated: nothing is known of how long a trainer of one's own takes"]
        lines += [f"  {'' if place else 'settings':8}  {line}" for place, line in enumerate(self._settings_lines())]
        return "\n".join(lines)

    def _settings_lines(self) -> list[str]:
        changed = changed_settings(self.request.settings)
        head = f"proposed from the data, and to be written to {self.proposed}" if self.proposed else ""
        named = [f"{path} = {json.dumps(value)}" for path, value in changed.items()]
        told = [visible_line(line) for line in (head, *named) if line]
        return [*told, "all others are at their defaults; --json has them all"]

    def to_json(self) -> dict[str, Any]:
        """The contract of `ratchet run --dry-run --json`."""
        asked, training, served = self.asked, self.training, self.served
        return {
            "dry_run": True,
            "would": self.would,
            "verdict": self.result.verdict.value if self.result else None,
            "run_id": self.run_id,
            "root": uri_of(self.request.root),
            "span": {
                "number": asked.number,
                "version": asked.version,
                "directory": asked.span.directory,
                "images": len(asked.span.records),
            },
            "golden": str(self.request.golden),
            "baseline": served and {"version": served.version, "run_id": served.run_id, "map": served.map},
            "training": training and _training_values(training),
            "steps": list(self.steps),
            "estimate": self.estimate and estimate_values(self.estimate),
            "settings": settings_values(self.request.settings),
            "changed_settings": changed_settings(self.request.settings),
            "proposed": self.proposed,
            "result": self.result and RUN_RESULT_FORMAT.values_of(self.result),
        }


_SENTENCES = {
    BEGIN: "Would begin run {run}:",
    RESUME: "Would go on with run {run}, which was interrupted, from the step that was running:",
    REPORT: "Would say how run {run} ended, whose command was killed before it could; nothing would be trained:",
    NOTHING: "Would train nothing, and say:",
}


def plan_run(request: RunRequest, proposed: str | None = None) -> PlannedRun:
    """Plans what a request makes a run do.

    Args:
        request: what is asked for.
        proposed: the file to which its settings would be written, if they are proposed.

    Raises:
        InputError: the real command would refuse it.
        StateError: the pipeline root is in use or contradicts itself.
    """
    asked = read_request(request)
    root, key = request.root, key_of(asked.parts)
    is_there = root.is_dir()
    if is_there:
        check_free(root, "working in it")
        with_ml_metadata(root)
    _check_writable(root)
    registry = registry_of(root, request.settings.name)
    check_settled(registry)
    check_store(root, request.settings.metadata.server)
    if is_there and store_of(root).server is None and not is_remote(root):  # others would count on, which writes
        check_ml_metadata(root)
    ended = None if request.anew else unreported_run(root, asked.number, key)
    if ended is not None:
        return PlannedRun(REPORT, request, asked, ended)
    unfinished = unfinished_run(root, asked.number, key)
    if unfinished is not None and not request.anew:
        if request.settings.training.require_device == "gpu":
            _check_device(request.settings, this_machine())
        return PlannedRun(RESUME, request, asked, unfinished, registry.pointer().served)
    if unfinished is None and not request.again and is_root(root):
        served = registry.baseline(True) if request.bootstrap else registry.served()
        decided = decided_before(root, asked.parts, served, registry.decisions())
        if decided is not None:
            result = decided.result(asked.number)
            return PlannedRun(NOTHING, request, asked, result.run_id, served, result=result)
    if unfinished is None:
        tell_left_behind(request, asked)
    served, training = plan_new(request, asked)
    tell_budget(request, asked)
    run_id = next_run_id(root, asked.number, key)
    estimate = None if isinstance(training, OwnPlan) else _estimate(request, asked, training)
    return PlannedRun(BEGIN, request, asked, run_id, served, training, proposed=proposed, estimate=estimate)


def _estimate(request: RunRequest, asked: Asked, training: TrainingPlan) -> RunEstimate:
    """Of a run that would be begun, on this machine."""
    machine, golden = this_machine(), asked.parts["golden"]
    _check_device(request.settings, machine)
    work = workload(request.settings, training, asked.span.records, asked.golden_images)
    earlier = earlier_run(request.root, work, golden)
    work = dataclasses.replace(
        work,
        file_bytes=bytes_of_files([path for shard in asked.span.shards for path in shard.paths]),
        golden_bytes=bytes_of_files([str(path) for path in request.golden.rglob("*") if path.is_file()]),
        golden_is_stored=golden_is_stored(request.root, earlier, golden),
        devices=max(machine.gpus, 1),
    )
    free = free_bytes(request.root)
    return estimate_run(planned_steps(request.settings), work, machine, measured_costs(), earlier, free)


def _check_device(settings: PipelineSettings, machine: Machine) -> None:
    if settings.training.require_device == "gpu" and not machine.gpus:
        raise ConfigError(
            f"training.require_device = gpu: TensorFlow sees no GPU here, only {machine.to_text()}; give the run one "
            "(nvidia-smi shows GPU and driver), or train without: training.require_device: none"
        )


def bytes_of_files(paths: Sequence[str]) -> int:
    """Size of all files together, from at most a few hundred of them.

    Args:
        paths: of image files; one that cannot be asked counts nothing.
    """
    asked = paths[:: max(len(paths) // _ASKED_FILES, 1)]
    sizes = [os.path.getsize(path) for path in asked if os.path.isfile(path)]
    return round(sum(sizes) / max(len(asked), 1) * len(paths))


def planned_steps(settings: PipelineSettings) -> tuple[str, ...]:
    """The steps of a run whose span passes the data gate, in the order in which data flows."""
    registration = (REGISTRATION_STEP,) if settings.vertex_registry.project is not None else ()
    return (*_STEPS, *_BEHIND_THE_GATE, *registration, REVIEW_STEP)


def settings_values(settings: PipelineSettings) -> dict[str, Any]:
    """All settings as they are in force, without secrets."""
    return without_secrets(json.loads(settings_io.to_json(settings)))[0]


def changed_settings(settings: PipelineSettings) -> dict[str, Any]:
    """The settings that are not at their defaults, by the name that `--set` takes; without secrets."""
    return dict(_changed(settings_values(settings), json.loads(settings_io.to_json(PipelineSettings())), ""))


def _changed(values: Mapping[str, Any], defaults: Mapping[str, Any], above: str) -> list[tuple[str, Any]]:
    found: list[tuple[str, Any]] = []
    for name, value in values.items():
        default = defaults.get(name)
        if isinstance(value, Mapping) and isinstance(default, Mapping) and default:
            found += _changed(value, default, f"{above}{name}.")
        elif value != default:
            found.append((f"{above}{name}", value))
    return found


def _check_writable(root: Path) -> None:
    """Whether the root could be made or written to, as far as its permissions say."""
    there = next(place for place in (root, *root.absolute().parents) if os.path.lexists(place))
    if not there.is_dir() or not os.access(there, os.W_OK | os.X_OK):
        raise InputError(f"--root {uri_of(root)}: cannot be made or written to ({there}); give a directory that can")


def _baseline_text(served: ServedModel | None, training: TrainingPlan | OwnPlan | None) -> str:
    if served is None:
        return "none: this trains a first model (--bootstrap)"
    if training is not None and training.mode == "bootstrap":
        whence = "adopted" if is_adopted(served) else f"of run {visible_line(served.run_id)}"
        return f"version {served.version}, {whence}, mAP {served.map:.4f}; what is trained anew has to be no worse"
    return (
        f"version {served.version} of run {visible_line(served.run_id)}, mAP {served.map:.4f}; training starts from it"
    )


def _training_text(plan: TrainingPlan | OwnPlan, settings: PipelineSettings) -> str:
    if isinstance(plan, OwnPlan):
        what = "a retraining" if plan.mode == "retrain" else "a first training"
        return f"{what} by {plan.run_fn}, which knows how"
    start = {
        "retrain": "a retraining from the served model's weights",
        "bootstrap": f"a first training from {settings.training.init_checkpoint or 'random weights'}",
    }[plan.mode]
    text = f"{start}: {many(plan.steps, 'step')} of {many(plan.batch_size, 'image')}"
    text += f", learning rate at most {plan.learning_rate.peak:.3g}"
    if plan.replayed:
        spans = ", ".join(str(data.span) for data in plan.replayed)
        text += f", {plan.continual.replay:.0%} of each batch from span {spans}"
    return f"{text} (on one device; several share a batch)"


def _training_values(plan: TrainingPlan | OwnPlan) -> dict[str, Any]:
    if isinstance(plan, OwnPlan):
        return {
            "mode": plan.mode,
            "trainer": plan.run_fn,
            "images": plan.data[-1].images,
            "classes": list(plan.class_names),
            "declared_changes": list(plan.declared_changes),
        }
    return {
        "mode": plan.mode,
        "steps": plan.steps,
        "batch_size": plan.batch_size,
        "peak_learning_rate": plan.learning_rate.peak,
        "images": plan.data[-1].images,
        "replay": plan.continual.replay if plan.replayed else 0.0,
        "replayed_spans": [data.span for data in plan.replayed],
        "classes": list(plan.class_names),
        "declared_changes": list(plan.declared_changes),
        "post_processing": [dataclasses.asdict(change) for change in plan.post_processing],
    }
