from __future__ import annotations

import re

from ratchet.pipeline.explain.drift_limits import DRIFT_LIMITS, SOURCE_LIMIT, is_category
from ratchet.schemas.data import features
from ratchet.schemas.data.tfdv_schema import DEFAULT_SCHEMA_FILE

_FEATURE = re.compile(r'name: "([^"]+)".*?(?=\nfeature \{|\Z)', re.DOTALL)
_DRIFT = re.compile(r"drift_comparator \{ (?:infinity_norm|jensen_shannon_divergence) \{ threshold: ([\d.]+)")


def test_limits_are_those_of_the_schema_that_comes_along() -> None:
    text = DEFAULT_SCHEMA_FILE.read_text(encoding="utf-8")
    curated = {
        found[1]: float(limit[1]) for found in _FEATURE.finditer(text) if (limit := _DRIFT.search(found[0])) is not None
    }
    of_sources = {name: limit for name, limit in curated.items() if name.startswith(features.SOURCE_PREFIX)}
    assert set(of_sources.values()) == {SOURCE_LIMIT}
    assert {name: limit for name, limit in curated.items() if name not in of_sources} == DRIFT_LIMITS
    assert list(DRIFT_LIMITS) == [name for name in curated if name not in of_sources]


def test_attribute_with_as_many_values_as_images_is_a_name() -> None:
    assert is_category(["day", "night", ""] * 10, 30)
    assert not is_category([str(number) for number in range(30)], 30)
