"""What files say beside their pixels comes out of the frame alone."""

from __future__ import annotations

import contextlib
import io
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image, ImageCms, PngImagePlugin

from core.errors import FloeError
from core.images import Picture, interpret
from core.images.metadata import MAX_CHARACTERS, metadata_of_file, metadata_of_frame


def png(**options: Any) -> bytes:
    file = io.BytesIO()
    Image.fromarray(np.zeros((20, 30, 3), np.uint8)).save(file, "PNG", **options)
    return file.getvalue()


def said(data: bytes) -> dict[tuple[str, str], str]:
    picture = interpret(data, Path("x"))
    if isinstance(picture, Picture):
        facts = metadata_of_frame(picture.frame, picture.frame_kind, picture.pixels.shape)
        assert facts == metadata_of_file(data)
    else:
        facts = metadata_of_file(data)
    return {(fact.group, fact.name): fact.value for fact in facts}


def exif() -> Image.Exif:
    tags = Image.Exif()
    tags[0x010F] = "Acme"
    tags.get_ifd(0x8769)[0x829A] = 0.005
    tags.get_ifd(0x8825)[1] = "N"
    return tags


def test_a_png_without_anything_says_nothing() -> None:
    assert said(png()) == {}


def test_text_profile_and_exif_of_a_png() -> None:
    text = PngImagePlugin.PngInfo()
    text.add_text("Title", "Two  lines\nand <b>")
    text.add_itxt("Comment", "grün", lang="de", zip=True)
    profile = ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes()
    facts = said(png(pnginfo=text, icc_profile=profile, exif=exif(), dpi=(300, 300)))
    assert facts["Text", "Title"] == "Two lines and <b>"
    assert facts["Text", "Comment"] == "grün"
    assert facts["Colour profile", "ICC"] == f"sRGB built-in ({len(profile)} bytes)"
    assert facts["EXIF", "Make"] == "Acme"
    assert facts["EXIF", "ExposureTime"] == "0.005"
    assert facts["GPS", "GPSLatitudeRef"] == "N"
    assert facts["File", "dpi"].startswith("300, 300") or facts["File", "dpi"].startswith("299.9")


@pytest.mark.parametrize("form", ["TIFF", "BMP", "PPM"])
def test_uncompressed_files(form: str) -> None:
    file = io.BytesIO()
    pixels = np.random.default_rng(0).integers(0, 256, (9, 11, 3), np.uint8)
    Image.fromarray(pixels).save(file, form, **({"exif": exif()} if form == "TIFF" else {}))
    facts = said(file.getvalue())
    assert ("EXIF" in {group for group, _ in facts}) == (form == "TIFF")
    if form == "TIFF":
        assert facts["EXIF", "Make"] == "Acme"


def test_a_jpeg_that_keeps_its_bytes() -> None:
    file = io.BytesIO()
    Image.fromarray(np.zeros((9, 9, 3), np.uint8)).save(file, "JPEG", exif=exif())
    assert said(file.getvalue())["EXIF", "Make"] == "Acme"


def test_what_is_long_or_unreadable_is_shortened() -> None:
    text = PngImagePlugin.PngInfo()
    text.add_text("Long", "x" * 5000)
    facts = said(png(pnginfo=text, icc_profile=b"no profile"))
    assert len(facts["Text", "Long"]) == MAX_CHARACTERS + 1
    assert facts["Colour profile", "ICC"] == "not readable (10 bytes)"


@given(st.binary(max_size=60), st.sampled_from(["png", "raw", "else"]))
def test_a_hostile_frame_is_a_typed_error_or_says_nothing(frame: bytes, kind: str) -> None:
    with contextlib.suppress(FloeError):
        metadata_of_frame(frame, kind, (3, 4, 3))
