"""Jobs over many files, on threads and on none."""

from __future__ import annotations

import threading
from concurrent.futures import Executor, ThreadPoolExecutor
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from core import engine
from core.archive import Archive
from core.archive.codec import Codecs
from core.archive.entry import Entry
from core.control import CancelToken, Progress
from core.engine import Always, Answer, Choice, FileResult, Outcome, Query
from core.errors import (
    ArchiveBusyError,
    NotAnArchiveError,
    UnreadableFileError,
    UnwritableFileError,
)
from tests.fakes import FakeCodec


def ramp(seed: int, height: int = 70, width: int = 90) -> np.ndarray:
    rows, columns = np.mgrid[0:height, 0:width]
    return np.stack([rows + seed, columns, rows + columns], axis=2).astype(np.uint8)


def save(path: Path, seed: int) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.fromarray(ramp(seed)).save(path, compress_level=0)
    return path


@pytest.fixture
def archive(tmp_path: Path) -> Path:
    path = tmp_path / "a.floe"
    Archive.create(path).close()
    return path


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    for number in range(5):
        save(tmp_path / "f" / f"{number}.png", number)
    return tmp_path / "f"


class Told:
    """A listener that remembers, and notes if two threads ever came at once."""

    def __init__(self) -> None:
        self.events: list[tuple[str, str]] = []
        self.results: list[FileResult] = []
        self._alone = threading.Lock()

    def _note(self, kind: str, name: str) -> None:
        assert self._alone.acquire(blocking=False)
        self.events.append((kind, name))
        self._alone.release()

    def started(self, name: str) -> None:
        self._note("started", name)

    def progress(self, p: Progress) -> None:
        self._note(p.stage, p.name)
        assert 0 <= p.pixels_done <= p.pixels_total

    def finished(self, r: FileResult) -> None:
        self._note("finished", r.name)
        self.results.append(r)


def stored(archive: Path) -> list[str]:
    with Archive.open(archive) as opened:
        return sorted(entry.name for entry in opened.entries())


def test_there_and_back_with_every_event(archive: Path, folder: Path, tmp_path: Path) -> None:
    codec, told = FakeCodec(), Told()
    results = engine.add(
        archive, engine.plan([folder]), listener=told, codecs=Codecs(lambda: codec)
    )
    names = [f"f/{number}.png" for number in range(5)]
    assert [result.name for result in results] == names
    assert all(result.ok and result.entry is not None for result in results)
    assert sorted(result.name for result in told.results) == names
    stages = [kind for kind, name in told.events if name == "f/0.png"]
    assert [s for i, s in enumerate(stages) if i == 0 or stages[i - 1] != s] == [
        *("started", "reading", "encoding", "verifying", "writing", "finished")
    ]
    checked = engine.verify(archive, names, codecs=Codecs(lambda: codec))
    assert all(result.ok for result in checked)
    out = engine.extract(archive, names, [], tmp_path / "out", codecs=Codecs(lambda: codec))
    assert all(result.ok for result in out)
    for number in range(5):
        target = tmp_path / "out" / "f" / f"{number}.png"
        assert np.array_equal(np.asarray(Image.open(target)), ramp(number))
        assert target.stat().st_mtime == pytest.approx(
            (folder / f"{number}.png").stat().st_mtime, abs=1e-3
        )


def test_one_bad_file_costs_only_itself(archive: Path, folder: Path, tmp_path: Path) -> None:
    gone = tmp_path / "gone.png"
    results = engine.add(archive, engine.plan([folder, gone]), codecs=Codecs(FakeCodec))
    errors = {result.name: result.error for result in results if result.error}
    assert set(errors) == {"gone.png"}
    assert "\n" not in errors["gone.png"]
    assert str(gone) in errors["gone.png"]
    assert "does not exist" in errors["gone.png"]
    assert stored(archive) == [f"f/{n}.png" for n in range(5)]


def test_added_again_nothing_changes_and_nothing_is_coded(archive: Path, folder: Path) -> None:
    codec = FakeCodec()
    engine.add(archive, engine.plan([folder]), codecs=Codecs(lambda: codec))
    before = archive.read_bytes()
    results = engine.add(archive, engine.plan([folder]), codecs=Codecs(lambda: codec))
    assert all(result.outcome is Outcome.UNCHANGED for result in results)
    assert codec.n_encoded == 5
    assert archive.read_bytes() == before


