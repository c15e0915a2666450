"""Model files of JPEG networks, as anyone may have written them."""

from __future__ import annotations

import json
from collections.abc import Callable

import pytest
import torch
from safetensors.torch import load, save
from torch import Tensor

from core.errors import ModelError
from core.flows.jpeg.file import MAX_MODEL_BYTES, read_jpeg_file
from core.flows.jpeg.loading import jpeg_model
from tests.flows.jpeg.small import CONFIG, model

Tensors = dict[str, Tensor]


def taken_apart() -> tuple[dict[str, str], Tensors]:
    data = model().file
    header = json.loads(data[8 : 8 + int.from_bytes(data[:8], "little")])
    return header["__metadata__"], load(data)


def test_what_was_written_is_read() -> None:
    file = read_jpeg_file(model().file)
    assert file.config == CONFIG
    assert jpeg_model(model().file).id == model().id
    assert model().id.startswith("jpeg-")


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda a, t: a.update(family="photo"), "not a model of JPEG files"),
        (lambda a, t: a.update(format="2"), "reads no other"),
        (lambda a, t: a.update(config="[" * 5000), "sizes"),
        (lambda a, t: a.update(config=a["config"].replace('"width": 16', '"width": 1e9')), "sizes"),
        (lambda a, t: a.update(config=a["config"].replace('"blocks": 2', '"blocks": 17')), "sizes"),
        (lambda a, t: a.update(config=a["config"].replace('"width": 16', '"width": 15')), "sizes"),
        (lambda a, t: a.pop("vector_sha256"), "lacks"),
        (lambda a, t: t.pop("luma.embed.bias"), "lacks"),
        (lambda a, t: t["luma.embed.weight"].fill_(65), "weights above 64"),
        (lambda a, t: t["chroma.head.shift"].fill_(-1), "shifts"),
        (lambda a, t: t["luma.mix.first.bias"].fill_(1 << 24), "float32 holds"),
        (lambda a, t: t["luma.from_known"].fill_(1 << 26), "out of bounds"),
        (lambda a, t: t["luma.head.outputs"].fill_(float("nan")), "out of bounds"),
        (lambda a, t: t["tables.bytes"].fill_(200), "table of bytes"),
        (lambda a, t: t["tables.powers"].fill_(3), "powers"),
        (lambda a, t: t["tables.logs"].fill_(-1), "logarithms"),
        (lambda a, t: t["vector.table"].fill_(0), "test vector"),
        (lambda a, t: t.update({"vector.y": t["vector.y"][:-1]}), "vector.y"),
        (lambda a, t: t.update({"luma.near.weight": t["luma.near.weight"].short()}), "near"),
        (lambda a, t: t["luma.gather.weight"][0, 0].add_(1).clamp_(-64, 64), "test vector differs"),
        (lambda a, t: t["chroma.exponent"].add_(40), "test vector differs"),
    ],
)
def test_others_are_refused(
    change: Callable[[dict[str, str], Tensors], None], message: str
) -> None:
    about, tensors = taken_apart()
    change(about, tensors)
    with pytest.raises(ModelError, match=message):
        jpeg_model(save({k: v.contiguous() for k, v in tensors.items()}, about))


@pytest.mark.parametrize("data", [b"", b"\xff" * 8, b"\x10" + bytes(40), bytes(100)])
def test_what_is_no_file_is_refused(data: bytes) -> None:
    with pytest.raises(ModelError):
        read_jpeg_file(data)


def test_long_files_are_refused() -> None:
    with pytest.raises(ModelError, match="48 MiB"):
        read_jpeg_file(bytes(MAX_MODEL_BYTES + 1))


def test_a_file_that_is_cut_off_is_refused() -> None:
    data = model().file
    for size in (9, 100, len(data) // 2, len(data) - 1):
        with pytest.raises(ModelError):
            read_jpeg_file(data[:size])


def test_weights_keep_to_seven_bits() -> None:
    file = read_jpeg_file(model().file)
    for tensors in file.nets.values():
        for name, tensor in tensors.items():
            if name.endswith(".weight"):
                assert tensor.dtype == torch.int8
                assert int(tensor.abs().max()) <= 64
                assert int(tensor.abs().max()) > 16
