"""The integer networks compute the same in every way of computing them, and as the floats do."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from safetensors.numpy import load_file, save_file

from core.errors import ModelError
from core.flows.photo import byte_kernels, squares
from core.flows.photo.byte_kernels import MOST_SHIFT, ZERO, ByteConv, Kernels, _ByteKernel
from core.flows.photo.integer import EXACT_BOUND, IntegerConv, IntegerLevel, IntegerPhoto
from core.flows.photo.interlace import CONTEXT_CHANNELS
from core.flows.photo.loading import PhotoModel, load_photo_model, photo_model
from tests import integer_reference
from tests.models import SMALL, crops, small_model, small_photo, smooth_bits


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
    """The same with the largest weights of a byte that there are."""
    random, found = np.random.default_rng(3), dict(tensors)
    for name, weight in tensors.items():
        if name.endswith("weight") and weight.dtype == np.int8 and ".features." not in name:
            found[name] = (127 * random.choice([-1, 1], weight.shape)).astype(np.int8)
            shift, most = name.replace("weight", "shift"), 23 if ".stems." in name else 5
            found[shift] = random.integers(1, most + 1, len(weight)).astype(np.int8)
        elif name.endswith("weight") and ".features." in name:  # whose shifts others share
            found[name] = (127 * random.choice([-1, 1], weight.shape)).astype(np.int8)
    return found


BY = list(Kernels)


def network_of(
    tensors: dict[str, Any], kernels: Kernels = Kernels.BYTES, threads: int = 1
) -> IntegerPhoto:
    """The integer networks, by these kernels."""
    if kernels not in byte_kernels.exact_kernels():
        pytest.skip(f"this processor has no exact kernels for {kernels}")
    network = IntegerPhoto(SMALL, {n: torch.from_numpy(t) for n, t in tensors.items()}, threads)
    network.use(kernels)
    assert network.kernels == kernels
    assert all(layer.kernels == kernels for layer in layers_of(network))
    return network


def layers_of(network: IntegerPhoto) -> list[ByteConv]:
    """All that computes on bytes."""
    found: list[ByteConv] = []
    for level in network.levels:
        found += level.stems
        for block in (block for trunk in level.trunks for block in trunk):
            found += [block.conv, block.gated]
        for head in level.heads:
            found += head.features.values()
    return found


def evaluate(network: IntegerPhoto, context: torch.Tensor) -> list[torch.Tensor]:
    """All streams, their bytes, and all hidden layers of heads, of both sets of weights."""
    results = []
    for level in network.levels:
        before = None
        for phase, head in enumerate(level.heads):
            known = context[:, : CONTEXT_CHANNELS[phase]]
            before, read = level.features(phase, known, before)
            rows = read[0].flatten(1).T
            results += [before, read, *(head.hidden(rows, n) for n in (1, 3))]
    return results


def same(some: list[torch.Tensor], others: list[torch.Tensor]) -> bool:
    return all(torch.equal(a, b) for a, b in zip(some, others, strict=True))


@pytest.mark.parametrize("kernels", BY)
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
            assert np.array_equal(next(fast)[0].numpy(), integer_reference.read(before) + 128)
            layers = []
            for i in range(3):
                total, shift = integer_reference.hidden_layers(tensors, level, phase, i, before)
                layers.append((total / 2.0**shift).reshape(len(total), -1).T)
            assert np.array_equal(next(fast)[:, 0].numpy(), layers[0])
            assert np.array_equal(next(fast).numpy(), np.stack(layers, 1))


def test_the_stream_is_rounded_where_float32_ends(path, monkeypatch) -> None:
    """Otherwise the test above would not show that its additions are single ones."""
    tensors, context = at_limits(load_file(path)), inputs("random", 9, 9)[0, :17]
    x = context.numpy().astype(np.int64)
    single = integer_reference.features(tensors, 0, 0, 2, x, None)
    monkeypatch.setattr(integer_reference, "F32", np.float64)
    double = integer_reference.features(tensors, 0, 0, 2, x, None)
    assert not np.array_equal(single, double)
    assert np.allclose(single, double, rtol=1e-3)


@pytest.mark.parametrize("kernels", BY)
def test_threads_squares_layout_precision_and_library_change_nothing(
    tensors, kernels, monkeypatch
) -> None:
    context = inputs("random", 50, 41)
    network = network_of(tensors, kernels)
    expected = evaluate(network_of(tensors, Kernels.FLOATS), context)

    def unchanged(network: IntegerPhoto = network) -> bool:
        return same(evaluate(network, context), expected)

    threads = torch.get_num_threads()
    for n in (1, 2):
        torch.set_num_threads(n)
        assert unchanged()
    torch.set_num_threads(threads)
    for n in (2, 3, 8):
        assert unchanged(network_of(tensors, kernels, n))
    for largest in (8, 19, 64):
        monkeypatch.setattr(squares, "LARGEST", largest)
        monkeypatch.setattr(squares, "SMALLEST", largest // 4)
        assert unchanged()
        assert unchanged(network_of(tensors, kernels, 3))
    with monkeypatch.context() as without_onednn:
        without_onednn.setattr(torch.backends.mkldnn, "enabled", False)
        assert unchanged()
    for layer in layers_of(network):
        monkeypatch.setattr(layer, "weight", layer.weight.contiguous())
    assert unchanged()
    context = context.contiguous(memory_format=torch.channels_last)
    assert unchanged()
    plain = torch.nn.functional.conv2d

    def wide(x, weight, bias, **options):
        return plain(x.double(), weight.double(), bias.double(), **options).float()

    monkeypatch.setattr(byte_kernels.F, "conv2d", wide)
    assert unchanged()


def test_what_checks_stops_the_networks(model) -> None:
    asked = []

    def check() -> None:
        asked.append(None)
        if len(asked) == 3:
            raise KeyError("stopped")

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(squares, "LARGEST", 8)
        for level in (model.network.level(0), network_level(model, 2)):
            asked.clear()
            with pytest.raises(KeyError, match="stopped"):
                level.features(0, inputs("random", 30, 30)[:, :17], None, check)
            assert len(asked) == 3


def network_level(model: PhotoModel, threads: int) -> IntegerLevel:
    """The finest level of a model's networks on so many threads."""
    return photo_model(model.file, threads=threads).network.level(0)


