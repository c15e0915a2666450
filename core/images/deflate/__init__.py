"""DEFLATE streams taken apart and written again, byte for byte, without any zlib.

Start at core.images.deflate.stream.
"""

from core.images.deflate.reading import DeflateError
from core.images.deflate.stream import describe, write

__all__ = ["DeflateError", "describe", "write"]
