"""Writes the pairs, asks `ratchet explain`, prints a table.

python -m benchmarks.explain_pairs OUT [--pairs NAME ...] [--subsets]
"""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

from benchmarks.explain_pairs.asked import ASKED, answer_to, is_right, only
from benchmarks.explain_pairs.pairs import PAIRS
from benchmarks.explain_pairs.subsets import faults_of_every_subset


def main(arguments: list[str]) -> int:
    """Runs the command line; 1 where an answer is wrong."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("out", type=Path)
    parser.add_argument("--pairs", nargs="+", default=[pair.name for pair in PAIRS])
    parser.add_argument("--subsets", action="store_true", help="ask every subset of the files as well; minutes")
    given = parser.parse_args(arguments)
    wrong = 0
    sys.stdout.write(" | ".join(["pair", "planted", "toolkit", *ASKED]) + "\n")
    for pair in (pair for pair in PAIRS if pair.name in given.pairs):
        request = pair.made(given.out)
        answers = [answer_to(only(request, groups)) for groups in ASKED.values()]
        wrong += not is_right(answers[0], pair.right)
        sys.stdout.write(" | ".join([pair.name, pair.planted, pair.toolkit, *answers]) + "\n")
        for fault in faults_of_every_subset(request) if given.subsets else ():
            wrong += 1
            sys.stdout.write(f"  {fault}\n")
        sys.stdout.flush()
    return 1 if wrong else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
