"""Prometheus' text format, as its textfile collector reads it; pure text.

https://prometheus.io/docs/instrumenting/exposition_formats/#text-based-format
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass


@dataclass(frozen=True)
class Sample:
    """One value.

    Attributes:
        value: it.
        labels: beside those that all samples of a file have.
    """

    value: float
    labels: Mapping[str, str]


@dataclass(frozen=True)
class Gauge:
    """A value that goes up and down, or several of them that labels tell apart.

    Attributes:
        name: with its unit.
        help: a sentence.
        samples: its values; without any it is left out.
    """

    name: str
    help: str
    samples: Sequence[Sample]


def exposition(gauges: Sequence[Gauge], common: Mapping[str, str]) -> str:
    """The text of a file.

    Args:
        gauges: what it holds.
        common: labels of all samples.
    """
    lines = []
    for gauge in gauges:
        if gauge.samples:
            told = _text(gauge.help)
            lines += [f"# HELP {gauge.name} {told}", f"# TYPE {gauge.name} gauge"]
        for sample in gauge.samples:
            lines.append(f"{gauge.name}{_labels({**common, **sample.labels})} {_number(sample.value)}")
    return "".join(f"{line}\n" for line in lines)


def _labels(labels: Mapping[str, str]) -> str:
    return "{" + ",".join(f'{name}="{_escaped(value)}"' for name, value in labels.items()) + "}" if labels else ""


def _escaped(value: str) -> str:
    return _text(value).replace('"', r"\"")


def _text(value: str) -> str:
    # Names of files may hold bytes that are no text; a scraper would refuse the whole file for one of them.
    text = value.encode("utf-8", "backslashreplace").decode()
    return text.replace("\\", r"\\").replace("\n", r"\n")


def _number(value: float) -> str:
    """Whole numbers, as times, with all of their digits."""
    return str(int(value)) if float(value).is_integer() else repr(float(value))
