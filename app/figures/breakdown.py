"""The breakdown of an entry's bits, in words and bars."""

from __future__ import annotations

from collections.abc import Mapping

from PySide6.QtCore import QCoreApplication

from app.figures.figures import Bar, Tone
from app.language import formats
from core.archive.entry import Entry, Share

_TONES = dict.fromkeys((Share.CODING, Share.BORROWED, Share.STANDARD, Share.FILE), Tone.OURS)


def name(share: Share) -> str:
    """The name of a share."""
    return _words()[share][0]


def explanation(share: Share) -> str:
    """One sentence about a share."""
    return _words()[share][1]


def bars(breakdown: Mapping[Share, float]) -> list[Bar]:
    """The shares beyond theory, in bytes; a stored file has one bar.

    ``breakdown`` is in bits.
    """
    return [
        Bar(
            name(share),
            bits / 8,
            formats.number(bits / 8, 0 if len(breakdown) == 1 else 1),
            _TONES.get(share, Tone.OURS_FAINT),
            explanation(share),
        )
        for share, bits in breakdown.items()
        if share is not Share.THEORY
    ]


def sentence(breakdown: Mapping[Share, float], entry: Entry) -> str:
    """The sum of the shares: the bytes that the entry takes in the archive."""
    achieved = formats.exact_bytes(entry.packed_bytes)
    theory = breakdown.get(Share.THEORY)
    if theory is None:
        return _tr("The entry takes {0} in the archive.").format(achieved)
    return _tr("With the theoretical {0}, the entry takes {1} in the archive.").format(
        formats.mean_bytes(theory / 8), achieved
    )


def _words() -> dict[Share, tuple[str, str]]:
    return {
        Share.THEORY: (_tr("Theory"), _tr("The model's codelength of these pixels.")),
        Share.CODING: (
            _tr("Coding"),
            _tr(
                "What integer probabilities and whole bytes cost beyond theory, or save: "
                "no value costs more than 24 bits."
            ),
        ),
        Share.BORROWED: (
            _tr("Borrowed bits"),
            _tr("Bits popped from the empty stack and not returned."),
        ),
        Share.SIDE: (
            _tr("Side information"),
            _tr("Checksum and number of each tile, growth of the chunks, whether it is grey."),
        ),
        Share.FRAME: (
            _tr("Not pixels"),
            _tr("Metadata, colour profile and the layout of the file."),
        ),
        Share.CONTAINER: (_tr("Container"), _tr("A checksum for each chunk.")),
        Share.STANDARD: (
            _tr("Standard format"),
            _tr("The pixels as an image in JPEG XL or WebP, without loss."),
        ),
        Share.FILE: (_tr("File"), _tr("The file's own bytes.")),
    }


def _tr(text: str) -> str:
    return QCoreApplication.translate("Breakdown", text)
