from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from ratchet.components.example_gen.dataset import read_source
from ratchet.components.example_gen.layout.foreign import foreign_files
from ratchet.components.example_gen.layout.foreign_kinds import CSV_KINDS, ENDINGS, JSON_KINDS, TEXT_KINDS, XML_KINDS
from ratchet.components.example_gen.layout.tree import list_tree
from ratchet.schemas.base.errors import DataError
from ratchet.schemas.base.files import LOCAL_FILES
from tests.components.example_gen.exports.labelme import _own_file
from tests.components.example_gen.exports.registry import EXPORTS
from tests.components.example_gen.exports.roboflow import csv_of_boxes
from tests.components.example_gen.exports.scenes import TRAIN, paint
from tests.components.example_gen.object_store import ObjectStore


def lines(*rows: Any) -> str:
    return "".join(json.dumps(row) + "\n" for row in rows)


_RECT = {
    "shape_attributes": {"name": "rect", "x": 1, "y": 2, "width": 3, "height": 4},
    "region_attributes": {"a": "nut"},
}
_VIA = {"a.jpg7": {"filename": "a.jpg", "size": 7, "regions": [_RECT], "file_attributes": {}}}
_LS_VALUE = {"x": 10, "y": 10, "width": 20, "height": 20, "rectanglelabels": ["nut"]}
_LS_RESULT = {
    "original_width": 64,
    "from_name": "label",
    "to_name": "image",
    "type": "rectanglelabels",
    "value": _LS_VALUE,
}
_COCO_IMAGE = {"id": 1, "file_name": "a.jpg", "width": 64, "height": 48}
_VOTT = {"asset": {"id": "1", "name": "a.jpg"}, "regions": [{"tags": ["nut"], "boundingBox": {"left": 1}}]}
_SLY = {"description": "", "tags": [], "size": {"height": 48}, "objects": [{"classTitle": "nut", "points": {}}]}
_DARWIN = {"version": "2.0", "schema_ref": "x", "item": {"name": "a.jpg"}, "annotations": [{"bounding_box": {"x": 1}}]}
_LABELBOX = {"data_row": {"id": "1"}, "media_attributes": {}, "projects": {"p": {"labels": []}}}
_MANIFEST = {"source-ref": "s3://b/a.jpg", "nuts": {"annotations": [{"class_id": 0, "left": 1}]}, "nuts-metadata": {}}
_BDD = [{"name": "a.jpg", "labels": [{"category": "nut", "box2d": {"x1": 1, "y1": 2, "x2": 3, "y2": 4}}]}]
_AZURE = {"image_url": "azureml://a.jpg", "label": [{"label": "nut", "topX": 0.1}], "image_details": {}}
_VERTEX = {"imageGcsUri": "gs://b/a.jpg", "boundingBoxAnnotations": [{"displayName": "nut", "xMin": "0.3"}]}
_SAMPLES = {"samples": [{"filepath": "data/a.jpg", "ground_truth": {"_cls": "Detections", "detections": []}}]}
_FO_LABELS = {"classes": ["nut"], "labels": {"a": [{"label": 0, "bounding_box": [0.1, 0.1, 0.2, 0.2]}]}}
_DM_ITEM = {
    "id": "a",
    "annotations": [{"type": "bbox", "label_id": 0, "bbox": [1, 2, 3, 4]}],
    "image": {"path": "a.jpg"},
}
_DATUMARO = {"info": {}, "categories": {"label": {"labels": [{"name": "nut"}]}}, "items": [_DM_ITEM], "media_type": 2}
_CREATE_ML = [{"image": "a.jpg", "annotations": [{"label": "nut", "coordinates": {"x": 1, "y": 2}}]}]
_PANOPTIC = [
    {"image_id": 1, "file_name": "a.png", "segments_info": [{"id": 1, "category_id": 1, "bbox": [1, 2, 3, 4]}]}
]
_LABELME_XML = (
    "<annotation><filename>a.jpg</filename><folder>f</folder><object><name>nut</name><deleted>0</deleted><polygon>"
    "<username>me</username><pt><x>1</x><y>2</y></pt></polygon></object></annotation>"
)
_KITTI = "Car 0.00 0 -1.58 587.01 173.33 614.12 200.12 1.65 1.67 3.64 -0.65 1.71 46.70 -1.59\n"

