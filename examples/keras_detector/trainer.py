"""A detector of one's own in Ratchet's pipeline: a small CenterNet (Zhou et al. 2019, arXiv:1904.07850) in plain Keras.

Every object is the peak of a heat map of its class; beside the peak the network says where in the cell the centre is
and how large the box. Used as `training.run_fn: keras_detector.trainer.run_fn`; docs/own-trainer.md goes through it.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Any

import numpy as np
import tensorflow as tf

from ratchet.components.trainer.own.contract import (
    FnArgs,
    LabelledImage,
    Letterbox,
    Report,
    Task,
    read_task,
    write_model,
)

STRIDE = 4  # px of the input to a cell of the heat map
MOST = 20  # detections of an image
FIRST_RATE, RETRAIN_RATE = 3e-3, 3e-4
ROUND = 10  # steps to a point of the loss curve
OPTIONS = {"steps": 600, "batch_size": 16, "replay": 0.5, "width": 48, "seed": 0}  # unless training.options say it
LETTERBOX = Letterbox(128, 128)
keras: Any = tf.keras


def run_fn(fn_args: FnArgs) -> None:
    """Trains the detector, from the served model's weights where there are any, and exports it."""
    task = read_task(fn_args)
    options = {**OPTIONS, **task.options}
    if len(options) > len(OPTIONS):
        raise ValueError(f"training.options: {', '.join(task.options)}: known are {', '.join(OPTIONS)}")
    keras.utils.set_random_seed(options["seed"])
    model = build(len(task.class_names), options["width"])
    start(model, task)
    replay = options["replay"] if task.earlier_spans else 0.0
    new = arrays(task.images(), len(task.class_names))
    old = arrays(task.earlier_images(), len(task.class_names)) if replay else None
    peak = RETRAIN_RATE if task.mode == "retrain" else FIRST_RATE
    looks = keras.Model(model.input, keras.layers.GlobalAveragePooling2D()(model.get_layer("features").output))
    losses = train(model, batches(new, old, options, replay), peak, options["steps"], task)
    write_model(
        task,
        model,
        preprocess=LETTERBOX.preprocess,
        detect=lambda images, geometry: detections(model(images, training=False), geometry),
        embed=lambda images: looks(images, training=False),
        report=Report(
            steps=options["steps"],
            batch_size=options["batch_size"],
            learning_rate=[(0, peak), (options["steps"], 0.0)],
            optimizer="adam",
            augmentations=("brightness",),
            replay=replay,
            started_from=None if task.baseline else "",
            model=f"CenterNet, {options['width']} channels",
            input_size=(LETTERBOX.height, LETTERBOX.width),
            seed=options["seed"],
            loss=losses,
        ),
    )


