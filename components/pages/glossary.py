"""The words of all pages, each meaning what docs/glossary.md says, and nothing else (a test compares them); pure."""

from __future__ import annotations

GLOSSARY = {
    "span": "one delivery of labelled images, numbered; a mended one is a new version of it",
    "golden set": "the frozen, trusted images on which every candidate and baseline is evaluated, never trained on",
    "baseline": "what a candidate is compared with: the served model, or the detections of --baseline-dt",
    "candidate": "what is judged: the model that a run trained, or the detections of --dt",
    "data gate": "decides PASS, WARN or REJECT before anything is trained",
    "drift": "a span differs from the served model's training data",
    "skew": "a span differs from what the served model is asked about (training-serving skew)",
    "cause, consequence": (
        "the finding that explains others, and one that follows from it and decides nothing by itself"
    ),
    "to cope": "of the served model: to do in a span about as on golden images that look like it",
    "AP, mAP": "mean precision over 101 recall points and IoU .50:.95, of a class; their mean over classes",
    "IoU": "intersection over union of two boxes",
    "interval": "where a difference would lie with 95 of 100 other sets of images like this one",
    "within the noise": "of a difference: its 95 % interval contains 0, so it is none",
    "slice": "a part of the golden set with figures of its own: an object size, or an image attribute's value",
    "second opinion": "the candidate beside the served model and earlier ones on held-out images, which chose nothing",
    "operating point": "the score from which on a class's detections are worth showing: that of the best F1",
}


def glossary(*terms: str) -> list[tuple[str, str]]:
    """Terms with their meanings, for the fold at a page's end; all of them if none is named."""
    return [(term, GLOSSARY[term]) for term in terms or GLOSSARY]
