"""What the engine asks, with answers from a script."""

from __future__ import annotations

import os
import threading
from concurrent.futures import Future, ThreadPoolExecutor
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from core import engine
from core.archive import Archive
from core.archive.codec import Codecs
from core.control import CancelToken
from core.engine import (
    Always,
    Answer,
    Choice,
    ContinueAfterError,
    FileExists,
    NameConflict,
    Outcome,
    Query,
)
from core.errors import Cancelled, UnwritableFileError
from tests.fakes import FakeCodec


def picture(seed: int) -> np.ndarray:
    rows, columns = np.mgrid[0:70, 0:90]
    return np.stack([rows + seed, columns, rows + columns], axis=2).astype(np.uint8)


def save(path: Path, seed: int) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.fromarray(picture(seed)).save(path, compress_level=0)
    return path


class Script:
    """Gives its answers one after the other; nobody is asked more often."""

    def __init__(self, *answers: Answer | None) -> None:
        self.answers, self.asked = list(answers), list[Query]()

    def ask(self, query: Query, cancel: CancelToken) -> Answer:
        self.asked.append(query)
        answer = self.answers.pop(0)
        if answer is None:
            raise Cancelled
        return answer


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    for number in range(4):
        save(tmp_path / "f" / f"{number}.png", number)
    return tmp_path / "f"


@pytest.fixture
def archive(tmp_path: Path, folder: Path) -> Path:
    """An archive of the folder, of which the first three files have changed since."""
    path = tmp_path / "a.floe"
    Archive.create(path).close()
    engine.add(path, engine.plan([folder]), codecs=Codecs(FakeCodec))
    for number in range(3):
        save(folder / f"{number}.png", 50 + number)
    return path


def pixels(archive: Path) -> dict[str, int]:
    """The seed of each image of an archive."""
    with Archive.open(archive, codecs=Codecs(FakeCodec)) as opened:
        return {e.name: int(opened.read_pixels(e.name)[0, 0, 0]) for e in opened.entries()}


def test_names_that_are_taken(archive: Path, folder: Path) -> None:
    script = Script(Answer(Choice.REPLACE), Answer(Choice.KEEP_BOTH), Answer(Choice.SKIP))
    codec = FakeCodec()
    results = engine.add(
        archive, engine.plan([folder]), queries=script, codecs=Codecs(lambda: codec)
    )
    assert pixels(archive) == {
        "f/0.png": 50,
        "f/1.png": 1,
        "f/1 (2).png": 51,
        "f/2.png": 2,
        "f/3.png": 3,
    }
    assert codec.n_encoded == 2
    assert [(r.name, r.outcome) for r in results] == [
        ("f/0.png", Outcome.DONE),
        ("f/1.png", Outcome.DONE),
        ("f/2.png", Outcome.SKIPPED),
        ("f/3.png", Outcome.UNCHANGED),
    ]
    query = script.asked[1]
    assert isinstance(query, NameConflict)
    assert query.source == folder / "1.png"
    assert query.n_bytes == (folder / "1.png").stat().st_size
    assert query.modified_at == (folder / "1.png").stat().st_mtime_ns
    assert query.new_name == "f/1 (2).png"
    assert query.there.name == "f/1.png"


@pytest.mark.parametrize("choice", NameConflict.choices)
def test_one_answer_for_all(archive: Path, folder: Path, choice: Choice) -> None:
    script = Script(Answer(choice, for_all=True))
    engine.add(archive, engine.plan([folder]), queries=script, codecs=Codecs(FakeCodec))
    assert len(script.asked) == 1
    seeds = sorted(pixels(archive).values())
    assert (
        seeds
        == {
            Choice.REPLACE: [3, 50, 51, 52],
            Choice.KEEP_BOTH: [0, 1, 2, 3, 50, 51, 52],
            Choice.SKIP: [0, 1, 2, 3],
        }[choice]
    )


def test_new_names_are_new_to_all(archive: Path, folder: Path) -> None:
    save(folder / "0 (2).png", 70)
    engine.add(
        archive, engine.plan([folder]), queries=Always(Choice.KEEP_BOTH), codecs=Codecs(FakeCodec)
    )
    assert {"f/0.png", "f/0 (2).png", "f/0 (3).png"} <= set(pixels(archive))
    save(folder / "0.png", 80)
    engine.add(archive, engine.plan([folder / "0.png"]), codecs=Codecs(FakeCodec))
    source = engine.Source(folder / "0.png", "f/0.png")
    engine.add(archive, [source], queries=Always(Choice.KEEP_BOTH), codecs=Codecs(FakeCodec))
    assert pixels(archive)["f/0 (4).png"] == 80


def test_all_is_asked_before_anything_is_coded(archive: Path, folder: Path) -> None:
    codec = FakeCodec()

    class Early(Script):
        def ask(self, query: Query, cancel: CancelToken) -> Answer:
            assert codec.n_encoded == 0
            return super().ask(query, cancel)

    early = Early(*[Answer(Choice.REPLACE)] * 3)
    engine.add(archive, engine.plan([folder]), queries=early, codecs=Codecs(lambda: codec))
    assert codec.n_encoded == 3


