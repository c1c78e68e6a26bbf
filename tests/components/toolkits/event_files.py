"""Event files as TensorFlow 1, TensorFlow 2 and torch write them, in TensorBoard's own messages."""

from __future__ import annotations

import importlib
import struct
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any, cast

import google_crc32c
import numpy as np

Scalar = tuple[int, str, float]  # step, tag, value
# Made when they are imported, so that no type checker sees what is in them.
event_pb2, summary_pb2, tensor_pb2, tensor_shape_pb2, types_pb2 = (
    cast(Any, importlib.import_module(f"tensorboard.compat.proto.{name}_pb2"))
    for name in ("event", "summary", "tensor", "tensor_shape", "types")
)


def framed(data: bytes) -> bytes:
    """A record of a TFRecord file."""
    head = struct.pack("<Q", len(data))
    return head + _masked(head) + data + _masked(data)


def _masked(data: bytes) -> bytes:
    crc = google_crc32c.value(data)
    return struct.pack("<I", (((crc >> 15) | (crc << 17)) + 0xA282EAD8) & 0xFFFFFFFF)


def version() -> bytes:
    """What an event file begins with."""
    return framed(event_pb2.Event(wall_time=1.0, file_version="brain.Event:2").SerializeToString())


def simple(step: int, tag: str, value: float) -> bytes:
    """A scalar of TensorFlow 1 and of torch's SummaryWriter."""
    return _event(step, summary_pb2.Summary.Value(tag=tag, simple_value=value))


def tensor(step: int, tag: str, value: float, dtype: str = "<f4", in_content: bool = True) -> bytes:
    """A scalar of TensorFlow 2."""
    kind = {"<f4": types_pb2.DT_FLOAT, "<f8": types_pb2.DT_DOUBLE, "<i8": types_pb2.DT_INT64, "<f2": types_pb2.DT_HALF}
    field = {"<f4": "float_val", "<f8": "double_val", "<i8": "int64_val"}
    made = tensor_pb2.TensorProto(dtype=kind[dtype], tensor_shape=tensor_shape_pb2.TensorShapeProto())
    if in_content:
        made.tensor_content = np.array(value, dtype).tobytes()
    else:
        getattr(made, field[dtype]).append(np.array(value, dtype)[()])
    metadata = summary_pb2.SummaryMetadata(
        plugin_data=summary_pb2.SummaryMetadata.PluginData(plugin_name="scalars"),
        data_class=summary_pb2.DATA_CLASS_SCALAR,
    )
    return _event(step, summary_pb2.Summary.Value(tag=tag, tensor=made, metadata=metadata))


def others(step: int, tag: str = "loss") -> bytes:
    """An image, a histogram and a text: no scalars."""
    image = summary_pb2.Summary.Value(tag=f"{tag}/images", image=summary_pb2.Summary.Image(height=1, width=1))
    histogram = tensor_pb2.TensorProto(dtype=types_pb2.DT_FLOAT, float_val=[1.0, 2.0])
    histogram.tensor_shape.dim.add(size=2)
    text = tensor_pb2.TensorProto(dtype=types_pb2.DT_STRING, string_val=[b"words"])
    values = [image, *(summary_pb2.Summary.Value(tag=tag, tensor=made) for made in (histogram, text))]
    return b"".join(_event(step, value) for value in values)


def _event(step: int, value: Any) -> bytes:
    summary = summary_pb2.Summary(value=[value])
    return framed(event_pb2.Event(wall_time=1.0 + step, step=step, summary=summary).SerializeToString())


def write_events(directory: Path, scalars: Iterable[Scalar], begun: int = 1, of: Callable[..., bytes] = simple) -> Path:
    """An event file of scalars."""
    directory.mkdir(parents=True, exist_ok=True)
    path = directory / f"events.out.tfevents.{begun}.host.1.0.v2"
    path.write_bytes(version() + b"".join(of(*scalar) for scalar in scalars))
    return path
