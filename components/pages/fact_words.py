"""What was counted in a data set, as a data engineer would say it on looking at it; plain text, not yet escaped."""

from __future__ import annotations

from ratchet.schemas.base.formatting import listed, many, percent
from ratchet.schemas.data import facts as counted
from ratchet.schemas.data.facts import DataSetFacts, Fact

_CLASSES = 8  # that are told
_TITLES = {
    counted.REPEATED_OBJECTS: "objects labelled twice",
    counted.TWO_CLASSES: "objects with a second class",
    counted.CROWDS: "crowds among the objects",
    counted.OUTSIDE_CONTENT: "objects on an empty border",
    counted.WITHOUT_OBJECTS: "images without an object",
    counted.UNLABELLED_END: "last images without labels",
    counted.SAME_FILES: "files that are there twice",
    counted.BLANK: "images that show nothing",
    counted.BORDERS: "images with empty borders",
    counted.DEEP: "images of 16 bits",
}
_NOTES = {counted.DEEP: "TensorFlow keeps the upper 8"}


def fact_rows(facts: DataSetFacts) -> list[tuple[str, str]]:
    """What and how much, the usual first, and of the unusual only what there is.

    >>> fact_rows(DataSetFacts(images=2, objects=3, sizes={"64x48": 2}, most_objects=2))
    [('images', '2, all of 64x48 px'), ('objects', '3; 1.5 an image, at most 2')]
    """
    if not facts.images:
        return []
    rows = [("images", f"{facts.images:,}, {_sizes(facts)}"), ("objects", _objects(facts))]
    if facts.side_shares:
        low, middle, high = (percent(facts.side_shares[place]) for place in (5, 50, 95))
        rows.append(("their sides", f"{middle} of the image's longer side in the middle, nine of ten {low} to {high}"))
    if facts.classes:
        rows.append(("classes", _classes(facts)))
    rows += [
        (title, _fact(facts.of(name), _NOTES.get(name, ""))) for name, title in _TITLES.items() if facts.of(name).count
    ]
    return rows


def _sizes(facts: DataSetFacts) -> str:
    if len(facts.sizes) == 1 and sum(facts.sizes.values()) == facts.images:
        return f"all of {next(iter(facts.sizes))} px"
    parts = [f"{count:,} of {size} px" for size, count in facts.sizes.items()]
    others = facts.images - sum(facts.sizes.values())
    return ", ".join([*parts, *([f"{others:,} of other sizes"] if others else [])])


def _objects(facts: DataSetFacts) -> str:
    return f"{facts.objects:,}; {facts.objects / facts.images:.1f} an image, at most {facts.most_objects:,}"


def _classes(facts: DataSetFacts) -> str:
    most = sorted(facts.classes, key=lambda each: -each.objects)
    shares = [percent(each.objects / max(1, facts.objects)) for each in most]
    told = [
        f"{each.name} {each.objects:,} ({share}) in {many(each.images, 'image')}" for each, share in zip(most, shares)
    ]
    return listed(told, _CLASSES)


def _fact(fact: Fact, note: str) -> str:
    said = ", ".join(text for text in (fact.detail, note) if text)
    return f"{fact.count:,} of {fact.of:,} ({percent(fact.share)})" + (f": {said}" if said else "")