def test_another_image_of_the_same_name(archive: Path, folder: Path) -> None:
    engine.add(archive, engine.plan([folder / "0.png"]), codecs=Codecs(FakeCodec))
    save(folder / "0.png", 99)
    (refused,) = engine.add(archive, engine.plan([folder / "0.png"]), codecs=Codecs(FakeCodec))
    assert refused.error is not None
    assert "another image of this name" in refused.error
    (done,) = engine.add(
        archive,
        engine.plan([folder / "0.png"]),
        queries=Always(Choice.REPLACE),
        codecs=Codecs(FakeCodec),
    )
    assert done.ok
    with Archive.open(archive, codecs=Codecs(FakeCodec)) as opened:
        assert np.array_equal(opened.read_pixels("0.png"), ramp(99))


@pytest.mark.parametrize("n_threads", [1, 4])
def test_any_executor_will_do(archive: Path, folder: Path, n_threads: int) -> None:
    executor: Executor
    with ThreadPoolExecutor(n_threads) as executor:
        results = engine.add(
            archive, engine.plan([folder]), codecs=Codecs(FakeCodec), executor=executor
        )
    assert all(result.ok for result in results)
    assert len(stored(archive)) == 5


def test_cancel_keeps_what_is_done_and_says_what_is_not(archive: Path, folder: Path) -> None:
    cancel = CancelToken()

    class CancelAfterFirst(Told):
        def finished(self, r: FileResult) -> None:
            super().finished(r)
            cancel.cancel()

    with ThreadPoolExecutor(1) as executor:
        results = engine.add(
            archive,
            engine.plan([folder]),
            listener=CancelAfterFirst(),
            cancel=cancel,
            codecs=Codecs(FakeCodec),
            executor=executor,
        )
    assert [result.outcome is Outcome.CANCELLED for result in results] == [
        False,
        True,
        True,
        True,
        True,
    ]
    assert stored(archive) == ["f/0.png"]


def test_a_listener_that_fails_stops_the_job(archive: Path, folder: Path) -> None:
    class Interrupted(Told):
        def finished(self, r: FileResult) -> None:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        engine.add(archive, engine.plan([folder]), listener=Interrupted(), codecs=Codecs(FakeCodec))
    with Archive.open(archive) as opened:
        opened.check_structure()


def test_a_folder_goes_in_whole_and_comes_back_whole(
    archive: Path, folder: Path, tmp_path: Path
) -> None:
    (folder / "notes.txt").write_text("Ein Tag am See. " * 30)
    (folder / "empty" / "deep").mkdir(parents=True)
    (folder / "empty.xmp").touch()
    (folder / "half.png").write_bytes((folder / "0.png").read_bytes()[:500])
    results = engine.add(archive, engine.plan([folder]), codecs=Codecs(FakeCodec))
    assert all(result.ok for result in results)
    (made,) = [result for result in results if result.is_folder]
    assert (made.name, made.entry) == ("f/empty/deep", None)
    with Archive.open(archive) as opened:
        names, folders = [entry.name for entry in opened.entries()], opened.folders()
    assert folders == ["f/empty/deep"]
    out = tmp_path / "out"
    engine.extract(archive, names, folders, out, codecs=Codecs(FakeCodec))
    found = {path.relative_to(out / "f") for path in (out / "f").rglob("*")}
    assert found == {path.relative_to(folder) for path in folder.rglob("*")}
    for name in ("notes.txt", "empty.xmp", "half.png"):
        assert (out / "f" / name).read_bytes() == (folder / name).read_bytes()
    again = engine.add(archive, engine.plan([folder]), codecs=Codecs(FakeCodec))
    assert {result.outcome for result in again} == {Outcome.UNCHANGED}


def test_an_archive_is_not_added_to_itself(archive: Path) -> None:
    (result,) = engine.add(archive, engine.plan([archive]), codecs=Codecs(FakeCodec))
    assert "to itself" in (result.error or "")
    assert stored(archive) == []


def test_a_bug_in_a_codec_leaves_no_file_out(
    archive: Path, folder: Path, caplog: pytest.LogCaptureFixture
) -> None:
    class Broken(FakeCodec):
        def encode(self, pixels, **kwargs):  # type: ignore[no-untyped-def]
            if pixels[0, 0, 0] == 2:
                raise RuntimeError("division by cucumber")
            return super().encode(pixels, **kwargs)

    results = engine.add(archive, engine.plan([folder]), codecs=Codecs(Broken))
    (kept,) = [r.entry for r in results if r.entry is not None and r.entry.keeps_file]
    assert kept.name == "f/2.png"
    assert "RuntimeError: division by cucumber" in (kept.reason or "")
    assert "cucumber" in caplog.text
    assert len(stored(archive)) == 5


