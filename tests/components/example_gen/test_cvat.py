from __future__ import annotations

from pathlib import Path

import pytest

from ratchet.components.example_gen.cvat import read_cvat
from ratchet.components.example_gen.labelled import Labelled
from ratchet.components.example_gen.layout.cvat_layouts import find_cvat, given_cvat
from ratchet.components.example_gen.layout.layouts import Reading
from ratchet.components.example_gen.layout.tree import list_tree
from ratchet.schemas.base.errors import DataError
from ratchet.schemas.base.files import LOCAL_FILES
from tests.components.example_gen.exports.cvat import images_task, images_xml
from tests.components.example_gen.exports.reading import boxes_read, of_split
from tests.components.example_gen.exports.registry import EXPORTS
from tests.components.example_gen.exports.scenes import CLASSES, EMPTY, TRAIN, VAL, Truth, paint, truth_of
from tests.components.example_gen.object_store import ObjectStore

ALL = Reading()
NAMES = [scene.jpg for scene in TRAIN]
TRUTH: Truth = truth_of({f"images/{scene.jpg}": scene for scene in TRAIN})
META = "<meta><task><labels><label><name>nut</name></label></labels></task></meta>"
BOX = '<box label="nut" xtl="10" ytl="8" xbr="30" ybr="24"/>'


def read(directory: Path, reading: Reading = ALL, class_names: tuple[str, ...] | None = None) -> Labelled:
    tree = list_tree(str(directory), LOCAL_FILES)
    [layout] = find_cvat(tree)
    return read_cvat(tree, layout, reading, class_names)


def delivery(tmp_path: Path, text: str) -> Path:
    """The pictures of TRAIN and one without objects beside an annotations.xml."""
    for scene in (*TRAIN, EMPTY):
        paint(tmp_path / "images" / scene.jpg, scene)
    (tmp_path / "annotations.xml").write_text(text, encoding="utf-8")
    return tmp_path


def one_image(*shapes: str, meta: str = META, image: str = 'id="0" name="a.jpg" width="64" height="48"') -> str:
    return f"<annotations><version>1.1</version>{meta}<image {image}>{''.join(shapes)}</image></annotations>"


def message_of(directory: Path) -> str:
    with pytest.raises(DataError) as caught:
        read(directory)
    return str(caught.value)


@pytest.mark.parametrize("name", [name for name, export in EXPORTS.items() if export.form == "cvat"])
def test_boxes_read_are_those_painted(name: str, tmp_path: Path) -> None:
    export, directory = EXPORTS[name], tmp_path / "delivery"
    truth = export.build(directory)
    labelled = read(directory)
    assert boxes_read(labelled, str(directory)) == truth
    assert labelled.label_map.names == CLASSES
    for split in {split for _, split in export.splits}:
        assert boxes_read(read(directory, Reading(split=split)), str(directory)) == of_split(truth, export, split)


@pytest.mark.parametrize(
    ("shape", "corners"),
    [
        ('<box label="nut" xtl="10" ytl="8" xbr="30" ybr="24" rotation="90.00"/>', (12, 6, 28, 26)),
        ('<box label="nut" xtl="10" ytl="8" xbr="30" ybr="24" rotation="180"/>', (10, 8, 30, 24)),
        (
            '<box label="nut" xtl="10" ytl="10" xbr="30" ybr="30" rotation="45"/>',
            (5.857864, 5.857864, 34.142136, 34.142136),
        ),
        ('<polygon label="nut" points="10.00,9.50;30,8;20.5,24"/>', (10, 8, 30, 24)),
        ('<ellipse label="nut" cx="20" cy="16" rx="10" ry="8"/>', (10, 8, 30, 24)),
        ('<ellipse label="nut" cx="20" cy="16" rx="8" ry="10" rotation="90"/>', (10, 8, 30, 24)),
        ('<mask label="nut" rle="1, 2" left="10" top="8" width="20" height="16"/>', (10, 8, 30, 24)),
    ],
)
def test_shapes_become_the_upright_boxes_around_them(tmp_path: Path, shape: str, corners: tuple[float, ...]) -> None:
    labelled = read(delivery(tmp_path, one_image(shape)))
    assert labelled.given[0].tolist() == pytest.approx(corners, abs=1e-6)
    assert any("became the upright boxes around them" in sentence for sentence in labelled.told) == (
        'rotation="180"' not in shape
    )


