"""Questions of the engine while it works, and their answers.

The engine knows neither windows nor terminals: a job is given a ``Queries``, which asks the user
or answers itself, and the job waits.
"""

from __future__ import annotations

import threading
from dataclasses import dataclass
from enum import Enum
from pathlib import Path
from typing import ClassVar, Protocol

from core.archive.entry import Entry
from core.control import CancelToken
from core.errors import Cancelled


class Choice(Enum):
    """What can be done about a file."""

    REPLACE = "replace"  # what is there
    KEEP_BOTH = "keep both"  # under a new name
    SKIP = "skip"  # leave this file out
    RETRY = "retry"


@dataclass(frozen=True)
class Answer:
    """What to do about a file, or about all files of the job with the same question."""

    choice: Choice
    for_all: bool = False


@dataclass(frozen=True)
class NameConflict:
    """Adding: the archive has another image of this name."""

    choices: ClassVar = (Choice.REPLACE, Choice.KEEP_BOTH, Choice.SKIP)

    archive: Path
    name: str
    there: Entry
    source: Path
    n_bytes: int  # of the source, as the next one
    modified_at: int  # in nanoseconds since 1970
    new_name: str  # for keeping both


@dataclass(frozen=True)
class FileExists:
    """Extracting: a file exists where this one would be written."""

    choices: ClassVar = (Choice.REPLACE, Choice.KEEP_BOTH, Choice.SKIP)

    archive: Path
    name: str
    entry: Entry
    target: Path
    n_bytes: int  # of the file that is there, as the next one
    modified_at: int  # in nanoseconds since 1970
    new_name: str  # for keeping both


@dataclass(frozen=True)
class ContinueAfterError:
    """An error that the next files are likely to meet, too: no space on the disk, say."""

    choices: ClassVar = (Choice.RETRY, Choice.SKIP)

    archive: Path
    name: str
    error: str


Query = NameConflict | FileExists | ContinueAfterError


class Queries(Protocol):
    """Answers questions, on a worker's thread, one question of a job at a time."""

    def ask(self, query: Query, cancel: CancelToken) -> Answer:
        """Wait for the answer. Raises Cancelled, also if the answer is to stop the job."""
        ...


class Always:
    """One answer to all questions about names; files with errors are left out."""

    def __init__(self, choice: Choice) -> None:
        self._choice = choice

    def ask(self, query: Query, cancel: CancelToken) -> Answer:
        choice = self._choice if self._choice in query.choices else Choice.SKIP
        return Answer(choice, for_all=True)


class Asking:
    """The questions of one job, one at a time; each kind only until it is answered for all."""

    def __init__(self, queries: Queries, cancel: CancelToken) -> None:
        self._queries, self._cancel = queries, cancel
        self._lock = threading.Lock()
        self._for_all: dict[type[Query], Choice] = {}

    def ask(self, query: Query) -> Choice:
        """What to do. Raises Cancelled, which also cancels the whole job."""
        with self._lock:
            self._cancel.check()
            known = self._for_all.get(type(query))
            if known is not None:
                return known
            try:
                answer = self._queries.ask(query, self._cancel)
            except Cancelled:
                self._cancel.cancel()
                raise
            if answer.for_all and answer.choice is not Choice.RETRY:
                self._for_all[type(query)] = answer.choice
            return answer.choice
