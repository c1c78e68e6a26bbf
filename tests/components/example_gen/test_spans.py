from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from ratchet.components.example_gen.spans import NotDeliveredError, find_span
from ratchet.components.object_store.files import files_of, write_text
from ratchet.schemas.base.errors import DataError
from tests.components.example_gen.deliveries import write_voc
from tests.components.example_gen.object_store import bucket
from tests.gcs.fixtures import Bucket


def test_spans_in_an_object_store_are_found() -> None:
    assert find_span("gs://b", None, files=bucket()) == (2, 1, "gs://b/span-2")


def make_spans(directory: Path, *names: str) -> str:
    for name in names:
        (directory / name).mkdir(parents=True)
        (directory / name / "annotations.json").touch()
    (directory / "span-99").write_text("a file, no span")
    return str(directory)


def test_newest_span_is_the_largest_number_not_the_last_name(tmp_path: Path) -> None:
    data = make_spans(tmp_path, "span-1", "span-2", "span-10", "golden", "span-x", "old-span-11", "span-12.tmp")
    assert find_span(data, None) == (10, 1, f"{data}/span-10")
    assert find_span(data, 2) == (2, 1, f"{data}/span-2")


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
        find_span(str(write_voc(tmp_path / "span-1")), None)
    with pytest.raises(DataError, match="no such directory; give the directory that holds the span-N directories"):
        find_span(str(tmp_path / "nowhere"), 1)


def test_largest_version_of_a_span_is_taken(tmp_path: Path) -> None:
    data = make_spans(tmp_path, "span-2-version-11", "span-2", "span-2-version-3", "span-1-version-40", "span-1")
    assert find_span(data, None) == (2, 11, f"{data}/span-2-version-11")
    assert find_span(data, 1) == (1, 40, f"{data}/span-1-version-40")


@pytest.mark.parametrize("name", ["span-3-version-1", "span-3-version-01"])
def test_span_without_a_version_is_its_first(tmp_path: Path, name: str) -> None:
    data = make_spans(tmp_path, "span-3", name)
    with pytest.raises(DataError, match=f"span-3 and {name} are the same span: rename one"):
        find_span(data, 3)


def test_contradiction_in_an_older_version_does_not_matter(tmp_path: Path) -> None:
    data = make_spans(tmp_path, "span-3", "span-03", "span-3-version-2")
    assert find_span(data, 3).version == 2


@pytest.mark.parametrize("name", ["span-4-version-", "span-4-v2", "span-4-version-2.tmp", "span--4", "span-٤"])
def test_other_names_are_no_spans(tmp_path: Path, name: str) -> None:
    assert find_span(make_spans(tmp_path, "span-1", name), None).number == 1


def test_missing_span_is_named_with_versions_in_order(tmp_path: Path) -> None:
    data = make_spans(tmp_path, "span-2-version-10", "span-2-version-9", "span-2")
    with pytest.raises(DataError, match=r"no span-5; it holds span-2, span-2-version-9, span-2-version-10$"):
        find_span(data, 5)


@pytest.mark.parametrize(
    "begun", [(), ("images/", ".annotations.json.Xy12/"), (".DS_Store", "a.jpg.part"), ("bagit.txt",)]
)
def test_an_empty_directory_is_no_delivery_yet(tmp_path: Path, begun: tuple[str, ...], caplog: Any) -> None:
    """The first moment of a copy."""
    data = make_spans(tmp_path, "span-1")
    (tmp_path / "span-2").mkdir()
    for name in begun:
        (tmp_path / "span-2" / name).mkdir() if name.endswith("/") else (tmp_path / "span-2" / name).touch()
    with caplog.at_level("INFO", "ratchet"):
        assert find_span(data, None).number == 1
    why = "no file in it, so copy the delivery into it or delete it"
    assert caplog.messages == [f"span-2 is not whole yet ({why}); span-1 is taken"]
    with pytest.raises(NotDeliveredError, match=f"^{data}: nothing is delivered whole yet: span-2: {why}$"):
        find_span(data, 2)
    (tmp_path / "span-2" / "images").mkdir(exist_ok=True)
    (tmp_path / "span-2" / "images" / "a.jpg").touch()
    assert find_span(data, None).number == 2


def test_a_delivery_may_lie_behind_a_link(tmp_path: Path) -> None:
    data = make_spans(tmp_path / "spans", "span-1")
    (tmp_path / "store").mkdir()
    (tmp_path / "spans" / "span-2").mkdir()
    (tmp_path / "spans" / "span-2" / "images").symlink_to(tmp_path / "store")
    assert find_span(data, None).number == 1
    (tmp_path / "store" / "a.jpg").touch()
    assert find_span(data, None).number == 2


def test_marks_of_directories_in_an_object_store_are_no_delivery(gcs: Bucket) -> None:
    """As the console of Cloud Storage makes a folder."""
    storage = pytest.importorskip("google.cloud.storage")
    data = gcs.uri("spans")
    write_text(f"{data}/span-1/labels.csv", "")
    for name in ("span-2/", "span-3/", "span-3/images/"):
        storage.Client().bucket(gcs.name).blob(f"spans/{name}").upload_from_string(b"")
    assert find_span(data, None, files_of(data)).number == 1
