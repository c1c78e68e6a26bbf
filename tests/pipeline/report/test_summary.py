from __future__ import annotations

import re
from pathlib import Path

import pytest

from ratchet.pipeline.report.directory import JUNIT, SUMMARY
from tests.pipeline.report.compared import compared

HOSTILE = (
    *("a|b", "<img src=x onerror=alert(1)>", "`tick`", "@octocat", "http://evil.example/x", "new\nline\x1b[2J"),
    *("\u202eright", "*bold*", "\\|x", "back\\", "www.evil.example", "[a](b)", "x" * 3000, "猫"),
)


def written(directory: Path, names: tuple[str, ...], *options: str) -> str:
    files = compared(directory, names)
    files.evaluate("bad", "good", "--set", "evaluator.min_objects=1", *options)
    return files.text(SUMMARY)


def code_of(line: str) -> list[str]:
    return re.findall(r"`[^`]*`|<code>[^<]*</code>", line)


def test_the_verdict_is_first_then_the_figures_then_why(tmp_path: Path) -> None:
    lines = written(tmp_path, ("cat", "dog")).replace("\N{MINUS SIGN}", "-").splitlines()
    assert lines[0] == "## ✗ BLOCKED"
    assert re.fullmatch(r"mAP fell from 1\.0000 to 0\.\d{4} \(-.*95 % interval .* on 40 images\.", lines[2])
    assert re.fullmatch(r"\| mAP \| 0\.\d{4} \| 1\.0000 \| -0\.\d{4} \| -0\.\d{4} to -0\.\d{4} \|", lines[6])
    assert [line for line in lines if line.startswith("#")] == [
        "## ✗ BLOCKED",
        "### Why",
        "### Classes that changed most",
    ]
    assert any(line.startswith("- `class_drop:cat`: expected no fall of AP") for line in lines)
    assert lines[-1].endswith(f"are on the page `{tmp_path}/report/index.html`.")


def test_names_of_others_are_shown_and_do_nothing(tmp_path: Path) -> None:
    text = written(tmp_path, HOSTILE)
    outside = re.sub(r"`[^`\n]*`|</?code>", "", text)
    assert "<" not in outside
    assert re.search(r"@|\x1b|\u202e|://|www\.|\]\(|\*bold", outside) is None
    assert not any(character in text for character in "\x1b\u202e\r")
    table = [line for line in text.splitlines() if line.startswith("|")]
    assert {line.replace("\\|", "").count("|") for line in table} <= {6, 7}
    assert all("|" not in part for line in table for part in code_of(line))


@pytest.mark.parametrize("file", [SUMMARY, JUNIT])
def test_a_thousand_classes_with_long_names_stay_short(tmp_path: Path, file: str) -> None:
    files = compared(tmp_path, tuple(f"{'|<@' * 300}{number}" for number in range(1000)))
    files.evaluate("bad", "good", "--set", "evaluator.per_class={}")
    assert len((files.report / SUMMARY).read_bytes()) < 60_000


def test_many_rules_that_failed_are_counted(tmp_path: Path) -> None:
    names = tuple(f"class {number}" for number in range(20))
    limits = ", ".join(f"{name}: {{min_ap: 1.0}}" for name in names)
    text = written(tmp_path, names, "--set", f"evaluator.per_class={{{limits}}}")
    why = text.partition("### Why")[2].partition("###")[0]
    assert why.count("\n- ") == 7
    assert re.search(r"^- \d+ more on the page$", why, re.M)
