"""ExampleGen and statistics of one delivery, in memory and on a worker pool (Beam's EXTERNAL environment).

    python -m benchmarks.external_pool [--images 200000] [--workers 2] [--keep DIR] [--kill]

Beam's portable job service and its worker pool each run in a process of their own, as docs/beam.md tells. Seconds are
CPU seconds: of the process that starts the steps, and of the pool with all workers. What both ways store must be the
same bit for bit: `dataset.json` with digest and counts, every TFRecord file, and the counts of the statistics, whose
means may differ by the order in which floats are added (1e-9 of their size); else the command fails.
With `--kill` a worker of ExampleGen dies at half of the time that the step took before, and the error is printed.
"""

from __future__ import annotations

import argparse
import hashlib
import json
import subprocess
import sys
import tempfile
import threading
import time
from pathlib import Path
from typing import Any

import psutil

from benchmarks.ingestion import Case, measure, note, write_case

MEASURED = Path(__file__).parent / "measured" / "external_pool.json"
SIDE_PX = 64
_ROUNDING = 1e-9


def main() -> int:
    """Runs both ways on one delivery, or one of them in a process of its own."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--images", type=int, default=200_000)
    parser.add_argument("--workers", type=int, default=2, help="how many the job asks the pool for")
    parser.add_argument("--out", type=Path, default=MEASURED)
    parser.add_argument("--keep", type=Path, help="directory for images and artifacts; default: a temporary one")
    parser.add_argument("--kill", action="store_true", help="a third time, with a worker that dies")
    parser.add_argument("--measure", type=Path, help=argparse.SUPPRESS)
    parser.add_argument("--args", default="[]", help=argparse.SUPPRESS)
    arguments = parser.parse_args()
    if arguments.measure:
        print(
            json.dumps(
                {
                    "steps": measure(
                        arguments.measure, arguments.measure.parent / "data", json.loads(arguments.args), gate=False
                    )
                }
            )
        )
        return 0
    with tempfile.TemporaryDirectory(prefix="ratchet-external-", dir=arguments.keep) as work:
        return compare(arguments, Path(work))


def compare(arguments: argparse.Namespace, work: Path) -> int:
    """Both ways, and whether they stored the same."""
    from tests.beam.servers import cluster

    write_case(Case(arguments.images, SIDE_PX), work / "data")
    here = one_way(work, "in-memory", [])
    with cluster(work) as found:
        args = [*found.args, f"--sdk_worker_parallelism={arguments.workers}"]
        before = cpu_of_tree(found.pool_process)
        there = one_way(work, "pool", args)
        there["pool_cpu_s"] = round(cpu_of_tree(found.pool_process) - before, 1)
        killed = kill_one(work, found.pool_process, args, there) if arguments.kill else None
    point: dict[str, Any] = {"images": arguments.images, "workers": arguments.workers, "in_memory": here, "pool": there}
    if killed:
        point["killed"] = killed
    point["statistics_apart"] = apart = statistics_apart(work / "in-memory", work / "pool")
    same = here["stored"] == there["stored"] and apart["counts"] == 0 and apart["means and deviations"] < _ROUNDING
    print(json.dumps(point, indent=1))
    print("both stored the same" if same else "what was stored differs", flush=True)
    if same:
        note(arguments.out, "make bench-pool", ("images", "workers"), point)
    return 0 if same else 1


def one_way(work: Path, name: str, args: list[str]) -> dict[str, Any]:
    """Runs the steps in a process of its own; what each took, and digests of what they stored."""
    done = _start(work, name, args).communicate()[0]
    steps = json.loads(done.splitlines()[-1])["steps"]
    return {"steps": steps, "stored": stored(work / name)}


def _start(work: Path, name: str, args: list[str]) -> subprocess.Popen[str]:
    place = work / name
    place.mkdir()
    command = [sys.executable, "-m", "benchmarks.external_pool", "--measure", str(place), "--args", json.dumps(args)]
    return subprocess.Popen(command, stdout=subprocess.PIPE, text=True)


def stored(place: Path) -> dict[str, str]:
    """SHA-256 of `dataset.json`, and of all TFRecord files of a data set as one, by the step that wrote them."""
    digests = {}
    for file in sorted(place.rglob("dataset.json")):
        step = file.relative_to(place / "artifacts").parts[0]
        digests[f"{step}: dataset.json"] = hashlib.sha256(file.read_bytes()).hexdigest()
        records = sorted(path for path in file.parent.glob("Split-*/*") if path.is_file())
        whole = hashlib.sha256()
        for record in records:
            whole.update(f"{record.parent.name}/{record.name}".encode() + record.read_bytes())
        digests[f"{step}: {len(records)} TFRecord files"] = whole.hexdigest()
    assert digests, f"nothing was stored below {place}"
    return digests


def statistics_apart(one: Path, other: Path) -> dict[str, float]:
    """Largest relative difference of statistics, by what they are; counts are in `counts`."""
    from tensorflow_metadata.proto.v0 import statistics_pb2

    apart = {"counts": 0.0, "means and deviations": 0.0, "medians": 0.0}
    for file in sorted(one.rglob("FeatureStats.pb")):
        [twin] = other.rglob(f"{file.parent.name}/FeatureStats.pb")
        lists = [statistics_pb2.DatasetFeatureStatisticsList.FromString(path.read_bytes()) for path in (file, twin)]
        sets = [found.datasets[0] for found in lists]
        apart["counts"] = max(apart["counts"], _apart(*(float(found.num_examples) for found in sets)))
        assert [f.path.step for f in sets[0].features] == [f.path.step for f in sets[1].features]
        for features in zip(sets[0].features, sets[1].features, strict=True):
            kinds = [getattr(feature, str(feature.WhichOneof("stats"))) for feature in features]
            counts = [float(kind.common_stats.num_non_missing) for kind in kinds]
            apart["counts"] = max(apart["counts"], _apart(*counts))
            if features[0].HasField("num_stats"):
                for name, what in (
                    ("mean", "means and deviations"),
                    ("std_dev", "means and deviations"),
                    ("median", "medians"),
                ):
                    apart[what] = max(apart[what], _apart(*(getattr(kind, name) for kind in kinds)))
    return apart


def _apart(one: float, other: float) -> float:
    return abs(one - other) / max(abs(one), abs(other), 1e-300)


def cpu_of_tree(process: psutil.Process) -> float:
    """CPU seconds of a process, of its children, and of those that ended."""
    total = 0.0
    for each in [process, *process.children(recursive=True)]:
        times = each.cpu_times()
        total += times.user + times.system
    ended = process.cpu_times()
    return total + ended.children_user + ended.children_system


def kill_one(work: Path, pool: psutil.Process, args: list[str], before: dict[str, Any]) -> dict[str, Any]:
    """A worker dies in the middle of ExampleGen; how the command ended, and how long after."""
    wait_s = before["steps"]["DetectionExampleGen"]["wall_s"] / 2
    process = _start(work, "killed", args)
    seen = {worker.pid for worker in pool.children(recursive=True)}
    while not (fresh := [worker for worker in pool.children(recursive=True) if worker.pid not in seen]):
        assert process.poll() is None, "the steps ended before a worker was there"
        time.sleep(0.2)
    ended = threading.Event()
    ended.wait(wait_s)
    fresh[-1].kill()
    died = time.monotonic()
    process.communicate()
    return {"exit_code": process.returncode, "seconds_until_the_error": round(time.monotonic() - died, 1)}


if __name__ == "__main__":
    from benchmarks.external_pool import main as imported_main  # so that processes find the functions under this name

    sys.exit(imported_main())
