"""`ratchet schema infer`: proposes a curated schema for a data set, for a person to review and keep."""

# pyright: reportAttributeAccessIssue=false
# (protobuf's classes are made when their module is imported)

from __future__ import annotations

from pathlib import Path

from google.protobuf import text_format
from tensorflow_metadata.proto.v0 import schema_pb2

from ratchet.components.example_gen.dataset import Source
from ratchet.schemas.base.errors import InputError
from ratchet.schemas.base.files import LOCAL_FILES
from ratchet.schemas.data import features
from ratchet.schemas.data.tfdv_schema import DEFAULT_SCHEMA_FILE, read_schema

_MOST_VALUES = 100  # of a source field; with more it is a name rather than a category
_SOURCE_DRIFT = 0.1
_HEAD = """\
# Proposed by `ratchet schema infer` from {directory} ({images} images, {boxes} boxes). Review it:
# - the classes of image/object/class/text are the label map, in label order; an unknown one stops a run;
# - a source field with a list of values allows only these; delete the list where new ones are welcome;
# - thresholds of drift and skew are where a person should begin to look.
# Use it with `data: {{schema: FILE}}` in the configuration, or --set data.schema=FILE.

"""


def infer_schema(source: Source) -> schema_pb2.Schema:
    """The schema that comes along, with a data set's classes and source fields.

    Args:
        source: the data set.
    """
    schema = read_schema(str(DEFAULT_SCHEMA_FILE), LOCAL_FILES)
    kept = [feature for feature in schema.feature if not feature.name.startswith(features.SOURCE_PREFIX)]
    for feature in kept:
        if feature.name == features.BOX_CLASS:
            feature.string_domain.value.extend(source.label_map.names)
    del schema.feature[:]
    schema.feature.extend([*kept, *_source_fields(source)])
    return schema


def _source_fields(source: Source) -> list[schema_pb2.Feature]:
    names = dict.fromkeys(name for record in source.records for name in record.attributes)
    return [_source_field(name, source) for name in sorted(names)]


def _source_field(name: str, source: Source) -> schema_pb2.Feature:
    values = {record.attributes[name] for record in source.records if name in record.attributes}
    feature = schema_pb2.Feature(
        name=features.SOURCE_PREFIX + name,
        type=schema_pb2.BYTES,
        value_count=schema_pb2.ValueCount(min=0, max=1),
        not_in_environment=["SERVING"],
    )
    if len(values) <= min(_MOST_VALUES, len(source.records) // 2):
        feature.drift_comparator.infinity_norm.threshold = _SOURCE_DRIFT
        if len(values) > 1:  # a single value, such as the span's own number, does not say what else there may be
            feature.string_domain.value.extend(sorted(values))
    return feature


def write_schema(source: Source, out: Path) -> None:
    """Writes the proposal.

    Args:
        source: the data set.
        out: file to write; must not exist.

    Raises:
        InputError: it exists or cannot be written.
    """
    head = _HEAD.format(
        directory=" ".join(source.directory.split()),
        images=len(source.records),
        boxes=sum(len(record.truth.labels) for record in source.records),
    )
    try:
        with open(out, "x", encoding="utf-8") as file:
            file.write(head + text_format.MessageToString(infer_schema(source), as_utf8=True))
    except FileExistsError as error:
        raise InputError(f"--out {out}: exists; a reviewed schema is not overwritten, give another file") from error
    except OSError as error:
        raise InputError(f"--out {out}: cannot be written ({error.strerror}); give another file") from error
