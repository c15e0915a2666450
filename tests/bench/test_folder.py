"""The bench of a folder: its rows hold what can be counted again, its means are plain means."""

from __future__ import annotations

import os
from dataclasses import asdict, fields, replace
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image

from core.archive.codec import Codecs
from core.arrays import Pixels
from core.bench.folder import Measurement, images_of, machine, means, measure
from core.bench.references import installed
from core.errors import FileError
from core.images import Picture, read_image
from tests.fakes import FakeCodec

#: Seconds a megapixel of the fake codec, which reports 0.25 and 0.5 seconds for each image.
NETWORK_SECONDS, CODING_SECONDS = 0.25, 0.5


def picture(height: int, width: int, channels: int) -> Pixels:
    random = np.random.default_rng(height)
    slope = np.add.outer(np.arange(height), np.arange(width))[..., None] + np.arange(channels) * 9
    return (slope + random.integers(0, 3, slope.shape)).astype(np.uint8)


def saved(path: Path, pixels: Pixels) -> Path:
    """Uncompressed, so that the fake codec makes it smaller and it is coded."""
    image = Image.fromarray(pixels[..., 0] if pixels.shape[2] == 1 else pixels)
    image.save(path, compress_level=0)
    return path


@pytest.fixture
def images(tmp_path: Path) -> list[Path]:
    saved(tmp_path / "b.png", picture(40, 30, 1))
    saved(tmp_path / "a.PNG", picture(50, 64, 3))
    saved(tmp_path / "c.bmp", picture(8, 8, 3))
    (tmp_path / "notes.txt").write_text("no image")
    return images_of(tmp_path)


@pytest.fixture
def told() -> list[Measurement]:
    return []


@pytest.fixture
def rows(images: list[Path], told: list[Measurement]) -> list[Measurement]:
    return measure(
        images,
        ["fused", "modular"],
        installed(),
        on_measurement=told.append,
        floe=Codecs(FakeCodec),
    )


def test_the_png_files_of_a_folder_in_order(images: list[Path]) -> None:
    assert [path.name for path in images] == ["a.PNG", "b.png"]


def test_rows_come_in_order_and_are_told_as_they_are_ready(rows, told) -> None:
    assert told == rows
    others = [(codec.name, codec.settings) for codec in installed()]
    each = [("Floe", "fused"), ("Floe", "modular"), *others]
    assert [(row.image, row.codec, row.settings) for row in rows] == [
        (name, *codec) for name in ("a.PNG", "b.png") for codec in each
    ]


def test_rows_of_floe_hold_what_was_coded(images, rows) -> None:
    for path in images:
        found = read_image(path)
        assert isinstance(found, Picture)
        height, width = found.pixels.shape[:2]
        n_megapixels = height * width / 1e6
        coded = FakeCodec().encode(found.pixels)
        n_coded = sum(map(len, coded.chunks))
        ours = [row for row in rows if row.image == path.name and row.codec == "Floe"]
        assert len(ours) == 2
        for row in ours:
            # Beside the chunks an entry has its frame and checksums, and it stays below the file.
            assert n_coded < row.n_bytes < n_coded + 400
            assert row.n_bytes < path.stat().st_size
            assert row.achieved_bpd == pytest.approx(8 * row.n_bytes / found.pixels.size)
            theoretical = coded.report.theoretical_bits / found.pixels.size
            assert row.theoretical_bpd == pytest.approx(theoretical)
            assert (row.borrowed_bits, row.lost_bits) == (64, 8)
            assert row.network_s_per_mp == pytest.approx(NETWORK_SECONDS / n_megapixels)
            assert row.coding_s_per_mp == pytest.approx(CODING_SECONDS / n_megapixels)
            for seconds in (row.encode_s_per_mp, row.decode_s_per_mp, row.verify_s_per_mp):
                assert 0 < seconds < 30 / n_megapixels


def test_rows_of_other_codecs_hold_their_lengths(images, rows) -> None:
    for path in images:
        pixels = read_image(path).pixels
        for codec in installed():
            (row,) = [
                r for r in rows
                if (r.image, r.codec, r.settings) == (path.name, codec.name, codec.settings)
            ]  # fmt: skip
            assert row.n_bytes == len(codec.encode(pixels))
            assert row.achieved_bpd == pytest.approx(8 * row.n_bytes / pixels.size)
            assert row.encode_s_per_mp > 0
            assert row.decode_s_per_mp > 0
            assert row.theoretical_bpd is row.lost_bits is row.verify_s_per_mp is None


