"""The exported model: the numbers of the training process, wherever it is loaded."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from tests.builders import encode, picture
from tests.components.trainer.small_model import CLASS_NAMES, excite, small_model, small_settings
from tests.components.trainer.tf_serving import Server, arrays, request, warmup_requests

pytestmark = pytest.mark.tensorflow
FILES = [encode(picture(320, 200)), encode(picture(64, 96), "PNG"), encode(picture(128, 128).convert("L"))]
DETECTIONS = {
    "detection_boxes": ("float32", [-1, 20, 4]),
    "detection_classes": ("int32", [-1, 20]),
    "detection_class_names": ("string", [-1, 20]),
    "detection_scores": ("float32", [-1, 20]),
    "num_detections": ("int32", [-1]),
}
IMAGES = {"images": ("float32", [-1, 128, 128, 3])}
PREPARED = IMAGES | {"geometry": ("float32", [-1, 4, 2])}
SIGNATURES = {
    "serving_default": ({"image_bytes": ("string", [-1])}, DETECTIONS),
    "image_bytes": ({"image_bytes": ("string", [-1])}, DETECTIONS),
    "tf_example": ({"examples": ("string", [-1])}, DETECTIONS),
    "preprocess": ({"image_bytes": ("string", [-1])}, PREPARED),
    "detect": (PREPARED, {key: form for key, form in DETECTIONS.items() if key != "detection_class_names"}),
    "embed": (IMAGES, {"embedding": ("float32", [-1, 96])}),
}
SIGNATURES["look"] = (PREPARED, SIGNATURES["detect"][1] | SIGNATURES["embed"][1])


@pytest.fixture(scope="module")
def serving() -> Any:
    """Traced with other weights than those that are exported, as in a training with validation."""
    from ratchet.components.trainer.model.warm_start import norm_layers
    from ratchet.components.trainer.serving import Serving

    settings = small_settings()
    model = small_model(settings, 1)
    for layer in norm_layers(model.backbone):
        layer.trainable = False  # changes the order of Keras' own list of weights
    serving = Serving(model, settings, CLASS_NAMES)
    serving.serve(FILES)
    excite(model, 2)
    return serving


@pytest.fixture(scope="module")
def exported(serving: Any, tmp_path_factory: pytest.TempPathFactory) -> str:
    from ratchet.components.trainer.export import save_model

    directory = str(tmp_path_factory.mktemp("model"))
    save_model(serving, directory, [encode(picture(64, 48, seed)) for seed in range(3)])
    return directory


@pytest.fixture(scope="module")
def expected(serving: Any) -> dict[str, np.ndarray]:
    """What the training process says of FILES."""
    found = {key: value.numpy() for key, value in serving.serve(FILES).items()}
    assert found["num_detections"].min() > 5
    return found


@pytest.fixture(scope="module")
def server(exported: str) -> Server:
    return Server(exported)


def examples(files: list[bytes]) -> list[bytes]:
    import tensorflow as tf

    def example(file: bytes) -> bytes:
        image = tf.train.Feature(bytes_list=tf.train.BytesList(value=[file]))
        other = tf.train.Feature(int64_list=tf.train.Int64List(value=[7]))
        features = tf.train.Features(feature={"image/encoded": image, "image/height": other})
        return tf.train.Example(features=features).SerializeToString()

    return [example(file) for file in files]


def assert_same(found: dict[str, np.ndarray], expected: dict[str, np.ndarray]) -> None:
    """Equal to 1e-6, boxes to a millionth of the image's side."""
    assert set(found) == set(expected)
    for key, value in expected.items():
        if value.dtype.kind == "f":
            np.testing.assert_allclose(found[key], value, rtol=1e-6, atol=1e-6 * max(1.0, np.abs(value).max()))
        else:
            np.testing.assert_array_equal(found[key], value)


FRESH_PROCESS = """
import sys
import tensorflow as tf
import numpy as np

model, inputs, outputs = sys.argv[1:]
given = np.load(inputs, allow_pickle=True)
signatures = tf.saved_model.load(model).signatures
for name, key in (("image_bytes", "image_bytes"), ("tf_example", "examples")):
    found = signatures[name](**{key: tf.constant(list(given[key]))})
    np.savez(f"{outputs}/{name}.npz", **{output: value.numpy() for output, value in found.items()})
print(sorted({module.split(".")[0] for module in sys.modules}))
"""


