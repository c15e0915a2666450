"""Levels of effort by name. Nothing is imported here: command lines list them before numpy."""

from __future__ import annotations

from enum import StrEnum
from typing import Final


class Effort(StrEnum):
    """How JPEG files are coded."""

    FAST = "fast"  # by a counting model
    NORMAL = "normal"  # by a network, and contexts


#: The effort of new entries unless another one is chosen.
DEFAULT_EFFORT: Final = Effort.NORMAL

#: What the names of models begin with, by effort.
FAMILIES: Final = {Effort.FAST: "jpegfast", Effort.NORMAL: "jpegnormal"}


def effort_of(model: str) -> Effort:
    """The effort whose family a model of JPEG files is of; NORMAL for an unknown one."""
    family = model.partition("-")[0]
    return next((effort for effort in Effort if FAMILIES[effort] == family), Effort.NORMAL)
