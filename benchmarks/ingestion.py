"""CPU seconds and memory of the steps before training, at several numbers and sizes of images.

    python -m benchmarks.ingestion [--cases 10000x128,100000x128] [--keep DIR]

A case is IMAGESxSIDE: so many generated JPEG files of that side in px, with up to five labelled digits each. The
steps of the pipeline up to the data gate run on it as a TFX pipeline in a process of its own, without a served model.
CPU seconds are those of all threads while a step runs, imports and the generation of the images left out; memory is the
process's peak during the step. What was measured goes to benchmarks/measured/ingestion.json, a case beside those that
are there.
"""

from __future__ import annotations

import argparse
import functools
import json
import logging
import multiprocessing
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image

from ratchet.pipeline.demo.digit_scenes import SIDE_PX, Look, Scene, draw_scene

MEASURED = Path(__file__).parent / "measured" / "ingestion.json"
CASES = "1000x128,1000x640,1000x1280,10000x128,100000x128"
GOLDEN_IMAGES = 200
SCENES = 2000  # that are drawn; further images are these in another light, with noise of their own
A_DIRECTORY = 1000  # pictures
_JPEG_QUALITY = 90
_MIB = 1 << 20
_Entry = dict[str, Any]


@dataclass(frozen=True)
class Case:
    """So many images of one size.

    Attributes:
        images: how many.
        side_px: of each.
    """

    images: int
    side_px: int

    @classmethod
    def parse(cls, text: str) -> Case:
        """Of `10000x128`."""
        images, _, side = text.partition("x")
        return cls(int(images), int(side))


def main() -> int:
    """Runs the cases, or one of them in a process of its own."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--cases", default=CASES)
    parser.add_argument("--out", type=Path, default=MEASURED)
    parser.add_argument("--keep", type=Path, help="directory for the images; default: a temporary one")
    parser.add_argument("--measure", type=Path, help=argparse.SUPPRESS)
    arguments = parser.parse_args()
    if arguments.measure:
        print(json.dumps(measure(arguments.measure, arguments.measure / "data")))
        return 0
    for case in map(Case.parse, arguments.cases.split(",")):
        with tempfile.TemporaryDirectory(prefix="ratchet-ingestion-", dir=arguments.keep) as work:
            write_case(case, Path(work) / "data")
            command = [sys.executable, "-m", "benchmarks.ingestion", "--measure", work]
            done = subprocess.run(command, stdout=subprocess.PIPE, text=True, check=True)
        steps = json.loads(done.stdout.splitlines()[-1])
        point = {"images": case.images, "side_px": case.side_px, "steps": steps}
        note(arguments.out, "make bench-ingestion", ("side_px", "images"), point)
        print(table(case, steps), flush=True)
    return 0


def note(file: Path, command: str, names: tuple[str, ...], point: dict[str, Any]) -> None:
    """Writes a point beside those that were measured before, in the place of one of the same case.

    Args:
        file: of benchmarks/measured.
        command: that makes it.
        names: of the values that a case is.
        point: what was measured, with these values.
    """
    there = json.loads(file.read_text(encoding="utf-8"))["points"] if file.exists() else []
    kept = [each for each in there if any(each[name] != point[name] for name in names)]
    points = sorted([*kept, point], key=lambda each: tuple(each[name] for name in names))
    head = {"command": command, "machine": machine(), "points": points}
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_text(json.dumps(head, indent=1) + "\n", encoding="utf-8")


def machine() -> str:
    """The processor, as Linux names it, and how many of its cores there are."""
    lines = Path("/proc/cpuinfo").read_text(encoding="utf-8").splitlines()
    names = [line.partition(":")[2].strip() for line in lines if line.startswith("model name")]
    return f"{names[0] if names else 'a processor'}, {len(names)} cores"


def table(case: Case, steps: dict[str, dict[str, float]]) -> str:
    """A case for a terminal."""
    head = f"{case.images:,} images of {case.side_px} px: CPU-s, CPU-ms an image, peak MiB"
    lines = [
        f"  {name:<22} {step['cpu_s']:9.1f} {1000 * step['cpu_s'] / case.images:9.2f} {step['peak_mib']:7.0f}"
        for name, step in steps.items()
    ]
    return "\n".join([head, *lines])


def write_case(case: Case, data: Path) -> None:
    """Writes `span-1` of a case and the golden set beside it."""
    _write(data / "span-1", case, golden=False)
    _write(data / "golden", Case(GOLDEN_IMAGES, case.side_px), golden=True)


def _write(directory: Path, case: Case, golden: bool) -> None:
    for number in range(0, case.images, A_DIRECTORY):
        (directory / "images" / f"{number // A_DIRECTORY:04}").mkdir(parents=True)
    with multiprocessing.Pool() as pool:
        work = functools.partial(_write_image, str(directory), case.side_px, golden)
        made = pool.imap(work, range(case.images), chunksize=100)
        images, annotations = [], []
        for entry, boxes in made:
            images.append(entry)
            annotations += [{**box, "id": len(annotations) + place} for place, box in enumerate(boxes, start=1)]
    categories = [{"id": digit + 1, "name": str(digit)} for digit in range(10)]
    document = {"images": images, "annotations": annotations, "categories": categories}
    (directory / "annotations.json").write_text(json.dumps(document), encoding="utf-8")


def _write_image(
    directory: str, side_px: int, golden: bool, number: int
) -> tuple[dict[str, Any], list[dict[str, Any]]]:
    """Writes the picture; its entry and its objects, without ids."""
    scene, random = _scene(number % SCENES, golden), np.random.default_rng([number, golden])
    light = 1.0 if number < SCENES else random.uniform(0.85, 1.15)
    pixels = np.asarray(scene.image.resize((side_px, side_px), Image.Resampling.BICUBIC), np.float32) * light
    pixels += random.normal(0, 3, (side_px, side_px, 1)).astype(np.float32)
    name = f"{number // A_DIRECTORY:04}/{number:07}.jpg"
    picture = Image.fromarray(np.clip(pixels, 0, 255).astype(np.uint8))
    picture.save(f"{directory}/images/{name}", quality=_JPEG_QUALITY)
    entry = {"id": number + 1, "file_name": name, "width": side_px, "height": side_px}
    return entry, list(_objects(scene, side_px / SIDE_PX, number + 1))


def _objects(scene: Scene, times: float, image: int) -> Iterator[dict[str, Any]]:
    for labelled in scene.objects:
        box = [value * times for value in labelled.box_xywh_px]
        yield {"image_id": image, "category_id": labelled.digit + 1, "bbox": box, "area": box[2] * box[3], "iscrowd": 0}


@functools.lru_cache(maxsize=SCENES)
def _scene(number: int, golden: bool) -> Scene:
    def stream(use: str) -> np.random.Generator:
        return np.random.default_rng([int(golden), number, *use.encode()])

    return draw_scene(stream, Look(), golden)


class Meter(logging.Handler):
    """CPU seconds, seconds and peak memory of each step, by what TFX's launcher says."""

    def __init__(self) -> None:
        super().__init__()
        self.steps: dict[str, dict[str, float]] = {}
        self._begun = (0.0, 0.0)

    def emit(self, record: logging.LogRecord) -> None:
        """Takes the lines `Component X is running.` and `Component X is finished.`"""
        if record.msg == "Component %s is running." and isinstance(record.args, tuple):
            forget_peak()
            self._begun = (time.process_time(), time.monotonic())
        elif record.msg == "Component %s is finished." and isinstance(record.args, tuple):
            cpu, wall = time.process_time() - self._begun[0], time.monotonic() - self._begun[1]
            taken = {"cpu_s": cpu, "wall_s": wall, "peak_mib": peak_mib()}
            self.steps[str(record.args[0])] = {name: round(value, 3) for name, value in taken.items()}


