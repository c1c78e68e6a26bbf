"""ExampleGen, statistics and data gate of one delivery, in memory and on a worker pool (Beam's EXTERNAL environment).

    python -m benchmarks.external_pool [--images 200000] [--workers 2] [--keep DIR] [--kill]

Beam's portable job service and its worker pool each run in a process of their own, as docs/beam.md tells. Seconds are
CPU seconds: of the process that starts the steps, of the job service, and of the pool with all workers. What both ways
store must be the same, the digest of the data set, its list of shards and the statistics, bit for bit; else the command
fails.
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
SIDE_PX = 128


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
        print(json.dumps({"steps": measure(arguments.measure, json.loads(arguments.args))}))
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
    same = here["stored"] == there["stored"]
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
    (place / "data").symlink_to(work / "data")
    command = [sys.executable, "-m", "benchmarks.external_pool", "--measure", str(place), "--args", json.dumps(args)]
    return subprocess.Popen(command, stdout=subprocess.PIPE, text=True)


def stored(place: Path) -> dict[str, str]:
    """SHA-256 of `dataset.json` and of the statistics, by their path without the execution's number."""
    files = [*place.rglob("dataset.json"), *place.rglob("FeatureStats.pb")]
    assert files, f"nothing was stored below {place}"
    digests = {}
    for file in sorted(files):
        parts = [part for part in file.relative_to(place).parts if not part.isdigit()]
        digests["/".join(parts)] = hashlib.sha256(file.read_bytes()).hexdigest()
    return digests


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
