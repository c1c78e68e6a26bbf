from __future__ import annotations

import io
import json
import os
import subprocess
import sys
import threading
from pathlib import Path
from typing import Any

import pytest

from components.example_gen.dataset import find_span, read_dataset, split_of
from schemas.errors import ConfigError, DataError
from schemas.files import LOCAL_FILES
from tests.builders import coco, coco_annotation, coco_image, encode, picture, to_bytes, write_span


def message_of(directory: Path | str) -> str:
    with pytest.raises(DataError) as caught:
        read_dataset(str(directory))
    return str(caught.value)


class ObjectStore:
    """Files as an object store shows them: directories end in a slash, errors are of no standard class."""

    class MissingError(Exception):
        pass

    def __init__(self, files: dict[str, bytes]) -> None:
        self.files = files
        self.open_now = self.open_most = 0
        self.lock = threading.Lock()

    def open(self, path: str, mode: str = "r") -> io.BytesIO:
        assert mode == "rb"
        if path not in self.files:
            raise self.MissingError(path)
        with self.lock:
            self.open_now += 1
            self.open_most = max(self.open_most, self.open_now)
        store = self

        class File(io.BytesIO):
            def close(self) -> None:
                with store.lock:
                    store.open_now -= not self.closed
                super().close()

        return File(self.files[path])

    def exists(self, path: str) -> bool:
        return path in self.files or self.isdir(path)

    def isdir(self, path: str) -> bool:
        return any(name.startswith(path.rstrip("/") + "/") for name in self.files)

    def listdir(self, path: str) -> list[str]:
        prefix = path.rstrip("/") + "/"
        rest = [name.removeprefix(prefix) for name in self.files if name.startswith(prefix)]
        return sorted({name.split("/")[0] + ("/" if "/" in name else "") for name in rest})


def bucket(images: int = 2) -> ObjectStore:
    document = coco(images=[coco_image(number) for number in range(1, images + 1)])
    files = {f"gs://b/span-2/images/{n}.jpg": encode(picture(seed=n)) for n in range(1, images + 1)}
    return ObjectStore(files | {"gs://b/span-2/annotations.json": to_bytes(document)})


def test_span_is_read_with_records_labels_digest_and_directory(tmp_path: Path) -> None:
    dataset = read_dataset(str(write_span(tmp_path / "span-1")))
    assert [record.image_id for record in dataset.records] == [1, 2]
    assert dataset.label_map.names == ("cat", "dog")
    assert dataset.directory == str(tmp_path / "span-1")
    assert len(bytes.fromhex(dataset.digest)) == 32


def test_images_in_subdirectories_are_found_and_unlisted_files_ignored(tmp_path: Path) -> None:
    document = coco(images=[coco_image(1, file_name="cam 1/ä.jpg"), coco_image(2)])
    images = {"cam 1/ä.jpg": encode(picture()), "2.jpg": encode(picture(seed=2)), "Thumbs.db": b"junk"}
    assert len(read_dataset(str(write_span(tmp_path / "a", document, images))).records) == 2


def test_progress_counts_every_image_in_order(tmp_path: Path) -> None:
    seen: list[tuple[int, int]] = []
    read_dataset(str(write_span(tmp_path / "a")), on_progress=lambda done, total: seen.append((done, total)))
    assert seen == [(1, 2), (2, 2)]


def test_error_in_the_progress_callback_ends_the_reading() -> None:
    store = bucket(images=200)

    def interrupt(done: int, total: int) -> None:
        raise KeyboardInterrupt

    before = len(store.files)
    with pytest.raises(KeyboardInterrupt):
        read_dataset("gs://b/span-2", files=store, on_progress=interrupt)
    assert (before, store.open_now) == (201, 0)


def digest_of(directory: Path, document: dict[str, Any], images: dict[str, bytes] | None = None) -> str:
    return read_dataset(str(write_span(directory, document, images))).digest


def test_digest_does_not_depend_on_order_or_place(tmp_path: Path) -> None:
    annotations = [
        coco_annotation(1, 1),
        coco_annotation(2, 1, category_id=7, bbox=[1, 2, 3, 4]),
        coco_annotation(3, 2),
    ]
    document = coco(annotations=annotations)
    turned = {key: [dict(reversed(entry.items())) for entry in reversed(part)] for key, part in document.items()}
    turned = dict(reversed(turned.items())) | {"info": {"year": 2024}}
    assert digest_of(tmp_path / "a", document) == digest_of(tmp_path / "elsewhere" / "b", turned)


