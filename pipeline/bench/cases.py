"""What a bench plants, written down before it runs: a file of entries becomes numbered cases; pure.

An entry is a fault, a decoy, a stranger or a pair; each at its strengths is a case. Numbers are drawn, so that neither
a number nor a directory's name says what a case holds.
"""

from __future__ import annotations

import hashlib
import inspect
import json
import math
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path
from typing import Annotated, Any, Literal

import numpy as np
from pydantic import Field, model_validator

from ratchet.pipeline.bench.below_policy import EDITS
from ratchet.pipeline.bench.case_result import Group, PlantedFault, Split
from ratchet.pipeline.bench.engine import PLANTERS, Planting
from ratchet.schemas.artifacts.diagnosis import CAUSES, UNKNOWN
from ratchet.schemas.base.errors import ConfigError
from ratchet.schemas.base.files import reason_of
from ratchet.schemas.base.settings import load, parse_yaml, settings

FAULTS_FILE = Path(__file__).parent / "faults.yaml"
CONTROLS = 3  # seeds of a bench: each has a control, and the cases are shared out among them
FIRST_SEED = {Split.CALIBRATION: 1000, Split.SCORE: 2000}  # of a bench of seed 0; each further seed is ten on
_STRENGTH = "{strength}"  # in a setting: that of the case


@settings
class Entry:
    """One entry of a file of faults.

    Attributes:
        group: see `Group`.
        plant: what plants it, of `engine.PLANTERS`; None: it changes settings alone.
        options: more for what plants it.
        of: what is changed: the span, or the golden set.
        strengths: for calibration, the strong one first; the others are mild.
        scored: for scoring.
        settings: texts `a.b=value`, in which `{strength}` is that of the case.
        below: instead of the settings where nothing may be declared: edits below the policy, by name.
        accepted: causes any of which names it rightly; empty for a decoy.
        both: of a pair, the two entries, each at its strong strength.
    """

    group: Literal["fault", "decoy", "stranger", "pair"] = "fault"
    plant: str | None = None
    options: dict[str, Any] = field(default_factory=dict)
    of: Literal["span", "golden"] = "span"
    strengths: Annotated[tuple[float, ...], Field(min_length=1)] = (1.0,)
    scored: Annotated[tuple[float, ...], Field(min_length=1)] = (1.0,)
    settings: tuple[str, ...] = ()
    below: dict[str, str] = field(default_factory=dict)
    accepted: tuple[str, ...] = ()
    both: Annotated[tuple[str, ...], Field(max_length=2)] = ()

    @model_validator(mode="after")
    def _is_sound(self) -> Entry:
        if self.plant is not None and self.plant not in PLANTERS:
            raise ValueError(f"plant: nothing plants {self.plant!r}; known are {', '.join(sorted(PLANTERS))}")
        self._check_edits()
        for cause in self.accepted:
            if cause.partition(":")[0] not in (*CAUSES, UNKNOWN):
                raise ValueError(f"accepted: {cause!r} is no cause; known are {', '.join((*CAUSES, UNKNOWN))}")
        if self.group == "fault" and not self.accepted:
            raise ValueError("accepted: is empty; say which cause, of a fault, is the right answer")
        if self.group == "fault" and UNKNOWN in self.accepted:
            raise ValueError(f"accepted: {UNKNOWN!r} is no answer to a fault; what no cause answers is a stranger")
        if self.group == "decoy" and self.accepted:
            raise ValueError("accepted: a decoy has no cause; leave it out, or make it a fault")
        if (self.group == "pair") != (len(self.both) == 2):
            raise ValueError("both: names the two entries of a pair, and only of a pair")
        return self

    def _check_edits(self) -> None:
        if self.group != "pair" and not (self.plant or self.settings):
            raise ValueError("plant, settings: both are left out, so that nothing is planted; give one of them")
        for text in self.settings:
            if not text.partition("=")[0].strip() or "=" not in text:
                raise ValueError(f"settings: {text!r} is no setting; write a.b=value")
        for name, text in self.below.items():
            if name not in EDITS:
                raise ValueError(f"below: nothing below the policy is called {name!r}; known are {', '.join(EDITS)}")
            if not _is_number(text.replace(_STRENGTH, "1")):
                raise ValueError(f"below: {name} = {text!r} is no number, nor {_STRENGTH}")
        if self.plant is not None:
            taken = list(inspect.signature(PLANTERS[self.plant]).parameters)[2:]  # after the set and the strength
            taken = [name for name in taken if name != "trained"]  # which the bench gives itself
            if strange := sorted(set(self.options) - set(taken)):
                raise ValueError(f"options: {self.plant} has no {strange[0]!r}; it has {', '.join(taken) or 'none'}")


def _is_number(text: str) -> bool:
    try:
        return math.isfinite(float(text))
    except ValueError:
        return False


