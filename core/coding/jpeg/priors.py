"""What contexts start from: learned from many files, read as anyone may have written it.

The file is safetensors, compressed by xz. For each role of a component (luma, first and second
chroma component) it holds offsets with the information they rest on, and weights. The last tables
and the context of values start from nothing: what they learn is a file's own, as are the combs of
files that were saved twice.
"""

from __future__ import annotations

import functools
import lzma
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from safetensors.numpy import save

from core.coding.jpeg.contexts import VALUE
from core.coding.jpeg.files import tensor, tensors
from core.coding.jpeg.logistic import LIMIT, tables
from core.coding.jpeg.mixing import (
    N_CERTAIN,
    N_CONTEXTS,
    N_INPUTS,
    N_POINTS,
    N_ROWS,
    N_SETS,
    N_SLOTS,
    N_VALUE_ROWS,
    STARTS,
    Learned,
)
from core.errors import ModelError

N_ROLES = 3

#: What the file says of itself; another number means another arithmetic.
FORMAT = 1

#: Steps in the file: of offsets, of information, of weights.
_OFFSET_STEP, _INFORMATION_STEP, _WEIGHT_STEP = 1 << 12, 64, 64


@dataclass(frozen=True, eq=False)
class Priors:
    """Of each role; never changed: what codes learns on a copy."""

    roles: tuple[Learned, ...]

    def fresh(self, role: int) -> Learned:
        """A copy that may learn."""
        return Learned(*(array.copy() for array in self.roles[role]))


def nothing_learned() -> Learned:
    """Where training starts: each context adds a part of its offset to the network's logit."""
    weights = np.zeros((N_SETS, N_INPUTS), np.int32)
    weights[:N_ROWS, :N_CONTEXTS], weights[:N_ROWS, N_CONTEXTS] = 1 << 14, 1 << 16
    return Learned(
        np.zeros((N_SLOTS, 2), np.int32),
        weights,
        *_tables(),
        np.zeros(64 * N_CERTAIN, np.int32),
    )


def _tables() -> tuple[NDArray[np.int32], NDArray[np.int32]]:
    """The last tables, which change nothing yet."""
    points = np.arange(N_POINTS) * (2 * LIMIT + 1) // (N_POINTS - 2)
    row = tables().squash[np.minimum(points, 2 * LIMIT)]
    return np.tile(row, N_ROWS), np.tile(row, N_VALUE_ROWS)


def write_priors(roles: tuple[Learned, ...], most_information: int) -> bytes:
    """The file of what training left; no offset counts as more certain than this."""
    found: dict[str, NDArray[np.generic]] = {"format": np.array([FORMAT], np.int32)}
    for role, learned in enumerate(roles):
        offsets, information = learned.offsets[:, 0], learned.offsets[:, 1]
        coarse = np.minimum(information, most_information) // _INFORMATION_STEP
        coarse[STARTS[VALUE] : STARTS[VALUE + 1]] = 0
        steps = np.rint(offsets / _OFFSET_STEP).clip(-127, 127)
        found |= {
            f"{role}.offsets": np.where(coarse > 0, steps, 0).astype(np.int8),
            f"{role}.information": coarse.clip(0, 255).astype(np.uint8),
            f"{role}.weights": np.rint(learned.weights / _WEIGHT_STEP)
            .clip(-32768, 32767)
            .astype(np.int16)
            .ravel(),
            f"{role}.certain": (learned.certain >> 8).clip(-32768, 32767).astype(np.int16),
        }
    return lzma.compress(save(found), preset=9 | lzma.PRESET_EXTREME)


@functools.lru_cache(maxsize=2)
def priors(data: bytes) -> Priors:
    """Those of a file's bytes, which may be anyone's. Raises ModelError."""
    found = tensors(data)
    try:
        if tensor(found, "format", (1,), np.int32)[0] != FORMAT:
            raise ModelError(f"no contexts of format {FORMAT}; this Floe reads no other")
        return Priors(tuple(_role(found, f"{role}.") for role in range(N_ROLES)))
    except KeyError as error:
        raise ModelError(f"the model lacks {error.args[0]}") from error


def _role(found: dict[str, NDArray[np.generic]], prefix: str) -> Learned:
    offsets = np.empty((N_SLOTS, 2), np.int32)
    offsets[:, 0] = tensor(found, prefix + "offsets", (N_SLOTS,), np.int8)
    offsets[:, 1] = tensor(found, prefix + "information", (N_SLOTS,), np.uint8)
    weights = tensor(found, prefix + "weights", (N_SETS * N_INPUTS,), np.int16).astype(np.int32)
    certain = tensor(found, prefix + "certain", (64 * N_CERTAIN,), np.int16).astype(np.int32)
    return Learned(
        offsets * np.array([_OFFSET_STEP, _INFORMATION_STEP], np.int32),
        weights.reshape(N_SETS, N_INPUTS) * _WEIGHT_STEP,
        *_tables(),
        certain << 8,
    )
