"""How fast images are read from an object store: one after another as before, and ahead as now.

    python -m benchmarks.object_store_reading [IMAGES] [LATENCY_S]

The store is the tests' fake-gcs-server, in a process of its own, which lets every request wait; so what is compared is
waiting, and the seconds are those of this machine.
"""

from __future__ import annotations

import logging
import multiprocessing
import os
import sys
import tempfile
import time
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any

from ratchet.components.example_gen.dataset import Shard, encoded_images, read_source
from ratchet.components.object_store import objects
from ratchet.components.object_store.client import in_pool
from ratchet.components.object_store.files import OBJECT_FILES
from ratchet.schemas.base.files import Files
from tests.builders import coco, coco_image, encode, picture, to_bytes

_ONE_BY_ONE = 40  # images, which is enough to know how long one takes
_LOG = logging.getLogger("benchmark")


def serve(directory: str, ready: Any, latency: Any) -> None:
    """Runs the store until it is ended."""
    from tests.gcs.server import running

    with running(Path(directory)) as gcs:
        gcs.make_bucket("bucket")
        ready.put(gcs.environment)
        while True:
            gcs.latency_s = latency.get()


def seconds(work: Callable[[], Iterable[object]]) -> float:
    """How long it takes to go through all of something."""
    begun = time.monotonic()
    for _ in work():
        pass
    return time.monotonic() - begun


def images_of(shards: Iterable[Shard], files: Files) -> Iterable[object]:
    """The content of every image."""
    for shard in shards:
        yield from encoded_images(shard, files)


def main() -> None:
    """Measures and tells."""
    logging.basicConfig(level=logging.INFO, format="%(message)s", stream=sys.stdout)
    count, latency = int((sys.argv[1:2] or ["600"])[0]), float((sys.argv[2:3] or ["0.05"])[0])
    context = multiprocessing.get_context("spawn")
    ready, wanted = context.Queue(), context.Queue()
    with tempfile.TemporaryDirectory() as directory:
        server = context.Process(target=serve, args=(directory, ready, wanted), daemon=True)
        server.start()
        os.environ.update(ready.get())
        document = coco(images=[coco_image(number) for number in range(1, count + 1)])
        objects.write("gs://bucket/span-1/annotations.json", to_bytes(document))
        content = encode(picture())
        uris = [f"gs://bucket/span-1/images/{number}.jpg" for number in range(1, count + 1)]
        in_pool(lambda uri: objects.write(uri, content), uris)
        shards = read_source("gs://bucket/span-1", OBJECT_FILES).shards
        wanted.put(latency)
        objects.read(uris[0])
        objects.read(uris[0])
        one = seconds(lambda: map(objects.read, uris[:_ONE_BY_ONE])) / _ONE_BY_ONE
        ahead = seconds(lambda: images_of(shards, OBJECT_FILES)) / count
        _LOG.info("%d images, %.0f ms a request", count, 1000 * latency)
        _LOG.info("one after another   %6.1f ms an image", 1000 * one)
        _LOG.info("read ahead          %6.1f ms an image: %.1f times as fast", 1000 * ahead, one / ahead)
        server.terminate()


if __name__ == "__main__":
    main()
