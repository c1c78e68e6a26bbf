from __future__ import annotations

from pathlib import Path

import pytest

from ratchet.components.example_gen.dataset import read_source
from ratchet.pipeline.cli.main import main
from ratchet.pipeline.data.schema_infer import infer_schema
from ratchet.schemas.base.errors import ConfigError
from ratchet.schemas.base.files import LOCAL_FILES
from ratchet.schemas.data import features
from ratchet.schemas.data.tfdv_schema import DEFAULT_SCHEMA_FILE, class_names, read_class_names, read_schema
from tests.builders import coco, coco_annotation, coco_image, write_span


@pytest.fixture
def span(tmp_path: Path) -> Path:
    images = [coco_image(i, camera="north" if i % 2 else "south", frame=f"f{i}", site="x") for i in range(1, 13)]
    document = coco(images=images, annotations=[coco_annotation(i, i) for i in range(1, 13)])
    return write_span(tmp_path / "data" / "span-1", document)


def feature_of(schema, name: str):
    [feature] = [entry for entry in schema.feature if entry.name == name]
    return feature


def test_the_classes_are_the_label_map_in_its_order(span: Path) -> None:
    schema = infer_schema(read_source(str(span)))
    assert class_names(schema) == ("cat", "dog")


def test_source_fields_of_the_data_replace_those_that_come_along(span: Path) -> None:
    schema = infer_schema(read_source(str(span)))
    names = {entry.name for entry in schema.feature if entry.name.startswith(features.SOURCE_PREFIX)}
    assert names == {"source/camera", "source/frame", "source/site"}
    camera = feature_of(schema, "source/camera")
    assert list(camera.string_domain.value) == ["north", "south"]
    assert camera.drift_comparator.infinity_norm.threshold == 0.1
    assert not feature_of(schema, "source/frame").string_domain.value  # a name, not a category
    site = feature_of(schema, "source/site")
    assert not site.string_domain.value  # one value does not say what else is allowed, but a change is drift
    assert site.drift_comparator.infinity_norm.threshold == 0.1
    assert not any(entry.presence.min_fraction for entry in (camera, site))  # a later span may come without


def test_every_number_in_the_schema_that_comes_along_has_a_measure_that_tfdv_computes() -> None:
    schema = read_schema(str(DEFAULT_SCHEMA_FILE), LOCAL_FILES)
    for feature in schema.feature:
        drift = feature.drift_comparator
        assert drift.jensen_shannon_divergence.threshold or drift.infinity_norm.threshold, feature.name
        is_number = feature.type != 1  # BYTES
        assert is_number == drift.HasField("jensen_shannon_divergence"), feature.name


def test_what_needs_labels_is_not_expected_of_requests() -> None:
    schema = read_schema(str(DEFAULT_SCHEMA_FILE), LOCAL_FILES)
    for feature in schema.feature:
        served = "SERVING" not in feature.not_in_environment
        assert served == feature.HasField("skew_comparator"), feature.name
        if served:
            assert feature.name in {
                features.QA_BRIGHTNESS,
                features.QA_CONTRAST,
                features.QA_SHARPNESS,
                features.QA_HUE,
                features.QA_NOISE,
                features.QA_RED_CAST,
                features.QA_BLUE_CAST,
                features.QA_LOG_FILE_SIZE,
            }


def test_the_command_writes_what_can_be_read_again_and_never_overwrites(
    span: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    out = tmp_path / "schema.pbtxt"
    command = ["schema", "infer", "--data", str(span.parent), "--out", str(out)]
    assert main(command) == 0
    assert read_class_names(str(out), LOCAL_FILES) == ("cat", "dog")
    assert "Review it" in out.read_text()
    out.write_text("reviewed")
    assert main(command) == 2
    assert "not overwritten" in capsys.readouterr().err
    assert out.read_text() == "reviewed"


def test_a_file_that_is_no_schema_is_named(tmp_path: Path) -> None:
    (tmp_path / "s.pbtxt").write_text("feature { nonsense: 1 }")
    with pytest.raises(ConfigError, match=r"s\.pbtxt.*not a TFDV schema"):
        read_schema(str(tmp_path / "s.pbtxt"), LOCAL_FILES)
    with pytest.raises(ConfigError, match="cannot be read"):
        read_schema(str(tmp_path / "nowhere.pbtxt"), LOCAL_FILES)
