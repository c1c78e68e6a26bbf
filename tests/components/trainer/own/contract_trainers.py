"""Trainers of one's own, one that keeps the contract and many that break it; copied to where Python finds them.

The detector gives the same boxes for every image, as its one variable says.
"""

# pyright: reportArgumentType=false
# (TensorFlow's types know no list for a tensor)

from __future__ import annotations

import itertools
import json
import os

import numpy as np
import tensorflow as tf

from ratchet.components.trainer.own.contract import Letterbox, Report, describe_model, read_task, write_model

BOX = [10.0, 20.0, 40.0, 60.0]
BOXED = Letterbox(64, 64)


class Net(tf.Module):
    def __init__(self, box=BOX, label=2, score=0.5):
        self.box = tf.Variable([[box, [0.0, 0.0, 5.0, 5.0]]], dtype=tf.float32)
        self.label, self.score = label, score

    def serve(self, image_bytes):
        count = tf.shape(image_bytes)[0]
        rows = tf.ones([count, 1])
        return {
            "detection_boxes": tf.tile(self.box, [count, 1, 1]),
            "detection_classes": tf.cast(rows, tf.int64) * [[1, self.label]],
            "detection_scores": rows * [[0.25, self.score]],
            "num_detections": tf.fill([count], 2),
        }


def run_fn(fn_args):
    net = Net()
    write_model(read_task(fn_args), net, net.serve)


def with_halves(fn_args):
    task = read_task(fn_args)
    weights = task.baseline_weights()
    net = Net(box=(weights[0][0, 0] + 1).tolist() if weights else BOX)

    def detect(images, geometry):
        found = net.serve(tf.fill([tf.shape(images)[0]], ""))
        return {**found, "detection_boxes": BOXED.boxes_back(found["detection_boxes"], geometry)}

    def embed(images):
        return tf.reduce_mean(images, axis=[1, 2]) + tf.reduce_mean(net.box)

    os.makedirs(task.checkpoints)
    write_model(task, net, preprocess=BOXED.preprocess, detect=detect, embed=embed, report=Report(steps=3))


def of_keras(fn_args):
    task, width = read_task(fn_args), 16
    inside = tf.keras.Sequential([tf.keras.layers.Input((width, width, 3)), tf.keras.layers.Conv2D(2, 3)])

    def detect(images, geometry):
        rows = tf.reduce_mean(inside(images), axis=[1, 2])
        boxes = tf.tile(tf.constant([[[1.0, 1.0, 9.0, 9.0]]]), [tf.shape(rows)[0], 1, 1])
        return {
            "detection_boxes": boxes,
            "detection_classes": tf.ones_like(rows[:, :1], tf.int32),
            "detection_scores": tf.sigmoid(rows[:, :1]),
            "num_detections": tf.fill([tf.shape(rows)[0]], 1),
        }

    write_model(task, inside, preprocess=Letterbox(width, width).preprocess, detect=detect)


def images_seen(fn_args):
    task = read_task(fn_args)
    seen = {split: [image.file_name for image in task.images(split)] for split in ("train", "eval")}
    seen["earlier"] = [image.file_name for image in task.earlier_images()]
    first = next(iter(task.images()))
    assert first.boxes_yxyx_px.shape == (len(first.labels), 4)
    assert (first.boxes_yxyx_px[:, 2:] >= first.boxes_yxyx_px[:, :2]).all()
    assert first.boxes_yxyx_px[:, ::2].max() <= first.size_px[0]
    os.makedirs(fn_args.model_run_dir, exist_ok=True)
    with open(fn_args.model_run_dir + "/seen.json", "w") as file:
        json.dump(seen, file)
    run_fn(fn_args)


def asks_for_held_out(fn_args):
    list(read_task(fn_args).images("held_out"))


def breaks_down(fn_args):
    read_task(fn_args)
    raise ValueError("too many\ncooks")


def exits(fn_args):
    raise SystemExit(4)


def writes_nothing(fn_args):
    read_task(fn_args)


def by_hand(fn_args, classes=tf.int32, with_examples=True, described=True):
    net, key = Net(), {"image/encoded": tf.io.FixedLenFeature([], tf.string)}

    @tf.function(input_signature=[tf.TensorSpec([None], tf.string, name="image_bytes")])
    def served(image_bytes):
        found = net.serve(image_bytes)
        return {**found, "detection_classes": tf.cast(found["detection_classes"], classes)}

    @tf.function(input_signature=[tf.TensorSpec([None], tf.string, name="examples")])
    def of_examples(examples):
        return served(tf.io.parse_example(examples, key)["image/encoded"])

    made = {"serving_default": served, "image_bytes": served}
    made |= {"tf_example": of_examples} if with_examples else {}
    tf.saved_model.save(net, fn_args.serving_model_dir, signatures=made)
    if described:
        describe_model(read_task(fn_args), Report(optimizer="none"))


