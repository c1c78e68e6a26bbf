"""`ratchet evaluate --report`: four files that agree, or none."""

from __future__ import annotations

import json
import re
import subprocess
import sys
from pathlib import Path
from xml.etree import ElementTree

import pytest

from ratchet.pipeline.cli.main import main
from ratchet.pipeline.report.directory import FILES, JSON, JUNIT, PAGE, SUMMARY
from tests.builders import HEIGHT_PX, WIDTH_PX, picture
from tests.components.review.test_page import text_of
from tests.pipeline.report.compared import Compared, compared
from tests.test_architecture import HEAVY, ROOT


@pytest.fixture
def files(tmp_path: Path) -> Compared:
    return compared(tmp_path)


def failures(files: Compared) -> list[str | None]:
    """The names of the test cases that failed."""
    cases = ElementTree.fromstring(files.text(JUNIT)).iter("testcase")
    return [case.get("name") for case in cases if case.find("failure") is not None]


def sections(page: str) -> list[str]:
    return re.findall(r'<section id="([^"]+)"', page)


def test_a_report_is_four_files_that_say_the_same(files: Compared, capsys: pytest.CaptureFixture[str]) -> None:
    assert files.evaluate("bad", "good") == 3
    assert capsys.readouterr().out.splitlines()[-1] == f"page: {files.report / PAGE}"
    assert {path.name for path in files.report.iterdir()} == set(FILES)
    values = json.loads(files.text(JSON))
    assert values["verdict"] == "BLOCKED"
    assert files.text(SUMMARY).startswith("## ✗ BLOCKED\n\nmAP fell from 1.0000 to ")
    assert [reason["rule"] for reason in values["reasons"] if not reason["passed"]] == failures(files)
    assert "map_drop" in failures(files)
    page = text_of(files.text(PAGE))
    assert "BLOCKED mAP fell from 1.0000 to " in page
    assert "class_drop:cat: expected no fall of AP by more than 0.05" in page


def test_with_json_the_object_is_alone_on_stdout_and_is_what_the_file_holds(
    files: Compared, capsys: pytest.CaptureFixture[str]
) -> None:
    assert files.evaluate("good", "bad", "--json") == 0
    told = capsys.readouterr()
    assert told.out == files.text(JSON)
    assert "PUSHED: the candidate may replace the baseline" in told.err
    assert told.err.splitlines()[-1] == f"page: {files.report / PAGE}"


def test_a_better_candidate_has_no_failure_and_may_replace_the_baseline(files: Compared) -> None:
    assert files.evaluate("good", "bad") == 0
    assert failures(files) == []
    assert files.text(SUMMARY).startswith("## ✓ PUSHED\n")
    assert "no rule failed, so the candidate may replace the baseline" in text_of(files.text(PAGE))
    assert "served" not in text_of(files.text(PAGE))


def test_an_inconclusive_verdict_is_a_failure_too(files: Compared) -> None:
    found = files.read("good.json")
    files.write("fewer.json", found[:-1])
    limits = ["margin=0.2", "tolerance=0.0", "class_drop=null", "slice_drop=null"]
    options = [word for limit in limits for word in ("--set", f"evaluator.{limit}")]
    assert files.evaluate("fewer", "good", *options) == 3
    assert json.loads(files.text(JSON))["verdict"] == "INCONCLUSIVE"
    assert failures(files) == ["map_interval"]
    assert "## ✗ INCONCLUSIVE" in files.text(SUMMARY)


def test_without_a_baseline_nothing_is_said_of_one(files: Compared) -> None:
    assert files.evaluate("bad") == 0
    page = files.text(PAGE)
    assert "baseline" not in text_of(page.partition('<section id="files"')[0].replace("no baseline was given", ""))
    assert sections(page) == ["changes", "images", "curves", "errors", "confusion", "rules", "files"]
    assert "no baseline was given, so nothing was compared" in text_of(page)
    assert "### Classes with the lowest AP" in files.text(SUMMARY)


