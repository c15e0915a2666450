"""The window on the real archive, images and engine; only the codec is a stand-in."""

from __future__ import annotations

import sqlite3
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image
from PySide6.QtCore import Qt

from app.backend.backend import CoreBackend
from app.backend.executors import Executors
from app.jobs.files_model import FILE, STATE
from app.window.window import Window
from core.archive.archive import Archive
from core.bench.contest import REFUSED
from core.control import CancelToken
from core.engine import Silent, plan
from core.errors import Cancelled
from tests.app.drops import drop
from tests.app.stand_ins import FakeDialogs, MakeWindow
from tests.fakes import FakeCodec


@pytest.fixture
def codec() -> FakeCodec:
    return FakeCodec(tile=48)


@pytest.fixture
def core_backend(codec: FakeCodec, tmp_path: Path) -> Iterator[CoreBackend]:
    backend = CoreBackend(lambda: codec, shelf=tmp_path / "shelf")
    yield backend
    backend.close()


@pytest.fixture
def window(make_window: MakeWindow, threads: Executors, core_backend: CoreBackend) -> Window:
    return make_window(threads, core_backend)


def ramp(seed: int) -> np.ndarray[Any, Any]:
    rows, columns = np.mgrid[0:96, 0:128]
    return np.stack([rows + seed, columns, rows + columns], axis=2).astype(np.uint8)


@pytest.fixture
def photographs(tmp_path: Path) -> Path:
    folder = tmp_path / "holiday"
    (folder / "beach").mkdir(parents=True)
    for number in range(4):
        Image.fromarray(ramp(number)).save(folder / f"img{number}.png", compress_level=0)
    Image.fromarray(ramp(9)).save(folder / "beach" / "img0.png", compress_level=0)
    return folder


def settle(qtbot: Any, until: Callable[[], bool]) -> None:
    qtbot.waitUntil(until, timeout=10_000)


def listed(path: Path) -> list[str]:
    with Archive.open(path) as archive:
        return sorted(entry.name for entry in archive.entries())


