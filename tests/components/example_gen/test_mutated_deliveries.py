"""Deliveries of every tool, changed at random: each is read, or refused in words, and nothing else happens."""

from __future__ import annotations

import os
import random
import shutil
import signal
import traceback
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

import pytest

from ratchet.components.example_gen.dataset import Source, encoded_images, inspect_image, read_source
from ratchet.components.example_gen.layout.layouts import FORMATS, Reading
from ratchet.pipeline.data.convert import ConvertRequest, convert
from ratchet.schemas.base.errors import DataError, InputError
from ratchet.schemas.data.exif import EXIF_CHOICES
from tests.components.example_gen.deliveries import WRITERS
from tests.components.example_gen.exports.registry import EXPORTS
from tests.components.example_gen.exports.scenes import CLASSES
from tests.components.example_gen.mutations import mutate
from tests.nightly import often

CASES = often(300, 10_000)
CONVERTED_EACH = 50  # of the cases one is written, too
LONGEST_MESSAGE = 5000
LONGEST_S = 60  # a case that takes longer waits for what never comes
_SPLITS = ("train", "val", "test", "nowhere")


@pytest.fixture(scope="module")
def originals(tmp_path_factory: pytest.TempPathFactory) -> Mapping[str, Path]:
    """Every delivery once, unchanged."""
    top = tmp_path_factory.mktemp("originals")
    builds: dict[str, Callable[[Path], object]] = {name: export.build for name, export in EXPORTS.items()}
    builds |= {f"plain-{name}": write for name, write in WRITERS.items()}
    for name, build in builds.items():
        build(top / name)
    return {name: top / name for name in sorted(builds)}


class _HangError(BaseException):
    """Raised after `LONGEST_S`; no reader catches it."""


def _hang(*_: object) -> None:
    raise _HangError


def tried(originals: Mapping[str, Path], place: Path, numbers: Sequence[int]) -> tuple[list[str], Counter[str]]:
    """What is wrong with some of the cases, and how often each outcome was."""
    failures, outcomes = [], Counter[str]()
    names = list(originals)
    before = signal.signal(signal.SIGALRM, _hang)
    for number in numbers:
        name, chance = names[number % len(names)], random.Random(f"mutated {number}")
        case = place / "case"
        shutil.copytree(originals[name], case / "in")
        for _ in range(chance.randint(1, 3)):
            mutate(case / "in", chance)
        signal.alarm(LONGEST_S)
        try:
            outcome = _outcome(case, chance, writes=number % CONVERTED_EACH == 0)
        except (Exception, _HangError):  # which is what is looked for
            outcome = "raised"
            failures.append(f"{name}, case {number}: {traceback.format_exc()}")
        signal.alarm(0)
        if outcome not in ("read", "refused", "raised"):
            failures.append(f"{name}, case {number}: {outcome}")
        outcomes[outcome] += 1
        shutil.rmtree(case)
    signal.signal(signal.SIGALRM, before)
    return failures, outcomes


def test_a_mutated_delivery_is_read_or_refused_in_words(originals: Mapping[str, Path], tmp_path: Path) -> None:
    failures, outcomes = tried(originals, tmp_path, range(CASES))
    assert not failures, f"{len(failures)} of {CASES}\n" + "\n".join(failures[:20])
    assert min(outcomes["read"], outcomes["refused"]) > CASES / 10  # damage is found, and what does not matter is not


def _outcome(case: Path, chance: random.Random, writes: bool) -> str:
    """What becomes of a delivery; a description of the message if that is unfit for a person."""
    directory = case / "in"
    try:
        source = read_source(
            str(directory),
            strict=chance.random() < 0.1,
            class_names=CLASSES if chance.random() < 0.3 else None,
            reading=_reading(directory, chance),
            exif=chance.choice(EXIF_CHOICES),
        )
        _open_images(source)
        if writes:
            convert(ConvertRequest(directory, case / "out"))
    except InputError as error:
        return _unfit(str(error)) or "refused"
    return next(filter(None, map(_unfit, (*source.told, *source.left_out))), "read")


def _reading(directory: Path, chance: random.Random) -> Reading:
    """As it is found, mostly; else with something that a user may say, true or not."""
    if chance.random() < 0.7:
        return Reading()
    below = [os.path.relpath(path, directory) for path in sorted(directory.rglob("*"))]
    return Reading(
        form=chance.choice([None, None, *FORMATS]),
        annotations=chance.choice([None, None, *below[:20], "nowhere", "", ".", "../in"]),
        images=chance.choice([None, None, *below[:20], "nowhere", "", "."]),
        split=chance.choice([None, None, *_SPLITS]),
    )


def _open_images(source: Source) -> None:
    for shard in source.shards:
        for (record, content), name in zip(encoded_images(shard), shard.names):
            if isinstance(content, DataError):
                raise content
            inspect_image(content, record, name)


def _unfit(text: str) -> str:
    """What makes a message unfit for a terminal; nothing as a rule."""
    if len(text) > LONGEST_MESSAGE:
        return f"a message of {len(text)} characters: {text[:200]}"
    return "" if all(line.isprintable() for line in text.split("\n")) else f"a message not to be printed: {text!r}"
