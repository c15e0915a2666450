"""Archives do not depend on the machine: with the model that the program comes with.

However the networks are evaluated, a photograph is coded to the same bytes, and decodes from them.
A way of computing that is not exact is refused before it has written anything.
"""

from __future__ import annotations

import copy
import hashlib
import importlib.resources
import json
import os
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from PIL import Image
from safetensors import safe_open
from safetensors.numpy import load_file, save_file

from core.archive import Archive
from core.archive.codec import Codecs
from core.coding.coders import Coder
from core.coding.photo import pieces as pieces_module
from core.coding.photo.codec import PhotoCodec, photo_codec
from core.coding.photo.tile import Clock, TileCoder
from core.control import ignore
from core.errors import ModelError
from core.flows.photo import byte_kernels, loading, squares
from core.flows.photo.byte_kernels import ZERO, ByteConv, Kernels, _ByteKernel
from core.flows.photo.colours import Colours
from core.flows.photo.interlace import CONTEXT_CHANNELS
from core.flows.photo.loading import PhotoModel, load_photo_model
from core.flows.photo.walk import CodePiece
from core.images.tiles import tiles
from tests import integer_reference
from tests.models import piece_of

RESOURCES = Path(str(importlib.resources.files("resources")))
MODEL = RESOURCES / "models" / "photo.safetensors"

Pixels = np.ndarray[Any, Any]
Conv = Callable[..., torch.Tensor]


@pytest.fixture(scope="module")
def codec() -> PhotoCodec:
    return photo_codec()


def crop(name: str = "coffee", height: int = 96, width: int = 80) -> Pixels:
    with Image.open(RESOURCES / "samples" / f"{name}.png") as image:
        pixels = np.asarray(image.convert("RGB"))
    top, left = (pixels.shape[0] - height) // 2, (pixels.shape[1] - width) // 2
    return np.ascontiguousarray(pixels[top : top + height, left : left + width])


# Ways of computing a convolution


def in_double(x: torch.Tensor, weight: torch.Tensor, bias: torch.Tensor, **options: Any) -> Any:
    return PLAIN(x.double(), weight.double(), bias.double(), **options).float()


def default_layout(
    x: torch.Tensor, weight: torch.Tensor, bias: torch.Tensor, **options: Any
) -> torch.Tensor:
    return PLAIN(x.contiguous(), weight.contiguous(), bias, **options).contiguous()


def channels_last(
    x: torch.Tensor, weight: torch.Tensor, bias: torch.Tensor, **options: Any
) -> torch.Tensor:
    last = torch.channels_last
    x, weight = x.contiguous(memory_format=last), weight.contiguous(memory_format=last)
    return PLAIN(x, weight, bias, **options).contiguous(memory_format=last)


def in_a_batch(
    x: torch.Tensor, weight: torch.Tensor, bias: torch.Tensor, **options: Any
) -> torch.Tensor:
    others = torch.arange(-15, 16).view(31, 1, 1, 1) * x.sign()
    return PLAIN(torch.cat([others[:20], x, others[20:]]), weight, bias, **options)[20:21]


def as_a_product(
    x: torch.Tensor, weight: torch.Tensor, bias: torch.Tensor, padding: int
) -> torch.Tensor:
    """The channels in reverse, bias last: another order of summation."""
    columns = torch.nn.functional.unfold(x.flip(1), weight.shape[-1], padding=padding)[0]
    product = weight.flip(1).flatten(1) @ columns + bias.view(-1, 1)
    return product.view(1, -1, *x.shape[-2:])


@contextmanager
def in_floats() -> Iterator[None]:
    """Networks as on a processor without kernels for bytes."""
    exact = ByteConv.exact, ByteConv.rounded

    def by_floats(of_bytes: Conv) -> Conv:
        def compute(layer: ByteConv, *arguments: Any, **options: Any) -> torch.Tensor:
            without = copy.copy(layer)
            without.kernels = Kernels.FLOATS
            return of_bytes(without, *arguments, **options)

        return compute

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(ByteConv, "exact", by_floats(exact[0]))
        patch.setattr(ByteConv, "rounded", by_floats(exact[1]))
        yield


