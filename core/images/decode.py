"""Image files to samples by Pillow, with every failure a typed error.

Pillow's plugins raise whatever their parsing runs into on a hostile file. Here it becomes one
of four errors of :mod:`core.errors`. Of Pillow's formats only those of pictures are let in: no
plugin that starts another program (EPS), needs Windows (WMF) or is a stub without a decoder.
"""

from __future__ import annotations

import importlib
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
from PIL import Image, ImageFile, ImageSequence, UnidentifiedImageError

from core.errors import DamagedImageError, ImageTooLargeError, NotAnImageError
from core.images.picture import Pixels
from core.images.quiet_tiff import silence_libtiff

#: An image of more pixels is refused before anything of it is decoded.
MAX_PIXELS = 500_000_000

# Plugins in the order in which they are asked; TGA, which has no signature, comes last.
_PLUGINS = "Png Jpeg Mpo WebP Tiff Gif Bmp Ppm Jpeg2K Avif Ico Cur Icns Qoi Dds Sgi Psd Pcx Dcx Tga"
_FORMATS = (
    *("PNG", "JPEG", "WEBP", "TIFF", "GIF", "BMP", "DIB", "PPM", "JPEG2000", "AVIF", "ICO"),
    *("CUR", "ICNS", "QOI", "DDS", "SGI", "PSD", "PCX", "DCX", "TGA"),
)

# A file that begins as these do is of the format, and damaged if the format's plugin refuses it.
_CERTAIN = frozenset({"PNG", "JPEG", "WEBP", "TIFF", "GIF", "JPEG2000", "AVIF", "QOI", "PSD"})

# Formats whose further frames are part of the picture, and so have to decode as well.
_ANIMATED = frozenset({"PNG", "WEBP", "GIF", "TIFF", "AVIF", "MPO"})

_EIGHT_BIT_MODES = frozenset(
    {"L", "RGB", "LA", "La", "RGBA", "RGBa", "RGBX", "CMYK", "YCbCr", "HSV", "LAB"}
)

# Pillow's log would reach stderr in a program that has set up none.
logging.getLogger("PIL").addHandler(logging.NullHandler())

# warnings.catch_warnings changes the state of the whole process: one thread at a time.
_warnings_lock = threading.Lock()


@dataclass(frozen=True)
class Decoded:
    """What Pillow makes of a file."""

    format: str
    mode: str
    width: int
    height: int
    channels: int
    n_frames: int
    pixels: Pixels | None  # (H, W, C) uint8 of the first frame; None beyond 8 bits a sample
    raw_mode: str  # the order of bytes in a pixel of an uncompressed file, else empty
    raw_offset: int  # where the rows of an uncompressed file begin
    raw_stride: int  # from row to row; 0 if they follow each other directly
    bottom_up: bool


def identify(file: IO[bytes], path: Path) -> None:
    """Reads no more than the header. Raises what :func:`decode` raises for a bad one."""
    with opened(file, path):
        pass