def build(classes: int, width: int) -> Any:
    """[b, h, w, 3] 0..255 -> [b, h / 4, w / 4, classes + 4]: peaks as logits, then offset and log size, each (y, x)."""
    image = keras.Input((LETTERBOX.height, LETTERBOX.width, 3))
    x = keras.layers.Rescaling(1 / 127.5, offset=-1)(image)
    for filters in (width // 2, width):
        x = keras.layers.Conv2D(filters, 3, strides=2, padding="same", activation="relu")(x)
    for dilation in (1, 2, 3, 1):
        y = keras.layers.Conv2D(width, 3, padding="same", dilation_rate=dilation, activation="relu")(x)
        x = keras.layers.Add()([x, y])
    x = keras.layers.Activation("linear", name="features")(x)
    rare = keras.initializers.Constant(-4.0)  # hardly any cell is a peak
    peaks = keras.layers.Conv2D(classes, 1, bias_initializer=rare)(x)
    return keras.Model(image, keras.layers.Concatenate()([peaks, keras.layers.Conv2D(4, 1)(x)]))


def start(model: Any, task: Task) -> None:
    """The served model's weights, where there are any; what is new are the last classes of the head."""
    for variable, value in zip(model.variables, task.baseline_weights()):
        whole = variable.numpy()
        whole[..., : value.shape[-1]] = value
        variable.assign(whole)


def arrays(images: Iterable[LabelledImage], classes: int) -> tuple[np.ndarray, np.ndarray]:
    """Images [n, h, w, 3] uint8 and targets [n, h / 4, w / 4, classes + 5]: peaks, offset, log size, is a centre."""
    decode = tf.function(LETTERBOX.image, input_signature=[tf.TensorSpec([], tf.string)])
    pictures, targets = [], []
    for image in images:
        picture, geometry = decode(image.encoded)
        boxes = LETTERBOX.boxes_in(tf.constant(image.boxes_yxyx_px[~image.is_crowd]), geometry).numpy()
        pictures.append(picture.numpy().astype(np.uint8))
        targets.append(target(boxes, image.labels[~image.is_crowd], classes))
    return np.stack(pictures), np.stack(targets)


def target(boxes: np.ndarray, labels: np.ndarray, classes: int) -> np.ndarray:
    """What the network is to say of one image; a peak falls off as a bell a sixth of the object wide."""
    rows, columns = LETTERBOX.height // STRIDE, LETTERBOX.width // STRIDE
    made = np.zeros((rows, columns, classes + 5), np.float32)
    y, x = np.mgrid[:rows, :columns]
    for (ymin, xmin, ymax, xmax), label in zip(boxes / STRIDE, labels):
        size, centre = np.array([ymax - ymin, xmax - xmin]), np.array([ymin + ymax, xmin + xmax]) / 2
        row, column = cell = np.minimum(centre.astype(int), [rows - 1, columns - 1])
        wide = np.maximum(size / 6, 0.5)
        bell = np.exp(-(((y - row) / wide[0]) ** 2 + ((x - column) / wide[1]) ** 2) / 2)
        made[..., label - 1] = np.maximum(made[..., label - 1], bell)
        made[row, column, classes:] = [*(centre - cell), *np.log(np.maximum(size, 0.1)), 1.0]
    return made


def batches(new: Any, old: Any, options: dict[str, Any], replay: float) -> Iterator[tuple[np.ndarray, np.ndarray]]:
    """Endless batches, a share of each from earlier spans, each image as bright as chance will have it."""
    draw = np.random.default_rng(options["seed"])
    of_old = round(options["batch_size"] * replay)
    while True:
        parts = [(new, options["batch_size"] - of_old), *([(old, of_old)] if of_old else [])]
        chosen = [(part, draw.integers(len(part[0]), size=count)) for part, count in parts]
        images = np.concatenate([part[0][rows] for part, rows in chosen]).astype(np.float32)
        light = draw.uniform(0.7, 1.3, (len(images), 1, 1, 1))
        yield np.clip(images * light, 0, 255).astype(np.float32), np.concatenate([p[1][rows] for p, rows in chosen])


def train(model: Any, coming: Iterator[Any], peak: float, steps: int, task: Task) -> list[tuple[int, float]]:
    """Adam with a rate that falls in a straight line; returns (step, loss) points."""
    rate = keras.optimizers.schedules.PolynomialDecay(peak, steps, 0.0)
    model.compile(keras.optimizers.Adam(rate, clipnorm=10.0), loss_of)
    progress = task.progress("training", steps)
    seen = keras.callbacks.LambdaCallback(on_epoch_end=lambda number, _: progress.update((number + 1) * ROUND))
    history = model.fit(coming, steps_per_epoch=ROUND, epochs=steps // ROUND, callbacks=[seen], verbose=0).history
    return [((number + 1) * ROUND, loss) for number, loss in enumerate(history["loss"])]


def loss_of(targets: tf.Tensor, found: tf.Tensor) -> tf.Tensor:
    """CornerNet's focal loss of the peaks, and the absolute error of offset and size at the centres."""
    classes = found.shape[-1] - 4
    peaks, wanted = tf.sigmoid(found[..., :classes]), targets[..., :classes]
    centre = targets[..., -1:]
    objects = tf.maximum(1.0, tf.reduce_sum(centre))
    hit = tf.cast(wanted >= 1.0, tf.float32) * (1 - peaks) ** 2 * tf.math.log(peaks + 1e-6)
    miss = (1 - wanted) ** 4 * peaks**2 * tf.math.log(1 - peaks + 1e-6)
    error = tf.abs(found[..., classes:] - targets[..., classes:-1]) * centre
    return (tf.reduce_sum(error) - tf.reduce_sum(hit) - tf.reduce_sum(miss)) / objects


def detections(found: tf.Tensor, geometry: tf.Tensor) -> dict[str, tf.Tensor]:
    """The highest peaks as boxes in px of each image."""
    classes = found.shape[-1] - 4
    peaks = tf.sigmoid(found[..., :classes])
    peaks = tf.where(peaks >= tf.nn.max_pool2d(peaks, 3, 1, "SAME"), peaks, 0.0)
    rows, columns = peaks.shape[1:3]
    scores, places = tf.math.top_k(tf.reshape(peaks, [-1, rows * columns * classes]), MOST)
    cells = places // classes
    told = tf.gather(tf.reshape(found[..., classes:], [-1, rows * columns, 4]), cells, batch_dims=1)
    centre = tf.cast(tf.stack([cells // columns, cells % columns], axis=-1), tf.float32) + told[..., :2]
    half = tf.exp(tf.clip_by_value(told[..., 2:], -3.0, 4.0)) / 2
    boxes = tf.concat([centre - half, centre + half], axis=-1) * STRIDE
    return {
        "detection_boxes": LETTERBOX.boxes_back(boxes, geometry),
        "detection_classes": places % classes + 1,
        "detection_scores": scores,
        "num_detections": tf.fill([tf.shape(scores)[0]], MOST),
    }
