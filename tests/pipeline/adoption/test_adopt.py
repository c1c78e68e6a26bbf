"""A detector of another toolkit becomes the first served model of a root."""

from __future__ import annotations

import dataclasses
import datetime
import json
import shutil
from pathlib import Path
from typing import Any

import pytest

from ratchet.components.adoption.answers import Order
from ratchet.components.registry import publication
from ratchet.components.registry.registry import Registry
from ratchet.pipeline.adoption.adopt import adopt
from ratchet.pipeline.adoption.adopted import Adopted
from ratchet.pipeline.adoption.report import write_adoption
from ratchet.pipeline.adoption.request import AdoptRequest
from ratchet.pipeline.demo.digits import DigitsOptions, write_digits
from ratchet.pipeline.doctor.doctor import doctor
from ratchet.pipeline.past.history import history_text, read_history
from ratchet.pipeline.past.status import read_status
from ratchet.pipeline.root.roots import registry_at
from ratchet.schemas.artifacts.adoption import ADOPTION_FILE, read_adoption
from ratchet.schemas.artifacts.overrides import Override, OverrideKind
from ratchet.schemas.base.errors import InputError, StateError
from ratchet.schemas.base.files import LOCAL_FILES
from ratchet.schemas.base.model_digest import model_digest
from tests.components.trainer.tf_serving import warmup_requests
from tests.foreign import Fault, make_foreign
from tests.nightly import at_night, by_night

pytestmark = pytest.mark.tensorflow
NOW = datetime.datetime(2030, 1, 5, 12, tzinfo=datetime.timezone.utc)
NAMES = tuple("0123456789")
PIPELINE_CONFIG = """
model { ssd { num_classes: 10 image_resizer { fixed_shape_resizer { height: 320 width: 320 } } } }
train_config {
  batch_size: 32
  num_steps: 5000
  data_augmentation_options { random_crop_image { } }
  optimizer { momentum_optimizer {
    learning_rate { constant_learning_rate { learning_rate: 0.04 } } momentum_optimizer_value: 0.9 } }
}
train_input_reader { label_map_path: "gs://somewhere/else/labels.pbtxt" }
"""


@dataclasses.dataclass(frozen=True)
class World:
    """A golden set and a label file, and detectors that are made when they are asked for."""

    directory: Path

    def model(self, fault: Fault = "", **options: Any) -> Path:
        place = self.directory / "models" / f"{fault}-{sorted(options.items())}".replace("/", "_")
        if not place.exists():
            make_foreign(place, options.pop("kind", "tf-object-detection"), fault=fault, **{"quality": 0.4, **options})
        return place

    def request(self, root: Path, **fields: Any) -> AdoptRequest:
        whole: dict[str, Any] = {
            "model": self.directory / "model",
            "labels": self.directory / "labels.txt",
            "golden": self.directory / "golden",
            "root": root,
            "by": "Ada",
            "reason": "in production since March",
            "name": "digits",
        }
        return AdoptRequest(**whole | fields)


@pytest.fixture(scope="module")
def world(tmp_path_factory: pytest.TempPathFactory) -> World:
    directory = tmp_path_factory.mktemp("adoption")
    write_digits(str(directory / "golden"), DigitsOptions(golden=True, images=16))
    (directory / "labels.txt").write_text("\n".join(NAMES))
    make_foreign(directory / "model", "tf-object-detection", quality=0.4)
    return World(directory)


