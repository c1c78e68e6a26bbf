"""The files of four toolkits, as `configs.py` fills them in."""

from __future__ import annotations

PIPELINE = """\
model {
  ssd {
    num_classes: 4
    image_resizer {
      fixed_shape_resizer {
        height: 320
        width: 320
      }
    }
    feature_extractor {
      type: "ssd_mobilenet_v2_fpn_keras"
      depth_multiplier: 1.0
      min_depth: 16
      use_depthwise: true
    }
    box_coder {
      faster_rcnn_box_coder {
        y_scale: 10.0
        x_scale: 10.0
        height_scale: 5.0
        width_scale: 5.0
      }
    }
    matcher {
      argmax_matcher {
        matched_threshold: $matched
        unmatched_threshold: $unmatched
        ignore_thresholds: false
        negatives_lower_than_unmatched: true
        force_match_for_each_row: true
        use_matmul_gather: true
      }
    }
    anchor_generator {
      multiscale_anchor_generator {
        min_level: 3
        max_level: 7
        anchor_scale: 4.0
        aspect_ratios: 1.0
        aspect_ratios: 2.0
        aspect_ratios: 0.5
        scales_per_octave: 2
      }
    }
    post_processing {
      batch_non_max_suppression {
        score_threshold: 1e-8
        iou_threshold: 0.6
        max_detections_per_class: 100
        max_total_detections: 100
      }
      score_converter: SIGMOID
    }
    loss {
      localization_loss {
        weighted_smooth_l1 {
        }
      }
      classification_loss {
        weighted_sigmoid_focal {
          gamma: 2.0
          alpha: 0.25
        }
      }
      classification_weight: 1.0
      localization_weight: 1.0
    }
  }
}
train_config {
  batch_size: 16
$options  sync_replicas: true
  optimizer {
    momentum_optimizer {
      learning_rate {
        cosine_decay_learning_rate {
          learning_rate_base: $peak
          total_steps: $steps
          warmup_learning_rate: $first
          warmup_steps: $warmup
        }
      }
      momentum_optimizer_value: 0.9
    }
    use_moving_average: false
  }
  fine_tune_checkpoint: "$checkpoint"
  num_steps: $steps
  startup_delay_steps: 0.0
  replicas_to_aggregate: 8
  max_number_of_boxes: 100
  unpad_groundtruth_tensors: false
  fine_tune_checkpoint_type: "detection"
}
train_input_reader {
  label_map_path: "data/label_map.pbtxt"
  tf_record_input_reader {
    input_path: "$train"
  }
}
eval_config {
  metrics_set: "coco_detection_metrics"
  use_moving_averages: false
}
eval_input_reader {
  label_map_path: "data/label_map.pbtxt"
  shuffle: false
  num_epochs: 1
  tf_record_input_reader {
    input_path: "$evaluated"
  }
}
"""

PARAMS = """\
runtime:
  distribution_strategy: mirrored
  mixed_precision_dtype: float32
  num_gpus: 1
task:
  annotation_file: ''
  freeze_backbone: false
  init_checkpoint: $checkpoint
  init_checkpoint_modules: backbone
  losses:
    box_loss_weight: 50
    focal_loss_alpha: 0.25
    focal_loss_gamma: 1.5
    huber_loss_delta: 0.1
    l2_weight_decay: 0.0001
  model:
    anchor:
      anchor_size: 4.0
      aspect_ratios: [0.5, 1.0, 2.0]
      num_scales: 3
    backbone:
      resnet:
        depth_multiplier: 1.0
        model_id: 50
      type: resnet
    input_size: [320, 320, 3]
    max_level: 7
    min_level: 3
    num_classes: 5
  train_data:
    dtype: float32
    global_batch_size: $batch
    input_path: $train
    is_training: true
    parser:
      aug_rand_hflip: true
      aug_scale_max: 1.2
      aug_scale_min: 0.8
      match_threshold: 0.5
      unmatched_threshold: 0.5
    shuffle_buffer_size: 1000
  validation_data:
    global_batch_size: 8
    input_path: $evaluated
    is_training: false
trainer:
  checkpoint_interval: 500
  optimizer_config:
    ema: null
    learning_rate:
      cosine:
        alpha: 0.0
        decay_steps: $steps
        initial_learning_rate: $peak
        name: CosineDecay
        offset: 0
      type: cosine
    optimizer:
      sgd:
        clipnorm: null
        decay: 0.0
        momentum: 0.9
        name: SGD
        nesterov: false
      type: sgd
    warmup:
      linear:
        name: linear
        warmup_learning_rate: 0.0067
        warmup_steps: 200
      type: linear
  steps_per_loop: 100
  summary_interval: 100
  train_steps: $steps
  validation_interval: 500
  validation_steps: -1
"""

