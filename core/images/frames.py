"""Write frames compactly, and read them as untrusted input.

A frame is empty, or one byte that names a packing, followed by the packed body: 0 as it is, 1 raw
DEFLATE with the preset dictionary below. Bodies consist of unsigned LEB128 numbers and bytes.
"""

from __future__ import annotations

import zlib

from core.errors import FloeError

#: The longest body in bytes, written or read. It bounds what a hostile frame can unpack to.
MAX_BODY_BYTES = 256 * 2**20

_STORED, _DEFLATED = 0, 1

# Common contents of PNG chunks in the form of core.images.png, where each number is a length. It
# saves about 40 bytes a file. Part of the format, so never change it: a better dictionary is
# another packing.
_DICTIONARY = (
    b"\x22iTXtXML:com.adobe.xmp\0\0\0\0\0<x:xmpmeta xmlns:x='adobe:ns:meta/' x:xmptk='XMP Core'>"
    b'<rdf:RDF xmlns:rdf="http://www.w3.org/1999/02/22-rdf-syntax-ns#"><rdf:Description '
    b'rdf:about="" xmlns:tiff="http://ns.adobe.com/tiff/1.0/" xmlns:exif="http://ns.adobe.com/'
    b'exif/1.0/"></rdf:Description></rdf:RDF></x:xmpmeta>'
    b"\x0ciCCPICC Profile\0\0x\x9c\x0aiCCPicc\0\0x\x9c\x20eXIfII*\0\x08\0\0\0MM\0*\0\0\0\x08"
    b"\x06bKGD\xff\xff\xff\xff\xff\xff\x03sBIT\x08\x08\x08\x06tRNS\0\0\0\0\0\0\x03PLTE\0\0\0"
    b"\x14zTXtDisclaimer\0Warning\0Description\0Copyright\0Author\0Title\0Source\0Creation Time\0"
    b"\x11tEXtComment\0Created with GIMP\x19tEXtSoftware\0Adobe ImageReady"
    b"\x25tEXtdate:create\x002026-01-01T00:00:00+00:00\x25tEXtdate:modify\x002025-01-01T00:00:00"
    b"\x07tIME\x07\xe9\x01\x01\0\0\0\x09pHYs\0\0\x2e\x23\0\0\x2e\x23\x01"
    b"\x04gAMA\0\x01\x86\xa0\x20cHRM\0\0z&\0\0\x80\x84\0\0\xfa\0\0\0\x80\xe8\0\0u0\0\0\xea`\0\0"
    b":\x98\0\0\x17p\x09pHYs\0\0\x0b\x13\0\0\x0b\x13\x01\x09pHYs\0\0\x0e\xc4\0\0\x0e\xc4\x01"
    b"\x01sRGB\0\x04gAMA\0\0\xb1\x8f\x0bacpHYs\0\x04gAMA\0\0\xb1\x8f\x01sRGB\0\x14tEXt"
)


class FrameError(FloeError, ValueError):
    """A frame is invalid."""


def pack(body: bytes) -> bytes:
    """The frame of a body. Raises FrameError if the body is too long."""
    if len(body) > MAX_BODY_BYTES:
        raise FrameError(f"{len(body)} bytes beside the pixels, more than {MAX_BODY_BYTES}")
    if not body:
        return b""
    deflater = zlib.compressobj(9, zlib.DEFLATED, -15, 9, zdict=_DICTIONARY)
    deflated = deflater.compress(body) + deflater.flush()
    if len(deflated) < len(body):
        return bytes([_DEFLATED]) + deflated
    return bytes([_STORED]) + body


def unpack(frame: bytes) -> bytes:
    """The body of a frame, at most ``MAX_BODY_BYTES`` long. Raises FrameError."""
    if not frame:
        return b""
    packing, packed = frame[0], frame[1:]
    if packing == _STORED:
        return packed
    if packing != _DEFLATED:
        raise FrameError(f"unknown packing {packing} of a frame")
    inflater = zlib.decompressobj(-15, zdict=_DICTIONARY)
    try:
        body = inflater.decompress(packed, MAX_BODY_BYTES)
    except zlib.error as error:
        raise FrameError(f"a frame does not unpack: {error}") from error
    if not inflater.eof or inflater.unused_data:
        raise FrameError("a frame is cut short, too long, or followed by other bytes")
    return body


def number(value: int) -> bytes:
    """An unsigned number as LEB128: 7 bits a byte, the lowest first."""
    out = bytearray()
    while value > 127:
        out.append(value & 127 | 128)
        value >>= 7
    out.append(value)
    return bytes(out)


class BodyReader:
    """Reads numbers and bytes from the front of a body. Raises FrameError at its end."""

    def __init__(self, body: bytes) -> None:
        self._body, self._at = body, 0

    def number(self) -> int:
        value = shift = 0
        while shift < 63:
            byte = self.take(1)[0]
            value |= (byte & 127) << shift
            shift += 7
            if byte < 128:
                return value
        raise FrameError("a number in a frame is too long")

    def take(self, count: int) -> bytes:
        if count > len(self._body) - self._at:
            raise FrameError("a frame ends too early")
        self._at += count
        return self._body[self._at - count : self._at]

    def rest(self) -> bytes:
        return self.take(len(self._body) - self._at)