@pytest.mark.parametrize(
    "change",
    [
        {"annotations": [coco_annotation(1, 1, category_id=7), coco_annotation(2, 2, category_id=7)]},
        {"annotations": [coco_annotation(1, 1, bbox=[10.500000000000002, 5.25, 20, 30]), coco_annotation(2, 2)]},
        {"annotations": [coco_annotation(1, 1)]},
        {"annotations": [coco_annotation(1, 2), coco_annotation(2, 1, category_id=7)]},
        {"annotations": [coco_annotation(1, 1, area=1), coco_annotation(2, 2, category_id=7)]},
        {"annotations": [coco_annotation(1, 1, iscrowd=1), coco_annotation(2, 2, category_id=7)]},
        {"categories": [{"id": 3, "name": "dog"}, {"id": 7, "name": "cat"}]},
        {"images": [coco_image(1), coco_image(2), coco_image(3)]},
    ],
)
def test_digest_changes_with_any_annotation(tmp_path: Path, change: dict[str, Any]) -> None:
    assert digest_of(tmp_path / "a", coco()) != digest_of(tmp_path / "b", coco(**change))


def test_digest_changes_with_a_byte_of_an_image(tmp_path: Path) -> None:
    images = {"1.jpg": encode(picture(seed=1)), "2.jpg": encode(picture(seed=2))}
    other = images | {"2.jpg": encode(picture(seed=2), comment=b"x")}
    swapped = {"1.jpg": images["2.jpg"], "2.jpg": images["1.jpg"]}
    digests = [digest_of(tmp_path / str(i), coco(), files) for i, files in enumerate((images, other, swapped))]
    assert len(set(digests)) == 3


def test_missing_directory_is_named_with_the_spans_beside_it(tmp_path: Path) -> None:
    write_span(tmp_path / "span-1")
    write_span(tmp_path / "span-12")
    assert message_of(tmp_path / "span-3") == (
        f"{tmp_path}/span-3: no such directory; {tmp_path} holds span-1, span-12"
    )
    assert message_of(tmp_path / "no" / "where") == f"{tmp_path}/no/where: no such directory; correct the path"


def test_parent_of_the_spans_is_recognised(tmp_path: Path) -> None:
    for number in (10, 9):
        write_span(tmp_path / f"span-{number}")
    assert message_of(tmp_path) == f"{tmp_path}: no annotations.json in it; it holds span-9, span-10: give one of them"


def test_missing_annotations_and_missing_images_directory_are_told_apart(tmp_path: Path) -> None:
    (tmp_path / "a").mkdir()
    assert "no annotations.json in it; put the COCO annotation file there" in message_of(tmp_path / "a")
    (tmp_path / "a" / "annotations.json").write_bytes(to_bytes(coco()))
    assert "no directory images/ in it, beside annotations.json; put the image files there" in message_of(
        tmp_path / "a"
    )


def test_broken_annotations_are_named_with_their_path(tmp_path: Path) -> None:
    span = write_span(tmp_path / "span-1")
    (span / "annotations.json").write_text("{")
    assert message_of(span).startswith(f"{span}/annotations.json: broken JSON at line 1, column 2")


def test_missing_image_file_is_named(tmp_path: Path) -> None:
    span = write_span(tmp_path / "span-1", images={"1.jpg": encode(picture())})
    assert message_of(span) == (
        f"{span}/images/2.jpg (image 2): no such file; deliver it or remove the image from annotations.json"
    )


def test_image_that_cannot_be_opened_is_named(tmp_path: Path) -> None:
    span = write_span(tmp_path / "span-1", images={"1.jpg": encode(picture())})
    (span / "images" / "2.jpg").mkdir()
    assert f"{span}/images/2.jpg (image 2): cannot be read ([Errno 21] Is a directory" in message_of(span)


def test_bad_images_are_told_as_the_first_three_and_a_count(tmp_path: Path) -> None:
    document = coco(images=[coco_image(number) for number in range(1, 9)])
    good = encode(picture())
    span = write_span(tmp_path / "a", document, {"1.jpg": good, "2.jpg": good[:-9], "3.jpg": b"", "4.jpg": good[:700]})
    lines = message_of(span).splitlines()
    assert [line.strip().split(": ")[0] for line in lines[:3]] == [
        f"{span}/images/{n}.jpg (image {n})" for n in (2, 3, 4)
    ]
    assert lines[3] == "  and 4 more"


def test_object_store_is_read_like_a_disk_and_images_are_dropped_as_it_goes(tmp_path: Path) -> None:
    store = bucket(images=40)
    dataset = read_dataset("gs://b/span-2", files=store)
    assert len(dataset.records) == 40
    assert (store.open_now, store.open_most <= 4) == (0, True)
    local = write_span(tmp_path / "a", json.loads(store.files["gs://b/span-2/annotations.json"]))
    assert dataset.digest == read_dataset(str(local)).digest


