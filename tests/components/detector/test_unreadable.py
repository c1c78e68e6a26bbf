"""What is said of a TFRecord file that changed after it was written."""

from __future__ import annotations

from pathlib import Path

import pytest

from ratchet.schemas.base.errors import StateError

pytestmark = pytest.mark.tensorflow


def test_a_file_that_was_cut_is_named_without_the_names_of_tensorflows_functions(tmp_path: Path) -> None:
    import tensorflow as tf

    from ratchet.components.detector.served import read_images

    path = tmp_path / "data_tfrecord-00000-of-00001"
    with tf.io.TFRecordWriter(str(path)) as writer:
        writer.write(b"x" * 1000)
    path.write_bytes(path.read_bytes()[:500])
    with pytest.raises(StateError, match=r"cannot be read \(truncated record at 0") as caught:
        list(read_images([str(path)], 4))
    assert str(caught.value).startswith(f"{path}: ")
    assert "{{" not in str(caught.value)