ARGS = """\
task: detect
mode: train
model: $model
data: $data
epochs: $epochs
time: null
patience: 100
batch: 16
imgsz: 320
save: true
save_period: -1
cache: false
device: null
workers: 8
project: null
name: train
exist_ok: false
pretrained: true
optimizer: SGD
verbose: true
seed: 0
deterministic: true
single_cls: false
rect: false
cos_lr: false
close_mosaic: 10
resume: false
amp: true
fraction: 1.0
freeze: null
multi_scale: false
overlap_mask: true
dropout: 0.0
val: true
split: val
save_json: false
conf: null
iou: 0.7
max_det: 300
lr0: $peak
lrf: 0.01
momentum: 0.937
weight_decay: 0.0005
warmup_epochs: 3.0
warmup_momentum: 0.8
warmup_bias_lr: 0.1
box: 7.5
cls: 0.5
dfl: 1.5
nbs: 64
hsv_h: $hsv_h
hsv_s: $hsv_s
hsv_v: $hsv_v
degrees: 0.0
translate: $translate
scale: $scale
shear: 0.0
perspective: 0.0
flipud: 0.0
fliplr: $fliplr
bgr: 0.0
mosaic: $mosaic
mixup: 0.0
copy_paste: 0.0
auto_augment: randaugment
erasing: 0.4
"""

DUMP = """\
auto_scale_lr = dict(base_batch_size=16, enable=False)
backend_args = None
data_root = 'data/shapes/'
dataset_type = 'CocoDataset'
default_hooks = dict(
    checkpoint=dict(interval=1, type='CheckpointHook'),
    logger=dict(interval=50, type='LoggerHook'),
    param_scheduler=dict(type='ParamSchedulerHook'))
default_scope = 'mmdet'
load_from = '$load_from'
log_level = 'INFO'
model = dict(
    backbone=dict(
        depth=50,
        frozen_stages=1,
        init_cfg=dict(checkpoint='torchvision://resnet50', type='Pretrained'),
        norm_cfg=dict(requires_grad=True, type='BN'),
        type='ResNet'),
    bbox_head=dict(
        anchor_generator=dict(
            octave_base_scale=4,
            ratios=[0.5, 1.0, 2.0],
            scales_per_octave=3,
            strides=[8, 16, 32, 64, 128],
            type='AnchorGenerator'),
        in_channels=256,
        loss_bbox=dict(loss_weight=1.0, type='L1Loss'),
        loss_cls=dict(alpha=0.25, gamma=2.0, loss_weight=1.0, type='FocalLoss', use_sigmoid=True),
        num_classes=4,
        type='RetinaHead'),
    test_cfg=dict(
        max_per_img=100, min_bbox_size=0, nms=dict(iou_threshold=0.5, type='nms'), nms_pre=1000, score_thr=0.05),
    train_cfg=dict(
        allowed_border=-1,
        assigner=dict(ignore_iof_thr=-1, min_pos_iou=0, neg_iou_thr=0.4, pos_iou_thr=0.5, type='MaxIoUAssigner'),
        debug=False,
        pos_weight=-1),
    type='RetinaNet')
optim_wrapper = dict(
    optimizer=dict(lr=$peak, momentum=0.9, type='SGD', weight_decay=0.0001), type='OptimWrapper')
param_scheduler = [
    dict(begin=0, by_epoch=False, end=500, start_factor=0.001, type='LinearLR'),
    dict(begin=0, by_epoch=True, end=$epochs, gamma=0.1, milestones=[$late, $later], type='MultiStepLR'),
]
resume = False
train_cfg = dict(max_epochs=$epochs, type='EpochBasedTrainLoop', val_interval=1)
train_dataloader = dict(
    batch_size=2,
    dataset=dict(
        ann_file='$train',
        data_prefix=dict(img='images/'),
        data_root='data/shapes/',
        metainfo=dict(classes=('disc', 'square', 'triangle', 'ring')),
        pipeline=[
            dict(type='LoadImageFromFile'),
            dict(type='LoadAnnotations', with_bbox=True),
            dict(keep_ratio=True, scale=(640, 480), type='Resize'),
            dict(prob=0.5, type='RandomFlip'),
            dict(type='PackDetInputs'),
        ],
        type='CocoDataset'),
    num_workers=2,
    sampler=dict(shuffle=True, type='DefaultSampler'))
val_dataloader = dict(
    batch_size=1,
    dataset=dict(
        ann_file='$evaluated',
        data_prefix=dict(img='images/'),
        data_root='data/shapes/',
        test_mode=True,
        type='CocoDataset'))
val_evaluator = dict(metric='bbox', type='CocoMetric')
work_dir = './work_dirs/shapes'
"""
