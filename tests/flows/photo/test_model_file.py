"""Model files of anyone: a model that computes what it says, or ModelError and nothing else."""

from __future__ import annotations

import json
import random
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from safetensors import safe_open
from safetensors.numpy import load, load_file, save

from core.errors import ModelError
from core.flows.photo import file as model_file
from core.flows.photo.byte_kernels import MOST_SHIFT
from core.flows.photo.loading import photo_model
from tests.models import small_model


@pytest.fixture(scope="module")
def path(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("model")
    small_model(folder)
    return folder / "small.safetensors"


@pytest.fixture(scope="module")
def about(path: Path) -> dict[str, str]:
    with safe_open(path, "np") as file:
        return dict(file.metadata())


Change = Callable[[dict[str, Any], dict[str, str]], object]


def config(**changes: Any) -> Change:
    def change(tensors: dict[str, Any], about: dict[str, str]) -> None:
        about["config"] = json.dumps(json.loads(about["config"]) | changes)

    return change


def tensor(name: str, change: Callable[[Any], Any]) -> Change:
    def apply(tensors: dict[str, Any], about: dict[str, str]) -> None:
        tensors[name] = np.ascontiguousarray(change(tensors[name].copy()))

    return apply


def text(**changes: str) -> Change:
    return lambda tensors, about: about.update(changes)


def put(place: int, value: float) -> Callable[[Any], Any]:
    def change(array: Any) -> Any:
        array.ravel()[place] = value
        return array

    return change


STEM = "levels.0.stems.0.weight"
TRUNK, STEPS = "levels.0.trunks.0.1.conv.weight", "levels.1.heads.2.steps.1"
SIGMOID, WEIGHT = "tables.sigmoid", "tables.weight"

HOSTILE: list[Change] = [
    config(width=10**9),
    config(width=16),
    config(width=8.0),
    config(width=True),
    config(width=0),
    config(width=-8),
    config(width="8"),
    config(width=None),
    config(blocks=[2, 1]),
    config(blocks=[2, 1, 1, 1]),
    config(blocks=[10**6, 1, 1]),
    config(blocks=[0, 1, 1]),
    config(blocks=3),
    config(components=33),
    config(head_width=10**5),
    config(weight_sets=0),
    config(weight_sets=3),
    config(depth=1),
    text(config="[" * 5000 + "]" * 5000),
    text(format="2"),
    text(config="{}"),
    text(config="[]"),
    text(config="null"),
    text(config=" " * 20_000),
    text(mean_unit="0"),
    text(mean_unit="x"),
    text(smallest_log_scale="-70"),
    tensor(STEM, lambda w: w.astype(np.float32)),
    tensor(STEM, lambda w: w.astype(np.int64)),
    tensor(STEM, lambda w: w[:, :16]),
    tensor(STEM, lambda w: w[:, :, :, :2]),
    tensor(STEM, lambda w: w.ravel()),
    tensor(STEM, lambda w: w.astype(np.int16)),
    tensor("levels.0.heads.2.features.1.weight", lambda w: w.astype(np.int16)),
    tensor("levels.0.heads.2.lean.1.weight", lambda w: w.astype(np.int8)),
    tensor("levels.0.heads.2.lean.1.weight", lambda w: np.full_like(w, 32767)),
    tensor("levels.0.heads.2.outputs.1.weight", put(0, 32767)),
    tensor("levels.0.heads.2.outputs.1.weight", lambda w: w.astype(np.int8)),
    tensor("levels.0.trunks.0.1.value.shift", put(0, MOST_SHIFT + 1)),
    tensor("levels.0.trunks.0.1.gate.shift", put(0, MOST_SHIFT + 1)),
    tensor("levels.0.stems.0.bias", put(0, -(2**31))),
    tensor("levels.0.stems.0.shift", put(0, -1)),
    tensor("levels.0.stems.0.shift", put(0, 127)),
    tensor(TRUNK, lambda w: w.astype(np.int16)),
    tensor(TRUNK, lambda w: w[:, :, :1, :1]),
    tensor(STEPS, put(2, -0.1)),
    tensor(STEPS, put(2, float("nan"))),
    tensor(STEPS, put(2, float("inf"))),
    tensor(STEPS, lambda s: s[:-1]),
    tensor(STEPS, lambda s: s.astype(np.float64)),
    lambda tensors, about: tensors.pop(STEPS),
    tensor(SIGMOID, put(100, float("nan"))),
    tensor(SIGMOID, put(100, float("inf"))),
    tensor(SIGMOID, put(100, 0.9)),
    tensor(SIGMOID, put(-1, 1.5)),
    tensor(SIGMOID, put(0, -1.0)),
    tensor(SIGMOID, lambda t: t[:-1]),
    tensor(SIGMOID, lambda t: t[:0]),
    tensor(SIGMOID, lambda t: t[None]),
    tensor(SIGMOID, lambda t: np.float32(0.5).reshape(())),
    tensor(SIGMOID, lambda t: t.astype(np.float64)),
    tensor(WEIGHT, put(0, 0.0)),
    tensor(WEIGHT, put(3, -0.1)),
    tensor(WEIGHT, put(3, float("nan"))),
    tensor(WEIGHT, lambda t: t[:0]),
    tensor("tables.inverse_scale", put(3, 0.0)),
    tensor("tables.inverse_scale", put(3, float("inf"))),
    tensor("tables.inverse_scale", lambda t: t[:-1]),
    tensor("levels.0.heads.1.steps.2", put(0, float("nan"))),
    tensor("levels.0.heads.1.steps.2", put(3, float("inf"))),
    tensor("levels.0.heads.1.steps.2", put(3, -0.1)),
    tensor("levels.0.heads.1.steps.2", lambda t: t[:-1]),
    tensor("vector", lambda v: v[:2]),
    tensor("vector", lambda v: v[:, :0]),
    tensor("vector", lambda v: v[:, :2, :2]),
    tensor("vector", lambda v: np.zeros((3, 4000, 4000), np.uint8)),
    tensor("vector", lambda v: v.astype(np.int16)),
    tensor("vector", lambda v: np.uint8(3).reshape(())),
    lambda tensors, about: about.clear(),
]


@pytest.mark.parametrize("change", HOSTILE)
def test_what_no_model_says_is_refused(path: Path, about: dict[str, str], change: Change) -> None:
    tensors, metadata = load_file(path), dict(about)
    change(tensors, metadata)
    with pytest.raises(ModelError):
        photo_model(save(tensors, metadata=metadata))


def test_the_unchanged_file_is_taken(path: Path, about: dict[str, str]) -> None:
    data = save(load_file(path), metadata=about)
    assert photo_model(data).file == data


def test_damaged_bytes_never_make_another_model(path: Path) -> None:
    data, choose = path.read_bytes(), random.Random(3)
    whole = load(data)
    length = 8 + int.from_bytes(data[:8], "little")
    places = [choose.randrange(length) for _ in range(120)]
    places += [choose.randrange(len(data)) for _ in range(20)]
    for place in places:
        damaged = bytearray(data)
        damaged[place] ^= 1 << choose.randrange(8)
        try:
            photo_model(bytes(damaged))
        except ModelError:
            continue
        # A weight that no pixel of the test picture meets: another model by its id, at least.
        changed = load(bytes(damaged))
        assert place >= length or all(np.array_equal(changed[n], whole[n]) for n in whole)
    for stop in (*range(0, 64), length - 1, length, len(data) // 2, len(data) - 1):
        with pytest.raises(ModelError):
            photo_model(data[:stop])
    with pytest.raises(ModelError):
        photo_model(data + b"more")


def test_files_too_large_are_not_even_taken_apart(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(model_file, "MAX_MODEL_BYTES", 1000)
    with pytest.raises(ModelError, match="1001 bytes"):
        photo_model(bytes(1001))
