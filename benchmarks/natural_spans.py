"""Clean spans as they come: whole, halves and thirds in the order of their files, and generated ones."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

from ratchet.pipeline.demo.digits import DigitsOptions, write_digits

_BLOCKS = (2, 3)  # into which a span is cut, in the order of its files
_FEWEST = 30  # images of a block: the gate says nothing of fewer than 20 to train on
# Worlds that move a little from delivery to delivery: factors of the sizes and of the light.
_MOVED = ((1.0, 1.0), (1.1, 1.0), (0.9, 1.0), (1.0, 1.08), (1.0, 0.93))
_GENERATED_FROM = 1000  # numbers that no other span has


def natural_spans(data: Path, numbers: list[int], work: Path) -> Iterator[tuple[str, Path]]:
    """Real spans whole, then blocks of them in the order of their files.

    Args:
        data: directory of span-N.
        numbers: which of them.
        work: directory for the blocks; their images are those of the spans.
    """
    for number in numbers:
        yield f"span-{number}", data / f"span-{number}"
    for blocks in _BLOCKS:
        for number in numbers:
            span = data / f"span-{number}"
            images = json.loads((span / "annotations.json").read_text())["images"]
            if len(images) < blocks * _FEWEST:
                continue
            for block in range(blocks):
                name = f"span-{number}, part {block + 1} of {blocks}"
                start, end = (len(images) * place // blocks for place in (block, block + 1))
                ids = {entry["id"] for entry in sorted(images, key=lambda entry: entry["file_name"])[start:end]}
                yield name, _of_images(span, ids, work / f"clean-{number}-{block}-of-{blocks}")


def _of_images(span: Path, ids: set[int], out: Path) -> Path:
    if not out.exists():
        document = json.loads((span / "annotations.json").read_text())
        document["images"] = [entry for entry in document["images"] if entry["id"] in ids]
        document["annotations"] = [entry for entry in document["annotations"] if entry["image_id"] in ids]
        out.mkdir(parents=True)
        (out / "annotations.json").write_text(json.dumps(document))
        (out / "images").symlink_to((span / "images").resolve())
    return out


def generated_span(seed: int, images: int, work: Path) -> Path:
    """A span of digits like those of the demo."""
    out = work / f"digits-{seed}-{images}"
    if not out.exists():
        write_digits(str(out), DigitsOptions(span=_GENERATED_FROM + seed, images=images))
    return out


def generated_spans(seeds: list[int], images: int, work: Path) -> Iterator[tuple[str, Path]]:
    """Spans of digits from worlds that move a little in sizes and light, which the demo's golden set has no part in."""
    for seed in seeds:
        scale, lighting = _MOVED[seed % len(_MOVED)]
        out = work / f"moved-{seed}-{images}"
        if not out.exists():
            number = 2 * _GENERATED_FROM + seed
            write_digits(str(out), DigitsOptions(span=number, images=images, scale=scale, lighting=lighting))
        yield f"digits {seed}, size {scale:g}, light {lighting:g}", out
