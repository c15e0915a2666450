"""Sums over entries."""

from __future__ import annotations

import pytest

from core.archive.totals import Sums, Totals
from tests.archive.samples import make_entry


def test_means_are_weighed_by_samples() -> None:
    small = make_entry("a", width=10, height=10, channels=1, packed_bytes=100, theoretical_bpd=7.0)
    large = make_entry("b", width=30, height=10, channels=1, packed_bytes=100, theoretical_bpd=1.0)
    sums = Totals.of([small, large]).coded
    assert (sums.n_entries, sums.n_pixels, sums.n_dims) == (2, 400, 400)
    assert sums.achieved_bpd == 8 * 200 / 400
    assert sums.theoretical_bpd == (7.0 * 100 + 1.0 * 300) / 400


def test_stored_entries_are_summed_apart_and_have_no_codelength() -> None:
    coded = make_entry("a", original_bytes=1_000, packed_bytes=400, file_exact=False)
    stored = make_entry(
        *("b",), codec="stored", coder=None, theoretical_bpd=None, borrowed_bits=None,
        lost_bits=None, original_bytes=1_000, packed_bytes=1_000,
    )  # fmt: skip
    totals = Totals.of([coded, stored])
    assert totals.coded == Sums.of([coded])
    assert totals.kept == Sums.of([stored])
    assert (totals.coded.saved, totals.kept.saved) == (0.6, 0.0)
    assert totals.all.saved == pytest.approx(0.3)
    assert totals.all.n_exact == 1
    assert totals.kept.theoretical_bpd is None
    assert totals.all.theoretical_bpd == pytest.approx(coded.theoretical_bpd)


def test_nothing_has_no_means() -> None:
    nothing = Totals.of([]).all
    assert (nothing.saved, nothing.achieved_bpd, nothing.theoretical_bpd) == (None, None, None)
