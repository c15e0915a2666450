"""What the window is given in tests in place of threads and dialogs."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from concurrent.futures import Executor, Future
from pathlib import Path
from typing import Any

from PySide6.QtGui import QImage
from PySide6.QtWidgets import QWidget

from app.jobs.questions import OnAnswer
from app.language.naming import Problem
from app.session.tree import Folder
from app.window.window import Window
from core.engine import Answer, Query

#: A factory of windows: on real threads if it is given executors, else on none.
MakeWindow = Callable[..., Window]


class InlineExecutor(Executor):
    """Runs at once, on the calling thread: most tests need no event loop."""

    def submit(self, fn: Any, /, *args: Any, **kwargs: Any) -> Future[Any]:
        future: Future[Any] = Future()
        future.set_running_or_notify_cancel()
        try:
            future.set_result(fn(*args, **kwargs))
        except BaseException as error:
            future.set_exception(error)
        return future


class FakeQuestion:
    """A dialog that stays open until a test answers."""

    def __init__(self, query: Query, answer: OnAnswer) -> None:
        self.query, self.answer = query, answer
        self.pictures: dict[int, QImage] = {}
        self.withdrawn = False

    def show_picture(self, place: int, picture: QImage) -> None:
        self.pictures[place] = picture

    def withdraw(self) -> None:
        self.withdrawn = True


class FakeDialogs:
    """Answers as it was told to, and remembers what it was asked."""

    def __init__(self, folder: Path) -> None:
        self.asked: list[str] = []
        self.new: Path | None = folder / "new.floe"
        self.opened: Path | None = None
        self.images: list[Path] = []
        self.folder: Path | None = None
        self.target: Path | None = folder / "out"
        self.image: str | None = "pasted.png"
        self.suggested = ""
        self.answers: list[Answer | None] = []
        self.questions: list[FakeQuestion] = []
        self.removing = True
        self.closing = True
        self.discarding = True
        self.typed: str | None = None  # the name, where one is asked for
        self.problem: str | None = None  # what is wrong with it
        self.moved_to: str | None = None  # the folder
        self.map_file: Path | None = folder / "map.png"

    def new_archive(self, parent: QWidget, suggestion: Path) -> Path | None:
        self.asked.append(f"new {suggestion.name}")
        return self.new

    def open_archive(self, parent: QWidget, folder: Path) -> Path | None:
        self.asked.append("open")
        return self.opened

    def images_to_add(self, parent: QWidget, folder: Path) -> list[Path]:
        self.asked.append("images")
        return self.images

    def report_file(self, parent: QWidget, suggestion: Path) -> Path | None:
        self.asked.append(f"report {suggestion.name}")
        return self.target and self.target / suggestion.name

    def images_to_compare(self, parent: QWidget, folder: Path) -> list[Path]:
        self.asked.append("compare")
        return self.images

    def folder_to_add(self, parent: QWidget, folder: Path) -> Path | None:
        self.asked.append("folder")
        return self.folder

    def extraction_folder(self, parent: QWidget, folder: Path) -> Path | None:
        self.asked.append("target")
        return self.target

    def image_name(self, parent: QWidget, suggestion: str) -> str | None:
        self.asked.append("image")
        self.suggested = suggestion
        return self.image

    def map_to_save(self, parent: QWidget, suggestion: Path) -> Path | None:
        self.asked.append(f"map {suggestion.name}")
        return self.map_file

    def ask(self, parent: QWidget, query: Query, answer: OnAnswer) -> FakeQuestion:
        self.asked.append(f"{type(query).__name__} {query.name}")
        question = FakeQuestion(query, answer)
        self.questions.append(question)
        if self.answers:
            answer(self.answers.pop(0))
        return question

    def confirm_removal(self, parent: QWidget, names: Sequence[str]) -> bool:
        self.asked.append("remove " + " ".join(names))
        return self.removing

    def name(
        self, parent: QWidget, title: str, label: str, name: str, problem: Problem
    ) -> str | None:
        self.asked.append(f"{title} {name}")
        self.problem = problem(self.typed) if self.typed is not None else None
        return self.typed if self.problem is None else None

    def move_target(
        self, parent: QWidget, archive: str, root: Folder, names: Sequence[str], start: str
    ) -> str | None:
        self.asked.append(f"move {' '.join(names)} from {archive} {start}".rstrip())
        return self.moved_to

    def discard_originals(
        self, parent: QWidget, n_files: int, n_bytes: int, n_staying: int
    ) -> bool:
        self.asked.append(f"discard {n_files} {n_bytes} {n_staying}")
        return self.discarding

    def close_while_busy(self, parent: QWidget) -> bool:
        self.asked.append("close")
        return self.closing

    def shortcuts(self, parent: QWidget, shortcuts: Sequence[tuple[str, str]]) -> None:
        self.asked.append(f"shortcuts {len(shortcuts)}")
        self.shown_shortcuts = list(shortcuts)

    def about(self, parent: QWidget) -> None:
        self.asked.append("about")
