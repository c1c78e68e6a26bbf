"""Reading and validating a span, against TFX's own ImportExampleGen and StatisticsGen on the same images.

    python -m benchmarks.data [--images 10000] [--data DIR]

Both run as TFX pipelines on this machine, each in a process of its own, turn by turn; imports are not counted. What
ours does besides: it reads COCO, decodes and checks every image, measures it, hashes it, splits, and runs the data gate
without a served model. What TFX's does besides: it reads and writes gzip.

Then the profile: seconds of each step, and CPU seconds of what is done with every image, measured in one thread.
"""

from __future__ import annotations

import argparse
import json
import resource
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

from ratchet.pipeline.demo.digits import DigitsOptions, write_digits


def main() -> int:
    """Runs the benchmark, or one measurement of it in a process of its own."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--images", type=int, default=10_000, help="digit scenes to generate")
    parser.add_argument("--data", type=Path, help="directory with span-1 and golden, instead of digit scenes")
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--measure", choices=("ours", "tfx"), help=argparse.SUPPRESS)
    parser.add_argument("--work", type=Path, help=argparse.SUPPRESS)
    arguments = parser.parse_args()
    if arguments.measure:
        print(json.dumps(_measure(arguments.measure, arguments.data, arguments.work)))
        return 0
    with tempfile.TemporaryDirectory(prefix="ratchet-bench-") as work:
        data = arguments.data or _digits(Path(work) / "data", arguments.images)
        _write_records(data / "span-1", Path(work) / "records")
        rounds = []
        for _ in range(arguments.rounds):
            rounds.append({name: _in_process(name, data, Path(work)) for name in ("tfx", "ours")})
            print(_line(rounds[-1]), flush=True)
        ratios = [each["ours"]["seconds"] / each["tfx"]["seconds"] for each in rounds]
        memory = [each["ours"]["peak_mib"] / each["tfx"]["peak_mib"] for each in rounds]
        print(
            f"ours / TFX: wall {statistics.median(ratios):.2f} [{min(ratios):.2f}-{max(ratios):.2f}], "
            f"peak memory {statistics.median(memory):.2f}"
        )
        cpu = [each["ours"]["cpu_seconds"] / each["tfx"]["cpu_seconds"] for each in rounds]
        print(f"CPU {statistics.median(cpu):.2f} [{min(cpu):.2f}-{max(cpu):.2f}]")
        for name in ("tfx", "ours"):
            print(_table(name, [each[name]["steps"] for each in rounds]))
        print(_table("each image, CPU", [_image_seconds(data / "span-1")]))
    return 0


def _table(title: str, rounds: list[dict[str, float]]) -> str:
    """The median of each part's seconds over the rounds."""
    lines = [f"  {part:<28} {statistics.median(each[part] for each in rounds):6.1f} s" for part in rounds[0]]
    return "\n".join([title, *lines])


def _image_seconds(span: Path) -> dict[str, float]:
    """CPU seconds of what ExampleGen does with the images of a span, part by part, for all of them."""
    from ratchet.components.example_gen.convert import to_example
    from ratchet.components.example_gen.dataset import encoded_images, inspect_image, read_source
    from ratchet.schemas.data.dataset import content_digest, image_digest

    seconds: dict[str, float] = {}

    def timed(part: str, work: Callable[[], Any]) -> Any:
        start = time.process_time()
        done = work()
        seconds[part] = seconds.get(part, 0.0) + time.process_time() - start
        return done

    source = timed("read the annotations", lambda: read_source(str(span)))
    names = source.label_map.names
    for shard in source.shards:
        images = timed("read the files", lambda shard=shard: list(encoded_images(shard)))
        for (record, encoded), name in zip(images, shard.names):
            parts = (record, encoded)
            quality = timed("decode, measure, hash", lambda p=parts, n=name: inspect_image(p[1], p[0], n))
            timed("digests", lambda p=parts: (image_digest(*p), content_digest(*p, names)))
            example = timed("convert", lambda p=parts, q=quality: to_example(*p, q, source.label_map))
            timed("serialise", lambda e=example: e.SerializeToString(deterministic=True))
    return seconds


def _line(measured: dict[str, dict[str, Any]]) -> str:
    return "  ".join(
        f"{name}: {each['seconds']:.1f} s, {each['cpu_seconds']:.1f} CPU-s, {each['peak_mib']:.0f} MiB"
        for name, each in measured.items()
    )


def _digits(data: Path, images: int) -> Path:
    print(f"generating {images} scenes", flush=True)
    write_digits(str(data / "span-1"), DigitsOptions(span=1, images=images))
    write_digits(str(data / "golden"), DigitsOptions(golden=True, images=200))
    return data


def _in_process(name: str, data: Path, work: Path) -> dict[str, Any]:
    place = work / name
    shutil.rmtree(place, ignore_errors=True)
    place.mkdir()
    command = [sys.executable, "-m", "benchmarks.data", "--measure", name, "--data", str(data), "--work", str(place)]
    done = subprocess.run(command, capture_output=True, text=True)
    if done.returncode:
        sys.exit(done.stderr)
    return json.loads(done.stdout.splitlines()[-1])


