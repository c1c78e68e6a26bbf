from __future__ import annotations

import pytest

from ratchet.components.data_gate.copies import Copies
from ratchet.components.data_gate.copy_rules import no_leak, no_repeats
from ratchet.schemas.base.errors import ConfigError
from ratchet.schemas.base.settings import load
from ratchet.schemas.data.copy_settings import CopySettings

ON, OFF = CopySettings(), CopySettings(check=False, reason="frames of one dashboard camera, split by day")
LEAKED = Copies(((7, 31), (9, 32)), 600, {9: "mirrored"})


def test_a_copy_is_named_with_what_was_done_to_it() -> None:
    reason = no_leak(LEAKED, {7: "a.jpg", 9: "b.jpg"}, ON)
    assert not reason.passed
    assert (
        reason.actual
        == "2 golden images are in the span: a.jpg is golden image 31, b.jpg is golden image 32 (mirrored)"
    )
    assert reason.strength is not None
    assert reason.strength > 1


def test_what_may_be_another_photograph_of_the_scene_is_a_warning_with_both_images() -> None:
    doubtful = Copies(((9, 32),), 600, {9: "cropped to 62%"}, frozenset({9}))
    reason = no_leak(doubtful, {9: "b.jpg"}, ON)
    assert (reason.passed, reason.warning, reason.images) == (True, True, ("b.jpg",))
    assert "one photograph or two of the same scene: b.jpg and golden image 32 (cropped to 62%)" in reason.actual
    assert doubtful.told(9, 32, "golden image") == "perhaps a copy of golden image 32"
    both = no_leak(Copies(((7, 31), (9, 32)), 600, {}, frozenset({9})), {7: "a.jpg", 9: "b.jpg"}, ON)
    assert not both.passed
    assert both.actual.startswith("1 golden image is in the span: a.jpg is golden image 31; to be looked at")


def test_what_is_switched_off_was_not_tested_and_says_why() -> None:
    for reason in (no_leak(LEAKED, {}, OFF), no_repeats(LEAKED, {}, OFF)):
        assert (reason.passed, reason.tested) == (True, False)
        assert "frames of one dashboard camera, split by day" in reason.actual
    assert no_leak(LEAKED, {}, OFF).warning


def test_many_copies_within_a_span_are_a_warning() -> None:
    pairs = tuple((number + 1, 1) for number in range(1, 10))
    reason = no_repeats(Copies(pairs, 600), {1: "first.jpg", 2: "second.jpg"}, ON)
    assert (reason.passed, reason.warning, reason.strength) == (True, True, pytest.approx(1.5))
    assert "9 of 600 images (1.5 %) are copies of others, such as second.jpg and first.jpg" in reason.actual
    assert not no_repeats(Copies(pairs[:6], 600), {}, ON).warning


@pytest.mark.parametrize(
    ("values", "says"),
    [
        ({"check": False}, r"data\.copies\.check = false: .* say in data\.copies\.reason why"),
        ({"check": False, "reason": "  "}, r"say in data\.copies\.reason"),
        ({"reason": "one camera"}, r"data\.copies\.reason: .* set data\.copies\.check to false"),
        ({"max_hamming_distance": 65}, "max_hamming_distance = 65"),
    ],
)
def test_switching_off_needs_a_reason(values: dict[str, object], says: str) -> None:
    with pytest.raises(ConfigError, match=says):
        load(CopySettings, values, "a.yaml")
