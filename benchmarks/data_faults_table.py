"""What the gate said of planted faults and of clean spans, as lines and as a table."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from benchmarks.faults import Fault
from ratchet.schemas.artifacts.decisions import DataDecision

CRASH = "CRASH"  # the gate raised instead of deciding, which is never right
_ORDER = (CRASH, "PASS", "WARN", "REJECT")
_SHOWN = 90  # characters of what a rule found


@dataclass(frozen=True)
class Judged:
    """One span and what the gate said.

    Attributes:
        name: of the span.
        fault: what was planted; None: nothing.
        draw: the seed.
        verdict: the gate's, or CRASH.
        first: the rule that is named first: of the failed ones, or else of the warnings; "-" if there is none.
        found: what that rule found.
        also: the other failed rules.
    """

    name: str
    fault: Fault | None
    draw: int
    verdict: str
    first: str
    found: str
    also: tuple[str, ...]

    @classmethod
    def of(cls, name: str, fault: Fault | None, draw: int, decision: DataDecision) -> Judged:
        """From the gate's decision."""
        shown = decision.remarkable[:1]
        return cls(
            name=name,
            fault=fault,
            draw=draw,
            verdict=decision.verdict.value,
            first=shown[0].rule if shown else "-",
            found=shown[0].actual if shown else "",
            also=tuple(reason.rule for reason in decision.failures[1:]),
        )

    @property
    def is_clean(self) -> bool:
        """Whether nothing may reject it."""
        return self.fault is None or self.fault.verdict == "PASS"

    @property
    def is_named(self) -> bool:
        """Whether the rule that is named first is one that names the fault, in the right words."""
        if self.fault is None or self.fault.says not in self.found:
            return False
        return any(self.first.startswith(rule) for rule in self.fault.named)

    @property
    def is_right(self) -> bool:
        """A fault: named rightly, with the verdict that it deserves or a harder one. A clean span: not rejected."""
        if self.fault is None or self.is_clean:
            return self.verdict not in ("REJECT", CRASH)
        return self.is_named and _ORDER.index(self.verdict) >= _ORDER.index(self.fault.verdict)

    @property
    def accuses_labels(self) -> bool:
        """Whether a rule about labels failed."""
        failed = (self.first, *self.also) if self.verdict == "REJECT" else ()
        return any(rule.startswith(("labels:", "boxes:")) for rule in failed)

    @property
    def line(self) -> str:
        """For the terminal, as soon as it was judged."""
        mark = "" if self.is_right else "WRONG" if self.is_clean else "OTHER" if self.verdict == "REJECT" else "MISSED"
        also = f"  (also {', '.join(self.also[:3])})" if self.also else ""
        return f"{self.name:<32}{self.draw:>3}  {self.verdict:<7}{mark:<7}{self.first}  {self.found[:_SHOWN]}{also}"

    def to_json(self) -> dict[str, Any]:
        """Everything, for a file."""
        strength = None if self.fault is None else self.fault.strength
        return {
            "name": self.name if self.fault is None else self.fault.name,
            "strength": strength,
            "draw": self.draw,
            "verdict": self.verdict,
            "first": self.first,
            "found": self.found,
            "also": self.also,
            "right": self.is_right,
            "clean": self.is_clean,
            "accuses_labels": self.accuses_labels,
        }


def table_of(judged: Sequence[Judged]) -> str:
    """A row a fault and strength, a row for the clean spans together, and sums."""
    clean = [each for each in judged if each.fault is None]
    rows = {}
    for each in judged:
        if each.fault is not None:
            rows.setdefault(str(each.fault), []).append(each)
    lines = [
        "",
        "| what | verdict | first named | right |",
        "|---|---|---|---|",
        *(_row(name, draws) for name, draws in rows.items()),
    ]
    if clean:
        lines.append(_row("natural spans, no fault", clean))
    faults = [each for each in judged if not each.is_clean]
    harmless = [each for each in judged if each.is_clean]
    lines += [
        "",
        f"faults with the right name first and the verdict they deserve: {_share(faults)}",
        f"clean spans not rejected: {_share(harmless)}; of them natural ones: {_share(clean)}; "
        f"with true labels accused: {sum(each.accuses_labels for each in harmless)}",
    ]
    return "\n".join(lines)


def _row(name: str, draws: Sequence[Judged]) -> str:
    verdicts = Counter(each.verdict for each in draws)
    firsts = Counter(each.first for each in draws).most_common(2)
    verdict = ", ".join(f"{word} {verdicts[word]}" for word in reversed(_ORDER) if verdicts[word])
    first = ", ".join(f"{rule} {count}" if len(firsts) > 1 else rule for rule, count in firsts)
    return f"| {name} | {verdict} | {first} | {_share(draws)} |"


def _share(judged: Sequence[Judged]) -> str:
    return f"{sum(each.is_right for each in judged)} of {len(judged)}"
