"""The golden images that got worse: each once, over it what was labelled and found, and what changed cut out of it."""

from __future__ import annotations

import dataclasses
import json
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from markupsafe import Markup

from ratchet.components.pages.html import render
from ratchet.components.pages.overlay import Crop, Stage, around, image_id, link_to
from ratchet.components.review.changes import KINDS
from ratchet.components.review.content import ChangedBox, ErrorAnalysis, GalleryImage
from ratchet.components.review.sections.wording import OF_A_RUN, Terms
from ratchet.schemas.artifacts.evaluation import BASELINE, CANDIDATE
from ratchet.schemas.base.visible import visible_line

_FIRST = 8  # images that are open
_BUDGET = 4_500_000  # bytes of all JPEGs
_CROPS, _CROPS_OF_IMAGE = 16, 4  # of each kind of change
_TITLES = {
    "lost": ("Lost: found by the baseline, missed by the candidate", "Missed"),
    "misread": ("Read as another class only by the candidate", "Read as another class"),
    "drawn worse": ("Drawn worse than by the baseline", "Drawn badly"),
    "invented": ("False detections that the baseline does not make", "False detections"),
    "regained": ("Found again: missed or misread by the baseline", ""),
    "drawn better": ("Drawn better than by the baseline", ""),
    "gone": ("False detections of the baseline that the candidate does not make", ""),
}


def gallery_title(compared: bool, terms: Terms = OF_A_RUN) -> str:
    """What the section is called."""
    images = "Golden images" if terms is OF_A_RUN else "Images"
    return f"{images} that got worse" if compared else f"{images} with the most errors"


def gallery_gist(analysis: ErrorAnalysis, of: int, terms: Terms = OF_A_RUN) -> str:
    """What is inside, in a line."""
    return f"{analysis.worse:,} of {of:,} {terms.image}s: {analysis.change}"


def gallery_section(
    analysis: ErrorAnalysis,
    of: int,
    terms: Terms = OF_A_RUN,
    pictures: str = "",
    unseen: Mapping[str, str] | None = None,
    better_open: bool = False,
) -> Markup:
    """Switches and choices, the images, and what changed, cut out.

    Args:
        analysis: has the images; those without a picture are listed.
        of: how many images there are in all.
        terms: what they are called.
        pictures: what would give pictures, where none were asked for; empty otherwise.
        unseen: why there is no picture, by file name.
        better_open: whether the images that got better are unfolded.
    """
    drawn = _affordable(image for image in analysis.gallery if image.jpeg)
    better = [image for image in analysis.better if image.jpeg]
    named = {image.file_name for image in drawn}
    models = [model for model in (BASELINE, CANDIDATE) if model in analysis.confusion.counts]
    shots = [_Shot.of(image, place) for place, image in enumerate(drawn)]
    return render(
        "review/templates/gallery.html",
        analysis=analysis,
        of=of,
        terms=terms,
        models=models,
        first=shots[:_FIRST],
        rest=shots[_FIRST:],
        open_at_first=_FIRST,
        better=[_Shot.of(image, place) for place, image in enumerate(better, start=len(drawn))],
        better_open=better_open,
        crops=_crops(shots, BASELINE in models),
        classes=_counted(name for shot in shots for name in shot.image.classes),
        slices=_counted(name for shot in shots for name in shot.image.slices),
        scores=_score_range(drawn),
        missing=[image for image in analysis.gallery if image.file_name not in named],
        pictures=pictures,
        unseen=unseen or {},
    )


def golden_figure(image: GalleryImage) -> Markup:
    """An image that something else names, with what is drawn over it."""
    shot = _Shot.of(image, 0)
    stage = dataclasses.replace(shot.stage, figure_id=f"named-{image_id(image.file_name)}", key="")
    return render("review/templates/golden_figure.html", shot=dataclasses.replace(shot, stage=stage))


@dataclass(frozen=True)
class _Shot:
    """An image of the gallery, as it is drawn."""

    image: GalleryImage
    stage: Stage
    data: Sequence[tuple[str, object]]

    @classmethod
    def of(cls, image: GalleryImage, place: int) -> _Shot:
        told = "; ".join(f"{model}: {words}" for model, words in image.words.items())
        labelled = len(image.layers[0].boxes) if image.layers else 0
        errors = image.errors[CANDIDATE]
        stage = Stage(
            name=image.file_name,
            jpeg=image.jpeg,
            size_px=image.size_px,
            alt=f"{image.file_name}: {labelled} labelled objects; {told}",
            layers=image.layers,
            figure_id=image_id(image.file_name),
            key=f"golden-{place}",
        )
        figures = {"place": place, "worst": image.worse, "missed": errors.missed, "false": errors.false}
        lists = {"classes": _json_list(image.classes), "slices": _json_list(image.slices)}
        return cls(image, stage, [*((name, f"{value:.6g}") for name, value in figures.items()), *lists.items()])

    def crop(self, changed: ChangedBox) -> Crop:
        """The part of the image in which something changed."""
        boxes = [box.xywh_px for layer in changed.layers for box in layer.boxes]
        part, words = around(boxes, self.image.size_px), f"{changed.words}, {self.image.file_name}"
        return Crop(self.stage.key, self.image.size_px, part, words, link_to(self.stage.figure_id), changed.layers)


def _affordable(images: Iterable[GalleryImage]) -> list[GalleryImage]:
    chosen, left = [], _BUDGET
    for image in images:
        left -= len(image.jpeg)
        if left < 0 and chosen:
            break
        chosen.append(image)
    return chosen


def _crops(shots: Sequence[_Shot], compared: bool) -> list[tuple[str, int, list[tuple[Crop, str]]]]:
    """By kind of change its title, how often it occurs in the images, and the first of them cut out."""
    groups = []
    for kind in KINDS:
        of_shots = [(shot, [each for each in shot.image.changed if each.kind == kind]) for shot in shots]
        count = sum(len(changed) for _, changed in of_shots)
        chosen = [(shot.crop(each), each.words) for shot, changed in of_shots for each in changed[:_CROPS_OF_IMAGE]]
        if count:
            groups.append((_TITLES[kind][not compared], count, chosen[:_CROPS]))
    return groups


def _counted(names: Iterable[str]) -> list[tuple[str, int]]:
    """Names with how many images have them, as a page shows and compares them."""
    return sorted(Counter(visible_line(name) for name in names).items())


def _json_list(names: Iterable[str]) -> str:
    """Names as a list for the script, because a name may hold any separator."""
    return json.dumps([visible_line(name) for name in names])


def _score_range(images: Iterable[GalleryImage]) -> tuple[float, float, float]:
    """The ends and the step of the slider; scores are 0..1, but a file may hold others."""
    scores = [box.score for image in images for layer in image.layers for box in layer.boxes if box.score is not None]
    low, high = min([0.0, *scores]), max([1.0, *scores])
    return (0.0, 1.0, 0.01) if (low, high) == (0.0, 1.0) else (low, high, (high - low) / 100)
