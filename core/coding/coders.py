"""The coders by name. Nothing is imported here: command lines list them before numpy is loaded."""

from __future__ import annotations

from enum import StrEnum
from typing import Final


class Coder(StrEnum):
    """How the elementwise steps of a flow are coded; see :mod:`core.coding.elementwise`.

    Archives store the values.
    """

    FUSED = "fused"  # dequantizer, transform and prior as one step of ANS
    MODULAR = "modular"  # step by step, with iFlow's exact scale transform
    GAUSSIAN = "gaussian"  # step by step, as published (arXiv 1905.08500)


#: The coders that are exact on every machine, and so may write archives. GAUSSIAN relies on
#: functions of the platform inside of constriction (docs/exactness.md, section 5).
EXACT_CODERS: Final = (Coder.FUSED, Coder.MODULAR)

#: The coder of new entries unless another one is chosen.
DEFAULT_CODER: Final = Coder.FUSED