def by_hand_without_record(fn_args):
    by_hand(fn_args, described=False)


def by_hand_with_int64_classes(fn_args):
    by_hand(fn_args, classes=tf.int64)


def by_hand_without_tf_example(fn_args):
    by_hand(fn_args, with_examples=False)


def by_hand_with_another_input(fn_args):
    net = Net()
    served = tf.function(net.serve, input_signature=[tf.TensorSpec([None], tf.string, name="pictures")])
    made = dict.fromkeys(["serving_default", "image_bytes", "tf_example"], served)
    tf.saved_model.save(net, fn_args.serving_model_dir, signatures=made)
    describe_model(read_task(fn_args))


def gives_both(fn_args):
    net = Net()
    write_model(read_task(fn_args), net, net.serve, preprocess=BOXED.preprocess, detect=net.serve)


def forgets_the_counts(fn_args):
    net = Net()
    write_model(read_task(fn_args), net, lambda values: {"detection_boxes": net.box})


def _wrong(fn_args, **fault):
    net = Net(**fault)
    write_model(read_task(fn_args), net, net.serve)


def normalised(fn_args):
    net = Net(box=[0.1, 0.2, 0.4, 0.6])
    net.box.assign([[[0.1, 0.2, 0.4, 0.6], [0.0, 0.0, 0.5, 0.5]]])
    write_model(read_task(fn_args), net, net.serve)


def of_the_input(fn_args):
    _wrong(fn_args, box=[10.0, 20.0, 400.0, 600.0])


def from_zero(fn_args):
    _wrong(fn_args, label=0)


def beyond_the_map(fn_args):
    _wrong(fn_args, label=11)


def no_numbers(fn_args):
    _wrong(fn_args, score=float("nan"))


def no_probability(fn_args):
    _wrong(fn_args, score=3.5)


def transposed(fn_args):
    _wrong(fn_args, box=[40.0, 60.0, 10.0, 20.0])


def x_first(fn_args):
    """Finds the objects of the training images by heart, and gives x before y."""
    task = read_task(fn_args)
    images = list(itertools.islice(task.images(), 8))
    most = max(len(image.labels) for image in images)
    boxes = np.zeros((len(images), most, 4), np.float32)
    for place, image in enumerate(images):
        boxes[place, : len(image.labels)] = image.boxes_yxyx_px[:, [1, 0, 3, 2]]
    counts = [len(image.labels) for image in images]

    def serve(image_bytes):
        known = tf.constant([image.encoded for image in images])
        place = tf.argmax(tf.cast(image_bytes[:, None] == known[None], tf.int32), axis=1)
        found = tf.gather(tf.constant(boxes), place)
        return {
            "detection_boxes": found,
            "detection_classes": tf.ones_like(found[..., 0], tf.int32),
            "detection_scores": 0.5 * tf.ones_like(found[..., 0]),
            "num_detections": tf.gather(tf.constant(counts), place),
        }

    write_model(task, Net(), serve)


def depends_on_the_batch(fn_args):
    """As a network does whose batch normalisation is left in training mode."""
    net = Net()

    def serve(image_bytes):
        found = net.serve(image_bytes)
        count = tf.cast(tf.shape(image_bytes)[0], tf.float32)
        return {**found, "detection_scores": found["detection_scores"] / tf.sqrt(count)}

    write_model(read_task(fn_args), net, serve)


def one_image_only(fn_args):
    net = Net()

    def serve(image_bytes):
        return {key: value[:1] for key, value in net.serve(image_bytes).items()}

    write_model(read_task(fn_args), net, serve)


def fails_in_a_batch(fn_args):
    net = Net()

    def serve(image_bytes):
        tf.debugging.assert_less(tf.shape(image_bytes)[0], 2, "one at a time, please")
        return net.serve(image_bytes)

    write_model(read_task(fn_args), net, serve)


def false_report(fn_args):
    net = Net()
    write_model(read_task(fn_args), net, net.serve, report=Report(steps=-3))


def breaks_in_the_graph(fn_args):
    def serve(image_bytes):
        if tf.shape(image_bytes)[0] > 3:
            raise ValueError("no such luck")
        return Net().serve(image_bytes)

    write_model(read_task(fn_args), Net(), serve)


not_a_function = 3