def _write_records(span: Path, out: Path) -> None:
    """The span as a user of ImportExampleGen has it: tf.Examples in gzip."""
    import tensorflow as tf

    out.mkdir()
    document = json.loads((span / "annotations.json").read_text())
    boxes: dict[int, list[Any]] = {}
    for entry in document["annotations"]:
        boxes.setdefault(entry["image_id"], []).append(entry)
    with tf.io.TFRecordWriter(str(out / "data.gz"), "GZIP") as writer:
        for image in document["images"]:
            labels = boxes.get(image["id"], [])
            feature = {
                "image/encoded": _bytes([(span / "images" / image["file_name"]).read_bytes()]),
                "image/height": _ints([image["height"]]),
                "image/width": _ints([image["width"]]),
                "image/object/class/label": _ints([label["category_id"] for label in labels]),
                "image/object/bbox/xmin": _floats([label["bbox"][0] / image["width"] for label in labels]),
                "image/object/bbox/ymin": _floats([label["bbox"][1] / image["height"] for label in labels]),
            }
            writer.write(tf.train.Example(features=tf.train.Features(feature=feature)).SerializeToString())


def _bytes(values: list[bytes]) -> Any:
    import tensorflow as tf

    return tf.train.Feature(bytes_list=tf.train.BytesList(value=values))


def _ints(values: list[int]) -> Any:
    import tensorflow as tf

    return tf.train.Feature(int64_list=tf.train.Int64List(value=values))


def _floats(values: list[float]) -> Any:
    import tensorflow as tf

    return tf.train.Feature(float_list=tf.train.FloatList(value=values))


def _measure(name: str, data: Path, work: Path) -> dict[str, Any]:
    from tfx.orchestration import metadata
    from tfx.orchestration.local.local_dag_runner import LocalDagRunner
    from tfx.orchestration.pipeline import Pipeline

    components = steps_to_the_gate(data, work) if name == "ours" else _tfx(work.parent / "records")
    connection = metadata.sqlite_metadata_connection_config(str(work / "metadata.sqlite"))
    pipeline = Pipeline(
        pipeline_name=name,
        pipeline_root=str(work / "artifacts"),
        components=components,
        enable_cache=False,
        metadata_connection_config=connection,
    )
    before_mib = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    wall, cpu = time.monotonic(), time.process_time()
    LocalDagRunner().run(pipeline)
    taken = {"seconds": time.monotonic() - wall, "cpu_seconds": time.process_time() - cpu}
    peak_mib = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    with metadata.Metadata(connection) as opened:
        steps = _step_seconds(opened.store)
    return {**taken, "peak_mib": peak_mib, "imports_mib": before_mib, "steps": steps}


def _step_seconds(store: Any) -> dict[str, float]:
    """How long each step took, by ML Metadata."""
    seconds = {}
    for execution in store.get_executions():
        [node] = [each.name for each in store.get_contexts_by_execution(execution.id) if each.type == "node"]
        taken_ms = execution.last_update_time_since_epoch - execution.create_time_since_epoch
        seconds[node.partition(".")[2]] = taken_ms / 1000
    return seconds


def _tfx(records: Path) -> list[Any]:
    from tfx.components import ImportExampleGen, StatisticsGen

    examples = ImportExampleGen(input_base=str(records))
    return [examples, StatisticsGen(examples=examples.outputs["examples"])]


def steps_to_the_gate(data: Path, work: Path) -> list[Any]:
    """The steps of `ratchet.pipeline.pipeline` up to the gate."""
    import tensorflow_data_validation as tfdv
    from tfx.components.schema_gen.import_schema_gen.component import ImportSchemaGen

    from ratchet.components.data_gate.component import DataGate
    from ratchet.components.data_gate.settings import DataGateSettings
    from ratchet.components.example_gen.component import DetectionExampleGen
    from ratchet.components.example_gen.settings import ReadingSettings
    from ratchet.components.registry.component import BaselineReader
    from ratchet.components.stack.beam_executors import StatisticsGen
    from ratchet.schemas.data.copy_settings import CopySettings
    from ratchet.schemas.data.tfdv_schema import DEFAULT_SCHEMA_FILE

    schema_file = str(DEFAULT_SCHEMA_FILE)
    as_found = ReadingSettings()
    examples = DetectionExampleGen.of_span(str(data), 1, 0.1, 0.05, None, schema_file, as_found, "refuse")
    golden = DetectionExampleGen.of_golden_set(str(data / "golden"), schema_file, as_found, "refuse")
    golden = golden.with_id("GoldenExampleGen")
    baseline = BaselineReader(f"{work}/registry", f"{work}/serving", bootstrap=1, pushes_ago=0)
    schema = ImportSchemaGen(schema_file=schema_file)
    statistics = StatisticsGen(
        examples=examples.outputs["examples"],
        schema=schema.outputs["schema"],
        stats_options=tfdv.StatsOptions(experimental_filter_read_paths=True),
        exclude_splits=["eval"],
    )
    gate = DataGate(
        examples=examples.outputs["examples"],
        golden=golden.outputs["examples"],
        statistics=statistics.outputs["statistics"],
        schema=schema.outputs["schema"],
        baseline=baseline.outputs["baseline"],
        settings=DataGateSettings(),
        copies=CopySettings(),
        accept_new_golden=0,
    )
    return [examples, golden, baseline, schema, statistics, gate]


if __name__ == "__main__":
    sys.exit(main())