def test_what_is_no_archive_is_said_before_anything_is_coded(folder: Path, tmp_path: Path) -> None:
    codec = FakeCodec()
    with pytest.raises(NotAnArchiveError):
        engine.add(folder / "0.png", engine.plan([folder]), codecs=Codecs(lambda: codec))
    with pytest.raises(UnreadableFileError):
        engine.extract(tmp_path / "none.floe", ["a"], [], tmp_path, codecs=Codecs(lambda: codec))
    assert codec.n_encoded == 0


def test_the_same_file_added_twice_at_once(archive: Path, folder: Path) -> None:
    """The later one is told that it is there already, not that its name is taken (B2b)."""
    both = threading.Barrier(2)

    class Together(FakeCodec):
        def encode(self, pixels, **kwargs):  # type: ignore[no-untyped-def]
            both.wait(20)
            return super().encode(pixels, **kwargs)

    def add(_: int) -> FileResult:
        sources = engine.plan([folder / "0.png"])
        (result,) = engine.add(archive, sources, codecs=Codecs(Together))
        return result

    with ThreadPoolExecutor(2) as pool:
        results = list(pool.map(add, range(2)))
    assert {result.outcome for result in results} == {Outcome.DONE, Outcome.UNCHANGED}
    assert all(result.entry is not None for result in results)
    assert stored(archive) == ["0.png"]


def test_what_was_coded_is_kept_while_another_program_has_the_archive(
    archive: Path, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    codec, add_packed = FakeCodec(), Archive.add_packed
    busy = iter([True, True, False])

    def sometimes(self: Archive, *arguments: Any, **options: Any) -> Entry:
        if next(busy):
            raise ArchiveBusyError(self.path, "another program is writing to the archive")
        return add_packed(self, *arguments, **options)

    class Retry:
        def ask(self, query: Query, cancel: CancelToken) -> Answer:
            return Answer(Choice.RETRY)

    monkeypatch.setattr(Archive, "add_packed", sometimes)
    (result,) = engine.add(
        archive, engine.plan([folder / "0.png"]), queries=Retry(), codecs=Codecs(lambda: codec)
    )
    assert result.ok
    assert codec.n_encoded == 1
    assert stored(archive) == ["0.png"]


def test_nothing_is_coded_for_an_archive_that_takes_nothing(guarded: Path) -> None:
    """A lock can be had on a medium that is only read (C)."""
    archive, source = guarded / "a.floe", save(guarded / "sources" / "0.png", 0)
    Archive.create(archive).close()
    codec = FakeCodec()
    archive.chmod(0o400)
    guarded.chmod(0o500)
    with pytest.raises(UnwritableFileError):
        engine.add(archive, engine.plan([source]), codecs=Codecs(lambda: codec))
    archive.chmod(0o600)
    with pytest.raises(UnwritableFileError):  # the folder takes no journal
        engine.add(archive, engine.plan([source]), codecs=Codecs(lambda: codec))
    guarded.chmod(0o700)
    assert codec.n_encoded == 0
    assert stored(archive) == []


def test_an_archive_that_cannot_be_written_is_said_first(
    archive: Path, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    codec = FakeCodec()

    def refuse(self: Archive) -> None:
        raise UnwritableFileError(self.path, "no permission")

    monkeypatch.setattr(Archive, "check_writable", refuse)
    with pytest.raises(UnwritableFileError):
        engine.add(archive, engine.plan([folder]), codecs=Codecs(lambda: codec))
    assert codec.n_encoded == 0


def test_of_an_archive_cut_short_the_rest_comes_out(archive: Path, tmp_path: Path) -> None:
    random = np.random.default_rng(1)
    images = {f"{n}.png": random.integers(0, 256, (90, 120, 3), np.uint8) for n in range(8)}
    for name, pixels in images.items():
        Image.fromarray(pixels).save(tmp_path / name)
    engine.add(archive, engine.plan([tmp_path / name for name in images]), codecs=Codecs(FakeCodec))
    names = stored(archive)
    data = archive.read_bytes()
    archive.write_bytes(data[: len(data) * 3 // 4 // 4096 * 4096])
    results = engine.extract(archive, names, [], tmp_path / "out", codecs=Codecs(FakeCodec))
    good = [result for result in results if result.ok]
    assert 0 < len(good) < len(names)
    for result in good:
        assert result.target is not None
        assert np.array_equal(np.asarray(Image.open(result.target)), images[result.name])
