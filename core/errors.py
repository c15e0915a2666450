"""Everything that Floe may refuse, as a hierarchy of errors.

Each carries its facts as fields, and reads as one sentence that a person can act on: what
happened, to which file, what to do.
"""

from __future__ import annotations

from pathlib import Path


class FloeError(Exception):
    """Anything that Floe reports to a person."""


class Cancelled(Exception):
    """Raised inside a job that was cancelled; it is not an error."""


class FileError(FloeError):
    """A file on disk cannot be used."""

    def __init__(self, path: Path | str, reason: str) -> None:
        self.path, self.reason = Path(path), reason
        super().__init__(f"{path}: {reason}")


class UnreadableFileError(FileError):
    """The operating system does not let the file be read."""


class NotAnImageError(FileError):
    """The file is of no known image format."""


class DamagedImageError(FileError):
    """The file is an image, but cannot be decoded completely."""


class ImageTooLargeError(FileError):
    """The file declares more pixels than Floe takes in."""


class TargetExistsError(FileError):
    """Extraction would overwrite a file, and was not told to."""


class UnwritableFileError(FileError):
    """A file or folder cannot be written: no permission, no space left, a path too long."""


class KeptFileError(FileError):
    """An original was not moved to the wastebasket."""


class NotAnArchiveError(FileError):
    """The file is no Floe archive."""


class DamagedArchiveError(FileError):
    """The file is a Floe archive, but its structure is broken."""


class NewerFormatError(FileError):
    """The archive was written in a format newer than this version reads."""


class ArchiveBusyError(FileError):
    """Another program is writing to the archive."""


class EntryError(FloeError):
    """An entry of an archive cannot be used; the others are untouched."""

    def __init__(self, name: str, reason: str) -> None:
        self.name, self.reason = name, reason
        super().__init__(f"{name}: {reason}")


class NoSuchEntryError(EntryError):
    """The archive has no entry of this name."""


class EntryExistsError(EntryError):
    """The archive has an entry of this name already."""


class DamagedEntryError(EntryError):
    """The entry's stored bytes do not decode to what was archived."""


class HostileNameError(EntryError):
    """The entry's name would leave the folder that it is extracted to."""


class VerificationError(EntryError):
    """What was encoded does not decode to the same pixels; nothing was archived."""


class ModelError(FloeError):
    """A model is missing, damaged, or does not compute exactly on this machine."""


class StackError(FloeError):
    """An operation that the entropy coder cannot carry out; the stack is unchanged."""


class DryStackError(StackError):
    """The stack holds fewer bits than the operation would pop."""


class SymbolError(StackError):
    """A symbol, size or width lies outside what the operation can code."""
