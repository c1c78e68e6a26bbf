"""Five hundred damaged deliveries: each is read or refused with a DataError, in time, and nothing else is written."""

from __future__ import annotations

import copy
import io
import json
import random
import re
import struct
import time
import tracemalloc
import zlib
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from ratchet.components.example_gen.dataset import encoded_images, inspect_image, read_source
from ratchet.components.imaging.quality import open_image
from ratchet.pipeline.data.convert import ConvertRequest, convert
from ratchet.schemas.base.errors import DataError, InputError
from tests.builders import coco, coco_annotation, coco_image, encode, picture, record, write_span
from tests.components.example_gen.deliveries import (
    example,
    framed,
    masked_crc,
    two_records,
    write_tfrecords,
    write_voc,
    write_yolo,
)

CASES_A_FORMAT = 125
LONGEST_S = 5.0

JUNK_VALUES: list[Any] = [
    *(None, True, -1, 0, 2**63, 10**400, 1e308, float("nan"), float("inf"), "", "\ud800", "\0", "x" * 10_000),
    *([], {}, [[[[]]]], {"id": {}}, "../../evil.jpg", "/etc/passwd", "C:\\a.jpg", "a/../../b.jpg", "\u202e.jpg", -0.0),
]
JUNK_BYTES = [
    *(
        b"",
        b"\0" * 1000,
        b"\xff\xfe<\0",
        b"\x89PNG\r\n\x1a\n",
        b"[" * 50_000,
        b"{" * 50_000,
        b"\xed\xa0\x80",
        b"9" * 9000,
    ),
    *(
        b"<annotation>" * 9000,
        b"- " * 20_000,
        b"&a [*a, *a]",
        b"names: &a [*a]",
        b"1 nan inf 1e999 -1",
        b"\x1f\x8b\x08",
    ),
]
JUNK_TEXTS = [
    *("nan", "inf", "-1", "1e999", "9" * 5000, "\u0663", "0x10", "1_0", "", " ", "../../evil.jpg", "/etc/passwd"),
    *("<!DOCTYPE a>", "&lol;", "<object>", "</annotation>", "\u0000", "\ud800", "{", "]", ":", "'", "name: [", "\n\n"),
]
BOMB = "<!DOCTYPE a [<!ENTITY a 'ha'>{}]><annotation>&z;</annotation>".format(
    "".join(f"<!ENTITY {chr(98 + n)} '{f'&{chr(97 + n)};' * 10}'>" for n in range(25))
)
XXE = "<!DOCTYPE a [<!ENTITY z SYSTEM 'file:///etc/passwd'>]><annotation><filename>&z;</filename></annotation>"


def mutate_bytes(content: bytes, chance: random.Random) -> bytes:
    """Junk instead, a part of it, or some bytes changed."""
    kind = chance.randrange(4)
    if kind == 0:
        return chance.choice(JUNK_BYTES)
    if kind == 1:
        return content[: chance.randrange(len(content) + 1)]
    changed = bytearray(content)
    for _ in range(chance.randint(1, 6)):
        if changed:
            changed[chance.randrange(len(changed))] = chance.randrange(256)
    return bytes(changed) + (chance.choice(JUNK_BYTES) if kind == 3 else b"")


def mutate_text(text: str, chance: random.Random) -> bytes:
    """A number or word of it replaced."""
    words = list(re.finditer(r"[\w./]+", text))
    for match in chance.sample(words, min(len(words), chance.randint(1, 3))):
        text = text.replace(match[0], chance.choice(JUNK_TEXTS), 1)
    return text.encode("utf-8", "surrogatepass")


def mutate_json(value: Any, chance: random.Random) -> None:
    """Replaces or removes some part of it."""
    places: list[tuple[Any, Any]] = []

    def visit(part: Any) -> None:
        for key, inner in list(part.items() if isinstance(part, dict) else enumerate(part)):
            places.append((part, key))
            if isinstance(inner, (dict, list)):
                visit(inner)

    visit(value)
    container, key = chance.choice(places)
    if chance.random() < 0.2:
        del container[key]
    else:
        container[key] = copy.deepcopy(chance.choice(JUNK_VALUES))


