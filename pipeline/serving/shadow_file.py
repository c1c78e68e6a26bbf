"""The page of `ratchet shadow`, beside the run's own."""

from __future__ import annotations

from pathlib import Path

from ratchet.components.run_pages.shadow_content import ShadowReport
from ratchet.components.run_pages.shadow_page import shadow_page
from ratchet.pipeline.past.links import link_page
from ratchet.pipeline.root.holding import is_held_by_another
from ratchet.pipeline.root.places import is_remote
from ratchet.schemas.artifacts.review import REVIEW_FILE
from ratchet.schemas.artifacts.shadow import SHADOW_FILE
from ratchet.schemas.base.errors import InputError
from ratchet.schemas.base.files import reason_of, write_durably


def write_shadow_page(root: Path, report: ShadowReport) -> Path:
    """Writes the page into the run's directory.

    Args:
        root: pipeline root, or its working copy.
        report: what is shown.

    Returns:
        The page.

    Raises:
        InputError: it cannot be written.
    """
    directory = root / "runs" / report.run_id
    page = directory / SHADOW_FILE
    review = REVIEW_FILE if (directory / REVIEW_FILE).is_file() else None
    try:
        directory.mkdir(parents=True, exist_ok=True)
        write_durably(page, shadow_page(report, review))
    except OSError as error:
        raise InputError(f"{page}: cannot be written ({reason_of(error)}); make the directory writable") from error
    # The page of a run is written to by whoever holds the root; whoever does so next adds the link, too.
    if not is_remote(root) and not is_held_by_another(root):
        link_page(root, report.run_id)
    return page