def test_a_folder_with_damaged_files_goes_in_and_comes_out(
    qtbot: Any, window: Window, dialogs: FakeDialogs, photographs: Path, tmp_path: Path
) -> None:
    whole = (photographs / "img3.png").read_bytes()
    (photographs / "img3.png").write_bytes(whole[: len(whole) // 2])
    (photographs / "notes.png").write_text("no image")
    (photographs / ".DS_Store").touch()
    drop(window, [photographs])
    settle(qtbot, lambda: not window.session.busy and bool(window.session.model.entries))
    names = ["holiday/beach/img0.png", *(f"holiday/img{number}.png" for number in range(4))]
    names.append("holiday/notes.png")
    assert dialogs.new is not None
    assert listed(dialogs.new) == names
    assert sorted(e.name for e in window.session.model.entries) == names
    model = window.jobs_panel.model
    states = {model.index(r, FILE).data(): model.index(r, STATE).data() for r in range(7)}
    (left_out,) = [name for name, state in states.items() if "Left out" in state]
    assert Path(left_out).name == ".DS_Store"
    assert "cut short" in states["holiday/img3.png"] or states["holiday/img3.png"].endswith("%)")
    assert "1 left out" in window.message.text
    qtbot.keyClick(window, Qt.Key.Key_E, Qt.KeyboardModifier.ControlModifier)
    out = tmp_path / "out"
    settle(qtbot, lambda: len(list(out.rglob("*.png"))) == 6 and not window.session.busy)
    for name in names:
        source = photographs.parent / name
        if name.endswith(("img3.png", "notes.png")):
            assert (out / name).read_bytes() == source.read_bytes()
            continue
        assert np.array_equal(np.asarray(Image.open(out / name)), np.asarray(Image.open(source)))


def test_cancel_leaves_a_readable_archive_without_the_unfinished_file(
    qtbot: Any, window: Window, codec: FakeCodec, dialogs: FakeDialogs, photographs: Path
) -> None:
    codec.pause = 0.03
    drop(window, sorted(photographs.glob("*.png")))
    settle(qtbot, lambda: len(window.session.model.entries) >= 1)
    window.actions_.cancel.trigger()
    qtbot.waitUntil(lambda: not window.session.busy, timeout=1000)
    assert dialogs.new is not None
    done = sorted(entry.name for entry in window.session.model.entries)
    assert 1 <= len(done) < 4
    assert listed(dialogs.new) == done
    with Archive.open(dialogs.new) as archive:
        archive.check_structure()
    codec.pause = 0
    window.extraction.verify()
    settle(qtbot, lambda: "verified, exact" in window.message.text)


def test_remove(qtbot: Any, window: Window, dialogs: FakeDialogs, photographs: Path) -> None:
    drop(window, sorted(photographs.glob("*.png")))
    settle(qtbot, lambda: len(window.session.model.entries) == 4 and not window.session.busy)
    window.entries.selectRow(1)
    window.entries.setFocus()
    qtbot.keyClick(window.entries, Qt.Key.Key_Delete)
    settle(qtbot, lambda: len(window.session.model.entries) == 3)
    assert dialogs.new is not None
    assert listed(dialogs.new) == ["img0.png", "img2.png", "img3.png"]


def test_displayed_bits_are_those_of_the_files_bytes(
    qtbot: Any, window: Window, dialogs: FakeDialogs, photographs: Path
) -> None:
    drop(window, [photographs / "img0.png"])
    settle(qtbot, lambda: bool(window.session.model.entries) and not window.session.busy)
    (entry,) = window.session.model.entries
    window.entries.selectRow(0)
    settle(qtbot, lambda: len(window.details.comparison.known()) == 3)
    assert dialogs.new is not None
    connection = sqlite3.connect(dialogs.new)
    ((count, total),) = connection.execute("SELECT count(*), sum(length(data)) FROM chunk")
    connection.close()
    in_the_file = total + 4 * count
    achieved = window.details.codelength.chart.bars[1]
    assert achieved.value == 8 * in_the_file / (128 * 96 * 3)
    assert achieved.text == f"{achieved.value:.3f}"
    column = next(
        c
        for c in range(window.session.model.columnCount())
        if window.session.model.index(0, c).data() == achieved.text
    )
    assert window.session.model.headerData(column, Qt.Orientation.Horizontal)
    theory = (entry.theoretical_bpd or 0) * entry.n_dims / 8
    parts = [bar.value or 0 for bar in window.details.codelength.parts.bars]
    assert theory + sum(parts) == pytest.approx(in_the_file, abs=1e-6)
    assert f"{in_the_file:,} bytes" in window.details.codelength._sum.text()


def test_codelengths_of_other_codecs(qtbot: Any, window: Window, photographs: Path) -> None:
    drop(window, [photographs / "img0.png"])
    settle(qtbot, lambda: bool(window.session.model.entries) and not window.session.busy)
    window.entries.selectRow(0)
    settle(qtbot, lambda: len(window.details.comparison.known()) == 3)
    known = {attempt.name: attempt.bits_per_dim for attempt in window.details.comparison.known()}
    assert known["PNG"] is not None
    assert known["WebP"] is not None
    assert 0 < known["WebP"] < 8


@pytest.mark.parametrize("damage", ["text", "cut", "empty", "gone"])
def test_archives_that_are_none(
    qtbot: Any, window: Window, core_backend: CoreBackend, tmp_path: Path, damage: str
) -> None:
    path = tmp_path / "broken.floe"
    core_backend.create(path)
    if damage == "text":
        path.write_text("This is no archive. " * 1000)
    elif damage == "cut":
        path.write_bytes(path.read_bytes()[:3000])
    elif damage == "empty":
        path.write_bytes(b"")
    else:
        path.unlink()
    window.session.open(path)
    settle(qtbot, lambda: not window.session.busy)
    assert window.message.text.startswith(str(path))
    assert window.session.path is None
    assert window.isVisible()


def test_a_new_archive_in_the_place_of_another(
    core_backend: CoreBackend, photographs: Path, tmp_path: Path
) -> None:
    path = tmp_path / "x.floe"
    path.write_text("anything")
    core_backend.create(path)
    assert listed(path) == []
    assert [p.name for p in tmp_path.iterdir() if p.name.startswith(".floe-")] == []


def test_the_plan_of_files_that_are_gone(core_backend: CoreBackend, tmp_path: Path) -> None:
    (source,) = core_backend.plan_add([tmp_path / "gone.png"], "f", print)
    assert (source.name, source.n_bytes) == ("f/gone.png", 0)


def test_codelengths_stop_when_told(
    core_backend: CoreBackend, photographs: Path, tmp_path: Path
) -> None:
    path, cancel = tmp_path / "x.floe", CancelToken()
    core_backend.create(path)
    core_backend.add(path, plan([photographs / "img0.png"]), None, Silent(), cancel)
    lengths = core_backend.codelengths(path, "img0.png", cancel)
    assert next(lengths).name == "PNG"
    cancel.cancel()
    with pytest.raises(Cancelled):
        next(lengths)


def test_a_codec_that_cannot_take_an_image_says_so(
    core_backend: CoreBackend, tmp_path: Path
) -> None:
    path, image = tmp_path / "x.floe", tmp_path / "long.png"
    core_backend.create(path)
    Image.fromarray(np.zeros((1, 17_000, 3), np.uint8)).save(image)
    core_backend.add(path, plan([image]), None, Silent(), CancelToken())
    measured = {m.name: m for m in core_backend.codelengths(path, image.name, CancelToken())}
    assert measured["PNG"].bits_per_dim is not None
    assert measured["WebP"].bits_per_dim is None
    assert measured["WebP"].problem == REFUSED


def test_of_an_archive_cut_short_the_rest_is_shown_and_comes_out(
    qtbot: Any, window: Window, core_backend: CoreBackend, dialogs: FakeDialogs, tmp_path: Path
) -> None:
    random = np.random.default_rng(5)
    path = tmp_path / "cut.floe"
    core_backend.create(path)
    for number in range(6):
        pixels = random.integers(0, 256, (80, 100, 3), np.uint8)
        Image.fromarray(pixels).save(tmp_path / f"{number}.png")
    core_backend.add(path, plan(sorted(tmp_path.glob("*.png"))), None, Silent(), CancelToken())
    path.write_bytes(path.read_bytes()[:-40_000])
    window.session.open(path)
    settle(qtbot, lambda: not window.session.busy)
    assert "cut short" in window.message.text
    assert window.session.path == path
    window.extraction.extract_all()
    settle(qtbot, lambda: not window.session.busy and window.session.jobs.last is not None)
    assert dialogs.target is not None
    found = sorted(dialogs.target.glob("*.png"))
    assert 1 <= len(found) < 6
    for file in found:
        before, after = Image.open(tmp_path / file.name), Image.open(file)
        assert np.array_equal(np.asarray(before), np.asarray(after))
