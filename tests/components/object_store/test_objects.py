from __future__ import annotations

import hashlib
import multiprocessing
import os
import threading

import pytest

from ratchet.components.object_store import client, objects
from ratchet.components.object_store.objects import GenerationError
from ratchet.schemas.base.errors import InputError, StateError
from tests.gcs.fixtures import Bucket

pytest.importorskip("google.cloud.storage")


def test_what_is_written_is_read_with_its_generation_in_one_request(gcs: Bucket) -> None:
    uri = gcs.uri("a/b c%2F[1]#.json")
    generation = objects.write(uri, b"one")
    gcs.forget()
    assert objects.read(uri) == objects.Read(b"one", generation)
    assert [request.kind for request in gcs.requests] == ["read"]
    assert objects.read(gcs.uri("a/none")) is None
    assert objects.read(objects.info(uri).uri) == objects.Read(b"one", generation)  # pyright: ignore[reportOptionalMemberAccess]


@pytest.mark.parametrize("data", [b"", b"\0\xff" * 5, bytes(9 << 20)], ids=["empty", "binary", "9 MB"])
def test_any_content_comes_back_as_it_was(gcs: Bucket, data: bytes) -> None:
    generation = objects.write(gcs.uri("a"), data, 0)
    assert objects.read(gcs.uri("a")) == objects.Read(data, generation)
    assert objects.sha256(gcs.uri("a"), generation) == hashlib.sha256(data).hexdigest()


def test_a_write_depends_on_the_generation_that_was_seen(gcs: Bucket) -> None:
    first = objects.write(gcs.uri("a"), b"one", 0)
    with pytest.raises(GenerationError):
        objects.write(gcs.uri("a"), b"two", 0)
    second = objects.write(gcs.uri("a"), b"two", first)
    with pytest.raises(GenerationError):
        objects.write(gcs.uri("a"), b"three", first)
    with pytest.raises(GenerationError):
        objects.write(gcs.uri("gone"), b"three", first)
    assert objects.read(gcs.uri("a")) == objects.Read(b"two", second)
    objects.write(gcs.uri("a"), b"four")
    with pytest.raises(GenerationError):
        objects.delete(gcs.uri("a"), second)
    objects.delete(gcs.uri("a"))
    objects.delete(gcs.uri("a"))
    assert objects.read(gcs.uri("a")) is None


@pytest.mark.parametrize("before", [b"", b"old"], ids=["first", "over another"])
def test_a_write_whose_answer_was_lost_counts_as_done(gcs: Bucket, before: bytes) -> None:
    seen = objects.write(gcs.uri("a"), before) if before else 0
    lost = iter([True])
    gcs.server.after = lambda request: request.kind == "write" and next(lost, False)
    made = objects.write(gcs.uri("a"), b"new", seen)
    assert objects.read(gcs.uri("a")) == objects.Read(b"new", made)
    assert [request.status for request in gcs.requests if request.kind == "write"][-2:] == [0, 412]


def test_a_write_that_the_service_refused_for_a_moment_is_repeated(gcs: Bucket) -> None:
    answers = iter([503, 429])
    gcs.server.before = lambda request: next(answers, None) if request.kind == "write" else None
    objects.write(gcs.uri("a"), b"one", 0)
    assert [request.status for request in gcs.requests] == [503, 429, 200]


def test_a_writer_that_came_second_is_told_although_the_content_is_the_same(gcs: Bucket) -> None:
    objects.write(gcs.uri("lease"), b"{}", 0)
    with pytest.raises(GenerationError):
        objects.write(gcs.uri("lease"), b"{}", 0)


def test_a_listing_names_what_lies_below_and_no_neighbour(gcs: Bucket) -> None:
    for name in ("root/a.json", "root/b/c.json", "root-2/a.json", "rooted"):
        objects.write(gcs.uri(name), name.encode())
    client.client().bucket(gcs.name).blob("root/b/").upload_from_string(b"")  # what others write for a directory
    found = objects.list_below(gcs.uri("root"))
    assert [(each.name, each.uri) for each in found] == [
        ("a.json", gcs.uri("root/a.json")),
        ("b/c.json", gcs.uri("root/b/c.json")),
    ]
    assert [each.size for each in found] == [11, 13]
    assert objects.children(gcs.uri("root")) == ["a.json", "b/"]
    assert objects.children(gcs.uri()) == ["root-2/", "root/", "rooted"]
    assert objects.list_below(gcs.uri("none")) == []
    objects.delete_below(gcs.uri("root"))
    assert objects.children(gcs.uri()) == ["root-2/", "rooted"]


def test_a_listing_of_several_pages_is_whole(gcs: Bucket) -> None:
    names = [f"{number:04}" for number in range(1100)]
    client.in_pool(lambda name: objects.write(gcs.uri(f"many/{name}"), b""), names)
    assert [each.name for each in objects.list_below(gcs.uri("many"))] == names


