"""What codecs count, as the progress of a named file."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from core.control import Progress, ProgressListener, Stage

if TYPE_CHECKING:
    from core.images.jpeg import JpegImage


@dataclass
class PixelCount:
    """A codec's counts of pixels as the progress of a named file."""

    name: str
    stage: Stage
    total: int
    progress: ProgressListener
    done: int = field(default=0, init=False)

    def __post_init__(self) -> None:
        self(0)

    def __call__(self, more: int) -> None:
        self.done = min(self.done + more, self.total)
        self.progress(Progress(self.name, self.stage, self.done, self.total))

    def finish(self) -> None:
        self(self.total - self.done)


@dataclass
class BlockCount:
    """Turns counts of blocks of coefficients into counts of pixels."""

    total: int
    pixels: PixelCount
    done: int = field(default=0, init=False)

    @staticmethod
    def of(images: Sequence[JpegImage], pixels: PixelCount) -> BlockCount:
        """The count of a file's images."""
        return BlockCount(sum(image.n_blocks for image in images), pixels)

    def __call__(self, more: int) -> None:
        self.done += more
        self.pixels(self.pixels.total * self.done // max(self.total, 1) - self.pixels.done)