def hostile_coco(directory: Path, chance: random.Random) -> None:
    extras = {"segmentation": [[1, 2, 3, 4, 5, 6]], "keypoints": [0, 0, 0], "score": 0.5}
    document = coco(
        images=[coco_image(1, camera="north", exif={"iso": [1, 2]}), coco_image(2, license=1, night=True)],
        annotations=[coco_annotation(1, 1, **extras), coco_annotation(2, 2, **extras)],
        info={"year": 2024, "contributors": ["a", "b"]},
    )
    write_span(directory, document)
    target = directory / "annotations.json"
    if chance.random() < 0.7:
        for _ in range(chance.randint(1, 3)):
            mutate_json(document, chance)
        target.write_text(json.dumps(document))
    else:
        target.write_bytes(mutate_bytes(target.read_bytes(), chance))


def hostile_voc(directory: Path, chance: random.Random) -> None:
    write_voc(directory)
    target = directory / "Annotations" / "a.xml"
    kind = chance.randrange(5)
    if kind == 0:
        bomb = chance.choice([BOMB, XXE])
        target.write_bytes(bomb.encode(chance.choice(["utf-8", "utf-16"])))
    elif kind == 1:
        target.write_bytes(mutate_bytes(target.read_bytes(), chance))
    elif kind == 2:
        (directory / "labelmap.txt").write_bytes(mutate_bytes(b"cat:1,2,3::\ndog:::\n", chance))
    else:
        target.write_bytes(mutate_text(target.read_text(), chance))


def hostile_yolo(directory: Path, chance: random.Random) -> None:
    write_yolo(directory)
    (directory / "data.yaml").write_text("names:\n  0: cat\n  1: dog\n")
    target = directory / chance.choice(["data.yaml", "labels/a.txt", "images/a.jpg", "classes.txt"])
    if target.name == "classes.txt":
        (directory / "data.yaml").unlink()
    if target.suffix == ".jpg" or chance.random() < 0.4:
        target.write_bytes(mutate_bytes(target.read_bytes(), chance))
    else:
        target.write_bytes(mutate_text(target.read_text(), chance))


def hostile_tfrecord(directory: Path, chance: random.Random) -> None:
    records = two_records()
    kind = chance.randrange(5)
    if kind == 0:  # values of another type or length, under valid checksums
        key = chance.choice(sorted(records[0]))
        records[0][key] = chance.choice([None, [], [b"\xff"], [float("nan")], [2**63 - 1], [0.5, -1e30], [b"../x"] * 3])
    write_tfrecords(directory, records, chance.choice(["a.tfrecord", "a.tfrecord.gz", "a.record-00000-of-00001"]))
    [target] = directory.iterdir()
    if kind == 1:
        target.write_bytes(mutate_bytes(target.read_bytes(), chance))
    elif kind == 2:  # damaged messages under valid checksums
        target.write_bytes(framed(mutate_bytes(example(records[0]), chance)) + framed(example(records[1])))
    elif kind == 3:
        length = struct.pack("<Q", chance.choice([2**60, 2**64 - 1, 2**28, 2**28 + 1, 0]))
        target.write_bytes(length + masked_crc(length) + b"x" * 100)
    elif kind == 4:
        (directory / "label_map.pbtxt").write_bytes(
            mutate_text("item { id: 1 name: 'cat' }\nitem { id: 2 name: \"dog\" }", chance)
        )


HOSTILE: dict[str, Callable[[Path, random.Random], None]] = {
    "coco": hostile_coco,
    "voc": hostile_voc,
    "yolo": hostile_yolo,
    "tfrecord": hostile_tfrecord,
}


