"""The experiments of official/vision whose detectors can be trained, as its factories make them; pure.

Here as data, so that a configuration is read without TensorFlow; tests hold them against the factories. What 2.20 has
and 2.16 has not stands here, too: a file that 2.20 wrote names it.
"""

from __future__ import annotations

from typing import Any

Tree = dict[str, Any]  # nested, by the names of tf-models

RETINANET, MASK_RCNN = "retinanet", "maskrcnn"

_DETECTIONS: Tree = {
    "apply_nms": True,
    "pre_nms_top_k": 5000,
    "pre_nms_score_threshold": 0.05,
    "nms_iou_threshold": 0.5,
    "max_num_detections": 100,
    "nms_version": "v2",
    "use_cpu_nms": False,
    "soft_nms_sigma": None,
}
_FPN: Tree = {"num_filters": 256, "fusion_type": "sum", "use_separable_conv": False, "use_keras_layer": False}

# `task.model` and `task.losses` of each task as its classes have it; of the decoder, every kind.
DEFAULTS: dict[str, Tree] = {
    RETINANET: {
        "model": {
            "num_classes": 0,
            "input_size": [],
            "min_level": 3,
            "max_level": 7,
            "anchor": {"num_scales": 3, "aspect_ratios": [0.5, 1.0, 2.0], "anchor_size": 4.0},
            "backbone": {"type": "resnet"},
            "decoder": {"type": "fpn"},
            "head": {
                "num_convs": 4,
                "num_filters": 256,
                "use_separable_conv": False,
                "attribute_heads": [],
                "share_classification_heads": False,
                "share_level_convs": True,
            },
            "detection_generator": {
                **_DETECTIONS,
                "decode_boxes": True,
                "tflite_post_processing": {},
                "return_decoded": None,
                "use_class_agnostic_nms": False,
                "box_coder_weights": None,
            },
            "norm_activation": {
                "activation": "relu",
                "use_sync_bn": True,
                "norm_momentum": 0.99,
                "norm_epsilon": 0.001,
            },
        },
        "losses": {
            "loss_weight": 1.0,
            "focal_loss_alpha": 0.25,
            "focal_loss_gamma": 1.5,
            "huber_loss_delta": 0.1,
            "box_loss_weight": 50,
            "l2_weight_decay": 0.0,
        },
    },
    MASK_RCNN: {
        "model": {
            "num_classes": 0,
            "input_size": [],
            "min_level": 2,
            "max_level": 6,
            "anchor": {"num_scales": 1, "aspect_ratios": [0.5, 1.0, 2.0], "anchor_size": 8.0},
            "include_mask": True,
            "outer_boxes_scale": 1.0,
            "backbone": {"type": "resnet"},
            "decoder": {"type": "fpn"},
            "rpn_head": {"num_convs": 1, "num_filters": 256, "use_separable_conv": False},
            "detection_head": {
                "num_convs": 4,
                "num_filters": 256,
                "use_separable_conv": False,
                "num_fcs": 1,
                "fc_dims": 1024,
                "class_agnostic_bbox_pred": False,
                "cascade_class_ensemble": False,
            },
            "roi_generator": {
                "pre_nms_top_k": 2000,
                "pre_nms_score_threshold": 0.0,
                "pre_nms_min_size_threshold": 0.0,
                "nms_iou_threshold": 0.7,
                "num_proposals": 1000,
                "test_pre_nms_top_k": 1000,
                "test_pre_nms_score_threshold": 0.0,
                "test_pre_nms_min_size_threshold": 0.0,
                "test_nms_iou_threshold": 0.7,
                "test_num_proposals": 1000,
                "use_batched_nms": False,
            },
            "roi_sampler": {
                "mix_gt_boxes": True,
                "num_sampled_rois": 512,
                "foreground_fraction": 0.25,
                "foreground_iou_threshold": 0.5,
                "background_iou_high_threshold": 0.5,
                "background_iou_low_threshold": 0.0,
                "cascade_iou_thresholds": None,
            },
            "roi_aligner": {"crop_size": 7, "sample_offset": 0.5},
            "detection_generator": {**_DETECTIONS, "use_sigmoid_probability": False},
            "mask_head": {},
            "mask_sampler": {},
            "mask_roi_aligner": {},
            "norm_activation": {
                "activation": "relu",
                "use_sync_bn": True,
                "norm_momentum": 0.997,
                "norm_epsilon": 0.0001,
            },
        },
        "losses": {
            "loss_weight": 1.0,
            "rpn_huber_loss_delta": 1.0 / 9.0,
            "frcnn_huber_loss_delta": 1.0,
            "frcnn_class_use_binary_cross_entropy": False,
            "frcnn_class_loss_top_k_percent": 1.0,
            "l2_weight_decay": 0.0,
            "rpn_score_weight": 1.0,
            "rpn_box_weight": 1.0,
            "frcnn_class_weight": 1.0,
            "frcnn_box_weight": 1.0,
            "mask_weight": 1.0,
            "class_weights": None,
        },
    },
}
DECODERS: dict[str, Tree] = {
    "fpn": _FPN,
    "nasfpn": {"num_filters": 256, "num_repeats": 5, "use_separable_conv": False},
    "identity": {},
}
BACKBONES: dict[str, Tree] = {
    "resnet": {
        "model_id": 50,
        "depth_multiplier": 1.0,
        "stem_type": "v0",
        "se_ratio": 0.0,
        "stochastic_depth_drop_rate": 0.0,
        "scale_stem": True,
        "resnetd_shortcut": False,
        "replace_stem_max_pool": False,
        "bn_trainable": True,
    },
    "dilated_resnet": {
        "model_id": 50,
        "output_stride": 16,
        "multigrid": None,
        "stem_type": "v0",
        "last_stage_repeats": 1,
        "se_ratio": 0.0,
        "stochastic_depth_drop_rate": 0.0,
        "resnetd_shortcut": False,
        "replace_stem_max_pool": False,
    },
    "revnet": {"model_id": 56},
    "efficientnet": {"model_id": "b0", "se_ratio": 0.0, "stochastic_depth_drop_rate": 0.0},
    "spinenet": {"model_id": "49", "stochastic_depth_drop_rate": 0.0, "min_level": 3, "max_level": 7},
    "spinenet_mobile": {
        "model_id": "49",
        "stochastic_depth_drop_rate": 0.0,
        "se_ratio": 0.2,
        "expand_ratio": 6,
        "min_level": 3,
        "max_level": 7,
        "use_keras_upsampling_2d": False,
    },
    "mobilenet": {
        "model_id": "MobileNetV2",
        "filter_size_scale": 1.0,
        "stochastic_depth_drop_rate": 0.0,
        "flat_stochastic_depth_drop_rate": True,
        "output_stride": None,
        "output_intermediate_endpoints": False,
    },
    "mobiledet": {"model_id": "MobileDetCPU", "filter_size_scale": 1.0},
    "vit": {
        "model_name": "vit-b16",
        "pooler": "token",
        "representation_size": 0,
        "hidden_size": 1,
        "patch_size": 16,
        "transformer": {
            "mlp_dim": 1,
            "num_heads": 1,
            "num_layers": 1,
            "attention_dropout_rate": 0.0,
            "dropout_rate": 0.0,
        },
        "init_stochastic_depth_rate": 0.0,
        "original_init": True,
        "pos_embed_shape": None,
        "output_encoded_tokens": True,
        "output_2d_feature_maps": False,
        "output_attention_scores": False,
        "layer_scale_init_value": 0.0,
        "transformer_partition_dims": None,
    },
}
_COCO: Tree = {"num_classes": 91}
_SWISH: Tree = {"activation": "swish"}
_NARROW: Tree = {"use_separable_conv": True, "num_filters": 128}

