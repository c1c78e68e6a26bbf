"""The images that got worse in a comparison of files: with boxes where their files can be read, else by name."""

from __future__ import annotations

from markupsafe import Markup

from ratchet.components.review.files_content import FilesContent
from ratchet.components.review.sections.gallery import gallery_gist, gallery_section, gallery_title
from ratchet.components.review.sections.wording import OF_FILES

_ASK = "--images DIR shows them here, with the boxes."


def worst_images_title(content: FilesContent) -> str:
    """What the section is called."""
    return gallery_title(content.evaluation.golden.baseline is not None, OF_FILES)


def worst_images_gist(content: FilesContent) -> str:
    """What is inside, in a line."""
    return gallery_gist(content.analysis, content.evaluation.golden.images, OF_FILES)


def worst_images_section(content: FilesContent) -> Markup:
    """A gallery, or a table without pictures."""
    ask = _ASK if content.pictures is None else ""
    return gallery_section(content.analysis, content.evaluation.golden.images, OF_FILES, ask, content.unseen)