def outcome(directory: Path, out: Path) -> str:
    """Reads and converts a delivery."""
    try:
        source = read_source(str(directory))
        for shard in source.shards:
            for each, content in encoded_images(shard):
                assert isinstance(content, (bytes, DataError)), each
    except DataError as error:
        return f"refused{_unfit(error)}"
    try:
        convert(ConvertRequest(directory, out))
    except InputError as error:
        return f"not converted{_unfit(error)}"
    return "converted"


def _unfit(error: Exception) -> str:
    """What makes a message unfit for a terminal; nothing as a rule."""
    text = str(error)
    printable = all(line.isprintable() for line in text.split("\n"))
    return " at length" if len(text) > 5000 else "" if printable else f" as {text!r}"


@pytest.mark.parametrize("form", HOSTILE)
def test_damaged_delivery_is_read_or_refused_in_time_and_writes_nowhere_else(tmp_path: Path, form: str) -> None:
    outcomes: Counter[str] = Counter()
    for number in range(CASES_A_FORMAT):
        case = tmp_path / f"{number}"
        case.mkdir()
        HOSTILE[form](case / "in", random.Random(f"{form} {number}"))
        before = set(case.rglob("*"))
        start = time.monotonic()
        outcomes[outcome(case / "in", case / "out" / "span-1")] += 1
        assert time.monotonic() - start < LONGEST_S, number
        new = {path.relative_to(case).parts[:2] for path in case.rglob("*") if path not in before}
        assert new <= {("out",), ("out", "span-1")}, number
    assert {path.name for path in tmp_path.iterdir()} == {str(number) for number in range(CASES_A_FORMAT)}
    assert set(outcomes) <= {"refused", "not converted", "converted"}
    assert outcomes["refused"] > CASES_A_FORMAT / 4
    assert outcomes["converted"] > 0  # damage that does not matter is no reason to refuse


def test_symlinked_image_counts_by_its_name(tmp_path: Path) -> None:
    source = write_voc(tmp_path / "in")
    (source / "JPEGImages" / "a.jpg").rename(tmp_path / "elsewhere.jpg")
    (source / "JPEGImages" / "a.jpg").symlink_to(tmp_path / "elsewhere.jpg")
    (source / "JPEGImages" / "loop").symlink_to(source)
    convert(ConvertRequest(source, tmp_path / "out"))
    assert not (tmp_path / "out" / "images" / "a.jpg").is_symlink()
    assert (tmp_path / "out" / "images" / "a.jpg").read_bytes() == (tmp_path / "elsewhere.jpg").read_bytes()


def png_bomb(side: int) -> bytes:
    header = b"IHDR" + struct.pack(">IIBBBBB", side, side, 8, 2, 0, 0, 0)
    data = b"IDAT" + zlib.compress(bytes(100_000))
    parts = (struct.pack(">I", len(part) - 4) + part + struct.pack(">I", zlib.crc32(part)) for part in (header, data))
    return b"\x89PNG\r\n\x1a\n" + b"".join(parts)


def jpeg_bomb(side: int) -> bytes:
    encoded = bytearray(encode(picture()))
    place = encoded.index(b"\xff\xc0") + 5
    encoded[place : place + 4] = struct.pack(">HH", side, side)
    return bytes(encoded)


@pytest.mark.parametrize("make", [png_bomb, jpeg_bomb])
def test_header_of_thirty_thousand_pixels_a_side_is_refused_fast_and_with_little_memory(
    make: Callable[[int], bytes],
) -> None:
    bomb = make(30_000)
    tracemalloc.start()
    start = time.monotonic()
    with pytest.raises(DataError, match="900000000 pixels, allowed are 100000000"):
        inspect_image(bomb, record(30_000, 30_000), "a.jpg")
    with pytest.raises(DataError, match="is 900000000 pixels"):
        open_image(io.BytesIO(bomb), "a.jpg")
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert (time.monotonic() - start < 1, peak < 10_000_000) == (True, True)
