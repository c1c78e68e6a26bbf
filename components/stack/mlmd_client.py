"""ML Metadata's client, with a way around its fault with PostgreSQL: a text with a backslash is written as broken SQL.

It takes libpq's escaped literal, which begins with ` E'` where there is a backslash, for one that begins with a quote
(ml_metadata 1.16, postgresql_metadata_source.cc). TFX notes every step's settings, as JSON within JSON, so no run would
get far. Each backslash goes to PostgreSQL as a character for private use, and comes back as what it was.
"""

# pyright: reportAttributeAccessIssue=false
# (protobuf's classes are made when their module is imported)

from __future__ import annotations

from typing import Any

from google.protobuf.message import Message
from ml_metadata.metadata_store.metadata_store import MetadataStore
from ml_metadata.proto import metadata_store_pb2 as mlmd

from ratchet.components.stack.mlmd_tables import BACKSLASH, STAND_IN


class PostgresqlStore(MetadataStore):
    """A store in PostgreSQL that takes any text."""

    def _pywrap_cc_call(self, method: Any, request: Any, response: Any) -> None:
        sent = type(request)()
        sent.CopyFrom(request)
        _replace(sent, BACKSLASH, STAND_IN)
        super()._pywrap_cc_call(method, sent, response)
        _replace(response, STAND_IN, BACKSLASH)


def open_client(connection: mlmd.ConnectionConfig) -> MetadataStore:
    """Opens a store, and makes its tables where there are none.

    Args:
        connection: to it.

    Raises:
        RuntimeError: it cannot be opened.
    """
    return (PostgresqlStore if connection.HasField("postgresql") else MetadataStore)(connection)


def _replace(message: Message, old: str, new: str) -> None:
    """In every text of a message, those below it included; keys of maps are names that TFX or we have given."""
    for field, value in message.ListFields():
        if field.message_type is not None and field.message_type.GetOptions().map_entry:
            _replace_in_map(value, old, new)
        elif field.type == field.TYPE_MESSAGE:
            for below in value if field.label == field.LABEL_REPEATED else (value,):
                _replace(below, old, new)
        elif field.type == field.TYPE_STRING and field.label == field.LABEL_REPEATED:
            value[:] = [text.replace(old, new) for text in value]
        elif field.type == field.TYPE_STRING and old in value:
            setattr(message, field.name, value.replace(old, new))


def _replace_in_map(values: Any, old: str, new: str) -> None:
    for key in values:
        if isinstance(values[key], Message):
            _replace(values[key], old, new)
        elif isinstance(values[key], str):
            values[key] = values[key].replace(old, new)