def test_shapes_that_are_no_boxes_are_left_out_and_counted(tmp_path: Path) -> None:
    others = ['<polyline label="nut" points="1,2;3,4"/>'] * 2 + [
        '<points label="nut" points="1,2"/>',
        '<tag label="x"/>',
    ]
    others.append('<skeleton label="nut"><points label="1" points="1,2"/></skeleton>')
    labelled = read(delivery(tmp_path, one_image(*others, BOX)))
    assert boxes_read(labelled, str(tmp_path)) == {"images/a.jpg": [("nut", 10, 8, 20, 16)]}
    assert "2 polylines, 1 set of points, 1 tag and 1 skeleton, which are no boxes" in labelled.left_out
    assert "3 pictures not in annotations.xml: 'images/b.jpg' and 2 more" in labelled.left_out


def test_labels_of_other_kinds_are_no_classes(tmp_path: Path) -> None:
    labels = "".join(
        f"<label><name>{name}</name><type>{kind}</type>{more}</label>"
        for name, kind, more in (
            *(("arm", "skeleton", ""), ("1", "points", "<parent>arm</parent>"), ("nut", "rectangle", "")),
            *(("blurry", "tag", ""), ("bolt", "any", "")),
        )
    )
    meta = f"<meta><project><labels>{labels}</labels></project></meta>"
    assert read(delivery(tmp_path, one_image(BOX, meta=meta))).label_map.names == ("nut", "bolt")


def test_without_labels_the_names_found_are_the_classes(tmp_path: Path) -> None:
    directory = delivery(tmp_path, one_image(BOX, meta=""))
    assert read(directory).label_map.names == ("nut",)
    assert read(directory, class_names=CLASSES).label_map.names == CLASSES


def test_frames_of_a_video_have_no_suffix(tmp_path: Path) -> None:
    directory = delivery(tmp_path, images_xml(TRAIN, [f"frame_{scene.stem}" for scene in TRAIN]))
    for scene in TRAIN:
        paint(directory / "images" / f"frame_{scene.stem}.PNG", scene)
    assert boxes_read(read(directory), str(tmp_path)) == truth_of(
        {f"images/frame_{scene.stem}.PNG": scene for scene in TRAIN}
    )


def test_tracks_of_a_video_are_refused_with_the_export_that_works(tmp_path: Path) -> None:
    track = '<track id="0" label="nut"><box frame="0" xtl="1" ytl="1" xbr="9" ybr="9" outside="0"/></track>'
    told = message_of(delivery(tmp_path, f"<annotations>{META}{track}</annotations>"))
    assert "CVAT for video" in told
    assert 'export the task as "CVAT for images 1.1" or "COCO 1.0"' in told


def test_several_tasks_are_read_together(tmp_path: Path) -> None:
    images_task(tmp_path / "task 1")
    (tmp_path / "task 2" / "images").mkdir(parents=True)
    for scene in VAL:
        paint(tmp_path / "task 2" / "images" / scene.jpg, scene)
    (tmp_path / "task 2" / "annotations.xml").write_text(images_xml(VAL, [scene.jpg for scene in VAL]))
    expected = {f"task 1/images/{scene.jpg}": scene for scene in (*TRAIN, EMPTY)}
    expected |= {f"task 2/images/{scene.jpg}": scene for scene in VAL}
    assert boxes_read(read(tmp_path), str(tmp_path)) == truth_of(expected)


def test_a_picture_elsewhere_is_not_taken_for_one_that_is_missing(tmp_path: Path) -> None:
    directory = delivery(tmp_path, images_xml(TRAIN, NAMES))
    (directory / "images" / "a.jpg").unlink()
    paint(directory / "old" / "a.jpg", VAL[0])
    assert f"no such picture, but {directory}/old/a.jpg is there" in message_of(directory)


def test_a_subset_is_a_split_wherever_its_pictures_are(tmp_path: Path) -> None:
    text = images_xml(TRAIN, NAMES, "Train").replace('name="c.jpg" subset="Train"', 'name="c.jpg" subset="default"')
    directory = delivery(tmp_path, text)
    assert sorted(boxes_read(read(directory, Reading(split="train")), str(directory))) == [
        "images/a.jpg",
        "images/b.jpg",
    ]


