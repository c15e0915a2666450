"""JPEG files in an archive: coded, byte for byte, and shown like all others."""

from __future__ import annotations

import hashlib
import io
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from core.archive import Archive, Codecs
from core.archive.codec import load_jpeg_codec
from core.archive.entry import Share
from core.coding.efforts import FAMILIES, Effort, effort_of
from core.control import CancelToken, Progress
from core.errors import Cancelled, DamagedEntryError, ModelError
from tests.fakes import FakeCodec


def jpeg_of(height: int, width: int, mode: str = "RGB", **options) -> bytes:
    """A JPEG file of a smooth picture with some noise."""
    random = np.random.default_rng(5)
    y, x = np.mgrid[:height, :width]
    waves = [128 + 90 * np.sin(x / (9 + 4 * i)) * np.cos(y / (7 + 3 * i)) for i in range(len(mode))]
    samples = np.stack(waves, -1) + random.normal(0, 6, (height, width, len(mode)))
    picture = samples.clip(0, 255).astype(np.uint8)
    file = io.BytesIO()
    image = Image.fromarray(picture[..., 0] if mode == "L" else picture, mode)
    image.save(file, "JPEG", **options)
    return file.getvalue()


FILES = {
    "rgb.jpg": jpeg_of(200, 301, quality=88),
    "grey.jpg": jpeg_of(130, 90, "L"),
    "cmyk.jpg": jpeg_of(100, 120, "CMYK"),
    "progressive.jpg": jpeg_of(160, 160, progressive=True),
    "full.jpg": jpeg_of(96, 200, subsampling=0, quality=97),
}


@pytest.fixture(scope="module")
def codecs() -> Codecs:
    return Codecs(FakeCodec, load_jpeg_codec)


@pytest.fixture(scope="module")
def path(tmp_path_factory, codecs) -> Path:
    folder = tmp_path_factory.mktemp("jpegs")
    with Archive.create(folder / "a.floe", codecs=codecs) as archive:
        for name, data in FILES.items():
            (folder / name).write_bytes(data)
            archive.add_file(folder / name, name)
    return folder / "a.floe"


@pytest.fixture
def archive(path, codecs):
    with Archive.open(path, codecs=codecs) as opened:
        yield opened


@pytest.mark.parametrize("name", FILES)
def test_a_file_is_coded_and_comes_back(archive, name):
    entry = archive.entry(name)
    assert (entry.codec, entry.kind, entry.coder) == ("jpeg", "jpeg", None)
    assert entry.packed_bytes < entry.original_bytes == len(FILES[name])
    assert entry.file_exact
    assert archive.read_file(name) == FILES[name]
    assert entry.file_sha256 == hashlib.sha256(FILES[name]).hexdigest()


@pytest.mark.parametrize("name", FILES)
def test_pixels_are_those_of_the_file(archive, name):
    with Image.open(io.BytesIO(FILES[name])) as image:
        expected = np.asarray(image)
    found = archive.read_pixels(name)
    assert np.array_equal(found.reshape(expected.shape), expected)


@pytest.mark.parametrize("name", FILES)
def test_the_shares_add_up(archive, name):
    entry, shares = archive.entry(name), archive.breakdown(name)
    assert sum(shares.values()) == pytest.approx(8 * entry.packed_bytes)
    assert shares[Share.THEORY] == pytest.approx(entry.theoretical_bpd * entry.n_dims)
    assert 0 <= shares[Share.CODING] <= 9
    assert entry.theoretical_bpd < entry.achieved_bpd


@pytest.mark.parametrize("name", FILES)
def test_the_map_is_what_the_coefficients_take(archive, name):
    pixels, bits = archive.read_codelengths(name)
    entry = archive.entry(name)
    assert bits.shape == pixels.shape[:2] == (entry.height, entry.width)
    theory = entry.theoretical_bpd * entry.n_dims
    assert float(bits.sum(dtype=float)) == pytest.approx(theory, rel=1e-4)
    assert (bits > 0).all()


def test_thumbnails_and_metadata(path, codecs, tmp_path):
    exif = Image.Exif()
    exif[0x0112], exif[0x010F] = 6, "Floe"
    (tmp_path / "turned.jpg").write_bytes(jpeg_of(96, 144, exif=exif))
    with Archive.create(tmp_path / "b.floe", codecs=codecs) as archive:
        entry = archive.add_file(tmp_path / "turned.jpg", "turned.jpg")
        assert entry.codec == "jpeg"
        assert archive.read_thumbnail("turned.jpg", 48).shape == (48, 32, 3)
        facts = {fact.name: fact.value for fact in archive.metadata("turned.jpg")}
    assert facts["Make"] == "Floe"
    assert facts["Orientation"] == "6"


