"""Nothing but what was planted tells the data of one case from that of another."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from PIL import Image

from ratchet.pipeline.bench.engine import Planting, Sources, plant_golden, plant_span
from ratchet.pipeline.demo.digits import DigitsOptions, write_digits

IMAGES = 12


@pytest.fixture(scope="module")
def sources(tmp_path_factory: pytest.TempPathFactory) -> Sources:
    directory = tmp_path_factory.mktemp("clean")
    write_digits(str(directory / "span"), DigitsOptions(span=1, images=2 * IMAGES))
    write_digits(str(directory / "trained"), DigitsOptions(span=2, images=IMAGES))
    write_digits(str(directory / "golden"), DigitsOptions(golden=True, images=IMAGES))
    write_digits(str(directory / "others"), DigitsOptions(golden=True, images=IMAGES, seed=1))
    return Sources(directory / "span", directory / "golden", directory / "trained", directory / "others")


def span(sources: Sources, out: Path, *edits: Planting, seed: int = 3, images: int | None = IMAGES) -> Path:
    plant_span(sources, edits, out, seed, images)
    return out


def document(directory: Path) -> dict[str, Any]:
    return json.loads((directory / "annotations.json").read_text())


def files(directory: Path) -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in sorted((directory / "images").iterdir())}


def encoding(directory: Path) -> list[Any]:
    """How the images are encoded: what a JPEG says of itself beside its content."""
    images = [Image.open(path) for path in sorted((directory / "images").iterdir())]
    return [(image.format, image.mode, image.quantization, sorted(image.info)) for image in images]  # pyright: ignore


EDITS = {
    "control": (),
    "labels": (Planting("loose", 0.3),),
    "images": (Planting("light", 0.5),),
    "leak": (Planting("copied", 0.3),),
    "compressed": (Planting("jpeg", 5),),
    "erased": (Planting("erased", 3),),
}


@pytest.mark.parametrize("edits", EDITS.values(), ids=EDITS)
def test_names_numbers_keys_and_encoding_are_those_of_the_control(
    sources: Sources, tmp_path: Path, edits: tuple[Planting, ...]
) -> None:
    control, case = span(sources, tmp_path / "a"), span(sources, tmp_path / "b", *edits)
    told, clean = document(case), document(control)
    assert list(files(case)) == list(files(control)) == [f"{n:06}.jpg" for n in range(1, IMAGES + 1)]
    assert [image["id"] for image in told["images"]] == [image["id"] for image in clean["images"]]
    assert [image["file_name"] for image in told["images"]] == list(files(case))
    assert [entry["id"] for entry in told["annotations"]] == list(range(1, len(told["annotations"]) + 1))
    assert told.keys() == clean.keys() == {"images", "annotations", "categories"}
    assert {key for image in told["images"] for key in image} == {"id", "file_name", "width", "height"}
    assert encoding(case) == encoding(control)


def test_a_fault_of_labels_leaves_every_image_byte_by_byte_as_in_the_control(sources: Sources, tmp_path: Path) -> None:
    control, case = span(sources, tmp_path / "a"), span(sources, tmp_path / "b", Planting("shifted", 0.3))
    assert files(case) == files(control)
    assert document(case)["annotations"] != document(control)["annotations"]


def test_another_seed_draws_other_images(sources: Sources, tmp_path: Path) -> None:
    assert files(span(sources, tmp_path / "a")) != files(span(sources, tmp_path / "b", seed=4))


def test_images_that_were_added_do_not_all_come_last(sources: Sources, tmp_path: Path) -> None:
    case, control = span(sources, tmp_path / "a", Planting("copied", 0.4)), span(sources, tmp_path / "b")
    own = set(files(control).values())
    added = [place for place, content in enumerate(files(case).values()) if content not in own]
    assert len(added) == round(0.4 * IMAGES)
    assert added != list(range(IMAGES - len(added), IMAGES))


def test_boxes_stay_with_their_images_when_these_are_numbered_anew(sources: Sources, tmp_path: Path) -> None:
    case, control = span(sources, tmp_path / "a", Planting("copied", 0.3)), span(sources, tmp_path / "b")

    def boxes(directory: Path) -> dict[bytes, list[Any]]:
        told, content = document(directory), files(directory)
        of_image = {image["id"]: content[image["file_name"]] for image in told["images"]}
        found: dict[bytes, list[Any]] = {file: [] for file in of_image.values()}
        for entry in told["annotations"]:
            found[of_image[entry["image_id"]]].append((entry["bbox"], entry["category_id"]))
        return found

    planted, clean = boxes(case), boxes(control)
    shared = planted.keys() & clean.keys()
    assert len(shared) == IMAGES - round(0.3 * IMAGES)
    assert all(planted[image] == clean[image] for image in shared)


def test_two_faults_are_planted_one_after_the_other(sources: Sources, tmp_path: Path) -> None:
    both = span(sources, tmp_path / "a", Planting("light", 0.5), Planting("missing", 0.5))
    dark = span(sources, tmp_path / "b", Planting("light", 0.5))
    assert files(both) == files(dark)
    assert len(document(both)["annotations"]) < len(document(dark)["annotations"])


def test_the_golden_set_of_a_case_without_a_fault_of_it_is_the_golden_set(sources: Sources, tmp_path: Path) -> None:
    plant_golden(sources, (), tmp_path / "golden", 3)
    assert files(tmp_path / "golden") == files(sources.golden)
    assert (tmp_path / "golden/annotations.json").read_bytes() == (sources.golden / "annotations.json").read_bytes()


def test_random_boxes_of_a_golden_set_leave_its_images_and_lie_within_them(sources: Sources, tmp_path: Path) -> None:
    plant_golden(sources, [Planting("random-boxes", 1.0, "golden")], tmp_path / "golden", 3)
    assert files(tmp_path / "golden") == files(sources.golden)
    for entry, clean in zip(document(tmp_path / "golden")["annotations"], document(sources.golden)["annotations"]):
        x, y, w, h = entry["bbox"]
        assert entry["bbox"] != clean["bbox"]
        assert min(x, y) >= 0
        assert max(x + w, y + h) <= 128


def test_an_exchanged_golden_set_has_other_images_under_such_names_as_before(sources: Sources, tmp_path: Path) -> None:
    plant_golden(sources, [Planting("exchanged", 0.5, "golden")], tmp_path / "golden", 3)
    own = set(files(sources.golden).values())
    told = document(tmp_path / "golden")
    assert len(told["images"]) == IMAGES
    assert sum(content in own for content in files(tmp_path / "golden").values()) == IMAGES // 2
    assert all(name.removesuffix(".jpg").isdigit() for name in files(tmp_path / "golden"))
    assert {image["file_name"] for image in told["images"]} == set(files(tmp_path / "golden"))


def test_erased_classes_are_neither_labelled_nor_seen(sources: Sources, tmp_path: Path) -> None:
    case, control = span(sources, tmp_path / "a", Planting("erased", 9)), span(sources, tmp_path / "b")
    left = {entry["category_id"] for entry in document(case)["annotations"]}
    assert len(left) == 1
    [changed, *_] = [
        image["file_name"]
        for image in document(control)["images"]
        if all(e["category_id"] not in left for e in document(control)["annotations"] if e["image_id"] == image["id"])
    ]
    assert files(case)[changed] != files(control)[changed]
    assert len(document(case)["categories"]) == 10  # the label map stays
