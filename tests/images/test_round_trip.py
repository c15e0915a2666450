"""Files become pictures and files again; those that the flow is not made for keep their bytes."""

from __future__ import annotations

import io
import struct
import zlib
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image, PngImagePlugin

from core.images import KeptFile, Picture, comes_back, interpret, read_image, rebuild
from core.images.png import Chunk, read_parts

SOMEWHERE = Path("somewhere")


def noise(height: int, width: int, channels: int, seed: int = 1) -> np.ndarray[Any, Any]:
    random = np.random.default_rng(seed)
    shape = (height, width) if channels == 1 else (height, width, channels)
    return random.integers(0, 256, shape, dtype=np.uint8)


def saved(pixels: np.ndarray[Any, Any], form: str, **options: Any) -> bytes:
    file = io.BytesIO()
    Image.fromarray(pixels).save(file, form, **options)
    return file.getvalue()


def chunk(kind: bytes, data: bytes) -> bytes:
    return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))


def with_chunks(
    png: bytes, *, before: bytes = b"", after: bytes = b"", trailer: bytes = b""
) -> bytes:
    """A PNG file with more chunks after its IHDR and before its IEND."""
    return png[:33] + before + png[33:-12] + after + png[-12:] + trailer


def picture_of(data: bytes) -> Picture:
    picture = interpret(data, SOMEWHERE)
    assert isinstance(picture, Picture)
    assert picture.pixels.flags.c_contiguous
    return picture


def rebuilt_from(picture: Picture) -> bytes:
    return rebuild(picture.pixels, picture.frame, picture.frame_kind)


# PNG


@given(st.integers(1, 20), st.integers(1, 20), st.sampled_from([1, 3]), st.booleans())
def test_png_of_any_size(height: int, width: int, channels: int, interlaced: bool) -> None:
    pixels = noise(height, width, channels)
    picture = picture_of(saved(pixels, "PNG"))
    if interlaced:
        # Pillow reads interlaced files and writes none: ours is the writer here.
        data = rebuild(picture.pixels, b"\x00\x01\x00\x00", "png")
        assert read_parts(data).header.interlaced
        picture = picture_of(data)
    assert np.array_equal(picture.pixels.reshape(pixels.shape), pixels)
    assert (picture.height, picture.width, picture.channels) == (height, width, channels)
    rebuilt = rebuilt_from(picture)
    assert comes_back(picture, rebuilt)
    assert np.array_equal(np.asarray(Image.open(io.BytesIO(rebuilt))), pixels)
    assert read_parts(rebuilt).header.interlaced == interlaced
    assert rebuilt_from(picture_of(rebuilt)) == rebuilt


def test_a_plain_png_needs_no_frame() -> None:
    assert picture_of(saved(noise(9, 7, 3), "PNG")).frame == b""


def metadata() -> bytes:
    text = PngImagePlugin.PngInfo()
    text.add_text("Title", "Floes")
    text.add_text("Comment", "x" * 500, zip=True)
    text.add_itxt("Author", "Zoë", "de", "Autor")
    exif = Image.Exif()
    exif[0x0112] = 6
    return saved(
        noise(9, 7, 3), "PNG", pnginfo=text, icc_profile=b"profile" * 99, exif=exif, dpi=(72, 72)
    )


VARIETIES: dict[str, Callable[[], bytes]] = {
    "text, profile and exif": metadata,
    "alpha": lambda: saved(noise(6, 7, 4), "PNG"),
    "grey and alpha": lambda: saved(noise(6, 7, 2), "PNG"),
    "transparent colour": lambda: saved(noise(9, 7, 3), "PNG", transparency=(1, 2, 3)),
    "transparent grey": lambda: saved(noise(9, 7, 1), "PNG", transparency=7),
    "time and text at the end": lambda: with_chunks(
        saved(noise(9, 7, 1), "PNG"), after=chunk(b"tIME", bytes(7)) + chunk(b"tEXt", b"a\0b")
    ),
    "an empty chunk": lambda: with_chunks(saved(noise(9, 7, 1), "PNG"), before=chunk(b"prVt", b"")),
    "a suggested palette": lambda: with_chunks(
        saved(noise(9, 7, 3), "PNG"), before=chunk(b"PLTE", bytes(range(9)))
    ),
    "bytes after the end": lambda: with_chunks(
        saved(noise(9, 7, 1), "PNG"), trailer=b"\0more" * 40
    ),
    "image data in many chunks": lambda: _in_small_chunks(saved(noise(40, 40, 3), "PNG")),
}


