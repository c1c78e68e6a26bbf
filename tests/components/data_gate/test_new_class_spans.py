"""The whole gate where the span has classes that the served model does not know, on files that ExampleGen wrote."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest

from ratchet.components.data_gate.settings import DataGateSettings
from ratchet.schemas.artifacts.data_evidence import DATA_DECISION_FORMAT, PICTURES_FORMAT
from ratchet.schemas.artifacts.decisions import DataDecision, Reason
from ratchet.schemas.artifacts.history import History
from ratchet.schemas.artifacts.training_record import (
    RECORD_FILE,
    STATISTICS_FILE,
    TRAINING_RECORD_FORMAT,
    TRAINING_SAMPLE_FILE,
    TrainedData,
)
from ratchet.schemas.base.files import LOCAL_FILES
from ratchet.schemas.data import features
from ratchet.schemas.data.dataset import DATASET_FILE, DATASET_FORMAT
from ratchet.schemas.data.examples_artifact import ExamplesArtifact
from ratchet.schemas.data.tfdv_schema import DEFAULT_SCHEMA_FILE, read_schema
from tests.builders import (
    coco,
    coco_annotation,
    coco_image,
    encode,
    picture,
    training_record,
    write_span,
)

pytestmark = pytest.mark.tensorflow
IMAGES = 60
KNOWN = ("dog", "cat")  # in an order of the model's own
CLASSES = ("cat", "dog", "ant")  # the ant is new
SHARES = {
    "training": (0.5, 0.5, 0.0),
    "golden": (0.35, 0.35, 0.3),
    "grown": (0.2, 0.2, 0.6),
    "mixed": (0.59, 0.01, 0.4),  # more than a model that copes with it lets pass
    "turned": (0.2, 0.2, 0.6),  # what "grown" is, with its classes in another order
    "ants": (0.0, 0.0, 1.0),
    "lost": (0.5, 0.0, 0.5),
    "copied": (0.5, 0.5, 0.0),
}
NAMES = {"training": ("cat", "dog"), "lost": ("cat", "ant"), "turned": ("ant", "dog", "cat")}  # if not CLASSES
LEAKED = (1, 2)  # golden images, by their id, which is that of the copy in "copied" as well
REPEATED = {11: 31, 12: 32, 13: 33, 14: 34}  # images of "copied" and those that they copy


def delivery(
    directory: Path, seed: int, shares: Sequence[float], names: Sequence[str], copies: Mapping[int, int]
) -> tuple[Path, dict[bytes, Any]]:
    """A data set, and of each image file what is in it: boxes xywh with the names of their classes.

    `copies` has other seeds of the pictures, by image.
    """
    random = np.random.default_rng(seed)
    ids = {name: number for number, name in enumerate(names, 1)}
    annotations, files, content = [], {}, {}
    for image in range(1, IMAGES + 1):
        labels = random.choice(CLASSES, 2, p=shares)
        boxes = [[float(x), float(random.uniform(2, 20)), 18.0, 18.0] for x in (4, 36)]
        for box, name in zip(boxes, labels):
            fields = {"bbox": box, "category_id": ids[name], "area": 324.0}
            annotations.append(coco_annotation(len(annotations) + 1, image, **fields))
        files[f"{image}.jpg"] = encode(picture(seed=copies.get(image, 1000 * seed + image)))
        content[files[f"{image}.jpg"]] = list(zip(boxes, labels))
    document = coco(
        categories=[{"id": number, "name": name} for name, number in ids.items()],
        images=[coco_image(image) for image in range(1, IMAGES + 1)],
        annotations=annotations,
    )
    return write_span(directory, document, files), content


def save_model(directory: Path, content: dict[bytes, Any]) -> None:
    """A model that knows the data by heart, but sees ants as cats and, like any model, is not exact."""
    import tensorflow as tf

    random = np.random.default_rng(0)
    boxes = np.array([[[y, x, y + h, x + w] for (x, y, w, h), _ in objects] for objects in content.values()])
    boxes += random.normal(0, 0.5, boxes.shape)
    names = [[{"ant": "cat"}.get(name, name) for _, name in objects] for objects in content.values()]
    labels = np.array([[KNOWN.index(name) + 1 for name in each] for each in names], np.int32)
    scores = random.uniform(0.5, 1, labels.shape)
    files = tf.constant(list(content))

    @tf.function(input_signature=[tf.TensorSpec([None], tf.string, name="image_bytes")], autograph=False)
    def serve(image_bytes: Any) -> dict[str, Any]:
        place = tf.argmax(tf.cast(image_bytes[:, None] == files[None], tf.int32), axis=1)
        return {
            "detection_boxes": tf.gather(tf.constant(boxes, tf.float32), place),
            "detection_classes": tf.gather(labels, place),
            "detection_scores": tf.gather(tf.constant(scores, tf.float32), place),
            "num_detections": tf.fill([tf.shape(place)[0]], 2),
        }

    module = tf.Module()
    module.serve = serve  # pyright: ignore[reportAttributeAccessIssue]
    tf.saved_model.save(module, str(directory), signatures={"serving_default": serve})


@dataclass(frozen=True)
class World:
    """Deliveries as ExampleGen wrote them, and a model that was trained on one of them."""

    directory: Path

    def examine(self, span: str, opened: list[str] | None = None) -> DataDecision:
        """The decision; `opened` gets the TFRecord files in the order in which they were read."""
        from ratchet.components.data_gate.examine import examine
        from ratchet.components.data_gate.inputs import GateSources, ServedBaseline
        from ratchet.components.detector.stored_examples import read_records

        golden = DATASET_FORMAT.read((self.directory / "golden" / DATASET_FILE).read_text(), DATASET_FILE)
        sources = GateSources(
            span=str(self.directory / span),
            golden=str(self.directory / "golden"),
            statistics=str(self.directory / f"{span}.pb"),
            schema=str(DEFAULT_SCHEMA_FILE),
            baseline=ServedBaseline(str(self.directory / "model"), "1", golden.digest),
            history=History(),
        )
        out = self.directory / f"out-{span}"

        def read(files: Sequence[str]) -> Iterable[bytes]:
            if opened is not None:
                opened.extend(files)
            return read_records(files)

        decision = examine(sources, DataGateSettings(), str(out), read)
        assert (out / "report.html").exists()
        assert DATA_DECISION_FORMAT.read((out / "decision.json").read_text(), "decision.json") == decision
        return decision


@pytest.fixture(scope="module")
def world(tmp_path_factory: pytest.TempPathFactory) -> World:
    import apache_beam as beam

    from ratchet.components.data_gate.comparing import span_statistics
    from ratchet.components.detector.sampling import Look, sample_images
    from ratchet.components.example_gen.generate import GenRequest, generate

    directory = tmp_path_factory.mktemp("new-classes")
    requests, content = [], {}
    for seed, (name, shares) in enumerate(SHARES.items()):
        seed = seed if name != "turned" else list(SHARES).index("grown")
        names = NAMES.get(name, CLASSES)
        copies = {}
        if name == "copied":
            golden = 1000 * list(SHARES).index("golden")
            copies = {i: golden + i for i in LEAKED} | {i: 1000 * seed + other for i, other in REPEATED.items()}
        source, own = delivery(directory / "delivered" / name, seed, shares, names, copies)
        content = own | content  # what a copied image shows is what the first delivery says
        fraction = {"golden": 1.0, "copied": 0.3}.get(name, 0.0)
        request = GenRequest(str(source), seed, 1, False, fraction, 0.0, group_by=None, class_names=None)
        requests.append((request, str(directory / name)))
    generate(requests, beam.Pipeline())
    schema = read_schema(str(DEFAULT_SCHEMA_FILE), LOCAL_FILES)
    for name in SHARES:
        if name != "golden":  # whose statistics nobody asks for
            statistics = span_statistics(f"{directory}/{name}/Split-train/*", schema, ())
            (directory / f"{name}.pb").write_bytes(statistics.SerializeToString())
    model = directory / "model"
    save_model(model, content)
    (model / "assets.extra").mkdir(exist_ok=True)
    record = training_record(class_names=KNOWN, images=IMAGES)
    (model / RECORD_FILE).write_text(TRAINING_RECORD_FORMAT.write(record))
    (model / STATISTICS_FILE).write_bytes((directory / "training.pb").read_bytes())
    look = Look("looking", ExamplesArtifact.open(str(directory / "training"), LOCAL_FILES), ("train",), IMAGES)
    (model / TRAINING_SAMPLE_FILE).write_bytes(sample_images(look).sample.to_bytes())
    return World(directory)


def rules(decision: DataDecision) -> dict[str, Reason]:
    return {reason.rule: reason for reason in decision.reasons}


def test_a_new_class_is_told_and_nothing_else(world: World) -> None:
    decision = world.examine("grown")
    found = rules(decision)
    assert [reason.rule for reason in decision.failures] == []
    assert found["classes:served_model"].actual.startswith("new: ant; ")
    assert "classes:served_model" in [reason.rule for reason in decision.warnings]
    mix = found[f"drift:{features.BOX_CLASS}"]
    assert (mix.passed, mix.warning) == (True, False)
    assert mix.expected.endswith("boxes of new classes left out")


def test_the_order_of_the_classes_changes_nothing_but_what_is_told_of_it(world: World) -> None:
    grown, turned = (rules(world.examine(name)) for name in ("grown", "turned"))
    assert turned["classes:golden_set"].actual == "ant, dog, cat (in another order: classes are told apart by name)"
    assert "labels:classes" in turned
    same = {"classes:golden_set": turned["classes:golden_set"]}
    assert {**turned, **same} == {**grown, **same}


def test_labels_of_old_classes_are_held_against_what_the_model_sees(world: World) -> None:
    found = rules(world.examine("grown"))
    assert found["labels:enough"].tested
    labelled = int(found["labels:enough"].actual.split(" labelled objects here")[0])
    assert 0 < labelled < IMAGES  # of 2 * IMAGES objects the cats and dogs
    assert found["labels:found"].actual == "the served model finds 100 % of the labelled objects (golden set: 100 %)"
    assert found["labels:classes"].actual == "no two classes are confused"


def test_a_changed_mix_of_the_old_classes_still_stops_the_run(world: World) -> None:
    decision = world.examine("mixed")
    assert [reason.rule for reason in decision.failures] == [f"drift:{features.BOX_CLASS}"]
    assert "ant" not in decision.failures[0].actual


def test_a_span_of_new_objects_alone_is_no_drift_of_the_old(world: World) -> None:
    decision = world.examine("ants")
    assert [reason.rule for reason in decision.failures] == []
    assert f"drift:{features.BOX_CLASS}" not in rules(decision)


def test_a_lost_class_stops_the_run_by_name(world: World) -> None:
    decision = world.examine("lost")
    found = rules(decision)
    assert "classes:served_model" in [reason.rule for reason in decision.failures]
    assert found["classes:served_model"].actual.startswith("missing: dog; new: ant; ")
    assert [rule for rule in found if rule.startswith("labels:")] == ["labels:duplicates"]  # which needs no model


def usual(world: World, examples: str, digest: str) -> Any:
    """Images that a span is shown beside, by a model that says that it was trained on these examples."""
    from ratchet.components.data_gate.training_images import usual_images
    from ratchet.components.detector.stored_examples import read_records

    data = TrainedData(2, 1, digest, IMAGES, KNOWN, examples)
    served = SimpleNamespace(detector=None)
    training = SimpleNamespace(record=SimpleNamespace(data=(data,), class_names=KNOWN))
    golden = SimpleNamespace(class_names=CLASSES)
    inputs: Any = SimpleNamespace(
        served=served, training=training, golden=golden, golden_sample="sample", golden_images="files"
    )
    return usual_images(inputs, str(world.directory), (), read_records)


def test_training_images_are_read_where_the_model_says_that_they_are(world: World) -> None:
    info = DATASET_FORMAT.read((world.directory / "training" / DATASET_FILE).read_text(), DATASET_FILE)
    found = usual(world, "training", info.digest)
    assert (found.title, found.class_names) == ("training image of span 2", ("cat", "dog"))
    names = [record.file_name for record in found.sample.records]
    assert len(names) == IMAGES
    record, encoded = found.kept[names[0]]
    assert encoded == (world.directory / "delivered" / "training" / "images" / record.file_name).read_bytes()


def test_golden_images_stand_in_for_training_images_that_are_gone_or_others(world: World) -> None:
    for place, digest in (("gone", "1"), ("training", "another")):
        found = usual(world, place, digest)
        assert (found.title, found.sample, found.kept) == ("golden image", "sample", "files")


def test_every_file_is_read_once(world: World) -> None:
    opened: list[str] = []
    decision = world.examine("copied", opened)
    found = rules(decision)
    assert found["repeated_images"].warning
    assert not found["leak"].passed
    splits = [path.split("/")[-3:-1] for path in opened]
    assert sorted(map(tuple, splits)) == [("copied", "Split-eval"), ("copied", "Split-train"), ("golden", "Split-eval")]
    text = (world.directory / "out-copied" / "pictures.json").read_text()
    pictures = PICTURES_FORMAT.read(text, "pictures.json").pictures
    assert {picture.caption.split(",")[0] for picture in pictures["leak"]} == {
        f"a copy of golden image {image}" for image in LEAKED
    }
    repeated = {picture.file_name: picture.caption for picture in pictures["repeated_images"]}
    pairs = {f"{other}.jpg": f"a copy of image {image}" for image, other in REPEATED.items()}
    assert len(repeated) == 3  # of six images that the rule names, each pair in one picture
    assert repeated.items() <= pairs.items()
