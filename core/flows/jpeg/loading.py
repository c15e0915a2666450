"""Trained models of JPEG files: one safetensors file each, checked before it codes anything."""

from __future__ import annotations

import functools
import hashlib
import importlib.resources
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from torch import Tensor

from core.compiled import compiled
from core.errors import ModelError
from core.flows.jpeg.file import KINDS, read_jpeg_file
from core.flows.jpeg.network import IntegerNet
from core.flows.jpeg.planes import averaged, dequantised
from core.flows.jpeg.tables import Tables
from core.flows.jpeg.walk import Walk
from core.flows.jpeg.wave import Wave, accept, edges, predict

Int16 = NDArray[np.int16]
Int32 = NDArray[np.int32]


@dataclass(frozen=True, eq=False)
class JpegModel:
    """A model ready to code with: its networks, its tables and its name."""

    id: str  # family and a hash of the file: the same id is the same arithmetic
    nets: Mapping[str, IntegerNet]
    tables: Tables
    file: bytes = field(default=b"", repr=False)  # which it was read from

    def walk(
        self, role: int, rows: int, columns: int, table: NDArray[Any], given: list[Int32]
    ) -> Walk:
        """The coding order of a component of rows * columns blocks; see :class:`Walk`."""
        net = self.nets["chroma" if role else "luma"]
        return Walk(net, self.tables, role, rows, columns, table, given)

    def averaged(self, values: Int32, rows: int, columns: int, factors: tuple[int, int]) -> Int32:
        """A known component at the resolution of another; see :func:`planes.averaged`."""
        return averaged(values, rows, columns, factors, self.tables.averaging)


@functools.cache
def bundled_jpeg_model() -> JpegModel:
    """The model that comes with the program. Raises ModelError."""
    resource = importlib.resources.files("resources") / "models" / "jpeg.safetensors"
    with importlib.resources.as_file(resource) as path:
        return load_jpeg_model(path)


def load_jpeg_model(path: Path) -> JpegModel:
    """Reads a model and checks it. Raises ModelError."""
    try:
        return jpeg_model(path.read_bytes())
    except OSError as error:
        raise ModelError(f"{path}: the model cannot be read ({error})") from error
    except ModelError as error:
        raise ModelError(f"{path}: {error}") from error


@functools.lru_cache(maxsize=2)
def jpeg_model(data: bytes) -> JpegModel:
    """The model of a file's bytes, which may be anyone's, checked here. Raises ModelError."""
    file = read_jpeg_file(data)
    nets = {kind: IntegerNet(getattr(file.config, kind), file.nets[kind]) for kind in KINDS}
    model = JpegModel(f"jpeg-{hashlib.sha256(data).hexdigest()[:8]}", nets, file.tables, data)
    if vector_sha256(model, file.vector) != file.vector_sha256:
        raise ModelError(
            f"model {model.id} does not compute exactly here: its test vector differs. "
            "Nothing was written; install the model file anew"
        )
    return model


def vector_sha256(model: JpegModel, vector: Mapping[str, Tensor]) -> str:
    """SHA-256 over every distribution of three components, the last layers learning."""
    digest = hashlib.sha256()
    table = vector["table"].numpy()
    given: list[Int32] = []
    for role, name in enumerate(("y", "cb", "cr")):
        x = vector[name].numpy()
        rows, columns = x.shape[:2]
        walk = model.walk(role, rows, columns, table, given)
        for number in range(walk.n_waves):
            wave = walk.begin(number)
            n = wave.n
            wave.x[:n] = x[wave.rows[:n], wave.columns[:n]]
            found = np.empty((64, 2, n), dtype="<i4")
            _edges_of(wave, found)
            digest.update(found.tobytes())
            digest.update(np.ascontiguousarray(wave.hidden[:n], dtype="<f4").tobytes())
            walk.end(number)
        values = dequantised(x, table)
        if role == 0:
            values = model.averaged(values, rows // 2, columns // 2, (2, 2))
        given = [*given, values]
    return digest.hexdigest()


@compiled
def _edges_of(wave: Wave, found: NDArray[np.int32]) -> None:
    """Both edges of each coefficient of a wave, (64, 2, n); the wave is then known."""
    at = np.empty(wave.n, dtype=np.int32)
    for k in range(64):
        predict(wave, k)
        for b in range(wave.n):
            at[b] = wave.x[b, k]
        edges(wave, at, found[k, 0])
        for b in range(wave.n):
            at[b] += 1
        edges(wave, at, found[k, 1])
        accept(wave, k)