def test_the_page_shows_what_was_compared_and_links_to_nothing_that_is_not_there(files: Compared) -> None:
    files.evaluate("bad", "good", "--images", str(files.images))
    page = files.text(PAGE)
    targets = set(re.findall(r'(?:href|src)="([^"]{1,200})', page))
    originals = {path.as_uri() for path in files.images.iterdir()}
    linked = {target for target in targets if not target.startswith(("#", "data:image/"))}
    assert linked <= originals
    assert len(linked) == 24
    assert {target[1:] for target in targets if target[0] == "#"} <= set(re.findall(r'id="([^"]+)"', page))
    assert "40 images, 80 objects of 2 classes" in page
    assert f"ratchet evaluate --gt {files.directory}/gt.json" in text_of(page)


def test_the_worst_images_are_shown_where_there_are_some(files: Compared) -> None:
    files.evaluate("bad", "good")
    assert "<image " not in files.text(PAGE)
    assert "--images DIR shows them here" in text_of(files.text(PAGE))
    files.evaluate("bad", "good", "--images", str(files.images))
    assert files.text(PAGE).count("<image ") == 24
    assert "--images DIR" not in text_of(files.text(PAGE))


def test_what_cannot_be_shown_is_told_with_its_reason(files: Compared) -> None:
    files.evaluate("bad", "good", "--images", str(files.images))
    shown = re.findall(r'aria-label="Enlarge (\d+\.jpg)"', files.text(PAGE))
    (files.images / shown[0]).unlink()
    (files.images / shown[1]).write_bytes(b"no image")
    picture(HEIGHT_PX, WIDTH_PX).save(files.images / shown[2])
    assert files.evaluate("bad", "good", "--images", str(files.images)) == 3
    page = text_of(files.text(PAGE))
    assert files.text(PAGE).count("<image ") == 21
    assert "Without a picture: 3 further of the worst images" in page
    assert f"{shown[0]} : no such file in the directory of --images" in page
    assert f"{shown[1]} : cannot be read: cannot identify image file" in page
    assert f"{shown[2]} : is 48x64, the ground truth says 64x48" in page


@pytest.mark.parametrize(("missing", "told"), [("file_name", "image 1 "), ("width", "1.jpg")])
def test_a_truth_that_says_little_of_its_images_is_enough(files: Compared, missing: str, told: str) -> None:
    truth = files.read("gt.json")
    for image in truth["images"]:
        del image[missing]
    files.write("gt.json", truth)
    options = [] if missing == "file_name" else ["--images", str(files.images)]
    assert files.evaluate("bad", "good", *options) == 3
    assert told in text_of(files.text(PAGE))
    if missing == "width":
        assert 'viewBox="0 0 64 48"' in files.text(PAGE)


def test_images_of_which_only_an_id_in_letters_is_known_are_called_by_it(files: Compared) -> None:
    truth = files.read("gt.json")
    truth["images"] = [{"id": f"frame-{image['id']}"} for image in truth["images"]]
    found = {name: files.read(name) for name in ("good.json", "bad.json")}
    for entries in (truth["annotations"], *found.values()):
        for entry in entries:
            entry["image_id"] = f"frame-{entry['image_id']}"
    for name, value in {"gt.json": truth, **found}.items():
        files.write(name, value)
    assert files.evaluate("bad", "good") == 3
    assert "image frame-" in text_of(files.text(PAGE))


def test_an_earlier_report_is_replaced_and_stays_as_it_is_when_an_error_comes(
    files: Compared, capsys: pytest.CaptureFixture[str]
) -> None:
    files.evaluate("bad", "good")
    before = {name: files.text(name) for name in FILES}
    files.write("broken.json", [{"image_id": 1}])
    assert files.evaluate("broken", "good") == 2
    assert files.evaluate("good", "bad", "--images", str(files.directory)) == 2
    assert capsys.readouterr().err.count("\n") == 2
    assert {name: files.text(name) for name in FILES} == before
    assert files.evaluate("good", "bad") == 0
    assert "PUSHED" in files.text(SUMMARY)
    assert {path.name for path in files.report.iterdir()} == set(FILES)


