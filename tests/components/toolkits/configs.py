"""Configurations as users of the toolkits have them, written for these tests."""

from __future__ import annotations

SSD = """\
# SSD with MobileNet, cosine decay.
model {
  ssd {
    num_classes: 3
    image_resizer { fixed_shape_resizer { height: 320 width: 320 } }
    feature_extractor {
      type: "ssd_mobilenet_v2_keras"
      depth_multiplier: 1.0
      conv_hyperparams { regularizer { l2_regularizer { weight: 3.9999998989515007e-05 } } activation: RELU_6 }
    }
    matcher {
      argmax_matcher { matched_threshold: 0.5 unmatched_threshold: 0.5 ignore_thresholds: false
        negatives_lower_than_unmatched: true force_match_for_each_row: true }
    }
    box_predictor { convolutional_box_predictor { conv_hyperparams { regularizer { l2_regularizer { weight: 1 } } } } }
    anchor_generator { ssd_anchor_generator { num_layers: 6 aspect_ratios: 1.0 aspect_ratios: 2.0 aspect_ratios: .5 } }
    post_processing {
      batch_non_max_suppression { score_threshold: 1e-8 iou_threshold: 0.6 }
      score_converter: SIGMOID
    }
    loss {
      localization_loss { weighted_smooth_l1 { } }
      classification_loss { weighted_sigmoid_focal { alpha: 0.75 } }
      localization_weight: 1.0
    }
  }
}
train_config: {
  batch_size: 24;
  data_augmentation_options { random_horizontal_flip { } }
  data_augmentation_options { ssd_random_crop { } }
  data_augmentation_options < random_adjust_brightness: < max_delta: 0.3 > >
  optimizer {
    momentum_optimizer: {
      learning_rate: {
        cosine_decay_learning_rate {
          learning_rate_base: 4e-2
          total_steps: 50000
          warmup_learning_rate: .013333
          warmup_steps: 2000
        }
      }
      momentum_optimizer_value: 0.9
    }
    use_moving_average: false
  }
  fine_tune_checkpoint: "PATH/checkpoint/" 'ckpt-0'
  fine_tune_checkpoint_type: "detection"
  num_steps: 50000
  freeze_variables: [ "FeatureExtractor/Conv", "FeatureExtractor/expanded" ]
}
train_input_reader: {
  label_map_path: "data/label_map.pbtxt"
  tf_record_input_reader { input_path: "data/train-00000-of-00002" input_path: "data/train-00001-of-00002" }
}
eval_config: { metrics_set: "coco_detection_metrics" use_moving_averages: false }
eval_input_reader: {
  label_map_path: "data/label_map.pbtxt" shuffle: false
  tf_record_input_reader { input_path: "data/val" }
}
"""

FASTER_RCNN = """\
model {
  faster_rcnn {
    num_classes: 90
    image_resizer { keep_aspect_ratio_resizer { min_dimension: 800 max_dimension: 1333 pad_to_max_dimension: true } }
    feature_extractor { type: 'faster_rcnn_resnet50_keras' batch_norm_trainable: true }
    first_stage_nms_iou_threshold: 0.7
    first_stage_max_proposals: 300
    second_stage_post_processing {
      batch_non_max_suppression { score_threshold: 0.0 iou_threshold: 0.6 max_total_detections: 300 }
      score_converter: SOFTMAX
    }
    second_stage_classification_loss { weighted_softmax { logit_scale: 1.0 } }
  }
}
train_config {
  batch_size: 1
  optimizer {
    momentum_optimizer {
      learning_rate {
        manual_step_learning_rate {
          initial_learning_rate: 0.0003
          schedule { step: 90000 learning_rate: .00003 }
          schedule { step: 120000 learning_rate: .000003 }
        }
      }
    }
  }
  gradient_clipping_by_norm: 10.0
  fine_tune_checkpoint: "resnet50/model.ckpt"
  from_detection_checkpoint: true
  num_steps: 200000
  data_augmentation_options { random_horizontal_flip {} }
}
train_input_reader { tf_record_input_reader { input_path: "coco_train.record-?????-of-00100" } }
"""

CENTER_NET = """\
model { center_net {
  num_classes: 90
  feature_extractor { type: "hourglass_104" }
  image_resizer { keep_aspect_ratio_resizer { min_dimension: 512 max_dimension: 512 } }
  object_detection_task { task_loss_weight: 1.0 offset_loss_weight: 1.0 scale_loss_weight: 0.1
    localization_loss { l1_localization_loss { } } }
  object_center_params { object_center_loss_weight: 1.0 min_box_overlap_iou: 0.7 max_box_predictions: 100
    classification_loss { penalty_reduced_logistic_focal_loss { alpha: 2.0 beta: 4.0 } } }
} }
train_config: {
  batch_size: 128 num_steps: 140000
  data_augmentation_options { random_square_crop_by_scale { scale_min: 0.5 } }
  optimizer { adam_optimizer: { epsilon: 1e-7 learning_rate: { exponential_decay_learning_rate {
    initial_learning_rate: 1e-3 decay_steps: 70000 decay_factor: 0.1 } } } use_moving_average: false }
}
"""

