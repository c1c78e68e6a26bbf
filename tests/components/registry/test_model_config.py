"""Version labels in TensorFlow Serving's model config, and nothing else in it."""

from __future__ import annotations

import difflib
from typing import Any

import pytest

from ratchet.components.registry.model_config import VersionLabels, read_labels, with_labels
from ratchet.schemas.base.errors import InputError

WHOLE = """\
# Kept by hand.  stable: 1 is no label
model_config_list: {
  config {
    name: "other"  # not ours
    base_path: "/models/other"
    version_labels { key: "stable" value: 7 }
  }
  config {
    name: 'detec' "tor"
    base_path: "/models/detector"
    model_platform: "tensorflow"
    model_version_policy {
      specific {
        versions: 7
        versions: 8  # the newest
      }
    }
    version_labels {
      key: "stable"
      value: 7  # what clients get
    }
    version_labels: { value: 8, key: "canary" }
  }
}
"""


def message(text: str) -> Any:
    """As TensorFlow Serving reads it."""
    from google.protobuf import text_format
    from tensorflow_serving.config import model_server_config_pb2

    return text_format.Parse(text, model_server_config_pb2.ModelServerConfig())  # pyright: ignore[reportAttributeAccessIssue]


def served(text: str, model: str = "detector") -> tuple[dict[str, int], list[int]]:
    [config] = [config for config in message(text).model_config_list.config if config.name == model]
    return dict(config.version_labels), list(config.model_version_policy.specific.versions)


def changed(before: str, after: str) -> list[str]:
    lines = difflib.ndiff(before.splitlines(), after.splitlines())
    return [" ".join(line.split()) for line in lines if line[0] in "+-"]


def test_labels_and_policy_are_read() -> None:
    assert read_labels(WHOLE, "f", "detector") == VersionLabels({"stable": 7, "canary": 8}, (7, 8), None)


def test_only_the_numbers_of_the_label_change_and_what_it_left_stays_loaded() -> None:
    after = with_labels(WHOLE, "f", "detector", {"canary": 9})
    assert [line for line in changed(WHOLE, after) if line[0] == "+"] == [
        "+ versions: 9",
        '+ version_labels: { value: 9, key: "canary" }',
    ]
    assert served(after) == ({"stable": 7, "canary": 9}, [7, 8, 9])
    assert served(after, "other") == ({"stable": 7}, [])
    assert after.startswith("# Kept by hand.  stable: 1 is no label\n")
    assert "versions: 8" in after


def test_the_version_that_lost_its_label_before_goes_with_the_next_change() -> None:
    after = with_labels(with_labels(WHOLE, "f", "detector", {"canary": 9}), "f", "detector", {"canary": 10})
    assert served(after)[0] == {"stable": 7, "canary": 10}
    assert sorted(served(after)[1]) == [7, 9, 10]
    both = with_labels(after, "f", "detector", {"stable": 10, "canary": 10})
    assert served(both)[0] == {"stable": 10, "canary": 10}
    assert sorted(served(both)[1]) == [7, 10]
    alone = with_labels(both, "f", "detector", {"stable": 11, "canary": 11})
    assert sorted(served(alone)[1]) == [10, 11]
    assert "# what clients get" in alone


def test_the_same_labels_change_nothing() -> None:
    assert with_labels(WHOLE, "f", "detector", {"stable": 7, "canary": 8}) == WHOLE


def test_a_label_that_the_file_does_not_use_is_not_written() -> None:
    text = WHOLE.replace('version_labels: { value: 8, key: "canary" }', "")
    after = with_labels(text, "f", "detector", {"stable": 9, "canary": 9})
    assert served(after) == ({"stable": 9}, [7, 9])


