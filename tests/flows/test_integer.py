"""The integer networks compute the same in every way of computing them, and as the floats do."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from safetensors.numpy import load_file, save_file

import core.flows.integer as integer
from core.errors import ModelError
from core.flows import byte_kernels
from core.flows.byte_kernels import ByteConv
from core.flows.integer import EXACT_BOUND, IntegerConv, IntegerPhoto
from core.flows.interlace import CONTEXT_CHANNELS
from core.flows.models import PhotoModel, load_photo_model
from tests import integer_reference
from tests.models import SMALL, crops, small_model, small_photo


@pytest.fixture(scope="module")
def path(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("model")
    small_model(folder)
    return folder / "small.safetensors"


@pytest.fixture(scope="module")
def model(path: Path) -> PhotoModel:
    return load_photo_model(path)


def inputs(kind: str, height: int, width: int) -> torch.Tensor:
    """Context (1, 20, h, w), random or at its limits."""
    random = torch.Generator().manual_seed(height * 100 + width)
    shape = (1, 20, height, width)
    if kind == "extreme":
        return (255 * (2 * torch.randint(0, 2, shape, generator=random) - 1)).float()
    return torch.randint(-255, 256, shape, generator=random).float()


@pytest.fixture(scope="module", params=["usual", "limits"])
def tensors(request: pytest.FixtureRequest, path: Path) -> dict[str, Any]:
    found = load_file(path)
    return at_limits(found) if request.param == "limits" else found


def at_limits(tensors: dict[str, Any]) -> dict[str, Any]:
    """The same with trunks whose weights are the largest that there are."""
    random, found = np.random.default_rng(3), dict(tensors)
    for name, weight in tensors.items():
        if ".trunks." in name and name.endswith("weight"):
            found[name] = (127 * random.choice([-1, 1], weight.shape)).astype(np.int8)
            shift = name.replace("weight", "shift")
            found[shift] = random.integers(1, 6, len(weight)).astype(np.int8)
    return found


def network_of(tensors: dict[str, Any], kernels: str = "bytes") -> IntegerPhoto:
    """The integer networks, by the kernels that are named."""
    with pytest.MonkeyPatch.context() as patch:
        if kernels == "floats":
            patch.setattr(byte_kernels, "available", lambda: False)
        elif not byte_kernels.available():
            pytest.skip("this processor has no exact kernels for bytes")
        network = IntegerPhoto(SMALL, {n: torch.from_numpy(t) for n, t in tensors.items()})
    blocks = [block for level in network.levels for trunk in level.trunks for block in trunk]
    assert all((block.bytes is None) == (kernels == "floats") for block in blocks)
    return network


def evaluate(network: IntegerPhoto, context: torch.Tensor) -> list[torch.Tensor]:
    """All features, and all hidden layers of heads, of both sets of weights."""
    results = []
    for level in network.levels:
        before = None
        for phase, head in enumerate(level.heads):
            before = level.features(phase, context[:, : CONTEXT_CHANNELS[phase]], before)
            results.append(before)
            rows = before[0].flatten(1).T
            results += [head.hidden(rows, n) for n in (1, 3)]
    return results


def same(some: list[torch.Tensor], others: list[torch.Tensor]) -> bool:
    return all(torch.equal(a, b) for a, b in zip(some, others, strict=True))


@pytest.mark.parametrize("kernels", ["bytes", "floats"])
@pytest.mark.parametrize("kind", ["random", "extreme"])
@pytest.mark.parametrize("size", [(1, 1), (1, 7), (13, 5), (40, 33)])
def test_equals_the_reference(tensors, kernels, kind, size) -> None:
    context = inputs(kind, *size)
    x = context[0].numpy().astype(np.int64)
    fast = iter(evaluate(network_of(tensors, kernels), context))
    for level in range(SMALL.weight_sets):
        before = None
        for phase, n_blocks in enumerate(SMALL.blocks):
            known = x[: CONTEXT_CHANNELS[phase]]
            before = integer_reference.features(tensors, level, phase, n_blocks, known, before)
            assert before.dtype == np.float32
            assert np.array_equal(next(fast)[0].numpy(), before)
            layers = []
            for i in range(3):
                total, shift = integer_reference.hidden_layers(tensors, level, phase, i, before)
                layers.append((total / 2.0**shift).reshape(len(total), -1))
            assert np.array_equal(next(fast).numpy(), layers[0])
            assert np.array_equal(next(fast).numpy(), np.concatenate(layers))


def test_the_stream_is_rounded_where_float32_ends(path, monkeypatch) -> None:
    """Otherwise the test above would not show that its additions are single ones."""
    tensors, context = at_limits(load_file(path)), inputs("random", 9, 9)[0, :17]
    x = context.numpy().astype(np.int64)
    single = integer_reference.features(tensors, 0, 0, 2, x, None)
    monkeypatch.setattr(integer_reference, "F32", np.float64)
    double = integer_reference.features(tensors, 0, 0, 2, x, None)
    assert not np.array_equal(single, double)
    assert np.allclose(single, double, rtol=1e-3)


@pytest.mark.parametrize("kernels", ["bytes", "floats"])
def test_threads_blocks_layout_precision_and_library_change_nothing(
    tensors, kernels, monkeypatch
) -> None:
    context = inputs("random", 50, 41)
    network = network_of(tensors, kernels)
    expected = evaluate(network_of(tensors, "floats"), context)

    def unchanged() -> bool:
        return same(evaluate(network, context), expected)

    threads = torch.get_num_threads()
    for n in (1, 2):
        torch.set_num_threads(n)
        assert unchanged()
    torch.set_num_threads(threads)
    for block in (8, 19, 64):
        monkeypatch.setattr(integer, "BLOCK", block)
        assert unchanged()
    with monkeypatch.context() as without_onednn:
        without_onednn.setattr(torch.backends.mkldnn, "enabled", False)
        assert unchanged()
    for layer in network._layers:
        monkeypatch.setattr(layer, "weight", layer.weight.contiguous())
    assert unchanged()
    context = context.contiguous(memory_format=torch.channels_last)
    assert unchanged()
    plain = torch.nn.functional.conv2d

    def wide(x, weight, bias, **options):
        return plain(x.double(), weight.double(), bias.double(), **options).float()

    monkeypatch.setattr(integer.F, "conv2d", wide)
    assert unchanged()


# Kernels for bytes


def stand_in(
    rounded: Callable[[torch.Tensor], torch.Tensor] = torch.round, saturates: bool = False
) -> Callable[..., torch.Tensor]:
    """A kernel of another processor: how it rounds, and whether pairs of products saturate."""

    def convolved(conv, x, zero, kind, after, arguments) -> torch.Tensor:
        size = conv.weight.shape[-1]
        columns = torch.nn.functional.unfold(x.double() - zero, size, padding=size // 2)[0]
        products = conv.weight.double().flatten(1)[:, :, None] * columns
        pairs = products[:, 0::2] + products[:, 1::2]
        if saturates:
            pairs = pairs.clamp(-(1 << 15), (1 << 15) - 1)
        total = pairs.sum(1) * conv.scale[:, None] + conv.bias[:, None]
        total = total.view(1, -1, *x.shape[-2:])
        if kind == torch.uint8:
            total = rounded(total).clamp(*arguments)
        return total.to(kind)

    return convolved


def absent(*_: object) -> torch.Tensor:
    raise NotImplementedError


def test_a_kernel_that_is_exact_is_let_in(monkeypatch) -> None:
    monkeypatch.setattr(ByteConv, "_convolved", stand_in())
    assert byte_kernels._exact(16, 5)


@pytest.mark.parametrize(
    "kernel",
    [
        stand_in(saturates=True),
        stand_in(lambda x: torch.floor(x + 0.5)),
        stand_in(torch.floor),
        absent,
    ],
    ids=["saturates", "rounds halves up", "rounds down", "is absent"],
)
def test_a_kernel_that_is_not_exact_gives_way_to_float32(tensors, monkeypatch, kernel) -> None:
    context = inputs("extreme", 13, 11)
    expected = evaluate(network_of(tensors, "floats"), context)
    monkeypatch.setattr(ByteConv, "_convolved", kernel)
    monkeypatch.setattr(byte_kernels, "available", byte_kernels.available.__wrapped__)  # unasked
    network = IntegerPhoto(SMALL, {n: torch.from_numpy(t) for n, t in tensors.items()})
    assert all(b.bytes is None for level in network.levels for t in level.trunks for b in t)
    assert same(evaluate(network, context), expected)


def test_the_stream_becomes_bytes_with_halves_up() -> None:
    halves = torch.tensor([-300.0, -128.5, -1.5, -0.5, 0.49, 0.5, 1.5, 126.5, 127.5, 1e9])
    expected = [0, 0, 127, 128, 128, 129, 130, 255, 255, 255]
    assert byte_kernels.as_bytes(halves).tolist() == expected


def test_follows_the_float_model(model) -> None:
    from core.coding.photo import PhotoCodec

    pictures = crops(4, 32, seed=9)
    with torch.no_grad():
        floats = float(small_photo().bits(pictures.float()).sum())
    codec = PhotoCodec(model)
    integers = sum(
        codec.encode(p.permute(1, 2, 0).numpy().copy()).report.theoretical_bits for p in pictures
    )
    assert integers == pytest.approx(floats, rel=0.01)


def test_a_layer_that_could_leave_float32_is_refused() -> None:
    one = torch.ones(1, dtype=torch.int64)
    below = EXACT_BOUND // 255 - 1
    made = IntegerConv(below * one.view(1, 1, 1, 1), one, one, 255, "a")
    assert int(made.bound) < EXACT_BOUND
    with pytest.raises(ModelError, match="layer b"):
        IntegerConv((below + 1) * one.view(1, 1, 1, 1), 255 * one, one, 255, "b")
    with pytest.raises(ModelError):
        IntegerConv(one.view(1, 1, 1, 1), one, 24 * one, 255, "c")


def rewritten(path: Path, target: Path, change) -> Path:
    """A copy of a model file with its tensors or metadata changed."""
    from safetensors import safe_open

    tensors = load_file(path)
    with safe_open(path, "np") as file:
        about = dict(file.metadata())
    change(tensors, about)
    save_file(tensors, target, metadata=about)
    return target


def flip_a_weight(tensors, about) -> None:
    weight = tensors["levels.1.trunks.0.1.value.weight"].copy()
    weight[3, 2, 0, 0] += 1
    tensors["levels.1.trunks.0.1.value.weight"] = weight


def change_a_table(tensors, about) -> None:
    table = tensors["tables.sigmoid"].copy()
    table[len(table) // 2 - 200 :] += np.float32(2e-7)
    tensors["tables.sigmoid"] = table


@pytest.mark.parametrize(
    "change",
    [
        flip_a_weight,
        change_a_table,
        lambda tensors, about: about.update(vector_sha256="0" * 64),
        lambda tensors, about: about.update(format="1"),
        lambda tensors, about: about.update(family="flowpp"),
        lambda tensors, about: tensors.pop("levels.0.heads.2.lean.1.shift"),
        lambda tensors, about: tensors.pop("levels.0.heads.2.steps.1"),
        lambda tensors, about: tensors.pop("vector"),
        lambda tensors, about: tensors.pop("tables.weight"),
        lambda tensors, about: about.pop("config"),
    ],
)
def test_a_model_that_is_not_itself_is_refused(path, tmp_path, change) -> None:
    with pytest.raises(ModelError):
        load_photo_model(rewritten(path, tmp_path / "changed.safetensors", change))


def test_a_file_that_is_no_model_is_refused(tmp_path) -> None:
    (tmp_path / "no.safetensors").write_bytes(b"hello")
    for name in ("no.safetensors", "absent.safetensors"):
        with pytest.raises(ModelError):
            load_photo_model(tmp_path / name)


def test_a_device_that_rounds_differently_is_refused(path, monkeypatch) -> None:
    plain = torch.nn.functional.conv2d

    def half(x, weight, bias, **options):
        return plain(x.bfloat16(), weight.bfloat16(), bias.bfloat16(), **options).float()

    monkeypatch.setattr(integer.F, "conv2d", half)
    with pytest.raises(ModelError, match="does not compute exactly"):
        load_photo_model(path)
