"""What a rule is called on the page, and what a person can do when it fails, by a rule's name or its beginning."""

from __future__ import annotations

import posixpath
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass

from components.pages.features import short_title
from schemas.base.differences import Clarity
from schemas.base.formatting import capital, listed
from schemas.data.dataset import DataSetInfo


@dataclass(frozen=True)
class RuleWords:
    """Plain words for a rule.

    Attributes:
        title: a short statement of what is wrong; `{of}` is what the rule's name says after its colon.
        right: the same when the rule passed.
        advice: what to do; `{next}` is the directory name of the span's next version. Empty for a fall of mAP: what
            follows from that is for its causes to say.
    """

    title: str
    right: str
    advice: str = ""


RELABEL = "Correct the annotations and deliver the span again as {next}; the pictures show where to start."
_EXPORT = (
    "Correct the export, which writes boxes in another format than that of their file, and deliver the span again as "
    "{next}."
)
_LOOK = (
    "Look at the images that show it. If the span shows what the model is to learn, train on it in observe mode and "
    "let the evaluator decide; if camera, export or labelling are at fault, correct them and deliver the span again as "
    "{next}."
)
# The same where the gate was told to observe, so that a person has already let it pass.
_LOOK_OBSERVED = (
    "Look at the images that show it. If camera, export or labelling are at fault, correct them and deliver the span "
    "again as {next}. If the span shows what the model is to learn, see that the golden set shows it as well: what is "
    "not in there cannot be rewarded."
)