@pytest.mark.parametrize(
    ("policy", "versions"),
    [
        ("specific { versions: [7, 8] }", [7, 8, 9]),
        ("specific: < versions: [ 8 , 7 ] >", [7, 8, 9]),
        ("specific { versions: 7, versions: 8; }", [7, 8, 9]),
        ("specific { versions: [3, 7, 4] }", [7, 8, 9]),
        ("specific { versions: [3, 4, 5, 6] }", [7, 8, 9]),
        ("specific { versions: 3 versions: 4 versions: 5\n versions: 6 }", [7, 8, 9]),
        ("specific { versions:3 }", [7, 8, 9]),
        ("specific {\n# a comment\nversions: 8\n}", [7, 8, 9]),
        ("latest { num_versions: 2 }", []),
        ("all {}", []),
    ],
)
def test_versions_are_kept_in_step_however_they_are_written(policy: str, versions: list[int]) -> None:
    text = (
        'model_config_list { config { name: "detector" model_version_policy { '
        + policy
        + ' } version_labels: [{key: "stable", value: 7}, {key: "canary", value: 8}] } }'
    )
    after = with_labels(text, "f", "detector", {"canary": 9})
    labels, there = served(after)
    assert (labels, sorted(there)) == ({"stable": 7, "canary": 9}, versions)


@pytest.mark.parametrize("written", ["8", "0x8", "0X8", "010", "0x0008"])
def test_a_number_is_read_as_protobuf_reads_it(written: str) -> None:
    text = WHOLE.replace("value: 8", f"value: {written}").replace("versions: 8", f"versions: {written}")
    assert read_labels(text, "f", "detector") == VersionLabels({"stable": 7, "canary": 8}, (7, 8), None)
    assert served(text) == ({"stable": 7, "canary": 8}, [7, 8])
    assert with_labels(text, "f", "detector", {"canary": 8}) == text
    assert served(with_labels(text, "f", "detector", {"canary": 9})) == ({"stable": 7, "canary": 9}, [7, 8, 9])


@pytest.mark.parametrize(
    "written",
    ["08", "0x", "-8", "- 8", "-\n8", "1.0", "8f", "9223372036854775808", "0x8000000000000000", "0" * 5000 + "8"],
)
def test_what_is_no_version_of_a_server_is_named_with_its_line(written: str) -> None:
    text = WHOLE.replace("value: 8", f"value: {written}")
    with pytest.raises(InputError, match=r"^f[:,] line 22: "):
        read_labels(text, "f", "detector")


@pytest.mark.parametrize(
    ("policy", "newest"),
    [("", 1), ("model_version_policy { latest { num_versions: 3 } }", 3), ("model_version_policy { all {} }", None)],
)
def test_how_many_versions_are_served_is_read(policy: str, newest: int | None) -> None:
    text = f'model_config_list {{ config {{ name: "detector" {policy} }} }}'
    assert read_labels(text, "f", "detector") == VersionLabels({}, None, newest)


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("model_config_list {", "f"),
        ("\x00", "f"),
        ("", "names no model 'detector'"),
        ('model_config_list { config { name: "other" } }', "names no model 'detector'"),
        ('custom_model_config { type_url: "x" }', "names no model 'detector'"),
        ('model_config_list { config { name: "detector" version_labels { key: "stable" } } }', "no key or no value"),
        ("model_config_list { " * 101, r"^f: line 1: `model_config_list \{` is nested more than 100 messages deep"),
        ('model_config_list { config { name: "detector"\nversion_labels { key: "a" value: 1.5 } } }', "line 2: '1.5'"),
        ('model_config_list { config { name: "detector" version_labels { key: "a" value: "1" } } }', "is no version"),
    ],
)
def test_what_is_no_model_config_is_named(text: str, words: str) -> None:
    with pytest.raises(InputError, match=words):
        with_labels(text, "f", "detector", {"stable": 9})


@pytest.mark.parametrize("specific", ["specific { }", "specific { versions: [] }"])
def test_a_policy_of_no_versions_is_named_and_not_written_into(specific: str) -> None:
    text = WHOLE.replace("specific {\n        versions: 7\n        versions: 8  # the newest\n      }", specific)
    assert served(text)[1] == []
    with pytest.raises(InputError, match=r"f: specific of 'detector' names no versions; add `versions: 9`"):
        with_labels(text, "f", "detector", {"canary": 9})
    assert read_labels(text, "f", "detector").labels == {"stable": 7, "canary": 8}