def decode(file: IO[bytes], path: Path) -> Decoded:
    """Decodes all of a file; ``path`` is for the words of an error only.

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
            n_frames=_check_other_frames(image, path),
            pixels=pixels,
            raw_mode=raw_mode,
            raw_offset=raw_offset,
            raw_stride=raw_stride,
            bottom_up=bottom_up,
        )


@contextmanager
def opened(file: IO[bytes], path: Path) -> Iterator[ImageFile.ImageFile]:
    """An image whose header was read; what Pillow then raises on it becomes a typed error."""
    _load_plugins()
    with _typed_errors(path), _open(file, path) as image:
        yield image


@cache
def _load_plugins() -> None:
    for plugin in _PLUGINS.split():
        importlib.import_module(f"PIL.{plugin}ImagePlugin")
    silence_libtiff()


def _open(file: IO[bytes], path: Path) -> ImageFile.ImageFile:
    """As Image.open, but with our formats, our limit, and a damaged header told from none.

    Image.open's own limit is a global of Pillow that a library must not change.
    """
    file.seek(0)
    prefix = file.read(16)
    refusal: Exception | None = None
    for name in _FORMATS:
        if name not in Image.OPEN:  # Pillow was built without its library
            continue
        factory, accept = Image.OPEN[name]
        if accept is not None:
            accepted = accept(prefix)
            if isinstance(accepted, str) or not accepted:
                continue
        file.seek(0)
        try:
            image = factory(file, "")
        except (SyntaxError, IndexError, TypeError, struct.error) as error:
            # What Pillow's plugins say when a file is not of their format after all.
            if name in _CERTAIN:
                refusal = refusal or error
            continue
        _check_size(image.size, path)
        return image
    if refusal is not None:
        raise refusal
    raise UnidentifiedImageError


def _check_size(size: tuple[int, int], path: Path) -> None:
    width, height = size
    if width * height > MAX_PIXELS:
        raise ImageTooLargeError(
            path,
            f"the image has {width} x {height} pixels, more than the {MAX_PIXELS // 10**6} "
            "million that Floe takes in",
        )


def _check_other_frames(image: ImageFile.ImageFile, path: Path) -> int:
    """Decodes the frames after the first, as many as make ``MAX_PIXELS``; returns how many are.

    The bytes of such files are kept as they are, so this is to find damage, not to get pixels.
    """
    if image.format not in _ANIMATED or not getattr(image, "is_animated", False):
        return 1
    n_frames = done = 0
    for frame in ImageSequence.Iterator(image):
        _check_size(frame.size, path)
        n_frames += 1
        done += frame.size[0] * frame.size[1]
        if done > MAX_PIXELS:
            break
        frame.load()
    return max(n_frames, 2)


def _raw_hints(image: ImageFile.ImageFile) -> tuple[str, int, int, bool]:
    """Raw mode, offset, stride and direction of uncompressed rows, as Pillow is to read them."""
    tops = [tile for tile in image.tile if tile.extents is None or tile.extents[1] == 0]
    if len(tops) != 1 or tops[0].codec_name != "raw":
        return "", 0, 0, False
    tile = tops[0]
    args = tile.args if isinstance(tile.args, tuple) else (tile.args, 0, 1)
    return str(args[0]), tile.offset, int(args[1]), args[2] == -1


def _samples(image: Image.Image) -> Pixels | None:
    """(H, W, C) uint8, or None where Pillow holds more than 8 bits a sample."""
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
        raise NotAnImageError(path, "not an image of a format that Floe knows") from None
    except Image.DecompressionBombError as error:
        raise ImageTooLargeError(
            path, "a part of the image declares more pixels than Floe takes in"
        ) from error
    except MemoryError as error:
        raise ImageTooLargeError(path, "decoding the image needs more memory than there is") from (
            error
        )
    except Exception as error:  # any type at all: it is Pillow's parser on bytes of anyone
        raise DamagedImageError(path, _in_words(error)) from error


@contextmanager
def _quiet() -> Iterator[None]:
    """Keeps Pillow's warnings from the terminal.

    They are about sizes, for which we have our own limit, and about damaged metadata, which is
    kept byte for byte whatever Pillow thinks of it.
    """
    with _warnings_lock, warnings.catch_warnings():
        warnings.filterwarnings("ignore", module=r"PIL\b|core\.images\b")
        yield


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
    """Pillow's reason for a person, where we know a better way of saying it."""
    text = (str(error).strip() or type(error).__name__).splitlines()[0][:200]
    for pattern, words in _IN_WORDS:
        match = re.search(pattern, text, re.IGNORECASE)
        if match:
            return f"the image is damaged: {match.expand(words)}"
    if re.match(r"un(supported|known)", text, re.IGNORECASE):
        return f"the image cannot be decoded: {text[0].lower()}{text[1:]}"
    return f"the image is damaged: {text}"
