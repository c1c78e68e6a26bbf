"""The only place with tf.Example feature keys.

The `image/...` keys are those of tf-models' TfExampleDecoder; `qa/...` are what the data gate
compares; `ratchet/record` is the exact annotation, since tf.Example floats are float32 and mAP
must not depend on their rounding.
"""

IMAGE_ENCODED = "image/encoded"  # bytes: the file as delivered, never re-compressed
IMAGE_HEIGHT = "image/height"  # int64, px
IMAGE_WIDTH = "image/width"  # int64, px
IMAGE_SOURCE_ID = "image/source_id"  # bytes: the image id in decimal digits (tf-models parses it as a number)

BOX_YMIN = "image/object/bbox/ymin"  # float list, 0..1 of the height
BOX_XMIN = "image/object/bbox/xmin"  # float list, 0..1 of the width
BOX_YMAX = "image/object/bbox/ymax"
BOX_XMAX = "image/object/bbox/xmax"
BOX_LABEL = "image/object/class/label"  # int64 list, 1..K
BOX_CLASS = "image/object/class/text"  # bytes list, class names
BOX_AREA = "image/object/area"  # float list, px^2
BOX_IS_CROWD = "image/object/is_crowd"  # int64 list, 0 or 1

QA_BRIGHTNESS = "qa/brightness"  # float, mean grey level 0..255
QA_CONTRAST = "qa/contrast"  # float, standard deviation of the grey level
QA_SHARPNESS = "qa/sharpness"  # float, log1p of the variance of the Laplacian
QA_RED_CAST = "qa/red_cast"  # float, ln(mean red / mean green), 0 for grey
QA_BLUE_CAST = "qa/blue_cast"  # float, ln(mean blue / mean green)
QA_HUE = "qa/hue"  # float, 0..1 of the circle; none for a grey image
QA_NOISE = "qa/noise"  # float, standard deviation of the noise of single pixels, in grey levels
QA_LOG_FILE_SIZE = "qa/log_file_size"  # float, ln of the file's bytes
QA_NUM_BOXES = "qa/num_boxes"  # int64
QA_NUM_CROWD = "qa/num_crowd"  # int64, boxes that stand for a crowd
QA_NUM_TRUNCATED = "qa/num_truncated"  # int64, boxes that end at the image's border
QA_BOX_LOG_AREA = "qa/box_log_area"  # float list, ln of the box area as a fraction of the image
QA_BOX_LOG_ASPECT = "qa/box_log_aspect"  # float list, ln(width / height)
QA_BOX_CENTER_X = "qa/box_center_x"  # float list, 0..1 of the width
QA_BOX_CENTER_Y = "qa/box_center_y"  # float list, 0..1 of the height

SOURCE_PREFIX = "source/"  # bytes: an attribute of the image, such as source/camera

RECORD = "ratchet/record"  # bytes: JSON of the image's annotation, floats exact

# What a sample of images (`feature_sample.py`) holds: figures and counts of each image, shapes of each box.
IMAGE_FEATURES = (
    QA_BRIGHTNESS,
    QA_CONTRAST,
    QA_SHARPNESS,
    QA_RED_CAST,
    QA_BLUE_CAST,
    QA_HUE,
    QA_NOISE,
    QA_LOG_FILE_SIZE,
)
COUNT_FEATURES = (QA_NUM_BOXES, QA_NUM_CROWD, QA_NUM_TRUNCATED)
OBJECT_FEATURES = (QA_BOX_LOG_AREA, QA_BOX_LOG_ASPECT, QA_BOX_CENTER_X, QA_BOX_CENTER_Y)

# What a person calls a feature.
FEATURE_TITLES = {
    IMAGE_HEIGHT: "image height, px",
    IMAGE_WIDTH: "image width, px",
    BOX_CLASS: "classes of the boxes",
    QA_BRIGHTNESS: "brightness, 0..255",
    QA_CONTRAST: "contrast",
    QA_SHARPNESS: "sharpness",
    QA_RED_CAST: "red against green",
    QA_BLUE_CAST: "blue against green",
    QA_HUE: "hue, 0..1 of the circle from red",
    QA_NOISE: "pixel noise, grey levels",
    QA_LOG_FILE_SIZE: "file size, ln bytes",
    QA_NUM_BOXES: "boxes an image",
    QA_NUM_CROWD: "crowd boxes an image",
    QA_NUM_TRUNCATED: "boxes cut off by the border, an image",
    QA_BOX_LOG_AREA: "box area, ln of the image's",
    QA_BOX_LOG_ASPECT: "box aspect, ln(width / height)",
    QA_BOX_CENTER_X: "box centre, 0..1 from the left",
    QA_BOX_CENTER_Y: "box centre, 0..1 from the top",
}
