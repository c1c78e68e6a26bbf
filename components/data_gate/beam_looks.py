"""The data gate's looks as one Beam pipeline: workers read the TFRecord files, and show the sample to the model.

The same images come in the same batches as in `sample_images`, however the files are spread over workers, so that the
result has the same bits. What is chosen goes through files (`look_files.py`): the graph holds paths, and an element of
the pipeline the places of images. The sample is joined here, as `sample_images` joins it.
"""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import apache_beam as beam
from tfx.dsl.io import fileio

from ratchet.components.data_gate.look_files import FileSeen, LookDirectory, Place, Wanted, batches
from ratchet.components.detector.kept_images import Asked
from ratchet.components.detector.sampling import BATCH, ImageSample, Look, is_chosen, joined, shown_to, take_rows
from ratchet.components.detector.served import load_detector
from ratchet.components.detector.stored_examples import StoredExample, read_records
from ratchet.components.object_store.emptying import empty
from ratchet.schemas.base.errors import RatchetError
from ratchet.schemas.base.progress import Progress
from ratchet.schemas.data.examples_artifact import check_file_read, split_directory

_FAILED = Place("", -1, 0, 0, False)  # instead of the places in a file that cannot be read


@dataclass(frozen=True)
class BeamLooks:
    """Takes samples of data sets in Beam's workers.

    Attributes:
        pipeline: makes a Beam pipeline.
        directory: for what travels; every worker must see it. It is gone afterwards.
    """

    pipeline: Callable[[], beam.Pipeline]
    directory: str

    def __call__(self, looks: Sequence[Look]) -> list[ImageSample]:
        """A sample of each data set.

        Raises:
            StateError: a data set is not what ExampleGen wrote, or the model cannot be used.
        """
        empty(self.directory)
        places = [f"{self.directory}/{number}" for number in range(len(looks))]
        with self.pipeline() as pipeline:
            for look, place in zip(looks, places):
                fileio.makedirs(place)
                LookDirectory(place, fileio).write_wanted(_wanted(look))
                _add(pipeline, look, place)
        samples = [_gathered(look, LookDirectory(place, fileio)) for look, place in zip(looks, places)]
        fileio.rmtree(self.directory)
        return samples


def _wanted(look: Look) -> Wanted:
    asked, known = look.kept.asked, look.examples.images_of_files(*look.splits)
    files = {path: known.get(path) for path in look.examples.files_to_read(*look.splits)}
    return Wanted(
        *(look.title, files, look.share),
        *(asked.image_ids, asked.file_names, asked.named),
    )


def _add(pipeline: beam.Pipeline, look: Look, directory: str) -> None:
    of = directory.rpartition("/")[2]
    files = len(LookDirectory(directory, fileio).wanted().files)
    places = (
        pipeline
        | f"Files/{of}" >> beam.Create(range(files))
        | f"Spread/{of}" >> beam.Reshuffle()
        | f"Read/{of}" >> beam.ParDo(_ReadFiles(directory))
    )
    if look.detector is None:
        return
    show = _ShowImages(directory, look.detector.place, look.num_classes)
    _ = (
        places
        | f"Gather/{of}" >> beam.CombineGlobally(beam.combiners.ToListCombineFn()).without_defaults()
        | f"Batches/{of}" >> beam.FlatMap(_batches)
        | f"SpreadBatches/{of}" >> beam.Reshuffle()
        | f"Show/{of}" >> beam.ParDo(show)
    )


class _ReadFiles(beam.DoFn):
    """The number of a TFRecord file -> places of the images of the sample in it."""

    def __init__(self, directory: str) -> None:
        self._directory = directory

    def setup(self) -> None:
        """See the base class."""
        self._at = LookDirectory(self._directory, fileio)
        self._wanted = self._at.wanted()

    def process(self, element: int) -> Iterator[Any]:
        """See the base class."""
        try:
            seen = _seen_in(element, self._wanted, self._at)
        except RatchetError as error:  # travels as data: runners wrap exceptions beyond recognition
            seen = FileSeen(error=str(error))
            yield _FAILED
        self._at.write_file(element, seen)
        yield from (place for place in seen.places if place.is_chosen)


def _seen_in(number: int, wanted: Wanted, at: LookDirectory) -> FileSeen:
    """Goes through a TFRecord file once; what is wanted of it is written while it is read."""
    path, asked = wanted.files[number], Asked(wanted.image_ids, wanted.file_names, wanted.named)
    progress = Progress(wanted.title, sum(held or 0 for held in wanted.images_of_files.values()))
    images, places, names, start, file = 0, [], {}, 0, None
    with contextlib.ExitStack() as opened:
        for example in map(StoredExample.parse, read_records([path])):
            images, record = images + 1, example.record
            if record.image_id in asked.named:
                names[record.image_id] = record.file_name
            chosen = is_chosen(record.file_name, wanted.share)
            if chosen or asked.keeps(record):
                places.append(Place(record.file_name, number, start, len(example.serialized), chosen))
                start += len(example.serialized)
                if file is None:
                    file = opened.enter_context(fileio.open(at.examples(number), "wb"))
                file.write(example.serialized)
            progress.update(images)
    held = wanted.images_of_files[path]
    check_file_read(path, images, {} if held is None else {path: held})
    return FileSeen(images, places, names)


def _batches(places: list[Place]) -> Any:
    return [] if _FAILED in places else list(batches(places, BATCH))


class _ShowImages(beam.DoFn):
    """(number of a batch, places of its images) -> nothing; what the model makes of them is written.

    Args:
        directory: of the data set.
        detector: arguments of `load_detector`.
        num_classes: K of the model's label map.
    """

    def __init__(self, directory: str, detector: tuple[str, str, str], num_classes: int) -> None:
        self._directory = directory
        self._detector = detector
        self._num_classes = num_classes

    def setup(self) -> None:
        """See the base class."""
        self._at = LookDirectory(self._directory, fileio)

    def process(self, element: tuple[int, list[Place]]) -> Iterable[Any]:
        """See the base class."""
        number, places = element
        try:
            examples = [StoredExample.parse(stored) for stored in self._at.stored(places)]
            image_ids = [example.record.image_id for example in examples]
            files = [example.encoded for example in examples]
            seen = shown_to(load_detector(*self._detector), image_ids, files, self._num_classes)
        except RatchetError as error:  # travels as data: runners wrap exceptions beyond recognition
            self._at.write_batch(number, str(error))
        else:
            self._at.write_batch(number, seen)
        return ()


def _gathered(look: Look, at: LookDirectory) -> ImageSample:
    """What the workers found, file by file and batch by batch in their order."""
    files = at.wanted().files
    seen = [at.file(number) for number in range(len(files))]
    for split in look.splits:
        below = f"{split_directory(look.examples.uri, split)}/"
        look.examples.check_read(split, sum(of.images for path, of in zip(files, seen) if path.startswith(below)))
    for each in seen:
        look.kept.names.update(each.names)
    rows = take_rows(look, map(StoredExample.parse, at.stored(place for each in seen for place in each.places)))
    shown = range(0, len(rows), BATCH) if look.detector is not None else ()
    return joined(look, rows, [at.batch(number) for number, _ in enumerate(shown)])
