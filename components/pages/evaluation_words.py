"""Plain words for the rules of the evaluator, by a rule's name or its beginning."""

from __future__ import annotations

from collections.abc import Mapping

from ratchet.components.pages.rule_text import RuleWords
from ratchet.schemas.base.differences import Clarity

_EVALUATE_SOUNDLY = (
    "Nothing can be said about the candidate before the evaluation is sound: correct the golden set or its export, and "
    "run again."
)
_LIMIT = "Bring more of {of} into the span, delivered as {next}, or set another limit in the configuration."
_TELL_PART_APART = (
    "The golden set cannot tell the two models apart on {of}: its margin is narrower than what the golden images of it "
    "can show. Label more golden images of it, or widen its margin in the configuration."
)
_COST = (
    "Choose a smaller model or input (model: in the configuration) for a first model with --bootstrap; or raise the "
    "limit under evaluator: if what is served may cost this much. The page has the figures."
)
_POST = (
    "Look how much of it the changed post-processing (model.score_threshold, nms_iou_threshold, max_detections) costs: "
    "put back what costs mAP and run again; approve the candidate if the post-processing is wanted all the same."
)
_MEASURE = "Label more golden images: the interval narrows with the square root of their number. Then run again."

EVALUATION_WORDS = {
    "training:diverged": RuleWords(
        "The training diverged",
        "The training did not diverge",
        "Run again with a lower learning rate, as the command below does; if that is lost as well, look for images or "
        "boxes of the span that are out of the ordinary.",
    ),
    "training:detections": RuleWords(
        "The candidate finds boxes that are no numbers",
        "The candidate finds boxes that are numbers",
        "Run again with a lower learning rate: weights that large come of a training that is being lost.",
    ),
    "training:checkpoint": RuleWords(
        "No checkpoint could be chosen",
        "The best checkpoint was chosen",
        "Set more images apart for validation (data.eval_fraction), deliver a larger span, or lower "
        "training.validation.min_images.",
    ),
    "training:changed": RuleWords(
        "The training was changed on purpose",
        "The training was as the last one",
        "Run again without what was changed.",
    ),
    "map_drop": RuleWords("mAP fell below the served model's", "mAP did not fall"),
    "map_interval": RuleWords(
        "A fall of mAP beyond the tolerance is not ruled out",
        "A fall of mAP beyond the tolerance is ruled out",
    ),
    "map_drop_as_served": RuleWords(
        "mAP fell below that of the model as it is served", "mAP did not fall below that of the model as served", _POST
    ),
    "map_interval_as_served": RuleWords(
        "A fall of mAP below what is served, beyond the tolerance, is not ruled out",
        "A fall of mAP below what is served, beyond the tolerance, is ruled out",
        _POST,
    ),
    "class_and_slice_drops_as_served": RuleWords(
        "Classes or slices got worse than they are served", "No class or slice got worse than it is served", _POST
    ),
    "class_drop_as_served": RuleWords("Class {of} got worse than it is served", "Class {of} did not get worse", _POST),
    "slice_drop_as_served": RuleWords("Slice {of} got worse than it is served", "Slice {of} did not get worse", _POST),
    "class_margin_as_served": RuleWords(
        "Class {of} fell by more than it may below what is served", "Class {of} keeps its margin", _POST
    ),
    "slice_margin_as_served": RuleWords(
        "Slice {of} fell by more than it may below what is served", "Slice {of} keeps its margin", _POST
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
    "class_drop": RuleWords("Class {of} got worse", "Class {of} did not get worse"),
    "slice_drop": RuleWords("Slice {of} got worse", "Slice {of} did not get worse"),
    "class_margin": RuleWords("Class {of} fell by more than it may", "Class {of} keeps its margin"),
    "slice_margin": RuleWords("Slice {of} fell by more than it may", "Slice {of} keeps its margin"),
    "class_min_ap": RuleWords("Class {of} is below its least AP", "Class {of} reaches its least AP", _LIMIT),
    "slice_min_ap": RuleWords("Slice {of} is below its least mAP", "Slice {of} reaches its least mAP", _LIMIT),
    "class_and_slice_drops": RuleWords("Classes or slices got worse", "No class or slice got significantly worse"),
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
    "shadow": RuleWords(
        "On logged requests it finds too much that the served model does not, or the other way round",
        "On logged requests it finds about what the served model finds",
        "Nothing says which of the two is right. See where they differ with ratchet shadow RUN --log DIR, then approve "
        "the candidate, or leave it.",
    ),
    "serving:latency": RuleWords("A single image takes too long", "A single image is fast enough", _COST),
    "serving:size": RuleWords("The model's files are too large", "The model's files are small enough", _COST),
    "serving:available": RuleWords(
        "TensorFlow Serving does not serve it yet",
        "TensorFlow Serving serves it",
        "Look at the log of TensorFlow Serving and at its model_base_path; the model stays pushed until a rollback.",
    ),
    "serving:labels": RuleWords(
        "The version labels of TensorFlow Serving do not follow what is served",
        "The version labels of TensorFlow Serving follow what is served",
        "Correct what is named in the model config, or the setting serving.model_config; the model stays pushed.",
    ),
    "vertex:registered": RuleWords(
        "Vertex AI does not have it as its default",
        "It is the default version in Vertex AI's Model Registry",
        "Mend what is named, then give `python -m ratchet.kubeflow.vertex_model`; what the root serves stays.",
    ),
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
    "trust:max_detections": RuleWords(
        "Golden images hold more objects than are counted",
        "No golden image holds more objects than are counted",
        "What lies beyond the limit is missed by every model, so that a fall there cannot be seen. Raise "
        "evaluator.max_detections, or model.max_detections where a model gives no more (or let a trainer of your own "
        "export more), and run again.",
    ),
    "trust:areas": RuleWords(
        "Areas of golden objects contradict their boxes",
        "Areas of golden objects fit their boxes",
        "Give areas in square pixels in the golden set's annotations, or leave them out; the boxes' areas are used.",
    ),
    "trust:comparable": RuleWords(
        "The detections of the two models were not written down alike",
        "The detections of both models were written down alike",
        "Write the detections of both models in the same way, with the same score threshold, for the same images; for "
        "models of a pipeline set model.score_threshold and model.max_detections to what the served model has.",
    ),
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
        "Golden images are in the training data, or may be",
        "No golden image is in the training data",
        "Remove the copies from the span and deliver it again as {next}: a model that has seen golden images cannot be "
        "measured with them. Where it is only a warning, look at both images: two photographs of one scene may stay.",
    ),
    "trust:enough": RuleWords("The golden set is too small", "The golden set is large enough", _MEASURE),
    "second_opinion": RuleWords(
        "Held-out images say that mAP fell below the {of} model's",
        "Held-out images show no fall below the {of} model's",
        "On images that chose nothing, the candidate is lower and a real gain is excluded: what the golden set shows "
        "is luck, or holds for it alone. Where the served model itself has fallen, go back to the better one with "
        "ratchet rollback; renew the golden set.",
    ),
    "second_opinion:missing": RuleWords(
        "Something to compare with on held-out images is missing",
        "Everything to compare with on held-out images is there",
        "Restore what is named from a backup; ratchet doctor says what it can bring back. Without it the comparison is "
        "weaker.",
    ),
    "trust:golden_budget": RuleWords(
        "The golden set has decided too often",
        "The golden set may still decide",
        "Renew the golden set: with every look, what is served is fitted a little more to it. If there is none "
        "yet, raise the budget by its name (--set evaluator.golden_budget=N), which the page shows from then on.",
    ),
}


