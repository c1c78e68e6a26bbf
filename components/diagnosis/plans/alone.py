"""What all causes in a training share: whether anything else changed, and which file would settle it; pure."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence

from ratchet.components.diagnosis.bundle import Bundle
from ratchet.components.diagnosis.plans.pair import PlanPair
from ratchet.components.toolkits.plan_change import PlanChange
from ratchet.schemas.artifacts.data_evidence import DRIFT
from ratchet.schemas.artifacts.diagnosis import Role, Signal
from ratchet.schemas.base.formatting import listed
from ratchet.schemas.data import features

_MOST_NAMED = 4
# Attributes of a configuration that no cause of its own looks at, in words.
SETTINGS = {
    "matching": "what counts as a match",
    "losses": "the losses",
    "input_size": "the input size",
    "frozen": "what is not trained",
    "model": "the model",
    "optimizer": "the optimizer",
    "weight_decay": "the weight decay",
    "label_map": "the label map",
    "class_names": "the class names",
    "classes": "the number of classes",
    "post_processing": "the post-processing",
}
# What is not in a configuration: what was trained on, for a cause that is about that.
IMAGES, LABELS = "images", "labels"
LENGTHS = ("steps", "epochs", "passes")
# What changes no training: where it runs, what it writes and how often.
_HARMLESS = re.compile(
    r"seed|worker|name|project|save|log|dir|path|verbose|plots|interval|checkpoint_every|hook|device|port|cache|exist_ok",
    re.IGNORECASE,
)
NEED_CONFIGS = "--config-before and --config-after, the files that both were trained by"
NEED_LOGS = "--logs-before and --logs-after, the directories of both trainings' logs"
NEED_RESULTS = "--gt, --before and --after: what both models find in the same labelled images"
NEED_LABELS = (
    "--train-after and --before-on-train, what the model before finds in the new training images; with --gt, --before"
)
NEED_DATA = "--train-before and --train-after, the images and labels that each was trained on"


def nothing_else(bundle: Bundle, pair: PlanPair, *own: str) -> Signal:
    """Whether everything else was as before, configurations and data: then what changed is left over.

    Args:
        bundle: with the comparison of the data.
        pair: the trainings.
        own: attributes of the configurations that belong to the cause; IMAGES, LABELS for what was trained on.
    """
    name, unit = "nothing_else_changed", "changes"
    others = list(_others(bundle, pair, own))
    if others:
        told = f"Not as before were {listed(others, _MOST_NAMED)}, too."
        return Signal(name, Role.SYMPTOM, float(len(others)), 0.0, unit, None, told)
    missing = [NEED_CONFIGS] if pair.changes is None else []
    if not data_compared(bundle):
        missing.append(NEED_DATA)
    if missing:
        return Signal(name, Role.SYMPTOM, None, 0.0, unit, None, f"Whether anything else changed: {missing[0]}.")
    told = "Everything else in the configurations, images and labels was as before."
    return Signal(name, Role.SYMPTOM, 0.0, 0.0, unit, True, told)


def data_compared(bundle: Bundle) -> bool:
    """Whether the images or boxes that were trained on were held against those of before."""
    return any(each.kind == DRIFT for each in bundle.evidence.comparisons)


def _others(bundle: Bundle, pair: PlanPair, own: Sequence[str]) -> Iterator[str]:
    found = pair.changes.changes if pair.changes else ()
    changed = {each.attribute.partition(".")[0] for each in found if not is_data(pair, each)}
    if "rate" in changed and "rate" not in own:
        yield "the learning rate"
    if changed & set(LENGTHS) and not set(own) & set(LENGTHS):
        yield "the length of the training"
    if "augmentations" in changed and "augmentations" not in own:
        yield "the augmentation"
    yield from (words for name, words in SETTINGS.items() if name in changed and name not in own)
    yield from (each.name for each in (pair.changes.others if pair.changes else ()) if not _HARMLESS.search(each.name))
    moved = [each.feature for each in bundle.evidence.comparisons if each.kind == DRIFT and not each.passed]
    if LABELS in own:  # how many boxes there are, and where, follows from how they were labelled
        moved = [feature for feature in moved if feature in features.IMAGE_FEATURES]
    if IMAGES not in own and moved:
        yield "the images or boxes that were trained on"
    labels = bundle.evidence.labels if LABELS not in own else None
    measures = labels.measures if labels is not None and labels.judged > 0 else ()
    if any(abs(each.value) > each.limit for each in measures):
        yield "the labels"


def is_data(pair: PlanPair, change: PlanChange) -> bool:
    """Whether a changed label map is the file that describes the data, as Ultralytics' `data.yaml`.

    That the data are others says it; that the classes are others it does not say.
    """
    plan = pair.after.plan
    return change.attribute == "label_map" and plan is not None and plan.label_map in plan.train_data


def other_data(pair: PlanPair) -> PlanChange | None:
    """What says in the configurations that the training data are others; None where nothing does."""
    changed = pair.change("train_data", "label_map")
    return next((each for each in changed if each.attribute == "train_data" or is_data(pair, each)), None)
