"""ML Metadata's client, with ways around two faults that it has with PostgreSQL (ml_metadata 1.16).

A text with a backslash is written as broken SQL: it takes libpq's escaped literal, which begins with ` E'` then, for
one that begins with a quote (postgresql_metadata_source.cc). TFX notes every step's settings, as JSON within JSON, so
no run would get far. Each backslash goes to PostgreSQL as a character for private use, and comes back as what it was.

Two runners that make a type of the same name at the same moment make two, for the tables have no rule against it and
the transactions do not see each other; what belongs to one of them is then not found by the name. So they take turns.
"""

# pyright: reportAttributeAccessIssue=false
# (protobuf's classes are made when their module is imported)

from __future__ import annotations

from typing import Any

from google.protobuf.message import Message
from ml_metadata.metadata_store.metadata_store import MetadataStore
from ml_metadata.proto import metadata_store_pb2 as mlmd

from ratchet.components.stack.mlmd_driver import TYPES_LOCK, alone, connected
from ratchet.components.stack.mlmd_server import POSTGRESQL, Server
from ratchet.components.stack.mlmd_tables import BACKSLASH, STAND_IN

_MAKING_TYPES = frozenset({"PutTypes", "PutArtifactType", "PutExecutionType", "PutContextType"})


class PostgresqlStore(MetadataStore):
    """A store in PostgreSQL that takes any text, and has one type of a name."""

    def __init__(self, config: mlmd.ConnectionConfig) -> None:
        super().__init__(config)
        to = config.postgresql
        self._server = Server(POSTGRESQL, to.host, int(to.port), to.dbname, to.user)

    def _call(self, method_name: str, request: Any, response: Any, extra_options: Any = None) -> Any:
        if method_name not in _MAKING_TYPES:
            return super()._call(method_name, request, response, extra_options)
        with connected(self._server) as tables, alone(tables, TYPES_LOCK):
            return super()._call(method_name, request, response, extra_options)

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