@pytest.fixture(scope="module")
def adopted_root(world: World, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A root in which the detector was adopted; not to be changed."""
    root = tmp_path_factory.mktemp("adopted") / "root"
    config = world.directory / "pipeline.config"
    config.write_text(PIPELINE_CONFIG)
    adopted = adopt(world.request(root, pipeline_config=config), NOW)
    write_adoption(adopted, root.parent / "report", "ratchet adopt ...", adopted.to_json())
    return root


@pytest.fixture
def root(adopted_root: Path, tmp_path: Path) -> Path:
    """A copy of it at the same path would be needed for ML Metadata, which it has not."""
    shutil.copytree(adopted_root, tmp_path / "root")
    return tmp_path / "root"


def test_the_model_is_served_with_what_was_measured(adopted_root: Path) -> None:
    registry = registry_at(adopted_root)
    served = registry.served()
    assert served is not None
    assert (served.verdict, served.span, served.version, served.blessed) == ("ADOPTED", 0, "1893844800", True)
    assert served.map > 0.1
    [made] = registry.overrides()
    assert (made.kind, made.by, made.reason) == (OverrideKind.ADOPTED, "Ada", "in production since March")
    assert (made.version, made.previous_version, made.run_id) == (served.version, None, "adopt-20300105-120000")
    assert made.model_digest == served.digest
    assert made.golden_digest == served.golden_digest


def test_the_model_says_what_it_was_and_how_it_was_trained(adopted_root: Path, world: World) -> None:
    served = registry_at(adopted_root).served()
    assert served is not None
    record = read_adoption(served.path, LOCAL_FILES)
    assert record is not None
    assert (record.kind, record.signature, record.class_names) == ("tf-object-detection", "serving_default", NAMES)
    assert record.source == str(world.directory / "model")
    assert record.source_digest == model_digest(str(world.directory / "model"), LOCAL_FILES)
    assert json.loads(Path(served.path, "assets.extra/labels.json").read_text()) == list(NAMES)
    assert record.plan is not None
    assert record.plan.rate is not None
    assert (record.plan.toolkit, record.plan.rate.peak) == ("TF Object Detection API", 0.04)


def test_it_comes_with_requests_that_warm_it_up_by_every_signature_of_ours(adopted_root: Path) -> None:
    served = registry_at(adopted_root).served()
    assert served is not None
    requests = warmup_requests(served.path)
    assert {request.model_spec.signature_name for request in requests} == {
        *("serving_default", "image_bytes", "tf_example"),
    }


def test_status_history_and_index_say_that_it_was_adopted(adopted_root: Path) -> None:
    status = read_status(adopted_root, NOW.date()).to_text()
    assert "why      adopted by Ada, made elsewhere: in production since March" in status
    registry = registry_at(adopted_root)
    history = read_history(adopted_root, registry.overrides(), versions=registry.versions())
    [_, row] = history_text(history, None).splitlines()
    assert "ADOPTED" in row
    assert f"{registry.versions()[0].map:.4f}" in row
    assert history.served_maps == [registry.versions()[0].map]
    index = (adopted_root / "runs" / "index.html").read_text()
    assert "Ada adopted it, made elsewhere (in production since March)" in index
    assert "adopted, made elsewhere" in index


def test_its_page_shows_what_it_finds_in_golden_images_and_how_it_was_trained(adopted_root: Path) -> None:
    report = adopted_root.parent / "report"
    page = (report / "index.html").read_text()
    served = registry_at(adopted_root).served()
    assert served is not None
    assert f">{served.map:.4f}<" in page
    assert page.count("data:image/jpeg;base64,") >= 8
    for text in (
        "as the TF Object Detection API exports it",
        "boxes are [ymin, xmin, ymax, xmax] in fractions of the image",
        "peak learning rate 0.04, momentum, batches of 32, 5000 steps, images of 320x320",
        "random_crop_image",
        "embeddings (signature embed)",
        "ratchet run --data SPANS --root",
    ):
        assert text in page, text
    figures = json.loads((report / "adoption.json").read_text())
    assert figures["golden"]["coco"]["AP"] == served.map
    assert sorted(path.name for path in report.iterdir()) == ["adoption.json", "index.html"]


def test_the_same_command_again_changes_nothing(root: Path, adopted_root: Path, world: World) -> None:
    request = world.request(root, pipeline_config=world.directory / "pipeline.config")
    parts = [str(root / name) for name in ("serving", "registry")]  # the page of all runs says as of when it is
    before = [model_digest(part, LOCAL_FILES) for part in parts]
    again = adopt(request, NOW + datetime.timedelta(days=1))
    assert (again.prepared, again.override.version) == (None, "1893844800")
    assert again.to_text().startswith("ADOPTED  a model that was made elsewhere is served now")
    assert [model_digest(part, LOCAL_FILES) for part in parts] == before
    with pytest.raises(InputError, match="nothing was measured now, since version 1893844800 was adopted"):
        write_adoption(again, root.parent / "report", "ratchet adopt ...", again.to_json())
    shutil.copytree(adopted_root.parent / "report", root.parent / "report")
    page = write_adoption(again, root.parent / "report", "ratchet adopt ...", again.to_json())
    assert page.read_bytes() == (adopted_root.parent / "report" / "index.html").read_bytes()


def test_the_next_command_reads_the_same_golden_set_and_can_be_pasted() -> None:
    options = ("--golden", "golden set", "--set", "data.exif=apply")
    override = Override(OverrideKind.ADOPTED, NOW.isoformat(), "Ada", "why", "adopt-1", "1", None, "a", "b")
    adopted = Adopted(override, None, "my root", False, options)
    told = "ratchet run --data SPANS --root 'my root' --golden 'golden set' --set data.exif=apply"
    assert adopted.next_command() == told


@pytest.mark.parametrize("dry_run", [False, True])
def test_another_model_is_not_adopted_where_one_is_served(root: Path, world: World, dry_run: bool) -> None:
    with pytest.raises(
        InputError, match=r"serves a model already, .* which Ada adopted on 2030-01-05: to adopt another"
    ):
        adopt(world.request(root, by="Bo"), NOW, dry_run)
    with pytest.raises(InputError, match="serves a model already"):
        adopt(world.request(root, model=world.model("off_by_one")), NOW, dry_run)


@pytest.mark.parametrize(
    ("fault", "fields"), [("off_by_one", {"first_class": 0}), at_night("transposed", {"boxes": Order.XYXY})]
)
def test_a_dry_run_tries_everything_with_the_option_that_an_error_names(
    fault: Fault, fields: dict[str, Any], adopted_root: Path, world: World, tmp_path: Path
) -> None:
    rehearsed = adopt(world.request(tmp_path / "root", model=world.model(fault), **fields), NOW, dry_run=True)
    assert not (tmp_path / "root").exists()
    assert rehearsed.to_text().startswith("Nothing was changed. Would serve a model of 10 classes")
    values = json.loads(json.dumps(rehearsed.to_json()))
    assert (values["dry_run"], values["would"], values["override"]["version"]) == (True, "serve", None)
    assert values["golden"]["coco"]["AP"] == pytest.approx(registry_at(adopted_root).versions()[0].map, abs=1e-6)
    assert len(values["lacks"]) == 6
    assert "embed" in rehearsed.to_text()


@pytest.mark.parametrize(
    ("fault", "fields", "said"),
    [
        ("transposed", {}, "give --boxes xyxy"),
        ("off_by_one", {}, "give --first-class 0"),
        at_night("neighbours", {}, "each stands for the class before the one that the file names"),
        at_night("halved", {}, "surest detections lies on one of the golden objects"),
        ("", {"signature": "nonsense"}, "--signature nonsense"),
        ("", {"labels": None}, "--labels is missing"),
        ("", {"name": "Digits!"}, "not a name of a pipeline"),
        ("", {"by": " "}, "--by is empty"),
        ("", {"overrides": ("data.exif=sideways",)}, "data.exif"),
    ],
)
def test_what_cannot_be_adopted_is_named_and_nothing_is_made(
    fault: Fault, fields: dict[str, Any], said: str, world: World, tmp_path: Path
) -> None:
    given = {**({"model": world.model(fault)} if fault else {}), **fields}
    with pytest.raises(InputError) as refused:
        adopt(world.request(tmp_path / "root", **given), NOW)
    assert said in str(refused.value)
    assert "\n" not in str(refused.value)
    assert not (tmp_path / "root").exists()


def test_a_root_that_cannot_be_made_is_refused_before_anything_is_loaded(world: World, tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    for root in (tmp_path / "file", tmp_path / "file" / "below"):
        with pytest.raises(InputError, match="is no directory; give a directory"):
            adopt(world.request(root, model=tmp_path / "gone"), NOW)


def test_class_names_that_the_golden_set_does_not_have_are_named(world: World, tmp_path: Path) -> None:
    (tmp_path / "other.txt").write_text("\n".join(f"class {name}" for name in NAMES))
    with pytest.raises(InputError, match="no class in common"):
        adopt(world.request(tmp_path / "root", labels=tmp_path / "other.txt"), NOW)


@by_night
def test_labels_are_those_that_the_configuration_names(world: World, tmp_path: Path) -> None:
    (tmp_path / "pipeline.config").write_text(PIPELINE_CONFIG)
    request = world.request(tmp_path / "root", labels=None, pipeline_config=tmp_path / "pipeline.config")
    with pytest.raises(InputError, match=r"gs://somewhere/else/labels.pbtxt, which .* names, is not there"):
        adopt(request, NOW, dry_run=True)
    items = "\n".join(f'item {{ id: {number} name: "{name}" }}' for number, name in enumerate(NAMES, 1))
    (tmp_path / "labels.pbtxt").write_text(items)
    found = adopt(request, NOW, dry_run=True)
    assert found.prepared is not None
    assert "Trained with TF Object Detection API" in found.to_text()
    assert "peak learning rate 0.04" in found.to_text()


def test_an_adopted_model_is_adopted_by_another_root_byte_for_byte(
    adopted_root: Path, world: World, tmp_path: Path
) -> None:
    before = registry_at(adopted_root).served()
    assert before is not None
    made = adopt(world.request(tmp_path / "root", model=Path(before.path), labels=None, reason="a copy"), NOW)
    assert made.override.model_digest == before.digest
    served = registry_at(tmp_path / "root").served()
    assert served is not None
    assert served.map == pytest.approx(before.map, abs=1e-9)
    assert served.golden_digest == before.golden_digest
    with pytest.raises(InputError, match=r"--labels: .* is a model of Ratchet"):
        adopt(world.request(tmp_path / "other", model=Path(before.path)), NOW)


def test_a_model_that_answers_otherwise_in_a_fresh_process_is_not_served(
    world: World, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from ratchet.components.adoption import wrapped
    from ratchet.components.adoption.answers import BoxReading, Unit

    saved = wrapped.save_wrapped

    def wrong(foreign: Any, wrapping: wrapped.Wrapping, directory: str) -> tuple[str, ...]:
        pixels = BoxReading(wrapping.reading.order, Unit.PIXELS)
        return saved(foreign, dataclasses.replace(wrapping, reading=pixels), directory)

    monkeypatch.setattr(wrapped, "save_wrapped", wrong)
    with pytest.raises(StateError, match="serving:loads"):
        adopt(world.request(tmp_path / "root"), NOW)
    assert not (tmp_path / "root").exists()


class KilledError(BaseException):
    """What ends a command as a kill does: nothing catches it."""


def killed(*_: Any) -> None:
    raise KilledError


def test_an_adoption_that_was_killed_after_its_claim_is_completed_by_the_same_command(
    world: World, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    root = tmp_path / "root"
    with monkeypatch.context() as patch:
        patch.setattr(publication, "_place", killed)
        with pytest.raises(KilledError):
            adopt(world.request(root), NOW)
    assert registry_at(root).pointer().pushing is not None
    again = adopt(world.request(root), NOW + datetime.timedelta(minutes=1))
    assert again.override.at == NOW.isoformat(timespec="seconds")
    served = registry_at(root).served()
    assert served is not None
    assert served.version == again.override.version
    assert Path(served.path, ADOPTION_FILE).is_file()


@by_night
def test_an_adoption_that_was_killed_before_its_claim_begins_anew(
    world: World, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    root = tmp_path / "root"
    with monkeypatch.context() as patch:
        patch.setattr(Registry, "swap", killed)
        with pytest.raises(KilledError):
            adopt(world.request(root), NOW)
    assert registry_at(root).served() is None
    later = NOW + datetime.timedelta(minutes=1)
    assert adopt(world.request(root), later).override.at == later.isoformat(timespec="seconds")


def test_the_doctor_finds_nothing_wrong_but_that_the_root_was_copied(root: Path) -> None:
    report = doctor(root, False, NOW)
    assert {finding.kind for _, finding in report.findings} <= {"place", "moved"}
