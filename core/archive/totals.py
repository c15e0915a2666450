"""Sums over the entries of an archive, and means that are weighed by samples."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, fields

from core.archive.entry import Entry


@dataclass(frozen=True)
class Sums:
    """Sums over entries. Those of bits leave out entries that have no such figure."""

    n_entries: int = 0
    n_exact: int = 0  # that come back byte for byte
    n_stored: int = 0  # that are kept as they were
    n_pixels: int = 0
    n_dims: int = 0
    original_bytes: int = 0
    packed_bytes: int = 0
    modelled_dims: int = 0  # of the entries that have a codelength
    theoretical_bits: float = 0.0
    borrowed_bits: int = 0
    lost_bits: int = 0

    @classmethod
    def of(cls, entries: Sequence[Entry]) -> Sums:
        """Those of these entries; column by column, since archives have thousands."""
        modelled = [entry for entry in entries if entry.theoretical_bpd is not None]
        return cls(
            n_entries=len(entries),
            n_exact=sum(entry.file_exact for entry in entries),
            n_stored=sum(entry.is_stored for entry in entries),
            n_pixels=sum(entry.n_pixels for entry in entries),
            n_dims=sum(entry.n_dims for entry in entries),
            original_bytes=sum(entry.original_bytes for entry in entries),
            packed_bytes=sum(entry.packed_bytes for entry in entries),
            modelled_dims=sum(entry.n_dims for entry in modelled),
            theoretical_bits=sum((e.theoretical_bpd or 0.0) * e.n_dims for e in modelled),
            borrowed_bits=sum(entry.borrowed_bits or 0 for entry in entries),
            lost_bits=sum(entry.lost_bits or 0 for entry in entries),
        )

    def __add__(self, other: Sums) -> Sums:
        return Sums(*(getattr(self, f.name) + getattr(other, f.name) for f in fields(self)))

    @property
    def saved_bytes(self) -> int:
        """The original bytes less the packed ones."""
        return self.original_bytes - self.packed_bytes

    @property
    def saved(self) -> float | None:
        """The share of the original bytes that is saved, at most 1; None without any bytes."""
        return 1 - self.packed_bytes / self.original_bytes if self.original_bytes else None

    @property
    def achieved_bpd(self) -> float | None:
        """Bits a dimension over all samples, everything included; None without samples."""
        return 8 * self.packed_bytes / self.n_dims if self.n_dims else None

    @property
    def theoretical_bpd(self) -> float | None:
        """The models' codelength in bits a dimension over all samples that have one, or None."""
        return self.theoretical_bits / self.modelled_dims if self.modelled_dims else None


@dataclass(frozen=True)
class Totals:
    """Sums of the images with coded pixels, of those whose file is kept, and of other files."""

    coded: Sums
    kept: Sums
    others: Sums

    @classmethod
    def of(cls, entries: Iterable[Entry]) -> Totals:
        found = list(entries)
        return cls(
            Sums.of([entry for entry in found if not entry.keeps_file]),
            Sums.of([entry for entry in found if entry.keeps_file and entry.n_dims]),
            Sums.of([entry for entry in found if entry.keeps_file and not entry.n_dims]),
        )

    @property
    def measured(self) -> Sums:
        """The sums that bits a dimension are given for: see :func:`measured`."""
        return self.coded if self.coded.n_entries else self.kept

    @property
    def all(self) -> Sums:
        """Those of all entries."""
        return self.coded + self.kept + self.others


def measured(entries: Sequence[Entry]) -> list[Entry]:
    """The entries that bits a dimension are given for: coded ones, or kept ones if none is coded.

    Files that are kept as such have no codelength, and would dwarf the others.
    """
    coded = [entry for entry in entries if not entry.keeps_file]
    return coded or [entry for entry in entries if entry.n_dims]
