"""Decode image files with Pillow; every failure is a typed error.

Pillow's plugins raise arbitrary exceptions on hostile files. Here each becomes one of the errors
of :mod:`core.errors`. Only picture formats are allowed: no plugin that starts another program
(EPS), needs Windows (WMF) or is a stub without a decoder.
"""

from __future__ import annotations

import importlib
import io
import logging
import re
import struct
import threading
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import IO

import numpy as np
from PIL import Image, ImageFile, PngImagePlugin, UnidentifiedImageError

from core.arrays import Pixels
from core.errors import DamagedImageError, ImageTooLargeError, NotAnImageError
from core.images.quiet_tiff import silence_libtiff

#: Images with more pixels are refused before decoding.
MAX_PIXELS = 500_000_000

#: So are those that would take more memory, file and samples included.
MAX_MEMORY_BYTES = 4 * 2**30

#: A larger image needs a byte of its file for every 256 pixels: 43 bytes can declare any number.
_FREE_PIXELS, _PIXELS_A_BYTE = 2**26, 256

#: Pillow gives up on PNGs with longer texts, once unpacked, and takes memory for all of them.
_MAX_TEXT_BYTES = 64 * 2**20

# In the order in which they are tried. TGA has no signature, so it comes last.
_PLUGINS = "Png Jpeg Mpo WebP Tiff Gif Bmp Ppm Jpeg2K Avif Ico Cur Icns Qoi Dds Sgi Psd Pcx Dcx Tga"
_FORMATS = (
    *("PNG", "JPEG", "WEBP", "TIFF", "GIF", "BMP", "DIB", "PPM", "JPEG2000", "AVIF", "ICO"),
    *("CUR", "ICNS", "QOI", "DDS", "SGI", "PSD", "PCX", "DCX", "TGA"),
)

# Their signatures are reliable: a file with one is damaged if the plugin refuses it.
_CERTAIN = frozenset({"PNG", "JPEG", "WEBP", "TIFF", "GIF", "JPEG2000", "AVIF", "QOI", "PSD"})

_EIGHT_BIT_MODES = frozenset(
    {"L", "RGB", "LA", "La", "RGBA", "RGBa", "RGBX", "CMYK", "YCbCr", "HSV", "LAB"}
)

# Without a handler, Pillow's log would go to stderr.
logging.getLogger("PIL").addHandler(logging.NullHandler())

# warnings.catch_warnings and Pillow's limits are global: one thread at a time may change them.
_globals_lock = threading.Lock()


@dataclass(frozen=True)
class Decoded:
    """A file as Pillow decodes it."""

    format: str
    mode: str
    width: int
    height: int
    channels: int
    animated: bool  # it has further frames or pages, which are not decoded
    pixels: Pixels | None  # (H, W, C) uint8 of the first frame; None beyond 8 bits a sample
    raw_mode: str  # the order of bytes in a pixel of an uncompressed file; "" for others
    raw_offset: int  # of the first row of an uncompressed file
    raw_stride: int  # bytes from row to row; 0 for rows without padding
    bottom_up: bool


def identify(file: IO[bytes], path: Path) -> None:
    """Read the header only. Raises what :func:`decode` raises for an invalid header."""
    with opened(file, path):
        pass


def decode(file: IO[bytes], path: Path) -> Decoded:
    """Decode a whole file; ``path`` is used in error messages only.

    Raises NotAnImageError, DamagedImageError and ImageTooLargeError.
    """
    with opened(file, path) as image:
        raw_mode, raw_offset, raw_stride, bottom_up = _raw_hints(image)
        image.load()
        pixels = _samples(image)
        mode, (width, height) = image.mode, image.size
        channels = pixels.shape[2] if pixels is not None else len(image.getbands())
        return Decoded(
            format=image.format or "",
            mode=mode,
            width=width,
            height=height,
            channels=channels,
            animated=bool(getattr(image, "is_animated", False)),
            pixels=pixels,
            raw_mode=raw_mode,
            raw_offset=raw_offset,
            raw_stride=raw_stride,
            bottom_up=bottom_up,
        )


@contextmanager
def opened(file: IO[bytes], path: Path) -> Iterator[ImageFile.ImageFile]:
    """An image with its header read. Exceptions inside the block become typed errors."""
    _load_plugins()
    with _typed_errors(path), _open(file, path) as image:
        yield image


@cache
def _load_plugins() -> None:
    for plugin in _PLUGINS.split():
        importlib.import_module(f"PIL.{plugin}ImagePlugin")
    silence_libtiff()


def _open(file: IO[bytes], path: Path) -> ImageFile.ImageFile:
    """Like Image.open, with our formats and our limits; a damaged header is not "no image"."""
    file.seek(0)
    prefix = file.read(16)
    refusal: Exception | None = None
    for name in _FORMATS:
        if name not in Image.OPEN:  # Pillow was built without its library
            continue
        factory, accept = Image.OPEN[name]
        try:
            if accept is not None:
                accepted = accept(prefix)
                if isinstance(accepted, str) or not accepted:
                    continue
            file.seek(0)
            image = factory(file, "")
        except Image.DecompressionBombError:
            raise
        except (SyntaxError, IndexError, TypeError, ValueError, struct.error, OSError) as error:
            # Pillow's plugins raise these for files of other formats.
            if isinstance(error, OSError) and error.errno is not None:
                raise  # of the disk
            if name in _CERTAIN:
                refusal = refusal or error
            continue
        _check_size(image, file.seek(0, io.SEEK_END), path)
        return image
    if refusal is not None:
        raise refusal
    raise UnidentifiedImageError