def test_what_is_undefined_is_null_everywhere(files: Compared) -> None:
    truth = files.read("gt.json")
    truth["categories"].append({"id": 9, "name": "auk"})
    files.write("gt.json", truth)
    files.evaluate("good", "bad")
    values = json.loads(files.text(JSON))
    assert values["per_class"]["auk"] is None
    assert values["coco"]["APl"] is None
    assert values["baseline"]["coco"]["APl"] is None
    assert values["per_slice"]["object_size=large"] is None
    assert re.search(r"-1(\.0)?[,}\]]", files.text(JSON)) is None


def test_images_without_a_report_are_refused(files: Compared, capsys: pytest.CaptureFixture[str]) -> None:
    given = ["--gt", f"{files.directory}/gt.json", "--dt", f"{files.directory}/good.json"]
    assert main(["evaluate", *given, "--images", str(files.images)]) == 2
    assert "give --report DIR too" in capsys.readouterr().err


def test_a_report_needs_neither_tensorflow_nor_tfx(files: Compared) -> None:
    place = files.directory
    given = ["evaluate", "--gt", f"{place}/gt.json", "--dt", f"{place}/good.json", "--baseline-dt", f"{place}/bad.json"]
    given += ["--report", str(files.report), "--images", str(files.images)]
    code = (
        f"import sys\nfrom ratchet.pipeline.cli.main import main\nassert main({given!r}) == 0\n"
        f"heavy = {HEAVY | {'matplotlib', 'pandas', 'sklearn'}!r}\nsys.exit(str(heavy & set(sys.modules) or ''))"
    )
    done = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=False)
    assert done.stderr.strip() == ""
    assert (files.report / PAGE).is_file()


def test_a_directory_of_texts_is_compared_like_the_file_of_the_same_detections(files: Compared) -> None:
    truth, texts = files.read("gt.json"), files.directory / "texts"
    texts.mkdir()
    places = {entry["id"]: number for number, entry in enumerate(truth["categories"])}
    images = {entry["id"]: entry for entry in truth["images"]}
    for found in files.read("good.json"):
        image, (x, y, width, height) = images[found["image_id"]], found["bbox"]
        sides = image["width"], image["height"]
        numbers = [(x + width / 2) / sides[0], (y + height / 2) / sides[1], width / sides[0], height / sides[1]]
        line = " ".join(map(str, [places[found["category_id"]], *numbers, found["score"]]))
        with open(texts / f"{Path(image['file_name']).stem}.txt", "a", encoding="utf-8") as file:
            file.write(f"{line}\n")
    assert files.evaluate("good", "bad") == 0
    of_file = files.read("report/evaluation.json")
    given = ["--gt", f"{files.directory}/gt.json", "--dt", str(texts), "--baseline-dt", f"{files.directory}/bad.json"]
    assert main(["evaluate", *given, "--report", str(files.report)]) == 0
    of_texts = files.read("report/evaluation.json")
    assert of_texts["coco"] == pytest.approx(of_file["coco"])
    first = digests_beside(texts, files)
    assert len(first) == 1
    main(["evaluate", *given, "--report", str(files.report)])
    assert digests_beside(texts, files) == first
    sorted(texts.iterdir())[0].rename(files.directory / "gone.txt")
    main(["evaluate", *given, "--report", str(files.report)])
    assert digests_beside(texts, files) not in (first, set())


def digests_beside(path: Path, files: Compared) -> set[str]:
    """What the page says of the content of something that was compared."""
    return set(re.findall(rf"{path} \d+ detections \d+ kB ([0-9a-f]{{64}})", text_of(files.text(PAGE))))
