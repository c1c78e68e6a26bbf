"""The Cloud Storage of the tests is as strict as Google's where the product relies on it."""

from __future__ import annotations

import os
import subprocess
import sys

import pytest

from tests.gcs.fixtures import Bucket

storage = pytest.importorskip("google.cloud.storage")
exceptions = pytest.importorskip("google.api_core.exceptions")


def blob(gcs: Bucket, name: str):
    return storage.Client().bucket(gcs.name).blob(name)


def test_an_object_comes_back_with_its_generation(gcs: Bucket) -> None:
    written = blob(gcs, "a/b.json")
    written.upload_from_string(b"one")
    read = blob(gcs, "a/b.json")
    assert read.download_as_bytes() == b"one"
    assert int(read.generation) == int(written.generation) == gcs.server.generation(gcs.name, "a/b.json")


def test_a_write_with_another_generation_is_refused(gcs: Bucket) -> None:
    written = blob(gcs, "a")
    written.upload_from_string(b"one", if_generation_match=0)
    with pytest.raises(exceptions.PreconditionFailed):
        blob(gcs, "a").upload_from_string(b"two", if_generation_match=0)
    blob(gcs, "a").upload_from_string(b"two", if_generation_match=written.generation)
    assert blob(gcs, "a").download_as_bytes() == b"two"


def test_a_large_write_with_another_generation_is_refused(gcs: Bucket) -> None:
    blob(gcs, "a").upload_from_string(b"one")
    large = blob(gcs, "a")
    large.chunk_size = 1 << 18
    with pytest.raises(exceptions.PreconditionFailed):
        large.upload_from_string(bytes(1 << 19), if_generation_match=0)
    large.upload_from_string(bytes(1 << 19))
    assert blob(gcs, "a").download_as_bytes() == bytes(1 << 19)


def test_copies_and_deletions_with_another_generation_are_refused(gcs: Bucket) -> None:
    source, target = blob(gcs, "source"), blob(gcs, "target")
    source.upload_from_string(b"new")
    target.upload_from_string(b"old")
    with pytest.raises(exceptions.PreconditionFailed):
        target.rewrite(source, if_generation_match=0)
    with pytest.raises(exceptions.PreconditionFailed):
        target.rewrite(source, if_source_generation_match=1)
    with pytest.raises(exceptions.PreconditionFailed):
        blob(gcs, "target").delete(if_generation_match=1)
    assert blob(gcs, "target").download_as_bytes() == b"old"
    target.rewrite(source, if_generation_match=target.generation)
    assert blob(gcs, "target").download_as_bytes() == b"new"


def test_requests_are_noted_and_may_be_answered_or_cut_off(gcs: Bucket) -> None:
    gcs.server.before = lambda request: 403 if request.kind == "write" else None
    with pytest.raises(exceptions.Forbidden):
        blob(gcs, "a").upload_from_string(b"one")
    gcs.server.before, lost = lambda request: None, iter([True])
    gcs.server.after = lambda request: request.kind == "write" and next(lost, False)
    blob(gcs, "a").upload_from_string(b"one", if_generation_match=None, retry=storage.retry.DEFAULT_RETRY)
    assert [(request.kind, request.name, request.status) for request in gcs.requests] == [
        ("write", "a", 403),
        ("write", "a", 0),
        ("write", "a", 200),
    ]


def test_every_test_has_a_bucket_of_its_own(gcs: Bucket) -> None:
    assert list(storage.Client().list_blobs(gcs.name)) == []


TENSORFLOW = """
import sys
import tensorflow as tf
root = sys.argv[1]
tf.io.gfile.makedirs(f"{root}/a/b")
with tf.io.gfile.GFile(f"{root}/a/b/c.txt", "w") as file:
    file.write("text")
assert tf.io.gfile.GFile(f"{root}/a/b/c.txt").read() == "text"
tf.io.gfile.rename(f"{root}/a/b/c.txt", f"{root}/a/d.txt")
assert tf.io.gfile.exists(f"{root}/a/d.txt") and not tf.io.gfile.exists(f"{root}/a/b/c.txt")
print(sorted(tf.io.gfile.listdir(f"{root}/a")))
"""

BEAM = """
import sys
import apache_beam as beam
from apache_beam.io.filesystems import FileSystems
root = sys.argv[1]
with beam.Pipeline() as pipeline:
    pipeline | beam.Create(["one", "two"]) | beam.io.WriteToText(f"{root}/lines", num_shards=2)
print(sum(match.size_in_bytes for match in FileSystems.match([f"{root}/lines*"])[0].metadata_list))
"""


def run(code: str, uri: str, env: dict[str, str]) -> str:
    command = [sys.executable, "-c", code, uri]
    done = subprocess.run(command, env=env, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr[-3000:]
    return done.stdout


@pytest.mark.tensorflow
def test_tensorflow_works_on_it(gcs: Bucket) -> None:
    assert "d.txt" in run(TENSORFLOW, gcs.uri("x"), dict(os.environ))


@pytest.mark.tensorflow
def test_beam_works_on_it(gcs: Bucket) -> None:
    assert run(BEAM, gcs.uri("x"), dict(os.environ)).strip() == "8"