def _in_small_chunks(png: bytes) -> bytes:
    (length,) = struct.unpack_from(">I", png, 33)
    stream = png[41 : 41 + length]
    pieces = [stream[at : at + 100] for at in range(0, length, 100)]
    return png[:33] + b"".join(chunk(b"IDAT", piece) for piece in pieces) + png[-12:]


@pytest.mark.parametrize("variety", VARIETIES)
def test_png_with_all_that_is_not_pixels(variety: str) -> None:
    data = VARIETIES[variety]()
    picture = picture_of(data)
    rebuilt = rebuilt_from(picture)
    assert comes_back(picture, rebuilt)
    assert read_parts(rebuilt) == read_parts(data)
    with Image.open(io.BytesIO(data)) as before, Image.open(io.BytesIO(rebuilt)) as after:
        assert before.tobytes() == after.tobytes()
        assert before.info == after.info
        assert before.getexif() == after.getexif()


def test_what_png_chunks_look_like_apart() -> None:
    data = with_chunks(
        saved(noise(4, 5, 3), "PNG"),
        before=chunk(b"gAMA", b"\0\0\1\2"),
        after=chunk(b"tEXt", b"a\0b"),
        trailer=b"end",
    )
    parts = read_parts(data)
    assert (parts.header.width, parts.header.height, parts.header.depth) == (5, 4, 8)
    assert parts.before == (Chunk(b"gAMA", b"\0\0\1\2"),)
    assert parts.after == (Chunk(b"tEXt", b"a\0b"),)
    assert parts.trailer == b"end"


def test_a_png_that_lost_something_has_not_come_back() -> None:
    picture = picture_of(metadata())
    other = picture.pixels.copy()
    other[3, 3, 1] ^= 1
    assert not comes_back(picture, rebuild(other, picture.frame, "png"))
    assert not comes_back(picture, rebuild(picture.pixels, b"", "png"))
    assert not comes_back(picture, rebuilt_from(picture)[:-1])
    assert not comes_back(picture, rebuilt_from(picture) + b"\0")
    assert not comes_back(picture, b"")


# Uncompressed files

RAW: dict[str, Callable[[], bytes]] = {
    "bmp, rows padded": lambda: saved(noise(6, 7, 3), "BMP"),
    "bmp, one row": lambda: saved(noise(1, 7, 3), "BMP"),
    "bmp, bytes after the end": lambda: saved(noise(6, 7, 3), "BMP") + b"more",
    "ppm": lambda: saved(noise(6, 7, 3), "PPM"),
    "ppm, comment": lambda: b"P6 # a comment\n7 6\n255\n" + noise(6, 7, 3).tobytes(),
    "pgm": lambda: saved(noise(6, 7, 1), "PPM"),
    "tga": lambda: saved(noise(6, 7, 3), "TGA"),
    "tga, top row first": lambda: saved(noise(6, 7, 3), "TGA", orientation=1),
    "tga, grey": lambda: saved(noise(6, 7, 1), "TGA"),
    "tiff": lambda: saved(noise(6, 7, 3), "TIFF"),
    "tiff, grey, with text": lambda: saved(noise(6, 7, 1), "TIFF", description="Floes"),
    "tiff, profile": lambda: saved(noise(6, 7, 3), "TIFF", icc_profile=b"profile" * 99),
}


@pytest.mark.parametrize("kind", RAW)
def test_uncompressed_files_come_back_byte_for_byte(kind: str) -> None:
    data = RAW[kind]()
    picture = picture_of(data)
    assert picture.frame_kind == "raw"
    with Image.open(io.BytesIO(data)) as image:
        assert picture.pixels.tobytes() == image.tobytes()
    assert rebuilt_from(picture) == data
    assert comes_back(picture, data)


@given(st.integers(1, 12), st.integers(1, 12), st.sampled_from(["BMP", "PPM", "TGA", "TIFF"]))
def test_uncompressed_files_of_any_size(height: int, width: int, form: str) -> None:
    data = saved(noise(height, width, 3), form)
    assert rebuilt_from(picture_of(data)) == data


@given(st.data())
def test_a_raw_file_that_changed_by_a_byte_has_not_come_back(data: st.DataObject) -> None:
    picture = picture_of(RAW["bmp, rows padded"]())
    at = data.draw(st.integers(0, len(picture.file_bytes) - 1))
    changed = bytearray(picture.file_bytes)
    changed[at] ^= data.draw(st.integers(1, 255))
    assert not comes_back(picture, bytes(changed))


