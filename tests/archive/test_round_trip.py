"""Adding, listing, extracting, verifying and removing."""

from __future__ import annotations

import hashlib
import os
import tempfile
import time
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from core import images
from core.archive import Archive, content, packing
from core.archive.codec import Codecs
from core.control import CancelToken, Progress
from core.errors import (
    Cancelled,
    DamagedEntryError,
    EntryExistsError,
    HostileNameError,
    ModelError,
    NoPictureError,
    NoSuchEntryError,
    TargetExistsError,
    UnreadableFileError,
    UnwritableFileError,
)
from tests.archive.samples import (
    FILES,
    check_intact,
    encoded,
    make_archive,
    noise,
    open_fake,
    ramp,
    same_image_file,
    tampering,
    titled_png,
    write_files,
)
from tests.fakes import FakeCodec


@pytest.fixture
def sources(tmp_path: Path) -> Path:
    return tmp_path / "sources"


@pytest.fixture
def path(tmp_path: Path, sources: Path) -> Path:
    """An archive of FILES, in a folder of its own."""
    (tmp_path / "archive").mkdir()
    path = tmp_path / "archive" / "x.floe"
    make_archive(path, sources)
    return path


def test_what_was_added_comes_back(path: Path) -> None:
    check_intact(path, FILES)


def test_a_new_archive_is_empty(tmp_path: Path) -> None:
    with Archive.create(tmp_path / "x.floe", codecs=Codecs(FakeCodec)) as archive:
        assert archive.entries() == []
    check_intact(tmp_path / "x.floe", {})


def test_an_archive_never_takes_the_place_of_a_file(tmp_path: Path) -> None:
    path = tmp_path / "x.floe"
    path.write_text("mine")
    with pytest.raises(TargetExistsError):
        Archive.create(path)
    assert path.read_text() == "mine"
    assert os.listdir(tmp_path) == ["x.floe"]


@pytest.mark.parametrize("name", ["gone/x.floe", "x" * 300, "a\0b.floe"])
def test_places_where_no_archive_can_be(tmp_path: Path, name: str) -> None:
    with pytest.raises(UnwritableFileError):
        Archive.create(tmp_path / name)
    assert os.listdir(tmp_path) == []


@pytest.mark.parametrize("name", ["ä" * 120, "#?% x.floe", "-- '.floe", "\udce4.floe"])
def test_unusual_names_of_archives(tmp_path: Path, name: str) -> None:
    with Archive.create(tmp_path / name, codecs=Codecs(FakeCodec)) as archive:
        assert archive.entries() == []
    assert os.listdir(tmp_path) == [name]
    open_fake(tmp_path / name, write=True).close()


def test_what_an_entry_says(path: Path, sources: Path) -> None:
    before = time.time_ns()
    with open_fake(path) as archive:
        entry = archive.entry("a.png")
        stored = archive.entry("deep/d.jpg")
        pixels = archive.read_pixels("a.png")
    data = FILES["a.png"]
    assert (entry.kind, entry.codec, entry.coder, entry.model) == (
        "png",
        "photo",
        "fused",
        "fake-0",
    )
    assert (entry.width, entry.height, entry.channels) == (48, 48, 3)
    assert entry.original_bytes == len(data)
    assert entry.file_sha256 == hashlib.sha256(data).hexdigest()
    assert entry.pixel_sha256 == hashlib.sha256(pixels.tobytes()).hexdigest()
    assert entry.modified_at == (sources / "a.png").stat().st_mtime_ns
    assert 0 < before - entry.added_at < 600 * 10**9
    assert entry.theoretical_bpd is not None
    coded_bytes = len(FakeCodec().encode(ramp(48, 48, seed=1)).chunks[0])
    assert entry.theoretical_bpd == pytest.approx((8 * coded_bytes - 3.5) / entry.n_dims)
    assert (entry.borrowed_bits, entry.lost_bits) == (64, 8)
    assert entry.packed_bytes > coded_bytes
    assert entry.achieved_bpd == 8 * entry.packed_bytes / (48 * 48 * 3)
    assert entry.reason is None
    assert (stored.kind, stored.codec, stored.model) == ("original", "stored", None)
    assert stored.packed_bytes == stored.original_bytes == len(FILES["deep/d.jpg"])
    assert stored.file_exact
    assert stored.reason == "JPEG keeps its own bytes"
    assert stored.theoretical_bpd is None


