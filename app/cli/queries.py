"""Questions of the engine, answered at a terminal."""

from __future__ import annotations

import sys
from datetime import datetime

from app.cli.terminal import Following
from core.control import CancelToken
from core.engine import Answer, Choice, FileExists, NameConflict, Query
from core.errors import Cancelled

_LETTERS = {Choice.REPLACE: "r", Choice.KEEP_BOTH: "k", Choice.SKIP: "s", Choice.RETRY: "t"}


class TerminalQueries:
    """Ask the user at a terminal; a capital letter answers for all files."""

    def __init__(self, following: Following) -> None:
        self._following = following

    def ask(self, query: Query, cancel: CancelToken) -> Answer:
        """Read one letter. Raises Cancelled at q and at the end of the input."""
        words = {
            Choice.REPLACE: "replace",
            Choice.KEEP_BOTH: f"keep both, as {getattr(query, 'new_name', '')}",
            Choice.SKIP: "skip",
            Choice.RETRY: "try again",
        }
        offered = ", ".join(f"{_LETTERS[choice]}: {words[choice]}" for choice in query.choices)
        with self._following.aside():
            print(
                f"{_question(query)}\n{offered}, q: quit; a capital letter for all", file=sys.stderr
            )
            while True:
                print("> ", end="", file=sys.stderr, flush=True)
                line = sys.stdin.readline()
                letter = line.strip()
                if not line or letter.lower() == "q":
                    raise Cancelled
                for choice in query.choices:
                    if letter.lower() == _LETTERS[choice]:
                        return Answer(choice, for_all=letter.isupper())


def _question(query: Query) -> str:
    if isinstance(query, NameConflict):
        return (
            f"{query.name}: the archive has another image of this name\n"
            f"  in the archive: {_facts(query.there.original_bytes, query.there.modified_at)}\n"
            f"  to be added:    {_facts(query.n_bytes, query.modified_at)}"
        )
    if isinstance(query, FileExists):
        return (
            f"{query.target}: exists already\n"
            f"  on the disk:    {_facts(query.n_bytes, query.modified_at)}\n"
            f"  in the archive: {_facts(query.entry.original_bytes, query.entry.modified_at)}"
        )
    return query.error


def _facts(n_bytes: int, modified_at: int) -> str:
    try:
        changed = f"{datetime.fromtimestamp(modified_at / 1e9):%Y-%m-%d %H:%M:%S}"
    except (OverflowError, OSError, ValueError):  # a year outside the calendar
        changed = "\N{EN DASH}"
    return f"{n_bytes:,} bytes, {changed}"
