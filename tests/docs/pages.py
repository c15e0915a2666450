"""The documents, taken apart: headings, links, code spans."""

from __future__ import annotations

import re
from pathlib import Path

ROOT = Path(__file__).parents[2]

#: All documents for readers, in the order of their paths.
PAGES = sorted(
    [*ROOT.glob("*.md"), *(ROOT / "docs").rglob("*.md"), *(ROOT / "resources").rglob("*.md")]
)


def read(path: str) -> str:
    """The text of a page, by its path from the root."""
    return (ROOT / path).read_text("utf-8")


def without_code(text: str) -> str:
    """The text without fenced and indented code blocks."""
    text = re.sub(r"^```.*?^```$", "", text, flags=re.M | re.S)
    return re.sub(r"^    .*$", "", text, flags=re.M)


def spans(text: str) -> list[str]:
    """What stands between single backticks, lines joined."""
    return [" ".join(span.split()) for span in re.findall(r"`([^`]+)`", without_code(text))]


def links(text: str) -> list[str]:
    """The targets of links and pictures."""
    return re.findall(r"\]\(([^)\s]+)\)", without_code(text))


def anchors(text: str) -> set[str]:
    """What can stand behind the ``#`` of a link to this page, as GitHub makes it."""
    titles = re.findall(r"^#+ (.+)$", without_code(text), flags=re.M)
    return {re.sub(r"[^\w\- ]", "", title.lower()).replace(" ", "-") for title in titles}
