"""Thumbnails on disk, by the hash of the image file."""

from __future__ import annotations

import io
import logging
import os
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

from core.archive.writing import write_file
from core.errors import FloeError

_log = logging.getLogger(__name__)

#: Beyond this size, the least recently used thumbnails are removed.
MAX_BYTES = 64 * 2**20
_AFTER_PRUNING = 0.8


class ThumbnailCache:
    """A folder of small PNG files. If the disk fails, thumbnails are only slower."""

    def __init__(self, folder: Path, max_bytes: int = MAX_BYTES) -> None:
        self._folder, self._max_bytes = folder, max_bytes
        self._n_bytes: int | None = None  # not counted yet

    def get(self, key: str, make: Callable[[], NDArray[np.uint8]]) -> NDArray[np.uint8]:
        """The thumbnail of this key, (h, w, 3 or 4) uint8; made and kept if missing."""
        import numpy as np
        from PIL import Image

        path = self._folder / key[:2] / f"{key}.png"
        try:
            with Image.open(io.BytesIO(path.read_bytes())) as image:
                found = np.asarray(image.convert("RGBA" if "A" in image.mode else "RGB"))
            os.utime(path)
            return found
        except FileNotFoundError:
            _log.debug("%s: made for the first time", key)
        except (OSError, ValueError, SyntaxError) as error:  # not a thumbnail, say
            _log.warning("%s: thumbnail is made again (%s)", path, error)
        pixels = make()
        try:
            self._write(path, pixels)
        except (OSError, FloeError) as error:  # no space, say
            _log.warning("%s: thumbnail is not kept (%s)", path, error)
        return pixels

    def _write(self, path: Path, pixels: NDArray[np.uint8]) -> None:
        from PIL import Image

        path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
        data = io.BytesIO()
        Image.fromarray(pixels).save(data, "PNG", compress_level=1)
        write_file(path, [data.getvalue()], overwrite=True)
        if self._n_bytes is not None:
            self._n_bytes += data.tell()
        if self._n_bytes is None or self._n_bytes > self._max_bytes:
            self._prune()

    def _prune(self) -> None:
        """Count the bytes, and remove the oldest thumbnails if they are too many."""
        files = []
        for path in self._folder.glob("??/*"):
            status = path.stat()
            files.append((status.st_mtime_ns, status.st_size, path))
        self._n_bytes = sum(size for _, size, _ in files)
        if self._n_bytes <= self._max_bytes:
            return
        for _, size, path in sorted(files):
            path.unlink(missing_ok=True)
            self._n_bytes -= size
            if self._n_bytes <= _AFTER_PRUNING * self._max_bytes:
                break