def test_a_copy_depends_on_the_generations_of_both_sides(gcs: Bucket) -> None:
    source = objects.write(gcs.uri("source"), b"new")
    target = objects.write(gcs.uri("target"), b"old")
    with pytest.raises(GenerationError):
        objects.copy(gcs.uri("source"), gcs.uri("target"), 0)
    with pytest.raises(GenerationError):
        objects.copy(gcs.uri("source"), gcs.uri("target"), target, source + 1)
    with pytest.raises(FileNotFoundError):
        objects.copy(gcs.uri("none"), gcs.uri("target"))
    made = objects.copy(gcs.uri("source"), gcs.uri("target"), target, source)
    assert objects.read(gcs.uri("target")) == objects.Read(b"new", made.generation)
    assert not any(request.kind in ("read", "write") for request in gcs.requests[2:-1]), "through this machine"


def test_a_copy_whose_answer_was_lost_counts_as_done(gcs: Bucket) -> None:
    objects.write(gcs.uri("source"), b"new")
    lost = iter([True])
    gcs.server.after = lambda request: request.kind == "copy" and next(lost, False)
    objects.copy(gcs.uri("source"), gcs.uri("target"), 0)
    assert [request.status for request in gcs.requests if request.kind == "copy"] == [0, 412]


@pytest.mark.parametrize(
    ("status", "said"),
    [(403, "roles/storage.objectAdmin"), (401, "gcloud auth application-default login"), (400, "the service refuses")],
)
def test_what_the_service_refuses_is_said_in_one_sentence(gcs: Bucket, status: int, said: str) -> None:
    gcs.server.before = lambda request: status
    for call in (
        lambda: objects.read(gcs.uri("a")),
        lambda: objects.write(gcs.uri("a"), b"", 0),
        lambda: objects.list_below(gcs.uri("a")),
        lambda: objects.children(gcs.uri("a")),
        lambda: objects.copy(gcs.uri("b"), gcs.uri("a")),
        lambda: objects.delete(gcs.uri("a")),
        lambda: objects.delete_below(gcs.uri("a")),
        lambda: objects.sha256(gcs.uri("a")),
    ):
        with pytest.raises(StateError) as error:
            call()
        assert said in str(error.value)
        assert gcs.uri("a") in str(error.value)
        assert "\n" not in str(error.value)


def test_a_bucket_that_is_not_there_is_said(gcs: Bucket) -> None:
    with pytest.raises(StateError, match="no such bucket"):
        objects.list_below("gs://no-such-bucket-anywhere/root")
    with pytest.raises(StateError, match="no such bucket"):
        objects.children("gs://no-such-bucket-anywhere/root")


def test_nothing_but_gs_is_asked() -> None:
    with pytest.raises(InputError, match="gs:// alone"):
        objects.read("s3://bucket/a")


def test_without_credentials_the_way_to_sign_in_is_said(monkeypatch: pytest.MonkeyPatch, tmp_path) -> None:
    (tmp_path / "key.json").write_text('{"type": "service_account"}')
    monkeypatch.delenv("STORAGE_EMULATOR_HOST", raising=False)
    monkeypatch.setenv("GOOGLE_APPLICATION_CREDENTIALS", str(tmp_path / "key.json"))
    with pytest.raises(StateError, match="gcloud auth application-default login"):
        objects.read("gs://bucket/a")


def test_many_are_read_at_once_and_in_order(gcs: Bucket) -> None:
    uris = [gcs.uri(str(number)) for number in range(100)]
    client.in_pool(lambda uri: objects.write(uri, uri.encode()), uris)
    gcs.forget()
    gcs.server.latency_s = 0.05
    found = objects.read_many([*uris, gcs.uri("none")])
    assert [each.data.decode() if each else None for each in found] == [*uris, None]
    assert most_at_once(gcs) > 16


def most_at_once(gcs: Bucket) -> int:
    ends = [(request.began, 1) for request in gcs.requests] + [(request.ended, -1) for request in gcs.requests]
    under_way = most = 0
    for _, change in sorted(ends):
        under_way += change
        most = max(most, under_way)
    return most


def test_after_an_error_in_the_pool_nothing_is_under_way(gcs: Bucket) -> None:
    gcs.server.before = lambda request: 403 if request.name == "7" else None
    with pytest.raises(StateError, match="no right"):
        objects.read_many([gcs.uri(str(number)) for number in range(200)])
    assert all(request.ended for request in gcs.requests)
    assert len(gcs.requests) < 200


def test_every_thread_has_its_own_client(gcs: Bucket) -> None:
    found = []
    for _ in range(2):
        thread = threading.Thread(target=lambda: found.append(client.client()))
        thread.start()
        thread.join()
    assert found[0] is not found[1]


def _child(uri: str) -> None:
    found = objects.read_many([uri] * 8)
    os._exit(0 if [each and each.data for each in found] == [b"one"] * 8 else 1)


def test_a_forked_process_makes_its_own_connections(gcs: Bucket) -> None:
    objects.write(gcs.uri("a"), b"one")
    objects.read_many([gcs.uri("a")] * 8)
    child = multiprocessing.get_context("fork").Process(target=_child, args=(gcs.uri("a"),))
    child.start()
    child.join(60)
    assert child.exitcode == 0
    assert objects.read(gcs.uri("a")) is not None