def test_a_picture_of_another_kind_of_frame_does_not_come_back_as_a_png() -> None:
    picture = picture_of(metadata())
    assert not comes_back(replace(picture, frame_kind="raw"), rebuilt_from(picture))


# Files that keep their own bytes


def animation(form: str) -> bytes:
    file = io.BytesIO()
    frames = [Image.fromarray(noise(6, 7, 3, seed)) for seed in range(3)]
    frames[0].save(file, form, save_all=True, append_images=frames[1:])
    return file.getvalue()


def palette_image() -> Image.Image:
    return Image.fromarray(noise(6, 7, 3)).quantize(16)


def saved_image(image: Image.Image, form: str, **options: Any) -> bytes:
    file = io.BytesIO()
    image.save(file, form, **options)
    return file.getvalue()


ORIGINALS: dict[str, tuple[Callable[[], bytes], str]] = {
    "jpeg": (lambda: saved(noise(6, 7, 3), "JPEG"), "JPEG"),
    "lossless webp": (lambda: saved(noise(6, 7, 3), "WEBP", lossless=True), "WEBP"),
    "palette": (lambda: saved_image(palette_image(), "PNG"), "palette"),
    "palette, bmp": (lambda: saved_image(palette_image(), "BMP"), "palette"),
    "bilevel": (lambda: saved_image(Image.new("1", (7, 6)), "PNG"), "black and white"),
    "4 bits": (
        lambda: _png(struct.pack(">IIBBBBB", 2, 1, 4, 0, 0, 0, 0), b"\0\x12"),
        "4 bits a sample",
    ),
    "16 bits, grey": (lambda: saved(noise(6, 7, 1).astype(np.uint16) * 9, "PNG"), "16 bits"),
    "16 bits, colour": (
        lambda: _png(struct.pack(">IIBBBBB", 2, 1, 16, 2, 0, 0, 0), b"\0" + bytes(range(12))),
        "16 bits",
    ),
    "16 bits, tiff": (lambda: saved(noise(6, 7, 1).astype(np.uint16) * 9, "TIFF"), "8 bits"),
    "compressed tiff": (lambda: saved(noise(6, 7, 3), "TIFF", compression="tiff_lzw"), "TIFF"),
    "run lengths, tga": (lambda: saved(noise(6, 7, 3) // 99, "TGA", compression="tga_rle"), "TGA"),
    "animated png": (lambda: animation("PNG"), "animation"),
    "animated gif": (lambda: animation("GIF"), "animation"),
    "animated webp": (lambda: animation("WEBP"), "animation"),
    "pages": (lambda: animation("TIFF"), "several pages"),
    "cmyk": (lambda: saved_image(Image.new("CMYK", (7, 6)), "TIFF"), "CMYK"),
    "a chunk inside the image data": (
        lambda: _png(
            struct.pack(">IIBBBBB", 2, 1, 8, 0, 0, 0, 0), b"\0ab", between=chunk(b"tEXt", b"a\0b")
        ),
        "interrupted",
    ),
}


def _png(header: bytes, rows: bytes, between: bytes = b"") -> bytes:
    stream = zlib.compress(rows)
    image_data = chunk(b"IDAT", stream) + between + chunk(b"IDAT", b"")
    start = b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header)
    return start + image_data + chunk(b"IEND", b"")


@pytest.mark.parametrize("kind", ORIGINALS)
def test_files_that_keep_their_own_bytes_say_why(kind: str) -> None:
    make, reason = ORIGINALS[kind]
    data = make()
    original = interpret(data, SOMEWHERE)
    assert isinstance(original, KeptFile)
    assert reason in original.reason
    assert original.file_bytes == data
    with Image.open(io.BytesIO(data)) as image:
        assert (original.width, original.height) == image.size
    assert (original.pixels is None) == kind.startswith("16 bits")
    if original.pixels is not None:
        assert original.pixels.shape == (original.height, original.width, original.channels)


def test_the_pixels_of_a_palette_are_its_colours() -> None:
    image = palette_image()
    original = interpret(saved_image(image, "PNG"), SOMEWHERE)
    assert original.pixels is not None
    assert np.array_equal(original.pixels, np.asarray(image.convert("RGB")))


def test_from_a_file(tmp_path: Path) -> None:
    path = tmp_path / "näme with spaces #?.png"
    path.write_bytes(metadata())
    picture = read_image(path)
    assert isinstance(picture, Picture)
    assert picture.file_bytes == path.read_bytes()
