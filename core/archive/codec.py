"""The codecs of archives: their interface, the default one, and the owner of those in use."""

from __future__ import annotations

import os
from collections import OrderedDict
from collections.abc import Callable, Sequence
from threading import Lock
from typing import TYPE_CHECKING, Any, Protocol, TypeVar

from core.coding.efforts import DEFAULT_EFFORT, Effort
from core.control import CancelToken, PixelListener
from core.runtime import THREADS_PER_IMAGE, configure_torch, tiles_at_once

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from core.coding.standard import StandardCodec
    from core.images.jpeg import JpegImage
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


class CoefficientCodec(Protocol):
    """Codes the quantised coefficients of the JPEG images of a file, without loss."""

    @property
    def model_id(self) -> str: ...

    @property
    def model_file(self) -> bytes:
        """As that of an :class:`ImageCodec`."""

    def with_model(self, model_file: bytes, /) -> CoefficientCodec:
        """A codec by another model, which may be anyone's. Raises ModelError."""

    def encode(
        self,
        images: Sequence[JpegImage],
        /,
        *,
        on_blocks: PixelListener = ...,
        cancel: CancelToken | None = ...,
    ) -> Coded: ...

    def decode(
        self,
        chunks: Sequence[bytes],
        images: Sequence[JpegImage],
        /,
        *,
        on_blocks: PixelListener = ...,
        bits: Sequence[Sequence[NDArray[np.float32]]] | None = ...,
        cancel: CancelToken | None = ...,
    ) -> None:
        """Fills the coefficients of images, and the bits of each block if asked for."""


CodecFactory = Callable[[], ImageCodec]
CoefficientCodecFactory = Callable[[Effort], CoefficientCodec]
Codec = TypeVar("Codec", ImageCodec, CoefficientCodec)


def load_photo_codec() -> ImageCodec:
    """The photo codec. Raises ModelError.

    Its import brings in torch, which takes seconds that listing an archive must not pay.
    """
    threads = configure_torch()
    from core.coding.photo.codec import photo_codec

    return photo_codec(threads, tiles_at_once(threads))


def load_jpeg_codec(effort: Effort = DEFAULT_EFFORT) -> CoefficientCodec:
    """The codec of JPEG coefficients. Raises ModelError.

    Its import brings in Numba, and for the network torch.
    """
    if effort is Effort.FAST:
        from core.coding.jpeg.codec import fast_jpeg_codec

        return fast_jpeg_codec(min(os.cpu_count() or 1, THREADS_PER_IMAGE))
    threads = configure_torch()
    from core.coding.jpeg.codec import normal_jpeg_codec

    return normal_jpeg_codec(threads)


class Codecs:
    """Floe's own codecs, loaded on first use, and those of models that archives carry.

    One object serves all archives of a program, and any thread. It keeps the carried models
    that were used last. Given a photo codec alone, it has none of JPEG coefficients, and encodes
    nothing in standard formats: such files are then stored.
    """

    MOST_CARRIED = 2

    def __init__(
        self,
        photo: CodecFactory | None = None,
        jpeg: CoefficientCodecFactory | None = None,
        *,
        standard: bool | None = None,
    ) -> None:
        """``standard``: whether pixels may be encoded in standard formats where it is better."""
        self._load_photo = photo or load_photo_codec
        self._load_jpeg = load_jpeg_codec if photo is None and jpeg is None else jpeg
        self._uses_standard = photo is None if standard is None else standard
        self._lock = Lock()
        self._photo: ImageCodec | None = None
        self._jpeg: dict[Effort, CoefficientCodec] = {}
        self._carried: OrderedDict[bytes, Any] = OrderedDict()

    def own(self) -> ImageCodec:
        """Floe's own codec of pixels. Raises ModelError."""
        with self._lock:
            if self._photo is None:
                self._photo = self._load_photo()
            return self._photo

    def jpeg(self, effort: Effort = DEFAULT_EFFORT) -> CoefficientCodec | None:
        """Floe's own codec of JPEG coefficients, if there is one. Raises ModelError."""
        with self._lock:
            if effort not in self._jpeg and self._load_jpeg is not None:
                self._jpeg[effort] = self._load_jpeg(effort)
            return self._jpeg.get(effort)

    def standard(self) -> Sequence[StandardCodec]:
        """The codecs of standard formats that pixels may be encoded by."""
        if not self._uses_standard:
            return ()
        from core.coding.standard import STANDARD

        return STANDARD

    def carried(self, own: Codec, sha256: bytes, model_file: Callable[[], bytes]) -> Codec:
        """The codec of the model file with this hash; the file is only asked for if needed.

        ``own`` is Floe's codec of that kind. The caller has checked the file's hash. Raises
        ModelError, and what model_file raises.
        """
        with self._lock:
            codec: Codec | None = self._carried.get(sha256)
            if codec is None:
                codec = own.with_model(model_file())
                self._carried[sha256] = codec
                if len(self._carried) > self.MOST_CARRIED:
                    self._carried.popitem(last=False)
            self._carried.move_to_end(sha256)
            return codec
