"""A function of a SavedModel of TensorFlow 1 with its variables as constants.

TensorFlow 2 loads such a model, but its variables are of a kind that it does not save again.
"""

from __future__ import annotations

from typing import Any

import tensorflow as tf

from ratchet.schemas.base.errors import InputError

_TAGS = ("serve",)


def frozen_function(directory: str, signature: str, argument: str, shown: str) -> Any:
    """A signature as a concrete function without variables.

    Args:
        directory: of the SavedModel.
        signature: its name.
        argument: the name of its one input.
        shown: the directory, for messages.

    Raises:
        InputError: the model has no graph for serving.
    """
    v1 = tf.compat.v1
    with tf.Graph().as_default(), v1.Session() as session:
        try:
            meta_graph = v1.saved_model.load(session, list(_TAGS), directory)
        except RuntimeError as error:
            raise InputError(f"{shown}: has no graph with the tag 'serve'; export it for serving") from error
        known = meta_graph.signature_def[signature]
        outputs = {name: info.name for name, info in known.outputs.items()}
        names = sorted({name.partition(":")[0] for name in outputs.values()})
        graph = v1.graph_util.convert_variables_to_constants(session, meta_graph.graph_def, names)
        taken = known.inputs[argument].name
    wrapped = v1.wrap_function(lambda: tf.graph_util.import_graph_def(graph, name=""), [])
    tensor = wrapped.graph.get_tensor_by_name
    pruned = wrapped.prune(tensor(taken), {name: tensor(place) for name, place in outputs.items()})
    return tf.function(lambda **given: pruned(given[argument]), autograph=False)
