"""What TensorFlow Serving does with a Predict request, in Python.

After tensorflow_serving/servables/tensorflow/predict_util.cc of https://github.com/tensorflow/serving, whose server
loads a SavedModel by its tag into a session of TensorFlow 1 and knows nothing of it but its signatures.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np

# pyright: reportAttributeAccessIssue=false
# The classes of tensorflow_serving.apis come into being when it is imported.


class Server:
    """Holds a SavedModel and answers requests."""

    def __init__(self, directory: str) -> None:
        import tensorflow as tf

        graph = tf.Graph()
        self._session: Any = tf.compat.v1.Session(graph=graph)
        with graph.as_default():
            loaded = tf.compat.v1.saved_model.load(self._session, ["serve"], directory)
        self.signatures: Mapping[str, Any] = loaded.signature_def

    def predict(self, request: Any) -> Any:
        """PredictRequest -> PredictResponse; an error where the server would answer with one."""
        import tensorflow as tf
        from tensorflow_serving.apis.predict_pb2 import PredictResponse

        name = request.model_spec.signature_name or "serving_default"
        signature = self.signatures[name]
        assert signature.method_name == "tensorflow/serving/predict"
        assert set(request.inputs) == set(signature.inputs)
        assert all(proto.dtype == signature.inputs[key].dtype for key, proto in request.inputs.items())
        feed = {signature.inputs[key].name: tf.make_ndarray(proto) for key, proto in request.inputs.items()}
        wanted = list(request.output_filter) or list(signature.outputs)
        values = self._session.run([signature.outputs[key].name for key in wanted], feed)
        response = PredictResponse()
        response.model_spec.name, response.model_spec.signature_name = request.model_spec.name, name
        for key, value in zip(wanted, values):
            response.outputs[key].CopyFrom(tf.make_tensor_proto(value))
        return response


def request(signature: str, key: str, values: list[bytes], outputs: tuple[str, ...] = ()) -> Any:
    """A PredictRequest of a client that sends strings."""
    import tensorflow as tf
    from tensorflow_serving.apis.predict_pb2 import PredictRequest

    asked = PredictRequest(output_filter=outputs)
    asked.model_spec.name = "detector"
    asked.model_spec.signature_name = signature
    asked.inputs[key].CopyFrom(tf.make_tensor_proto(values, tf.string, [len(values)]))
    return asked


def arrays(response: Any) -> dict[str, np.ndarray]:
    """The outputs of a PredictResponse."""
    import tensorflow as tf

    return {key: tf.make_ndarray(proto) for key, proto in response.outputs.items()}


def warmup_requests(directory: str) -> list[Any]:
    """The PredictRequests that the server runs when it loads a SavedModel."""
    import tensorflow as tf
    from tensorflow_serving.apis.prediction_log_pb2 import PredictionLog

    path = f"{directory}/assets.extra/tf_serving_warmup_requests"
    logs = [PredictionLog.FromString(row) for row in tf.data.TFRecordDataset(path).as_numpy_iterator()]
    assert {log.WhichOneof("log_type") for log in logs} == {"predict_log"}
    return [log.predict_log.request for log in logs]
