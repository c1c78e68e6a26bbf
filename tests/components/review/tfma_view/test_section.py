"""The section as text."""

from __future__ import annotations

import base64
import hashlib
import re

from ratchet.components.review.tfma_view.figures import TfmaData
from ratchet.components.review.tfma_view.section import tfma_section

EMPTY = TfmaData("{}", has_slices=True, omitted=0, skipped=())


def test_the_only_script_that_runs_at_once_is_one_of_the_hashed() -> None:
    section = tfma_section(EMPTY, "code()")
    [running] = re.findall(r"<script>(.*?)</script>", section.html, re.DOTALL)
    digest = base64.b64encode(hashlib.sha256(running.encode()).digest()).decode()
    assert f"'sha256-{digest}'" in section.script_hashes
    assert len(running) < 8000


def test_code_cannot_end_its_element() -> None:
    html = tfma_section(EMPTY, "'</script><!--<script>'").html
    assert html.count("</script") == 3
    assert "<!--" not in html


def test_data_cannot_end_its_element() -> None:
    html = tfma_section(TfmaData('{"a": "</script>"}', has_slices=False, omitted=0, skipped=()), "").html
    assert html.count("</script") == 3


def test_what_is_left_out_is_said() -> None:
    data = TfmaData("{}", has_slices=True, omitted=1200, skipped=("span-1 (<b>): gone",))
    html = tfma_section(data, "").html
    assert "1,200 slices with the smallest fall" in html
    assert "1 past run could not be read and is missing from the time series: span-1 (&lt;b&gt;): gone." in html
    assert 'class="quiet"' not in tfma_section(EMPTY, "").html


def test_a_place_without_content_is_not_there() -> None:
    assert "tfma-slices" in tfma_section(EMPTY, "").html.split("<script")[0]
    data = TfmaData("{}", has_slices=False, omitted=0, skipped=())
    assert "tfma-slices" not in tfma_section(data, "").html.split("<script")[0]
