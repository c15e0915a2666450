"""The model of the contents: Qt's contract, folders, sums, sorting, filtering, few operations."""

from __future__ import annotations

import random
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PySide6.QtCore import QModelIndex, QPersistentModelIndex, Qt

from app.session.entries_model import SORT_ROLE, EntriesModel
from tests.app.fake_backend import make_entry


def column(model: EntriesModel, key: str) -> int:
    return next(i for i, c in enumerate(model.columns) if c.key == key)


def cell(model: EntriesModel, row: int, key: str, role: int = Qt.ItemDataRole.DisplayRole) -> Any:
    return model.index(row, column(model, key)).data(role)


def names(model: EntriesModel) -> list[str]:
    return [model.index(row, 0).data() for row in range(model.rowCount())]


NAMES = ("z.png", "beach/b10.png", "beach/b9.png", "beach/raw/r.png", "a.png", "city/c.png")


@pytest.fixture
def model() -> EntriesModel:
    made = EntriesModel()
    made.reset([make_entry(name) for name in NAMES], ["empty/inside"])
    return made


def test_the_contract(qtmodeltester: Any, model: EntriesModel) -> None:
    qtmodeltester.check(model)
    model.put(make_entry("c.png"))
    model.put(make_entry("beach/b1.png"))
    model.put(make_entry("new/n.png"))
    model.remove(["a.png", "not there", "city"])
    model.change(made=["another"])
    qtmodeltester.check(model)
    model.set_filter("png")
    model.put(make_entry("beach/b2.png"))
    model.remove(["beach/raw/r.png"])
    model.sort(3, Qt.SortOrder.DescendingOrder)
    qtmodeltester.check(model)
    model.show_folder("beach")
    qtmodeltester.check(model)


def test_folders_come_first_and_are_entered(model: EntriesModel) -> None:
    assert names(model) == ["beach", "city", "empty", "a.png", "z.png"]
    model.show_folder("beach")
    assert names(model) == ["raw", "b9.png", "b10.png"]
    model.sort(0, Qt.SortOrder.DescendingOrder)
    assert names(model) == ["raw", "b10.png", "b9.png"]
    model.show_folder("empty")
    assert names(model) == ["inside"]
    model.show_folder("beach/none/at/all")
    assert model.folder.path == "beach"


def test_folders_sum_up_what_is_in_them(model: EntriesModel) -> None:
    assert cell(model, 0, "pixels") == "3 files"
    inside = [e for e in model.entries if e.name.startswith("beach/")]
    assert cell(model, 0, "packed_bytes", SORT_ROLE) == sum(e.packed_bytes for e in inside)
    assert cell(model, 0, "encode_seconds") == "6.93"
    assert cell(model, 0, "theoretical_bpd") == "2.864"
    packed, original = (
        sum(getattr(e, k) for e in inside) for k in ("packed_bytes", "original_bytes")
    )
    assert cell(model, 0, "saved", SORT_ROLE) == 1 - packed / original
    assert [cell(model, 2, key) for key in ("pixels", "packed_bytes", "saved")] == [
        "0 files",
        "\N{EN DASH}",
        "\N{EN DASH}",
    ]
    changes: list[int] = []
    model.dataChanged.connect(lambda first, _last: changes.append(first.row()))
    model.put(make_entry("beach/raw/s.png", encode_seconds=1.0))
    assert changes == [0]
    assert cell(model, 0, "pixels") == "4 files"
    assert cell(model, 0, "encode_seconds") == "7.93"


def test_folders_go_with_their_last_entry_unless_they_were_made(model: EntriesModel) -> None:
    model.remove(["city/c.png"])
    assert names(model) == ["beach", "empty", "a.png", "z.png"]
    model.show_folder("beach/raw")
    model.remove(["beach/raw/r.png"])
    assert model.folder.path == "beach"
    model.remove(["empty"])
    model.show_folder("")
    assert names(model) == ["beach", "a.png", "z.png"]
    model.remove(["beach"])
    assert [e.name for e in model.entries] == ["z.png", "a.png"]
    assert not model.is_empty


def test_a_new_list_keeps_the_folder(model: EntriesModel) -> None:
    model.show_folder("beach/raw")
    model.reset([make_entry("beach/x.png")])
    assert model.folder.path == "beach"
    assert names(model) == ["x.png"]


def test_the_filter_searches_below_the_folder_and_shows_paths(model: EntriesModel) -> None:
    model.show_folder("beach")
    model.set_filter("PNG r")
    assert names(model) == ["raw/r.png"]
    model.set_filter("b9")
    assert names(model) == ["b9.png"]
    model.set_filter("beach")
    assert names(model) == []
    model.show_folder("")
    assert names(model) == [
        "beach",
        "beach/raw",
        "beach/b9.png",
        "beach/b10.png",
        "beach/raw/r.png",
    ]
    model.put(make_entry("beach/b1.png"))
    model.put(make_entry("other.png"))
    assert names(model)[2] == "beach/b1.png"
    assert "other.png" not in names(model)


