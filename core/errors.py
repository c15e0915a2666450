"""All errors that Floe raises on purpose, as a hierarchy.

Each carries its facts as fields. Its text is one sentence that the user can act on: what
happened, to which file, what to do.
"""

from __future__ import annotations

from pathlib import Path


class FloeError(Exception):
    """The base of all errors that are reported to the user."""


class Cancelled(Exception):
    """Raised inside a cancelled job; not an error."""


class FileError(FloeError):
    """A file on disk cannot be used."""

    def __init__(self, path: Path | str, reason: str) -> None:
        self.path, self.reason = Path(path), reason
        super().__init__(f"{path}: {reason}")


class UnreadableFileError(FileError):
    """The operating system refuses to read the file."""


class NotAnImageError(FileError):
    """The file is not an image in a known format."""


class DamagedImageError(FileError):
    """The image cannot be decoded completely."""


class ImageTooLargeError(FileError):
    """The file or its image is larger than the limit."""


class TargetExistsError(FileError):
    """Extraction would overwrite a file without permission."""


class UnwritableFileError(FileError):
    """A file or folder cannot be written: no permission, no space left, a path too long."""


class KeptFileError(FileError):
    """An original was not moved to the wastebasket."""


class NotAnArchiveError(FileError):
    """The file is not a Floe archive."""


class DamagedArchiveError(FileError):
    """The file is a Floe archive, but its structure is broken."""


class NewerFormatError(FileError):
    """The format of the archive is newer than this version supports."""


class ArchiveBusyError(FileError):
    """Another program is writing to the archive."""


class EntryError(FloeError):
    """An entry of an archive cannot be used; the others are unaffected."""

    def __init__(self, name: str, reason: str) -> None:
        self.name, self.reason = name, reason
        super().__init__(f"{name}: {reason}")


class NoSuchEntryError(EntryError):
    """The archive has no entry of this name."""


class EntryExistsError(EntryError):
    """The archive has an entry of this name already."""


class DamagedEntryError(EntryError):
    """The stored bytes of the entry do not decode to what was archived."""


class NoPictureError(EntryError):
    """The file of an entry has no picture that Floe can show; the file itself is whole."""


class HostileNameError(EntryError):
    """The name of the entry is invalid, or leads out of the target folder."""


class VerificationError(EntryError):
    """What was coded or written does not give the same back."""


class ModelError(FloeError):
    """A model is missing, damaged, or does not compute exactly on this machine."""


class StackError(FloeError):
    """The entropy coder cannot carry out an operation; the stack is unchanged."""


class DryStackError(StackError):
    """The stack holds fewer bits than the operation would pop."""


class SymbolError(StackError):
    """A symbol, size or width is outside the range of the operation."""


class DamagedChunkError(StackError, ValueError):
    """A chunk's bytes are not what the encoder wrote."""
