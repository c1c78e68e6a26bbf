"""How formats that are not read can be told, and what to do with each.

What the tools export, and which commands convert, was read in their documentation.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from typing import NamedTuple


class Kind(NamedTuple):
    """A format.

    Attributes:
        tool: whose it is, for people.
        fix: what to do to get something that is read.
    """

    tool: str
    fix: str


class JsonKind(NamedTuple):
    """A format of JSON files.

    Attributes:
        kind: it.
        keys: all keys of one of these are in the file.
        opening: its first bracket, any of these.
        without: none of these keys is in the file.
    """

    kind: Kind
    keys: tuple[frozenset[str], ...]
    opening: str = "{["
    without: frozenset[str] = frozenset()


def _json(tool: str, fix: str, *keys: str, opening: str = "{[", without: str = "") -> JsonKind:
    """Keys are given as words, a space in one as `~`."""
    return JsonKind(
        Kind(tool, fix),
        tuple(frozenset(key.replace("~", " ") for key in some.split()) for some in keys),
        opening,
        frozenset(without.split()),
    )


def _datum(form: str) -> str:
    return f"convert it with `datum convert -if {form} -i DIR -f coco_instances -o OUT -- --save-media`"


_ROBOFLOW = "upload it to Roboflow, which reads it, and export COCO JSON there"
_VIA = "in VIA: Annotation > Export Annotations (COCO format)"
_CREATE_ML = "export COCO from the tool that wrote it (Roboflow: COCO JSON; RectLabel: Export COCO JSON file)"
_INSTANCES = "give the file with boxes, instances_*.json"
_BOX_CSV = "write it as COCO, or as Open Images CSV: ImageID,LabelName,XMin,XMax,YMin,YMax in fractions of the image"

PANOPTIC = Kind(
    "panoptic segmentation of COCO",
    f"{_INSTANCES}; panopticapi's converters/panoptic2detection_coco_format.py makes one of it",
)
JSON_KINDS = (
    _json("a project of VGG Image Annotator", _VIA, "_via_settings _via_img_metadata"),
    _json("the annotations of VGG Image Annotator", _VIA, "regions shape_attributes", "regions region_attributes"),
    _json(
        "a project of VGG Image Annotator 3",
        "write its rectangles as COCO: in each entry of metadata, xy is 2, x, y, width, height in pixels",
        "project attribute metadata vid_list",
        "project attribute metadata view pname",
    ),
    _json(
        "labelme's JSON",
        "run `pip install labelme2coco` and `labelme2coco DIR`, and put the dataset.json that it writes beside the "
        "pictures",
        "shapes imagePath",
        "shapes shape_type points",
        "shapes imageData",
        opening="{",
    ),
    _json(
        "Supervisely's JSON",
        'run the app "Export to COCO" on the project',
        "objects classTitle",
        "classes tags projectType",
        "description tags size objects",
        opening="{",
    ),
    _json(
        "Datumaro's JSON",
        _datum("datumaro"),
        "dm_format_version",
        "info categories items label_categories",
        "categories items infos",
        "categories items media_type",
        opening="{",
    ),
    _json(
        "Label Studio's JSON",
        "in Label Studio: Export > COCO with images, or YOLO with images",
        "from_name to_name original_width",
        "completed_by result",
        "annotations file_upload data",
        "completions data",
    ),
    _json(
        "Label Studio's JSON-MIN",
        "in Label Studio: Export > COCO with images, or YOLO with images",
        "original_width rectanglelabels",
        "original_width polygonlabels",
        "annotation_id annotator lead_time",
        opening="[",
    ),
    _json(
        "CreateML's JSON", _CREATE_ML, "image annotations coordinates label", "imagefilename annotation", opening="["
    ),
    _json(
        "VoTT's JSON",
        "in VoTT: Export Settings > Provider: Pascal VOC, and export",
        "asset regions",
        "assets visitedTags",
        "sourceConnection targetConnection",
        "lastVisitedAssetId",
        opening="{",
    ),
    _json("Labelbox's export", _ROBOFLOW, "data_row projects", "data_row media_attributes", "Labeled~Data Label"),
    _json(
        "V7 Darwin's JSON",
        "run `pip install darwin-py` and `darwin convert coco FILES OUT`",
        "schema_ref item",
        "bounding_box annotations item",
        "bounding_box annotations dataset image",
        opening="{",
        without="images",
    ),
    _json("a manifest of SageMaker Ground Truth", _ROBOFLOW, "source-ref"),
    _json(
        "BDD100K's or Scalabel's JSON",
        "run `pip install scalabel` and `python -m scalabel.label.to_coco -m det -i FILE -o coco.json`",
        "box2d category",
        "name labels videoName",
    ),
    _json(
        "an export of Scale AI",
        "write it as COCO; its boxes are left, top, width, height in pixels",
        "task_id response annotations",
        "left top height width label task_id",
    ),
    _json(
        "Azure ML's labels",
        "in Azure ML's data labeling: Export > COCO file",
        "image_url label topX",
        "image_url label",
    ),
    _json(
        "Vertex AI's import file",
        "write it as COCO, or as Open Images CSV, whose fractions are the same",
        "imageGcsUri boundingBoxAnnotations",
        "imageGcsUri",
    ),
    _json("Kili's JSON", "in Kili: export as COCO or YOLO", "jsonResponse"),
    _json("Hasty's JSON", "in Hasty: export as COCO", "export_format_version label_classes"),
    _json("Encord's JSON", "in Encord: export as COCO", "label_hash data_units"),
    _json(
        "Ultralytics' NDJSON",
        "run `convert_ndjson_to_yolo` of `ultralytics.data.converter`, which loads the pictures and writes YOLO",
        "type task class_names",
        "type file annotations split",
    ),
    _json("captions of COCO, no boxes", _INSTANCES, "caption", opening="{", without="bbox"),
    JsonKind(PANOPTIC, (frozenset({"segments_info"}),), "{"),
    _json(
        "detections in COCO's results format, no labels",
        "give the labels; `ratchet evaluate --gt LABELS --dt FILE` scores detections",
        "image_id category_id score",
        opening="[",
    ),
    _json(
        "annotations of COCO without their images and categories",
        "give the whole file, with images, annotations and categories",
        "image_id category_id bbox",
        opening="[",
    ),
    _json(
        "a list of COCO's images, without annotations",
        _INSTANCES,
        "images file_name",
        opening="{",
        without="annotations image_id bbox",
    ),
    _json(
        "a data set of FiftyOne",
        "run `fiftyone convert --input-dir DIR --input-type fiftyone.types.FiftyOneDataset --output-dir OUT "
        "--output-type fiftyone.types.COCODetectionDataset`",
        "samples filepath",
        "sample_collection_name sample_fields",
        opening="{",
    ),
    _json(
        "detections of FiftyOne in its own JSON",
        "run `fiftyone convert --input-dir DIR --input-type fiftyone.types.FiftyOneImageDetectionDataset "
        "--output-dir OUT --output-type fiftyone.types.COCODetectionDataset`",
        "classes labels bounding_box",
        opening="{",
    ),
    _json(
        "a Hugging Face imagefolder without boxes",
        'add objects to each line: {"bbox": [[x, y, width, height]], "categories": ["nut"]}',
        "file_name text",
        "file_name label",
        "file_name caption",
        opening="{",
        without="images bbox",
    ),
)


def _has(*columns: str) -> Callable[[Sequence[str]], bool]:
    return lambda header: set(columns) <= set(header)


def _begins(*starts: str) -> Callable[[Sequence[str]], bool]:
    return lambda header: len(header) > 5 and header[0] in starts


def _is_headless(header: Sequence[str]) -> bool:
    """`label,x,y,width,height,picture,width,height` as makesense.ai writes it."""
    return len(header) == 8 and all(header[place].isdigit() for place in (1, 2, 3, 4, 6, 7))


def _names_boxes(header: Sequence[str]) -> bool:
    return "bbox" in header or {"xmin", "ymin"} <= set(header) or {"x1", "y1", "x2", "y2"} <= set(header)


CSV_KINDS: tuple[tuple[Callable[[Sequence[str]], bool], Kind], ...] = (
    (_has("filename", "region_shape_attributes"), Kind("VGG Image Annotator's CSV", _VIA)),
    (
        _has("filename", "width", "height", "class", "xmin", "ymin", "xmax", "ymax"),
        Kind(
            "TensorFlow's CSV of boxes",
            "give the XML files that it was made of, or, from Roboflow, export COCO JSON or Pascal VOC",
        ),
    ),
    (
        _has("imageid", "maskpath"),
        Kind("segmentation of Open Images", "give *-annotations-bbox.csv, which has the boxes"),
    ),
    (
        _has("imageid", "labelname", "confidence"),
        Kind("image-level labels of Open Images, no boxes", "give *-annotations-bbox.csv, which has the boxes"),
    ),
    (_has("imageid", "predictionstring"), Kind("a submission to Kaggle, detections and no labels", "give the labels")),
    (
        _has("image_id", "width", "height", "bbox"),
        Kind("a CSV of a Kaggle competition, whose column bbox holds x, y, width, height in pixels", _BOX_CSV),
    ),
    (
        _begins("train", "training", "validate", "validation", "test", "unassigned"),
        Kind("AutoML's CSV of boxes", _BOX_CSV),
    ),
    (_is_headless, Kind("makesense.ai's CSV", "in makesense.ai: Actions > Export Annotations > VOC XML, or YOLO")),
    (_names_boxes, Kind("a CSV of boxes", _BOX_CSV)),
)

XML_KINDS = (
    (
        re.compile(
            r"<annotation>.*(?:<deleted>|<LMobject>|<username>).*<polygon>|<annotation>.*<polygon>.*<username>",
            re.DOTALL,
        ),
        Kind("LabelMe's XML", _datum("label_me")),
    ),
    (
        re.compile(r"<dataset>.*<image\s+file=", re.DOTALL),
        Kind("dlib's XML", "write it as COCO: its boxes are left, top, width, height in pixels"),
    ),
)

_N = r"-?[0-9.]+(?:e[-+]?[0-9]+)?"
TEXT_KINDS = (
    (re.compile(rf"[A-Za-z_]+ {_N} -?[0-9] {_N}(?: {_N}){{11,12}}"), Kind("KITTI's labels", _datum("kitti_detection"))),
    (
        re.compile(r"imagesource:.*|gsd:.*", re.IGNORECASE),
        Kind("DOTA's labels", "run `convert_dota_to_yolo_obb` of `ultralytics.data.converter`"),
    ),
    (
        re.compile(r"(?:-?[0-9]+,){7}-?[0-9]+,?"),
        Kind(
            "VisDrone's labels",
            "convert them as the script in Ultralytics' VisDrone.yaml does, and give the YOLO data set",
        ),
    ),
    (re.compile(rf"[0-9]+, ?-?[0-9]+(?:, ?{_N}){{5,8}}"), Kind("MOT's tracks", _datum("mot_seq"))),
)

PARQUET = Kind(
    "a Hugging Face data set in Parquet",
    "load it with `datasets`, save its pictures, and write metadata.jsonl beside them: file_name and objects",
)
_ARROW = Kind(
    "a Hugging Face data set in Arrow",
    "load it with `datasets.load_from_disk`, save its pictures, and write metadata.jsonl beside them: file_name and "
    "objects",
)
_ARCHIVE = Kind("an archive", "unpack it, and give the directory that comes out")
ENDINGS = {
    (".parquet",): PARQUET,
    (".arrow",): _ARROW,
    (".zip", ".tar", ".tgz", ".tar.gz", ".tar.bz2", ".tbz2", ".tar.xz", ".txz", ".7z", ".rar"): _ARCHIVE,
    (".json.gz", ".jsonl.gz", ".xml.gz", ".txt.gz", ".csv.gz"): _ARCHIVE,
    (".mat",): Kind("MATLAB's data", "write it as COCO with scipy.io.loadmat"),
    (".datum",): Kind("Datumaro's binary data", _datum("datumaro_binary")),
    (".mp4", ".avi", ".mov", ".mkv"): Kind("a video", "give its frames as JPEG or PNG, with their labels"),
}