# Where the interval of a rule's difference contains 0, or there is none, nothing fell.
UNCLEAR_WORDS: Mapping[Clarity, Mapping[str, RuleWords]] = {
    Clarity.NOISE: {
        "map_drop": RuleWords("No measurable difference of mAP", "No measurable difference of mAP"),
        "class_margin": RuleWords(
            "Class {of} is below its margin, but shows no measurable difference",
            "Class {of} keeps its margin",
            _TELL_PART_APART,
        ),
        "slice_margin": RuleWords(
            "Slice {of} is below its margin, but shows no measurable difference",
            "Slice {of} keeps its margin",
            _TELL_PART_APART,
        ),
        "second_opinion": RuleWords(
            "Held-out images rule out a real gain on the {of} model",
            "Held-out images show no fall below the {of} model's",
            "On images that chose nothing, the candidate is not measurably lower, but a real gain is excluded "
            "(evaluator.second_opinion.gain): if the golden set shows one, it is luck, or holds for it alone. Bring "
            "more or other data, so that there is something to gain.",
        ),
    },
    Clarity.UNKNOWN: {
        "map_drop": RuleWords("mAP is below the served model's", "mAP is not below the served model's"),
        "class_margin": RuleWords("Class {of} is below its margin", "Class {of} keeps its margin", _TELL_PART_APART),
        "slice_margin": RuleWords("Slice {of} is below its margin", "Slice {of} keeps its margin", _TELL_PART_APART),
    },
}
