"""The metadata of an image file, read without decoding a pixel."""

from __future__ import annotations

import io
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from PIL import ExifTags, Image, ImageCms

from core.errors import FloeError
from core.images.decode import opened
from core.images.frames import FrameError
from core.images.png import png_of_frame
from core.images.raw import rebuild_raw

#: Longer values are truncated.
MAX_CHARACTERS = 2_000

#: A raw frame is read together with rows of zeros; larger images have no metadata.
_MAX_RAW_SAMPLES = 200_000_000

_SUB_DIRECTORIES = (ExifTags.IFD.Exif, ExifTags.IFD.GPSInfo)

# Notes of Pillow's decoders, and what is reported elsewhere.
_NOT_METADATA = {"exif", "icc_profile", "icc", "xmp", "photoshop", "jfif", "jfif_version"}
_NOT_METADATA |= {"jfif_unit", "jfif_density", "progressive", "progression", "compression"}
_NOT_METADATA |= {"transparency", "XML:com.adobe.xmp", "adobe", "adobe_transform", "interlace"}


@dataclass(frozen=True)
class Fact:
    """One item of metadata, named as in its standard."""

    group: str  # "Colour profile", "EXIF", "Text", ...
    name: str
    value: str


def metadata_of_file(file: bytes) -> list[Fact]:
    """The metadata of a whole file. Raises what :func:`core.images.decode.opened` raises."""
    with opened(io.BytesIO(file), Path("image")) as image:
        return list(_facts(image))


def metadata_of_frame(frame: bytes, kind: str, shape: tuple[int, int, int]) -> list[Fact]:
    """The metadata of a coded picture of this shape (H, W, C), from its frame alone.

    Raises FrameError.
    """
    try:
        if kind == "png":  # its chunks do not depend on the pixels, so one is enough
            return metadata_of_file(png_of_frame(frame, shape[2]))
        if kind == "raw" and int(np.prod(shape)) <= _MAX_RAW_SAMPLES:
            return metadata_of_file(rebuild_raw(np.zeros(shape, np.uint8), frame))
    except FrameError:
        raise
    except FloeError:  # a header that can only be read with the real pixels
        return []
    return []


def _facts(image: Image.Image) -> Iterator[Fact]:
    info = dict(image.info)
    if image.format == "PNG":
        image.load()  # text chunks may follow the pixels
        info |= image.info
    yield from _profile(info.get("icc_profile"))
    yield from _exif(image)
    for name, value in info.items():
        if name in _NOT_METADATA or not isinstance(name, str):
            continue
        group = "Text" if isinstance(value, str) else "File"
        yield Fact(group, name, _shown(value))
    packet = info.get("xmp") or info.get("XML:com.adobe.xmp")
    if packet:
        yield Fact("XMP", "packet", f"{len(packet):,} bytes")


def _profile(profile: Any) -> Iterator[Fact]:
    if not isinstance(profile, bytes) or not profile:
        return
    try:
        opened_profile = ImageCms.ImageCmsProfile(io.BytesIO(profile))
        name = ImageCms.getProfileDescription(opened_profile).strip()
    except (ImageCms.PyCMSError, OSError, ValueError):
        name = "not readable"
    yield Fact("Colour profile", "ICC", f"{_shown(name)} ({len(profile):,} bytes)")


def _exif(image: Image.Image) -> Iterator[Fact]:
    exif = image.getexif()
    directories = {None: dict(exif)} | {key: dict(exif.get_ifd(key)) for key in _SUB_DIRECTORIES}
    for key, tags in directories.items():
        names: dict[int, str] = ExifTags.GPSTAGS if key == ExifTags.IFD.GPSInfo else ExifTags.TAGS
        group = "GPS" if key == ExifTags.IFD.GPSInfo else "EXIF"
        for tag, value in tags.items():
            if tag in (ExifTags.IFD.Exif, ExifTags.IFD.GPSInfo, ExifTags.IFD.Interop):
                continue
            yield Fact(group, names.get(tag, f"0x{tag:04x}"), _shown(value))


def _shown(value: Any) -> str:
    """A value on one line; of bytes that are not text, their number."""
    if isinstance(value, bytes):
        text = value.rstrip(b"\0").decode("ascii", "replace")
        if "\N{REPLACEMENT CHARACTER}" in text or not text.isprintable():
            return f"{len(value):,} bytes"
        value = text
    if isinstance(value, tuple):
        value = ", ".join(_shown(part) for part in value)
    if isinstance(value, float):
        value = f"{value:g}"
    words = "".join(c if c.isprintable() else " " for c in str(value))
    text = " ".join(words.split())
    return text if len(text) <= MAX_CHARACTERS else f"{text[:MAX_CHARACTERS]}…"
