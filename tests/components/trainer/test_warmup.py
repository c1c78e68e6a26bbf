"""What TensorFlow Serving is given to warm a model up with."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from tests.builders import encode, picture
from tests.components.trainer.tf_serving import warmup_requests

pytestmark = pytest.mark.tensorflow


def values(request: Any) -> list[bytes]:
    [proto] = request.inputs.values()
    assert [dimension.size for dimension in proto.tensor_shape.dim] == [len(proto.string_val)]
    return list(proto.string_val)


def test_each_signature_gets_one_image_alone_and_a_few_together(tmp_path: Path) -> None:
    import tensorflow as tf

    from ratchet.components.detector.warmup import write_warmup

    small = [encode(picture(64, 48, seed)) for seed in range(5)]
    write_warmup(str(tmp_path), [encode(picture(640, 480)), *small])
    chosen = sorted(small, key=len)[:4]
    written = warmup_requests(str(tmp_path))
    assert [(request.model_spec.signature_name, *request.inputs) for request in written] == [
        ("serving_default", "image_bytes"), ("serving_default", "image_bytes"),
        ("image_bytes", "image_bytes"), ("image_bytes", "image_bytes"),
        ("tf_example", "examples"), ("tf_example", "examples"),
    ]  # fmt: skip
    for i in (0, 2):
        assert (values(written[i]), values(written[i + 1])) == (chosen[:1], chosen)
    examples = [tf.train.Example.FromString(value) for value in values(written[5])]
    assert [example.features.feature["image/encoded"].bytes_list.value[:] for example in examples] == [
        [image] for image in chosen
    ]
    assert values(written[4]) == values(written[5])[:1]


def test_large_images_do_not_make_a_large_file() -> None:
    from ratchet.components.detector.warmup import BATCH_BYTES, smallest

    large, half, small = bytes(BATCH_BYTES + 1), bytes(BATCH_BYTES // 2), b"1"
    assert smallest([large, half, half, small]) == [small, half]
    assert smallest([large, large]) == [large]


def test_a_single_image_is_sent_once_to_each_signature(tmp_path: Path) -> None:
    from ratchet.components.detector.warmup import write_warmup

    write_warmup(str(tmp_path), [encode(picture())])
    assert [request.model_spec.signature_name for request in warmup_requests(str(tmp_path))] == [
        "serving_default", "image_bytes", "tf_example",
    ]  # fmt: skip


def test_without_images_there_is_no_file(tmp_path: Path) -> None:
    from ratchet.components.detector.warmup import write_warmup

    write_warmup(str(tmp_path), [])
    assert not list(tmp_path.iterdir())