KINDS = [
    (
        "via_project.json",
        json.dumps({"_via_settings": {}, "_via_img_metadata": _VIA, "_via_attributes": {}}),
        "VGG Image",
        "Export Annotations (COCO format)",
    ),
    ("via_region_data.json", json.dumps(_VIA), "VGG Image Annotator", "Export Annotations (COCO format)"),
    (
        "via_region_data.csv",
        "filename,file_size,file_attributes,region_count,region_id,region_shape_attributes\n",
        "VGG",
        "COCO format",
    ),
    ("a.json", json.dumps(_own_file(TRAIN[0])), "labelme's JSON", "labelme2coco DIR"),
    ("ds0/ann/a.jpg.json", json.dumps(_SLY), "Supervisely's JSON", "Export to COCO"),
    (
        "meta.json",
        json.dumps({"classes": [{"title": "nut"}], "tags": [], "projectType": "images"}),
        "Supervisely",
        "Export",
    ),
    ("annotations/train.json", json.dumps(_DATUMARO), "Datumaro's JSON", "datum convert -if datumaro -i DIR -f coco"),
    (
        "project-1.json",
        json.dumps([{"id": 1, "annotations": [{"result": [_LS_RESULT], "completed_by": 1}], "data": {}}]),
        "Label Studio's JSON",
        "Export > COCO",
    ),
    (
        "min.json",
        json.dumps([{"image": "/data/a.jpg", "label": [{"original_width": 64, **_LS_VALUE}], "id": 1}]),
        "Label Studio's JSON-MIN",
        "Export > COCO",
    ),
    ("_annotations.createml.json", json.dumps(_CREATE_ML), "CreateML's JSON", "COCO JSON"),
    ("0a-asset.json", json.dumps(_VOTT), "VoTT's JSON", "Pascal VOC"),
    (
        "nuts.vott",
        json.dumps({"name": "nuts", "sourceConnection": {}, "targetConnection": {}, "tags": []}),
        "VoTT",
        "Pascal VOC",
    ),
    ("export.ndjson", lines(_LABELBOX), "Labelbox's export", "Roboflow"),
    (
        "old.json",
        json.dumps([{"ID": "1", "Labeled Data": "https://x/a.jpg", "Label": {"objects": []}}]),
        "Labelbox",
        "Roboflow",
    ),
    ("a.json", json.dumps(_DARWIN), "V7 Darwin's JSON", "darwin convert coco"),
    ("output.manifest", lines(_MANIFEST), "a manifest of SageMaker Ground Truth", "Roboflow"),
    ("bdd100k_labels_images_train.json", json.dumps(_BDD), "BDD100K", "scalabel.label.to_coco"),
    ("labels.jsonl", lines(_AZURE), "Azure ML", "COCO file"),
    ("import.jsonl", lines(_VERTEX), "Vertex AI", "Open Images CSV"),
    ("samples.json", json.dumps(_SAMPLES), "a data set of FiftyOne", "fiftyone.types.COCODetectionDataset"),
    ("labels.json", json.dumps(_FO_LABELS), "detections of FiftyOne", "fiftyone.types.COCODetectionDataset"),
    (
        "nuts.ndjson",
        lines({"type": "dataset", "task": "detect", "class_names": {"0": "nut"}}),
        "Ultralytics' NDJSON",
        "convert_ndjson_to_yolo",
    ),
    (
        "captions_val2017.json",
        json.dumps({"images": [_COCO_IMAGE], "annotations": [{"image_id": 1, "caption": "A nut."}]}),
        "captions of COCO",
        "instances_",
    ),
    (
        "panoptic_val2017.json",
        json.dumps({"images": [_COCO_IMAGE], "categories": [], "annotations": _PANOPTIC}),
        "panoptic",
        "instances_",
    ),
    (
        "image_info_test2017.json",
        json.dumps({"info": {}, "images": [_COCO_IMAGE], "categories": []}),
        "a list of COCO's images",
        "instances_",
    ),
    (
        "results.json",
        json.dumps([{"image_id": 1, "category_id": 1, "bbox": [1, 2, 3, 4], "score": 0.5}]),
        "results format",
        "--dt FILE",
    ),
    ("metadata.jsonl", lines({"file_name": "a.jpg", "text": "a nut"}), "imagefolder without boxes", "add objects"),
    ("labels_my-project.csv", "nut,10,8,20,16,a.jpg,64,48\n", "makesense.ai's CSV", "VOC XML"),
    (
        "train.csv",
        'image_id,width,height,bbox,source\nb6,1024,1024,"[834.0, 222.0, 56.0, 36.0]",usask_1\n',
        "Kaggle",
        "COCO",
    ),
    ("boxes.csv", "image,xmin,ymin,xmax,ymax,label\na.jpg,1,2,3,4,nut\n", "a CSV of boxes", "Open Images CSV"),
    ("automl.csv", "TRAINING,gs://b/a.jpg,nut,0.1,0.1,,,0.3,0.3,,\n", "AutoML's CSV", "Open Images CSV"),
    (
        "labels-human.csv",
        "ImageID,Source,LabelName,Confidence\na,verification,/m/0,1\n",
        "image-level labels",
        "annotations-bbox.csv",
    ),
    ("masks.csv", "MaskPath,ImageID,LabelName,BoxID,BoxXMin\n", "segmentation of Open Images", "annotations-bbox.csv"),
    ("submission.csv", "ImageId,PredictionString\na,0.5 1 2 3 4\n", "submission to Kaggle", "give the labels"),
    ("Annotations/a.xml", _LABELME_XML, "LabelMe's XML", "datum convert -if label_me"),
    (
        "imglab.xml",
        "<?xml version='1.0'?><dataset><name>x</name><images><image file='a.jpg'/></images></dataset>",
        "dlib",
        "COCO",
    ),
    ("label_2/a.txt", _KITTI, "KITTI's labels", "datum convert -if kitti_detection"),
    ("gt/gt.txt", "1,1,912,484,97,109,0,7,1\n", "MOT's tracks", "datum convert -if mot_seq"),
    ("annotations/a.txt", "684,8,273,116,0,0,0,0\n", "VisDrone's labels", "VisDrone.yaml"),
    (
        "labelTxt/a.txt",
        "imagesource:GoogleEarth\ngsd:0.14\n2 3 4 5 6 7 8 9 nut 0\n",
        "DOTA's labels",
        "convert_dota_to_yolo_obb",
    ),
    ("data/train-00000-of-00001.parquet", "PAR1", "Parquet", "metadata.jsonl"),
    ("train/data-00000-of-00001.arrow", "ARROW1", "Arrow", "metadata.jsonl"),
    ("nuts.zip", "PK", "an archive", "unpack it"),
    ("nuts.tar.gz", "x", "an archive", "unpack it"),
    ("digitStruct.mat", "x", "MATLAB", "scipy.io.loadmat"),
]


