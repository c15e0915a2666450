"""What the window asks of the engine, as one object that it is given.

Every method here may be slow and is called on a worker, never on the window's thread. The
imports stand inside the methods, so that the window appears before they are paid for.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Protocol

from core.control import CancelToken

if TYPE_CHECKING:
    from core.archive.entry import Entry

    from core.coding.photo import PhotoCodec
    from core.engine import FileResult, Listener

#: The codecs beside which the panel on the right puts Floe, in its order.
REFERENCES = ("PNG", "WebP", "JPEG XL")

#: Files with their weights, for the total progress of a job.
Plan = list[tuple[str, float]]


@dataclass(frozen=True)
class Measured:
    """What one codec needs for one image; ``bits_per_dim`` is None where it is not installed."""

    codec: str
    bits_per_dim: float | None
    settings: str = ""


class Backend(Protocol):
    """All that the window knows of archives."""

    def create(self, archive: Path) -> None: ...

    def entries(self, archive: Path) -> list[Entry]: ...

    def plan_add(self, paths: Sequence[Path]) -> Plan: ...

    def add(
        self, archive: Path, paths: Sequence[Path], listener: Listener, cancel: CancelToken
    ) -> list[FileResult]: ...

    def extract(
        self,
        archive: Path,
        names: Sequence[str],
        folder: Path,
        overwrite: bool,
        listener: Listener,
        cancel: CancelToken,
    ) -> list[FileResult]: ...

    def verify(
        self, archive: Path, names: Sequence[str], listener: Listener, cancel: CancelToken
    ) -> list[FileResult]: ...

    def remove(self, archive: Path, names: Sequence[str]) -> None: ...

    def existing(self, names: Sequence[str], folder: Path) -> list[str]: ...

    def codelengths(self, archive: Path, name: str, cancel: CancelToken) -> Iterator[Measured]: ...


class CoreBackend:
    """The backend on :mod:`core`. Tests hand in a fast codec, which needs no model."""

    def __init__(self, codec: Callable[[], PhotoCodec] | None = None) -> None:
        self._codec = codec
