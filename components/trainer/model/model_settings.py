"""The model's part of the configuration."""

from __future__ import annotations

import dataclasses
import json
from collections.abc import Mapping
from typing import Annotated, Any, Literal, Optional, get_args

from pydantic import Field, GetCoreSchemaHandler, model_validator
from pydantic_core import CoreSchema, PydanticCustomError, core_schema

from ratchet.schemas.base.errors import ConfigError
from ratchet.schemas.base.settings import load, settings

Auto = Literal["auto"]
AUTO: Auto = "auto"
PositiveInt = Annotated[int, Field(ge=1)]
PositiveFloat = Annotated[float, Field(gt=0)]
# Not strict: behind OrAuto a list of the configuration is a list of Python, which a strict tuple refuses.
Size = Annotated[tuple[PositiveInt, PositiveInt], Field(strict=False)]


class OrAuto:
    """Annotation of a field of type `Auto | X`, where X is a list or a group of settings: a wrong value is one error.

    Pydantic's own union reports one error for each of its members, under keys that the user did not write.

    Args:
        meaning: what X is, for messages.
    """

    def __init__(self, meaning: str) -> None:
        self.meaning = meaning

    def __get_pydantic_core_schema__(self, source: Any, handler: GetCoreSchemaHandler) -> CoreSchema:
        """Reads X; the word alone passes by it."""
        (other,) = (member for member in get_args(source) if member != Auto)
        return core_schema.no_info_wrap_validator_function(self._read, handler.generate_schema(other))

    def _read(self, value: Any, read_other: core_schema.ValidatorFunctionWrapHandler) -> Any:
        if isinstance(value, str) and value == AUTO:
            return value
        if value is None or isinstance(value, (str, int, float)):
            raise PydanticCustomError(
                "or_auto", "input should be {expected}", {"expected": f"{self.meaning} or 'auto'"}
            )
        return read_other(value)


@settings
class BackboneSettings:
    """The part that makes features of an image: one of official.vision's (tf-models).

    Attributes:
        type: which of them.
        options: those of its settings that are not left at official.vision's defaults, by the names of
            `official.vision.configs.backbones`, such as ResNet's `model_id` (depth) and `depth_multiplier` (width).
            Names and types are checked before anything is trained.
    """

    type: Literal[
        "dilated_resnet",
        "efficientnet",
        "mobiledet",
        "mobilenet",
        "resnet",
        "revnet",
        "spinenet",
        "spinenet_mobile",
        "vit",
    ] = "resnet"
    options: dict[str, Any] = dataclasses.field(default_factory=dict)

    @model_validator(mode="after")
    def _options_are_plain(self) -> BackboneSettings:
        for name, value in self.options.items():
            whole = isinstance(value, (list, tuple)) and all(type(item) is int for item in value)
            if not whole and not isinstance(value, (str, int, float)):
                raise ValueError(
                    f"model.backbone.options.{name} = {json.dumps(value)}: "
                    "must be text, a number, true or false, or a list of whole numbers"
                )
        return self


@settings
class AnchorSettings:
    """Anchor boxes: what objects are told from at every place of the image.

    Attributes:
        num_scales: sizes a level, evenly (in the logarithm) between that of one level and of the next.
        aspect_ratios: width / height, each at every size.
        size: side of the smallest anchor of a level, as a multiple of the level's stride.
    """

    num_scales: Annotated[int, Field(ge=1, le=9)] = 3
    aspect_ratios: Annotated[tuple[PositiveFloat, ...], Field(min_length=1, strict=False)] = (0.5, 1.0, 2.0)
    size: PositiveFloat = 4.0


@settings
class TwoStageSettings:
    """What `faster_rcnn` has besides: docs/models.md.

    Attributes:
        rpn_convs: convolutions of the first stage before its last one.
        rpn_filters: their channels.
        proposals: most boxes of an image that the first stage hands to the second.
        rois: proposals that an image is trained with, at most a quarter of them with an object.
        crop_size: rows and columns of features that a proposal is looked at with.
        fcs: dense layers of the second stage, after its `head_convs` convolutions.
        fc_dims: their width.
    """

    rpn_convs: Annotated[int, Field(ge=1, le=8)] = 1
    rpn_filters: PositiveInt = 256
    proposals: Annotated[int, Field(ge=1, le=10_000)] = 1000
    rois: Annotated[int, Field(ge=2, le=10_000)] = 512
    crop_size: Annotated[int, Field(ge=1, le=32)] = 7
    fcs: Annotated[int, Field(ge=1, le=8)] = 1
    fc_dims: PositiveInt = 1024