def test_what_gets_no_smaller_is_stored(codecs, tmp_path):
    (tmp_path / "tiny.jpg").write_bytes(jpeg_of(1, 1, "L"))
    with Archive.create(tmp_path / "b.floe", codecs=codecs) as archive:
        entry = archive.add_file(tmp_path / "tiny.jpg", "tiny.jpg")
        assert archive.read_file("tiny.jpg") == (tmp_path / "tiny.jpg").read_bytes()
    assert entry.packed_bytes <= entry.original_bytes


def test_without_a_codec_of_coefficients_files_are_stored(path, tmp_path):
    photo_only = Codecs(FakeCodec)
    with Archive.create(tmp_path / "b.floe", codecs=photo_only) as archive:
        assert archive.add_file(path.with_name("rgb.jpg"), "a.jpg").is_stored
    with Archive.open(path, codecs=photo_only) as archive, pytest.raises(ModelError):
        archive.read_file("rgb.jpg")


def test_progress_reaches_the_end(codecs, path, tmp_path):
    told: list[Progress] = []
    with Archive.create(tmp_path / "b.floe", codecs=codecs) as archive:
        archive.add_file(path.with_name("rgb.jpg"), "a.jpg", progress=told.append)
    for stage in ("encoding", "verifying"):
        own = [p for p in told if p.stage == stage]
        assert own[-1].pixels_done == own[-1].pixels_total == 200 * 301
        assert [p.pixels_done for p in own] == sorted(p.pixels_done for p in own)


def test_cancelled_adding_leaves_nothing(codecs, path, tmp_path):
    cancel = CancelToken()

    def stop(progress: Progress) -> None:
        if progress.stage == "verifying":
            cancel.cancel()

    with Archive.create(tmp_path / "b.floe", codecs=codecs) as archive:
        with pytest.raises(Cancelled):
            archive.add_file(path.with_name("rgb.jpg"), "a.jpg", progress=stop, cancel=cancel)
        assert not archive.entries()


@pytest.mark.parametrize("part", ["pixels", "frame"])
def test_damage_is_reported(path, codecs, tmp_path, part):
    import sqlite3
    import zlib

    copy = tmp_path / "damaged.floe"
    copy.write_bytes(path.read_bytes())
    database = sqlite3.connect(copy)
    number, data = database.execute(
        "SELECT id, data FROM chunk WHERE part = ? ORDER BY length(data) DESC", (part,)
    ).fetchone()
    changed = bytearray(data)
    changed[len(data) // 2] ^= 16
    database.execute(
        "UPDATE chunk SET data = ?, crc32 = ? WHERE id = ?",
        (bytes(changed), zlib.crc32(bytes(changed)), number),
    )
    database.commit()
    database.close()
    failed = 0
    with Archive.open(copy, codecs=codecs) as archive:
        for name in FILES:
            try:
                assert archive.read_file(name) == FILES[name]
            except DamagedEntryError:
                failed += 1
    assert failed == 1


def test_an_archive_can_carry_the_model(codecs, path, tmp_path):
    with Archive.create(tmp_path / "b.floe", codecs=codecs) as archive:
        archive.add_file(path.with_name("rgb.jpg"), "a.jpg", carry_model=True)
    codec = load_jpeg_codec()

    class Other:
        """Floe's codec of another version."""

        model_id, model_file = "jpegnormal-00000000", b""
        with_model = staticmethod(codec.with_model)

        def __init__(self, effort):
            pass

    with Archive.open(tmp_path / "b.floe", codecs=Codecs(FakeCodec, Other)) as archive:
        assert archive.read_file("a.jpg") == FILES["rgb.jpg"]
    with Archive.open(path, codecs=Codecs(FakeCodec, Other)) as archive, pytest.raises(ModelError):
        archive.read_file("rgb.jpg")


def test_the_effort_decides_about_the_model(codecs, path, tmp_path):
    with Archive.create(tmp_path / "b.floe", codecs=codecs) as archive:
        for effort in Effort:
            entry = archive.add_file(path.with_name("rgb.jpg"), f"{effort}.jpg", effort=effort)
            assert entry.model.startswith(f"{FAMILIES[effort]}-")
            assert effort_of(entry.model) == effort
        assert archive.add_file(path.with_name("rgb.jpg"), "c.jpg").model == entry.model
        for name in ("fast.jpg", "normal.jpg", "c.jpg"):
            assert archive.read_file(name) == FILES["rgb.jpg"]
