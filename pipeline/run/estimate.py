"""How long a run takes and how much memory and disk it needs, estimated before anything starts; pure.

Seconds of a step are what its work was measured to cost (`costs.py`), and, where a run has ended in this root, as many
times that as this run's step took. Memory of a training step is the figure by which settings are proposed
(`config/proposal/starting_points.py`). Decision: docs/decisions/0037-estimates.md.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

from ratchet.components.trainer.model.model_settings import AUTO
from ratchet.pipeline.config.proposal.machine import Machine
from ratchet.pipeline.config.proposal.starting_points import MOBILE, RESNET50, TINY, StartingPoint
from ratchet.pipeline.run.costs import Costs, StepCost
from ratchet.pipeline.run.workload import Workload
from ratchet.schemas.base.formatting import size
from ratchet.schemas.data.dataset import GOLDEN_STEP

# An estimate from costs alone is right within this factor up or down; one from an earlier run of this root within the
# smaller one (docs/decisions/0037-estimates.md has what the demo's runs took beside what was estimated).
FACTOR = 2.5
FACTOR_OF_EARLIER = 1.5
_WEIGHT_BYTES = 4  # float32
_COPIES_IN_CHECKPOINT = 4  # of the weights: themselves, Adam's two slots, the best ones so far
_CHECKPOINTS = 2  # the one before stays until the next is whole
_MOST_PARTS = 64  # that training.accumulate takes
_COPIES_KEPT = 3  # of the model: the candidate, the baseline's copy of this run, the version that is served
# Of the demo's runs, on disk; its spans have 600 and 1,500 images and its golden set 200.
_STORED_BYTES = 5_000  # of an image beside its file: its small look for copies, its fingerprint, its boxes
_MATCH_BYTES = 4_000  # of an image and a model in the evaluator's tables
_RUN_BYTES = 10_000_000  # of a run whatever its data: pages, log, TensorBoard's events, graphs of the model
_FACTORS = (0.1, 10.0)  # beyond these an earlier run tells of something else than this machine's speed
_STARTS = {"digits": TINY, "mobile": MOBILE, "retinanet_resnetfpn_coco": RESNET50}
_OF_A_MODEL = ("DataGate", "DetectorTrainer", "MapEvaluator")


@dataclass(frozen=True)
class EarlierRun:
    """A run of the same root that has ended.

    Attributes:
        run_id: its id.
        work: what it had to do.
        seconds: of each step.
        on_gpu: whether it was trained on one; None if that is not known.
    """

    run_id: str
    work: Workload
    seconds: Mapping[str, float]
    on_gpu: bool | None = None


@dataclass(frozen=True)
class StepEstimate:
    """One step.

    Attributes:
        step: its name.
        seconds: fewest and most that are to be expected; None where nothing is known.
        memory_bytes: of the process at the step's peak, of one GPU for a training on GPUs.
        basis: what the seconds come from: `costs`, a run's id, `stored` or `unknown`.
    """

    step: str
    seconds: tuple[float, float] | None
    memory_bytes: int
    basis: str


@dataclass(frozen=True)
class RunEstimate:
    """A whole run.

    Attributes:
        steps: in their order.
        training_steps: of the optimizer.
        machine: that it would run on.
        costs_of: the machine whose costs were taken.
        model: the preset whose model's costs were taken.
        is_this_model: whether the model is that preset's.
        checkpoint_bytes: of disk, most while it trains.
        disk_bytes: of disk that the run leaves.
        free_disk_bytes: that there are; None if that is not known.
        warnings: sentences.
    """

    steps: tuple[StepEstimate, ...]
    training_steps: int
    machine: Machine
    costs_of: str
    model: str
    is_this_model: bool
    checkpoint_bytes: int
    disk_bytes: int
    free_disk_bytes: int | None
    warnings: tuple[str, ...] = ()

    @property
    def seconds(self) -> tuple[float, float]:
        """Of all steps of which anything is known."""
        known = [step.seconds for step in self.steps if step.seconds is not None]
        return sum(low for low, _ in known), sum(high for _, high in known)

    @property
    def is_complete(self) -> bool:
        """Whether seconds are known of every step."""
        return all(step.seconds is not None for step in self.steps)

    @property
    def largest(self) -> StepEstimate:
        """The step that needs most memory."""
        return max(self.steps, key=lambda step: step.memory_bytes)


def estimate_run(
    steps: Sequence[str],
    work: Workload,
    machine: Machine,
    costs: Costs,
    earlier: EarlierRun | None = None,
    free_disk_bytes: int | None = None,
) -> RunEstimate:
    """Estimates a run whose span passes the data gate.

    Args:
        steps: its steps, in their order.
        work: what they have to do.
        machine: that they would run on.
        costs: what was measured elsewhere.
        earlier: the newest run of this root that trained; None: there is none.
        free_disk_bytes: where the root is.
    """
    model, is_this_model = costs.model(work.model)
    made = tuple(_step(step, work, machine, costs, earlier) for step in steps)
    disk_bytes = _disk_bytes(work) + _COPIES_KEPT * model.parameters * _WEIGHT_BYTES
    checkpoint_bytes = _CHECKPOINTS * _COPIES_IN_CHECKPOINT * model.parameters * _WEIGHT_BYTES
    disk_warning = _disk_warning(disk_bytes + checkpoint_bytes, free_disk_bytes)
    return RunEstimate(
        steps=made,
        training_steps=work.steps,
        machine=machine,
        costs_of=costs.machine,
        model=model.preset,
        is_this_model=is_this_model,
        checkpoint_bytes=checkpoint_bytes,
        disk_bytes=disk_bytes,
        free_disk_bytes=free_disk_bytes,
        warnings=(*_memory_warning(made, work, machine, costs), *disk_warning),
    )


def _step(step: str, work: Workload, machine: Machine, costs: Costs, earlier: EarlierRun | None) -> StepEstimate:
    memory = round(_memory_bytes(step, work, machine, costs))
    if step == GOLDEN_STEP and work.golden_is_stored:
        return StepEstimate(step, (0.0, 1.0), memory, "stored")
    expected = step_seconds(step, work, machine.cores, costs)
    on_gpu = bool(machine.gpus) and step in _OF_A_MODEL
    factor = _factor(step, machine, costs, earlier, on_gpu)
    if factor is None:
        if on_gpu:  # nothing was measured on any
            return StepEstimate(step, None, memory, "unknown")
        return StepEstimate(step, (expected / FACTOR, expected * FACTOR), memory, "costs")
    assert earlier is not None
    within = (expected * factor / FACTOR_OF_EARLIER, expected * factor * FACTOR_OF_EARLIER)
    return StepEstimate(step, within, memory, earlier.run_id)


def _factor(step: str, machine: Machine, costs: Costs, earlier: EarlierRun | None, on_gpu: bool) -> float | None:
    """How many times as long as its costs say the step took in an earlier run; None where none can tell."""
    if earlier is None or not earlier.seconds.get(step) or (step == GOLDEN_STEP and earlier.work.golden_is_stored):
        return None
    if step in _OF_A_MODEL and bool(earlier.on_gpu) != on_gpu:
        return None
    lowest, highest = (0.0, float("inf")) if on_gpu else _FACTORS
    expected = step_seconds(step, earlier.work, machine.cores, costs)
    return min(max(earlier.seconds[step] / max(expected, 1e-9), lowest), highest)


def step_seconds(step: str, work: Workload, cores: int, costs: Costs) -> float:
    """What a step costs, without a GPU.

    Args:
        step: its name.
        work: of the run.
        cores: of the machine; models keep all of them busy, what goes over images one.
        costs: measured.
    """
    cost = costs.steps.get(step, StepCost())
    model, _ = costs.model(work.model)
    of_models = {
        "DataGate": work.looks_of_gate * model.look_pixel_s,
        "DetectorTrainer": work.steps * work.batch_size * model.step_pixel_s
        + work.looks_of_training * model.look_pixel_s,
        "MapEvaluator": work.looks_of_evaluation * model.look_pixel_s,
    }
    first = model.first_s if step in of_models and (step != "DataGate" or work.looks_of_gate) else 0.0
    images = work.golden_images if step in (GOLDEN_STEP, "Review") else work.images
    return (
        cost.start_s
        + cost.seconds(images, work.megapixels)
        + (of_models.get(step, 0.0) * work.input_pixels + first) / cores
    )


def _memory_bytes(step: str, work: Workload, machine: Machine, costs: Costs) -> float:
    model, _ = costs.model(work.model)
    if step == "DetectorTrainer":
        return training_bytes(work, machine, costs, work.batch_size)
    base = costs.steps.get(step, StepCost()).memory_bytes(work.images)
    if step in ("DataGate", "MapEvaluator"):
        looks = work.look_batch * work.input_pixels * model.look_pixel_bytes
        return base + looks + work.models * model.parameters * _WEIGHT_BYTES
    return base


def training_bytes(
    work: Workload, machine: Machine, costs: Costs, batch_size: int, input_size: tuple[int, int] | None = None
) -> float:
    """Memory of a training step: of the process, or of one GPU.

    Args:
        work: of the run.
        machine: that it trains on.
        costs: by which the nearest of the models is found whose memory was measured.
        batch_size: images a step, over all devices.
        input_size: height and width in px, instead of the model's.
    """
    start = _STARTS[costs.model(work.model)[0].preset]
    each = -(-batch_size // max(machine.gpus, 1) // min(work.accumulate, batch_size))
    return start.fixed_bytes + each * _image_bytes(start, work, input_size or work.model.fixed_input_size)


def _image_bytes(start: StartingPoint, work: Workload, input_size: tuple[int, int]) -> float:
    model = work.model
    anchors = 9 if model.anchors == AUTO else model.anchors.num_scales * len(model.anchors.aspect_ratios)
    levels = range(model.min_level, model.max_level + 1)
    return start.image_bytes(input_size, levels, anchors, work.classes)


def _memory_warning(steps: Sequence[StepEstimate], work: Workload, machine: Machine, costs: Costs) -> list[str]:
    """Names the largest batch that fits, or else the largest input."""
    there = machine.memory_bytes
    training = next((step for step in steps if step.step == "DetectorTrainer"), None)
    if training is None or training.memory_bytes <= there:
        larger = [step for step in steps if step.memory_bytes > there]
        return (
            [f"{larger[0].step} needs about {size(larger[0].memory_bytes)}, and {size(there)} are free"]
            if larger
            else []
        )
    what = "a GPU has" if machine.gpus else "are free"
    told = f"DetectorTrainer needs about {size(training.memory_bytes)}, and {size(there)} {what}: "
    return [told + _what_fits(work, machine, costs)]


def _what_fits(work: Workload, machine: Machine, costs: Costs) -> str:
    there = machine.memory_bytes
    batch = largest(range(1, work.batch_size), lambda count: training_bytes(work, machine, costs, count) <= there)
    if batch is not None:
        parts = -(-work.batch_size // batch) * work.accumulate
        whole = f", and so does --set training.accumulate={parts} with the whole batch" if parts <= _MOST_PARTS else ""
        return f"--set training.batch_size={batch} fits{whole}"
    height, width = work.model.fixed_input_size
    stride = 2**work.model.max_level
    sides = range(stride, max(height, width), stride)

    def scaled(side: int) -> tuple[int, int]:
        share = side / max(height, width)
        high, wide = (max(round(px * share / stride), 1) * stride for px in (height, width))
        return high, wide

    side = largest(sides, lambda px: training_bytes(work, machine, costs, 1, scaled(px)) <= there)
    if side is None:
        return "no batch and no input size of this model fits; take a smaller model or a larger machine"
    kept = " (a root keeps its model's input: begin another one)" if work.keeps_model else ""
    return f"--set training.batch_size=1 --set model.input_size={list(scaled(side))} fits{kept}".replace(", ", ",")


def largest(numbers: range, fits: Callable[[int], bool]) -> int | None:
    """The largest of ascending numbers that fits, where each that fits is larger than all that do not fit less.

    >>> largest(range(1, 100), lambda number: number * number <= 50), largest(range(3, 9), lambda number: False)
    (7, None)
    """
    low, high = 0, len(numbers)
    while low < high:
        middle = (low + high) // 2
        low, high = (middle + 1, high) if fits(numbers[middle]) else (low, middle)
    return numbers[low - 1] if low else None


def _disk_bytes(work: Workload) -> int:
    """What a run leaves but for weights."""
    golden = 0 if work.golden_is_stored else work.golden_bytes + work.golden_images * _STORED_BYTES
    measured = work.looks_of_evaluation * _MATCH_BYTES
    return work.file_bytes + work.images * _STORED_BYTES + golden + measured + _RUN_BYTES


def _disk_warning(wanted_bytes: int, free_bytes: int | None) -> list[str]:
    if free_bytes is None or wanted_bytes <= free_bytes:
        return []
    return [
        f"the run writes about {size(wanted_bytes)}, and {size(free_bytes)} are free: make room, or `ratchet prune`"
    ]
