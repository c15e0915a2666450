"""The codecs of archives: their interface, the default one, and the owner of those in use."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable, Sequence
from threading import Lock
from typing import TYPE_CHECKING, Protocol

from core.control import CancelToken, PixelListener
from core.runtime import configure_torch, tiles_at_once

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from core.images.tiles import TileListener


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
    """A lossless codec of (H, W, C) uint8 pixels, C = 1 or 3."""

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


def load_photo_codec() -> ImageCodec:
    """The photo codec. Raises ModelError.

    Its import brings in torch, which takes seconds that listing an archive must not pay.
    """
    threads = configure_torch()
    from core.coding.photo.codec import photo_codec

    return photo_codec(threads, tiles_at_once(threads))


class Codecs:
    """Floe's own codec, loaded on first use, and those of models that archives carry.

    One object serves all archives of a program, and any thread. It keeps the carried models
    that were used last.
    """

    MOST_CARRIED = 2

    def __init__(self, factory: CodecFactory = load_photo_codec) -> None:
        self._factory = factory
        self._lock = Lock()
        self._own: ImageCodec | None = None
        self._carried: OrderedDict[bytes, ImageCodec] = OrderedDict()

    def own(self) -> ImageCodec:
        """Floe's own codec. Raises ModelError."""
        with self._lock:
            if self._own is None:
                self._own = self._factory()
            return self._own

    def carried(self, sha256: bytes, model_file: Callable[[], bytes]) -> ImageCodec:
        """The codec of the model file with this hash; the file is only asked for if needed.

        The caller has checked the file's hash. Raises ModelError, and what model_file raises.
        """
        own = self.own()
        with self._lock:
            codec = self._carried.get(sha256)
            if codec is None:
                codec = own.with_model(model_file())
                self._carried[sha256] = codec
                if len(self._carried) > self.MOST_CARRIED:
                    self._carried.popitem(last=False)
            self._carried.move_to_end(sha256)
            return codec