@contextmanager
def with_conv(conv: Conv) -> Iterator[None]:
    with in_floats(), pytest.MonkeyPatch.context() as patch:
        patch.setattr(byte_kernels.F, "conv2d", conv)
        yield


@contextmanager
def onednn(enabled: bool) -> Iterator[None]:
    with pytest.MonkeyPatch.context() as patch:  # flags() sets more than it is told, and warns
        patch.setattr(torch.backends.mkldnn, "enabled", enabled)
        yield


@contextmanager
def threads(count: int) -> Iterator[None]:
    """Of torch itself, inside of each operation."""
    before = torch.get_num_threads()
    torch.set_num_threads(count)
    try:
        yield
    finally:
        torch.set_num_threads(before)


@contextmanager
def squares_at_a_time(codec: PhotoCodec, count: int, largest: int = 24) -> Iterator[None]:
    """Squares that are small enough for a test's picture to have several."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(squares, "LARGEST", largest)
        patch.setattr(squares, "SMALLEST", 4)
        network = codec._model.network
        for part in (network, *network.levels):
            patch.setattr(part, "threads", count)
        yield


@pytest.fixture(autouse=True)
def one_thread() -> Iterator[None]:
    """Unless a test says otherwise: on a busy machine threads wait for each other."""
    with threads(1):
        yield


@contextmanager
def in_floats_without_onednn() -> Iterator[None]:
    with onednn(False), in_floats():
        yield


@contextmanager
def in_a_batch_without_libraries() -> Iterator[None]:
    with onednn(False), torch.backends.nnpack.flags(enabled=False), with_conv(in_a_batch):
        yield


PLAIN = torch.nn.functional.conv2d


@contextmanager
def in_integers(codec: PhotoCodec) -> Iterator[None]:
    network = codec._model.network
    before = network.kernels
    network.use(Kernels.INTEGERS)
    try:
        yield
    finally:
        network.use(before)


WAYS: dict[str, Callable[[PhotoCodec], AbstractContextManager[None]]] = {
    "1 square at a time": lambda codec: squares_at_a_time(codec, 1),
    "2 squares at a time": lambda codec: squares_at_a_time(codec, 2),
    "5 squares at a time": lambda codec: squares_at_a_time(codec, 5, 17),
    "1 thread of torch": lambda codec: threads(1),
    "2 threads of torch": lambda codec: threads(2),
    "with oneDNN": lambda codec: onednn(True),
    "without oneDNN": lambda codec: onednn(False),
    "float32": lambda codec: in_floats(),
    "32-bit integers": in_integers,
    "float32 without oneDNN": lambda codec: in_floats_without_onednn(),
    "float64": lambda codec: with_conv(in_double),
    "default layout": lambda codec: with_conv(default_layout),
    "channels-last layout": lambda codec: with_conv(channels_last),
    "a matrix product": lambda codec: with_conv(as_a_product),
    "in a batch of 32": lambda codec: with_conv(in_a_batch),
    "in a batch of 32, without oneDNN": lambda codec: in_a_batch_without_libraries(),
}


@pytest.mark.parametrize("way", WAYS)
def test_each_way_of_computing_writes_the_same_bytes_and_reads_them(
    codec: PhotoCodec, way: str
) -> None:
    """All bytes are equal and each way reads them, so each reads what any other has written."""
    pixels = crop(height=24, width=30) if "batch" in way else crop()
    expected = codec.encode(pixels).chunks
    with WAYS[way](codec):
        assert codec.encode(pixels).chunks == expected
        assert np.array_equal(codec.decode(expected, pixels.shape, coder="fused"), pixels)


def test_a_model_for_more_threads_is_the_same_model(codec: PhotoCodec) -> None:
    """With squares as large as they are."""
    pixels = crop("coffee", 150, 132)
    other = photo_codec(threads=3)
    assert other._model.network.threads == 3
    assert other.model_id == codec.model_id
    assert other.encode(pixels).chunks == codec.encode(pixels).chunks


@pytest.mark.parametrize("coder", Coder)
def test_every_coder_depends_on_the_pixels_alone(codec: PhotoCodec, coder: str) -> None:
    pixels = crop("cat", 61, 45)
    expected = codec.encode(pixels, coder=coder).chunks
    with squares_at_a_time(codec, 2), onednn(False), with_conv(in_double):
        assert codec.encode(pixels, coder=coder).chunks == expected
        assert np.array_equal(codec.decode(expected, pixels.shape, coder=coder), pixels)


_ELSEWHERE = """
import hashlib, json, sys
from core.coding.coders import Coder
from core.coding.photo.codec import photo_codec
from tests.coding.photo.test_exactness import crop
codec, pixels = photo_codec(), crop("rocket", 37, 41)
print(json.dumps([[hashlib.sha256(c).hexdigest() for c in codec.encode(pixels, coder=coder).chunks]
                  for coder in Coder]))
