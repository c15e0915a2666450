"""The counting model of JPEG coefficients: what its file holds, read as anyone may have written it.

The file is safetensors, compressed by xz. For each kind of component (luma, and the two chroma
components) it holds the weights of the linear predictions, and what counters, mixing weights and
last tables learned from many files: where the coding of each tile starts.
"""

from __future__ import annotations

import functools
import hashlib
import importlib.resources
import lzma
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray
from safetensors.numpy import save

from core.coding.jpeg import kernel
from core.coding.jpeg.files import tensor, tensors
from core.coding.jpeg.kernel import Model
from core.coding.jpeg.logistic import LIMIT, MAX_COUNT, Tables, tables
from core.errors import ModelError

#: Luma, first and second chroma component. A fourth component counts as luma.
N_KINDS = 3

#: What the file says of itself; another number means another arithmetic.
FORMAT = 1

#: Steps of a counter's logit in the file.
LOGIT_STEP = 32

#: Steps of a mixing weight in the file.
WEIGHT_STEP = 64

#: Sums of absolute weights of a prediction: no sum then leaves 64 bits by far.
_MAX_WEIGHTS = 1 << 20


@dataclass(frozen=True, eq=False)
class JpegModel:
    """A model ready to code with."""

    id: str  # family and a hash of the file: the same id is the same arithmetic
    kinds: tuple[Model, ...]  # never changed: what codes learns on a copy
    luma_maps: dict[int, NDArray[np.int32]]  # 2 or 4 blocks of luma to one, (8, 16) or (8, 32)
    look: Tables
    file: bytes = field(repr=False)

    def fresh(self, kind: int) -> Model:
        """A copy that may learn."""
        model = self.kinds[kind]
        return model._replace(
            counters=model.counters.copy(), weights=model.weights.copy(), table=model.table.copy()
        )


@functools.cache
def bundled_jpeg_model() -> JpegModel:
    """The model that comes with the program. Raises ModelError."""
    resource = importlib.resources.files("resources") / "models" / "jpeg-counters.xz"
    try:
        return jpeg_model(resource.read_bytes())
    except OSError as error:
        raise ModelError(f"{resource}: the model cannot be read ({error})") from error


@functools.lru_cache(maxsize=2)
def jpeg_model(data: bytes) -> JpegModel:
    """The model of a file's bytes, which may be anyone's. Raises ModelError."""
    found = tensors(data)
    try:
        if tensor(found, "format", (1,), np.int32)[0] != FORMAT:
            raise ModelError(f"not a JPEG model of format {FORMAT}; this Floe reads no other")
        kinds = tuple(_kind(found, f"{kind}.") for kind in range(N_KINDS))
        maps = {r: tensor(found, f"luma_{r}", (8, 8 * r), np.int32) for r in (2, 4)}
    except KeyError as error:
        raise ModelError(f"the model lacks {error.args[0]}") from error
    for matrix in maps.values():
        if np.abs(matrix.astype(np.int64)).max() > 1 << 13:
            raise ModelError("the model's reduction of luma is out of bounds")
    name = f"jpegfast-{hashlib.sha256(data).hexdigest()[:8]}"
    return JpegModel(name, kinds, maps, tables(), data)


def write_model(kinds: tuple[Model, ...], luma_maps: dict[int, NDArray[np.int32]]) -> bytes:
    """The file of models as they are after training. Counters and weights are rounded."""
    look = tables()
    found: dict[str, NDArray[np.generic]] = {"format": np.array([FORMAT], np.int32)}
    found |= {f"luma_{r}": matrix.astype(np.int32) for r, matrix in luma_maps.items()}
    for number, model in enumerate(kinds):
        counts = (model.counters & MAX_COUNT).astype(np.int64)
        logits = look.stretch[model.counters >> 20].astype(np.int64)
        weights = np.rint(model.weights / WEIGHT_STEP).clip(-32768, 32767)
        found |= {
            f"{number}.centre": model.centre.astype(np.int16),
            f"{number}.scale": model.scale.astype(np.int16),
            f"{number}.logits": np.where(counts > 0, _steps(logits), 0).astype(np.int8),
            f"{number}.counts": counts.clip(0, 255).astype(np.uint8),
            f"{number}.weights": weights.astype(np.int16).ravel(),
            f"{number}.table": model.table.astype(np.uint16),
            f"{number}.learning": model.learning.astype(np.int32),
        }
    return lzma.compress(save(found), preset=9 | lzma.PRESET_EXTREME)


def initial_model(
    centre: kernel.Int32s, scale: kernel.Int32s, learning: NDArray[np.int64]
) -> Model:
    """A model that has seen nothing: where training starts."""
    look = tables()
    weights = np.zeros((kernel.N_SETS, kernel.N_INPUTS), np.int32)
    weights[: kernel.BY_SCALE, : kernel.N_CONTEXTS] = 1 << 14
    points = np.arange(kernel.N_POINTS) * (2 * LIMIT + 1) // (kernel.N_POINTS - 2)
    row = look.squash[np.minimum(points, 2 * LIMIT)]
    return Model(
        centre,
        scale,
        np.full(kernel.N_COUNTERS, 1 << 31, np.uint32),
        weights,
        np.tile(row, kernel.N_ROWS),
        learning,
    )


def _steps(logits: NDArray[np.int64]) -> NDArray[np.int64]:
    return (logits + LOGIT_STEP // 2) // LOGIT_STEP


def _kind(found: dict[str, NDArray[np.generic]], prefix: str) -> Model:
    centre = tensor(found, prefix + "centre", (64, kernel.N_CENTRE), np.int16)
    scale = tensor(found, prefix + "scale", (64, kernel.N_SCALE), np.int16)
    logits = tensor(found, prefix + "logits", (kernel.N_COUNTERS,), np.int8)
    counts = tensor(found, prefix + "counts", (kernel.N_COUNTERS,), np.uint8)
    weights = tensor(found, prefix + "weights", (kernel.N_SETS * kernel.N_INPUTS,), np.int16)
    table = tensor(found, prefix + "table", (kernel.N_ROWS * kernel.N_POINTS,), np.uint16)
    learning = tensor(found, prefix + "learning", (4,), np.int32).astype(np.int64)
    for weight in (centre, scale):
        if np.abs(weight.astype(np.int64)).sum(1).max() > _MAX_WEIGHTS:
            raise ModelError("the model's predictions are out of bounds")
    if not (
        1 <= learning[kernel.MEMORY] <= MAX_COUNT
        and (learning[kernel.RATE : kernel.TABLE_RATE] <= 64).all()
        and learning[kernel.TABLE_RATE] <= 1024
        and (learning >= 0).all()
    ):
        raise ModelError("the model learns at impossible rates")
    squash = tables().squash
    places = (logits.astype(np.int64) * LOGIT_STEP).clip(-LIMIT, LIMIT) + LIMIT
    probabilities = squash[places].astype(np.uint32) << np.uint32(16)
    remembered = counts.clip(0, learning[kernel.MEMORY]).astype(np.uint32)
    return Model(
        centre.astype(np.int32),
        scale.astype(np.int32),
        probabilities | remembered,
        weights.astype(np.int32).reshape(kernel.N_SETS, kernel.N_INPUTS) * WEIGHT_STEP,
        table.astype(np.int32),
        learning,
    )
