"""The messages of TensorBoard's event files, as far as scalars are concerned, read without TensorFlow and TensorBoard.

They are in a descriptor pool of their own: TensorFlow has messages of the same names in protobuf's common one. What is
not declared here is passed over. Definitions: event.proto, summary.proto and tensor.proto of tensorflow/core; why not
TensorBoard's own reader: docs/decisions/0023-reading-event-files.md.
"""

from __future__ import annotations

from typing import Any

from google.protobuf import descriptor_pb2, descriptor_pool, message_factory

_FIELD = descriptor_pb2.FieldDescriptorProto
_PACKAGE = "ratchet_events"
_ONE, _MANY = _FIELD.LABEL_OPTIONAL, _FIELD.LABEL_REPEATED
# Tags are bytes: what is no UTF-8 in one of them must not make the others unreadable.
_MESSAGES: dict[str, dict[str, tuple[int, Any, Any]]] = {
    "Dim": {"size": (1, _FIELD.TYPE_INT64, _ONE)},
    "Shape": {"dim": (2, "Dim", _MANY), "unknown_rank": (3, _FIELD.TYPE_BOOL, _ONE)},
    "Tensor": {
        "dtype": (1, _FIELD.TYPE_INT32, _ONE),
        "shape": (2, "Shape", _ONE),
        "content": (4, _FIELD.TYPE_BYTES, _ONE),
        "float_val": (5, _FIELD.TYPE_FLOAT, _MANY),
        "double_val": (6, _FIELD.TYPE_DOUBLE, _MANY),
        "int_val": (7, _FIELD.TYPE_INT32, _MANY),
        "int64_val": (10, _FIELD.TYPE_INT64, _MANY),
    },
    "Value": {
        "tag": (1, _FIELD.TYPE_BYTES, _ONE),
        "simple_value": (2, _FIELD.TYPE_FLOAT, _ONE),
        "tensor": (8, "Tensor", _ONE),
    },
    "Summary": {"value": (1, "Value", _MANY)},
    "Event": {"step": (2, _FIELD.TYPE_INT64, _ONE), "summary": (5, "Summary", _ONE)},
}


def _event() -> Any:
    file = descriptor_pb2.FileDescriptorProto(name=f"{_PACKAGE}.proto", package=_PACKAGE, syntax="proto2")
    for message, fields in _MESSAGES.items():
        made = file.message_type.add(name=message)
        for name, (number, kind, label) in fields.items():
            field = made.field.add(name=name, number=number, label=label)
            field.type = _FIELD.TYPE_MESSAGE if isinstance(kind, str) else kind
            if isinstance(kind, str):
                field.type_name = f".{_PACKAGE}.{kind}"
    pool = descriptor_pool.DescriptorPool()
    pool.AddSerializedFile(file.SerializeToString())
    found = pool.FindMessageTypeByName(f"{_PACKAGE}.Event")
    if hasattr(message_factory, "GetMessageClass"):  # protobuf from 4.22 on
        return message_factory.GetMessageClass(found)
    return message_factory.MessageFactory(pool).GetPrototype(found)  # pyright: ignore[reportAttributeAccessIssue]


Event = _event()
