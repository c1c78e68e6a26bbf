"""Makes pipeline/run/costs.json, by which runs are estimated, and the tables of docs/presets.md and docs/scale.md.

    python -m benchmarks.costs --demo ratchet-demo

What an image and a pixel cost is taken from benchmarks/measured (`make bench-ingestion`, `make bench-presets`). What is
left of the steps of the demo's runs, which is there whatever the data, is what their starts cost.
"""

from __future__ import annotations

import argparse
import dataclasses
import json
import statistics
import sys
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from benchmarks.measured_docs import write_tables
from benchmarks.presets import LOOKS
from ratchet.components.example_gen.dataset import read_source
from ratchet.components.trainer.policy import NewSpan, plan_training
from ratchet.pipeline.config.pipeline_settings import load_config
from ratchet.pipeline.run.costs import COSTS_FILE, Costs, ModelCost, StepCost
from ratchet.pipeline.run.estimate import step_seconds
from ratchet.pipeline.run.workload import Workload, workload
from ratchet.schemas.artifacts.run_result import RUN_RESULT_FORMAT, RunResult
from ratchet.schemas.artifacts.training_record import TrainingRecord, read_training_record
from ratchet.schemas.base.files import LOCAL_FILES

MEASURED = Path(__file__).parent / "measured"
TREE = Path(__file__).resolve().parent.parent
_MIB = 1 << 20
_OVER_IMAGES = ("DetectionExampleGen", "StatisticsGen", "DataGate")
_CORES = 2  # of the machine on which the demo ran


@dataclass(frozen=True)
class DemoRun:
    """One run of the demo: what it had to do, and what it took."""

    work: Workload
    seconds: Mapping[str, float]


