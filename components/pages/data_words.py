"""Plain words for the rules of the data gate, by a rule's name or its beginning."""

from __future__ import annotations

from ratchet.components.pages.rule_text import RuleWords

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
_FIRST_SPAN = (
    "Look at the first span beside this one. If the world has moved so far, train on it in observe mode and let the "
    "evaluator decide; a golden set of the world as it is now measures what you need."
)
# The same where observing is no way on: a person has already let it pass, or another rule stops every run.
OBSERVED = {
    _LOOK: "Look at the images that show it. If camera, export or labelling are at fault, correct them and deliver the "
    "span again as {next}. If the span shows what the model is to learn, see that the golden set shows it as well: "
    "what is not in there cannot be rewarded.",
    _FIRST_SPAN: "Look at the first span beside this one. If the world has moved so far, a golden set of the world as "
    "it is now measures what you need.",
}

DATA_WORDS = {
    "boxes": RuleWords(
        "Boxes are outside of their image or have no area",
        "Boxes lie in their images",
        "Correct the annotations, or their export, and deliver the span again as {next}. A few such boxes do no harm: "
        "they are left out, and data_gate.bad_boxes says how many may be.",
    ),
    "boxes:areas": RuleWords(
        "Areas of objects contradict their boxes",
        "Areas of objects fit their boxes",
        "Give areas in square pixels, or leave them out; the boxes' areas are used.",
    ),
    "delivery:left_out": RuleWords(
        "The delivery holds more than was read",
        "All that was delivered was read",
        "See that what was left out is no part of the data; deliver it as {next} if it is.",
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
        "Spans have crept away from the first training data",
        "Spans have not crept away from the first training data",
        _FIRST_SPAN,
    ),
    "drift": RuleWords("Drift of {of} from the training data", "No drift of {of}", _LOOK),
    "skew": RuleWords(
        "Skew of {of}: not as in the requests to the served model",
        "No skew of {of}",
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
    "facts:crowds": RuleWords(
        "Objects are marked as crowds",
        "Hardly an object is marked as a crowd",
        "iscrowd 1 says that a box holds a group that nobody counted, not that its mask is run-length encoded: set it "
        "to 0 where a box holds one object, and deliver the span again as {next}.",
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
    "labels:classes": RuleWords(
        "Classes are confused systematically", "No classes are confused systematically", RELABEL
    ),
    "labels:noise": RuleWords("Label noise: wrong classes here and there", "Hardly any label noise", RELABEL),
    "labels:missing": RuleWords("Objects have no label", "Hardly an object lacks a label", RELABEL),
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
