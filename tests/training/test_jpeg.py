"""Training of the model of JPEG files: data, runs that are resumed, export and begin."""

from __future__ import annotations

import io
import json
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image
from safetensors.torch import load

from core.errors import ModelError
from core.flows.jpeg.inputs import zigzag
from core.flows.jpeg.loading import load_jpeg_model
from core.flows.jpeg.model import Jpeg, JpegConfig
from core.training import jpeg_data, jpeg_files
from core.training.jpeg import export_jpeg
from core.training.jpeg_begin import begin_with
from core.training.jpeg_export import model_file
from core.training.jpeg_lengths import coded_bits
from core.training.jpeg_loop import Run, Settings
from tests.flows.jpeg.small import CONFIG, TABLE, coefficients, model, network


def jpeg_bytes(width: int, height: int, seed: int, **how: int) -> bytes:
    """A picture of waves and noise."""
    random = np.random.default_rng(seed)
    y, x = np.mgrid[:height, :width]
    waves = np.stack([np.sin(x / 9 + seed) * np.cos(y / (7 + i)) for i in range(3)], 2)
    waves = 128 + 60 * waves
    pixels = (waves + random.normal(0, 6, waves.shape)).clip(0, 255).astype(np.uint8)
    file = io.BytesIO()
    Image.fromarray(pixels).save(file, "JPEG", **how)
    return file.getvalue()


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder of a run whose data are prepared."""
    base = tmp_path_factory.mktemp("jpeg")
    for name, count in (("train", 3), ("valid", 1)):
        (base / name).mkdir()
        for i in range(count):
            data = jpeg_bytes(220, 200, i, quality=80 + i, subsampling=2 * (i % 2))
            (base / name / f"{i}.jpg").write_bytes(data)
        (base / name / "other.jpg").write_bytes(b"no picture")
    jpeg_files.prepare(base / "run", base / "train", base / "valid", None)
    return base / "run"


def settings(**changed: float) -> Settings:
    given = {"minutes": 0.03, "blocks": 256, "warmup_steps": 2, "validate_minutes": 0.01}
    return Settings(model=CONFIG, validate_every=1, **{**given, **changed})  # type: ignore[arg-type]


def test_coefficients_are_those_of_the_file(folder: Path) -> None:
    file = jpeg_data.load(folder / "train.npz", chroma=False)[1][0]
    data = jpeg_bytes(220, 200, 1, quality=81, subsampling=2)
    with Image.open(io.BytesIO(data)) as image:
        table = np.array(image.quantization[0])
        grey = np.asarray(image.convert("YCbCr"))[..., 0]
    assert sorted(file.table) == sorted(table)
    means = file.x[..., 0] * file.table[0] / 8 + 128
    expected = grey[:200, :216].reshape(25, 8, 27, 8).mean((1, 3))
    assert np.abs(means[:25, :27] - expected).max() < 3
    chroma = jpeg_data.load(folder / "train.npz", chroma=True)[1]
    assert [len(c.given) for c in chroma] == [1, 2]
    assert chroma[0].given[0].shape == chroma[0].x.shape


def test_turned_crops_are_turned_pictures() -> None:
    """Flips and transposition of blocks are those of pixels: checked on single waves."""
    order = zigzag()
    x = coefficients(4, 4, 1)
    component = jpeg_data.Component(x, TABLE, [x])
    for way in range(8):
        turned = jpeg_data.crop(component, 0, 0, 4, 4, way)
        natural = np.zeros((4, 4, 64), dtype=np.int64)
        natural[..., order] = x
        square = natural.reshape(4, 4, 8, 8)
        alternating = (-1) ** np.arange(8)
        if way & 1:
            square = square[:, ::-1] * alternating
        if way & 2:
            square = square[::-1] * alternating[:, None]
        if way & 4:
            square = square.transpose(1, 0, 3, 2)
        expected = square.reshape(4, 4, 64)[..., order]
        assert np.array_equal(turned.x, expected)
        assert np.array_equal(turned.given[0], expected)
        tables = np.zeros(64, dtype=np.int64)
        tables[order] = TABLE
        tables = tables.reshape(8, 8).T if way & 4 else tables.reshape(8, 8)
        assert np.array_equal(turned.table, tables.ravel()[order])


def test_batches_are_the_same_for_the_same_step(folder: Path) -> None:
    files = jpeg_data.load(folder / "train.npz", chroma=True)
    usual = jpeg_data.usual_sizes(files, 0)
    batcher = jpeg_data.Batcher(usual, np.stack([usual, usual]))
    sampler = jpeg_data.Sampler([(files, 1, 6)], 200, 3, batcher)
    first, again, other = sampler(5), sampler(5), sampler(6)
    assert torch.equal(first.x, again.x)
    assert torch.equal(first.own.bytes_, again.own.bytes_)
    assert first.x.shape != other.x.shape or not torch.equal(first.x, other.x)


def test_a_run_learns_is_resumed_and_rounds(folder: Path) -> None:
    for name in ("checkpoint.safetensors", "log.jsonl"):
        (folder / name).unlink(missing_ok=True)
    run = Run(folder, settings())
    before = run.validate()
    run.train()
    lines = [json.loads(line) for line in (folder / "log.jsonl").read_text().splitlines()]
    assert lines[-1]["valid_y"] < before["valid_y"]
    assert run.model.luma.rounding.on
    resumed = Run(folder, settings(minutes=0.05))
    assert resumed.clock == run.clock
    assert all(
        torch.equal(a, b)
        for a, b in zip(resumed.average.parameters(), run.average.parameters(), strict=True)
    )
    resumed.train()
    assert resumed.clock.step > run.clock.step


def scaled(tensors: dict[str, torch.Tensor], name: str) -> torch.Tensor:
    """Weights as the numbers that they stand for: a power of two may be in either part."""
    weight, shift = tensors[f"{name}.weight"], tensors[f"{name}.shift"]
    return weight.flatten(1) * torch.exp2(-shift.double())[:, None]


def test_one_kind_is_exported_beside_another(folder: Path, tmp_path: Path) -> None:
    (folder / "checkpoint.safetensors").unlink(missing_ok=True)
    begin = tmp_path / "begin.safetensors"
    begin.write_bytes(model_file(network()))
    run = Run(folder, settings(kinds=("chroma",)), begin)  # type: ignore[arg-type]
    run.train()
    target = tmp_path / "model.safetensors"
    loaded = export_jpeg(folder, target, {"data": "waves"}, begin, CONFIG)
    card = json.loads(target.with_suffix(".json").read_text())
    assert card["id"] == loaded.id
    assert card["data"] == "waves"
    assert card["validation"]["y"]["blocks"] > 0
    before, after = load(begin.read_bytes()), load(target.read_bytes())
    assert torch.equal(*(scaled(t, "luma.mix.first") for t in (before, after)))
    assert not torch.equal(*(scaled(t, "chroma.mix.first") for t in (before, after)))


def test_what_begins_with_a_file_is_the_same_model(tmp_path: Path) -> None:
    """Export, begin and export again: the same numbers."""
    path = tmp_path / "model.safetensors"
    path.write_bytes(model().file)
    begun = Jpeg(CONFIG)
    begin_with(begun, path)
    first, second = load(path.read_bytes()), load(model_file(begun))
    for name, tensor in first.items():
        layer, values = name.rsplit(".", 1)
        if values == "shift":
            assert torch.equal(scaled(first, layer), scaled(second, layer)), name
        elif values in ("from_known", "from_block"):
            difference = (tensor.double() - second[name].double()).abs()
            assert (difference <= 1 + 1e-4 * tensor.abs()).all(), name
        elif values not in ("weight", "bias"):
            assert (tensor.double() - second[name].double()).abs().max() <= 1, name
    expected = coded_bits(model(), jpeg_data.Component(coefficients(5, 6, 2), TABLE, []))
    path.write_bytes(model_file(begun))
    found = coded_bits(load_jpeg_model(path), jpeg_data.Component(coefficients(5, 6, 2), TABLE, []))
    assert found.sum() == pytest.approx(expected.sum(), rel=1e-3)


def test_others_are_no_beginning(tmp_path: Path) -> None:
    path = tmp_path / "model.safetensors"
    path.write_bytes(b"none")
    with pytest.raises(ModelError):
        begin_with(Jpeg(CONFIG), path)
    path.write_bytes(model().file)
    with pytest.raises(ValueError, match="other sizes"):
        begin_with(Jpeg(JpegConfig()), path)


def test_the_command_tells_its_options() -> None:
    done = subprocess.run(
        [sys.executable, "-m", "core.training", "--family", "jpeg", "--help"],
        capture_output=True,
        text=True,
        check=True,
    )
    assert "--mosaics" in done.stdout
