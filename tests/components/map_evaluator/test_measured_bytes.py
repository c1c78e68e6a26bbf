from __future__ import annotations

import pytest

from components.map_evaluator.measured_bytes import check_baseline, check_unchanged
from schemas.base.errors import StateError


def test_a_baseline_with_the_bytes_that_were_recorded_is_compared_with() -> None:
    check_baseline("b", "a digest", "a digest", "100")


@pytest.mark.parametrize(("recorded", "said"), [("another", "another"), ("", "not recorded")])
def test_a_baseline_with_other_bytes_is_not_compared_with(recorded: str, said: str) -> None:
    with pytest.raises(StateError, match=rf"baseline \(b\): .*a digest, .* served version 100 is {said}, .*nothing is"):
        check_baseline("b", "a digest", recorded, "100")


def test_a_candidate_that_stayed_as_it_was_is_blessed_for_what_it_is() -> None:
    check_unchanged("c", "a digest", "a digest")


def test_a_candidate_that_changed_while_it_was_measured_is_not_blessed() -> None:
    with pytest.raises(StateError, match=r"candidate \(c\): .*files changed.*before before, after after.*nothing is"):
        check_unchanged("c", "before", "after")