# Kernels for bytes


def stand_in(
    rounded: Callable[[torch.Tensor], torch.Tensor] = torch.round,
    saturates: bool = False,
    added: Callable[[torch.Tensor, int], torch.Tensor] = torch.add,
    lost: float = 0,
) -> Callable[..., torch.Tensor]:
    """A kernel of another processor.

    How it rounds, whether pairs of products saturate, how it adds what comes after, and what it
    loses where it does not round.
    """

    def convolved(kernel, x, zero, after, kind) -> torch.Tensor:
        size = kernel.weight.shape[-1]
        columns = torch.nn.functional.unfold(x.double() - zero, size, padding=size // 2)[0]
        products = kernel.weight.double().flatten(1)[:, :, None] * columns
        pairs = products[:, 0::2] + products[:, 1::2]
        if saturates:
            pairs = pairs.clamp(-(1 << 15), (1 << 15) - 1)
        total = pairs.sum(1) * kernel.scale[:, None] + kernel.bias[:, None]
        total = total.view(1, -1, *x.shape[-2:])
        if kind == torch.uint8:
            return added(rounded(total), after).clamp(0, 255).to(kind)
        return (total * (1 - lost)).to(kind)

    return convolved


def absent(*_: object) -> torch.Tensor:
    raise NotImplementedError


def test_a_kernel_that_is_exact_is_let_in(monkeypatch) -> None:
    monkeypatch.setattr(_ByteKernel, "_convolved", stand_in())
    assert byte_kernels._is_exact_on(Kernels.BYTES, 16, 5)


@pytest.mark.parametrize(
    "kernel",
    [
        stand_in(saturates=True),
        stand_in(lambda x: torch.floor(x + 0.5)),
        stand_in(torch.floor),
        stand_in(added=lambda x, after: x),
        stand_in(added=lambda x, after: x.clamp(0, 255) + after),
        stand_in(added=lambda x, after: x + min(after, 127)),
        stand_in(lost=2.0**-20),
        absent,
    ],
    ids=[
        "saturates",
        "rounds halves up",
        "rounds down",
        "adds nothing",
        "clamps too early",
        "adds a signed byte",
        "is not exact before rounding",
        "is absent",
    ],
)
def test_a_kernel_that_is_not_exact_gives_way_to_float32(tensors, monkeypatch, kernel) -> None:
    monkeypatch.setattr(_ByteKernel, "_convolved", kernel)
    found = byte_kernels.exact_kernels.__wrapped__()  # tried again
    assert found == (Kernels.FLOATS, Kernels.INTEGERS)
    monkeypatch.setattr(byte_kernels, "exact_kernels", lambda: found)
    network = IntegerPhoto(SMALL, {n: torch.from_numpy(t) for n, t in tensors.items()})
    assert network.kernels is Kernels.FLOATS


def test_slow_kernels_are_exact_by_the_same_trial() -> None:
    assert all(byte_kernels._is_exact_on(Kernels.INTEGERS, *tried) for tried in ((16, 5), (80, 40)))


@pytest.mark.parametrize("side", [1, 3])
@pytest.mark.parametrize("zero", [0, ZERO])
@pytest.mark.parametrize("shifts", [(0, 0), (MOST_SHIFT, MOST_SHIFT), (0, MOST_SHIFT), (23, 23)])
def test_a_layer_of_bytes_is_that_of_integers(side: int, zero: int, shifts) -> None:
    """By both kinds of kernels, at the limits of what a file may ask for."""
    random = np.random.default_rng(side + zero + shifts[1])
    weight = random.integers(-128, 128, (24, 10, side, side))
    weight[:4] = random.choice([-128, 127], (4, 10, side, side))
    shift = random.integers(shifts[0], shifts[1] + 1, 24)
    bias = random.integers(-(1 << 20), 1 << 20, 24)
    whole = np.arange(8) % 2 - 1 if shifts[1] > MOST_SHIFT else np.arange(8) - 4
    bias[4:12] = (whole << shift[4:12]) + (np.int64(1) << shift[4:12] >> 1)  # halves
    weight[4:12] = 0
    x = random.integers(0, 256, (10, 9, 7))
    tensors = {"a.weight": weight, "a.bias": bias, "a.shift": shift}
    total, down = integer_reference.conv(tensors, "a", x - zero)
    rounded = integer_reference.rounded(total, down)
    layer = IntegerConv(*(torch.from_numpy(t) for t in (weight, bias, shift)), 255, "a")
    given = torch.from_numpy(x[None]).to(torch.uint8)
    given = given.contiguous(memory_format=torch.channels_last)
    for kernels in byte_kernels.exact_kernels():
        conv = ByteConv(layer.integers, layer.bias, layer.scale, kernels)
        assert np.array_equal(conv.exact(given, zero)[0].numpy(), total / 2.0**down)
        for after in (0, ZERO):
            if after and shifts[1] > MOST_SHIFT:
                continue
            found = conv.rounded(given, zero, after)
            assert found.dtype == torch.uint8
            assert np.array_equal(found[0].numpy(), (rounded + after).clip(0, 255))


@pytest.mark.parametrize("device", ["cpu", "another"])
@pytest.mark.parametrize("scale", [1, 200, 1e5])
def test_gated_values_are_added_to_the_stream(scale: float, device: str) -> None:
    """As in numpy, where each operation rounds by itself; so on devices other than the CPU."""
    random = np.random.default_rng(7)
    x = (scale * random.standard_normal((1, 6, 256, 50))).astype(np.float32)
    x[0, 0, 0] = np.arange(50) - 25 + np.float32(0.5)
    value = random.integers(-128, 128, x.shape)
    value[0, 1], value[0, 2] = np.arange(-128, 128)[:, None], random.choice([-128, 127], (256, 50))
    gate = random.integers(-128, 128, x.shape)
    gate[0, 3], gate[0, 4] = np.arange(-128, 128)[:, None], 64
    gate[0, 0] = 0
    parts = (np.concatenate([value, gate], 1) + ZERO).astype(np.uint8)
    expected = x + (value * gate.clip(0, 64)).astype(np.float32) / np.float32(64)
    stream, read = (
        torch.empty(x.shape, dtype=kind).contiguous(memory_format=torch.channels_last)
        for kind in (torch.float32, torch.uint8)
    )
    stream.copy_(torch.from_numpy(x))
    given = torch.from_numpy(parts).contiguous(memory_format=torch.channels_last)
    with pytest.MonkeyPatch.context() as patch:
        if device != "cpu":
            patch.setattr(byte_kernels, "_rows", None)
            patch.setattr(torch.Tensor, "device", torch.device("meta"))
        read.fill_(7)
        where = (slice(None), slice(None), slice(3, x.shape[2] - 2), slice(1, x.shape[3] - 4))
        inside = given[where].contiguous(memory_format=torch.channels_last)
        byte_kernels.add_gated(stream, inside, read, where, 6)
    assert expected.dtype == np.float32
    outside = np.ones(x.shape, bool)
    outside[where] = False
    assert np.array_equal(stream.numpy(), np.where(outside, x, expected))
    bytes_of = integer_reference.read(expected) + ZERO
    assert np.array_equal(read.numpy(), np.where(outside, 7, bytes_of))


def test_the_stream_becomes_bytes_with_halves_up() -> None:
    halves = torch.tensor([-300.0, -128.5, -1.5, -0.5, 0.49, 0.5, 1.5, 126.5, 127.5, 1e9])
    expected = [0, 0, 127, 128, 128, 129, 130, 255, 255, 255]
    assert byte_kernels.as_bytes(halves).tolist() == expected


def test_follows_the_float_model(model) -> None:
    pictures = crops(4, 32, seed=9)
    with torch.no_grad():
        floats = float(small_photo().bits(pictures.float()).sum())
    assert sum(smooth_bits(model, p) for p in pictures) == pytest.approx(floats, rel=0.01)


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


def test_a_damaged_file_is_told_from_a_file_that_cannot_be_read(
    path, tmp_path, monkeypatch
) -> None:
    """A full disk while loops are compiled is no fault of the model's file."""
    with pytest.raises(ModelError, match="cannot be read"):
        load_photo_model(tmp_path / "absent.safetensors")

    def full(*_: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("core.flows.photo.loading.read_photo_file", full)
    with pytest.raises(OSError, match="No space left"):
        load_photo_model(path)
