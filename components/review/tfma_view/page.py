"""TFMA's view as a page of its own, for a notebook: its own widgets need an extension that JupyterLab 4 lacks; pure."""

from __future__ import annotations

import base64
import hashlib
import html

from components.pages.style import STYLE
from components.review.tfma_view.section import TfmaSection

_CLOSED, _OPEN = '<details id="tfma-view">', '<details id="tfma-view" open>'
_HEIGHT_PX = 900


def tfma_page(section: TfmaSection) -> str:
    """A page that shows the section opened, and that may neither load nor run anything else."""
    policy = (
        f"default-src 'none'; style-src '{_hash(STYLE)}'; script-src {' '.join(section.script_hashes)}; "
        "base-uri 'none'; form-action 'none'"
    )
    return (
        '<!DOCTYPE html><html lang="en"><head><meta charset="utf-8">'
        f'<meta http-equiv="Content-Security-Policy" content="{policy}">'
        '<meta name="viewport" content="width=device-width, initial-scale=1">'
        f"<title>TensorFlow Model Analysis</title><style>{STYLE}</style></head>"
        f"<body><main>{section.html.replace(_CLOSED, _OPEN, 1)}</main></body></html>"
    )


def tfma_frame(section: TfmaSection) -> str:
    """The same inside of another page, such as a notebook's, from which it is kept apart."""
    page = html.escape(tfma_page(section))
    size = f'width="100%" height="{_HEIGHT_PX}"'
    # In an element, because IPython warns of a bare iframe.
    return f'<div><iframe srcdoc="{page}" {size} title="TensorFlow Model Analysis"></iframe></div>'


def _hash(text: str) -> str:
    return f"sha256-{base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()}"
