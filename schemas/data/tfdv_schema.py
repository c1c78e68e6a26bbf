"""The curated TFDV schema as a text file: the class set in it is the label map of data sets that list no classes."""

# pyright: reportAttributeAccessIssue=false
# (protobuf's classes are made when their module is imported)

from __future__ import annotations

from pathlib import Path

from google.protobuf import text_format
from tensorflow_metadata.proto.v0 import schema_pb2

from ratchet.schemas.base.errors import ConfigError
from ratchet.schemas.base.files import Files, reason_of, refuse_irregular
from ratchet.schemas.data import features

DEFAULT_SCHEMA_FILE = Path(__file__).resolve().parent.parent / "detection.pbtxt"


def read_schema(path: str, files: Files) -> schema_pb2.Schema:
    """Reads a schema.

    Args:
        path: text form of tensorflow.metadata.v0.Schema.
        files: the file system.

    Raises:
        ConfigError: the file cannot be read or is not a schema.
    """
    try:
        refuse_irregular(path)
        with files.open(path, "rb") as file:
            text = file.read()
    except Exception as error:  # TFX's fileio raises TensorFlow's own errors, which have no base class but this
        raise ConfigError(
            f"data.schema = {path!r}: cannot be read: {reason_of(error)}; give the path of a schema"
        ) from error
    try:
        return text_format.Parse(text.decode(), schema_pb2.Schema())
    except (text_format.ParseError, UnicodeDecodeError, RecursionError) as error:
        raise ConfigError(
            f"data.schema = {path!r}: not a TFDV schema ({' '.join(str(error).split())[:300]}); "
            "`ratchet schema infer` writes one"
        ) from error


def class_names(schema: schema_pb2.Schema) -> tuple[str, ...] | None:
    """The classes that a schema allows, in label order; None if it does not say."""
    for feature in schema.feature:
        if feature.name == features.BOX_CLASS and feature.string_domain.value:
            return tuple(feature.string_domain.value)
    return None


def read_class_names(path: str, files: Files) -> tuple[str, ...] | None:
    """`class_names` of a schema file."""
    return class_names(read_schema(path, files))
