"""A notice as the JSON that Slack's incoming webhooks take, and Mattermost's and others' that are made like them."""

from __future__ import annotations

from typing import Any

from pipeline.notify.notice import Notice

_ESCAPES = {"&": "&amp;", "<": "&lt;", ">": "&gt;"}  # all that Slack gives a meaning to, and all it wants escaped
# Slack's limits, in characters after escaping. It refuses a whole message over one of them.
HEADER_LIMIT = 150
SECTION_LIMIT = 3000
TEXT_LIMIT = 40_000


def slack_message(notice: Notice) -> dict[str, Any]:
    """The JSON object: `text` says everything by itself, `blocks` show it."""
    title = {"type": "plain_text", "text": escaped(notice.title, HEADER_LIMIT), "emoji": False}
    facts = [_section(f"*{label}*\n{escaped(text, SECTION_LIMIT - 100)}") for label, text in notice.facts]
    command = _section(f"*Next*\n```{escaped(notice.command, SECTION_LIMIT - 100)}```")
    return {
        "text": escaped(notice.to_text(), TEXT_LIMIT),
        "blocks": [{"type": "header", "text": title}, *facts, command],
    }


def escaped(text: str, limit: int) -> str:
    """The text with `&`, `<` and `>` escaped, cut between characters so that it has at most `limit` of them then.

    >>> escaped("a < b & c", 100), escaped("<<<", 11)
    ('a &lt; b &amp; c', '&lt;&lt;...')
    """
    parts = [_ESCAPES.get(character, character) for character in text]
    if sum(map(len, parts)) <= limit:
        return "".join(parts)
    room = limit - 3
    kept: list[str] = []
    for part in parts:
        room -= len(part)
        if room < 0:
            break
        kept.append(part)
    return "".join(kept) + "..."


def _section(text: str) -> dict[str, Any]:
    # Verbatim: "@channel" or "#general" in a class's name calls nobody.
    return {"type": "section", "text": {"type": "mrkdwn", "text": text, "verbatim": True}}
