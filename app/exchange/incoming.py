"""What other programs offer by drop or paste: files, pixels, or addresses."""

from __future__ import annotations

import os
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

from PySide6.QtCore import QMimeData, QUrl
from PySide6.QtGui import QImage

from app.dialogs.dialogs import ARCHIVE_SUFFIX
from core.archive.names import archive_name, local_part
from core.archive.opening import is_archive
from core.errors import UnwritableFileError

_PNG = "image/png"


@dataclass(frozen=True)
class Offer:
    """The contents of Qt's object, which does not outlive the event."""

    paths: list[Path] = field(default_factory=list)
    remote: list[str] = field(default_factory=list)  #: addresses that are not local files
    png: bytes = b""
    image: QImage | None = None

    @property
    def has_image(self) -> bool:
        return bool(self.png) or self.image is not None

    @property
    def is_empty(self) -> bool:
        return not (self.paths or self.remote or self.has_image)


def may_be_taken(data: QMimeData) -> bool:
    """Whether there is something to take, or to explain; does not read the contents."""
    return data.hasUrls() or data.hasImage()


def read(data: QMimeData) -> Offer:
    """Read an offer; pixels beside files are ignored, because they only show the files."""
    urls = data.urls()
    paths = [Path(url.toLocalFile()) for url in urls if url.isLocalFile()]
    remote = [_shown(url) for url in urls if not url.isLocalFile()]
    if paths or not data.hasImage():
        return Offer(paths, remote)
    # A PNG is kept as it is, with its colour profile. Other formats are usually made from the
    # pixels for the occasion, JPEG with loss.
    if data.hasFormat(_PNG) and (png := bytes(data.data(_PNG).data())):
        return Offer([], remote, png=png)
    image = data.imageData()
    image = image if isinstance(image, QImage) else QImage(image)
    return Offer([], remote, image=None if image.isNull() else image)


def _shown(url: QUrl) -> str:
    return url.toDisplayString(QUrl.ComponentFormattingOption.PrettyDecoded)


# The following is slow and runs on workers.


@dataclass(frozen=True)
class Sorted:
    """Paths by kind."""

    archives: list[Path]
    others: list[Path]
    missing: list[Path]  #: paths that do not exist
    dangling: list[Path]  #: links without a target


def sort(paths: Sequence[Path]) -> Sorted:
    """Sort paths; archives are recognized by suffix or by their first bytes."""
    found = Sorted([], [], [], [])
    for path in paths:
        if not os.path.lexists(path):
            found.missing.append(path)
        elif path.is_symlink() and not os.path.exists(path):
            found.dangling.append(path)
        elif _is_archive(path):
            found.archives.append(path)
        else:
            found.others.append(path)
    return found


def _is_archive(path: Path) -> bool:
    if path.suffix.lower() == ARCHIVE_SUFFIX:
        return not path.is_dir()
    return is_archive(path)


def write_image(offer: Offer, name: str, folder: Path) -> Path:
    """Write the offered pixels as a PNG file of this name."""
    part = archive_name([name if name.lower().endswith(".png") else f"{name}.png"])
    path = folder / local_part(part, windows=os.name == "nt")
    if offer.png:
        path.write_bytes(offer.png)
        return path
    assert offer.image is not None
    if not _without_needless_alpha(offer.image).save(str(path)):
        raise UnwritableFileError(path, "the image on the clipboard could not be written")
    return path


def _without_needless_alpha(image: QImage) -> QImage:
    """Drop an alpha channel that is 255 throughout, as screenshots have it, to save bits."""
    if not image.hasAlphaChannel() or image.depth() > 32:
        return image
    alpha = image.convertToFormat(QImage.Format.Format_Alpha8)
    rows = bytes(alpha.constBits())
    stride = alpha.bytesPerLine()
    opaque = b"\xff" * alpha.width()
    if any(rows[y * stride : y * stride + alpha.width()] != opaque for y in range(alpha.height())):
        return image
    return image.convertToFormat(QImage.Format.Format_RGB888)
