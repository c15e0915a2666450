"""Item models keep Qt's contract, and sort by native values."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from PySide6.QtCore import QModelIndex, Qt

from app.entries_model import EntriesModel, EntriesProxy
from app.job_files_model import PROGRESS, STATE, JobFilesModel
from app.jobs import JobKind, Jobs, Work
from core.control import Progress
from tests.app.fake_backend import make_entry, make_result
from tests.app.stand_ins import InlineExecutor


def column(model: EntriesModel, key: str) -> int:
    return next(i for i, c in enumerate(model.columns) if c.key == key)


def names(proxy: EntriesProxy) -> list[str]:
    return [proxy.entry(row).name for row in range(proxy.rowCount())]


def test_the_entries_model_keeps_the_contract(qtmodeltester: Any) -> None:
    model = EntriesModel()
    model.reset([make_entry("a.png"), make_entry("b.png", coder=None, theoretical_bpd=None)])
    qtmodeltester.check(model)
    model.put(make_entry("c.png"))
    model.remove(["a.png", "not there"])
    qtmodeltester.check(model)
    proxy = EntriesProxy(model)
    qtmodeltester.check(proxy)
    assert names(proxy) == ["b.png", "c.png"]


def test_an_entry_of_the_same_name_is_replaced() -> None:
    model = EntriesModel()
    model.put(make_entry("a.png", width=1))
    model.put(make_entry("a.png", width=2))
    assert [entry.width for entry in model.entries] == [2]


def test_sorting_is_by_native_values() -> None:
    model = EntriesModel()
    model.reset(
        [
            make_entry("img10.png", original_bytes=9_000, borrowed_bits=None),
            make_entry("img9.png", original_bytes=80_000, borrowed_bits=2_000),
            make_entry("img100.png", original_bytes=3_000_000_000, borrowed_bits=300),
        ]
    )
    proxy = EntriesProxy(model)
    proxy.sort(column(model, "name"))
    assert names(proxy) == ["img9.png", "img10.png", "img100.png"]
    proxy.sort(column(model, "original"))
    assert names(proxy) == ["img10.png", "img9.png", "img100.png"]
    proxy.sort(column(model, "borrowed"), Qt.SortOrder.DescendingOrder)
    assert names(proxy) == ["img9.png", "img100.png", "img10.png"]


def test_every_cell_has_text_and_says_its_column() -> None:
    model = EntriesModel()
    stored: dict[str, Any] = dict.fromkeys(
        ("theoretical_bpd", "borrowed_bits", "lost_bits", "network_seconds", "coding_seconds")
    )
    model.reset([make_entry("a"), make_entry("b", codec="stored", coder=None, **stored)])
    for row in range(2):
        for index in range(model.columnCount()):
            cell = model.index(row, index)
            text = cell.data()
            assert isinstance(text, str)
            assert text
            spoken = cell.data(Qt.ItemDataRole.AccessibleTextRole)
            assert text in spoken
            assert "\n" not in spoken
    assert model.rowCount(model.index(0, 0)) == 0
    assert model.data(QModelIndex()) is None


def test_the_model_of_the_jobs_files(qtmodeltester: Any, qtbot: Any) -> None:
    def run(listener: Any, cancel: Any) -> list[Any]:
        listener.progress(Progress("a", "encoding", 5, 10))
        listener.finished(make_result("a", entry=make_entry("a", original_bytes=904_000)))
        listener.finished(
            make_result("/x/b", source=Path("/x/b"), error="/x/b: no image of a known kind")
        )
        return []

    jobs, model = Jobs(InlineExecutor()), JobFilesModel()
    jobs.job_added.connect(model.follow)
    plan = [("a", 1.0), ("c", 1.0)]
    job = jobs.submit(
        JobKind.ADD, Path("x.floe"), Work(lambda: plan, run, lambda _: pytest.fail("not asked to"))
    )
    with qtbot.waitSignal(job.finished):
        pass
    qtmodeltester.check(model)
    states = [model.index(row, STATE).data() for row in range(model.rowCount())]
    assert states[0].startswith("Done, ")
    assert states[0].endswith("% saved")
    assert states[1:] == ["Cancelled", "No image of a known kind"]
    assert model.index(0, PROGRESS).data() == ""
    jobs.forget_finished()
    model.clear_finished()
    assert model.rowCount() == 0
