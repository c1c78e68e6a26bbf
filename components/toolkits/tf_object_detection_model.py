"""What `pipeline.config` says of matching, losses and post-processing, with the defaults of object_detection/protos."""

from __future__ import annotations

from collections.abc import Mapping

from ratchet.components.toolkits.settings_tree import Settings, at, leaves, many, number, text_of

_ARGMAX = {
    "matched_threshold": "0.5",
    "unmatched_threshold": "0.5",
    "ignore_thresholds": "false",
    "negatives_lower_than_unmatched": "true",
    "force_match_for_each_row": "false",
}
_FIRST_STAGE = {"first_stage_minibatch_size": "256", "first_stage_positive_balance_fraction": "0.5"}
_SECOND_STAGE = {"second_stage_batch_size": "64", "second_stage_balance_fraction": "0.25"}
_STAGE_LOSSES = {
    "first_stage_localization_loss_weight": "1.0",
    "first_stage_objectness_loss_weight": "1.0",
    "second_stage_localization_loss_weight": "1.0",
    "second_stage_classification_loss_weight": "1.0",
}
_PROPOSALS = {
    "first_stage_nms_score_threshold": "0.0",
    "first_stage_nms_iou_threshold": "0.7",
    "first_stage_max_proposals": "300",
}
_WEIGHTS = {"classification_weight": "1.0", "localization_weight": "1.0"}
_MINER = {"num_hard_examples": "64", "iou_threshold": "0.7", "loss_type": "BOTH", "max_negatives_per_positive": "0"}
_FOCAL = {"gamma": "2.0"}
_NMS = {
    "score_threshold": "0.0",
    "iou_threshold": "0.6",
    "max_detections_per_class": "100",
    "max_total_detections": "100",
    "soft_nms_sigma": "0.0",
}
_CENTRES = {"min_box_overlap_iou": "0.7"}
_TWO_STAGES = "faster_rcnn"


def matching(settings: Settings, kind: str) -> dict[str, str]:
    """See TrainingPlan; of a model of a kind such as `ssd`."""
    path = f"model.{kind}"
    if kind == _TWO_STAGES:
        return _found(settings, "matching", path, "", {**_FIRST_STAGE, **_SECOND_STAGE})
    if kind == "center_net":
        return _found(settings, "matching", path, "object_center_params", _CENTRES)
    matcher = at(settings.tree, f"{path}.matcher")
    if not isinstance(matcher, Mapping):
        return {}
    found: dict[str, str] = {}
    for name in matcher:
        defaults = _ARGMAX if name == "argmax_matcher" else {}
        found |= _found(settings, "matching", f"{path}.matcher", name, defaults, is_open=True)
    return found


def losses(settings: Settings, kind: str) -> dict[str, str]:
    """See TrainingPlan; of a model of a kind such as `ssd`."""
    path = f"model.{kind}"
    if kind == _TWO_STAGES:
        found = _found(settings, "losses", path, "", _STAGE_LOSSES)
        found |= _found(settings, "losses", path, "second_stage_classification_loss", {}, is_open=True)
        return found | _miner(settings, path)
    if kind == "center_net":
        parts = ("object_detection_task", "object_center_params.classification_loss")
        found = _found(settings, "losses", path, "object_center_params", {"object_center_loss_weight": "1.0"})
        for part in parts:
            found |= _found(settings, "losses", path, part, {}, is_open=True)
        return found
    if not isinstance(at(settings.tree, f"{path}.loss"), Mapping):
        return {}
    found = _found(settings, "losses", path, "loss", _WEIGHTS)
    found |= _found(settings, "losses", path, "loss.localization_loss", {}, is_open=True)
    for kind_of_loss in many(at(settings.tree, f"{path}.loss.classification_loss")):
        for name in kind_of_loss if isinstance(kind_of_loss, Mapping) else ():
            defaults = _FOCAL if name == "weighted_sigmoid_focal" else {}
            found |= _found(settings, "losses", path, f"loss.classification_loss.{name}", defaults, is_open=True)
    return found | _miner(settings, f"{path}.loss")


def post_processing(settings: Settings, kind: str) -> dict[str, str]:
    """See TrainingPlan; of a model of a kind such as `ssd`."""
    path = f"model.{kind}"
    if kind == "center_net":
        return _found(settings, "post_processing", path, "object_center_params", {"max_box_predictions": "100"})
    part = "second_stage_post_processing" if kind == _TWO_STAGES else "post_processing"
    found = _found(settings, "post_processing", path, "", _PROPOSALS) if kind == _TWO_STAGES else {}
    if at(settings.tree, f"{path}.{part}.batch_non_max_suppression") is not None:
        found |= _found(settings, "post_processing", f"{path}.{part}", "batch_non_max_suppression", _NMS, is_open=True)
    converter = at(settings.tree, f"{path}.{part}.score_converter")
    if converter is not None:
        settings.name("post_processing.score_converter", f"{path}.{part}.score_converter")
        found["score_converter"] = text_of(converter)
    return found


def weight_decay(settings: Settings, kind: str) -> float | None:
    """The weight of the L2 regularizer: of the feature extractor, or else the first that the model has."""
    found = [path for path, _ in leaves(at(settings.tree, "model"), "model") if path.endswith("l2_regularizer.weight")]
    chosen = next((path for path in found if path.startswith(f"model.{kind}.feature_extractor")), next(iter(found), ""))
    if not chosen:
        return None
    settings.name("weight_decay", chosen)
    return number(at(settings.tree, chosen))


def _miner(settings: Settings, path: str) -> dict[str, str]:
    if at(settings.tree, f"{path}.hard_example_miner") is None:
        return {}
    return _found(settings, "losses", path, "hard_example_miner", _MINER, is_open=True)


def _found(
    settings: Settings,
    attribute: str,
    path: str,
    part: str,
    defaults: Mapping[str, str],
    is_open: bool = False,
) -> dict[str, str]:
    # The settings of one message by name, `argmax_matcher.matched_threshold`, and where each stands. Open: all that it
    # has; else those alone of which a default is known.
    message = f"{path}.{part}" if part else path
    given = at(settings.tree, message)
    own = dict(leaves(given)) if isinstance(given, Mapping) and given and is_open else {}
    if isinstance(given, Mapping) and not is_open:
        own = {key: text_of(given[key]) for key in defaults if key in given}
    if not isinstance(given, Mapping):
        return {}
    if is_open and not given and not defaults:
        own = {"": "{}"}
    found = {}
    for key, value in {**defaults, **own}.items():
        name = ".".join(each for each in (part, key) if each)
        found[name] = value
        settings.name(f"{attribute}.{name}", f"{message}.{key}" if key else message)
    return found
