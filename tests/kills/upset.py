"""What an upset is: it changes a root and yields what is wrong afterwards."""

from __future__ import annotations

from collections.abc import Callable, Iterator

from tests.kills.matrix import Prepared
from tests.kills.state import wrong_in_words
from tests.kills.tiny import Given

Upset = Callable[[Prepared], Iterator[str]]
UPSETS: dict[str, Upset] = {}
EVALUATOR = "log Component MapEvaluator is running."


def upset(function: Upset) -> Upset:
    """Adds it to the list."""
    UPSETS[function.__name__] = function
    return function


def expect(given: Given, code: int, verdict: str | None, run_id: str | None = None) -> Iterator[str]:
    """What is wrong with the end of a command."""
    yield from wrong_in_words(given)
    result = given.result
    if given.code != code or result.get("verdict") != verdict:
        yield f"ended with {given.code}, {result.get('verdict')}: {given.out[-500:]!r}"
    elif run_id is not None and result.get("run_id") != run_id:
        yield f"ended as {result.get('run_id')} instead of {run_id}"


def failed_rules(given: Given) -> list[str]:
    """The rules that decided against the candidate."""
    return [reason["rule"] for reason in given.result.get("reasons", ()) if not reason["passed"]]
