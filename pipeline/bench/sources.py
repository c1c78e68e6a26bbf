"""Where a bench gets clean data from: generated digits, or directories of your own."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from ratchet.components.example_gen.spans import find_span, spans_in
from ratchet.pipeline.bench.engine import Sources, plant_span
from ratchet.pipeline.demo.digits import DigitsOptions, write_digits
from ratchet.schemas.base.errors import InputError
from ratchet.schemas.base.files import LOCAL_FILES

GOLDEN_IMAGES = 400
TRUTH_IMAGES = 1000
SPAN_IMAGES = 400
_FIRST_SPAN_IMAGES = 1500
_LATER_SPAN_IMAGES = 1000
# Golden set and truth set are drawn from the samples that no span uses, one from each half of them.
_GOLDEN_HALF, _TRUTH_HALF = 0, 1
_TRUTH_SEED = 7


@dataclass(frozen=True)
class BenchData:
    """Clean data.

    Attributes:
        name: `digits`, or what a user calls it.
        golden: the golden set.
        truth: images on which what the pipeline does not know is measured.
        span: gives the clean span of a seed, from which each case of that seed is made.
        training: gives the span that a baseline is trained on, by its number, 1 for the first.
        images: of a case's span; None: all that the clean span has.
    """

    name: str
    golden: Path
    truth: Path
    span: Callable[[int], Path]
    training: Callable[[int], Path]
    images: int | None

    def sources(self, seed: int, trained: int) -> Sources:
        """What a case is made of.

        Args:
            seed: of the case.
            trained: number of the span that the baseline was trained on last.
        """
        return Sources(self.span(seed), self.golden, self.training(trained), self.truth)


def digits(directory: Path, images: int | None) -> BenchData:
    """Generated digit scenes: spans, golden set and truth set share neither a scene nor a handwritten digit.

    Args:
        directory: to write them into; what is there already is taken.
        images: of a case's span; None: SPAN_IMAGES.
    """

    def written(name: str, options: DigitsOptions, half: int | None = None) -> Path:
        if not (directory / name).exists():
            write_digits(str(directory / name), options, half)
        return directory / name

    def training(number: int) -> Path:
        count = _FIRST_SPAN_IMAGES if number == 1 else _LATER_SPAN_IMAGES
        clean = written(f"clean/{number}", DigitsOptions(span=number, images=count))
        span = directory / f"span-{number}"
        if not (span / "annotations.json").exists():
            plant_span(Sources(clean, clean, clean, clean), (), span, number, None)
        return span

    return BenchData(
        name="digits",
        golden=written("golden", DigitsOptions(golden=True, images=GOLDEN_IMAGES), _GOLDEN_HALF),
        truth=written("truth", DigitsOptions(golden=True, images=TRUTH_IMAGES, seed=_TRUTH_SEED), _TRUTH_HALF),
        span=lambda seed: written(f"clean/{seed}", DigitsOptions(span=seed, images=images or SPAN_IMAGES)),
        training=training,
        images=images,
    )


def own_data(name: str, data: Path, golden: Path, truth: Path, newest_trained: int, images: int | None) -> BenchData:
    """Directories of a user.

    Args:
        name: what the results call it.
        data: directory of span-N directories in COCO form; those that the baseline does not know make the cases.
        golden: the golden set that the baseline was accepted on.
        truth: images of no span and not in the golden set.
        newest_trained: number of the newest span that the baseline was trained on; 0: there is no baseline yet.
        images: of a case's span, drawn at random by its seed; None: SPAN_IMAGES.

    Raises:
        InputError: something is missing.
    """
    for option, path in (("--golden", golden), ("--truth", truth)):
        if not (path / "annotations.json").is_file():
            raise InputError(
                f"{option} {path}: no annotations.json; a bench edits COCO data: `ratchet convert` makes it"
            )
    numbers = sorted({number for number, _ in spans_in(str(data), LOCAL_FILES)})
    fresh = [number for number in numbers if number > newest_trained]
    if not fresh:
        raise InputError(
            f"--data {data}: no span after {newest_trained}, the newest that the baseline was trained on; cases are "
            "made of spans that it has not seen"
        )

    def directory(number: int) -> Path:
        return Path(find_span(str(data), number).directory)

    return BenchData(
        name=name,
        golden=golden,
        truth=truth,
        span=lambda seed: directory(fresh[seed % len(fresh)]),
        training=directory,
        images=images or SPAN_IMAGES,
    )
