"""Files of tensors: safetensors, compressed by xz, read as anyone may have written them."""

from __future__ import annotations

import lzma

import numpy as np
from numpy.typing import NDArray
from safetensors import SafetensorError
from safetensors.numpy import load

from core.errors import ModelError

#: No file is larger, compressed and not.
MAX_FILE_BYTES, MAX_BYTES = 16 * 2**20, 64 * 2**20


def tensors(data: bytes) -> dict[str, NDArray[np.generic]]:
    """All tensors of a file. Raises ModelError."""
    if len(data) > MAX_FILE_BYTES:
        raise ModelError(f"a model file of {len(data)} bytes; there is none above 16 MiB")
    try:
        unpacker = lzma.LZMADecompressor(lzma.FORMAT_XZ, memlimit=2**28)
        plain = unpacker.decompress(data, MAX_BYTES)
        if not unpacker.eof or unpacker.unused_data:
            raise ModelError("the model file is cut off, too large, or has something behind it")
        return dict(load(plain))
    except (lzma.LZMAError, EOFError, SafetensorError, ValueError, KeyError) as error:
        raise ModelError(f"not a model file ({error})") from error


def tensor(
    found: dict[str, NDArray[np.generic]], name: str, shape: tuple[int, ...], kind: type
) -> NDArray[np.int32]:
    """The tensor of a name, which must have this shape and type. Raises KeyError, ModelError."""
    one = found[name]
    if one.shape != shape or one.dtype != kind:
        raise ModelError(f"{name} of the model has another shape or type than it must have")
    return one.view()  # type: ignore[return-value]