def test_sorting_is_by_native_values() -> None:
    model = EntriesModel()
    model.reset(
        [
            make_entry("img10.png", original_bytes=9_000, borrowed_bits=None),
            make_entry("img9.png", original_bytes=80_000, borrowed_bits=2_000),
            make_entry("img100.png", original_bytes=3_000_000_000, borrowed_bits=300),
        ]
    )
    model.sort(column(model, "name"))
    assert names(model) == ["img9.png", "img10.png", "img100.png"]
    model.sort(column(model, "original_bytes"))
    assert names(model) == ["img10.png", "img9.png", "img100.png"]
    kept = QPersistentModelIndex(model.index(1, 0))
    model.sort(column(model, "borrowed_bits"), Qt.SortOrder.DescendingOrder)
    assert names(model) == ["img9.png", "img100.png", "img10.png"]
    assert kept.data() == "img9.png"


@given(
    steps=st.lists(
        st.tuples(
            st.booleans(),
            st.sampled_from(["a", "b", "f/a", "f/b", "f/g/c", "h/d"]),
            st.integers(1, 9),
        ),
        max_size=25,
    ),
    by=st.sampled_from(["name", "packed_bytes"]),
    descending=st.booleans(),
    filtered=st.booleans(),
)
@settings(max_examples=60, deadline=None)
def test_changes_end_where_a_new_list_would(
    steps: list[tuple[bool, str, int]], by: str, descending: bool, filtered: bool
) -> None:
    order = Qt.SortOrder.DescendingOrder if descending else Qt.SortOrder.AscendingOrder
    model, fresh = EntriesModel(), EntriesModel()
    for each in (model, fresh):
        each.sort(column(each, by), order)
        each.set_filter("a" if filtered else "")
    mirror: list[str] = []  # what a view would show that believes the signals
    model.modelReset.connect(lambda: mirror.__setitem__(slice(None), names(model)))
    model.rowsInserted.connect(lambda _p, row, _l: mirror.insert(row, names(model)[row]))
    model.rowsRemoved.connect(lambda _p, row, _l: mirror.pop(row))
    model.rowsMoved.connect(
        lambda _p, start, _e, _q, to: mirror.insert(to if to < start else to - 1, mirror.pop(start))
    )
    for is_put, name, n_bytes in steps:
        if is_put:
            model.put(make_entry(name, packed_bytes=n_bytes))
        else:
            model.remove([name])
        fresh.reset(model.entries)
        assert names(model) == names(fresh) == mirror


def test_every_cell_has_text_and_says_its_column(model: EntriesModel) -> None:
    stored: dict[str, Any] = dict.fromkeys(
        ("theoretical_bpd", "borrowed_bits", "lost_bits", "network_seconds", "coding_seconds")
    )
    model.put(make_entry("b", codec="stored", coder=None, **stored))
    for row in range(model.rowCount()):
        for index in range(model.columnCount()):
            at = model.index(row, index)
            text = at.data()
            assert isinstance(text, str)
            assert text
            spoken = at.data(Qt.ItemDataRole.AccessibleTextRole)
            assert text in spoken
            assert "\n" not in spoken
    spoken = model.index(0, 0).data(Qt.ItemDataRole.AccessibleTextRole)
    assert spoken == "Folder: beach, 3 files"
    assert model.rowCount(model.index(0, 0)) == 0
    assert model.data(QModelIndex()) is None


def test_an_entry_of_the_same_name_is_replaced() -> None:
    model = EntriesModel()
    model.put(make_entry("a.png", width=1))
    model.put(make_entry("a.png", width=2))
    assert [entry.width for entry in model.entries] == [2]


def test_one_more_among_ten_thousand_costs_little(monkeypatch: pytest.MonkeyPatch) -> None:
    shuffled = [make_entry(f"{n % 50}/img{n}.png") for n in range(10_000)]
    random.Random(1).shuffle(shuffled)
    model = EntriesModel()
    model.reset(shuffled)
    model.show_folder("7")
    keys = []
    real = EntriesModel._key
    monkeypatch.setattr(EntriesModel, "_key", lambda m, i: keys.append(i) or real(m, i))
    model.set_filter("img")
    assert len(keys) == 200
    keys.clear()
    model.put(make_entry("7/img_new.png"))
    assert len(keys) < 30  # a binary search, and no new sorting


def test_a_filter_sorts_once_and_then_only_picks(monkeypatch: pytest.MonkeyPatch) -> None:
    shuffled = [make_entry(f"{n % 50}/img{n}.png") for n in range(1000)]
    random.Random(1).shuffle(shuffled)
    model = EntriesModel()
    model.reset(shuffled)
    keys = []
    real = EntriesModel._key
    monkeypatch.setattr(EntriesModel, "_key", lambda m, i: keys.append(i) or real(m, i))
    model.set_filter("i")
    assert len(keys) == 1050  # files and folders
    keys.clear()
    shown = {}
    for text in ("im", "img1", "7/ img", "zzz", "img"):
        model.set_filter(text)
        shown[text] = [item.path for item in model.items]
    assert not keys
    assert [len(paths) for paths in shown.values()] == [1000, 111, 100, 0, 1000]
    assert shown["img1"][:3] == ["0/img100.png", "0/img150.png", "1/img1.png"]
    # What changes is seen by the next filter, and so is another order or folder.
    model.put(make_entry("3/img1.png"))
    model.remove(["0/img100.png"])
    model.set_filter("img1")
    assert [item.path for item in model.items][:2] == ["0/img150.png", "1/img1.png"]
    model.sort(0, Qt.SortOrder.DescendingOrder)
    model.set_filter("img15")
    assert [item.path for item in model.items][-2:] == ["1/img151.png", "0/img150.png"]
    model.show_folder("3")
    assert [item.path for item in model.items] == ["3/img153.png"]