def test_the_bytes_that_an_entry_takes_are_in_the_database(path: Path) -> None:
    with tampering(path) as connection:
        rows = connection.execute(
            "SELECT codec, packed_bytes, sum(length(data)), count(*) FROM entry "
            "JOIN chunk ON chunk.entry = entry.id GROUP BY entry.id"
        ).fetchall()
    assert len(rows) == len(FILES)
    for codec, packed_bytes, data_bytes, n_chunks in rows:
        assert packed_bytes == data_bytes + (4 * n_chunks if codec == "photo" else 0)


@settings(max_examples=25)
@given(
    st.integers(1, 90),
    st.integers(1, 90),
    st.sampled_from([1, 3]),
    st.sampled_from(["PNG", "BMP", "PPM", "TIFF", "TGA", "WEBP"]),
    st.booleans(),
)
def test_any_image(height: int, width: int, channels: int, form: str, is_noise: bool) -> None:
    if channels == 1 and form in ("WEBP", "BMP"):
        channels = 3
    pixels = noise(height, width, channels) if is_noise else ramp(height, width, channels)
    data = encoded(pixels[:, :, 0] if pixels.ndim == 3 and channels == 1 else pixels, form)
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder, "x.floe")
        make_archive(path, Path(folder, "sources"), {"image": data})
        with open_fake(path) as archive:
            (entry,) = archive.entries()
            assert entry.packed_bytes <= entry.original_bytes == len(data)
            archive.verify("image")
            target = archive.extract("image", Path(folder, "out"))
            found = target.read_bytes()
            assert found == data if entry.file_exact else same_image_file(found, data)
            assert entry.file_exact or form == "PNG"
            assert archive.read_pixels("image").shape == (height, width, channels)


# Adding


def test_what_coding_would_not_make_smaller_is_stored(path: Path, sources: Path) -> None:
    # Smooth along its rows only, which PNG makes use of and the stand-in codec does not.
    walks = np.cumsum(noise(70, 70, 1)[:, :, 0] % 2, axis=1, dtype=np.uint8)
    starts = noise(70, 70, 1)[:, :1, 0]
    data = encoded(walks + starts, "PNG", compress_level=9)
    (sources / "walks.png").write_bytes(data)
    with open_fake(path, write=True) as archive:
        entry = archive.add_file(sources / "walks.png", "walks.png")
        assert (entry.codec, entry.reason) == ("stored", "coding would not make it smaller")
        assert entry.file_exact
        assert entry.packed_bytes == len(data)
        assert archive.read_file("walks.png") == data


