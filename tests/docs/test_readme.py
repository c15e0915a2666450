"""The README's figures are those that ``floe bench kodak`` wrote to docs/figures."""

from __future__ import annotations

import json
from typing import Any

import pytest

from core.flows.photo.loading import bundled_photo_model
from tests.docs.pages import ROOT, read

RECORD = ROOT / "docs" / "figures" / "kodak.json"
if not RECORD.is_file():
    pytest.skip("floe bench kodak has yet to write the record", allow_module_level=True)

KODAK: dict[str, Any] = json.loads(RECORD.read_text("utf-8"))
README = " ".join(read("README.md").split())
RESULTS = read("README.md").partition("## Results")[2].partition("\n## ")[0]

ROWS = {
    "PNG, zlib level 9": ("PNG", ""),
    "WebP, quality 100, method 6": ("WebP", "quality 100"),
    "JPEG XL, effort 7": ("JPEG XL", "effort 7"),
    "JPEG XL, effort 9": ("JPEG XL", "effort 9"),
}


def mean(codec: str, settings: str = "") -> dict[str, Any]:
    """The one mean of a codec whose settings have these words."""
    (row,) = [r for r in KODAK["mean"] if r["codec"] == codec and settings in r["settings"]]
    return row


def lengths(codec: str, settings: str = "") -> dict[str, float]:
    """Bits/dim of a codec by image."""
    rows = [r for r in KODAK["images"] if r["codec"] == codec and settings in r["settings"]]
    return {row["image"]: row["achieved_bpd"] for row in rows}


def row_of(title: str) -> list[str]:
    """The cells of a row of the table of results, without bold."""
    for line in RESULTS.splitlines():
        cells = [cell.strip().replace("*", "") for cell in line.strip("|").split("|")]
        if line.startswith("|") and cells[0] == title:
            return cells[1:]
    raise AssertionError(f"no row {title}")


def test_the_record_is_of_the_model_in_the_program_and_of_all_images() -> None:
    assert KODAK["model"] == bundled_photo_model().id
    images = {row["image"] for row in KODAK["images"]}
    assert images == {f"kodim{number:02}.png" for number in range(1, 25)}


def test_the_means_are_means_of_the_images() -> None:
    for codec, settings in [("Floe", "fused"), *ROWS.values()]:
        each = lengths(codec, settings)
        assert mean(codec, settings)["achieved_bpd"] == pytest.approx(
            sum(each.values()) / len(each)
        )


@pytest.mark.parametrize("title", ROWS)
def test_a_row_of_another_codec(title: str) -> None:
    assert row_of(title) == [f"{mean(*ROWS[title])['achieved_bpd']:.3f}"]


def test_the_row_of_floe() -> None:
    assert row_of("Floe") == [f"{mean('Floe')['achieved_bpd']:.3f}"]


def test_the_headline() -> None:
    ours = mean("Floe")["achieved_bpd"]
    png = 100 * (1 - ours / mean("PNG")["achieved_bpd"])
    jxl = 100 * (1 - ours / mean("JPEG XL", "effort 9")["achieved_bpd"])
    assert (
        f"{png:.0f} % smaller than PNG and {jxl:.1f} % smaller than JPEG XL at effort 9" in README
    )


def test_on_how_many_it_is_the_smallest() -> None:
    floe, usual = lengths("Floe"), lengths("JPEG XL", "effort 7")
    others = [lengths(*settings) for settings in ROWS.values()]
    n_smallest = sum(all(floe[image] < other[image] for other in others) for image in floe)
    assert f"smallest on {n_smallest} of the {len(floe)}" in README
    assert all(floe[i] < usual[i] for i in floe) == ("JPEG XL at effort 7 on all" in README)


def test_achieved_and_theoretical() -> None:
    floe = mean("Floe")
    gap = floe["achieved_bpd"] - floe["theoretical_bpd"]
    assert gap > 0
    assert f"{gap:.4f} bits/dim above the theoretical length" in README
