"""Reads a file of faults, and plants them into a COCO data set."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import yaml

from ratchet.pipeline.bench.engine import OF_ANOTHER, PLANTERS
from ratchet.pipeline.bench.fault_images import IMAGE_FAULTS
from ratchet.pipeline.bench.fault_sets import golden_holds_it
from ratchet.pipeline.bench.planting import Planted
from ratchet.schemas.base.errors import ConfigError

FAULTS_FILE = Path(__file__).parent / "faults.yaml"
_KEYS = {"plant", "with", "strengths", "scored", "named", "says", "verdict", "part", "golden_too"}


@dataclass(frozen=True)
class Part:
    """Only a part of the span has the fault; `by` is that of `Planted.narrow_to`."""

    share: float
    by: str


@dataclass(frozen=True)
class Fault:
    """A fault, or a change that is none, at one strength.

    Attributes:
        name: what it is called.
        strength: in the unit of what plants it.
        plant: name of what plants it.
        named: rules, by their beginnings, any of which names it rightly.
        says: words that what it found has to hold; empty: any.
        verdict: what the gate should say at least: REJECT or WARN; PASS: it is no fault, and nothing may reject it.
        options: more for what plants it.
        part: of the span that has it; None: all of it.
        golden_too: whether half of the golden set is changed alike.
    """

    name: str
    strength: float
    plant: str
    named: tuple[str, ...] = ()
    verdict: str = "REJECT"
    says: str = ""
    options: tuple[tuple[str, Any], ...] = ()
    part: Part | None = None
    golden_too: bool = False

    def __str__(self) -> str:
        return f"{self.name} {self.strength:g}"


def read_faults(path: Path = FAULTS_FILE, scored: bool = False) -> list[Fault]:
    """The faults of a file, each at its strengths.

    Args:
        path: YAML or JSON: a mapping from each fault's name to its entry; see `faults.yaml`.
        scored: the strengths that no limit was chosen by, instead of those that were looked at.

    Raises:
        ConfigError: the file is not like that.
    """
    try:
        entries = yaml.safe_load(path.read_text(encoding="utf-8"))
    except (OSError, ValueError, yaml.YAMLError) as error:
        raise ConfigError(f"--faults {path}: cannot be read ({error}); give YAML or JSON") from error
    if not isinstance(entries, Mapping):
        raise ConfigError(f"--faults {path}: must be a mapping from names of faults to what they are")
    return [fault for name, entry in entries.items() for fault in _faults(path, str(name), entry, scored)]


def _faults(path: Path, name: str, entry: Any, scored: bool) -> list[Fault]:
    entry = entry or {}
    if not isinstance(entry, Mapping) or (unknown := sorted(set(entry) - _KEYS)):
        given = unknown[0] if isinstance(entry, Mapping) else entry
        raise ConfigError(f"--faults {path}: {name}: {given} is unknown; known are {', '.join(sorted(_KEYS))}")
    plant = entry.get("plant", name)
    if plant not in PLANTERS:
        raise ConfigError(f"--faults {path}: {name}: nothing plants {plant!r}; known are {', '.join(sorted(PLANTERS))}")
    strengths = entry.get("scored" if scored else "strengths", [])
    if not isinstance(strengths, list) or not all(isinstance(value, (int, float)) for value in strengths):
        raise ConfigError(f"--faults {path}: {name}: strengths must be a list of numbers, not {strengths!r}")
    verdict = entry.get("verdict", "REJECT")
    if verdict not in ("PASS", "WARN", "REJECT"):
        raise ConfigError(f"--faults {path}: {name}: verdict must be PASS, WARN or REJECT, not {verdict!r}")
    return [
        Fault(
            name=name,
            strength=float(strength),
            plant=plant,
            named=tuple(entry.get("named", ())),
            verdict=verdict,
            says=str(entry.get("says", "")),
            options=tuple(entry.get("with", {}).items()),
            part=Part(**entry["part"]) if "part" in entry else None,
            golden_too=bool(entry.get("golden_too", False)),
        )
        for strength in strengths
    ]


def plant(
    fault: Fault,
    source: Path,
    golden: Path,
    out: Path,
    seed: int = 0,
    images: int | None = None,
    trained: Path | None = None,
) -> Path:
    """Writes a copy of a data set with the fault in it.

    Args:
        fault: what to plant.
        source: a COCO span directory.
        golden: the golden set.
        out: the span directory to make.
        seed: of all that is random.
        images: how many of the span's images to take, drawn at random; None: all.
        trained: what the served model was trained on.

    Returns:
        The golden set to judge it with.
    """
    planted = Planted.copy_of(source, golden, out, np.random.default_rng([seed, 0]), images)
    planted.rng = np.random.default_rng([seed, *str(fault).encode()])
    if fault.part is not None:
        planted.narrow_to(fault.part.share, fault.part.by)
    if fault.golden_too:
        golden_holds_it(planted, IMAGE_FAULTS[fault.plant], fault.strength)
    elif fault.plant in OF_ANOTHER:
        PLANTERS[fault.plant](planted, fault.strength, trained=trained)
    else:
        PLANTERS[fault.plant](planted, fault.strength, **dict(fault.options))
    planted.write()
    return planted.other_golden or golden
