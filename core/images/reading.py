"""A file on disk to a Picture, to a KeptFile if the flow does not support it, or an OtherFile."""

from __future__ import annotations

import errno
import io
import os
import stat
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import BinaryIO

from core.errors import DamagedImageError, ImageTooLargeError, NotAnImageError, UnreadableFileError
from core.images.decode import Decoded, decode, identify, opened
from core.images.frames import FrameError
from core.images.picture import KeptFile, OtherFile, Picture
from core.images.png import (
    BrokenPngError,
    UnusualPngError,
    check_image_data,
    png_frame,
    read_parts,
)
from core.images.raw import RawLayout, raw_frame, rebuild_raw

#: Longer files are not taken for images, which are held in memory.
MAX_FILE_BYTES = 2 * 2**30

#: So much may be around the pixels of an uncompressed file, and as much as the pixels themselves.
_MOST_AROUND_BYTES = 2**16

_MODE_REASONS = {
    "1": "a black and white image",
    "P": "an image with a palette",
    "PA": "an image with a palette",
    "La": "an image with transparency",
    "RGBa": "an image with transparency",
    "CMYK": "a CMYK image",
    "LAB": "a Lab image",
    "YCbCr": "a YCbCr image",
}


#: What is wrong with an image, but not with reading its file.
_NO_IMAGE = (NotAnImageError, DamagedImageError, ImageTooLargeError)


def read_file(path: Path) -> Picture | KeptFile | OtherFile:
    """Read any regular file: decoded if it is an image that can be, with the reason if not.

    Raises UnreadableFileError; nothing else, whatever the file contains.
    """
    try:
        data = _read(path)
    except _NO_IMAGE as error:
        return OtherFile(path, error.reason)
    try:
        return interpret(data, path)
    except _NO_IMAGE as error:
        return KeptFile(data, None, *_declared(data, path), reason=error.reason)


def read_image(path: Path) -> Picture | KeptFile:
    """Read and fully decode an image file.

    Raises UnreadableFileError, NotAnImageError, DamagedImageError and ImageTooLargeError; nothing
    else, whatever the file contains.
    """
    return interpret(_read(path), path)


def interpret(data: bytes, path: Path) -> Picture | KeptFile:
    """The same for the bytes of a file; ``path`` is used in error messages only."""
    decoded = decode(io.BytesIO(data), path)
    if decoded.format == "PNG":
        return _read_png(data, decoded, path)
    reason = _reason(decoded)
    if reason is None:
        frame = _raw_frame(data, decoded)
        if frame is not None and decoded.pixels is not None:
            return Picture(decoded.pixels, frame, "raw", data)
        reason = f"{decoded.format} keeps its own bytes"
    return _original(data, decoded, reason)


@contextmanager
def open_file(path: Path) -> Iterator[BinaryIO]:
    """A regular file. Raises UnreadableFileError, also for what fails inside the block."""
    try:
        # Never wait for the other end of a pipe, and never open a device.
        if not stat.S_ISREG(os.stat(path).st_mode):
            raise UnreadableFileError(path, _what_it_is(os.stat(path).st_mode))
        flags = os.O_RDONLY | getattr(os, "O_NONBLOCK", 0) | getattr(os, "O_BINARY", 0)
        with open(os.open(path, flags), "rb") as file:
            if not stat.S_ISREG(mode := os.fstat(file.fileno()).st_mode):
                raise UnreadableFileError(path, _what_it_is(mode))
            yield file
    except OSError as error:
        raise UnreadableFileError(path, _os_reason(error)) from error
    except ValueError as error:  # a path with a NUL or with lone surrogates
        raise UnreadableFileError(path, f"not a valid path ({error})") from error


def _read(path: Path) -> bytes:
    """All bytes of a regular file that begins like an image."""
    with open_file(path) as file:
        n_bytes = os.fstat(file.fileno()).st_size
        if not n_bytes:
            raise NotAnImageError(path, "the file is empty")
        identify(file, path)
        if n_bytes > MAX_FILE_BYTES:
            raise ImageTooLargeError(
                path,
                f"the file has {n_bytes / 2**30:.1f} GiB; the limit is {MAX_FILE_BYTES >> 30} GiB",
            )
        file.seek(0)
        try:
            # As much as there is, not as there may be: room for 2 GiB is not to be had everywhere.
            data = file.read(n_bytes + 1)
        except MemoryError as error:
            raise ImageTooLargeError(path, "the file does not fit into memory") from error
        if len(data) != n_bytes:
            raise UnreadableFileError(path, "the file changed while it was read: try again")
        return data


