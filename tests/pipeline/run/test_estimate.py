"""What a run takes is estimated from what was measured, and from the runs before it."""

from __future__ import annotations

import dataclasses
import json
from typing import Any

import pytest

from ratchet.components.trainer.model.model_settings import ModelSettings
from ratchet.pipeline.config.pipeline_settings import load_config
from ratchet.pipeline.config.presets import presets
from ratchet.pipeline.config.proposal.machine import Machine
from ratchet.pipeline.run.costs import Costs, ModelCost, StepCost, measured_costs
from ratchet.pipeline.run.estimate import (
    FACTOR,
    FACTOR_OF_EARLIER,
    EarlierRun,
    RunEstimate,
    estimate_run,
    step_seconds,
    training_bytes,
)
from ratchet.pipeline.run.estimate_text import estimate_lines, estimate_values
from ratchet.pipeline.run.workload import Workload

GIB = 1 << 30
MACHINE = Machine(16 * GIB, 2)
STEPS = ("DetectionExampleGen", "GoldenExampleGen", "StatisticsGen", "DataGate", "DetectorTrainer", "MapEvaluator")
DIGITS, COCO = (load_config(name).model for name in ("digits", "retinanet_resnetfpn_coco"))


def model_cost(model: ModelSettings, preset: str, parameters: int) -> ModelCost:
    shape = (preset, model.backbone.type, model.backbone.options, model.fpn_filters, model.head_filters)
    return ModelCost(*shape, parameters, step_pixel_s=1e-6, look_pixel_s=2e-7, first_s=4.0, look_pixel_bytes=100.0)


IMAGES = StepCost(start_s=2.0, image_s=0.002, megapixel_s=0.02, base_bytes=float(GIB), image_bytes=1000.0)
COSTS = Costs(
    machine="a machine",
    steps={**dict.fromkeys(STEPS, IMAGES), "DetectorTrainer": StepCost(start_s=10.0)},
    models=(model_cost(DIGITS, "digits", 400_000), model_cost(COCO, "retinanet_resnetfpn_coco", 34_000_000)),
)
WORK = Workload(
    images=1000,
    train_images=800,
    golden_images=200,
    golden_is_stored=False,
    megapixels=0.3,
    file_bytes=50_000_000,
    model=DIGITS,
    classes=10,
    steps=300,
    batch_size=16,
    validations=8,
    validation_images=100,
    has_baseline=True,
    gate_looks=400,
    train_sample=500,
    held_out_images=100,
    look_batch=16,
)


def estimated(work: Workload = WORK, machine: Machine = MACHINE, **options: Any) -> RunEstimate:
    return estimate_run(STEPS, work, machine, COSTS, **options)


def seconds(estimate: RunEstimate, step: str) -> tuple[float, float]:
    [found] = [each.seconds for each in estimate.steps if each.step == step]
    assert found is not None
    return found


def changed(**values: Any) -> RunEstimate:
    return estimated(dataclasses.replace(WORK, **values))


def test_more_images_take_longer_in_every_step_that_goes_over_them() -> None:
    few, many = estimated(), changed(images=100_000, train_images=80_000)
    for step in ("DetectionExampleGen", "StatisticsGen", "DataGate"):
        assert seconds(many, step)[0] > seconds(few, step)[1]
    assert seconds(many, "DetectorTrainer") == seconds(few, "DetectorTrainer")  # as many steps
    assert many.seconds[0] > few.seconds[0]


def test_steps_batches_pixels_and_looks_take_longer() -> None:
    base = estimated()
    for more in ({"steps": 600}, {"batch_size": 32}, {"validations": 80}, {"model": wide(DIGITS)}):
        assert seconds(changed(**more), "DetectorTrainer") > seconds(base, "DetectorTrainer")
    for more in ({"golden_images": 5000}, {"held_out_images": 2000}, {"train_sample": 800}):
        assert seconds(changed(**more), "MapEvaluator") > seconds(base, "MapEvaluator")
    assert seconds(changed(has_baseline=False), "MapEvaluator") < seconds(base, "MapEvaluator")
    assert seconds(changed(has_baseline=False), "DataGate") < seconds(base, "DataGate")
    assert seconds(changed(gate_looks=10), "DataGate") < seconds(base, "DataGate")


def wide(model: ModelSettings) -> ModelSettings:
    return dataclasses.replace(model, input_size=(128, 256))


