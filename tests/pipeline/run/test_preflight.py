"""What can be known to be wrong before a run, and what makes a request another one."""

from __future__ import annotations

import dataclasses
import json
import os
import shutil
from collections.abc import Callable
from pathlib import Path

import pytest

from ratchet.components.example_gen.dataset import read_source
from ratchet.components.trainer.settings import TrainerSettings
from ratchet.pipeline.config.pipeline_settings import PipelineSettings, load_settings
from ratchet.pipeline.run.preflight import RunRequest, check_new, read_request, schema_file
from ratchet.schemas.artifacts.run_files import key_of
from ratchet.schemas.artifacts.training_record import RECORD_FILE, TRAINING_RECORD_FORMAT
from ratchet.schemas.base.code_version import code_version
from ratchet.schemas.base.errors import ConfigError, DataError, InputError
from ratchet.schemas.base.files import LOCAL_FILES
from ratchet.schemas.data.dataset import DATASET_FILE, DATASET_FORMAT
from ratchet.schemas.data.tfdv_schema import read_class_names
from tests.builders import coco, coco_image, dataset_info, picture, training_record, write_span
from tests.components.example_gen.exports.registry import EXPORTS
from tests.components.imaging.oriented import stored
from tests.pipeline.roots import serve

SMALL = ("training.batch_size=1", "data.eval_fraction=0", "data.held_out_fraction=0")


@pytest.fixture
def data(tmp_path: Path) -> Path:
    """The deliveries: span 1 and a golden set of two images each, and a root beside them that is not there yet."""
    write_span(tmp_path / "data" / "span-1")
    write_span(tmp_path / "data" / "golden")
    return tmp_path / "data"


def settings(*overrides: str) -> PipelineSettings:
    return load_settings({"name": "digits"}, [*SMALL, *overrides])


def request(data: Path, *overrides: str, bootstrap: bool = True) -> RunRequest:
    return RunRequest(settings(*overrides), data, data / "golden", None, data.parent / "root", bootstrap)


def key(request: RunRequest) -> str:
    return key_of(read_request(request).parts)


def another_golden_set(data: Path) -> RunRequest:
    write_span(data / "golden-2", coco(images=[coco_image(1), coco_image(2), coco_image(3)]))
    return dataclasses.replace(request(data), golden=data / "golden-2")


def other_annotations(data: Path) -> RunRequest:
    document = coco()
    document["annotations"][0]["bbox"][0] += 1
    (data / "span-1" / "annotations.json").write_text(json.dumps(document))
    return request(data)


def other_images(data: Path) -> RunRequest:
    first, second = data / "span-1" / "images" / "1.jpg", data / "span-1" / "images" / "2.jpg"
    first.write_bytes(second.read_bytes())
    return request(data)


def the_same_as_span_2(data: Path) -> RunRequest:
    write_span(data / "span-2")
    return request(data)


def a_retraining(data: Path) -> RunRequest:
    return request(data, bootstrap=False)


def another_setting(data: Path) -> RunRequest:
    return request(data, "evaluator.margin=0.01")


def another_schema(data: Path) -> RunRequest:
    schema = data.parent / "schema.pbtxt"
    schema.write_bytes(Path(schema_file(settings())).read_bytes() + b"# as it was agreed\n")
    return request(data, f"data.schema={schema}")


def other_first_weights(data: Path) -> RunRequest:
    (data.parent / "backbone.npz").write_bytes(b"weights")
    return request(data, f"training.init_checkpoint={data.parent / 'backbone.npz'}")


def test_a_golden_set_that_is_too_small_to_decide_is_told_before_the_training(
    data: Path, caplog: pytest.LogCaptureFixture
) -> None:
    with caplog.at_level("WARNING"):
        read_request(request(data))
    [told] = [record.getMessage() for record in caplog.records if "min_golden_images" in record.getMessage()]
    assert "can be approved, but not pushed" in told
    caplog.clear()
    read_request(request(data, "evaluator.min_golden_images=1", "evaluator.min_golden_objects=1"))
    assert "min_golden_images" not in caplog.text


@pytest.mark.parametrize(
    "change",
    [
        another_golden_set,
        other_annotations,
        other_images,
        the_same_as_span_2,
        a_retraining,
        another_setting,
        another_schema,
        other_first_weights,
    ],
)
def test_whatever_could_change_the_result_makes_another_request(
    data: Path, change: Callable[[Path], RunRequest]
) -> None:
    before = key(request(data))
    assert key(change(data)) != before


