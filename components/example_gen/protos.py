"""The two protobuf messages of TFRecord deliveries, read without TensorFlow.

They are in a descriptor pool of their own: TensorFlow has messages of the same names in protobuf's common one.
Definitions: tensorflow/core/example/{example,feature}.proto of TensorFlow, and
object_detection/protos/string_int_label_map.proto of tensorflow/models.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from google.protobuf import descriptor_pb2, descriptor_pool, message_factory

_FIELD = descriptor_pb2.FieldDescriptorProto
_BYTES, _TEXT, _FLOAT, _INT = _FIELD.TYPE_BYTES, _FIELD.TYPE_STRING, _FIELD.TYPE_FLOAT, _FIELD.TYPE_INT64


class _File:
    """A file of message types."""

    def __init__(self, name: str) -> None:
        self._proto = descriptor_pb2.FileDescriptorProto(name=f"{name}.proto", package=name, syntax="proto2")

    def add(self, message: str, fields: Mapping[str, Any], repeated: bool = False, choice: str = "") -> None:
        """A message type; its fields are numbered from 1 and of a scalar type or a message of this name."""
        made = self._proto.message_type.add(name=message)
        if choice:
            made.oneof_decl.add(name=choice)
        for number, (name, kind) in enumerate(fields.items(), 1):
            field = made.field.add(name=name, number=number)
            field.label = _FIELD.LABEL_REPEATED if repeated else _FIELD.LABEL_OPTIONAL
            field.type = _FIELD.TYPE_MESSAGE if isinstance(kind, str) else kind
            if isinstance(kind, str):
                field.type_name = f".{self._proto.package}.{kind}"
            if choice:
                field.oneof_index = 0

    def class_of(self, message: str) -> Any:
        """The class of one of the messages."""
        pool = descriptor_pool.DescriptorPool()
        pool.AddSerializedFile(self._proto.SerializeToString())
        found = pool.FindMessageTypeByName(f"{self._proto.package}.{message}")
        if hasattr(message_factory, "GetMessageClass"):  # protobuf from 4.22 on
            return message_factory.GetMessageClass(found)
        return message_factory.MessageFactory(pool).GetPrototype(found)  # pyright: ignore[reportAttributeAccessIssue]


def _example() -> Any:
    file = _File("ratchet_example")
    file.add("BytesList", {"value": _BYTES}, repeated=True)
    file.add("FloatList", {"value": _FLOAT}, repeated=True)
    file.add("Int64List", {"value": _INT}, repeated=True)
    file.add("Feature", {"bytes": "BytesList", "float": "FloatList", "int": "Int64List"}, choice="kind")
    # A map on the wire is a list of entries. As a list it shows a key that is there twice.
    file.add("Entry", {"key": _BYTES, "value": "Feature"})
    file.add("Features", {"feature": "Entry"}, repeated=True)
    file.add("Example", {"features": "Features"})
    return file.class_of("Example")


def _label_map() -> Any:
    file = _File("ratchet_label_map")
    file.add("Item", {"name": _TEXT, "id": _INT, "display_name": _TEXT})
    file.add("LabelMap", {"item": "Item"}, repeated=True)
    return file.class_of("LabelMap")


Example = _example()
StringIntLabelMap = _label_map()
