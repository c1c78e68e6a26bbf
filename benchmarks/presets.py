"""What a training step and a look of each preset's model take on a processor: CPU seconds an image, and memory.

    python -m benchmarks.presets [--cases digits:128:16,mobile:256:8]

A case is PRESET:SIDE:BATCH; each is measured in a process of its own, on generated digit scenes: steps as the Trainer
takes them, with its own input, and looks through the served function, as the evaluator takes them. The first of either,
which traces the graph, is counted on its own. Memory is VmHWM of the process: once the model is built, then the peak of
the steps, then that of the looks. What was measured goes to benchmarks/measured/presets.json.
"""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

from benchmarks.ingestion import forget_peak, note, peak_mib

MEASURED = Path(__file__).parent / "measured" / "presets.json"
CASES = (
    "digits:128:16,digits:256:16,mobile:256:8,mobile:512:8,"
    "retinanet_resnetfpn_coco:384:2,retinanet_resnetfpn_coco:640:2,retinanet_resnetfpn_coco:640:4"
)
LOOKS = 16  # evaluator.batch_size


def main() -> int:
    """Runs the cases, or one of them in a process of its own."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--cases", default=CASES)
    parser.add_argument("--out", type=Path, default=MEASURED)
    parser.add_argument(
        "--seconds", type=float, default=20.0, help="of CPU time for which steps and looks are repeated"
    )
    parser.add_argument("--measure", help=argparse.SUPPRESS)
    arguments = parser.parse_args()
    if arguments.measure:
        print(json.dumps(measure(*_parsed(arguments.measure), arguments.seconds)))
        return 0
    for case in arguments.cases.split(","):
        command = [sys.executable, "-m", "benchmarks.presets", "--measure", case]
        command += ["--seconds", str(arguments.seconds)]
        done = subprocess.run(command, stdout=subprocess.PIPE, text=True, check=True)
        point = json.loads(done.stdout.splitlines()[-1])
        note(arguments.out, "make bench-presets", ("preset", "side_px", "batch"), point)
        print(json.dumps(point), flush=True)
    return 0


def _parsed(case: str) -> tuple[str, int, int]:
    preset, side, batch = case.split(":")
    return preset, int(side), int(batch)


def measure(preset: str, side_px: int, batch: int, seconds: float) -> dict[str, Any]:
    """Takes steps and looks with the model of a preset at an input of `side_px`, in batches of `batch`."""
    from benchmarks.training_speed import _examples, _our_batches, _span
    from ratchet.pipeline.config.pipeline_settings import load_config

    changed = [f"model.input_size=[{side_px},{side_px}]", f"training.batch_size={batch}"]
    settings = load_config(preset, changed).trainer
    with tempfile.TemporaryDirectory(prefix="ratchet-presets-") as work:
        from ratchet.components.trainer.policy import plan_training

        examples = _examples(None, Path(work))
        plan = plan_training(settings, _span(examples), None)
        batches = _our_batches(plan, examples, batch)
        pictures = sorted(Path(work, "span-1", "images").iterdir())[:LOOKS]
        encoded = [picture.read_bytes() for picture in pictures]
        return {
            "preset": preset,
            "side_px": side_px,
            "batch": batch,
            **_measured(plan, batches, batch, encoded, seconds),
        }


def _measured(plan: Any, batches: Any, batch: int, encoded: list[bytes], seconds: float) -> dict[str, Any]:
    import tensorflow as tf

    from ratchet.components.trainer.learner import Learner, LearnerOptions
    from ratchet.components.trainer.serving import Serving

    names = plan.class_names
    learner = Learner(tf.distribute.get_strategy(), plan, LearnerOptions(len(names)), lambda model: None)
    forget_peak()
    built = peak_mib()
    step = _timed(lambda: learner.step(next(batches)), seconds)
    peak = peak_mib()
    serving = Serving(learner.model, plan.model, names)
    images = tf.constant(encoded)
    forget_peak()
    look = _timed(lambda: serving.serve(image_bytes=images)["detection_boxes"].numpy(), seconds)
    return {
        "parameters": sum(int(weight.numpy().size) for weight in learner.model.weights),
        "built_mib": round(built),
        "step_peak_mib": round(peak),
        "look_peak_mib": round(peak_mib()),
        "first_step_cpu_s": round(step["first"], 2),
        "first_look_cpu_s": round(look["first"], 2),
        "step_image_cpu_s": round(step["cpu"] / batch, 5),
        "look_image_cpu_s": round(look["cpu"] / len(encoded), 5),
    }


def _timed(action: Callable[[], Any], seconds: float) -> dict[str, float]:
    """CPU seconds of the first call, and of one of those that follow; no seconds, for others may share the machine."""
    begun = time.process_time()
    action()
    first = time.process_time() - begun
    action()
    calls, cpu = 0, time.process_time()
    while calls < 2 or time.process_time() - cpu < seconds:
        action()
        calls += 1
    return {"first": first, "cpu": (time.process_time() - cpu) / calls}


if __name__ == "__main__":
    sys.exit(main())