@settings
class ModelSettings:
    """The detector: docs/models.md. From the first served model on a root keeps its architecture; only
    `max_detections`, `nms_iou_threshold` and `score_threshold` may change at any time.

    Attributes:
        experiment: a detector of tf-models, which says all of this group: the name of an experiment of official/vision,
            such as `retinanet_spinenet_coco` or `fasterrcnn_resnetfpn_coco`; its YAML file; or both, as
            `NAME+FILE.yaml`: docs/models.md. Runs and roots remember what it says, not the experiment.
        family: the kind of detector: `retinanet`, one stage; `faster_rcnn`, two, which costs more time.
        input_size: height and width in px; images are resized into it with their aspect kept. Each must be a multiple
            of `2**max_level`. `auto`: derived from the images and boxes of the first span.
        backbone: what makes features of an image.
        activation: the function between layers of decoder and heads, and of the backbones that have no fixed one of
            their own. The pretrained EfficientNets and SpineNets of tf-models need `swish`.
        norm_epsilon: what batch normalisation adds to the variance. Weights of tf-models belong to that of their
            experiment.
        min_level: finest feature level, of stride `2**min_level` px; objects below two strides are hard to find.
        max_level: coarsest feature level, for the largest objects.
        decoder: what mixes the levels: `fpn`; `nasfpn`, which has levels 3 to 7; or `identity`, for the spinenets,
            which have their own.
        fpn_filters: channels of `fpn` and `nasfpn`.
        fpn_separable: whether the convolutions of `fpn` and `nasfpn` are separable, which is faster and less exact.
        nasfpn_repeats: how often `nasfpn` is stacked.
        head_convs: convolutions of each head (classes and boxes) before its last one.
        head_filters: channels of the heads' convolutions.
        head_separable: whether they are separable.
        two_stage: what `faster_rcnn` has besides.
        anchors: the boxes that objects are told from; `auto`: the fewest that fit the first span's boxes nearly as
            well as many.
        max_detections: most detections of an image that the served model gives, the best ones.
        nms_iou_threshold: IoU beyond which two detections of a class are taken for one object, of which the served
            model gives the one with the higher score.
        score_threshold: detections with a lower score are not given. mAP counts low scores too, so a high
            threshold costs mAP.
    """

    experiment: Optional[str] = None
    family: Literal["retinanet", "faster_rcnn"] = "retinanet"
    input_size: Annotated[Auto | Size, OrAuto("[height, width] in px")] = (512, 512)
    backbone: BackboneSettings = dataclasses.field(default_factory=BackboneSettings)
    activation: Literal["relu", "relu6", "swish"] = "relu"
    norm_epsilon: Annotated[float, Field(gt=0, le=0.1)] = 0.001
    min_level: Annotated[int, Field(ge=2, le=7)] = 3
    max_level: Annotated[int, Field(ge=3, le=8)] = 7
    decoder: Literal["fpn", "nasfpn", "identity"] = "fpn"
    fpn_filters: PositiveInt = 256
    fpn_separable: bool = False
    nasfpn_repeats: Annotated[int, Field(ge=1, le=9)] = 5
    head_convs: Annotated[int, Field(ge=1, le=8)] = 4
    head_filters: PositiveInt = 256
    head_separable: bool = False
    two_stage: TwoStageSettings = dataclasses.field(default_factory=TwoStageSettings)
    anchors: Annotated[Auto | AnchorSettings, OrAuto("a group of settings")] = dataclasses.field(
        default_factory=AnchorSettings
    )
    max_detections: Annotated[int, Field(ge=1, le=1000)] = 100
    nms_iou_threshold: Annotated[float, Field(gt=0, lt=1)] = 0.5
    score_threshold: Annotated[float, Field(ge=0, lt=1)] = 0.05

    @model_validator(mode="after")
    def _levels_fit(self) -> ModelSettings:
        if self.experiment is not None:
            raise ValueError("model.experiment: is for configurations; give what it says")
        if self.family == "retinanet" and self.two_stage != TwoStageSettings():
            raise ValueError("model.two_stage: is of model.family = 'faster_rcnn' alone, and this is 'retinanet'")
        if self.max_level < self.min_level:
            raise ValueError(f"model.max_level = {self.max_level}: must be at least min_level = {self.min_level}")
        if self.decoder == "nasfpn" and (self.min_level, self.max_level) != (3, 7):
            raise ValueError(
                f"model.decoder = 'nasfpn': was made for levels 3 to 7, not min_level = {self.min_level} "
                f"and max_level = {self.max_level}"
            )
        stride = 2**self.max_level
        if self.input_size != AUTO and any(size % stride for size in self.input_size):
            raise ValueError(
                f"model.input_size = {list(self.input_size)}: each side must be a multiple of {stride} "
                f"(2 to the power of max_level = {self.max_level})"
            )
        return self

    @property
    def fixed_input_size(self) -> tuple[int, int]:
        """`input_size` when it is no longer `auto`."""
        if self.input_size == AUTO:
            raise ConfigError("model.input_size = 'auto': it is not derived from the data yet")
        return self.input_size

    @property
    def fixed_anchors(self) -> AnchorSettings:
        """`anchors` when they are no longer `auto`."""
        if self.anchors == AUTO:
            raise ConfigError("model.anchors = 'auto': they are not derived from the data yet")
        return self.anchors


def recorded_model(values: Mapping[str, Any], source: str) -> ModelSettings:
    """The settings of a model that is there; one that an older record lacks has its default.

    Args:
        values: as a training record or a root has them.
        source: what to call it in messages.

    Raises:
        ConfigError: one of them is unknown here, so that the model cannot be built again.
    """
    try:
        return load(ModelSettings, values, source)
    except ConfigError as error:
        raise ConfigError(f"{error}; where a newer Ratchet wrote it, use that one") from error