def test_a_png_comes_back_byte_for_byte_unless_pixels_are_enough(
    path: Path, sources: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    source = sources / "a.png"
    with open_fake(path, write=True) as archive:
        assert archive.add_file(source, "exact.png").file_exact
        assert archive.read_file("exact.png") == source.read_bytes()
        entry = archive.add_file(source, "pixels.png", pixels_only=True)
        assert (entry.codec, entry.file_exact) == ("photo", False)
        assert same_image_file(archive.read_file("pixels.png"), source.read_bytes())

        def unusual(*_: object) -> bytes:
            raise ValueError("its streams are unusual")

        monkeypatch.setattr(images, "image_data_recipe", unusual)
        entry = archive.add_file(source, "stored.png")
        assert entry.keeps_file
        assert entry.file_exact
        assert entry.reason == "PNG keeps its own bytes: its streams are unusual"


@pytest.mark.parametrize("name", ["a.png", "deep/er/c.bmp"])
def test_what_decodes_to_other_pixels_is_kept_by_its_bytes(
    path: Path, sources: Path, name: str, caplog: pytest.LogCaptureFixture
) -> None:
    with Archive.open(path, write=True, codecs=Codecs(lambda: FakeCodec(wrong=True))) as archive:
        kept = archive.add_file(sources / name, "new")
        assert kept.keeps_file
        assert "decodes to other pixels" in (kept.reason or "")
        assert archive.add_file(sources / name, name, replace=True).keeps_file
    assert "its bytes are kept" in caplog.text
    others = {other: data for other, data in FILES.items() if other != name}
    check_intact(path, others | {"new": FILES[name], name: FILES[name]})


def test_a_codec_that_shapes_pixels_in_another_way(path: Path, sources: Path) -> None:
    class Reshaping(FakeCodec):
        def decode(self, coded, shape, **options):  # type: ignore[no-untyped-def]
            return super().decode(coded, shape, **options).transpose(1, 0, 2)

    with Archive.open(path, write=True, codecs=Codecs(Reshaping)) as archive:
        assert archive.add_file(sources / "deep/er/c.bmp", "new").keeps_file
    check_intact(path, FILES | {"new": FILES["deep/er/c.bmp"]})


def test_a_codec_that_cannot_decode_what_it_coded(path: Path, sources: Path) -> None:
    class Refusing(FakeCodec):
        def decode(self, coded, shape, **options):  # type: ignore[no-untyped-def]
            raise ValueError("no")

    with Archive.open(path, write=True, codecs=Codecs(Refusing)) as archive:
        kept = archive.add_file(sources / "a.png", "new")
        assert "does not decode (no)" in (kept.reason or "")
    check_intact(path, FILES | {"new": FILES["a.png"]})


def test_a_name_is_taken_once(path: Path, sources: Path) -> None:
    with (
        open_fake(path, write=True) as archive,
        pytest.raises(EntryExistsError) as caught,
    ):
        archive.add_file(sources / "b.png", "a.png")
    assert caught.value.name == "a.png"
    check_intact(path, FILES)


def test_replace(path: Path, sources: Path) -> None:
    with open_fake(path, write=True) as archive:
        entry = archive.add_file(sources / "deep/d.jpg", "a.png", replace=True)
        assert entry.codec == "stored"
        archive.add_file(sources / "b.png", "new.png", replace=True)
    files = dict(FILES)
    del files["a.png"]
    check_intact(path, files | {"a.png": FILES["deep/d.jpg"], "new.png": FILES["b.png"]})


@pytest.mark.parametrize(
    "name", ["", "../x", "/x", "a//b", "a/..", "C:/x", "a\\b", "e\u0301", "a\0"]
)
def test_names_that_no_entry_has(path: Path, sources: Path, name: str) -> None:
    with open_fake(path, write=True) as archive:
        with pytest.raises(HostileNameError):
            archive.add_file(sources / "a.png", name)
        with pytest.raises(NoSuchEntryError):
            archive.entry(name)
        with pytest.raises(NoSuchEntryError):
            archive.remove([name])
        assert archive.find(name) is None
    check_intact(path, FILES)


def test_a_name_of_lone_surrogates_is_no_entry(path: Path, tmp_path: Path) -> None:
    with open_fake(path, write=True) as archive:
        for call in (archive.entry, archive.verify, archive.read_file, archive.read_pixels):
            with pytest.raises(NoSuchEntryError):
                call("\ud800")
        with pytest.raises(NoSuchEntryError):
            archive.remove(["a.png", "\ud800"])
        with pytest.raises(NoSuchEntryError):
            archive.extract("\ud800", tmp_path)
    check_intact(path, FILES)


def test_what_cannot_be_read_is_the_only_error(path: Path, sources: Path) -> None:
    before = path.read_bytes()
    with open_fake(path, write=True) as archive:
        with pytest.raises(UnreadableFileError):
            archive.add_file(sources / "bad.png", "bad.png")
        with pytest.raises(UnreadableFileError):
            archive.add_file(sources / "bad.png", "a.png", replace=True)
    assert path.read_bytes() == before


def test_a_file_that_went_away_while_it_was_read(
    path: Path, sources: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    read = packing.read_file

    def read_and_remove(file: Path) -> object:
        image = read(file)
        file.unlink()
        return image

    monkeypatch.setattr(packing, "read_file", read_and_remove)
    before = path.read_bytes()
    with (
        open_fake(path, write=True) as archive,
        pytest.raises(UnreadableFileError, match=r"b\.png"),
    ):
        archive.add_file(sources / "b.png", "new.png")
    assert path.read_bytes() == before


def test_large_files_are_stored_in_pieces(
    path: Path, sources: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(content, "PIECE_BYTES", 100)
    with open_fake(path, write=True) as archive:
        archive.add_file(sources / "alpha.png", "again.png")
    with tampering(path) as connection:
        (count,) = connection.execute(
            "SELECT count(*) FROM chunk WHERE entry = (SELECT max(id) FROM entry)"
        ).fetchone()
    assert count == -(-len(FILES["alpha.png"]) // 100)
    check_intact(path, FILES | {"again.png": FILES["alpha.png"]})


def test_an_image_of_many_tiles(path: Path, sources: Path) -> None:
    data = encoded(ramp(200, 150), "BMP")
    (sources / "large.bmp").write_bytes(data)
    with open_fake(path, write=True) as archive:
        archive.add_file(sources / "large.bmp", "large.bmp")
    check_intact(path, FILES | {"large.bmp": data})


def test_another_model_is_needed(path: Path) -> None:
    with Archive.open(path, codecs=Codecs(lambda: FakeCodec(model_id="fake-1"))) as archive:
        with pytest.raises(ModelError, match="fake-0"):
            archive.verify("a.png")
        archive.verify("deep/d.jpg")  # needs none


def test_listing_and_stored_files_need_no_codec(path: Path) -> None:
    def none() -> FakeCodec:
        raise AssertionError("the codec was loaded")

    with Archive.open(path, codecs=Codecs(none)) as archive:
        assert len(archive.entries()) == len(FILES)
        assert archive.read_file("deep/d.jpg") == FILES["deep/d.jpg"]


# Removing


def test_remove(path: Path) -> None:
    with open_fake(path, write=True) as archive:
        archive.remove(["a.png", "deep/d.jpg", "a.png"])
    check_intact(path, {n: FILES[n] for n in FILES if n not in ("a.png", "deep/d.jpg")})


def test_remove_all_or_none(path: Path) -> None:
    with open_fake(path, write=True) as archive:
        with pytest.raises(NoSuchEntryError) as caught:
            archive.remove(["a.png", "gone.png", "b.png"])
        assert caught.value.name == "gone.png"
    check_intact(path, FILES)


def test_removing_gives_the_space_back(path: Path, sources: Path) -> None:
    empty = path.with_name("empty.floe")
    Archive.create(empty, codecs=Codecs(FakeCodec)).close()
    before = path.stat().st_size
    (sources / "large.png").write_bytes(encoded(noise(300, 300), "PNG"))
    with open_fake(path, write=True) as archive:
        archive.add_file(sources / "large.png", "large.png")
        assert path.stat().st_size > before + 200_000
        archive.add_file(sources / "a.png", "large.png", replace=True)
        assert path.stat().st_size < before + 20_000
        archive.remove([entry.name for entry in archive.entries()])
    assert path.stat().st_size <= empty.stat().st_size + 4096
    empty.unlink()
    check_intact(path, {})


# Extracting


def test_extracting_restores_the_time(path: Path, sources: Path, tmp_path: Path) -> None:
    times = {"a.png": 1_000_000_000_123_456_789, "deep/d.jpg": 86_400_000_000_000}
    for name, modified_at in times.items():
        os.utime(sources / name, ns=(modified_at, modified_at))
    with open_fake(path, write=True) as archive:
        for name, modified_at in times.items():
            archive.add_file(sources / name, name, replace=True)
            target = archive.extract(name, tmp_path / "out")
            assert target == tmp_path / "out" / name
            assert abs(target.stat().st_mtime_ns - modified_at) < 1000


def test_extracting_overwrites_only_when_told(path: Path, tmp_path: Path) -> None:
    (tmp_path / "a.png").write_text("mine")
    with open_fake(path) as archive:
        with pytest.raises(TargetExistsError) as caught:
            archive.extract("a.png", tmp_path)
        assert caught.value.path == tmp_path / "a.png"
        assert (tmp_path / "a.png").read_text() == "mine"
        archive.extract("a.png", tmp_path, overwrite=True)
    assert same_image_file((tmp_path / "a.png").read_bytes(), FILES["a.png"])


def test_a_folder_is_never_overwritten(path: Path, tmp_path: Path) -> None:
    (tmp_path / "a.png").mkdir()
    with open_fake(path) as archive, pytest.raises(UnwritableFileError):
        archive.extract("a.png", tmp_path, overwrite=True)
    assert list((tmp_path / "a.png").iterdir()) == []


@pytest.mark.parametrize("name", ["a.png", "deep/er/c.bmp", "deep/d.jpg"])
def test_an_extraction_that_fails_leaves_nothing(path: Path, tmp_path: Path, name: str) -> None:
    with tampering(path) as connection:
        connection.execute("UPDATE chunk SET data = zeroblob(20), crc32 = 0")
    out = tmp_path / "out"
    out.mkdir()
    with open_fake(path) as archive, pytest.raises(DamagedEntryError) as caught:
        archive.extract(name, out)
    assert caught.value.name == name
    assert list(out.rglob("*")) == []


def test_a_file_in_the_way_of_a_folder(path: Path, tmp_path: Path) -> None:
    (tmp_path / "deep").write_text("mine")
    with open_fake(path) as archive, pytest.raises((UnwritableFileError, HostileNameError)):
        archive.extract("deep/er/c.bmp", tmp_path)
    assert (tmp_path / "deep").read_text() == "mine"


def test_a_folder_without_permission(guarded: Path) -> None:
    path = guarded / "x.floe"
    make_archive(path, guarded / "sources", {"a.png": FILES["a.png"]})
    out = guarded / "out"
    out.mkdir(mode=0o500)
    with open_fake(path) as archive, pytest.raises(UnwritableFileError, match="permission"):
        archive.extract("a.png", out)
    with open_fake(path) as archive, pytest.raises(UnwritableFileError, match="permission"):
        archive.extract("a.png", out / "new")
    with pytest.raises(UnwritableFileError):
        Archive.create(out / "x.floe")
    out.chmod(0o700)
    assert list(out.iterdir()) == []


def test_pixels_beyond_8_bits_cannot_be_shown(path: Path, sources: Path) -> None:
    deep = encoded(np.arange(64, dtype=np.uint16).reshape(8, 8) * 999, "PNG")
    (sources / "deep.png").write_bytes(deep)
    with open_fake(path, write=True) as archive:
        assert archive.add_file(sources / "deep.png", "16.png").pixel_sha256 is None
        with pytest.raises(NoPictureError, match="8 bits"):
            archive.read_pixels("16.png")
        assert archive.read_file("16.png") == deep
        assert archive.read_pixels("alpha.png").shape == (30, 30, 4)


# Progress and cancel


def test_progress_counts_the_pixels_of_each_stage(path: Path, sources: Path) -> None:
    (sources / "large.bmp").write_bytes(encoded(ramp(200, 150), "BMP"))
    seen: list[Progress] = []
    with open_fake(path, write=True) as archive:
        archive.add_file(sources / "large.bmp", "large", progress=seen.append)
        stages = list(dict.fromkeys(progress.stage for progress in seen))
        assert stages == ["reading", "encoding", "verifying", "writing"]
        seen_decoding: list[Progress] = []
        archive.verify("large", progress=seen_decoding.append)
        archive.verify("deep/d.jpg", progress=seen_decoding.append)
    for stage, found in [("encoding", seen), ("verifying", seen), ("decoding", seen_decoding)]:
        counts = [p.pixels_done for p in found if p.stage == stage and p.name == "large"]
        assert counts == sorted(counts)
        assert (counts[0], counts[-1]) == (0, 200 * 150)
        assert len(set(counts)) > 5
    assert seen_decoding[-1] == Progress("deep/d.jpg", "decoding", 12000, 12000)


@pytest.mark.parametrize("stage", ["reading", "encoding", "verifying", "writing"])
@pytest.mark.parametrize("name", ["a.png", "deep/d.jpg"])
@pytest.mark.parametrize("replace", [False, True])
def test_a_cancelled_add_leaves_the_archive_as_it_was(
    path: Path, sources: Path, stage: str, name: str, replace: bool
) -> None:
    if name == "deep/d.jpg" and stage in ("encoding", "verifying"):
        stage = "reading"
    before = path.read_bytes()
    cancel = CancelToken()

    def listen(progress: Progress) -> None:
        if progress.stage == stage:
            cancel.cancel()

    with open_fake(path, write=True) as archive, pytest.raises(Cancelled):
        archive.add_file(
            sources / name,
            "b.png" if replace else "new",
            replace=replace,
            progress=listen,
            cancel=cancel,
        )
    assert path.read_bytes() == before


def test_a_cancelled_extraction_leaves_nothing(path: Path, tmp_path: Path) -> None:
    cancel = CancelToken()
    cancel.cancel()
    out = tmp_path / "out"
    out.mkdir()
    with open_fake(path) as archive:
        for name in FILES:
            with pytest.raises(Cancelled):
                archive.extract(name, out, cancel=cancel)
            with pytest.raises(Cancelled):
                archive.verify(name, cancel=cancel)
    assert list(out.rglob("*")) == []


def test_the_same_file_gives_the_same_bytes(tmp_path: Path) -> None:
    contents = []
    for number in range(2):
        path = tmp_path / f"{number}.floe"
        make_archive(path, tmp_path / "sources", {"a.png": titled_png(1)})
        with tampering(path) as connection:
            contents.append(connection.execute("SELECT part, place, data FROM chunk").fetchall())
    assert contents[0] == contents[1]


def test_an_sqlite_that_is_too_old_is_said(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    Archive.create(tmp_path / "a.floe").close()
    monkeypatch.setattr("sqlite3.sqlite_version_info", (3, 34, 1))
    with pytest.raises(UnreadableFileError, match=r"need SQLite 3\.37"):
        Archive.create(tmp_path / "b.floe")
    with pytest.raises(UnreadableFileError, match=r"need SQLite 3\.37"):
        Archive.open(tmp_path / "a.floe")


def test_the_codelength_map_of_an_entry_sums_to_its_length(tmp_path: Path) -> None:
    files = {"many.png": encoded(ramp(150, 90), "PNG", compress_level=0)}  # six tiles
    files["grey.png"] = encoded(ramp(70, 65, 1), "PNG", compress_level=0)
    write_files(tmp_path, files)
    make_archive(tmp_path / "x.floe", tmp_path, files)
    with open_fake(tmp_path / "x.floe") as archive:
        for name in files:
            entry = archive.entry(name)
            told: list[tuple[int, int]] = []
            pixels, bits = archive.read_codelengths(
                name, on_tile=lambda tile, _, told=told: told.append((tile.row, tile.column))
            )
            assert np.array_equal(pixels, archive.read_pixels(name))
            assert bits is not None
            assert bits.shape == pixels.shape[:2]
            assert bits.sum(dtype=float) == pytest.approx(entry.theoretical_bpd * entry.n_dims)
            assert len(set(told)) > 1


def test_a_stored_file_has_no_codelength_map(path: Path) -> None:
    with open_fake(path) as archive:
        pixels, bits = archive.read_codelengths("deep/d.jpg")
        assert bits is None
        assert np.array_equal(pixels, archive.read_pixels("deep/d.jpg"))


def test_every_stage_of_adding_is_timed_and_kept(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    write_files(tmp_path / "sources")
    read = packing.read_file

    def slowly(path: Path) -> object:
        time.sleep(0.05)
        return read(path)

    monkeypatch.setattr(packing, "read_file", slowly)
    path, codec = tmp_path / "x.floe", FakeCodec()
    codec.pause = 0.03
    with Archive.create(path, codecs=Codecs(lambda: codec)) as archive:
        began = time.perf_counter()
        archive.add_file(tmp_path / "sources" / "a.png", "a.png")
        took = time.perf_counter() - began
        archive.add_file(tmp_path / "sources" / "deep" / "d.jpg", "d.jpg")
    with Archive.open(path) as archive:
        coded, stored = archive.entries()
    assert coded.device == "fake"
    seconds = (
        coded.read_seconds,
        coded.encode_seconds,
        coded.verify_seconds,
        coded.write_seconds,
    )
    assert all(each is not None and each > 0 for each in seconds)
    assert (coded.read_seconds or 0) >= 0.05
    assert (coded.encode_seconds or 0) >= 0.03
    assert (coded.verify_seconds or 0) >= 0.03
    assert sum(each or 0 for each in seconds) <= took
    assert (stored.read_seconds or 0) >= 0.05
    assert (stored.write_seconds or 0) > 0
    assert (stored.encode_seconds, stored.verify_seconds, stored.device) == (None, None, None)
