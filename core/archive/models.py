"""Models that an archive carries: the weights that its entries need, in the archive itself."""

from __future__ import annotations

import hashlib

from core.archive.codec import CoefficientCodec, ImageCodec
from core.archive.database import Database
from core.errors import DamagedArchiveError, ModelError
from core.flows.limits import MAX_MODEL_BYTES

#: An archive whose entries take more than this many times a model's bytes carries it unasked.
CARRIED_BELOW = 100

_INSERT = "INSERT INTO model (id, family, sha256, data) VALUES (?, ?, ?, ?)"
_UNUSED = "NOT EXISTS (SELECT 1 FROM entry WHERE entry.model = model.id)"


class ModelTable:
    """The models of an open archive: a row or two, of some megabytes each."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def sha256(self, model_id: str) -> bytes | None:
        """What the archive says is the hash of its copy of a model; None without a copy."""
        rows = self._database.rows("SELECT sha256 FROM model WHERE id = ? LIMIT 1", model_id)
        return rows[0][0] if rows else None

    def file(self, model_id: str) -> bytes:
        """The copy of a model that there is. Raises DamagedArchiveError if it has changed."""
        rows = self._database.rows("SELECT sha256, data FROM model WHERE id = ? LIMIT 1", model_id)
        for sha256, data in rows:
            if isinstance(data, bytes) and hashlib.sha256(data).digest() == sha256:
                return data
        raise DamagedArchiveError(
            self._database.path, f"the archive's copy of the model {model_id} is damaged"
        )

    def check(self) -> None:
        """Raises DamagedArchiveError if a copy has changed."""
        for (model_id,) in self._database.rows("SELECT id FROM model"):
            self.file(model_id)

    def carry(self, codec: ImageCodec | CoefficientCodec, *, always: bool) -> None:
        """Add the codec's model, inside a transaction, if entries use it and it is missing.

        Unless ``always``, only to an archive so large that the copy hardly matters.
        """
        if self._has(codec.model_id) or not self._is_used(codec.model_id):
            return
        data = codec.model_file
        if not always:
            ((n_bytes,),) = self._database.rows("SELECT total(packed_bytes) FROM entry")
            if n_bytes <= CARRIED_BELOW * len(data):
                return
        if len(data) > MAX_MODEL_BYTES:
            raise ModelError(f"the model {codec.model_id} is too large for an archive")
        family = codec.model_id.partition("-")[0]
        self._database.change(_INSERT, codec.model_id, family, hashlib.sha256(data).digest(), data)

    def drop_unused(self) -> None:
        """Remove the models that no entry uses, inside a transaction."""
        self._database.change(f"DELETE FROM model WHERE {_UNUSED}")

    def copy_unused(self, to: ModelTable) -> None:
        """Copy what :meth:`drop_unused` would remove to another archive in a transaction."""
        self._copy(f"WHERE {_UNUSED}", to)

    def copy_all(self, to: ModelTable) -> None:
        """Copy all models that another archive lacks, in a transaction of that archive."""
        self._copy("", to)

    def _copy(self, clause: str, to: ModelTable) -> None:
        for number, model_id in self._database.rows(f"SELECT number, id FROM model {clause}"):
            if to._has(model_id):
                continue
            for row in self._database.rows(
                "SELECT id, family, sha256, data FROM model WHERE number = ?", number
            ):
                to._database.change(_INSERT, *row)

    def _has(self, model_id: str) -> bool:
        return bool(self._database.rows("SELECT number FROM model WHERE id = ?", model_id))

    def _is_used(self, model_id: str) -> bool:
        return bool(self._database.rows("SELECT 1 FROM entry WHERE model = ? LIMIT 1", model_id))