def test_an_altered_schema_or_checkpoint_of_the_same_name_makes_another_request(data: Path) -> None:
    for of, file in ((another_schema, "schema.pbtxt"), (other_first_weights, "backbone.npz")):
        asked = of(data)
        before = key(asked)
        (data.parent / file).write_bytes((data.parent / file).read_bytes() + b"#")
        assert key(asked) != before


def test_the_code_that_runs_is_part_of_the_request(data: Path) -> None:
    assert read_request(request(data)).parts["code"] == code_version()


@pytest.mark.parametrize("override", ["notify.urls=['env:HOOK']", "retention.runs=3"])
def test_whom_it_tells_and_what_is_kept_afterwards_make_no_other_request(data: Path, override: str) -> None:
    assert key(request(data, override)) == key(request(data))


@pytest.mark.parametrize("part", ["span-1", "golden"])
def test_an_image_that_is_not_there_is_named(data: Path, part: str) -> None:
    (data / part / "images" / "2.jpg").unlink()
    with pytest.raises(DataError, match=rf"'2.jpg': no such file among the 1 pictures in .*/{part}/images; deliver it"):
        read_request(request(data))


def test_the_first_image_that_is_not_there_is_named_and_the_others_counted(data: Path) -> None:
    write_span(data / "span-2", coco(images=[coco_image(number) for number in range(1, 7)]), images={})
    with pytest.raises(DataError, match=r"'1.jpg': no such file among .*\n  and 5 more of the 6 entries"):
        read_request(request(data))


def test_an_image_that_is_no_file_is_named(data: Path) -> None:
    (data / "span-1" / "images" / "2.jpg").unlink()
    os.mkfifo(data / "span-1" / "images" / "2.jpg")
    with pytest.raises(DataError, match=r"images/2.jpg: not a regular file; deliver it"):
        read_request(request(data))


@pytest.mark.parametrize("part", ["span-1", "golden"])
def test_images_with_an_exif_orientation_are_refused_or_make_another_request(data: Path, part: str) -> None:
    for file in sorted((data / part / "images").iterdir()):
        file.write_bytes(stored(3, picture()))
    with pytest.raises(DataError, match=rf"{part}: 2 of 2 images have an EXIF orientation .*'1\.jpg' \(3\)") as caught:
        read_request(request(data))
    assert "data.exif: apply" in str(caught.value)
    assert not (data.parent / "root").exists()
    assert len({key(request(data, f"data.exif={exif}")) for exif in ("apply", "ignore")}) == 2


def test_another_word_for_exif_is_refused(data: Path) -> None:
    with pytest.raises(ConfigError, match=r"data\.exif.*'refuse', 'apply' or 'ignore'"):
        request(data, "data.exif=turn")


def test_an_export_with_splits_is_span_and_golden_set_as_it_is(data: Path) -> None:
    shutil.rmtree(data / "span-1")
    EXPORTS["roboflow-coco"].build(data / "span-1")
    splits = ("data.reading.split=train", "data.golden_reading.split=valid")
    asked = dataclasses.replace(request(data, *splits), golden=data / "span-1")
    told = read_request(asked)
    assert [record.file_name[:2] for record in told.span.records] == ["a_", "b_", "c_"]
    with pytest.raises(DataError, match="no split 'holdout' in it; it has test, train, val"):
        read_request(dataclasses.replace(request(data, "data.reading.split=holdout"), golden=data / "span-1"))


def test_a_span_that_is_not_there_is_refused(data: Path) -> None:
    with pytest.raises(DataError, match="no span-7; it holds span-1"):
        read_request(dataclasses.replace(request(data), span=7))


def test_a_box_without_area_is_refused_in_the_golden_set_and_left_to_the_gate_in_a_span(data: Path) -> None:
    document = coco()
    document["annotations"][0]["bbox"][2] = 0
    for part in ("span-1", "golden"):
        before = read_request(request(data))
        (data / part / "annotations.json").write_text(json.dumps(document))
        if part == "golden":
            with pytest.raises(DataError, match=r"golden/annotations.json: annotations\[0\] .*has width 0"):
                read_request(request(data))
        else:
            assert (before.span.bad_boxes.count, read_request(request(data)).span.bad_boxes.count) == (0, 1)


