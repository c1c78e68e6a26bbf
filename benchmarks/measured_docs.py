"""The tables of docs/presets.md and docs/scale.md, of what was measured; pure."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from ratchet.schemas.base.errors import InputError

BEGIN, END = "<!-- written by `make bench-costs` -->", "<!-- to here -->"
_OVER_IMAGES = ("DetectionExampleGen", "StatisticsGen", "DataGate")


def write_tables(tree: Path, ingestion: Mapping[str, Any], presets: Mapping[str, Any]) -> None:
    """Puts the tables between the marks of both pages.

    Args:
        tree: directory of docs/.
        ingestion: benchmarks/measured/ingestion.json.
        presets: benchmarks/measured/presets.json.

    Raises:
        InputError: the marks are not there.
    """
    write_between(tree / "docs" / "presets.md", BEGIN, presets_table(presets))
    write_between(tree / "docs" / "scale.md", BEGIN, ingestion_table(ingestion))


def write_between(file: Path, begin: str, text: str) -> None:
    """Puts a text in the place of the one that stands between the marks.

    Args:
        file: Markdown with the lines `begin` and END.
        begin: the first mark, which names the command.
        text: Markdown.

    Raises:
        InputError: the marks are not there.
    """
    before, opened, rest = file.read_text(encoding="utf-8").partition(begin)
    _, closed, after = rest.partition(END)
    if not opened or not closed:
        raise InputError(f"{file}: the lines {begin} and {END} are not there; put them where the figures belong")
    file.write_text(f"{before}{begin}\n\n{text}\n\n{END}{after}", encoding="utf-8")


def presets_table(presets: Mapping[str, Any]) -> str:
    """What a step and a look of each model take.

    Args:
        presets: benchmarks/measured/presets.json.
    """
    head = (
        *("preset", "input, px", "batch", "parameters", "training, CPU-s an image", "images a second and core"),
        *("detecting, CPU-s an image", "process with the model built, MiB", "peak of a step, MiB"),
    )
    rows = [
        (
            *(f"`{point['preset']}`", f"{point['side_px']} x {point['side_px']}", f"{point['batch']}"),
            *(f"{point['parameters'] / 1e6:.2f} M", f"{point['step_image_cpu_s']:.4g}"),
            *(f"{1 / point['step_image_cpu_s']:.3g}", f"{point['look_image_cpu_s']:.3g}"),
            *(f"{point['built_mib']:,}", f"{point['step_peak_mib']:,}"),
        )
        for point in presets["points"]
    ]
    return f"{_table(head, rows)}\n\nMeasured by `{presets['command']}` on {presets['machine']}."


def ingestion_table(ingestion: Mapping[str, Any]) -> str:
    """What images take before training.

    Args:
        ingestion: benchmarks/measured/ingestion.json.
    """
    head = ("images", "px", *(f"{step}, CPU-ms an image" for step in _OVER_IMAGES), "peak of the process, MiB")
    rows = [
        (
            *(f"{point['images']:,}", f"{point['side_px']} x {point['side_px']}"),
            *(f"{1000 * point['steps'][step]['cpu_s'] / point['images']:.2f}" for step in _OVER_IMAGES),
            f"{max(step['peak_mib'] for step in point['steps'].values()):,.0f}",
        )
        for point in ingestion["points"]
    ]
    return f"{_table(head, rows)}\n\nMeasured by `{ingestion['command']}` on {ingestion['machine']}."


def _table(head: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    return "\n".join(f"| {' | '.join(cells)} |" for cells in (head, ["---"] * len(head), *rows))