"""


def test_an_older_processor_writes_the_same_bytes(codec: PhotoCodec) -> None:
    """The libraries are told that there are no wide vectors and no fused multiply-add."""
    from numpy._core._multiarray_umath import (  # type: ignore[attr-defined]
        __cpu_dispatch__,
        __cpu_features__,
    )

    env = os.environ | {
        "OMP_NUM_THREADS": "1",
        # Changes the C library's exp and log, which nothing that is coded may call.
        "GLIBC_TUNABLES": "glibc.cpu.hwcaps=-AVX2_Usable,-FMA_Usable,-AVX2,-FMA,-FMA4,-AVX512F",
        "ATEN_CPU_CAPABILITY": "default",
        "ONEDNN_MAX_CPU_ISA": "SSE41",
        "MKL_ENABLE_INSTRUCTIONS": "SSE4_2",
        "NUMBA_CPU_NAME": "generic",
        "NPY_DISABLE_CPU_FEATURES": " ".join(f for f in __cpu_dispatch__ if __cpu_features__[f]),
    }
    result = subprocess.run(
        [sys.executable, "-c", _ELSEWHERE],
        env=env,
        cwd=Path(__file__).parents[3],
        capture_output=True,
        text=True,
        check=False,
    )
    assert result.returncode == 0, result.stderr
    pixels = crop("rocket", 37, 41)
    assert json.loads(result.stdout) == [
        [hashlib.sha256(chunk).hexdigest() for chunk in codec.encode(pixels, coder=coder).chunks]
        for coder in Coder
    ]


def test_tiles_in_any_order(codec: PhotoCodec, monkeypatch: pytest.MonkeyPatch) -> None:
    import core.coding.photo.codec as module

    pixels = crop("astronaut", 56, 48)
    places = tiles(*pixels.shape[:2], 24)
    monkeypatch.setattr(module, "tiles", lambda h, w: places)
    expected = codec.encode(pixels).chunks
    assert len(expected) == 6
    numbered = list(enumerate(places, 1))
    for order in (numbered[::-1], numbered[3:] + numbered[:3]):
        job = TileCoder(codec._model, Coder.FUSED, ignore, lambda: None, Clock(time.perf_counter))
        for number, tile in order:
            part = module._part(pixels, tile)
            chunk = job.encode(number, np.ascontiguousarray(part)).chunk
            assert chunk == expected[number - 1]
            assert np.array_equal(job.decode(number, chunk, part.shape), part)


# The reference in int64


@pytest.mark.parametrize("kind", ["random", "extreme"])
def test_the_networks_equal_the_reference(codec: PhotoCodec, kind: str) -> None:
    network, tensors = codec._model.network, load_file(MODEL)
    choose = np.random.default_rng(4)
    shape = (1, 20, 9, 14)
    if kind == "random":
        values = choose.integers(-255, 256, shape)
    else:
        values = 255 * (2 * choose.integers(0, 2, shape) - 1)
    for index, level in enumerate(network.levels):
        before = expected = None
        for phase, n_channels in enumerate(CONTEXT_CHANNELS):
            known = values[:, :n_channels]
            n_blocks = network.config.blocks[phase]
            expected = integer_reference.features(
                tensors, index, phase, n_blocks, known[0], expected
            )
            before, read = level.features(phase, torch.from_numpy(known).float(), before)
            assert np.array_equal(before[0].numpy(), expected)
            assert np.array_equal(read[0].numpy(), integer_reference.read(expected) + ZERO)
            hidden = level.heads[phase].hidden(read[0].flatten(1).T, 3).numpy()
            for i in range(3):
                total, shift = integer_reference.hidden_layers(tensors, index, phase, i, expected)
                rows = hidden[:, i].T
                assert np.array_equal(rows, (total / 2.0**shift).reshape(rows.shape))


def reference_walk(model: PhotoModel) -> Callable[..., torch.Tensor]:
    """Stands in for core.flows.photo.walk.walk, by the reference alone."""
    tensors, config = load_file(MODEL), asdict(model.network.config)

    def walk(
        level: Any,
        tables: Any,
        coarse: Any,
        size: Any,
        channels: Any,
        code: CodePiece,
        *,
        number: int,
        colours: Colours,
        **_: Any,
    ) -> torch.Tensor:
        index = model.network.levels.index(level)
        a = coarse[0].numpy().astype(np.int64)
        known = np.zeros((3, *size), np.int64)
        known[:, 0::2, 0::2] = a
        corner = None
        slow = integer_reference.pieces(tensors, config, index, a, *size, channels)
        try:
            step = next(slow)
            while True:
                piece = piece_of(step, tables, size[1])
                if piece.corner != corner:
                    corner = piece.corner
                    phase = integer_reference.PHASES.index(corner)
                    colours.begin(number, phase, known.astype(np.float32))
                i = channels.index(piece.channel)
                before = known[(slice(None), *piece.positions)][list(channels[:i])]
                cells = colours.shape(i, piece.mixture, piece.span, before)
                values = code(replace(piece, cells=cells))
                known[piece.channel][piece.positions] = values
                colours.observe(i, cells, piece.span, np.concatenate([before, values[None]]))
                step = slow.send(values)
        except StopIteration as end:
            return torch.from_numpy(end.value).float()[None]

    return walk


@pytest.mark.parametrize("channels", [3, 1])
def test_the_reference_writes_the_same_bytes(
    codec: PhotoCodec, monkeypatch: pytest.MonkeyPatch, channels: int
) -> None:
    """With the learning: phases of more than a block."""
    import core.coding.photo.tile as module

    pixels = np.ascontiguousarray(crop("cat", 67, 70)[..., :channels])
    expected = codec.encode(pixels).chunks
    monkeypatch.setattr(module, "walk", reference_walk(codec._model))
    assert codec.encode(pixels).chunks == expected
    assert np.array_equal(codec.decode(expected, pixels.shape, coder="fused"), pixels)


def test_no_logarithm_of_a_platform_decides_about_bytes(
    codec: PhotoCodec, monkeypatch: pytest.MonkeyPatch
) -> None:
    """How fast chunks grow comes from codelengths, and is part of the bytes."""
    pixels = crop("cat", 30, 25)
    expected = [codec.encode(pixels, coder=coder).chunks for coder in Coder]
    for module, name in [(np, "log2"), (np, "log"), (np, "exp"), (np, "tanh"), (np, "power")]:
        monkeypatch.delattr(module, name)
    monkeypatch.setattr(
        pieces_module, "theoretical_bits", lambda low, high: np.zeros(len(low))
    )  # for people
    assert [codec.encode(pixels, coder=coder).chunks for coder in Coder] == expected


# What is not exact


def test_winograd_kernels_are_not_let_in(codec: PhotoCodec) -> None:
    """torch without oneDNN convolves batches of 16 and more by NNPACK: hence one at a time."""
    layer = codec._model.network.levels[0].trunks[0][0].conv
    x = torch.randint(0, 256, (1, layer.weight.shape[1], 24, 24)).to(torch.uint8)
    x = x.contiguous(memory_format=torch.channels_last)
    for compute in (layer.exact, layer.rounded):
        with pytest.raises(ValueError, match="one is exact"):
            compute(x.expand(16, -1, -1, -1), ZERO)
    expected = in_double(x.float() - ZERO, layer.weight, layer.bias, padding=1)
    with onednn(False), in_floats():
        assert torch.equal(layer.exact(x, ZERO), expected)


def one_ulp_less(
    x: torch.Tensor, weight: torch.Tensor, bias: torch.Tensor, **options: Any
) -> torch.Tensor:
    out = PLAIN(x, weight, bias, **options)
    return torch.nextafter(out, torch.tensor(-torch.inf))


def in_half_precision(
    x: torch.Tensor, weight: torch.Tensor, bias: torch.Tensor, **options: Any
) -> torch.Tensor:
    return PLAIN(x.bfloat16(), weight.bfloat16(), bias.bfloat16(), **options).float()


def halves_up(patch: pytest.MonkeyPatch) -> None:
    def rounded(x: np.ndarray, after: np.float32, found: np.ndarray) -> None:
        found[...] = np.clip(np.floor(x + np.float32(0.5)) + after, 0, 255)

    patch.setattr(byte_kernels, "_rounded", rounded)


def products_one_ulp_less(patch: pytest.MonkeyPatch) -> None:
    product = torch.addmm
    less = torch.tensor(-torch.inf)
    patch.setattr(torch, "addmm", lambda *given: torch.nextafter(product(*given), less))


def conv_instead(conv: Conv) -> Callable[[pytest.MonkeyPatch], None]:
    return lambda patch: patch.setattr(byte_kernels.F, "conv2d", conv)


@pytest.mark.parametrize("found_out_by", ["the trial", "the test vector"])
@pytest.mark.parametrize(
    "break_floats",
    [
        conv_instead(one_ulp_less),
        conv_instead(in_half_precision),
        halves_up,
        products_one_ulp_less,
    ],
    ids=["one ulp less", "half precision", "halves up", "products one ulp less"],
)
def test_a_processor_whose_fast_kernels_are_not_exact_takes_slow_ones(
    codec: PhotoCodec, break_floats: Callable[[pytest.MonkeyPatch], None], found_out_by: str
) -> None:
    pixels = crop(height=20, width=24)
    expected = codec.encode(pixels).chunks
    exact = _ByteKernel._convolved

    def saturating(kernel: _ByteKernel, x: torch.Tensor, *rest: Any) -> torch.Tensor:
        return exact(kernel, x.clamp(16, 240), *rest)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(_ByteKernel, "_convolved", saturating)
        break_floats(patch)
        trusted = tuple(Kernels)
        if found_out_by == "the trial":
            trusted = byte_kernels.exact_kernels.__wrapped__()
            assert trusted == (Kernels.INTEGERS,)
        patch.setattr(loading, "exact_kernels", lambda: trusted)
        slow = PhotoCodec(load_photo_model(MODEL))
        assert slow.kernels == Kernels.INTEGERS
        assert slow.encode(pixels).chunks == expected
        assert np.array_equal(slow.decode(expected, pixels.shape, coder="fused"), pixels)


def flip_a_weight(tensors: dict[str, Any], about: dict[str, str]) -> None:
    weight = tensors["levels.0.heads.1.outputs.2.weight"].copy()
    weight[weight.shape[0] // 3, 0, 0, 0] ^= 1
    tensors["levels.0.heads.1.outputs.2.weight"] = weight


def another_hash(tensors: dict[str, Any], about: dict[str, str]) -> None:
    about["vector_sha256"] = about["vector_sha256"][::-1]


def another_picture(tensors: dict[str, Any], about: dict[str, str]) -> None:
    tensors["vector"] = np.ascontiguousarray(tensors["vector"][:, ::-1])


@pytest.mark.parametrize("change", [flip_a_weight, another_hash, another_picture])
def test_a_model_that_is_not_itself_writes_nothing(
    tmp_path: Path, change: Callable[[dict[str, Any], dict[str, str]], None]
) -> None:
    tensors = load_file(MODEL)
    with safe_open(MODEL, "np") as file:
        about = dict(file.metadata())
    change(tensors, about)
    changed = tmp_path / "changed.safetensors"
    save_file(tensors, changed, metadata=about)
    _refused(tmp_path, lambda: PhotoCodec(load_photo_model(changed)), "its own test vector")


def _refused(folder: Path, factory: Callable[[], PhotoCodec], message: str) -> None:
    source, path = folder / "source.ppm", folder / "x.floe"
    Image.fromarray(crop(height=20, width=20)).save(source)
    Archive.create(path).close()
    before = path.read_bytes()
    with (
        Archive.open(path, write=True, codecs=Codecs(factory)) as archive,
        pytest.raises(ModelError, match=message),
    ):
        archive.add_file(source, "source.ppm")
    assert path.read_bytes() == before
