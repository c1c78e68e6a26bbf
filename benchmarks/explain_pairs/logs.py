"""Logs of trainings as toolkits write them: TensorBoard's events, `results.csv`, JSON lines."""

from __future__ import annotations

import csv
import json
import struct
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import google_crc32c
import numpy as np

Curve = Sequence[tuple[float, float]]
_WRITTEN_AT = 1_700_000_000.0  # of every event: what is written does not hang on the clock
_MASK = 0xA282EAD8


@dataclass(frozen=True)
class Curves:
    """What a training logged; steps or epochs ascend.

    Attributes:
        loss: on training images.
        scores: mAP on validation images.
        rate: the learning rate.
        checked: loss on validation images.
    """

    loss: Curve
    scores: Curve
    rate: Curve
    checked: Curve = ()


def course(steps: Sequence[float], knots: Sequence[tuple[float, float]], scatter: float = 0.0, seed: int = 0) -> Curve:
    """Values at steps, linear between knots.

    Args:
        steps: where.
        knots: (step, value).
        scatter: standard deviation of a factor on each.
        seed: of the scatter.
    """
    places, values = zip(*knots)
    found = np.interp(steps, places, values) * np.exp(np.random.default_rng([seed]).normal(0, scatter, len(steps)))
    return [(float(step), float(value)) for step, value in zip(steps, found)]


def write_events(directory: Path, curves: Curves, names: tuple[str, str, str], validation: str) -> None:
    """TensorBoard's event files, one of training and one of validation.

    Args:
        directory: of the training.
        curves: to write.
        names: of loss, learning rate and mAP, in the toolkit's spelling.
        validation: the name of its directory.
    """
    loss, rate, score = names
    _write_event_file(directory / "train", {loss: curves.loss, rate: curves.rate})
    _write_event_file(directory / validation, {score: curves.scores, loss: curves.checked})


def write_results_csv(file: Path, curves: Curves) -> None:
    """`results.csv` of Ultralytics; the loss is divided among its parts."""
    file.parent.mkdir(parents=True, exist_ok=True)
    scores, rate, checked = dict(curves.scores), dict(curves.rate), dict(curves.checked)
    with file.open("w", newline="") as opened:
        table = csv.writer(opened)
        table.writerow(
            ["epoch", "time"]
            + [f"train/{part}_loss" for part in _PARTS]
            + ["metrics/precision(B)", "metrics/recall(B)", "metrics/mAP50(B)", "metrics/mAP50-95(B)"]
            + [f"val/{part}_loss" for part in _PARTS]
            + ["lr/pg0", "lr/pg1", "lr/pg2"]
        )
        for epoch, loss in curves.loss:
            score, on_validation = scores[epoch], checked.get(epoch, loss * 1.1)
            table.writerow(
                [f"{epoch:g}", f"{epoch * 11.5:.2f}"]
                + [f"{loss * share:.5f}" for share in _PARTS.values()]
                + [f"{each:.5f}" for each in (score * 1.25, score * 1.15, score * 1.4, score)]
                + [f"{on_validation * share:.5f}" for share in _PARTS.values()]
                + [f"{rate[epoch]:.8g}"] * 3
            )


_PARTS = {"box": 0.4, "cls": 0.35, "dfl": 0.25}


def write_json_lines(file: Path, curves: Curves, steps_an_epoch: int) -> None:
    """`vis_data/scalars.json` of MMDetection 3: training by steps, validation by epochs."""
    file.parent.mkdir(parents=True, exist_ok=True)
    rate, lines = dict(curves.rate), []
    scores = {epoch * steps_an_epoch: (epoch, score) for epoch, score in curves.scores}
    for step, loss in curves.loss:
        row = {"lr": rate[step], "data_time": 0.004, "loss": loss, "loss_cls": loss * 0.6, "loss_bbox": loss * 0.4}
        lines.append(
            {**row, "time": 0.21, "epoch": int(step / steps_an_epoch) + 1, "iter": int(step), "step": int(step)}
        )
        if step in scores:
            epoch, score = scores[step]
            lines.append({"coco/bbox_mAP": score, "coco/bbox_mAP_50": score * 1.4, "time": 0.05, "step": int(epoch)})
    file.write_text("".join(f"{json.dumps(line)}\n" for line in lines))


def _write_event_file(directory: Path, series: Mapping[str, Curve]) -> None:
    directory.mkdir(parents=True, exist_ok=True)
    version = _field(1, struct.pack("<d", _WRITTEN_AT), 1) + _field(3, b"brain.Event:2")
    events = [_framed(version)]
    points = sorted((step, tag, value) for tag, curve in series.items() for step, value in curve)
    events += [_framed(_event(int(step), tag, value)) for step, tag, value in points]
    (directory / f"events.out.tfevents.{_WRITTEN_AT:.0f}.host.1.0.v2").write_bytes(b"".join(events))


def _event(step: int, tag: str, value: float) -> bytes:
    """A scalar as TensorFlow 2 writes it: a float tensor without dimensions."""
    tensor = _varint(1 << 3) + _varint(1) + _field(2, b"") + _field(4, struct.pack("<f", value))
    summary = _field(1, _field(1, tag.encode()) + _field(8, tensor))
    return _field(1, struct.pack("<d", _WRITTEN_AT + step), 1) + _varint(2 << 3) + _varint(step) + _field(5, summary)


def _field(number: int, content: bytes, kind: int = 2) -> bytes:
    head = _varint(number << 3 | kind)
    return head + content if kind == 1 else head + _varint(len(content)) + content


def _varint(value: int) -> bytes:
    written = bytearray()
    while value > 0x7F:
        written.append(value & 0x7F | 0x80)
        value >>= 7
    return bytes([*written, value])


def _framed(record: bytes) -> bytes:
    length = struct.pack("<Q", len(record))
    return length + _masked_crc(length) + record + _masked_crc(record)


def _masked_crc(data: bytes) -> bytes:
    crc = google_crc32c.value(data)
    return struct.pack("<I", ((crc >> 15 | crc << 17) + _MASK) & 0xFFFFFFFF)