def forget_peak() -> None:
    """From now on VmHWM is counted anew: proc(5), clear_refs."""
    Path("/proc/self/clear_refs").write_text("5", encoding="ascii")


def peak_mib() -> float:
    """VmHWM of this process."""
    lines = Path("/proc/self/status").read_text(encoding="ascii").splitlines()
    return next(int(line.split()[1]) * 1024 / _MIB for line in lines if line.startswith("VmHWM"))


def measure(work: Path, data: Path, beam_args: Sequence[str] = (), gate: bool = True) -> dict[str, dict[str, float]]:
    """Runs the steps on a delivery, with the data gate or without; what each took, by its name."""
    import absl.logging
    from tfx.orchestration import metadata
    from tfx.orchestration.local.local_dag_runner import LocalDagRunner
    from tfx.orchestration.pipeline import Pipeline

    from benchmarks.data import steps_to_the_gate

    pipeline = Pipeline(
        pipeline_name="ingestion",
        pipeline_root=str(work / "artifacts"),
        components=steps_to_the_gate(data, work)[: None if gate else -1],
        beam_pipeline_args=list(beam_args),
        enable_cache=False,
        metadata_connection_config=metadata.sqlite_metadata_connection_config(str(work / "metadata.sqlite")),
    )
    meter = Meter()
    absl.logging.set_verbosity(absl.logging.INFO)
    absl.logging.get_absl_logger().addHandler(meter)
    LocalDagRunner().run(pipeline)
    return meter.steps


if __name__ == "__main__":
    from benchmarks.ingestion import main as imported_main  # so that processes find the functions under this name

    sys.exit(imported_main())
