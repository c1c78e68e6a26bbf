"""What benchmarks of many images have measured, in one chart: `python -m benchmarks.scale --draw`."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path

_INGESTION = ("DetectionExampleGen", "StatisticsGen")


@dataclass(frozen=True)
class Point:
    """One measurement.

    Attributes:
        series: what was measured, as the chart names it.
        images: of how many images.
        cpu_seconds: user and system, of all processes.
        memory_gib: the most that the process took for itself, files that are mapped apart.
        says: whatever else is worth keeping.
    """

    series: str
    images: int
    cpu_seconds: float
    memory_gib: float
    says: dict[str, object] = field(default_factory=dict)


def read_points(path: Path) -> list[Point]:
    """The points of a file, by series and number of images; none if there is no file."""
    return [Point(**entry) for entry in json.loads(path.read_text())] if path.is_file() else []


def ingestion_points(path: Path) -> list[Point]:
    """The same of what `benchmarks/ingestion.py` measured of its smallest images; none if there is no file.

    Memory is that of the whole process there, mapped files and libraries included.
    """
    measured = json.loads(path.read_text())["points"] if path.is_file() else []
    side = min((point["side_px"] for point in measured), default=0)
    return [
        Point(
            f"{step}, {side} px",
            point["images"],
            point["steps"][step]["cpu_s"],
            point["steps"][step]["peak_mib"] / 1024,
        )
        for point in measured
        for step in _INGESTION
        if point["side_px"] == side and step in point["steps"]
    ]


def keep(path: Path, point: Point) -> None:
    """Adds a point to a file, in the place of an earlier one of its series and number of images."""
    rest = [each for each in read_points(path) if (each.series, each.images) != (point.series, point.images)]
    points = sorted([*rest, point], key=lambda each: (each.series, each.images))
    path.write_text(json.dumps([asdict(each) for each in points], indent=1) + "\n")


def draw(points: Sequence[Point], path: Path) -> None:
    """Draws CPU seconds and memory over the number of images, a line a series."""
    from matplotlib.figure import Figure

    figure = Figure(figsize=(10, 4.4), layout="constrained")
    of_time, of_memory = figure.subplots(1, 2)
    for series in sorted({point.series for point in points}):
        own = sorted((point for point in points if point.series == series), key=lambda point: point.images)
        images = [point.images for point in own]
        for axes, values in (
            (of_time, [point.cpu_seconds for point in own]),
            (of_memory, [point.memory_gib for point in own]),
        ):
            axes.plot(images, values, marker="o", markersize=4, linewidth=1.4, label=series)
    for axes, title in ((of_time, "CPU seconds"), (of_memory, "memory of the process, GiB")):
        axes.set(xscale="log", xlabel="images", title=title)
        axes.grid(alpha=0.3)
    of_time.set_yscale("log")
    of_memory.set_ylim(bottom=0)
    figure.legend(*of_time.get_legend_handles_labels(), loc="outside lower center", ncols=3, fontsize=8, frameon=False)
    figure.savefig(path, dpi=110, metadata={"Software": None})
