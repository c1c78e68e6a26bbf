from __future__ import annotations

import dataclasses
import datetime

import pytest

from ratchet.schemas.artifacts.overrides import OVERRIDE_FORMAT, Override, OverrideKind
from ratchet.schemas.base.errors import StateError

APPROVAL = Override(
    kind=OverrideKind.APPROVED,
    at="2026-03-01T12:00:00+00:00",
    by="Ana",
    reason="labels seen by hand",
    run_id="span-3",
    version="20",
    previous_version="10",
    model_digest="m",
    golden_digest="g",
    expires="2026-12-31",
)
ROLLBACK = dataclasses.replace(APPROVAL, kind=OverrideKind.ROLLED_BACK, expires=None, restored="5")


@pytest.mark.parametrize("override", [APPROVAL, ROLLBACK])
def test_an_override_goes_to_json_and_back(override: Override) -> None:
    assert OVERRIDE_FORMAT.read(OVERRIDE_FORMAT.write(override), "x") == override


def test_an_approval_expires_after_its_last_day_and_a_rollback_never() -> None:
    assert not APPROVAL.expired(datetime.date(2026, 12, 31))
    assert APPROVAL.expired(datetime.date(2027, 1, 1))
    assert not ROLLBACK.expired(datetime.date(2099, 1, 1))


def test_a_person_reads_what_is_served_now_by_whom_and_until_when() -> None:
    assert APPROVAL.to_text().splitlines() == [
        "APPROVED  the blocked candidate of run span-3 is served now, as version 20",
        "  by Ana: labels seen by hand",
        "  approved until 2026-12-31; nothing is withdrawn by itself after that day",
        "  it takes the place of version 10",
    ]
    assert ROLLBACK.to_text().splitlines()[0] == "ROLLED_BACK  the model of version 5 is served again, as version 20"


@pytest.mark.parametrize("values", [{"kind": "FORCED"}, {"by": 1}])
def test_what_is_no_override_is_refused(values: dict[str, object]) -> None:
    with pytest.raises(StateError, match=f"x: not an approval or rollback .{next(iter(values))} = "):
        OVERRIDE_FORMAT.from_values({**OVERRIDE_FORMAT.values_of(APPROVAL), **values}, "x")
