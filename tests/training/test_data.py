"""Training photographs: read as they were written, and augmented within their range."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image
from torch import Tensor

from core.flows.flowpp import CIFAR10, small
from core.training import data
from core.training.data import (
    AUGMENTATIONS,
    CROP,
    Batches,
    MirroredBatches,
    augmented,
    load_arrays,
    load_mosaics,
    load_pictures,
    reduced,
)
from core.training.families import load_data
from tests.models import crops


def mosaic(path: Path, grid: Tensor, rows: int) -> None:
    """Writes (N, 3, 96, 96) uint8 as rows of crops, without loss."""
    columns = len(grid) // rows
    pixels = grid.reshape(rows, columns, 3, CROP, CROP).permute(0, 3, 1, 4, 2)
    image = Image.fromarray(pixels.reshape(rows * CROP, columns * CROP, 3).numpy())
    image.save(path, lossless=True, method=0)


def test_mosaics_are_read_crop_by_crop_and_row_by_row(tmp_path: Path) -> None:
    one, two = crops(6, CROP, seed=1), crops(4, CROP, seed=2)
    mosaic(tmp_path / "mosaic_000.webp", one, rows=2)
    mosaic(tmp_path / "mosaic_001.webp", two, rows=4)
    mosaic(tmp_path / "other.webp", crops(1, CROP, seed=3), rows=1)
    found = load_mosaics(tmp_path)
    assert found.dtype == torch.uint8
    assert torch.equal(found, torch.cat([one, two]))


def test_empty_places_of_a_mosaic_are_left_out(tmp_path: Path) -> None:
    grid = crops(6, CROP)
    grid[4:] = 0
    grid[1] = 0
    grid[1, 2, 95, 95] = 1  # dark, but not empty
    mosaic(tmp_path / "mosaic_000.webp", grid, rows=3)
    assert torch.equal(load_mosaics(tmp_path), grid[:4])


def test_a_folder_without_mosaics_is_an_error(tmp_path: Path) -> None:
    (tmp_path / "picture.webp").write_bytes(b"")
    with pytest.raises(FileNotFoundError, match=r"mosaic_\*\.webp") as caught:
        load_mosaics(tmp_path)
    assert str(tmp_path) in str(caught.value)


@pytest.fixture(scope="module")
def photographs() -> Tensor:
    return crops(5, CROP)


def test_batches_keep_shape_and_range(photographs: Tensor) -> None:
    before = photographs.clone()
    batches = Batches(photographs, 6, seed=1)
    drawn = torch.stack([batches(step) for step in range(40)])
    assert drawn.shape == (40, 6, 3, CROP, CROP)
    assert drawn.dtype == torch.float32
    assert torch.equal(drawn, drawn.round())
    assert drawn.min() >= 0
    assert drawn.max() <= 255
    assert drawn.std() > 20  # they are pictures still
    assert torch.equal(photographs, before)


def test_batches_are_those_of_their_seed_and_step(photographs: Tensor) -> None:
    first = [Batches(photographs, 3, seed=1)(step) for step in range(12)]
    again = Batches(photographs, 3, seed=1)
    torch.manual_seed(99)
    for step in reversed(range(12)):
        torch.rand(7)
        assert torch.equal(again(step), first[step])
    for step in range(11):
        assert not torch.equal(first[step], first[step + 1])
        assert not torch.equal(first[step], Batches(photographs, 3, seed=2)(step))


def test_some_crops_stay_as_they_are_and_most_do_not(photographs: Tensor) -> None:
    whole = {_turned(x, i).numpy().tobytes() for x in photographs for i in range(8)}
    batches = Batches(photographs, 4, seed=3)
    untouched = sum(
        x.to(torch.uint8).numpy().tobytes() in whole for step in range(60) for x in batches(step)
    )
    assert 20 < untouched < 120  # of 240; a sixth is expected


#: What makes each augmentation.
MADE_BY = {
    "mosaic": (data, "_sensor_mosaic"),
    "chroma": (data, "_half_chroma"),
    "enlarged": (data, "_enlarged"),
    "noise": (torch, "randn"),
    "stretched": (data, "_stretched"),
}


def test_an_unknown_augmentation_is_refused(photographs: Tensor) -> None:
    assert set(MADE_BY) == set(AUGMENTATIONS)
    with pytest.raises(ValueError, match="no augmentation blur, haze"):
        Batches(photographs, 4, 1, without=("noise", "haze", "blur"))


@pytest.mark.parametrize("name", AUGMENTATIONS)
def test_what_is_left_out_is_never_done_and_all_else_stays(
    name: str, photographs: Tensor, monkeypatch
) -> None:
    owner, function = MADE_BY[name]
    done = []
    made = getattr(owner, function)
    monkeypatch.setattr(owner, function, lambda *x, **y: done.append(1) or made(*x, **y))
    usual, touched = [], []
    for step in range(30):
        usual.append(Batches(photographs, 4, seed=3)(step))
        touched.append(bool(done))
        done.clear()
    assert 0 < sum(touched) < 25
    without = Batches(photographs, 4, seed=3, without=(name,))
    found = [without(step) for step in range(30)]
    assert not done
    # Four crops are altered alike, by numbers that are drawn for them alone.
    assert [not torch.equal(a, b) for a, b in zip(usual, found, strict=True)] == touched


def test_without_any_augmentation_crops_are_only_turned(photographs: Tensor) -> None:
    whole = {_turned(x, i).numpy().tobytes() for x in photographs for i in range(8)}
    batches = Batches(photographs, 6, seed=3, without=AUGMENTATIONS)
    for step in range(10):
        assert all(x.to(torch.uint8).numpy().tobytes() in whole for x in batches(step))


@pytest.mark.parametrize("side", [8, 64, 95])
def test_a_part_of_each_crop_may_be_enough(photographs: Tensor, side: int) -> None:
    whole, part = Batches(photographs, 2, seed=1), Batches(photographs, 2, seed=1, side=side)
    places = set()
    for step in range(20):
        x, y = whole(step), part(step)
        assert y.shape == (2, 3, side, side)
        assert y.dtype == torch.float32
        windows = x.unfold(2, side, 1).unfold(3, side, 1)  # (2, 3, places, places, side, side)
        same = (windows == y[:, :, None, None]).all(-1).all(-1).all(0).all(0)
        assert same.any()
        places |= {tuple(place) for place in same.nonzero().tolist()}
    rows, columns = (sorted({place[i] for place in places}) for i in range(2))
    for found in (rows, columns):
        assert found[0] <= (CROP - side) / 4
        assert found[-1] >= (CROP - side) * 3 / 4
    assert rows != columns or side == 95


@pytest.mark.parametrize("without", [(), ("noise", "stretched")])
def test_altered_photographs_are_integers_and_those_of_their_numbers(
    photographs: Tensor, without: tuple[str, ...]
) -> None:
    given = photographs.float()
    for seed in range(4):
        found = augmented(given, torch.Generator().manual_seed(seed), without)
        assert found.shape == given.shape
        assert torch.equal(found, found.round().clamp(0, 255))
        again = augmented(given, torch.Generator().manual_seed(seed), without)
        assert torch.equal(found, again)
    assert torch.equal(given, photographs)


def _turned(x: Tensor, i: int) -> Tensor:
    x = x.flip(-1) if i & 1 else x
    x = x.flip(-2) if i & 2 else x
    return (x.transpose(-1, -2) if i & 4 else x).contiguous()


def test_all_eight_turns_occur() -> None:
    x = torch.arange(9.0).reshape(1, 1, 3, 3)
    seen = {
        tuple(data._turned(x, torch.Generator().manual_seed(i)).flatten().tolist())
        for i in range(60)
    }
    assert seen == {tuple(_turned(x, i).flatten().tolist()) for i in range(8)}


@pytest.mark.parametrize("mode", ["bilinear", "bicubic"])
def test_half_chroma_keeps_grey_and_halves_colour(mode: str) -> None:
    grey = torch.randint(0, 256, (2, 1, CROP, CROP)).float().expand(-1, 3, -1, -1)
    assert torch.allclose(data._half_chroma(grey, mode), grey, atol=1e-2)
    striped = torch.zeros(1, 3, CROP, CROP)
    striped[:, 0, :, ::2] = 255  # red at every other column
    out = data._half_chroma(striped, mode)
    assert out.min() >= 0
    assert out.max() <= 255
    difference = (out[:, 0] - out[:, 2]).flatten()
    assert difference.std() < 0.5 * (striped[:, 0] - striped[:, 2]).std()


def test_a_sensor_mosaic_keeps_one_colour_of_each_pixel(photographs: Tensor) -> None:
    x = photographs.float()
    out = data._sensor_mosaic(x)
    kept = out == x
    for channel, row, column in ((0, 0, 0), (1, 0, 1), (1, 1, 0), (2, 1, 1)):
        assert kept[:, channel, row::2, column::2].all()
    assert kept.float().mean() < 0.6  # the others are interpolated
    assert out.min() >= 0
    assert out.max() <= 255
    flat = torch.full((1, 3, CROP, CROP), 77.0)
    assert torch.allclose(data._sensor_mosaic(flat), flat)


@pytest.mark.parametrize("mode", ["bilinear", "bicubic"])
def test_enlarged_crops_show_a_part(mode: str, photographs: Tensor) -> None:
    x = photographs.float()
    random = torch.Generator().manual_seed(1)
    assert torch.allclose(data._enlarged(x, 1.0, mode, random), x, atol=1e-3)
    out = data._enlarged(x, 1.8, mode, random)
    assert out.shape == x.shape
    assert out.min() >= 0
    assert out.max() <= 255
    roughness = (out[..., 1:] - out[..., :-1]).abs().mean()
    assert roughness < 0.9 * (x[..., 1:] - x[..., :-1]).abs().mean()


def test_stretching_leaves_gaps_in_the_histogram() -> None:
    x = torch.arange(256.0).expand(1, 3, 1, 256)
    assert torch.equal(data._stretched(x, 1.0, 0.0), x)
    stretched = data._stretched(x, 1.3, -20).round()
    assert stretched.min() == 0
    assert stretched.max() == 255
    values = set(stretched.flatten().tolist())
    assert 190 < len(values) < 220


def test_the_whole_generator_state_is_the_batch_s_own() -> None:
    torch.manual_seed(5)
    expected = torch.rand(3)
    torch.manual_seed(5)
    Batches(crops(2, CROP), 4, seed=1)(0)
    assert np.array_equal(torch.rand(3), expected)


def test_pictures_of_a_folder(tmp_path: Path) -> None:
    pixels = np.arange(5 * 7 * 3, dtype=np.uint8).reshape(5, 7, 3)
    Image.fromarray(pixels).save(tmp_path / "b.png")
    Image.fromarray(pixels[..., 0]).save(tmp_path / "a.png")
    grey, colour = load_pictures(tmp_path)
    assert np.array_equal(colour.permute(1, 2, 0).numpy(), pixels)
    assert np.array_equal(grey.numpy(), np.repeat(pixels[None, ..., 0], 3, 0))


@pytest.mark.parametrize("size", [8, 32, 64, 96])
def test_reduced_pixels_are_means_of_their_areas(size: int) -> None:
    whole = crops(3, CROP, seed=6)
    small = reduced(whole, size)
    assert small.shape == (3, 3, size, size)
    assert small.dtype == torch.uint8
    weights = torch.zeros(size, CROP)
    for i in range(size):
        for j in range(CROP):
            covered = min((i + 1) * CROP / size, j + 1) - max(i * CROP / size, j)
            weights[i, j] = max(covered, 0) * size / CROP
    exact = torch.einsum("ih,jw,nchw->ncij", weights, weights, whole.float())
    assert (small.float() - exact).abs().max() <= 0.501


def test_mirrored_batches_are_images_or_their_mirrors() -> None:
    images = crops(6, 16)
    batches = MirroredBatches(images, 4, seed=2)
    both = {x.numpy().tobytes(): i for i, x in enumerate(torch.cat([images, images.flip(-1)]))}
    seen = set()
    for step in range(30):
        batch = batches(step)
        assert batch.dtype == torch.float32
        assert torch.equal(batch, MirroredBatches(images, 4, seed=2)(step))
        seen |= {both[x.to(torch.uint8).numpy().tobytes()] for x in batch}
    assert seen == set(range(12))


def test_images_are_held_out_of_a_file(tmp_path: Path) -> None:
    images = crops(30, 8).permute(0, 2, 3, 1).numpy()
    np.savez(tmp_path / "i.npz", other=np.zeros((3, 4, 4, 3), np.uint8), images=images)
    config = small(CIFAR10, width=8, size=8)
    train, valid = load_data(config, tmp_path / "i.npz", None)
    assert (len(train), len(valid)) == (27, 3)
    ours = {x.numpy().tobytes() for x in torch.cat([train, valid])}
    assert ours == {np.ascontiguousarray(x.transpose(2, 0, 1)).tobytes() for x in images}
    assert torch.equal(load_arrays(tmp_path / "i.npz", 8)[9], valid[0])
