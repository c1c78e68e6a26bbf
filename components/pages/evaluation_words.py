"""The evaluator's rules in plain words, by a rule's name or by its beginning up to a colon."""

from __future__ import annotations

from components.pages.rule_words import RuleWords

_EVALUATE_SOUNDLY = (
    "Nothing can be said about the candidate before the evaluation is sound: correct the golden set or its export, and "
    "run again."
)
_COMPARE = (
    "Look at the golden images that got worse and at what differs in data and training. Correct the span and deliver "
    "it again as {next}, or change the training and run again; approve the candidate only if the golden set is wrong "
    "about it."
)
_LIMIT = (
    "Look at the images of {of} that got worse; bring more of it into the span, delivered as {next}, or set its own "
    "limit in the configuration if this much may be lost."
)
_COST = (
    "Choose a smaller model or input (model: in the configuration) for a first model with --bootstrap; or raise the "
    "limit under evaluator: if what is served may cost this much. The page has the figures."
)
_MEASURE = "Label more golden images: the interval narrows with the square root of their number. Then run again."

EVALUATION_WORDS = {
    "map_drop": RuleWords("mAP fell below the served model's", "mAP did not fall", _COMPARE),
    "map_interval": RuleWords(
        "A fall of mAP beyond the tolerance is not ruled out",
        "A fall of mAP beyond the tolerance is ruled out",
        _MEASURE,
    ),
    "map_defined": RuleWords("mAP is undefined", "mAP is defined", _EVALUATE_SOUNDLY),
    "min_map": RuleWords(
        "mAP is below the least that is served",
        "mAP reaches the least that is served",
        "Train longer, or on more images; with few images start from pretrained weights (training.init_checkpoint).",
    ),
    "no_rules": RuleWords(
        "The configuration has no rule that could block",
        "The configuration has rules that can block",
        "Set a limit under evaluator: in the configuration, and run again.",
    ),
    "class_drop": RuleWords("Class {of} got worse", "Class {of} did not get worse", _LIMIT),
    "slice_drop": RuleWords("Slice {of} got worse", "Slice {of} did not get worse", _LIMIT),
    "class_margin": RuleWords("Class {of} fell by more than it may", "Class {of} keeps its margin", _LIMIT),
    "slice_margin": RuleWords("Slice {of} fell by more than it may", "Slice {of} keeps its margin", _LIMIT),
    "class_min_ap": RuleWords("Class {of} is below its least AP", "Class {of} reaches its least AP", _LIMIT),
    "slice_min_ap": RuleWords("Slice {of} is below its least mAP", "Slice {of} reaches its least mAP", _LIMIT),
    "class_and_slice_drops": RuleWords(
        "Classes or slices got worse", "No class or slice got significantly worse", _COMPARE
    ),
    "untestable": RuleWords(
        "Classes and slices that are too rare to be tested", "Every class and slice can be tested", _MEASURE
    ),
    "new_classes": RuleWords("Classes that the served model does not know", "New classes", _MEASURE),
    "baseline_changed": RuleWords(
        "Another model is served than the one it was compared with",
        "What it was compared with is still served",
        "Someone approved, rolled back or pushed while this run worked. Run again on this span.",
    ),
    "evaluation_changed": RuleWords(
        "The evaluation is not as it was written",
        "The evaluation is as it was written",
        "Find out what wrote into the artifacts of this run. Then run again on this span.",
    ),
    "candidate_changed": RuleWords(
        "The candidate's files are not those that were measured",
        "The candidate's files are those that were measured",
        "Find out what wrote into the artifacts of this run. Then run again on this span.",
    ),
    "serving:latency": RuleWords("A single image takes too long", "A single image is fast enough", _COST),
    "serving:size": RuleWords("The model's files are too large", "The model's files are small enough", _COST),
    "serving:loads": RuleWords(
        "What would be served does not answer as the candidate that was measured",
        "What is served answers as the candidate that was measured",
        "See the run's log, and whether memory or disk are short; then give the same command again. Nothing that was "
        "served before is changed.",
    ),
    "trust:perfect_detections": RuleWords(
        "The ground truth itself does not score 1", "The ground truth itself scores 1", _EVALUATE_SOUNDLY
    ),
    "trust:no_detections": RuleWords("No detections score more than 0", "No detections score 0", _EVALUATE_SOUNDLY),
    "trust:shuffled_detections": RuleWords(
        "Detections of other images score as well: {of}",
        "Detections of other images score worse: {of}",
        "Look whether the labels of the golden set belong to their images: boxes that fit any image measure nothing.",
    ),
    "trust:golden_digest": RuleWords(
        "The golden set is not the one the served model was accepted on",
        "The golden set is the recorded one",
        "Restore the golden set; or, if it was changed on purpose, run once with "
        "--set data_gate.accept_new_golden=true.",
    ),
    "trust:leak": RuleWords(
        "Golden images are in the training data",
        "No golden image is in the training data",
        "Remove the copies from the span and deliver it again as {next}: a model that has seen golden images cannot be "
        "measured with them.",
    ),
    "trust:enough": RuleWords("The golden set is too small", "The golden set is large enough", _MEASURE),
    "trust:golden_budget": RuleWords(
        "The golden set has decided very often",
        "The golden set is fresh enough",
        "Renew the golden set: what is served may have been fitted to it by now.",
    ),
}
