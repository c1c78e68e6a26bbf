"""What a page may do: show what stands in it, and nothing else."""

from __future__ import annotations

import base64
import hashlib
from collections.abc import Sequence


def content_security_policy(style: str, script_hashes: Sequence[str] = ()) -> str:
    """The Content-Security-Policy of a page that may neither load anything nor run or look like what it is not.

    Args:
        style: its style sheet.
        script_hashes: `source_hash` of each of its scripts.
    """
    scripts = f"script-src {' '.join(script_hashes)}; " if script_hashes else ""
    return (
        f"default-src 'none'; img-src data:; style-src {source_hash(style)}; {scripts}base-uri 'none'; "
        "form-action 'none'"
    )


def source_hash(text: str) -> str:
    """The source expression of a script or of a style sheet."""
    return f"'sha256-{base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()}'"