def test_what_was_looked_at_is_not_read_again_by_the_step_that_stores_it(data: Path) -> None:
    asked = request(data)
    looked_at = read_request(asked).span
    names = read_class_names(schema_file(asked.settings), LOCAL_FILES)
    stored = read_source(str((data / "span-1").resolve()), class_names=names)
    assert all(one is other for one, other in zip(stored.records, looked_at.records, strict=True))


def test_a_checkpoint_in_a_bucket_is_left_to_the_step_that_reads_it(data: Path) -> None:
    assert read_request(request(data, "training.init_checkpoint=gs://bucket/backbone")).number == 1


def test_a_limit_for_a_class_that_the_golden_set_lacks_is_refused(data: Path) -> None:
    with pytest.raises(ConfigError, match="no class 'fox'"):
        read_request(request(data, "evaluator.per_class={fox: {min_ap: 0.5}}"))


def test_a_checkpoint_that_is_not_there_is_refused_only_where_it_would_be_read(data: Path) -> None:
    missing = f"training.init_checkpoint={data.parent / 'no-such'}"
    with pytest.raises(ConfigError, match=r"init_checkpoint = .*no-such': no such file"):
        read_request(request(data, missing))
    assert read_request(request(data, missing, bootstrap=False)).number == 1


def serve_model(data: Path) -> Path:
    """Serves a model that was trained on span 1; where the stored examples of that span belong."""
    root = data.parent / "root"
    model = json.loads(json.dumps(dataclasses.asdict(TrainerSettings().model)))
    record = training_record(model=model, examples="ExampleGen/examples/1", digest="as delivered")
    served = serve(root, "100", "span-1-aa-1", day=1, files={RECORD_FILE: TRAINING_RECORD_FORMAT.write(record)})
    assert Path(served.path).is_dir()
    return root / "artifacts" / "ExampleGen" / "examples" / "1"


def retraining(data: Path) -> RunRequest:
    write_span(data / "span-2")
    # The record above names no augmentation that exists.
    return request(data, "training.allow=[augmentation]", bootstrap=False)


@pytest.mark.parametrize("digest", [None, "of something else"])
def test_a_span_that_would_be_replayed_and_is_gone_is_named_before_anything_starts(
    data: Path, digest: str | None
) -> None:
    examples = serve_model(data)
    if digest:
        examples.mkdir(parents=True)
        (examples / DATASET_FILE).write_text(DATASET_FORMAT.write(dataset_info(digest=digest)))
    asked = retraining(data)
    with pytest.raises(ConfigError, match=r"images of span 1 are no longer at .*examples/1; bring them back"):
        check_new(asked, read_request(asked))


def test_a_span_that_would_be_replayed_and_is_there_lets_the_run_begin(data: Path) -> None:
    examples = serve_model(data)
    examples.mkdir(parents=True)
    (examples / DATASET_FILE).write_text(DATASET_FORMAT.write(dataset_info(digest="as delivered")))
    asked = retraining(data)
    served = check_new(asked, read_request(asked))
    assert served is not None
    assert served.version == "100"


def test_without_replay_no_earlier_span_is_asked_for(data: Path) -> None:
    serve_model(data)
    asked = retraining(data)
    alone = settings("training.allow=[augmentation]", "training.retrain.replay=0")
    check_new(dataclasses.replace(asked, settings=alone), read_request(asked))


def test_a_first_model_is_not_made_twice(data: Path) -> None:
    asked = request(data)
    assert check_new(asked, read_request(asked)) is None
    serve_model(data)
    with pytest.raises(InputError, match="served already: leave --bootstrap out"):
        check_new(asked, read_request(asked))


def test_only_the_training_part_of_a_span_counts_as_data_to_train_on(data: Path) -> None:
    validation = request(data, "data.eval_fraction=0.5")
    with pytest.raises(ConfigError, match="has no box in the training images of span"):
        check_new(validation, read_request(validation))


def test_a_span_smaller_than_a_batch_is_taken(data: Path) -> None:
    larger = request(data, "training.batch_size=64")
    assert check_new(larger, read_request(larger)) is None


def test_a_log_of_requests_that_is_not_there_is_told_before_hours_of_training(data: Path) -> None:
    with pytest.raises(ConfigError, match=r"evaluator\.shadow\.log = '/nowhere': no such directory"):
        read_request(request(data, "evaluator.shadow.log=/nowhere"))
    (data.parent / "log").mkdir()
    read_request(request(data, f"evaluator.shadow.log={data.parent / 'log'}"))
    read_request(request(data, "evaluator.shadow.log=gs://bucket/log"))  # is looked at by the step that reads it