def test_a_fresh_process_with_nothing_but_tensorflow_gives_the_numbers_of_the_training_process(
    exported: str, expected: dict[str, np.ndarray], tmp_path: Path
) -> None:
    inputs = tmp_path / "inputs.npz"
    given = {"image_bytes": FILES, "examples": examples(FILES)}
    np.savez(inputs, **{key: np.array(values, object) for key, values in given.items()})  # pyright: ignore[reportArgumentType]
    environment = {key: value for key, value in os.environ.items() if key not in ("TF_USE_LEGACY_KERAS", "PYTHONPATH")}
    command = [sys.executable, "-I", "-c", FRESH_PROCESS, exported, str(inputs), str(tmp_path)]
    done = subprocess.run(command, env=environment, cwd=tmp_path, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    for word in ("tf_keras", "official", "tfx", "components", "schemas", "tensorflow_serving"):
        assert f"'{word}'" not in done.stdout
    for name in ("image_bytes", "tf_example"):
        with np.load(tmp_path / f"{name}.npz", allow_pickle=True) as found:
            assert_same(dict(found), expected)


def test_the_signatures_are_what_a_client_of_tensorflow_serving_is_promised(exported: str) -> None:
    """Read from saved_model.pb, as the server and its metadata request do."""
    import tensorflow as tf
    from tensorflow.core.protobuf.saved_model_pb2 import SavedModel

    [graph] = SavedModel.FromString(Path(exported, "saved_model.pb").read_bytes()).meta_graphs
    assert list(graph.meta_info_def.tags) == ["serve"]

    def forms(tensors: Any) -> dict[str, tuple[str, list[int]]]:
        return {
            key: (tf.as_dtype(info.dtype).name, [dimension.size for dimension in info.tensor_shape.dim])
            for key, info in tensors.items()
        }

    found = {name: signature for name, signature in graph.signature_def.items() if not name.startswith("__")}
    assert {signature.method_name for signature in found.values()} == {"tensorflow/serving/predict"}
    assert {
        name: (forms(signature.inputs), forms(signature.outputs)) for name, signature in found.items()
    } == SIGNATURES


@pytest.mark.parametrize("signature", ["", "serving_default", "image_bytes", "tf_example"])
def test_the_server_answers_with_the_numbers_of_the_training_process(
    signature: str, server: Server, expected: dict[str, np.ndarray]
) -> None:
    key, values = ("examples", examples(FILES)) if signature == "tf_example" else ("image_bytes", FILES)
    response = server.predict(request(signature, key, values))
    assert response.model_spec.signature_name == (signature or "serving_default")
    found = arrays(response)
    assert all(len(value) == len(FILES) for value in found.values())  # what the server's batching splits
    assert_same(found | {"detection_class_names": found["detection_class_names"].astype(object)}, expected)


def test_the_server_answers_with_the_outputs_that_are_asked_for(server: Server) -> None:
    response = server.predict(request("image_bytes", "image_bytes", FILES[:1], ("num_detections",)))
    assert list(response.outputs) == ["num_detections"]


def test_the_server_answers_a_broken_image_with_an_error(server: Server) -> None:
    import tensorflow as tf

    with pytest.raises(tf.errors.InvalidArgumentError):
        server.predict(request("image_bytes", "image_bytes", [FILES[0], b"broken"]))


def test_the_warm_up_runs_and_finds_something(exported: str, server: Server) -> None:
    counts = [arrays(server.predict(request))["num_detections"] for request in warmup_requests(exported)]
    assert [len(count) for count in counts] == [1, 3] * 3
    assert all(count.min() > 0 for count in counts)


def test_the_two_halves_answer_exactly_as_the_whole(exported: str, expected: dict[str, np.ndarray]) -> None:
    import tensorflow as tf

    loaded = tf.saved_model.load(exported)
    prepared = loaded.signatures["preprocess"](image_bytes=tf.constant(FILES))
    halves = {key: value.numpy() for key, value in loaded.signatures["detect"](**prepared).items()}
    assert_same(halves, {key: value for key, value in expected.items() if key != "detection_class_names"})


def test_the_file_holds_the_weights_in_the_order_that_restoring_expects(exported: str, serving: Any) -> None:
    import tensorflow as tf

    from ratchet.components.trainer.model.weights import ordered_weights

    reader = tf.train.load_checkpoint(f"{exported}/variables/variables")
    weights = ordered_weights(serving._model)
    assert len(weights) > 50
    for i, weight in enumerate(weights):
        np.testing.assert_array_equal(
            reader.get_tensor(f"weights/{i}/.ATTRIBUTES/VARIABLE_VALUE"), weight.numpy(), err_msg=weight.name
        )