def test_two_files_in_one_directory_are_two_ways(tmp_path: Path) -> None:
    directory = delivery(tmp_path, images_xml(TRAIN, NAMES))
    (directory / "second.xml").write_text(images_xml(TRAIN[:1], NAMES[:1]))
    tree = list_tree(str(directory), LOCAL_FILES)
    assert [layout.mark for layout in find_cvat(tree)] == ["annotations.xml", "second.xml"]
    layout = given_cvat(tree, Reading(annotations="second.xml", images="images"))
    assert list(boxes_read(read_cvat(tree, layout, ALL, None), str(directory))) == ["images/a.jpg"]


@pytest.mark.parametrize(
    ("text", "told"),
    [
        (one_image(BOX)[:-20], "annotations.xml: broken XML"),
        (one_image(BOX.replace('"10"', '"x"')), "image '0' 'a.jpg': box[0] 'nut': xtl 'x' must be a number"),
        (one_image(BOX.replace("xtl", "x")), "box[0] 'nut': xtl '' must be a number"),
        (one_image(BOX.replace('"10"', '"nan"')), "xtl 'nan' must be a number"),
        (one_image(BOX.replace("nut", " ")), "box[0]: class name '' must be a non-empty string"),
        (
            one_image(BOX.replace("nut", "cat")),
            "annotations.xml: image[0]: box[0] ('cat'): class 'cat' is not in the labels",
        ),
        (one_image(BOX.replace("/>", ' rotation="left"/>')), "rotation 'left' must be a number"),
        (one_image('<polygon label="nut" points="1,2;3"/>'), "points '1,2;3' must be at least three"),
        (one_image(BOX, image='name="z.jpg" width="64" height="48"'), "its picture 'z.jpg': no such file among the 4"),
        (one_image(BOX, image='name="../a.jpg"'), "its picture '../a.jpg'"),
        (one_image(BOX, image='name="a.jpg" width="x" height="48"'), "width 'x' must be an integer"),
        (one_image(BOX, image='name="a.jpg" width="99999" height="48"'), "width 99999 must be an integer, 1..65535"),
        (one_image(), "1 images without one object"),
        ("<annotations><meta/></annotations>", "0 images without one object"),
        (one_image(BOX).replace("</annotations>", '<image name="a.jpg"></image></annotations>'), "annotated twice"),
    ],
)
def test_a_broken_file_is_refused_with_its_place(tmp_path: Path, text: str, told: str) -> None:
    assert told in message_of(delivery(tmp_path, text))


def test_a_document_type_is_refused(tmp_path: Path) -> None:
    directory = delivery(tmp_path, one_image(BOX))
    tree = list_tree(str(directory), LOCAL_FILES)
    [layout] = find_cvat(tree)
    bomb = '<!DOCTYPE a [<!ENTITY b "bbbb"><!ENTITY c "&b;&b;&b;">]>' + one_image(BOX).replace("nut", "&c;")
    (directory / "annotations.xml").write_text(bomb)
    with pytest.raises(DataError, match="<!DOCTYPE>"):
        read_cvat(tree, layout, ALL, None)


def test_sizes_that_are_not_given_come_from_the_headers(tmp_path: Path) -> None:
    labelled = read(delivery(tmp_path, one_image(BOX, image='name="a.jpg" width="0" height="0"')))
    assert labelled.images[0][2:4] == (64, 48)


@pytest.mark.parametrize(
    "text", ["", "<annotation><object/></annotation>", "{}", "<!DOCTYPE annotations><annotations/>"]
)
def test_other_files_are_none_of_cvat(tmp_path: Path, text: str) -> None:
    assert find_cvat(list_tree(str(delivery(tmp_path, text)), LOCAL_FILES)) == []


def test_a_delivery_on_an_object_store_is_read(tmp_path: Path) -> None:
    directory = delivery(tmp_path, images_xml(TRAIN, NAMES))
    store = ObjectStore(
        {f"gs://b/d/{path.relative_to(directory)}": path.read_bytes() for path in directory.rglob("*.*")}
    )
    tree = list_tree("gs://b/d", store)
    [layout] = find_cvat(tree)
    assert boxes_read(read_cvat(tree, layout, ALL, None), "gs://b/d") == TRUTH
    assert store.open_now == 0
