"""Deliveries on gs://: the same as on a disk, one request an image, many at once and not too many."""

from __future__ import annotations

import os
import pickle
from collections import Counter
from pathlib import Path

import pytest

from ratchet.components.example_gen.content import content_digest, stored_digest
from ratchet.components.example_gen.dataset import Source, encoded_images, read_source
from ratchet.components.example_gen.spans import find_span
from ratchet.components.object_store import objects
from ratchet.components.object_store.client import AT_ONCE, in_pool
from ratchet.components.object_store.files import OBJECT_FILES
from ratchet.schemas.base.errors import DataError
from ratchet.schemas.base.files import LOCAL_FILES, Files
from tests.builders import coco, coco_image, encode, picture, to_bytes
from tests.components.example_gen.test_dataset import WRITERS
from tests.gcs.fixtures import Bucket

pytest.importorskip("google.cloud.storage")


def upload(directory: Path, uri: str) -> None:
    for folder, _, names in os.walk(directory):
        for name in names:
            path = Path(folder, name)
            objects.write(f"{uri}/{path.relative_to(directory)}", path.read_bytes())


def contents(source: Source, files: Files) -> list[bytes | DataError]:
    return [content for shard in source.shards for _, content in encoded_images(shard, files)]


@pytest.mark.parametrize("form", WRITERS)
def test_a_delivery_on_gs_is_read_like_one_on_a_disk(gcs: Bucket, tmp_path: Path, form: str) -> None:
    directory = WRITERS[form](tmp_path / "span-1")
    upload(directory, gcs.uri("data/span-1"))
    found = find_span(gcs.uri("data"), None, OBJECT_FILES)
    assert found == (1, 1, gcs.uri("data/span-1"))
    local, remote = read_source(str(directory)), read_source(gcs.uri("data/span-1"), OBJECT_FILES)
    assert contents(remote, OBJECT_FILES) == contents(local, LOCAL_FILES)
    assert [record.truth.boxes_xywh_px.tolist() for record in remote.records] == [
        record.truth.boxes_xywh_px.tolist() for record in local.records
    ]
    assert content_digest(remote) == content_digest(local)
    assert stored_digest(gcs.uri("data/span-1"), OBJECT_FILES) == stored_digest(str(directory))


def large(gcs: Bucket, count: int) -> Source:
    content = encode(picture())
    document = coco(images=[coco_image(number) for number in range(1, count + 1)])
    objects.write(gcs.uri("span-1/annotations.json"), to_bytes(document))
    in_pool(lambda n: objects.write(gcs.uri(f"span-1/images/{n}.jpg"), content), range(1, count + 1))
    return read_source(gcs.uri("span-1"), OBJECT_FILES)


def test_images_are_read_ahead_many_at_once_and_each_once(gcs: Bucket) -> None:
    source = large(gcs, 192)
    gcs.forget()
    gcs.server.latency_s = 0.05
    assert len(contents(source, OBJECT_FILES)) == 192
    assert Counter(request.kind for request in gcs.requests) == {"read": 192}
    assert 16 < most_under_way(gcs) <= AT_ONCE


def test_no_more_is_read_ahead_than_is_asked_for(gcs: Bucket) -> None:
    source = large(gcs, 128)
    gcs.forget()
    images = (image for shard in source.shards for image in encoded_images(shard, OBJECT_FILES))
    for taken in range(1, 20):
        next(images)
        assert len(gcs.requests) <= taken + AT_ONCE


def most_under_way(gcs: Bucket) -> int:
    moments = [(request.began, 1) for request in gcs.requests] + [(request.ended, -1) for request in gcs.requests]
    now = most = 0
    for _, change in sorted(moments):
        now += change
        most = max(most, now)
    return most


@pytest.mark.parametrize("form", ["voc", "yolo"])
def test_labels_are_read_ahead_too(gcs: Bucket, tmp_path: Path, form: str) -> None:
    directory = WRITERS[form](tmp_path / "span-1")
    upload(directory, gcs.uri("span-1"))
    gcs.forget()
    gcs.server.latency_s = 0.2
    read_source(gcs.uri("span-1"), OBJECT_FILES)
    labels = [request for request in gcs.requests if "Annotations/" in request.name or "labels/" in request.name]
    labels = [request for request in labels if request.kind == "read" and "classes" not in request.name]
    assert len(labels) == 2
    assert labels[1].began < labels[0].ended


def test_an_image_that_is_missing_or_forbidden_is_an_error_of_its_own(gcs: Bucket) -> None:
    source = large(gcs, 3)
    objects.delete(gcs.uri("span-1/images/1.jpg"))
    gcs.server.before = lambda request: 403 if request.name.endswith("2.jpg") else None
    first, second, third = contents(source, OBJECT_FILES)
    assert str(first).startswith(f"{gcs.uri('span-1/images/1.jpg')} (image 1): no such file; deliver it")
    assert isinstance(second, DataError)
    assert "roles/storage.objectAdmin" in str(second)
    assert isinstance(third, bytes)


def test_what_reads_them_can_be_sent_to_another_process() -> None:
    assert pickle.loads(pickle.dumps(OBJECT_FILES)) is OBJECT_FILES


@pytest.mark.tensorflow
def test_examples_are_generated_from_gs_to_gs(gcs: Bucket, tmp_path: Path) -> None:
    import apache_beam as beam

    from ratchet.components.example_gen.generate import GenRequest, generate

    large(gcs, 90)
    gcs.forget()
    request = GenRequest(gcs.uri("span-1"), 1, 1, False, 0.3, 0.2, None, None)
    [info] = generate([(request, gcs.uri("out"))], beam.Pipeline())
    assert sum(info.images.values()) == 90
    reads = Counter(r.name for r in gcs.requests if r.kind in ("read", "stat") and r.name.startswith("span-1/images/"))
    assert len(reads) == 90
    assert set(reads.values()) == {1}
    [local] = generate([(request, str(tmp_path / "out"))], beam.Pipeline())
    assert local == info