# Each experiment's task, and what it has otherwise than the task's classes.
EXPERIMENTS: dict[str, tuple[str, Tree]] = {
    "retinanet": (RETINANET, {}),
    "retinanet_resnetfpn_coco": (
        RETINANET,
        {
            "model": {**_COCO, "input_size": [640, 640, 3], "norm_activation": {"use_sync_bn": False}},
            "losses": {"l2_weight_decay": 1e-4},
        },
    ),
    "retinanet_spinenet_coco": (
        RETINANET,
        {
            "model": {
                **_COCO,
                "input_size": [640, 640, 3],
                "anchor": {"anchor_size": 3},
                "backbone": {"type": "spinenet", "spinenet": {"stochastic_depth_drop_rate": 0.2}},
                "decoder": {"type": "identity"},
                "norm_activation": _SWISH,
            },
            "losses": {"l2_weight_decay": 4e-5},
        },
    ),
    "retinanet_mobile_coco": (
        RETINANET,
        {
            "model": {
                **_COCO,
                "input_size": [384, 384, 3],
                "anchor": {"anchor_size": 3},
                "backbone": {"type": "spinenet_mobile", "spinenet_mobile": {"stochastic_depth_drop_rate": 0.2}},
                "decoder": {"type": "identity"},
                "head": {"num_filters": 48, "use_separable_conv": True},
                "norm_activation": _SWISH,
            },
            "losses": {"l2_weight_decay": 3e-5},
        },
    ),
    "fasterrcnn_resnetfpn_coco": (
        MASK_RCNN,
        {
            "model": {**_COCO, "input_size": [1024, 1024, 3], "include_mask": False},
            "losses": {"l2_weight_decay": 4e-5},
        },
    ),
    "maskrcnn_resnetfpn_coco": (
        MASK_RCNN,
        {"model": {**_COCO, "input_size": [1024, 1024, 3]}, "losses": {"l2_weight_decay": 4e-5}},
    ),
    "maskrcnn_spinenet_coco": (
        MASK_RCNN,
        {
            "model": {
                **_COCO,
                "input_size": [640, 640, 3],
                "min_level": 3,
                "max_level": 7,
                "anchor": {"anchor_size": 3},
                "backbone": {"type": "spinenet"},
                "decoder": {"type": "identity"},
                "norm_activation": {"norm_momentum": 0.99, "norm_epsilon": 0.001},
            },
            "losses": {"l2_weight_decay": 4e-5},
        },
    ),
    "maskrcnn_mobilenet_coco": (
        MASK_RCNN,
        {
            "model": {
                **_COCO,
                "input_size": [512, 512, 3],
                "min_level": 3,
                "anchor": {"anchor_size": 3},
                "backbone": {"type": "mobilenet"},
                "decoder": {"type": "fpn", "fpn": _NARROW},
                "rpn_head": _NARROW,
                "detection_head": {**_NARROW, "fc_dims": 512},
                "norm_activation": {"activation": "relu6", "norm_momentum": 0.99, "norm_epsilon": 0.001},
            },
            "losses": {"l2_weight_decay": 4e-5},
        },
    ),
}
