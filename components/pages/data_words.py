"""The data gate's rules in plain words, by a rule's name or by its beginning up to a colon."""

from __future__ import annotations

from components.pages.rule_words import RuleWords

RELABEL = "Correct the annotations and deliver the span again as {next}; the pictures show where to start."
_EXPORT = (
    "Correct the export, which writes the four numbers of a box in another order than its format says, and deliver the "
    "span again as {next}."
)
_LOOK = (
    "Look at the images that show it. If the span shows what the model is to learn, train on it in observe mode and "
    "let the evaluator decide; if camera, export or labelling are at fault, correct them and deliver the span again as "
    "{next}."
)

DATA_WORDS = {
    "boxes": RuleWords(
        "Boxes that cannot be boxes of their image",
        "Boxes lie in their images",
        "Correct the annotations, or their export, and deliver the span again as {next}. A few such boxes do no harm: "
        "they are left out, and data_gate.bad_boxes says how many may be.",
    ),
    "classes": RuleWords(
        "Other classes than the {of}",
        "Same classes as the {of}",
        "Deliver the span with the classes, in name and order, of the {of}. New classes have to be in golden set and "
        "schema as well.",
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
    "labels:enough": RuleWords("Too few labels to judge them", "Enough labels to judge them", RELABEL),
    "labels:found": RuleWords(
        "The served model does not find the labelled objects", "The served model finds the labelled objects", _LOOK
    ),
    "labels:reading": RuleWords(
        "The numbers of labelled boxes are in another order", "The numbers of labelled boxes are in order", _EXPORT
    ),
    "labels:duplicates": RuleWords("Objects are labelled twice", "No object is labelled twice", RELABEL),
    "labels:classes": RuleWords("Objects are labelled as another class", "No class is labelled as another", RELABEL),
    "labels:noise": RuleWords("Classes are wrong here and there (label noise)", "No label noise", RELABEL),
    "labels:missing": RuleWords("Objects have no label", "Objects have labels", RELABEL),
    "leak": RuleWords(
        "Images of the golden set are in the span",
        "No image of the golden set is in the span",
        "Remove the copies from the span and deliver it again as {next}: a model that has seen golden images cannot be "
        "measured with them.",
    ),
    "repeated_images": RuleWords(
        "Images that are copies of others",
        "Hardly an image is a copy of another",
        "Remove the copies and deliver the span again as {next}: what is there twice counts twice in training.",
    ),
    "span_version": RuleWords(
        "The span is not what was trained on under this name",
        "The span is new, or is what was trained on under this name",
        "Deliver the changed data as {next}, and put the old data back: what a model was trained on stays known.",
    ),
}
