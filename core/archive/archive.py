"""A .floe file: add, list, extract, verify, and change what is in it."""

from __future__ import annotations

import logging
import os
import sqlite3
from collections.abc import Iterable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from types import TracebackType

import numpy as np
from numpy.typing import NDArray

from core.archive.changes import Changes
from core.archive.codec import Codecs, CoefficientCodec, ImageCodec
from core.archive.database import Database
from core.archive.entry import Entry, Method, Share
from core.archive.names import check_name, target_path
from core.archive.opening import create_database, damage_of, open_database
from core.archive.packed import Packed
from core.archive.packing import pack_file
from core.archive.tables import Tables
from core.archive.unpacking import EntryReader
from core.archive.writing import make_folder, write_file
from core.coding.coders import DEFAULT_CODER
from core.coding.efforts import DEFAULT_EFFORT, Effort, effort_of
from core.control import CancelToken, Progress, ProgressListener, ignore
from core.errors import (
    Cancelled,
    DamagedArchiveError,
    EntryExistsError,
    NoSuchEntryError,
    TargetExistsError,
    UnwritableFileError,
)
from core.images.metadata import Fact
from core.images.tiles import TileListener

_log = logging.getLogger(__name__)


class Archive:
    """An open archive: one SQLite connection, to be used from the thread that opened it.

    A context manager. Reading holds no lock while it decodes, and adding takes the lock only
    to write what has been coded and verified before.
    """

    def __init__(self, database: Database, codecs: Codecs) -> None:
        self.path = database.path
        self._database, self._codecs = database, codecs
        self._tables = Tables.of(database)
        self._changes = Changes(database, self._tables)
        self._reader = EntryReader(database, self._tables, codecs)

    @classmethod
    def create(
        cls, path: Path, *, overwrite: bool = False, codecs: Codecs | None = None
    ) -> Archive:
        """A new archive, open for writing; with ``overwrite`` in the place of any other file.

        Raises TargetExistsError and UnwritableFileError.
        """
        path = Path(path)
        create_database(path, overwrite=overwrite)
        return cls.open(path, write=True, codecs=codecs)

    @classmethod
    def discard_if_empty(cls, path: Path) -> bool:
        """Delete an archive without entries and folders; return whether it was deleted.

        Others that have it open cannot add to it any more, and get an error. Raises what
        :meth:`open` raises, and UnwritableFileError and ArchiveBusyError.
        """
        with cls.open(path, write=True) as archive, archive._database.transaction():
            if archive._tables.entries.names() or archive._tables.folders.rows():
                return False
            try:
                os.unlink(path)
            except OSError as error:
                raise UnwritableFileError(path, f"cannot be deleted ({error.strerror})") from error
            return True

    @classmethod
    def open(
        cls,
        path: Path,
        *,
        write: bool = False,
        salvage: bool = False,
        codecs: Codecs | None = None,
        cancel: CancelToken | None = None,
    ) -> Archive:
        """An existing archive. Give all archives of a program the same codecs.

        ``salvage`` opens one that was cut short as well, to read what is left of it. ``cancel``
        ends all waiting for other programs. Raises UnreadableFileError, NotAnArchiveError,
        DamagedArchiveError, NewerFormatError, ArchiveBusyError and Cancelled.
        """
        database = open_database(
            Path(path), write=write, salvage=salvage and not write, cancel=cancel
        )
        return cls(database, Codecs() if codecs is None else codecs)

    def close(self) -> None:
        self._database.close()

    def __enter__(self) -> Archive:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self.close()

    # Looking

    def entries(self) -> list[Entry]:
        """All entries, in the order in which they were added; of a damaged archive, those left."""
        return self._tables.entries.all()

    def folders(self) -> list[str]:
        """The folders that were made, which may be empty; those of entries need not be here."""
        return self._tables.folders.all()

    def entry(self, name: str) -> Entry:
        """The entry of a name. Raises NoSuchEntryError, and DamagedEntryError if it changed."""
        return self._tables.entries.find(name)[1]

    def find(self, name: str) -> Entry | None:
        """The entry of a name, or None."""
        try:
            return self.entry(name)
        except NoSuchEntryError:
            return None

    def is_free(self, name: str) -> bool:
        """Whether an entry or folder of this name can be made."""
        try:
            self._changes.check_free(name)
        except EntryExistsError:
            return False
        return True

    def damage(self) -> str | None:
        """The damage that the archive's size and list show, as a sentence, or None.

        :meth:`check_structure` reads all of it.
        """
        try:
            self._tables.entries.check()
            self._tables.folders.check()
        except DamagedArchiveError as error:
            return error.reason
        return damage_of(self.path)

    # Adding and removing

    def check_writable(self) -> None:
        """Make sure that the archive can be changed, so that nothing is coded in vain.

        Raises UnwritableFileError, ArchiveBusyError and Cancelled.
        """
        self._database.check_writable()

    def add_file(
        self,
        path: Path,
        name: str,
        *,
        coder: str = DEFAULT_CODER,
        effort: Effort = DEFAULT_EFFORT,
        pixels_only: bool = False,
        replace: bool = False,
        replaced: Path | None = None,
        carry_model: bool = False,
        progress: ProgressListener = ignore,
        cancel: CancelToken | None = None,
    ) -> Entry:
        """Pack a file and archive it: :meth:`pack` and :meth:`add_packed` in one."""
        if not (replace and self._tables.entries.has(name)):
            check_name(name)
            self._changes.check_free(name)
        packed = self.pack(
            path,
            name,
            coder=coder,
            effort=effort,
            pixels_only=pixels_only,
            progress=progress,
            cancel=cancel,
        )
        return self.add_packed(
            packed,
            name,
            replace=replace,
            replaced=replaced,
            carry_model=carry_model,
            progress=progress,
            cancel=cancel,
        )

    def pack(
        self,
        path: Path,
        name: str,
        *,
        coder: str = DEFAULT_CODER,
        effort: Effort = DEFAULT_EFFORT,
        pixels_only: bool = False,
        progress: ProgressListener = ignore,
        cancel: CancelToken | None = None,
    ) -> Packed:
        """Code a file, decode it again and compare; write nothing into the archive.

        What cannot be coded is kept by its bytes, with the reason. ``pixels_only``: a PNG file may
        come back with other bytes. Raises HostileNameError, UnreadableFileError,
        UnwritableFileError, ModelError and Cancelled.
        """
        check_name(name)
        return pack_file(
            Path(path),
            name,
            coder=coder,
            effort=effort,
            codecs=self._codecs,
            scratch=self.path.parent,
            pixels_only=pixels_only,
            progress=progress,
            cancel=cancel or CancelToken(),
        )

    def add_packed(
        self,
        packed: Packed,
        name: str,
        *,
        replace: bool = False,
        replaced: Path | None = None,
        carry_model: bool = False,
        progress: ProgressListener = ignore,
        cancel: CancelToken | None = None,
    ) -> Entry:
        """Write what was packed, read it back and compare, and only then archive it.

        What it replaces is moved to the path ``replaced``, if there is one, as by exchange.
        With ``carry_model`` the archive gets a copy of the model that coded the file; without,
        only one so large that the copy hardly matters does (core.archive.models).

        Raises HostileNameError and EntryExistsError; VerificationError and ModelError;
        UnwritableFileError and ArchiveBusyError; Cancelled. Whatever it raises, the archive is
        as it was, and the same can be tried again.
        """
        check_name(name)
        n_pixels = packed.width * packed.height
        progress(Progress(name, "writing", 0, n_pixels))
        with _no_half(replaced), self._database.transaction():
            if not (replace and self._tables.entries.has(name)):
                self._changes.check_free(name)  # another program may have added it meanwhile
            elif replaced is None:
                self._tables.entries.remove(name)
            else:
                self._changes.take([name], replaced)
            self._tables.entries.insert(name, packed, cancel or CancelToken())
            if replace:
                self._tables.models.drop_unused()
            if packed.model is not None:
                codec = self._codec_of(packed.codec, packed.model)
                self._tables.models.carry(codec, always=carry_model)
        if replace:
            self._give_back_space()
        progress(Progress(name, "writing", n_pixels, n_pixels))
        return self.entry(name)

    def has_folder(self, name: str) -> bool:
        """Whether there is a folder of this name, made or implied by an entry."""
        return bool(self._tables.folders.at_or_below(name) or self._tables.entries.below(name))

    def new_folder(self, name: str) -> str:
        """Make an empty folder, and return its name in Unicode's NFC.

        Raises HostileNameError, EntryExistsError, UnwritableFileError and ArchiveBusyError.
        """
        with self._database.transaction():
            return self._changes.new_folder(name)

    def rename(self, *pairs: tuple[str, str]) -> list[tuple[str, str]]:
        """Give entries and folders new names, one after the other, all or none.

        What is in a folder goes with it. The same pairs turned around, the last one first, undo
        it. Returns the old and new names of all entries that were renamed. Raises
        NoSuchEntryError, HostileNameError, EntryExistsError, DamagedEntryError, EntryError,
        UnwritableFileError and ArchiveBusyError.
        """
        with self._database.transaction():
            return [pair for old, new in pairs for pair in self._changes.rename(old, new)]

    def remove(self, names: Iterable[str]) -> None:
        """Remove entries, and folders with all in them, all or none, and give space back.

        Raises NoSuchEntryError, UnwritableFileError and ArchiveBusyError.
        """
        with self._database.transaction():
            self._changes.remove(names)
        self._give_back_space()

    def exchange(
        self, names: Iterable[str], parcel: Path, put_back: Iterable[Path] = ()
    ) -> list[str]:
        """Take entries and folders out, and put others back that were taken out before.

        What is taken out is moved unchanged, without being decoded, to a new archive at the path
        ``parcel``, from which it can be put back; so each exchange can be undone by another one.
        All of it is done or nothing. Returns the names of the entries and folders put back.

        Raises as :meth:`remove`; EntryExistsError if a name has been taken meanwhile;
        UnwritableFileError and DamagedArchiveError if something cannot be moved.
        """
        names = list(names)
        came: list[str] = []
        with _no_half(parcel), self._database.transaction():
            if names:
                self._changes.take(names, parcel)
            for other in put_back:
                came += self._changes.put_back(other)
        self._give_back_space()
        return came

    def carry_model(self) -> None:
        """Give the archive a copy of Floe's model, if any of its entries is coded by it.

        With it any Floe that reads the format can decode them, whatever models it comes with.
        Raises ModelError, UnwritableFileError and ArchiveBusyError.
        """
        codecs = [self._codecs.own(), *(self._codecs.jpeg(effort) for effort in Effort)]
        with self._database.transaction():
            for codec in codecs:
                if codec is not None:
                    self._tables.models.carry(codec, always=True)

    def _codec_of(self, method: Method, model: str) -> ImageCodec | CoefficientCodec:
        """Floe's own codec of a model that it has just coded by."""
        jpeg = self._codecs.jpeg(effort_of(model)) if method is Method.JPEG else None
        return jpeg or self._codecs.own()

    # Reading

    def read_pixels(
        self,
        name: str,
        *,
        progress: ProgressListener = ignore,
        cancel: CancelToken | None = None,
    ) -> NDArray[np.uint8]:
        """The checked pixels of an entry, (H, W, C) uint8; of a stored file, its first frame.

        Raises NoSuchEntryError, DamagedEntryError, ModelError and Cancelled; DamagedEntryError
        as well for a stored file of more than 8 bits a sample, which has no such pixels.
        """
        number, entry = self._tables.entries.find(name)
        return self._reader.pixels(number, entry, progress, cancel or CancelToken())

    def breakdown(self, name: str) -> dict[Share, float]:
        """The shares of an entry's bits, counted in the archive; nothing is decoded.

        Raises NoSuchEntryError and DamagedEntryError.
        """
        number, entry = self._tables.entries.find(name)
        return self._reader.breakdown(number, entry)

    def metadata(self, name: str) -> list[Fact]:
        """The metadata of an entry's file; no pixels are decoded.

        Raises NoSuchEntryError and DamagedEntryError.
        """
        number, entry = self._tables.entries.find(name)
        return self._reader.metadata(number, entry)

    def read_codelengths(
        self,
        name: str,
        *,
        progress: ProgressListener = ignore,
        on_tile: TileListener | None = None,
        cancel: CancelToken | None = None,
    ) -> tuple[NDArray[np.uint8], NDArray[np.float32] | None]:
        """The pixels of an entry and its codelength map, by one and the same decoding.

        The map, (H, W), has the theoretical bits of each pixel, all channels together; its sum
        is the theoretical length of the entry. A stored file has none: its bytes do not belong
        to pixels. ``on_tile`` is called with each tile of a coded entry, coarse at first. Raises
        what read_pixels raises.
        """
        number, entry = self._tables.entries.find(name)
        cancel = cancel or CancelToken()
        return self._reader.codelengths(number, entry, progress, on_tile, cancel)

    def read_thumbnail(
        self, name: str, side: int, *, cancel: CancelToken | None = None
    ) -> NDArray[np.uint8]:
        """A small picture of an entry: (h, w, 3 or 4) uint8, neither side above ``side``.

        It is turned upright as EXIF says, and takes a small part of the work of
        :meth:`read_pixels`. It is not compared with the pixels' hash. Raises
        NoSuchEntryError, DamagedEntryError, ModelError and Cancelled.
        """
        number, entry = self._tables.entries.find(name)
        return self._reader.thumbnail(number, entry, side, cancel or CancelToken())

    def read_file(
        self,
        name: str,
        *,
        progress: ProgressListener = ignore,
        cancel: CancelToken | None = None,
    ) -> bytes:
        """The file of an entry, rebuilt and checked.

        Raises NoSuchEntryError, DamagedEntryError, ModelError and Cancelled.
        """
        number, entry = self._tables.entries.find(name)
        return b"".join(self._reader.file(number, entry, progress, cancel or CancelToken()))

    def extract(
        self,
        name: str,
        folder: Path,
        *,
        overwrite: bool = False,
        to: str | None = None,
        progress: ProgressListener = ignore,
        cancel: CancelToken | None = None,
    ) -> Path:
        """Write an entry's file below a folder, all of it or nothing; return where.

        ``to`` is the name that it gets there, else it is the entry's.

        Raises as read_file, and HostileNameError, TargetExistsError, UnwritableFileError.
        """
        number, entry = self._tables.entries.find(name)
        target = target_path(Path(folder), name if to is None else to)
        if not overwrite and os.path.lexists(target):
            raise TargetExistsError(target, "exists already")
        pieces = self._reader.file(number, entry, progress, cancel or CancelToken())
        write_file(
            target,
            pieces,
            overwrite=overwrite,
            modified_at=entry.modified_at,
            below=Path(folder).resolve(),
        )
        return target

    def extract_folder(self, name: str, folder: Path) -> Path:
        """Make a folder of the archive below a folder, without its contents; return where.

        Raises HostileNameError and UnwritableFileError.
        """
        target = target_path(Path(folder), name)
        make_folder(target, below=Path(folder).resolve())
        return target

    def verify(
        self,
        name: str,
        *,
        progress: ProgressListener = ignore,
        cancel: CancelToken | None = None,
    ) -> None:
        """Decode and rebuild an entry, and compare it with its checksums.

        Raises NoSuchEntryError, DamagedEntryError, ModelError and Cancelled.
        """
        number, entry = self._tables.entries.find(name)
        for _ in self._reader.file(number, entry, progress, cancel or CancelToken()):
            pass

    def stored_sha256(self, name: str) -> bytes:
        """The hash of what is stored of an entry, as Packed.stored_sha256; nothing is decoded.

        Raises NoSuchEntryError and DamagedEntryError.
        """
        number, entry = self._tables.entries.find(name)
        return self._reader.stored_sha256(number, entry)

    def check_structure(self) -> None:
        """Read all pages of the database, compare indexes with tables, check rows and models.

        Raises DamagedArchiveError for the first fault.
        """
        ((verdict,),) = self._database.rows("PRAGMA integrity_check(1)")
        if verdict != "ok":
            raise DamagedArchiveError(self.path, f"the archive's structure is damaged ({verdict})")
        self._tables.entries.check()
        self._tables.folders.check()
        self._tables.models.check()

    # Space

    def _give_back_space(self) -> None:
        """Make the file shorter if possible: the change itself is done already."""
        try:
            self._database.shrink()
        except (sqlite3.Error, Cancelled) as error:  # busy, say: the next removal does it
            _log.warning("%s: free space is kept for now (%s)", self.path, error)


@contextmanager
def _no_half(parcel: Path | None) -> Iterator[None]:
    """Remove what was taken out if the change fails and it stays in the archive."""
    try:
        yield
    except BaseException:
        if parcel is not None:
            with suppress(OSError):
                parcel.unlink()
        raise