@dataclass(frozen=True)
class Case:
    """One case, complete.

    Attributes:
        number: neutral; three digits or more.
        group: see there.
        split: see there.
        seed: of span and planting; the control of the same seed has the same span without the fault.
        blind: whether nothing may be declared.
        planted: what is planted; empty for a control.
        plantings: edits of the data, in their order.
        settings: texts `a.b=value`.
        below: edits below the policy, by name.
    """

    number: str
    group: Group
    split: Split
    seed: int
    blind: bool = False
    planted: tuple[PlantedFault, ...] = ()
    plantings: tuple[Planting, ...] = ()
    settings: tuple[str, ...] = ()
    below: dict[str, float] = field(default_factory=dict)

    @property
    def title(self) -> str:
        """What it is, for the terminal."""
        return " and ".join(map(str, self.planted)) or self.group.value

    @property
    def digest(self) -> str:
        """Of everything that says what is planted."""
        return hashlib.sha256(json.dumps(asdict(self), sort_keys=True).encode()).hexdigest()


def read_entries(path: Path = FAULTS_FILE) -> dict[str, Entry]:
    """The entries of a file, by name.

    Raises:
        ConfigError: it cannot be read, or an entry is not as `Entry` says.
    """
    try:
        text = path.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise ConfigError(f"--faults {path}: cannot be read ({reason_of(error)}); give a YAML file") from error
    values = parse_yaml(text, f"--faults {path}")
    if not values:
        raise ConfigError(f"--faults {path}: no entry is in it; give some, such as those of {FAULTS_FILE}")
    entries = {}
    for name, entry in values.items():
        if not isinstance(entry, Mapping):
            raise ConfigError(f"--faults {path}: {name}: must be a mapping such as {{plant: light, accepted: [...]}}")
        entries[str(name)] = load(Entry, entry, f"--faults {path}: {name}")
    _check_pairs(entries, path)
    return entries


def _check_pairs(entries: Mapping[str, Entry], path: Path) -> None:
    for name, entry in entries.items():
        for part in entry.both:
            if part not in entries or entries[part].group != "fault":
                raise ConfigError(f"--faults {path}: {name}: both: {part!r} is no fault of this file")


def plan(entries: Mapping[str, Entry], split: Split, seed: int, blind: bool) -> tuple[Case, ...]:
    """All cases of a bench, controls first.

    Args:
        entries: of `read_entries`.
        split: whose strengths are taken.
        seed: another one gives other spans, and other numbers to the cases.
        blind: whether nothing may be declared.
    """
    first = FIRST_SEED[split] + 10 * seed
    controls = [Case("", Group.CONTROL, split, first + place, blind) for place in range(CONTROLS)]
    cases = [
        replace(case, seed=first + place % CONTROLS)
        for place, case in enumerate(
            case for name, entry in entries.items() for case in _cases(entries, name, entry, split, blind)
        )
    ]
    order = np.random.default_rng([first, len(cases)]).permutation(len(cases)).tolist()
    numbered = [*controls, *(cases[place] for place in order)]
    return tuple(replace(case, number=f"{number:03}") for number, case in enumerate(numbered, start=1))


def _cases(entries: Mapping[str, Entry], name: str, entry: Entry, split: Split, blind: bool) -> list[Case]:
    if entry.both:
        parts = [_case(part, entries[part], _strengths(entries[part], split)[0], split, blind) for part in entry.both]
        return [_joined(parts)]
    return [_case(name, entry, strength, split, blind) for strength in _strengths(entry, split)]


def _strengths(entry: Entry, split: Split) -> tuple[float, ...]:
    return entry.strengths if split is Split.CALIBRATION else entry.scored


def _case(name: str, entry: Entry, strength: float, split: Split, blind: bool) -> Case:
    below = {edit: float(text.replace(_STRENGTH, f"{strength:g}")) for edit, text in entry.below.items()}
    hidden = blind and bool(below)
    given = () if hidden else tuple(text.replace(_STRENGTH, f"{strength:g}") for text in entry.settings)
    changed = dict(text.split("=", 1) for text in given)
    plantings = (Planting(entry.plant, strength, entry.of, dict(entry.options)),) if entry.plant else ()
    return Case(
        number="",
        group=Group(entry.group),
        split=split,
        seed=0,
        blind=blind,
        planted=(PlantedFault(name, strength, entry.accepted, changed),),
        plantings=plantings,
        settings=given,
        below=below if hidden else {},
    )


def _joined(parts: Sequence[Case]) -> Case:
    return replace(
        parts[0],
        group=Group.PAIR,
        planted=tuple(fault for part in parts for fault in part.planted),
        plantings=tuple(each for part in parts for each in part.plantings),
        settings=_merged([text for part in parts for text in part.settings]),
        below={name: value for part in parts for name, value in part.below.items()},
    )


def _merged(texts: Sequence[str]) -> tuple[str, ...]:
    """Settings of two faults; what both allow is allowed together."""
    allow = [text.partition("=")[2].strip("[] ") for text in texts if text.startswith("training.allow=")]
    rest = [text for text in texts if not text.startswith("training.allow=")]
    return (*rest, f"training.allow=[{', '.join(dict.fromkeys(allow))}]") if allow else tuple(rest)
