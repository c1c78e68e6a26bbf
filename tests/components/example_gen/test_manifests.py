"""A delivery that lists its files is whole when all of them are there, as they are listed."""

from __future__ import annotations

import hashlib
import os
import subprocess
import unicodedata
from collections.abc import Callable
from pathlib import Path
from typing import Literal

import pytest

from ratchet.components.example_gen.dataset import read_source
from ratchet.components.example_gen.manifests import BAG, BAG_TAGS, SUMS, lack_of, parse_manifest
from ratchet.components.example_gen.spans import NotDeliveredError, find_span
from ratchet.components.object_store.files import files_of, write_text
from ratchet.schemas.base.errors import DataError
from ratchet.schemas.base.files import LOCAL_FILES
from ratchet.schemas.data.records import record_to_json
from tests.builders import write_span
from tests.components.example_gen.deliveries import write_voc
from tests.components.example_gen.object_store import ObjectStore
from tests.gcs.fixtures import Bucket

A = "a" * 64
Form = Literal["NFC", "NFD"]


def sums(directory: Path, name: str = SUMS, mode: str = " ", only: str = "") -> str:
    """The text of a list of all files of a delivery."""
    paths = sorted(path for path in directory.rglob("*") if path.is_file() and path.name != name)
    lines = [
        f"{hashlib.sha256(path.read_bytes()).hexdigest()} {mode}{path.relative_to(directory)}\n"
        for path in paths
        if only in str(path)
    ]
    return "".join(lines)


@pytest.fixture
def span(tmp_path: Path) -> Path:
    """A delivery that lists its files, and is whole."""
    made = Path(write_span(tmp_path / "data" / "span-2"))
    (made / SUMS).write_text(sums(made))
    return made


def lack(directory: Path, digests: bool = True) -> str:
    return lack_of(str(directory), LOCAL_FILES, digests) or ""


def test_a_delivery_without_a_list_lacks_nothing(tmp_path: Path) -> None:
    assert lack_of(str(write_span(tmp_path / "span-1")), LOCAL_FILES) is None


@pytest.mark.parametrize("name", [SUMS, BAG])
@pytest.mark.parametrize("mode", [" ", "*"])
def test_a_delivery_with_all_that_it_lists_is_whole(tmp_path: Path, name: str, mode: str) -> None:
    made = Path(write_span(tmp_path / "span-1"))
    (made / name).write_text(sums(made, name, mode))
    assert lack(made) == ""


@pytest.mark.parametrize("options", [(), ("--binary",), ("--tag",)])
def test_what_sha256sum_itself_writes_is_read(tmp_path: Path, options: tuple[str, ...]) -> None:
    made = Path(write_span(tmp_path / "span-1"))
    command = f"touch {SUMS}; find . -type f -print0 | xargs -0 sha256sum {' '.join(options)} > {SUMS}"
    subprocess.run(["bash", "-c", command], cwd=made, check=True)
    assert SUMS in (made / SUMS).read_text()  # it lists itself, as it was before
    assert lack(made) == ""
    image = next((made / "images").iterdir())
    image.write_bytes(image.read_bytes()[:-1])
    assert f"images/{image.name}" in lack(made)


@pytest.mark.parametrize(("on_disk", "in_list"), [("NFD", "NFC"), ("NFC", "NFD")])
def test_a_name_in_another_unicode_form_is_the_same_name(tmp_path: Path, on_disk: Form, in_list: Form) -> None:
    made = Path(write_span(tmp_path / "span-1"))
    image = next((made / "images").iterdir())
    image = image.rename(image.with_name(unicodedata.normalize(on_disk, f"Käfer{image.suffix}")))
    (made / SUMS).write_text(unicodedata.normalize(in_list, sums(made)))
    assert lack(made) == ""
    image.write_bytes(image.read_bytes()[:-1])
    assert "is not the file that SHA256SUMS lists" in lack(made)