def test_missing_object_is_named_although_the_store_has_errors_of_its_own() -> None:
    store = bucket()
    del store.files["gs://b/span-2/images/1.jpg"]
    with pytest.raises(DataError, match=r"^gs://b/span-2/images/1\.jpg \(image 1\): no such file"):
        read_dataset("gs://b/span-2", files=store)


def test_spans_in_an_object_store_are_found() -> None:
    assert find_span("gs://b", None, files=bucket()) == (2, "gs://b/span-2")


def make_spans(directory: Path, *names: str) -> str:
    for name in names:
        (directory / name).mkdir(parents=True)
    (directory / "span-99").write_text("a file, no span")
    return str(directory)


def test_newest_span_is_the_largest_number_not_the_last_name(tmp_path: Path) -> None:
    data = make_spans(tmp_path, "span-1", "span-2", "span-10", "golden", "span-x", "old-span-11", "span-12.tmp")
    assert find_span(data, None) == (10, f"{data}/span-10")
    assert find_span(data, 2) == (2, f"{data}/span-2")


def test_missing_span_is_named_with_those_there_are(tmp_path: Path) -> None:
    data = make_spans(tmp_path, "span-2", "span-10")
    with pytest.raises(DataError, match=f"^{data}: no span-3; it holds span-2, span-10$"):
        find_span(data, 3)


def test_many_spans_are_listed_briefly(tmp_path: Path) -> None:
    data = make_spans(tmp_path, *(f"span-{number}" for number in range(1, 41)))
    with pytest.raises(DataError, match=r"no span-77; it holds 40 spans, span-1 to span-40$"):
        find_span(data, 77)


def test_two_directories_of_one_number_are_refused(tmp_path: Path) -> None:
    data = make_spans(tmp_path, "span-3", "span-03")
    with pytest.raises(DataError, match="span-03 and span-3 are the same span: rename one"):
        find_span(data, None)


def test_directory_without_spans_is_refused_with_the_reason(tmp_path: Path) -> None:
    with pytest.raises(DataError, match=r"no span-N directory in it; name the deliveries span-1, span-2, \.\.\.$"):
        find_span(str(tmp_path), None)
    with pytest.raises(DataError, match="this is itself a span: give its parent"):
        find_span(str(write_span(tmp_path / "span-1")), None)
    with pytest.raises(DataError, match="no such directory; give the directory that holds the span-N directories"):
        find_span(str(tmp_path / "nowhere"), 1)


NAMES = [f"{number:06}.jpg" for number in range(4000)]


def test_split_has_about_the_asked_share_and_more_of_it_only_adds() -> None:
    small = {name for name in NAMES if split_of(name, 0.2) == "eval"}
    large = {name for name in NAMES if split_of(name, 0.3) == "eval"}
    assert 0.17 < len(small) / len(NAMES) < 0.23
    assert small < large


def test_split_of_nothing_and_of_everything() -> None:
    assert {split_of(name, 0.0) for name in NAMES} == {"train"}
    assert {split_of(name, 1.0) for name in NAMES} == {"eval"}
    assert split_of(17, 0.5) == split_of("17", 0.5)


@pytest.mark.parametrize("fraction", [-0.1, 1.1, float("nan")])
def test_impossible_share_is_refused(fraction: float) -> None:
    with pytest.raises(ConfigError, match=rf"eval_fraction {fraction} must be within 0\.\.1"):
        split_of("1.jpg", fraction)


def test_split_is_the_same_in_another_process() -> None:
    code = "from components.example_gen.dataset import split_of; print([split_of(str(n), .5)[0] for n in range(64)])"
    environment = os.environ | {"PYTHONHASHSEED": "7", "PYTHONPATH": os.pathsep.join(sys.path)}
    done = subprocess.run([sys.executable, "-c", code], env=environment, capture_output=True, text=True, check=True)
    assert done.stdout.strip() == str([split_of(str(number), 0.5)[0] for number in range(64)])


def test_reading_needs_neither_tensorflow_nor_tfx() -> None:
    code = "import components.example_gen.dataset, sys; print({'tensorflow', 'tfx', 'apache_beam'} & set(sys.modules))"
    environment = os.environ | {"PYTHONPATH": os.pathsep.join(sys.path)}
    done = subprocess.run([sys.executable, "-c", code], env=environment, capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "set()"


def test_local_files_see_the_disk(tmp_path: Path) -> None:
    (tmp_path / "a").write_bytes(b"x")
    assert (LOCAL_FILES.exists(str(tmp_path / "a")), LOCAL_FILES.isdir(str(tmp_path / "a"))) == (True, False)
    assert LOCAL_FILES.listdir(str(tmp_path)) == ["a"]
    with LOCAL_FILES.open(str(tmp_path / "a"), "rb") as file:
        assert file.read() == b"x"
