"""What the bits of an entry are for, in words and bars."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

from PySide6.QtCore import QCoreApplication

from app.figures.figures import Bar, Tone
from app.language import texts

if TYPE_CHECKING:
    from core.archive.breakdown import Share
    from core.archive.entry import Entry


def _tr(text: str) -> str:
    return QCoreApplication.translate("Shares", text)


def name(share: Share) -> str:
    """What a share is called."""
    return _words()[share.name][0]


def explanation(share: Share) -> str:
    """What a share is, in a sentence."""
    return _words()[share.name][1]


def _words() -> dict[str, tuple[str, str]]:
    return {
        "THEORY": (_tr("Theory"), _tr("The model's codelength of these pixels.")),
        "CODING": (
            _tr("Coding"),
            _tr(
                "What probabilities in integers and whole bytes cost beyond theory, or spare: "
                "no value costs more than 24 bits."
            ),
        ),
        "BORROWED": (
            _tr("Borrowed bits"),
            _tr("Bits popped before anything was pushed that did not come back."),
        ),
        "SIDE": (
            _tr("Side information"),
            _tr("Checksum and number of each tile, how chunks grow, whether it is grey."),
        ),
        "FRAME": (
            _tr("Not pixels"),
            _tr("Metadata, colour profile, and how the file was laid out."),
        ),
        "CONTAINER": (_tr("Container"), _tr("A checksum for each chunk.")),
        "FILE": (_tr("File"), _tr("The file's own bytes.")),
    }


def bars(shares: Mapping[Share, float]) -> list[Bar]:
    """The shares beyond theory in bytes; of a stored file, the file."""
    return [
        Bar(
            name(share),
            bits / 8,
            texts.number(bits / 8, 0 if len(shares) == 1 else 1),
            Tone.OURS if share.name in ("CODING", "BORROWED", "FILE") else Tone.OURS_FAINT,
            explanation(share),
        )
        for share, bits in shares.items()
        if share.name != "THEORY"
    ]


def sentence(shares: Mapping[Share, float], entry: Entry) -> str:
    """What they come to: the bytes that lie in the archive."""
    achieved = texts.exact_bytes(entry.packed_bytes)
    theory = next((bits for share, bits in shares.items() if share.name == "THEORY"), None)
    if theory is None:
        return _tr("{0} lie in the archive.").format(achieved)
    return _tr("Together with the theoretical {0} they are the {1} in the archive.").format(
        texts.mean_bytes(theory / 8), achieved
    )
