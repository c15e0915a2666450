"""Files that are no images, or broken ones, are refused with an error of the right type."""

from __future__ import annotations

import io
import os
import socket
import struct
import sys
import zlib
from collections.abc import Iterator
from itertools import product
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image

from core.errors import (
    DamagedImageError,
    FileError,
    ImageTooLargeError,
    NotAnImageError,
    UnreadableFileError,
)
from core.images import KeptFile, Picture, interpret, read_image, rebuild
from core.images import decode as decode_module
from core.images import reading as reading_module

SOMEWHERE = Path("somewhere")
FORMATS = ["PNG", "JPEG", "BMP", "PPM", "TIFF", "TGA", "GIF", "WEBP"]


def image_bytes(form: str, height: int = 20, width: int = 30) -> bytes:
    pixels = np.random.default_rng(5).integers(0, 256, (height, width, 3), dtype=np.uint8)
    file = io.BytesIO()
    Image.fromarray(pixels).save(file, form)
    return file.getvalue()


SAMPLES = {form: image_bytes(form) for form in FORMATS}


def outcome(data: bytes) -> Picture | KeptFile | FileError:
    try:
        return interpret(data, SOMEWHERE)
    except FileError as error:
        return error


# Cut short and changed


@pytest.mark.parametrize("form", FORMATS)
def test_no_beginning_of_a_file_passes_for_the_file(form: str) -> None:
    whole = SAMPLES[form]
    image = interpret(whole, SOMEWHERE)
    for length in range(0, len(whole) - 1, max(1, len(whole) // 60)):
        cut = outcome(whole[:length])
        if isinstance(cut, FileError):
            assert type(cut) in (DamagedImageError, NotAnImageError)
        else:  # only what stands after the pixels was lost
            assert form in ("JPEG", "TGA", "GIF", "WEBP", "TIFF")
            assert cut.pixels is not None
            assert image.pixels is not None
            assert np.array_equal(cut.pixels, image.pixels)


def test_half_a_png_is_damaged(tmp_path: Path) -> None:
    path = tmp_path / "half.png"
    path.write_bytes(SAMPLES["PNG"][: len(SAMPLES["PNG"]) // 2])
    with pytest.raises(DamagedImageError, match="cut short") as caught:
        read_image(path)
    assert caught.value.path == path


@settings(max_examples=300)
@given(st.sampled_from(FORMATS), st.data())
def test_changed_bytes_give_a_typed_error_or_an_image(form: str, draws: st.DataObject) -> None:
    data = bytearray(SAMPLES[form])
    for _ in range(draws.draw(st.integers(1, 4))):
        data[draws.draw(st.integers(0, min(200, len(data) - 1)))] = draws.draw(st.integers(0, 255))
    image = outcome(bytes(data))
    if not isinstance(image, FileError):
        assert image.file_bytes == data


@given(st.integers(8, len(SAMPLES["PNG"]) - 1), st.integers(0, 7))
def test_every_flipped_bit_of_a_png_is_found(at: int, bit: int) -> None:
    data = bytearray(SAMPLES["PNG"])
    data[at] ^= 1 << bit
    with pytest.raises(DamagedImageError):
        interpret(bytes(data), SOMEWHERE)


@given(st.binary(max_size=200))
def test_arbitrary_bytes(data: bytes) -> None:
    assert isinstance(outcome(data), FileError)


def png_of(*chunks: tuple[bytes, bytes]) -> bytes:
    out = b"\x89PNG\r\n\x1a\n"
    for kind, data in chunks:
        out += struct.pack(">I", len(data)) + kind + data
        out += struct.pack(">I", zlib.crc32(kind + data))
    return out


def ihdr(width: int, height: int) -> tuple[bytes, bytes]:
    return b"IHDR", struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0)


@pytest.mark.parametrize(
    "data",
    [
        png_of(),
        png_of(ihdr(4, 4)),
        png_of(ihdr(4, 4), (b"IEND", b"")),
        png_of(ihdr(4, 4), (b"IDAT", b""), (b"IEND", b"")),
        png_of(ihdr(4, 4), (b"IDAT", zlib.compress(bytes(13))), (b"IEND", b"")),
        png_of(ihdr(4, 4), (b"IDAT", zlib.compress(bytes(13 * 4)))),
        png_of((b"IDAT", zlib.compress(bytes(13 * 4))), (b"IEND", b"")),
    ],
)
def test_incomplete_pngs(data: bytes) -> None:
    with pytest.raises(DamagedImageError):
        interpret(data, SOMEWHERE)


@pytest.mark.parametrize(
    "stream",
    [
        zlib.compress(bytes(13 * 5)),
        zlib.compress(bytes(13 * 4)) + b"hidden",
        zlib.compress(bytes(13 * 4))[:-4],
        zlib.compress(bytes(13 * 500_000)),
    ],
)
def test_image_data_beyond_the_image_is_kept(stream: bytes) -> None:
    data = png_of(ihdr(4, 4), (b"IDAT", stream), (b"IEND", b""))
    image = interpret(data, SOMEWHERE)
    assert isinstance(image, KeptFile)
    assert "does not end where the image does" in image.reason
    assert image.file_bytes == data


def test_interlaced_images_of_any_size_have_all_their_rows() -> None:
    for height, width in product(range(1, 10), range(1, 10)):
        pixels = np.zeros((height, width, 3), dtype=np.uint8)
        data = rebuild(pixels, b"\x00\x01\x00\x00", "png")
        assert isinstance(interpret(data, SOMEWHERE), Picture)


@pytest.mark.parametrize("more", [-1, 0, 1, 40, 86])
def test_image_data_that_ends_where_a_piece_of_it_does(more: int) -> None:
    width = (2**20 - 1) // 3 + more  # one row, unpacked in pieces of 1 MiB
    data = png_of(ihdr(width, 1), (b"IDAT", zlib.compress(bytes(1 + 3 * width))), (b"IEND", b""))
    assert isinstance(interpret(data, SOMEWHERE), Picture)


# Too large


@pytest.fixture(scope="module", autouse=True)
def low_limit() -> Iterator[None]:
    """Changed sizes would take memory and time, up to the limit."""
    with pytest.MonkeyPatch.context() as monkeypatch:
        monkeypatch.setattr(decode_module, "MAX_PIXELS", 10**6)
        yield


@pytest.mark.parametrize("side", [30_000, 2**31 - 1])
def test_a_bomb_is_refused_before_it_unpacks(side: int) -> None:
    data = png_of(ihdr(side, side), (b"IDAT", zlib.compress(bytes(10**6))), (b"IEND", b""))
    with pytest.raises(ImageTooLargeError, match=f"{side} x {side}"):
        interpret(data, SOMEWHERE)


@pytest.mark.parametrize(
    ("side", "pixels_a_byte"), [(300, 1), (600, 1)], ids=["few bytes", "fewer bytes"]
)
def test_few_bytes_do_not_unpack_to_many_pixels(
    monkeypatch: pytest.MonkeyPatch, side: int, pixels_a_byte: int
) -> None:
    file = io.BytesIO()
    Image.new("P", (side, side)).save(file, "GIF")
    interpret(file.getvalue(), SOMEWHERE)
    monkeypatch.setattr(decode_module, "_FREE_PIXELS", 1000)
    monkeypatch.setattr(decode_module, "_PIXELS_A_BYTE", pixels_a_byte)
    with pytest.raises(ImageTooLargeError, match=f"to {side} x {side} pixels"):
        interpret(file.getvalue(), SOMEWHERE)


@pytest.mark.parametrize("mode", ["1", "L", "P", "RGB", "RGBA", "I;16", "F"])
def test_memory_is_bounded_whatever_the_mode(monkeypatch: pytest.MonkeyPatch, mode: str) -> None:
    file = io.BytesIO()
    Image.new(mode, (3, 20_000)).save(file, "TIFF")  # rows have a price of their own
    interpret(file.getvalue(), SOMEWHERE)
    monkeypatch.setattr(decode_module, "MAX_MEMORY_BYTES", 1_300_000)
    with pytest.raises(ImageTooLargeError, match="of memory"):
        interpret(file.getvalue(), SOMEWHERE)


def test_an_image_that_pillow_alone_would_refuse(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Image, "MAX_IMAGE_PIXELS", 100)  # its errors begin at twice as many
    for form in ("TIFF", "WEBP", "PNG"):
        assert interpret(SAMPLES[form], SOMEWHERE).pixels is not None
    assert Image.MAX_IMAGE_PIXELS == 100


def test_long_texts_in_a_png() -> None:
    text = b"Comment\0\0" + zlib.compress(bytes(range(32, 127)) * 16_000)
    parts = (b"zTXt", text), (b"IDAT", zlib.compress(bytes(13 * 4))), (b"IEND", b"")
    assert isinstance(interpret(png_of(ihdr(4, 4), *parts), SOMEWHERE), Picture)


def test_a_file_too_long_to_be_held(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    path = tmp_path / "long.png"
    path.write_bytes(SAMPLES["PNG"])
    monkeypatch.setattr(reading_module, "MAX_FILE_BYTES", 100)
    with pytest.raises(ImageTooLargeError, match="GiB"):
        read_image(path)


# Not files


def test_no_such_file(tmp_path: Path) -> None:
    with pytest.raises(UnreadableFileError, match="does not exist"):
        read_image(tmp_path / "gone.png")


def test_a_path_that_goes_through_a_file(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(UnreadableFileError):
        read_image(tmp_path / "file" / "image.png")


def test_an_empty_file(tmp_path: Path) -> None:
    (tmp_path / "empty.png").touch()
    with pytest.raises(NotAnImageError, match="empty"):
        read_image(tmp_path / "empty.png")


@pytest.mark.parametrize("text", ["hello", "%!PS-Adobe-3.0 EPSF-3.0\n", "<svg/>", "\0" * 500])
def test_other_files(tmp_path: Path, text: str) -> None:
    path = tmp_path / "text.png"
    path.write_text(text)
    with pytest.raises(NotAnImageError):
        read_image(path)


def test_a_folder(tmp_path: Path) -> None:
    with pytest.raises(UnreadableFileError, match="a folder"):
        read_image(tmp_path)


@pytest.mark.skipif(sys.platform == "win32", reason="Windows has no such files")
def test_pipes_sockets_and_devices_are_not_waited_for(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe.png")
    with pytest.raises(UnreadableFileError, match="a pipe"):
        read_image(tmp_path / "pipe.png")
    with pytest.raises(UnreadableFileError, match="a device"):
        read_image(Path("/dev/zero"))
    here = Path.cwd()
    os.chdir(tmp_path)  # the path of a socket may not be long
    try:
        with socket.socket(socket.AF_UNIX) as server:
            server.bind("socket.png")
            with pytest.raises(UnreadableFileError, match="a socket"):
                read_image(Path("socket.png"))
    finally:
        os.chdir(here)


@pytest.mark.skipif(sys.platform == "win32", reason="links need a privilege on Windows")
def test_links(tmp_path: Path) -> None:
    (tmp_path / "image.png").write_bytes(SAMPLES["PNG"])
    (tmp_path / "link.png").symlink_to("image.png")
    assert isinstance(read_image(tmp_path / "link.png"), Picture)
    (tmp_path / "circle.png").symlink_to("circle.png")
    with pytest.raises(UnreadableFileError, match="circle"):
        read_image(tmp_path / "circle.png")
    (tmp_path / "dangling.png").symlink_to("gone.png")
    with pytest.raises(UnreadableFileError, match="does not exist"):
        read_image(tmp_path / "dangling.png")


@pytest.mark.parametrize("name", ["a\0b.png", "a\ud800.png", "x" * 5000])
def test_paths_that_no_file_has(tmp_path: Path, name: str) -> None:
    with pytest.raises(UnreadableFileError):
        read_image(tmp_path / name)


def test_no_permission(guarded: Path) -> None:
    path = guarded / "secret.png"
    path.write_bytes(SAMPLES["PNG"])
    path.chmod(0)
    with pytest.raises(UnreadableFileError, match="no permission"):
        read_image(path)


def test_reading_leaves_the_warnings_of_the_program_as_they_were(
    recwarn: pytest.WarningsRecorder,
) -> None:
    broken = png_of(
        ihdr(4, 1), (b"eXIf", b"nonsense"), (b"IDAT", zlib.compress(bytes(13))), (b"IEND", b"")
    )
    interpret(broken, SOMEWHERE)
    assert not recwarn.list