def test_a_training_costs_its_steps_by_pixels_shared_out_among_the_cores() -> None:
    looks = 8 * 100 + 500
    expected = 10.0 + ((300 * 16 * 1e-6 + looks * 2e-7) * 128 * 128 + 4.0) / 2
    assert step_seconds("DetectorTrainer", WORK, 2, COSTS) == pytest.approx(expected)
    low, high = seconds(estimated(), "DetectorTrainer")
    assert (low * FACTOR, high / FACTOR) == pytest.approx((expected, expected))


def test_more_cores_are_faster_for_models_and_not_for_one_process_of_images() -> None:
    few, many = estimated(), estimated(machine=Machine(16 * GIB, 8))
    assert seconds(many, "DetectorTrainer") < seconds(few, "DetectorTrainer")
    assert seconds(many, "DetectionExampleGen") == seconds(few, "DetectionExampleGen")


def earlier(**took: float) -> EarlierRun:
    work = dataclasses.replace(WORK, images=500, train_images=400, steps=150)
    return EarlierRun("span-1-abc-1", work, took, on_gpu=False)


def test_an_earlier_run_of_the_root_says_how_fast_this_machine_is() -> None:
    slow = earlier(DetectorTrainer=3 * step_seconds("DetectorTrainer", earlier().work, 2, COSTS))
    low, high = seconds(estimated(earlier=slow), "DetectorTrainer")
    expected = 3 * step_seconds("DetectorTrainer", WORK, 2, COSTS)
    assert (low * FACTOR_OF_EARLIER, high / FACTOR_OF_EARLIER) == pytest.approx((expected, expected))
    bases = {step.step: step.basis for step in estimated(earlier=slow).steps}
    assert (bases["DetectorTrainer"], bases["MapEvaluator"]) == ("span-1-abc-1", "costs")


def test_the_same_work_again_takes_what_it_took() -> None:
    took = {"DetectionExampleGen": 33.0, "MapEvaluator": 71.0}
    again = estimated(earlier=EarlierRun("span-1-abc-1", WORK, took, on_gpu=False))
    for step, value in took.items():
        low, high = seconds(again, step)
        assert low < value < high
        assert (low * high) ** 0.5 == pytest.approx(value)


def test_a_golden_set_that_is_stored_is_not_read_again() -> None:
    stored = changed(golden_is_stored=True)
    assert seconds(stored, "GoldenExampleGen")[1] <= 1
    run = dataclasses.replace(earlier(GoldenExampleGen=0.01), work=dataclasses.replace(WORK, golden_is_stored=True))
    assert seconds(estimated(earlier=run), "GoldenExampleGen") == seconds(estimated(), "GoldenExampleGen")


def test_on_a_gpu_nothing_is_claimed_until_a_run_was_measured_there() -> None:
    gpu = Machine(16 * GIB, 8, gpus=1)
    first = estimated(machine=gpu)
    assert not first.is_complete
    assert [step.step for step in first.steps if step.seconds is None] == [
        "DataGate",
        "DetectorTrainer",
        "MapEvaluator",
    ]
    assert any("at least, for nothing was measured on a GPU" in line for line in estimate_lines(first))
    on_cpu = estimated(machine=gpu, earlier=earlier(DetectorTrainer=60.0))
    assert not on_cpu.is_complete
    there: dict[str, float] = dict.fromkeys(STEPS, 5.0)
    run = EarlierRun("span-1-abc-1", WORK, there, on_gpu=True)
    known = estimated(machine=gpu, earlier=run)
    assert known.is_complete
    assert seconds(known, "DetectorTrainer")[0] < 5.0 < seconds(known, "DetectorTrainer")[1]


def coco(**values: Any) -> Workload:
    return dataclasses.replace(WORK, model=COCO, **values)


def test_too_large_a_batch_is_warned_of_with_one_that_fits() -> None:
    [warning] = estimated(coco(batch_size=256)).warnings
    assert "DetectorTrainer needs about" in warning
    named = int(warning.partition("training.batch_size=")[2].split()[0])
    assert (
        training_bytes(coco(), MACHINE, COSTS, named)
        <= MACHINE.memory_bytes
        < training_bytes(coco(), MACHINE, COSTS, named + 1)
    )
    assert estimated(coco(batch_size=named)).warnings == ()