def main() -> int:
    """Writes file and tables."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--demo", type=Path, required=True, help="directory that `ratchet demo` made")
    parser.add_argument("--tree", type=Path, default=TREE, help="directory of pipeline/ and docs/")
    arguments = parser.parse_args()
    ingestion, presets = (
        json.loads((MEASURED / f"{name}.json").read_text(encoding="utf-8")) for name in ("ingestion", "presets")
    )
    costs = with_starts(per_image(ingestion, presets), list(demo_runs(arguments.demo)))
    values = {"made_by": "make bench-costs", **dataclasses.asdict(costs)}
    file = arguments.tree / COSTS_FILE.relative_to(TREE)
    file.write_text(json.dumps(rounded(values), indent=1) + "\n", encoding="utf-8")
    write_tables(arguments.tree, ingestion, presets)
    return 0


def rounded(values: Any) -> Any:
    """All numbers that are not whole with four significant digits."""
    if isinstance(values, Mapping):
        return {name: rounded(value) for name, value in values.items()}
    if isinstance(values, (list, tuple)):
        return [rounded(value) for value in values]
    return float(f"{values:.4g}") if isinstance(values, float) else values


def per_image(ingestion: Mapping[str, Any], presets: Mapping[str, Any]) -> Costs:
    """What images and pixels cost, without what steps cost at their start.

    Args:
        ingestion: benchmarks/measured/ingestion.json.
        presets: benchmarks/measured/presets.json.
    """
    points = ingestion["points"]
    over_images = {step: _step_cost(step, points) for step in _OVER_IMAGES}
    base_bytes = max(point["steps"]["BaselineReader"]["peak_mib"] for point in points) * _MIB
    rest = ("GoldenExampleGen", "BaselineReader", "ImportSchemaGen", "DetectorTrainer", "MapEvaluator")
    others = {step: StepCost(base_bytes=base_bytes) for step in (*rest, "Diagnosis", "Pusher", "Review")}
    others["GoldenExampleGen"] = over_images["DetectionExampleGen"]
    models = tuple(_model_cost(name, presets["points"]) for name in dict.fromkeys(_names(presets)))
    return Costs(ingestion["machine"], {**over_images, **others}, models)


def _names(presets: Mapping[str, Any]) -> list[str]:
    return [point["preset"] for point in presets["points"]]


def _step_cost(step: str, points: Sequence[Mapping[str, Any]]) -> StepCost:
    """Seconds grow with the images of one size, and with the pixels of the cases of as many images."""
    small = min(point["side_px"] for point in points)
    by_images = [point for point in points if point["side_px"] == small]
    fewest = min(point["images"] for point in by_images)
    by_pixels = [point for point in points if point["images"] == fewest]
    megapixel_s = _slope([p["side_px"] ** 2 / 1e6 for p in by_pixels], [_cpu_s(step, p) / fewest for p in by_pixels])
    image_s = _slope([p["images"] for p in by_images], [_cpu_s(step, p) for p in by_images])
    if len(by_images) == 1:  # the start is in it, until a case of more images was run
        image_s = _cpu_s(step, by_images[0]) / fewest
    peaks = [point["steps"][step]["peak_mib"] * _MIB for point in by_images]
    image_bytes = max(_slope([point["images"] for point in by_images], peaks), 0.0)
    return StepCost(
        image_s=max(image_s - max(megapixel_s, 0.0) * small**2 / 1e6, 0.0),
        megapixel_s=max(megapixel_s, 0.0),
        base_bytes=min(peaks),
        image_bytes=image_bytes,
    )


def _cpu_s(step: str, point: Mapping[str, Any]) -> float:
    return point["steps"][step]["cpu_s"]


def _slope(x: Sequence[float], y: Sequence[float]) -> float:
    return float(np.polyfit(x, y, 1)[0]) if len(x) > 1 else 0.0


def _model_cost(name: str, all_points: Sequence[Mapping[str, Any]]) -> ModelCost:
    points = [point for point in all_points if point["preset"] == name]
    pixels = [point["side_px"] ** 2 for point in points]
    model = load_config(name).model

    def per_pixel(what: str) -> float:
        return sum(px * point[what] for px, point in zip(pixels, points)) / sum(px * px for px in pixels)

    looks = [(point["look_peak_mib"] - point["built_mib"]) * _MIB / px for px, point in zip(pixels, points)]
    return ModelCost(
        preset=name,
        backbone=model.backbone.type,
        options=dict(model.backbone.options),
        fpn_filters=model.fpn_filters,
        head_filters=model.head_filters,
        parameters=points[-1]["parameters"],
        step_pixel_s=per_pixel("step_image_cpu_s"),
        look_pixel_s=per_pixel("look_image_cpu_s"),
        first_s=statistics.mean(point["first_step_cpu_s"] + point["first_look_cpu_s"] for point in points),
        look_pixel_bytes=max(looks[-1], 0.0) / LOOKS,
    )


def with_starts(costs: Costs, runs: Sequence[DemoRun]) -> Costs:
    """The same with what steps took in the demo beyond what its images and steps cost; the median of its runs.

    Args:
        costs: of `per_image`.
        runs: of the demo.
    """
    steps = {}
    for name, cost in costs.steps.items():
        is_golden = name == "GoldenExampleGen"
        took = [run for run in runs if name in run.seconds and not (is_golden and run.work.golden_is_stored)]
        beyond = [run.seconds[name] - step_seconds(name, run.work, _CORES, costs) for run in took]
        steps[name] = dataclasses.replace(cost, start_s=max(statistics.median(beyond), 0.0) if beyond else 0.0)
    return dataclasses.replace(costs, steps=steps)


def demo_runs(demo: Path) -> Iterator[DemoRun]:
    """The demo's runs, in their order.

    Args:
        demo: directory that `ratchet demo` made.
    """
    root, baseline = demo / "root", None
    golden_images = len(read_source(str(demo / "data" / "golden")).records)
    files = sorted((root / "runs").glob("*/result.json"), key=lambda file: file.stat().st_mtime)
    for place, file in enumerate(files):
        result = RUN_RESULT_FORMAT.read(file.read_text(encoding="utf-8"), str(file))
        record = _record(root, result)
        work = _work(result, record, baseline, demo / "data", golden_images)
        yield DemoRun(dataclasses.replace(work, golden_is_stored=place > 0), result.seconds)
        baseline = record if result.pushed_version else baseline


def _record(root: Path, result: RunResult) -> TrainingRecord:
    number = str(result.model).rstrip("/").rpartition("/")[2]
    directory = root / "artifacts" / "DetectorTrainer" / "model" / number / "Format-Serving"
    return read_training_record(str(directory), LOCAL_FILES)


def _work(
    result: RunResult, record: TrainingRecord, baseline: TrainingRecord | None, data: Path, golden_images: int
) -> Workload:
    settings = load_config("digits")  # the demo's
    span = NewSpan(record.data[-1], dict.fromkeys(record.class_names, 1))
    plan = plan_training(settings.trainer, span, baseline)
    records = read_source(str(data / f"span-{result.span}")).records
    return dataclasses.replace(workload(settings, plan, records, golden_images), steps=record.steps)


if __name__ == "__main__":
    sys.exit(main())