DATA_WORDS = {
    "boxes": RuleWords(
        "Boxes that cannot be boxes of their image",
        "Boxes lie in their images",
        "Correct the annotations, or their export, and deliver the span again as {next}. A few such boxes do no harm: "
        "they are left out, and data_gate.bad_boxes says how many may be.",
    ),
    "boxes:areas": RuleWords(
        "Areas of objects contradict their boxes",
        "Areas of objects fit their boxes",
        "Give areas in square pixels, or leave them out; the boxes' areas are used.",
    ),
    "classes": RuleWords(
        "Other classes than the {of}",
        "Same classes as the {of}",
        "Deliver the span with the classes of the {of}, under the same names, in any order. New classes have to be in "
        "golden set and schema as well.",
    ),
    "classes:served_model": RuleWords(
        "Other classes than the served model",
        "Same classes as the served model",
        "Deliver the span with every class that the served model knows, under its name and with its objects labelled: "
        "what is not taught again is forgotten. New classes beside them are welcome.",
    ),
    "schema": RuleWords(
        "{of} breaks the schema",
        "Every feature keeps the schema",
        "Correct the data and deliver the span again as {next}; or, if such values are right, widen the schema "
        "(data.schema).",
    ),
    "golden_boxes": RuleWords(
        "The golden set has no labelled box", "The golden set has labelled boxes", "Label the golden set."
    ),
    "golden_unchanged": RuleWords(
        "The golden set is not the one the served model was accepted on",
        "The golden set is the one the served model was accepted on",
        "Restore the golden set; or, if it was changed on purpose, run once with "
        "--set data_gate.accept_new_golden=true.",
    ),
    "drift:first_span": RuleWords(
        "Spans have crept away from the first that this model's line was trained on",
        "Spans have not crept away from the first that this model's line was trained on",
        "Look at the first span beside this one. If the world has moved so far, train on it in observe mode and let "
        "the evaluator decide; a golden set of the world as it is now measures what you need.",
    ),
    "drift": RuleWords("{of}: not like the data the served model was trained on", "{of}: as in training", _LOOK),
    "skew": RuleWords(
        "{of}: not like what the served model is asked",
        "{of}: as in service",
        "Collect images as they come in service, and deliver the span again as {next}; or correct what differs between "
        "how requests and how training images are taken, resized or encoded.",
    ),
    "labels": RuleWords("Labels are off: {of}", "Labels are sound: {of}", RELABEL),
    "labels:offset": RuleWords("Labelled boxes are displaced", "Labelled boxes are where the objects are", RELABEL),
    "labels:size": RuleWords("Labelled boxes have the wrong size", "Labelled boxes have the right size", RELABEL),
    "labels:jitter": RuleWords(
        "Labelled boxes are drawn carelessly", "Labelled boxes scatter no more than the golden set's", RELABEL
    ),
    "labels:familiar": RuleWords(
        "The served model does not know these images",
        "The served model knows such images",
        "Look at the images and their labels, which were not judged. If the model is to see such images now, train "
        "on them, and add some to the golden set.",
    ),
    "labels:enough": RuleWords("Too few labels to judge them", "Enough labels to judge them", RELABEL),
    "labels:found": RuleWords(
        "Labels fit nothing that the served model sees", "The served model sees the labelled objects", _LOOK
    ),
    "labels:reading": RuleWords(
        "Labelled boxes are not in the format of their file, or not of these images",
        "Labelled boxes are in the format of their file",
        _EXPORT,
    ),
    "labels:duplicates": RuleWords(
        "Objects are labelled twice",
        "Hardly an object is labelled twice",
        "Remove the second box of each object, and look at the export, which may have joined two deliveries; deliver "
        "the span again as {next}.",
    ),
    "facts": RuleWords("What is in the span: {of}", "What is in the span: {of}", RELABEL),
    "facts:blank": RuleWords(
        "Images show nothing",
        "Images show something",
        "Look at what took or converted the images, such as 16 bits read as 8, leave out those that show nothing, and "
        "deliver the span again as {next}.",
    ),
    "facts:outside_content": RuleWords(
        "Objects are labelled on an empty border",
        "Objects lie in the picture",
        "The images were padded and their boxes were not moved along, or boxes belong to other images: correct the "
        "export, and deliver the span again as {next}.",
    ),
    "facts:unlabelled_end": RuleWords(
        "The last images have no labels",
        "Labels go on to the last image",
        "Export again when the labelling is done, or leave out the images that were not reached, and deliver the span "
        "again as {next}: an image without labels teaches that nothing is in it.",
    ),
    "facts:without_objects": RuleWords(
        "Hardly an image has an object",
        "Images have objects",
        "Leave out images without objects until there are not many more of them than of the others, or look whether "
        "their labels were lost; deliver the span again as {next}.",
    ),
    "facts:two_classes": RuleWords(
        "Objects are labelled with two classes",
        "Every object has one class",
        "Remove the wrong one of each pair; where one class contains the other, both boxes may be right.",
    ),
    "facts:class_ends": RuleWords(
        "A class stops while the others go on",
        "No class stops while the others go on",
        "Look at images after the last one of the class: if they show it, finish the labelling and deliver the span "
        "again as {next}.",
    ),
    "facts:missing_classes": RuleWords(
        "A class has no object",
        "Every class has objects",
        "Look whether the span shows such objects: then their labels were lost, and it has to be delivered again as "
        "{next}. Otherwise add images that show them: a model learns no class that it never saw.",
    ),
    "facts:few_objects": RuleWords(
        "Classes with hardly an object",
        "Every class has objects enough to begin with",
        "Add images that show these classes: their AP will be chance.",
    ),
    "facts:small_objects": RuleWords(
        "Objects are smaller than the detector can see",
        "Objects are large enough for the detector",
        "Raise model.input_size, or cut the images into parts: what is smaller than a stride of the finest level is "
        "hardly ever found.",
    ),
    "labels:classes": RuleWords("Systematic confusion of classes", "No systematic confusion of classes", RELABEL),
    "labels:noise": RuleWords("Label noise: wrong classes here and there", "No label noise", RELABEL),
    "labels:missing": RuleWords("Objects have no label", "Objects have labels", RELABEL),
    "leak": RuleWords(
        "Images of the golden set are in the span, or may be",
        "No image of the golden set is in the span",
        "Remove the copies from the span and deliver it again as {next}: a model that has seen golden images cannot be "
        "measured with them. Where it is only a warning, look at both images: two photographs of one scene may stay.",
    ),
    "repeated_images": RuleWords(
        "Images that are copies of others",
        "Hardly an image is a copy of another",
        "Remove the copies and deliver the span again as {next}: what is there twice counts twice in training.",
    ),
    "span_version": RuleWords(
        "The span was trained on before, or is not what was trained on under this name",
        "The span is new, or a new version of an older one",
        "Changed data under a name that was trained on: deliver it as {next}, and put the old data back, so that what "
        "a model was trained on stays known. The same data again: deliver what is new alone.",
    ),
}


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
        "Lower the learning rate and run again; the command below does. If the rate is as it always was, look for "
        "images or boxes of the span that are out of the ordinary.",
    ),
    "training:detections": RuleWords(
        "The candidate finds boxes that are no numbers",
        "The candidate finds boxes that are numbers",
        "Lower the learning rate and run again: weights that large come of a training that is being lost.",
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
    "trust:max_detections": RuleWords(
        "Golden images hold more objects than are counted",
        "No golden image holds more objects than are counted",
        "What lies beyond the limit is missed by every model, so that a fall there cannot be seen. Raise "
        "evaluator.max_detections, or model.max_detections where a model gives no more, and run again.",
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
        "is luck, or holds for it alone. Train with more or better data; where the served model itself has fallen, go "
        "back to the better one with ratchet rollback; renew the golden set.",
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
_UNCLEAR_WORDS: Mapping[Clarity, Mapping[str, RuleWords]] = {
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
    },
    Clarity.UNKNOWN: {
        "map_drop": RuleWords("mAP is below the served model's", "mAP is not below the served model's"),
        "class_margin": RuleWords("Class {of} is below its margin", "Class {of} keeps its margin", _TELL_PART_APART),
        "slice_margin": RuleWords("Slice {of} is below its margin", "Slice {of} keeps its margin", _TELL_PART_APART),
    },
}
_WORDS = DATA_WORDS | EVALUATION_WORDS
_NAMED = 4  # classes or features in one piece of advice


_PART = "part:"  # before the name of a rule that is asked of a part of a span


def rule_title(rule: str, passed: bool, clarity: Clarity = Clarity.CLEAR) -> str:
    """A rule's name in plain words.

    Args:
        rule: its name.
        passed: whether it passed.
        clarity: whether the difference that it is about is one.

    >>> rule_title("drift:qa/contrast", passed=False)
    'Contrast: not like the data the served model was trained on'
    >>> rule_title("something_new:x", passed=True)
    'Something new: x'
    >>> rule_title("map_drop", passed=False, clarity=Clarity.NOISE)
    'No measurable difference of mAP'
    >>> rule_title("part:labels:size", passed=False)
    'Labelled boxes have the wrong size, in a part of the span'
    """
    if rule.startswith(_PART):
        return f"{rule_title(rule.removeprefix(_PART), passed, clarity)}, in a part of the span"
    words, of = _found(rule, clarity)
    title = (words.right if passed else words.title) if words else ""
    if not title or ("{of}" in title and not of):
        return capital(rule.replace("_", " ").replace(":", ": "))
    return capital(title.replace("{of}", _subject(rule, of)))


def rule_subject(rule: str) -> str:
    """What a rule is about, where nobody knows whether it is kept.

    >>> rule_subject("labels:noise"), rule_subject("drift:qa/contrast"), rule_subject("drift")
    ('Labels: noise', 'Contrast: drift', 'Drift')
    """
    kind, _, of = rule.partition(":")
    if kind in ("drift", "skew") and of:
        return f"{capital(short_title(of))}: {kind}"
    return capital(rule.replace("_", " ").replace(":", ": "))


def _found(rule: str, clarity: Clarity) -> tuple[RuleWords | None, str]:
    """The words of the longest beginning of a rule's name that has some, and the rest of the name."""
    parts, unclear = rule.removeprefix(_PART).split(":"), _UNCLEAR_WORDS.get(clarity, {})
    for length in range(len(parts), 0, -1):
        name = ":".join(parts[:length])
        words = unclear.get(name) or _WORDS.get(name)
        if words:
            return words, ":".join(parts[length:])
    return None, ""


def next_steps(
    span: DataSetInfo,
    failed: Iterable[str],
    clarity_of: Callable[[str], Clarity] = lambda _: Clarity.CLEAR,
    observed: bool = False,
) -> list[str]:
    """What a person can do about rules that failed, without repetition, in their order.

    Args:
        span: the data set that was judged.
        failed: names of the rules.
        clarity_of: whether the difference that a rule is about is one.
        observed: whether the data gate only observed: what was done is not proposed.
    """
    following, place = _next_delivery(span)
    subjects: dict[str, list[str]] = {}
    for rule in failed:
        words, of = _found(rule, clarity_of(rule))
        text = words.advice if words else RELABEL
        if not text:
            continue
        subjects.setdefault(_LOOK_OBSERVED if observed and text == _LOOK else text, []).append(_subject(rule, of))
    return [
        advice.replace("{next}", following).replace("{of}", listed(names, _NAMED))
        + (place if "{next}" in advice else "")
        for advice, names in subjects.items()
    ]


def _subject(rule: str, of: str) -> str:
    name = rule.partition(":")[0]
    if name in ("drift", "skew", "schema"):
        return short_title(of)
    return of if name.startswith(("class_", "slice_")) else of.replace("_", " ")


def _next_delivery(span: DataSetInfo) -> tuple[str, str]:
    """What the corrected data is to be called, and where it goes."""
    if not span.span:
        return "a corrected copy", ""
    directory = posixpath.dirname(span.source)
    name = f"span-{span.span}-version-{span.version + 1}"
    return name, f" Put it into {directory or '.'}; of each span the newest version is taken."
