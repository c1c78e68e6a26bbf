"""The gate's operating characteristic: the tables and the picture of docs/operating-characteristic.md.

python -m benchmarks.operating_characteristic [--workers 2] [--docs docs]
"""

from __future__ import annotations

import argparse
import sys
import time
from collections.abc import Iterable, Sequence
from pathlib import Path

from benchmarks.gate_simulation import RULES, Outcome, Plan, simulate
from ratchet.schemas.artifacts.decisions import Verdict
from ratchet.schemas.base.differences import detectable

BEGIN, END = "<!-- written by `make operating-characteristic` -->", "<!-- to here -->"
_COLOURS = ("#0072b2", "#d55e00", "#009e73", "#cc79a7", "#555555")  # Okabe and Ito: told apart by everybody
_STYLES = ("-", "--", "-.", ":", (0, (1, 1)))


def write_tables(file: Path, outcomes: Sequence[Outcome], rules: Sequence[str]) -> None:
    """Puts the tables in the place of those that the page has.

    Args:
        file: Markdown with the lines BEGIN and END.
        outcomes: by size, then by difference.
        rules: what the choices of rules are called, the default ones first.
    """
    before, _, rest = file.read_text(encoding="utf-8").partition(BEGIN)
    _, _, after = rest.partition(END)
    text = "\n".join(line for images in _sizes(outcomes) for line in _table(images, outcomes, rules))
    file.write_text(f"{before}{BEGIN}\n{text}\n{END}{after}", encoding="utf-8")


def _sizes(outcomes: Iterable[Outcome]) -> list[int]:
    return sorted({outcome.images for outcome in outcomes})


def _of(images: int, outcomes: Iterable[Outcome]) -> list[Outcome]:
    return sorted((each for each in outcomes if each.images == images), key=lambda each: each.difference)


def _table(images: int, outcomes: Sequence[Outcome], rules: Sequence[str]) -> Iterable[str]:
    rows = _of(images, outcomes)
    middle = min(rows, key=lambda each: abs(each.difference))
    default, *others = rules
    yield f"\n### {images:,} golden images, which detect differences from {detectable(middle.detectable)} on\n"
    heads = ["true difference", "pushed", "blocked", "inconclusive", *(f"pushed, {name}" for name in others)]
    yield f"| {' | '.join(heads)} |"
    yield f"|{'---:|' * len(heads)}"
    for each in rows:
        verdicts = [each.share(default, verdict) for verdict in (Verdict.PUSHED, Verdict.BLOCKED, Verdict.INCONCLUSIVE)]
        shares = [*verdicts, *(each.share(name) for name in others)]
        yield f"| {each.difference:+.3f} | {' | '.join(f'{share:.2f}' for share in shares)} |"


def write_chart(file: Path, outcomes: Sequence[Outcome], rules: Sequence[str]) -> None:
    """Draws the probability to be pushed: by size under the default rules, and by rules for the size in the middle.

    Args:
        file: PNG to write.
        outcomes: of every size and difference.
        rules: as for `write_tables`.
    """
    import matplotlib as mpl  # here, because a test of the simulation needs no picture

    mpl.use("Agg")
    from matplotlib import pyplot

    sizes = _sizes(outcomes)
    middle = sizes[len(sizes) // 2]
    figure, (left, right) = pyplot.subplots(1, 2, figsize=(11, 4.4), sharey=True, layout="constrained")
    by_size = {f"{images:,} images": _curve(_of(images, outcomes), rules[0]) for images in sizes}
    by_rules = {name: _curve(_of(middle, outcomes), name) for name in rules}
    titles = (f"{rules[0].capitalize()}, by size of the golden set", f"{middle:,} golden images, by rules")
    for axes, title, curves in zip((left, right), titles, (by_size, by_rules), strict=True):
        for (name, (xs, ys)), colour, style in zip(curves.items(), _COLOURS, _STYLES, strict=False):
            axes.plot(xs, ys, color=colour, linestyle=style, marker="o", markersize=3.5, label=name)
        axes.axvline(0, color="#999999", linewidth=0.8)
        axes.set(title=title, xlabel="true difference of mAP, candidate minus baseline", ylim=(-0.03, 1.03))
        axes.grid(color="#dddddd", linewidth=0.6)
        axes.legend(loc="lower right", frameon=False)
    left.set_ylabel("probability to be pushed")
    figure.savefig(file, dpi=110, metadata={"Software": None})
    pyplot.close(figure)


def _curve(outcomes: Iterable[Outcome], rules: str) -> tuple[list[float], list[float]]:
    rows = list(outcomes)
    return [each.difference for each in rows], [each.share(rules) for each in rows]


def main(arguments: Sequence[str] | None = None) -> int:
    """Simulates, and writes what came out into the documentation."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--workers", type=int, default=2)
    parser.add_argument("--docs", type=Path, default=Path("docs"), help="directory of operating-characteristic.md")
    options = parser.parse_args(arguments)
    started = time.monotonic()
    outcomes = simulate(Plan(), options.workers, lambda outcome: print(_line(outcome), flush=True))
    write_tables(options.docs / "operating-characteristic.md", outcomes, tuple(RULES))
    write_chart(options.docs / "operating-characteristic.png", outcomes, tuple(RULES))
    print(f"{time.monotonic() - started:.0f} s")
    return 0


def _line(outcome: Outcome) -> str:
    shares = ", ".join(f"{rules} {outcome.share(rules):.2f}" for rules in RULES)
    return f"{outcome.images:>5} images, {outcome.difference:+.4f}: {shares}  ({outcome.golden_sets} golden sets)"


if __name__ == "__main__":
    sys.exit(main())