@pytest.mark.parametrize(("name", "content", "tool", "fix"), KINDS, ids=[f"{kind[2]}-{kind[0]}" for kind in KINDS])
def test_a_delivery_of_another_tool_is_refused_with_the_export_that_works(
    name: str, content: str, tool: str, fix: str, tmp_path: Path
) -> None:
    paint(tmp_path / "images" / "a.jpg", TRAIN[0])
    (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
    (tmp_path / name).write_text(content)
    found = foreign_files(list_tree(str(tmp_path), LOCAL_FILES))
    assert [each.file for each in found] == [name]
    assert tool in found[0].tool
    assert fix in found[0].fix
    with pytest.raises(DataError) as caught:
        read_source(str(tmp_path))
    assert f"{tmp_path}/{name} is " in str(caught.value)
    assert fix in str(caught.value)


def test_csv_of_tensorflow_is_named_with_the_exports_that_are_read(tmp_path: Path) -> None:
    csv_of_boxes(tmp_path / "delivery")
    [found] = foreign_files(list_tree(str(tmp_path / "delivery"), LOCAL_FILES))
    assert found.tool == "TensorFlow's CSV of boxes"


def test_masks_without_boxes_are_told(tmp_path: Path) -> None:
    paint(tmp_path / "JPEGImages" / "a.jpg", TRAIN[0])
    paint(tmp_path / "SegmentationClass" / "a.png", TRAIN[0])
    [found] = foreign_files(list_tree(str(tmp_path), LOCAL_FILES))
    assert found.file == "SegmentationClass/a.png"
    assert "voc_segmentation" in found.fix


@pytest.mark.parametrize("name", EXPORTS)
def test_what_is_read_is_not_taken_for_foreign(name: str, tmp_path: Path) -> None:
    EXPORTS[name].build(tmp_path / "delivery")
    found = foreign_files(list_tree(str(tmp_path / "delivery"), LOCAL_FILES))
    others = {"coco-2017": {"captions of COCO, no boxes"}, "labelme2coco-split": {"labelme's JSON"}}
    assert {each.tool for each in found} == others.get(name, set())


@pytest.mark.parametrize("content", [b"", b"{", b"[", b"\xff\xfe\x00", b"\0" * 50, b'{"a": 1}', b"null", b"a,b\n1,2\n"])
@pytest.mark.parametrize("name", ["a.json", "a.csv", "a.xml", "a.txt", "a.jsonl", "a"])
def test_other_files_are_of_no_tool(name: str, content: bytes, tmp_path: Path) -> None:
    (tmp_path / name).write_bytes(content)
    assert foreign_files(list_tree(str(tmp_path), LOCAL_FILES)) == []


def test_of_large_files_and_of_many_only_a_part_is_read(tmp_path: Path) -> None:
    row = b'{"image_id": 1, "category_id": 1, "bbox": [1, 2, 3, 4], "score": 0.5}, '
    files = {f"gs://b/d/{number}.json": b"[" + row * 10 for number in range(50)}
    store = ObjectStore(files)
    tree = list_tree("gs://b/d", store)
    assert [each.file for each in foreign_files(tree)] == ["0.json"]
    assert store.opened <= 6
    (tmp_path / "captions.json").write_bytes(
        b'{"images": [' + b'{"file_name": "a.jpg"}, ' * 20_000 + b'], "annotations": [{"caption": "A nut."}]}'
    )
    [found] = foreign_files(list_tree(str(tmp_path), LOCAL_FILES))
    assert found.tool == "captions of COCO, no boxes"


def test_the_documentation_lists_every_format_with_its_way_out() -> None:
    page = (Path(__file__).parents[4] / "docs" / "data.md").read_text()
    section = page.split("## Formats that are not read")[1]
    kinds = [
        *(kind.kind for kind in JSON_KINDS),
        *(kind for _, kind in (*CSV_KINDS, *XML_KINDS, *TEXT_KINDS)),
        *ENDINGS.values(),
    ]
    rows = [line for line in section.splitlines() if line.startswith("| ")]
    for kind in kinds:
        assert any(kind.tool in row and kind.fix in row for row in rows), kind


def test_what_is_wrong_with_a_coco_file_is_told_whatever_its_ends_look_like(tmp_path: Path) -> None:
    paint(tmp_path / "images" / "a.jpg", TRAIN[0])
    category = {"id": 1, "name": "nut", "definition": "x" * 70_000}
    annotation = {"id": 1, "image_id": 2, "category_id": 1, "bbox": [10, 8, 20, 16]}
    image = {**_COCO_IMAGE, "note": "x" * 70_000}
    document = {"images": [image], "annotations": [annotation], "categories": [category]}
    (tmp_path / "annotations.json").write_text(json.dumps(document))
    with pytest.raises(DataError, match="image_id 2 is not among the 1 images"):
        read_source(str(tmp_path))
