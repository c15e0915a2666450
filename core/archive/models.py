"""Models that an archive carries: the weights that its entries need, in the archive itself."""

from __future__ import annotations

import hashlib
import sqlite3
from pathlib import Path

from core.archive.codec import ImageCodec
from core.archive.database import sqlite_errors
from core.errors import DamagedArchiveError, ModelError

#: An archive whose entries take more than so many times a model's bytes carries it unasked.
CARRIED_BELOW = 100

#: No model that is carried is longer; core.archive.database refuses rows a little above that.
MAX_MODEL_BYTES = 48 * 2**20

_INSERT = "INSERT INTO model (id, family, sha256, data) VALUES (?, ?, ?, ?)"
_UNUSED = "NOT EXISTS (SELECT 1 FROM entry WHERE entry.model = model.id)"


class CarriedModels:
    """The table of models of an open archive. It has a row or two, of some megabytes each."""

    def __init__(self, path: Path, connection: sqlite3.Connection) -> None:
        self._path = path
        self._connection = connection

    def find(self, model_id: str) -> bytes | None:
        """A model's file, or None if the archive carries no such copy.

        Raises DamagedArchiveError if the copy has changed.
        """
        for number in self._numbers(model_id):
            with sqlite_errors(self._path, writing=False):
                sha256, data = self._connection.execute(
                    "SELECT sha256, data FROM model WHERE number = ?", (number,)
                ).fetchone()
            if not isinstance(data, bytes) or hashlib.sha256(data).digest() != sha256:
                raise DamagedArchiveError(
                    self._path, f"the archive's copy of the model {model_id} is damaged"
                )
            return data
        return None

    def check(self) -> None:
        """Raises DamagedArchiveError if a copy has changed."""
        with sqlite_errors(self._path, writing=False):
            ids = self._connection.execute("SELECT id FROM model").fetchall()
        for (model_id,) in ids:
            self.find(model_id)

    def carry(self, codec: ImageCodec, *, always: bool) -> None:
        """Adds the codec's model, inside of a transaction, if entries use it and it is missing.

        Unless ``always``, only to an archive that is so large that it hardly matters.
        """
        if self._numbers(codec.model_id) or not self._uses(codec.model_id):
            return
        data = codec.model_file
        if not always:
            (n_bytes,) = self._connection.execute(
                "SELECT total(packed_bytes) FROM entry"
            ).fetchone()
            if n_bytes <= CARRIED_BELOW * len(data):
                return
        if len(data) > MAX_MODEL_BYTES:
            raise ModelError(f"the model {codec.model_id} is too large for an archive")
        family = codec.model_id.partition("-")[0]
        self._connection.execute(
            _INSERT,
            (codec.model_id, family, hashlib.sha256(data).digest(), data),
        )

    def drop_unused(self) -> None:
        """Removes the models that no entry uses, inside of a transaction."""
        self._connection.execute(f"DELETE FROM model WHERE {_UNUSED}")

    def copy_unused(self, to: CarriedModels) -> None:
        """Copies what :meth:`drop_unused` would remove to another archive in a transaction."""
        self._copy(f"WHERE {_UNUSED}", to)

    def copy_all(self, to: CarriedModels) -> None:
        """Copies all models that another archive lacks, in a transaction of it."""
        self._copy("", to)

    def _copy(self, clause: str, to: CarriedModels) -> None:
        with sqlite_errors(self._path, writing=False):
            ids = self._connection.execute(f"SELECT number, id FROM model {clause}").fetchall()
        for number, model_id in ids:
            if to._numbers(model_id):
                continue
            with sqlite_errors(self._path, writing=False):
                row = self._connection.execute(
                    "SELECT id, family, sha256, data FROM model WHERE number = ?", (number,)
                ).fetchone()
            to._connection.execute(_INSERT, row)

    def _numbers(self, model_id: str) -> list[int]:
        with sqlite_errors(self._path, writing=False):
            rows = self._connection.execute(
                "SELECT number FROM model WHERE id = ?", (model_id,)
            ).fetchall()
        return [number for (number,) in rows]

    def _uses(self, model_id: str) -> bool:
        found = self._connection.execute(
            "SELECT 1 FROM entry WHERE model = ? LIMIT 1", (model_id,)
        ).fetchone()
        return found is not None
