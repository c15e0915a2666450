"""What the bytes of an entry are for: counted in the file, and adding up."""

from __future__ import annotations

import sqlite3
from pathlib import Path

import pytest

from core.archive import Archive
from core.archive.entry import Share
from core.coding.coders import Coder
from core.coding.photo.codec import PhotoCodec
from core.coding.photo.side import side_bits
from core.errors import DamagedEntryError
from tests.archive.samples import FILES, make_archive, open_fake
from tests.golden.make import archives, scene
from tests.golden.reading import chunks_of

GOLDEN = Path(__file__).parent.parent / "golden"
NAMES = [(archive, entry[0]) for archive, entries in archives().items() for entry in entries]


@pytest.mark.parametrize(("archive", "name"), NAMES)
def test_shares_add_up_to_the_bytes_in_the_file(archive: str, name: str) -> None:
    parts = {p: chunks_of(GOLDEN / archive, name, p) for p in ("pixels", "frame", "file")}
    with Archive.open(GOLDEN / archive) as opened:
        entry, shares = opened.entry(name), opened.breakdown(name)
    chunks = [chunk for pieces in parts.values() for chunk in pieces]
    if entry.codec == "stored":
        assert shares == {Share.FILE: 8.0 * sum(map(len, chunks))}
        return
    n_bytes = sum(len(chunk) + 4 for chunk in chunks)
    assert sum(shares.values()) == pytest.approx(8 * n_bytes, abs=1e-6)
    assert sum(shares.values()) == pytest.approx(entry.achieved_bpd * entry.n_dims, abs=1e-6)
    assert shares[Share.FRAME] == 8 * sum(map(len, parts["frame"]))
    assert shares[Share.CONTAINER] == 32 * len(chunks)
    assert shares[Share.SIDE] == 128 + 3 + 3 * (entry.channels == 3)


@pytest.mark.parametrize("coder", Coder)
def test_side_information_is_what_a_tile_takes_without_pixels(coder: str) -> None:
    """Coding is only what is left: were a bit of the side information forgotten, it would be
    in there for every tile of one pixel, where nothing else is to be coded."""
    from core.flows.photo.loading import load_photo_model

    codec = PhotoCodec(load_photo_model(GOLDEN / "model.safetensors"))
    coded = codec.encode(scene(1, 1), coder=coder)
    n_bits = 8 * sum(map(len, coded.chunks))
    assert coded.report.theoretical_bits == 24
    assert 0 <= n_bits - 24 - side_bits(1, 3) < 8  # whole bytes


def test_missing_parts_are_damage(tmp_path: Path) -> None:
    path = tmp_path / "x.floe"
    make_archive(path, tmp_path / "sources")
    connection = sqlite3.connect(path)
    connection.execute("DELETE FROM chunk WHERE part = 'frame'")
    connection.commit()
    connection.close()
    with open_fake(path) as archive:
        with pytest.raises(DamagedEntryError, match=r"a\.png.*parts of its data are missing"):
            archive.breakdown("a.png")
        assert archive.breakdown("deep/d.jpg") == {Share.FILE: 8.0 * len(FILES["deep/d.jpg"])}
