"""`ratchet shadow` that is killed while it writes its page."""

from __future__ import annotations

from pathlib import Path

from ratchet.pipeline.serving.shadow_file import write_shadow_page
from ratchet.schemas.artifacts.decisions import Verdict
from ratchet.schemas.artifacts.review import REVIEW_FILE
from ratchet.schemas.artifacts.shadow import SHADOW_FILE
from tests.components.run_pages.test_shadow_page import report
from tests.faults import KILL, in_child
from tests.nightly import spread
from tests.pipeline.roots import add_run, serve


def test_its_page_is_there_whole_or_not_at_all_and_the_same_command_writes_it(tmp_path: Path) -> None:
    made = report()
    serve(tmp_path, "200", "span-2-aa-1", 2)
    add_run(tmp_path, made.run_id, Verdict.BLOCKED, 3)
    review, page = (tmp_path / "runs" / made.run_id / name for name in (REVIEW_FILE, SHADOW_FILE))
    before = review.read_bytes()
    whole = in_child(lambda: str(write_shadow_page(tmp_path, made)), tmp_path)
    assert whole.value == str(page)
    content = page.read_bytes()
    for point in spread(range(len(whole.points)), 4):
        page.unlink(missing_ok=True)
        assert in_child(lambda: str(write_shadow_page(tmp_path, made)), tmp_path, point, KILL).killed
        assert not page.exists() or page.read_bytes() == content
        write_shadow_page(tmp_path, made)
        assert (page.read_bytes(), review.read_bytes()) == (content, before)