def test_no_answer_stops_the_job(archive: Path, folder: Path) -> None:
    before = archive.read_bytes()
    script = Script(Answer(Choice.REPLACE), None)
    results = engine.add(archive, engine.plan([folder]), queries=script, codecs=Codecs(FakeCodec))
    assert [result.outcome for result in results] == [Outcome.CANCELLED] * 4
    assert archive.read_bytes() == before


def test_a_question_ends_when_the_job_is_cancelled(archive: Path, folder: Path) -> None:
    cancel, asked = CancelToken(), threading.Event()

    class Silent:
        def ask(self, query: Query, token: CancelToken) -> Answer:
            asked.set()
            return token.wait_for(Future[Answer]())

    with ThreadPoolExecutor(1) as pool:
        job = pool.submit(
            engine.add,
            archive,
            engine.plan([folder]),
            queries=Silent(),
            cancel=cancel,
            codecs=Codecs(FakeCodec),
        )
        assert asked.wait(5)
        cancel.cancel()
        assert all(result.outcome is Outcome.CANCELLED for result in job.result(1))


def test_files_that_exist(archive: Path, tmp_path: Path) -> None:
    out = tmp_path / "out"
    for number in range(3):
        save(out / "f" / f"{number}.png", 90)
    os.utime(out / "f" / "1.png", ns=(7, 7))
    script = Script(Answer(Choice.REPLACE), Answer(Choice.KEEP_BOTH), Answer(Choice.SKIP))
    names = list(pixels(archive))
    results = engine.extract(archive, names, [], out, queries=script, codecs=Codecs(FakeCodec))
    seeds = {p.name: int(np.asarray(Image.open(p))[0, 0, 0]) for p in (out / "f").iterdir()}
    assert seeds == {"0.png": 0, "1.png": 90, "1 (2).png": 1, "2.png": 90, "3.png": 3}
    assert results[1].target == out / "f" / "1 (2).png"
    assert [result.outcome is Outcome.SKIPPED for result in results] == [False, False, True, False]
    query = script.asked[1]
    assert isinstance(query, FileExists)
    assert (query.target, query.modified_at) == (out / "f" / "1.png", 7)
    assert query.n_bytes == query.target.stat().st_size


def test_a_folder_is_never_replaced(archive: Path, tmp_path: Path) -> None:
    (tmp_path / "out" / "f" / "0.png").mkdir(parents=True)
    replace = Always(Choice.REPLACE)
    (result,) = engine.extract(
        archive, ["f/0.png"], [], tmp_path / "out", queries=replace, codecs=Codecs(FakeCodec)
    )
    assert result.error is not None
    assert "folder of this name" in result.error


@pytest.mark.parametrize("times", [1, 3])
def test_errors_that_may_pass_are_tried_again(
    archive: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, times: int
) -> None:
    extract, failures = Archive.extract, iter(range(times))

    def full(self: Archive, name: str, folder: Path, **options: object) -> Path:
        if next(failures, None) is not None:
            raise UnwritableFileError(folder / name, "no space is left on the disk")
        return extract(self, name, folder, **options)  # type: ignore[arg-type]

    monkeypatch.setattr(Archive, "extract", full)
    script = Script(*[Answer(Choice.RETRY, for_all=True)] * times)
    results = engine.extract(
        archive,
        list(pixels(archive)),
        [],
        tmp_path / "out",
        queries=script,
        codecs=Codecs(FakeCodec),
    )
    assert all(result.ok for result in results)
    assert len(script.asked) == times
    query = script.asked[0]
    assert isinstance(query, ContinueAfterError)
    assert "no space is left" in query.error


@pytest.mark.parametrize("answer", [Answer(Choice.SKIP, for_all=True), Answer(Choice.SKIP), None])
def test_errors_that_stay(
    archive: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, answer: Answer | None
) -> None:
    def full(self: Archive, name: str, folder: Path, **options: object) -> Path:
        raise UnwritableFileError(folder / name, "no space is left on the disk")

    monkeypatch.setattr(Archive, "extract", full)
    script = Script(*[answer] * 4)
    with ThreadPoolExecutor(1) as executor:
        results = engine.extract(
            archive,
            list(pixels(archive)),
            [],
            tmp_path / "out",
            queries=script,
            codecs=Codecs(FakeCodec),
            executor=executor,
        )
    stopped = answer is None
    assert [bool(r.error) for r in results] == [True] + [not stopped] * 3
    assert [r.outcome is Outcome.CANCELLED for r in results] == [False] + [stopped] * 3
    assert len(script.asked) == (4 if answer == Answer(Choice.SKIP) else 1)


def test_a_file_that_cannot_be_read_is_nobodys_question(archive: Path, folder: Path) -> None:
    os.mkfifo(folder / "new.png")
    script = Script()
    results = engine.add(
        archive, engine.plan([folder / "new.png"]), queries=script, codecs=Codecs(FakeCodec)
    )
    assert results[0].error is not None
