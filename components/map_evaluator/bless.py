"""The blessing as an artifact."""

from __future__ import annotations

from collections.abc import Mapping

from tfx import types
from tfx.components.evaluator import constants
from tfx.utils import io_utils

from schemas.artifacts.blessing import KIND, SIGNATURE, Blessing
from schemas.artifacts.evaluation import BASELINE, CANDIDATE
from schemas.base.signing import Signer


def bless(blessing: types.Artifact, blessed: bool, models: Mapping[str, types.Artifact], said: Blessing) -> None:
    """Writes what TFX's Pusher and LatestBlessedModelStrategy look for, and which bytes it is about.

    Args:
        blessing: the artifact.
        blessed: whether the candidate may be served.
        models: candidate and, if there is one, baseline.
        said: what was measured.
    """
    for name, value in said.to_properties().items():
        blessing.set_string_custom_property(name, value)
    signer = Signer.from_environment()
    if signer is not None:
        blessing.set_string_custom_property(SIGNATURE, signer.sign(KIND, said.signed_values()))
    model = models[CANDIDATE]
    blessing.set_string_custom_property(constants.ARTIFACT_PROPERTY_CURRENT_MODEL_URI_KEY, model.uri)
    blessing.set_int_custom_property(constants.ARTIFACT_PROPERTY_CURRENT_MODEL_ID_KEY, model.id)
    if BASELINE in models:
        blessing.set_string_custom_property(constants.ARTIFACT_PROPERTY_BASELINE_MODEL_URI_KEY, models[BASELINE].uri)
        blessing.set_int_custom_property(constants.ARTIFACT_PROPERTY_BASELINE_MODEL_ID_KEY, models[BASELINE].id)
    name = constants.BLESSED_FILE_NAME if blessed else constants.NOT_BLESSED_FILE_NAME
    io_utils.write_string_file(f"{blessing.uri}/{name}", "")
    blessing.set_int_custom_property(constants.ARTIFACT_PROPERTY_BLESSED_KEY, int(blessed))