def test_an_image_that_is_stored_has_one_row_whatever_the_coders(tmp_path: Path) -> None:
    noise = np.random.default_rng(1).integers(0, 256, (20, 20, 4), dtype=np.uint8)
    path = saved(tmp_path / "alpha.png", noise)
    coders = ["fused", "modular"]
    (row,) = measure([path], coders, [], on_measurement=lambda _: None, floe=Codecs(FakeCodec))
    assert (row.codec, row.settings) == ("Floe", "stored")
    assert row.n_bytes >= path.stat().st_size
    assert row.achieved_bpd == pytest.approx(8 * row.n_bytes / noise.size)
    assert row.theoretical_bpd is row.network_s_per_mp is None


def test_means_are_plain_means_of_each_codec(rows) -> None:
    averaged = means(rows)
    order = list(dict.fromkeys((row.codec, row.settings) for row in rows))
    assert [(row.codec, row.settings) for row in averaged] == order
    figures = [f.name for f in fields(Measurement) if f.name not in ("image", "codec", "settings")]
    for mean in averaged:
        group = [r for r in rows if (r.codec, r.settings) == (mean.codec, mean.settings)]
        assert len(group) == 2
        assert mean.image == "mean of 2"
        for name in figures:
            first, second = (getattr(row, name) for row in group)
            if first is None:
                assert getattr(mean, name) is None
            else:
                # Not the total over all pixels: the images have unlike sizes.
                assert getattr(mean, name) == pytest.approx((first + second) / 2)


def test_a_figure_that_one_image_lacks_has_no_mean(rows) -> None:
    first, second = (row for row in rows if row.settings == "fused")
    for pair in (
        [first, replace(second, lost_bits=None)],
        [replace(first, lost_bits=None), second],
    ):
        (mean,) = means(pair)
        assert mean.lost_bits is None
        assert mean.borrowed_bits == 64


def test_means_of_nothing() -> None:
    assert means([]) == []


def test_a_folder_without_png_files(tmp_path: Path) -> None:
    saved(tmp_path / "c.bmp", picture(8, 8, 3))
    with pytest.raises(FileError, match="holds no PNG files") as caught:
        images_of(tmp_path)
    assert caught.value.path == tmp_path


@pytest.mark.parametrize("kind", ["missing", "a file"])
def test_what_is_no_folder(tmp_path: Path, kind: str) -> None:
    place = tmp_path / "place"
    if kind == "a file":
        place.write_text("no folder")
    with pytest.raises(FileError, match="cannot be listed") as caught:
        images_of(place)
    assert caught.value.path == place


def test_sixteen_bits_are_refused(
    images: list[Path], tmp_path: Path, told: list[Measurement]
) -> None:
    deep = tmp_path / "deep.png"
    Image.fromarray(np.arange(600, dtype=np.uint16).reshape(20, 30) * 100).save(deep)
    with pytest.raises(FileError, match="more than 8 bits") as caught:
        measure(
            [images[0], deep], ["fused"], [], on_measurement=told.append, floe=Codecs(FakeCodec)
        )
    assert caught.value.path == deep
    assert [row.image for row in told] == ["a.PNG"]


def test_wrong_pixels_do_not_count_as_coded(
    images: list[Path], told: list[Measurement], caplog: pytest.LogCaptureFixture
) -> None:
    wrong = Codecs(lambda: FakeCodec(wrong=True))
    measure(images, ["fused"], [], on_measurement=told.append, floe=wrong)
    assert "decodes to other pixels" in caplog.text
    assert {row.settings for row in told} <= {"xz", "stored"}


def test_the_machine_tells_what_it_is() -> None:
    about = machine()
    assert about.keys() == {"processor", "cores", "system", "python", "torch", "torch_threads"}
    assert isinstance(about["processor"], str)
    assert about["processor"].strip() == about["processor"] != ""
    assert 1 <= about["cores"] <= (os.cpu_count() or 1)
    assert about["torch"] == torch.__version__
    assert about["torch_threads"] == torch.get_num_threads()


def test_a_row_is_plain_data(rows) -> None:
    for row in rows:
        assert Measurement(**asdict(row)) == row
        kinds = {type(value) for value in asdict(row).values()}
        assert kinds <= {str, int, float, type(None)}  # so that it can be written as JSON
