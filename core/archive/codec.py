"""The codec that an archive is given: what it needs of one, and the one it gets by default."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import cache
from threading import Lock
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from core.control import CancelToken, PixelListener
from core.images.tiles import TileListener

#: The coder of new entries where none is asked for.
DEFAULT_CODER = "fused"

#: Threads of one image's networks. With more of them the networks hardly gain; images beside
#: each other do.
THREADS_PER_IMAGE = 4

_LOADING = Lock()


class Report(Protocol):
    """What coding an image took; see core.coding.photo.codec.CodingReport."""

    @property
    def theoretical_bits(self) -> float: ...

    @property
    def borrowed_bits(self) -> int: ...

    @property
    def lost_bits(self) -> int: ...

    @property
    def network_seconds(self) -> float: ...

    @property
    def coding_seconds(self) -> float: ...

    @property
    def device(self) -> str: ...


class Coded(Protocol):
    """A coded image: chunks of bytes, in order."""

    @property
    def chunks(self) -> tuple[bytes, ...]: ...

    @property
    def report(self) -> Report: ...


class ImageCodec(Protocol):
    """Codes (H, W, C) uint8 pixels, C = 1 or 3, without loss."""

    @property
    def model_id(self) -> str: ...

    @property
    def model_file(self) -> bytes:
        """The weights, as :meth:`with_model` takes them; an archive may carry them."""

    def with_model(self, model_file: bytes, /) -> ImageCodec:
        """A codec by other weights, which may be anyone's. Raises ModelError."""

    def encode(
        self,
        pixels: NDArray[np.uint8],
        /,
        *,
        coder: str = ...,
        on_pixels: PixelListener = ...,
        cancel: CancelToken | None = ...,
    ) -> Coded: ...

    def decode(
        self,
        coded: Sequence[bytes],
        shape: tuple[int, int, int],
        /,
        *,
        coder: str,
        on_pixels: PixelListener = ...,
        on_tile: TileListener | None = ...,
        bits: NDArray[np.float32] | None = ...,
        cancel: CancelToken | None = ...,
    ) -> NDArray[np.uint8]: ...

    def decode_coarse(
        self,
        coded: Sequence[bytes],
        shape: tuple[int, int, int],
        side: int,
        /,
        *,
        coder: str,
        cancel: CancelToken | None = ...,
    ) -> NDArray[np.uint8]:
        """A smaller picture whose longer side is at least ``side``, if the image's is."""


CodecFactory = Callable[[], ImageCodec]


@cache
def load_photo_codec() -> ImageCodec:
    """The photo codec, loaded on first use. Raises ModelError.

    Its import brings in torch, which takes seconds that listing an archive must not pay.
    """
    from core.coding.photo.codec import photo_codec

    with _LOADING:
        return photo_codec(_threads())


@cache
def _threads() -> int:
    """Those that torch would take, up to THREADS_PER_IMAGE; it is told to take one from now on.

    Threads that compute squares of a picture, each for itself, wait for nobody inside of torch.
    """
    import torch

    threads = min(torch.get_num_threads(), THREADS_PER_IMAGE)
    torch.set_num_threads(1)
    return threads