def test_files_that_are_not_there_yet_are_counted_and_named(span: Path) -> None:
    images = sorted((span / "images").iterdir())
    for image in images:
        image.unlink()
    listed = len(images) + 1
    assert lack(span).startswith(f"{SUMS} lists {listed} files, of which {len(images)} ")
    assert f"images/{images[0].name}" in lack(span)


def test_a_file_that_is_half_there_is_named(span: Path) -> None:
    image = next((span / "images").iterdir())
    image.write_bytes(image.read_bytes()[: image.stat().st_size // 2])
    assert lack(span) == f"'images/{image.name}' is not the file that {SUMS} lists: it is being copied, or was changed"
    assert lack(span, digests=False) == ""


def test_a_list_of_which_the_end_has_not_arrived_is_not_one_of_a_smaller_delivery(span: Path) -> None:
    lines = (span / SUMS).read_text().splitlines(keepends=True)
    (span / SUMS).write_text("".join(lines)[:-3])
    assert "last line without an end" in lack(span)
    (span / SUMS).write_text("".join(lines[:-1]))
    assert f"that {SUMS} does not list" in lack(span)


@pytest.mark.parametrize(
    ("content", "said"),
    [
        (b"", "is empty"),
        (b"\n\n", "is empty"),
        (b"\xff\xfea\x00", "no text in UTF-8"),
        (b"\x00" * 4096 + b"\n", "line 1"),
        (b"hello\n", "line 1: is 'hello', which is no SHA-256"),
        (b"d41d8cd98f00b204e9800998ecf8427e  a.jpg\n", "which is no SHA-256"),  # MD5
        (f"{A}  a.jpg\n{A}  ../b.jpg\n".encode(), "line 2: lists '../b.jpg', which is no plain path"),
        (f"{A}  /etc/passwd\n".encode(), "no plain path"),
        (f"{A}  a.jpg\n{'b' * 64}  ./a.jpg\n".encode(), "line 2: lists 'a.jpg' a second time"),
    ],
)
def test_a_list_that_makes_no_sense_makes_no_delivery_whole(span: Path, content: bytes, said: str) -> None:
    with pytest.raises(DataError) as refused:
        parse_manifest(content, SUMS)
    assert said in str(refused.value)
    (span / SUMS).write_bytes(content)
    assert said in lack(span)


def test_windows_and_bagit_write_their_own_lines() -> None:
    assert parse_manifest(f"\ufeff{A.upper()}  a.jpg\r\n".encode(), SUMS) == {"a.jpg": A}
    assert parse_manifest(f"{A} \tdata/100%25.jpg\n".encode(), BAG) == {"data/100%.jpg": A}
    assert parse_manifest(f"{A}  100%25.jpg\n".encode(), SUMS) == {"100%25.jpg": A}


@pytest.mark.parametrize(
    "spoil",
    [
        lambda place: os.mkfifo(place),
        lambda place: place.mkdir(),
        lambda place: place.symlink_to("nowhere"),
        lambda place: place.symlink_to(place.name),
    ],
)
@pytest.mark.parametrize("what", ["list", "image"])
def test_what_is_no_regular_file_is_waited_for_and_never_opened(
    span: Path, spoil: Callable[[Path], None], what: str
) -> None:
    place = span / SUMS if what == "list" else next((span / "images").iterdir())
    place.unlink()
    spoil(place)
    if what == "image" or place.exists():
        assert place.name in lack(span)


def test_files_that_were_compared_are_not_read_again_until_they_change(span: Path) -> None:
    known: dict[str, tuple[int, int, str]] = {}
    assert lack_of(str(span), LOCAL_FILES, known=known) is None
    image = next((span / "images").iterdir())
    assert str(image) in known
    status = image.stat()
    image.write_bytes(b"\0" * status.st_size)
    os.utime(image, ns=(status.st_atime_ns, status.st_mtime_ns))
    assert lack_of(str(span), LOCAL_FILES, known=known) is None  # nothing tells that it is another one
    os.utime(image, ns=(status.st_atime_ns, status.st_mtime_ns + 1))
    assert image.name in (lack_of(str(span), LOCAL_FILES, known=known) or "")


def test_the_newest_whole_span_is_taken_and_the_other_named(span: Path, caplog: pytest.LogCaptureFixture) -> None:
    data = span.parent
    write_span(data / "span-1")
    assert find_span(str(data), None).number == 2
    next((span / "images").iterdir()).unlink()
    with caplog.at_level("INFO", "ratchet"):
        assert find_span(str(data), None).number == 1
    assert caplog.messages[0].startswith(f"span-2 is not whole yet ({SUMS} lists ")
    with pytest.raises(NotDeliveredError, match=rf"nothing is delivered whole yet: span-2: {SUMS} lists "):
        find_span(str(data), 2)


def test_a_list_may_be_the_marker(span: Path) -> None:
    data = str(span.parent)
    assert find_span(data, None, marker=SUMS).number == 2
    (span / SUMS).unlink()
    with pytest.raises(NotDeliveredError, match=rf"span-2: no {SUMS}; write it when the upload is done"):
        find_span(data, None, marker=SUMS)


def test_a_list_is_no_part_of_the_data_in_any_format(tmp_path: Path) -> None:
    made = Path(write_voc(tmp_path / "span-1"))
    before = read_source(str(made))
    text = sums(made, BAG)
    for name in (SUMS, BAG, "bagit.txt", "bag-info.txt"):
        (made / name).write_text(text)
    for name in (BAG, "bagit.txt", "bag-info.txt"):
        with (made / BAG_TAGS).open("a") as tags:
            tags.write(f"{hashlib.sha256((made / name).read_bytes()).hexdigest()}  {name}\n")
    assert lack(made) == ""
    after = read_source(str(made))
    assert list(map(record_to_json, after.records)) == list(map(record_to_json, before.records))
    assert (after.told, after.left_out) == (before.told, before.left_out)
    (made / BAG).write_text(text.replace(text[:64], A, 1))
    assert lack(made) != ""


def test_a_bag_as_its_tools_pack_it_is_a_span(tmp_path: Path) -> None:
    """RFC 8493: the payload lies in `data/`."""
    bag = tmp_path / "spans" / "span-2026-11-28"
    write_span(bag / "data")
    (bag / "bagit.txt").write_text("BagIt-Version: 1.0\nTag-File-Character-Encoding: UTF-8\n")
    (bag / BAG).write_text(sums(bag, BAG, only="/data/"))
    found = find_span(str(tmp_path / "spans"), None)
    assert (found.number, found.directory) == (20261128, str(bag))
    assert len(read_source(found.directory).records) == len(read_source(str(bag / "data")).records)


def test_on_object_stores_a_list_is_checked_too(gcs: Bucket, span: Path) -> None:
    data = gcs.uri("spans")
    for path in span.rglob("*"):
        if path.is_file() and path.name != SUMS:
            with files_of(data).open(f"{data}/span-2/{path.relative_to(span)}", "wb") as file:
                file.write(path.read_bytes())
    write_text(f"{data}/span-2/{SUMS}", (span / SUMS).read_text())
    assert find_span(data, None, files_of(data)).number == 2
    image = next((span / "images").iterdir())
    write_text(f"{data}/span-2/images/{image.name}", "half")
    assert find_span(data, None, files_of(data), digests=False).number == 2
    with pytest.raises(NotDeliveredError, match=f"{image.name}' is not the file that {SUMS} lists"):
        find_span(data, None, files_of(data))


def test_other_file_systems_are_read_by_their_own_functions() -> None:
    content = b"abc"
    line = f"{hashlib.sha256(content).hexdigest()}  a.jpg\n".encode()
    store = ObjectStore({"x://b/span-1/a.jpg": content, f"x://b/span-1/{SUMS}": line})
    assert lack_of("x://b/span-1", store) is None
    store.files["x://b/span-1/a.jpg"] = b"ab"
    assert "'a.jpg'" in (lack_of("x://b/span-1", store) or "")