def test_parts_of_a_batch_need_the_memory_of_a_part() -> None:
    whole, parts = coco(batch_size=256), coco(batch_size=256, accumulate=16)
    assert training_bytes(parts, MACHINE, COSTS, 256) == training_bytes(whole, MACHINE, COSTS, 16)
    [warning] = estimated(coco(batch_size=16)).warnings
    named = int(warning.partition("training.accumulate=")[2].split()[0])
    assert estimated(coco(batch_size=16, accumulate=named)).warnings == ()
    assert estimated(coco(batch_size=16, accumulate=max(named // 2, 1))).warnings != ()
    [of_many] = estimated(coco(batch_size=4096)).warnings
    assert "training.accumulate" not in of_many


def test_where_no_batch_fits_an_input_is_named_that_does() -> None:
    small = Machine(round(3.2 * GIB), 2)
    [warning] = estimated(coco(batch_size=2, has_baseline=False), small).warnings
    text = warning.partition("model.input_size=")[2].split()[0]
    size = json.loads(text)
    assert "--set training.batch_size=1" in warning
    assert all(side % 128 == 0 and side < 640 for side in size)
    assert training_bytes(coco(), small, COSTS, 1, tuple(size)) <= small.memory_bytes
    kept = estimated(coco(batch_size=2, keeps_model=True), small).warnings[0]
    assert "a root keeps its model's input" in kept
    after_an_adoption = estimated(coco(batch_size=2), small).warnings[0]
    assert after_an_adoption.endswith("fits")
    [none] = estimated(coco(batch_size=2), Machine(2 * GIB, 2)).warnings
    assert "no batch and no input size" in none


def test_several_gpus_share_a_batch() -> None:
    one, two = (training_bytes(coco(), Machine(16 * GIB, 8, gpus=gpus), COSTS, 32) for gpus in (1, 2))
    assert two < one
    assert two == training_bytes(coco(), Machine(16 * GIB, 8, gpus=1), COSTS, 16)


def test_a_full_disk_is_warned_of() -> None:
    [warning] = estimated(free_disk_bytes=10_000_000).warnings
    assert "ratchet prune" in warning
    assert estimated(free_disk_bytes=10 * GIB).warnings == ()
    bare = changed(file_bytes=0)
    assert changed(file_bytes=7).disk_bytes == bare.disk_bytes + 7
    assert changed(file_bytes=0, images=WORK.images + 1000).disk_bytes > bare.disk_bytes + 4_000_000
    golden = {"file_bytes": 0, "golden_bytes": 90_000_000}
    assert changed(**golden, golden_is_stored=False).disk_bytes > bare.disk_bytes + 80_000_000
    assert changed(**golden, golden_is_stored=True).disk_bytes <= bare.disk_bytes
    large = estimated(coco(batch_size=1))
    assert large.checkpoint_bytes == 2 * 4 * 4 * 34_000_000
    assert large.disk_bytes > estimated().disk_bytes


def test_a_model_that_was_not_measured_is_estimated_as_the_nearest_and_that_is_said() -> None:
    other = dataclasses.replace(COCO, fpn_filters=128)
    estimate = estimated(dataclasses.replace(WORK, model=other))
    assert (estimate.model, estimate.is_this_model) == ("retinanet_resnetfpn_coco", False)
    assert "as that of retinanet_resnetfpn_coco, the nearest" in "\n".join(estimate_lines(estimate))
    assert estimated().is_this_model
    assert "nearest" not in " ".join(estimate_lines(estimated()))


def test_a_person_reads_time_memory_disk_and_where_they_come_from() -> None:
    lines = estimate_lines(estimated(free_disk_bytes=10 * GIB))
    text = "\n".join(lines)
    assert lines[0].startswith("  time      about ")
    assert "300 training steps" in lines[0]
    assert "17 GB are free" in lines[1]
    assert "11 GB are free" in lines[2]
    for step in STEPS:
        assert step in text
    assert "measured to cost on a machine" in lines[-1]
    again = "\n".join(estimate_lines(estimated(earlier=earlier(DetectorTrainer=99.0))))
    assert "as in span-1-abc-1" in again
    assert "what the steps of span-1-abc-1 took in this root" in again
    assert json.loads(json.dumps(estimate_values(estimated())))["training_steps"] == 300


def test_what_was_measured_comes_along_and_knows_every_preset() -> None:
    costs = measured_costs()
    assert {cost.preset for cost in costs.models} == set(presets())
    for name in presets():
        found, exact = costs.model(load_config(name).model)
        assert (found.preset, exact) == (name, True)
    for cost in costs.models:
        assert cost.step_pixel_s > cost.look_pixel_s > 0
        assert cost.parameters > 1000
    assert costs.steps["DetectionExampleGen"].megapixel_s > 0
    assert all(step.base_bytes > 1e8 for step in costs.steps.values())
