"""Numbers as people read them."""

from __future__ import annotations

import pytest
from PySide6.QtCore import QLocale

from app.language import formats
from app.session.columns import natural
from tests.app.fake_backend import make_entry


@pytest.fixture(autouse=True)
def english() -> None:
    QLocale.setDefault(QLocale(QLocale.Language.English))


def test_the_summary_of_an_archive() -> None:
    entries = [
        make_entry(f"{i}", original_bytes=650_000, packed_bytes=400_000, width=768, height=512)
        for i in range(14)
    ]
    bits = 8 * 400_000 / (768 * 512 * 3)
    assert formats.summary(entries) == (
        f"14 files: 9.1 MB to 5.6 MB, 3.5 MB saved (38 %); {bits:.3f} bits/dim"
    )


def test_savings_and_growth() -> None:
    assert formats.saving(900_000, 339_000) == "561.0 kB saved (62 %)"
    assert formats.saving(1_000, 3_000) == "2.0 kB larger"
    assert formats.saving(0, 0) == "0 bytes saved (0 %)"
    assert formats.signed_size(-2_000) == "\N{MINUS SIGN}2.0 kB"


def test_one_image_and_none() -> None:
    assert formats.summary([make_entry()]).startswith("1 file: ")
    assert formats.summary([]) == "No files yet"


@pytest.mark.parametrize(
    ("seconds", "text"), [(0.4, "0:00"), (52, "0:52"), (59.7, "1:00"), (3723, "1:02:03")]
)
def test_durations(seconds: float, text: str) -> None:
    assert formats.duration(seconds) == text


def test_what_does_not_apply_is_a_dash() -> None:
    assert formats.bits_per_dim(None) == formats.seconds(None) == "\N{EN DASH}"


def test_numbers_in_names_sort_as_numbers() -> None:
    assert sorted(["img10", "img2", "Img1"], key=natural) == ["Img1", "img2", "img10"]
