from __future__ import annotations

from ratchet.components.data_gate.copies import SpanCopies
from ratchet.schemas.data.looks import Looks
from tests.components.imaging.scenes import encoded_again, looks_of, photograph

GOLDEN = [photograph(seed) for seed in range(3)]
OTHERS = [photograph(seed) for seed in range(10, 14)]


def test_copies_are_told_by_the_ids_of_both_images() -> None:
    copied = (encoded_again(GOLDEN[1][0], 60), GOLDEN[1][1])
    found = SpanCopies.find(looks_of([*OTHERS, copied, OTHERS[0]]), looks_of(GOLDEN, first_id=100))
    assert (found.leaked.pairs, found.leaked.images) == (((5, 101),), 6)
    assert found.repeated.pairs == ((6, 1),)
    assert found.captions == {1: "image 6 is a copy of it", 5: "a copy of golden image 101", 6: "a copy of image 1"}
    assert found.worst(9) == {1, 5, 6}


def test_without_a_golden_set_nothing_leaked() -> None:
    assert SpanCopies.find(looks_of(OTHERS), Looks.join([])).leaked.pairs == ()