def _check_size(image: ImageFile.ImageFile, n_file_bytes: int, path: Path) -> None:
    width, height = image.size
    n_pixels = width * height
    if n_pixels > MAX_PIXELS:
        raise ImageTooLargeError(
            path,
            f"the image has {width} x {height} pixels; the limit is {MAX_PIXELS // 10**6} million",
        )
    if n_pixels > max(_FREE_PIXELS, _PIXELS_A_BYTE * n_file_bytes):
        raise ImageTooLargeError(
            path,
            f"the image would unpack {n_file_bytes} bytes to {width} x {height} pixels",
        )
    # Pillow's rows, those of another mode where it has to be converted, and our samples. A row
    # has a price of its own.
    pixel_bytes = {"1": 2, "L": 2, "P": 9, "I;16": 4}.get(image.mode, 8)
    if n_file_bytes + n_pixels * pixel_bytes + 64 * height > MAX_MEMORY_BYTES:
        raise ImageTooLargeError(
            path,
            f"an image of {width} x {height} pixels would take more than "
            f"{MAX_MEMORY_BYTES >> 30} GiB of memory",
        )


def _raw_hints(image: ImageFile.ImageFile) -> tuple[str, int, int, bool]:
    """Raw mode, offset, stride and direction of uncompressed rows, from Pillow's tile."""
    tops = [tile for tile in image.tile if tile.extents is None or tile.extents[1] == 0]
    if len(tops) != 1 or tops[0].codec_name != "raw":
        return "", 0, 0, False
    tile = tops[0]
    args = tile.args if isinstance(tile.args, tuple) else (tile.args, 0, 1)
    return str(args[0]), tile.offset, int(args[1]), args[2] == -1


def _samples(image: Image.Image) -> Pixels | None:
    """(H, W, C) uint8, or None for more than 8 bits a sample."""
    if image.mode == "1":
        image = image.convert("L")
    elif image.mode in ("P", "PA"):
        has_alpha = image.mode == "PA" or "transparency" in image.info
        image = image.convert("RGBA" if has_alpha else "RGB")
    if image.mode not in _EIGHT_BIT_MODES:
        return None
    samples = np.asarray(image, dtype=np.uint8)
    return np.ascontiguousarray(samples.reshape(image.height, image.width, -1))


@contextmanager
def _typed_errors(path: Path) -> Iterator[None]:
    try:
        with _quiet():
            yield
    except (NotAnImageError, ImageTooLargeError):
        raise
    except UnidentifiedImageError:
        raise NotAnImageError(path, "not an image in a known format") from None
    except Image.DecompressionBombError as error:
        raise ImageTooLargeError(path, "a part of the image declares too many pixels") from error
    except MemoryError as error:
        raise ImageTooLargeError(path, "not enough memory to decode the image") from error
    except Exception as error:  # of any type: Pillow's parser on untrusted bytes
        if isinstance(error, OSError) and error.errno is not None:
            raise  # of the disk: Pillow's own have no number
        raise DamagedImageError(path, _in_words(error)) from error


@contextmanager
def _quiet() -> Iterator[None]:
    """Suppress Pillow's warnings, and replace its limits.

    They concern sizes, for which we have our own limits, and damaged metadata, which is kept byte
    for byte in any case.
    """
    with _globals_lock, warnings.catch_warnings(), _limits():
        warnings.filterwarnings("ignore", module=r"PIL\b|core\.images\b")
        yield


@contextmanager
def _limits() -> Iterator[None]:
    """Limits of ours in the place of Pillow's, which are global variables, for a while."""
    before = Image.MAX_IMAGE_PIXELS, PngImagePlugin.MAX_TEXT_CHUNK, PngImagePlugin.MAX_TEXT_MEMORY
    try:
        Image.MAX_IMAGE_PIXELS = MAX_PIXELS
        PngImagePlugin.MAX_TEXT_CHUNK = PngImagePlugin.MAX_TEXT_MEMORY = _MAX_TEXT_BYTES
        yield
    finally:
        Image.MAX_IMAGE_PIXELS, PngImagePlugin.MAX_TEXT_CHUNK, PngImagePlugin.MAX_TEXT_MEMORY = (
            before
        )


_IN_WORDS = (
    (r"truncated|not enough image data|EOF|buffer is not large", "the file is cut short"),
    (r"unpack_from requires|requires a buffer|Expected to read", "the file is cut short"),
    (r"broken data stream|unrecognized data stream|decoder error", "its image data is corrupt"),
    (r"cannot load this image", "it has no image data"),
    (r"broken PNG file \(chunk b'(\w+)'\)", r"its \1 chunk is corrupt"),
    (r"broken PNG file", "its chunks are corrupt"),
    (r"bad header checksum in b'(\w+)'", r"the checksum of its \1 chunk is wrong"),
    (r"not identified by this driver|no marker found", "its header is corrupt"),
)


def _in_words(error: Exception) -> str:
    """Pillow's message, in plainer words where we know some."""
    text = (str(error).strip() or type(error).__name__).splitlines()[0][:200]
    for pattern, words in _IN_WORDS:
        match = re.search(pattern, text, re.IGNORECASE)
        if match:
            return f"the image is damaged: {match.expand(words)}"
    if re.match(r"un(supported|known)", text, re.IGNORECASE):
        return f"the image cannot be decoded: {text[0].lower()}{text[1:]}"
    return f"the image is damaged: {text}"