RETINANET = """\
runtime: {distribution_strategy: mirrored, mixed_precision_dtype: bfloat16}
task:
  freeze_backbone: false
  init_checkpoint: gs://bucket/resnet50_imagenet/ckpt-28080
  init_checkpoint_modules: backbone
  losses: {box_loss_weight: 50, focal_loss_alpha: 0.25, focal_loss_gamma: 1.5, l2_weight_decay: 0.0001}
  model:
    anchor: {anchor_size: 4.0, aspect_ratios: [0.5, 1.0, 2.0], num_scales: 3}
    backbone:
      resnet: {bn_trainable: true, depth_multiplier: 1.0, model_id: 50}
      type: resnet
    detection_generator:
      max_num_detections: 100
      nms_iou_threshold: 0.5
      pre_nms_score_threshold: 0.05
      tflite_post_processing: {max_detections: 200}
    input_size: [640, 512, 3]
    num_classes: 91
  train_data:
    global_batch_size: 256
    input_path: coco/train*
    parser:
      aug_policy: null
      aug_rand_hflip: true
      aug_scale_max: 1.2
      aug_scale_min: 0.8
      aug_type: null
      match_threshold: 0.5
      unmatched_threshold: 0.5
    seed: null
  validation_data: {global_batch_size: 8, input_path: coco/val*}
trainer:
  optimizer_config:
    ema: null
    learning_rate:
      stepwise: {boundaries: [26334, 30954], name: PiecewiseConstantDecay, offset: 0, values: [0.32, 0.032, 0.0032]}
      type: stepwise
    optimizer:
      sgd: {global_clipnorm: 10.0, momentum: 0.9}
      type: sgd
    warmup:
      linear: {name: linear, warmup_learning_rate: 0.0067, warmup_steps: 500}
      type: linear
  steps_per_loop: 462
  train_steps: 33264
  validation_interval: 462
"""

PARTIAL = """\
# What differs from the experiment's factory.
task:
  init_checkpoint: null
  train_data:
    global_batch_size: 64
    parser: {aug_rand_hflip: false, aug_scale_min: 1.0, aug_scale_max: 1.0, aug_type: {type: randaug}}
trainer:
  train_steps: 10000
  optimizer_config:
    learning_rate: {type: cosine, cosine: {initial_learning_rate: 1e-2, decay_steps: 10000, alpha: 0.1}}
    warmup: {type: polynomial, polynomial: {power: 2, warmup_steps: 1000}}
"""

ULTRALYTICS = """\
task: detect
mode: train
model: yolov8n.pt
data: data/animals.yaml
epochs: 100
time: null
patience: 50
batch: 16
imgsz: 640
device: 0
workers: 8
project: runs
name: train3
pretrained: true
optimizer: SGD
seed: 0
single_cls: false
cos_lr: false
close_mosaic: 10
resume: false
freeze: null
multi_scale: false
iou: 0.7
conf: null
max_det: 300
lr0: 0.01
lrf: 0.01
momentum: 0.937
weight_decay: 0.0005
warmup_epochs: 3.0
warmup_momentum: 0.8
warmup_bias_lr: 0.1
box: 7.5
cls: 0.5
dfl: 1.5
hsv_h: 0.015
hsv_s: 0.7
hsv_v: 0.4
degrees: 0.0
translate: 0.1
scale: 0.5
shear: 0.0
perspective: 0.0
flipud: 0.0
fliplr: 0.5
mosaic: 1.0
mixup: 0.0
copy_paste: 0.0
auto_augment: randaugment
erasing: 0.4
save_dir: runs/train3
"""

YOLOV5 = """\
weights: runs/exp/weights/last.pt
cfg: ''
data: data/animals.yaml
hyp: {lr0: 0.02, lrf: 0.1, warmup_epochs: 0.0, weight_decay: 0.0005, fliplr: 0.5, mosaic: 0.0, box: 0.05, anchor_t: 4.0}
epochs: 50
batch_size: 32
imgsz: 416
optimizer: SGD
cos_lr: true
freeze: [10]
"""

