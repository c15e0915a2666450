"""The integer networks compute the same in every way of computing them, and as the floats do."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch
from safetensors.numpy import load_file, save_file

import core.flows.integer as integer
from core.errors import ModelError
from core.flows.integer import EXACT_BOUND, IntegerConv, IntegerPhoto
from core.flows.interlace import CONTEXT_CHANNELS
from core.flows.models import PhotoModel, load_photo_model
from tests.integer_reference import features, mixture
from tests.models import SMALL, crops, small_model, small_photo


@pytest.fixture(scope="module")
def path(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("model")
    small_model(folder)
    return folder / "small.safetensors"


@pytest.fixture(scope="module")
def model(path: Path) -> PhotoModel:
    return load_photo_model(path)


def inputs(kind: str, height: int, width: int) -> tuple[torch.Tensor, torch.Tensor]:
    """Context (1, 20, h, w) and residuals (1, 3, h, w), random or at their limits."""
    random = torch.Generator().manual_seed(height * 100 + width)
    shape = (1, 23, height, width)
    if kind == "extreme":
        x = 255 * (2 * torch.randint(0, 2, shape, generator=random) - 1)
    else:
        x = torch.randint(-255, 256, shape, generator=random)
    return x[:, :20].float(), x[:, 20:].float()


def evaluate(network: IntegerPhoto, context: torch.Tensor, residual: torch.Tensor) -> list:
    """All features and mixtures of both sets of weights."""
    results = []
    for level in network.levels:
        before = None
        for phase in range(3):
            before = level.features(phase, context[:, : CONTEXT_CHANNELS[phase]], before)
            results.append(before)
            results += [
                torch.cat(level.mixtures(phase, i, before, residual[:, :i])) for i in range(3)
            ]
    return results


@pytest.mark.parametrize("kind", ["random", "extreme"])
@pytest.mark.parametrize("size", [(1, 1), (1, 7), (13, 5), (40, 33)])
def test_equals_the_reference_in_int64(path, model, kind, size) -> None:
    context, residual = inputs(kind, *size)
    tensors = load_file(path)
    x, r = context[0].numpy().astype(np.int64), residual[0].numpy().astype(np.int64)
    fast = iter(evaluate(model.network, context, residual))
    for level in range(SMALL.weight_sets):
        before = None
        for phase, n_blocks in enumerate(SMALL.blocks):
            known = x[: CONTEXT_CHANNELS[phase]]
            before = features(tensors, level, phase, n_blocks, known, before)
            assert np.array_equal(next(fast)[0].numpy() * 512, before)
            for i in range(3):
                expected = np.concatenate(
                    mixture(tensors, level, phase, i, SMALL.components, before, r)
                )
                assert np.array_equal(next(fast).numpy(), expected.reshape(len(expected), -1))


def test_threads_blocks_layout_precision_and_library_change_nothing(model, monkeypatch) -> None:
    context, residual = inputs("random", 50, 41)
    expected = evaluate(model.network, context, residual)

    def same() -> bool:
        results = evaluate(model.network, context, residual)
        return all(torch.equal(a, b) for a, b in zip(results, expected, strict=True))

    threads = torch.get_num_threads()
    for n in (1, 2, 4):
        torch.set_num_threads(n)
        assert same()
    torch.set_num_threads(threads)
    for block in (8, 19, 64):
        monkeypatch.setattr(integer, "BLOCK", block)
        assert same()
    with monkeypatch.context() as without_onednn:
        without_onednn.setattr(torch.backends.mkldnn, "enabled", False)
        assert same()
    for layer in model.network._layers:
        monkeypatch.setattr(layer, "weight", layer.weight.contiguous())
    assert same()
    plain = torch.nn.functional.conv2d

    def wide(x, weight, bias, **options):
        return plain(x.double(), weight.double(), bias.double(), **options).float()

    monkeypatch.setattr(integer.F, "conv2d", wide)
    assert same()


def halves(x: torch.Tensor) -> tuple[torch.Tensor, ...]:
    """Integers below 2^12 in size as 32 high + low, both int8."""
    high = torch.div(x, 32, rounding_mode="floor")
    # A fresh tensor each: _int_mm misreads the strides of a transposed vector.
    return tuple(torch.empty(x.shape, dtype=torch.int8).copy_(h) for h in (high, x - 32 * high))


def by_int8_kernels(layer: IntegerConv, x: torch.Tensor) -> torch.Tensor:
    """The layer by matrix products of int8 summed in int32, four of them for 11-bit activations."""
    weight = (layer.weight / layer.scale.view(-1, 1, 1, 1)).round().flatten(1)
    columns = torch.nn.functional.unfold(x, 2 * layer.padding + 1, padding=layer.padding)[0]
    a, b = halves(columns.T), halves(weight.T)
    product = sum(
        32 ** (2 - i - j) * torch._int_mm(a[i], b[j]).long() for i in (0, 1) for j in (0, 1)
    )
    assert int(product.abs().max()) < EXACT_BOUND
    return (product.float() * layer.scale + layer.bias).T.view(1, -1, *x.shape[-2:])


@pytest.mark.parametrize("kind", ["random", "extreme"])
def test_int8_kernels_change_nothing(model, monkeypatch, kind) -> None:
    context, residual = inputs(kind, 33, 21)
    expected = evaluate(model.network, context, residual)
    calls = []

    def call(layer: IntegerConv, x: torch.Tensor) -> torch.Tensor:
        calls.append(layer)
        return by_int8_kernels(layer, x)

    monkeypatch.setattr(IntegerConv, "__call__", call)
    results = evaluate(model.network, context, residual)
    assert len(calls) > 40
    assert all(torch.equal(a, b) for a, b in zip(results, expected, strict=True))


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
        lambda tensors, about: about.update(format="2"),
        lambda tensors, about: about.update(family="flowpp"),
        lambda tensors, about: tensors.pop("levels.0.heads.2.lean.1.shift"),
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