def _declared(data: bytes, path: Path) -> tuple[int, int, int]:
    """Width, height and channels as the header of a file has them; zeros if it has none."""
    try:
        with opened(io.BytesIO(data), path) as image:
            return *image.size, len(image.getbands())
    except _NO_IMAGE:
        return 0, 0, 0


def _what_it_is(mode: int) -> str:
    if stat.S_ISDIR(mode):
        return "a folder, not a file"
    if stat.S_ISFIFO(mode):
        return "a pipe, not a file"
    if stat.S_ISSOCK(mode):
        return "a socket, not a file"
    return "a device, not a file"


def _os_reason(error: OSError) -> str:
    if error.errno == errno.ENOENT:
        return "the file does not exist"
    if error.errno in (errno.EACCES, errno.EPERM):
        return "no permission to read the file"
    if error.errno == errno.ELOOP:
        return "the link points back to itself"
    return f"cannot be read ({error.strerror or error})"


def _read_png(data: bytes, decoded: Decoded, path: Path) -> Picture | KeptFile:
    try:
        parts = read_parts(data)
        check_image_data(data, parts.header)
    except BrokenPngError as error:
        raise DamagedImageError(path, f"the image is damaged: {error}") from error
    except UnusualPngError as error:
        return _original(data, decoded, f"PNG keeps its own bytes: {error}")
    header = parts.header
    if header.depth == 16:
        return _original(data, decoded, "16 bits a sample keep their own bytes", deep=True)
    reason = _reason(decoded)
    if reason is None and parts.animated:
        reason = "an animation keeps its own bytes"
    if reason is None and (header.depth != 8 or header.colour_type == 3):
        reason = f"{header.depth} bits a sample keep their own bytes"
    pixels = decoded.pixels
    if reason is None and pixels is not None:
        try:
            return Picture(pixels, png_frame(parts), "png", data)
        except FrameError as error:
            reason = f"PNG keeps its own bytes: {error}"
    return _original(data, decoded, reason or "PNG keeps its own bytes")


def _reason(decoded: Decoded) -> str | None:
    """The reason to keep the bytes of a file, or None; from the decoded image alone."""
    if decoded.format in ("JPEG", "MPO"):
        return "JPEG keeps its own bytes"
    if decoded.animated:
        pages = "a file of several pages" if decoded.format == "TIFF" else "an animation"
        return f"{pages} keeps its own bytes"
    if decoded.mode in _MODE_REASONS:
        return f"{_MODE_REASONS[decoded.mode]} keeps its own bytes"
    if decoded.pixels is None:
        return "more than 8 bits a sample keep their own bytes"
    if decoded.mode not in ("L", "LA", "RGB", "RGBA"):
        return f"a {decoded.mode} image keeps its own bytes"
    return None


def _raw_frame(data: bytes, decoded: Decoded) -> bytes | None:
    """The frame of an uncompressed file that can be rebuilt byte for byte, or None."""
    pixels, raw_mode = decoded.pixels, decoded.raw_mode
    if pixels is None or not raw_mode or not pixels.size:
        return None
    wanted = decoded.mode  # "L", "LA", "RGB" or "RGBA": a letter for each channel
    if len(raw_mode) > 4 or any(raw_mode.count(letter) != 1 for letter in wanted):
        return None
    row_bytes = len(raw_mode) * decoded.width
    n_bytes = row_bytes * decoded.height
    if len(data) - n_bytes > max(n_bytes, _MOST_AROUND_BYTES):
        return None  # of a camera's raw file, say, this is only the preview
    padding = decoded.raw_stride - row_bytes if decoded.raw_stride else 0
    places = tuple(raw_mode.index(letter) for letter in wanted)
    layout = RawLayout(decoded.raw_offset, padding, len(raw_mode), places, decoded.bottom_up)
    try:
        frame = raw_frame(data, pixels, layout)
        return frame if frame is not None and rebuild_raw(pixels, frame) == data else None
    except FrameError:
        return None


def _original(data: bytes, decoded: Decoded, reason: str, *, deep: bool = False) -> KeptFile:
    """``deep``: Pillow's pixels have fewer bits than the file's."""
    return KeptFile(
        file_bytes=data,
        pixels=None if deep else decoded.pixels,
        width=decoded.width,
        height=decoded.height,
        channels=decoded.channels,
        reason=reason,
    )
