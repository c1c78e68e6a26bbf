"""JPEGs and PNGs that something is wrong with, or that are only unusual."""

from __future__ import annotations

import struct
import zlib

import numpy as np
from PIL import Image, PngImagePlugin

from tests.builders import encode, picture

PNG_MAGIC = b"\x89PNG\r\n\x1a\n"
Chunk = tuple[bytes, bytes]


def chunks_of(png: bytes) -> list[Chunk]:
    """Type and content of each chunk."""
    chunks, position = [], len(PNG_MAGIC)
    while position < len(png):
        (length,) = struct.unpack_from(">I", png, position)
        chunks.append((png[position + 4 : position + 8], png[position + 8 : position + 8 + length]))
        position += 12 + length
    return chunks


def png_of(chunks: list[Chunk], wrong: int | None = None) -> bytes:
    """A PNG of chunks with their checksums; that of number `wrong` is another."""
    parts = [PNG_MAGIC]
    for number, (kind, content) in enumerate(chunks):
        checksum = zlib.crc32(kind + content) ^ (number == wrong)
        parts.append(struct.pack(">I", len(content)) + kind + content + struct.pack(">I", checksum))
    return b"".join(parts)


def raw_png(width: int, height: int, depth: int, colour: int, rows: bytes, interlaced: int = 0) -> bytes:
    """A PNG of rows as they are, each with its filter's byte."""
    header = struct.pack(">IIBBBBB", width, height, depth, colour, 0, 0, interlaced)
    return png_of([(b"IHDR", header), (b"IDAT", zlib.compress(rows)), (b"IEND", b"")])


def rich_png() -> bytes:
    """A PNG with chunks of each kind."""
    info = PngImagePlugin.PngInfo()
    info.add_text("Comment", "by hand")
    info.add(b"gAMA", struct.pack(">I", 45_455))
    info.add(b"prVt", b"private")
    return encode(picture(), "PNG", pnginfo=info)


def files_by_kind() -> dict[str, bytes]:
    """Sound files of many kinds."""
    colours = picture()
    deep = np.asarray(colours)[..., 0].astype(np.uint16) * 256
    rows = b"".join(b"\0" + row.tobytes() for row in (np.asarray(colours).astype(">u2") * 257).astype(">u2"))
    modes = ("1", "L", "LA", "P", "RGB", "RGBA")
    return {
        **{f"png {mode}": encode(colours.convert(mode), "PNG") for mode in modes},
        "png 16 bit grey": encode(Image.fromarray(deep), "PNG"),
        "png 16 bit colours": raw_png(*colours.size, 16, 2, rows),
        "png palette of 4 bits": encode(colours.quantize(16), "PNG", bits=4),
        "png transparent palette": encode(colours.convert("P"), "PNG", transparency=3),
        "png animated": encode(colours, "PNG", save_all=True, append_images=[picture(seed=1)]),
        "png rich": rich_png(),
        "jpeg": encode(colours),
        "jpeg grey": encode(colours.convert("L")),
        "jpeg cmyk": encode(colours.convert("CMYK")),
        "jpeg progressive": encode(colours, progressive=True),
        "jpeg restarted": encode(colours, restart_marker_rows=1),
        "jpeg of red, green and blue": encode(colours, keep_rgb=True),
    }


def altered_pngs(png: bytes) -> dict[str, bytes]:
    """Each chunk wrong, missing, twice, moved, or with a byte turned over or lost under a right checksum."""
    chunks = chunks_of(png)
    altered = {}
    for number, (kind, content) in enumerate(chunks):
        before, chunk, after = chunks[:number], chunks[number], chunks[number + 1 :]
        name = f"{kind!r} {number}"
        altered[f"checksum of {name}"] = png_of(chunks, wrong=number)
        altered[f"no {name}"] = png_of(before + after)
        altered[f"{name} twice"] = png_of([*before, chunk, *chunks[number:]])
        altered[f"{name} first"] = png_of([chunk, *before, *after])
        altered[f"{name} longer"] = png_of([*before, (kind, content + b"xyz"), *after])
        if content and kind != b"IHDR":  # another size is found by the annotation
            middle = len(content) // 2
            turned = content[:middle] + bytes([content[middle] ^ 255]) + content[middle + 1 :]
            altered[f"byte of {name}"] = png_of([*before, (kind, turned), *after])
    return altered


def altered_jpegs(jpeg: bytes, seed: int, count: int) -> dict[str, bytes]:
    """Single bytes exchanged, cut off with and without an end mark, and with zeros to the end."""
    rng = np.random.default_rng(seed)
    altered = {}
    for number in range(count):
        damaged = bytearray(jpeg)
        damaged[int(rng.integers(2, len(jpeg)))] = int(rng.integers(256))
        end = int(rng.integers(20, len(jpeg)))
        altered |= {
            f"byte {number}": bytes(damaged),
            f"cut {number}": jpeg[:end],
            f"closed {number}": jpeg[:end] + b"\xff\xd9",
            f"zeros {number}": jpeg[:end] + bytes(len(jpeg) - end),
        }
    return altered