MMDETECTION_3 = """\
auto_scale_lr = dict(base_batch_size=16, enable=False)
data_root = 'data/coco/'
load_from = None
model = dict(
    backbone=dict(
        depth=50,
        frozen_stages=1,
        init_cfg=dict(checkpoint='torchvision://resnet50', type='Pretrained'),
        out_indices=(0, 1, 2, 3, ),
        type='ResNet'),
    roi_head=dict(
        bbox_head=dict(
            loss_bbox=dict(loss_weight=1.0, type='L1Loss'),
            loss_cls=dict(loss_weight=1.0, type='CrossEntropyLoss', use_sigmoid=False),
            num_classes=80,
            type='Shared2FCBBoxHead'),
        type='StandardRoIHead'),
    rpn_head=dict(anchor_generator=dict(ratios=[0.5, 1.0, 2.0, ], scales=[8, ], type='AnchorGenerator')),
    test_cfg=dict(rcnn=dict(max_per_img=100, nms=dict(iou_threshold=0.5, type='nms'), score_thr=0.05)),
    train_cfg=dict(
        rcnn=dict(
            assigner=dict(neg_iou_thr=0.5, pos_iou_thr=0.5, type='MaxIoUAssigner'),
            sampler=dict(num=512, pos_fraction=0.25, type='RandomSampler'))),
    type='FasterRCNN')
optim_wrapper = dict(
    optimizer=dict(lr=0.02, momentum=0.9, type='SGD', weight_decay=0.0001),
    type='OptimWrapper')
param_scheduler = [
    dict(begin=0, by_epoch=False, end=500, start_factor=0.001, type='LinearLR'),
    dict(begin=0, by_epoch=True, end=12, gamma=0.1, milestones=[8, 11, ], type='MultiStepLR'),
]
resume = False
train_cfg = dict(max_epochs=12, type='EpochBasedTrainLoop', val_interval=1)
train_dataloader = dict(
    batch_size=2,
    dataset=dict(
        ann_file='annotations/instances_train2017.json',
        data_root='data/coco/',
        metainfo=dict(classes=('cat', 'dog', )),
        pipeline=[
            dict(backend_args=None, type='LoadImageFromFile'),
            dict(type='LoadAnnotations', with_bbox=True),
            dict(keep_ratio=True, scale=(1333, 800, ), type='Resize'),
            dict(prob=0.5, type='RandomFlip'),
            dict(type='PackDetInputs'),
        ],
        type='CocoDataset'))
train_pipeline = [
    dict(type='LoadImageFromFile'),
    dict(keep_ratio=True, scale=(1333, 800, ), type='Resize'),
    dict(prob=0.5, type='RandomFlip'),
]
val_dataloader = dict(batch_size=1, dataset=dict(ann_file='annotations/instances_val2017.json', data_root='data/coco/'))
work_dir = './work_dirs/faster-rcnn'
"""

YOLOX_3 = """\
base_lr = 0.01
max_epochs = 300
img_scale = (640, 640)
model = dict(type='mmdet.YOLOX', backbone=dict(type='CSPDarknet', deepen_factor=0.33), bbox_head=dict(num_classes=80))
optim_wrapper = dict(optimizer=dict(type='SGD', lr=base_lr, momentum=0.9, weight_decay=5e-4, nesterov=True))
param_scheduler = [
    dict(type='mmdet.QuadraticWarmupLR', by_epoch=True, begin=0, end=5, convert_to_iter_based=True),
    dict(type='CosineAnnealingLR', eta_min=base_lr * 0.05, begin=5, T_max=280, end=285, by_epoch=True),
    dict(type='ConstantLR', by_epoch=True, factor=1, begin=285, end=300),
]
train_cfg = dict(type='EpochBasedTrainLoop', max_epochs=max_epochs, val_interval=10)
train_dataloader = dict(
    batch_size=8,
    dataset=dict(
        type='MultiImageMixDataset',
        dataset=dict(type='CocoDataset', ann_file='data/train.json', pipeline=[dict(type='LoadImageFromFile')]),
        pipeline=[
            dict(type='Mosaic', img_scale=(640, 640), pad_val=114.0),
            dict(type='YOLOXHSVRandomAug'),
            dict(type='RandomFlip', prob=0.5),
            dict(type='Resize', scale=(640, 640), keep_ratio=True),
        ]))
load_from = 'weights/yolox_s.pth'
"""

MMDETECTION_2 = """\
dataset_type = 'CocoDataset'
model = dict(
    type='RetinaNet',
    pretrained='torchvision://resnet50',
    backbone=dict(type='ResNet', depth=50, frozen_stages=-1),
    bbox_head=dict(type='RetinaHead', num_classes=4,
                   loss_cls=dict(type='FocalLoss', gamma=2.0, alpha=0.25, loss_weight=1.0)),
    train_cfg=dict(assigner=dict(type='MaxIoUAssigner', pos_iou_thr=0.5, neg_iou_thr=0.4)),
    test_cfg=dict(nms_pre=1000, score_thr=0.05, nms=dict(type='nms', iou_threshold=0.5), max_per_img=100))
data = dict(
    samples_per_gpu=2,
    workers_per_gpu=2,
    train=dict(
        type='RepeatDataset',
        times=3,
        dataset=dict(
            type='CocoDataset',
            ann_file='data/train.json',
            classes=('a', 'b', 'c', 'd'),
            pipeline=[
                dict(type='LoadImageFromFile'),
                dict(type='Resize', img_scale=[(1333, 640), (1333, 800)], multiscale_mode='range', keep_ratio=True),
                dict(type='RandomFlip', flip_ratio=0.0),
                dict(type='PhotoMetricDistortion', brightness_delta=8 * 4),
            ])),
    val=dict(type='CocoDataset', ann_file='data/val.json'))
optimizer = dict(type='SGD', lr=0.005 / 2, momentum=0.9, weight_decay=0.0001)
lr_config = dict(policy='step', warmup='linear', warmup_iters=500, warmup_ratio=0.001, step=[8, 11])
runner = dict(type='EpochBasedRunner', max_epochs=12)
load_from = None
resume_from = 'work_dirs/old/latest.pth'
gpu_ids = range(0, 4)
"""
