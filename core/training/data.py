"""Training photographs, and the ways in which they are made to look like other photographs."""

from __future__ import annotations

import math
from collections.abc import Collection
from pathlib import Path

import numpy as np
import torch
import torch.nn.functional as F
from PIL import Image
from torch import Tensor

CROP = 96

#: Ways in which training crops are made to look like other photographs.
AUGMENTATIONS = ("mosaic", "chroma", "enlarged", "noise", "stretched")


def load_mosaics(folder: Path) -> Tensor:
    """All crops of a folder of mosaics (12 x 12 crops of 96 x 96 each): (N, 3, 96, 96) uint8."""
    crops = []
    for path in sorted(folder.glob("mosaic_*.webp")):
        with Image.open(path) as image:
            pixels = np.asarray(image.convert("RGB"))
        rows, columns = pixels.shape[0] // CROP, pixels.shape[1] // CROP
        grid = pixels.reshape(rows, CROP, columns, CROP, 3).transpose(0, 2, 4, 1, 3)
        grid = grid.reshape(rows * columns, 3, CROP, CROP)
        crops.append(grid[grid.any(axis=(1, 2, 3))])  # the last mosaic ends in empty places
    if not crops:
        raise FileNotFoundError(f"no mosaic_*.webp in {folder}")
    return torch.from_numpy(np.concatenate(crops))


def load_pictures(folder: Path) -> list[Tensor]:
    """The PNG files of a folder: each (3, H, W) uint8."""
    pictures = []
    for path in sorted(folder.glob("*.png")):
        with Image.open(path) as image:
            pictures.append(torch.from_numpy(np.array(image.convert("RGB"))).permute(2, 0, 1))
    return pictures


def load_arrays(path: Path, size: int) -> Tensor:
    """The array of images of the size in an .npz, (N, size, size, 3) uint8: (N, 3, size, size)."""
    with np.load(path, allow_pickle=False) as arrays:
        for name in arrays.files:
            images = arrays[name]
            if images.dtype == np.uint8 and images.shape[1:] == (size, size, 3):
                return torch.from_numpy(images).permute(0, 3, 1, 2).contiguous()
    raise ValueError(f"{path} holds no images of {size} x {size}: uint8, (N, {size}, {size}, 3)")


def reduced(crops: Tensor, size: int) -> Tensor:
    """Crops (N, 3, 96, 96) uint8 reduced to size x size, each pixel the mean of its area."""
    factor = math.gcd(CROP, size)
    up, down = size // factor, CROP // factor
    parts = []
    for part in crops.split(256):
        fine = part.float().repeat_interleave(up, -1).repeat_interleave(up, -2)
        parts.append(F.avg_pool2d(fine, down).round().to(torch.uint8))
    return torch.cat(parts)


class MirroredBatches:
    """Endless random batches of whole images, half of them mirrored, by seed and step."""

    def __init__(self, images: Tensor, batch: int, seed: int) -> None:
        self.images, self.batch, self.seed = images, batch, seed

    def __call__(self, step: int) -> Tensor:
        """(batch, 3, H, W) float32 of integers in [0, 255]."""
        random = torch.Generator().manual_seed(self.seed * 1_000_003 + step)
        x = self.images[torch.randint(len(self.images), (self.batch,), generator=random)].float()
        mirrored = torch.randint(2, (self.batch,), generator=random).bool()
        return torch.where(mirrored[:, None, None, None], x.flip(-1), x)


class Batches:
    """Endless random batches of augmented crops, reproducible from a seed and a step.

    The crops are sharper and cleaner than what cameras and scanners produce, so part of them is
    enlarged by up to 1.8, given noise, half-resolution chroma or a simulated sensor mosaic.
    ``without``: which of these they are not, by name; ``side``: of the part of each crop that is
    trained on.
    """

    def __init__(
        self,
        crops: Tensor,
        batch: int,
        seed: int,
        without: Collection[str] = (),
        side: int = CROP,
    ) -> None:
        if unknown := set(without) - set(AUGMENTATIONS):
            raise ValueError(f"no augmentation {', '.join(sorted(unknown))}")
        self.crops, self.batch, self.seed = crops, batch, seed
        self.without, self.side = without, side

    def __call__(self, step: int) -> Tensor:
        """(batch, 3, side, side) float32 of integers in [0, 255]."""
        random = torch.Generator().manual_seed(self.seed * 1_000_003 + step)
        index = torch.randint(len(self.crops), (self.batch,), generator=random)
        x = augmented(_turned(self.crops[index].float(), random), random, self.without)
        top, left = torch.randint(CROP - self.side + 1, (2,), generator=random).tolist()
        return x[..., top : top + self.side, left : left + self.side]


def augmented(x: Tensor, random: torch.Generator, without: Collection[str] = ()) -> Tensor:
    """Crops (N, 3, 96, 96), four at a time made to look like other photographs; integers still."""
    groups = [_augmented(group, random, without) for group in x.split(4)]
    return torch.cat(groups).round().clamp(0, 255)


def _turned(x: Tensor, random: torch.Generator) -> Tensor:
    """Each batch mirrored and turned by a random element of the square's symmetries."""
    flip, mirror, turn = torch.randint(2, (3,), generator=random).tolist()
    x = x.flip(-1) if flip else x
    x = x.flip(-2) if mirror else x
    return x.transpose(-1, -2) if turn else x


def _augmented(x: Tensor, random: torch.Generator, without: Collection[str]) -> Tensor:
    def chance(p: float, name: str = "") -> bool:
        return torch.rand((), generator=random).item() < p and name not in without

    def uniform(low: float, high: float) -> float:
        return low + (high - low) * torch.rand((), generator=random).item()

    if chance(0.12, "mosaic"):
        x = _sensor_mosaic(x)
    if chance(0.25, "chroma"):
        x = _half_chroma(x, "bilinear" if chance(0.6) else "bicubic")
    if chance(0.5, "enlarged"):
        x = _enlarged(x, uniform(1.0, 1.8), "bicubic" if chance(0.7) else "bilinear", random)
    if chance(0.35, "noise"):
        level = uniform(0, 1) ** 2 * 5
        shared = uniform(0, 1)  # film grain and luma noise move the channels together
        noise = torch.randn(x.shape, generator=random)
        common = torch.randn((len(x), 1, *x.shape[2:]), generator=random)
        if chance(0.3):
            noise, common = (F.avg_pool2d(n, 3, 1, 1) * 2 for n in (noise, common))
        x = x + level * ((1 - shared) * noise + shared * common)
    if chance(
        0.2, "chroma"
    ):  # last, so that a pixel's channels depend on each other as decoders leave them
        x = _half_chroma(x, "bilinear" if chance(0.7) else "bicubic")
    if chance(0.1, "stretched"):
        x = _stretched(x, uniform(0.7, 1.3), uniform(-20, 20))
    return x


def _enlarged(x: Tensor, factor: float, mode: str, random: torch.Generator) -> Tensor:
    """A random part of each crop, resampled to the full size."""
    size = round(CROP / factor)
    top, left = (int(torch.randint(CROP - size + 1, (), generator=random)) for _ in range(2))
    part = x[..., top : top + size, left : left + size]
    return F.interpolate(part, (CROP, CROP), mode=mode, align_corners=False).clamp(0, 255)


_TO_YCC = torch.tensor(
    [[0.299, 0.587, 0.114], [-0.168736, -0.331264, 0.5], [0.5, -0.418688, -0.081312]]
)


def _half_chroma(x: Tensor, mode: str) -> Tensor:
    """Chroma averaged over 2x2 and interpolated back, as JPEG and Photo CD decoders do."""
    ycc = torch.einsum("ij,njhw->nihw", _TO_YCC, x)
    coarse = F.avg_pool2d(ycc[:, 1:], 2).round()
    chroma = F.interpolate(coarse, x.shape[-2:], mode=mode, align_corners=False)
    rgb = torch.cat([ycc[:, :1].round(), chroma.round()], 1)
    return torch.einsum("ij,njhw->nihw", torch.linalg.inv(_TO_YCC), rgb).clamp(0, 255)


def _sensor_mosaic(x: Tensor) -> Tensor:
    """Each pixel keeps one colour (RGGB); the others are interpolated from their neighbours."""
    mask = torch.zeros(1, 3, *x.shape[-2:])
    mask[:, 0, 0::2, 0::2] = mask[:, 1, 0::2, 1::2] = mask[:, 1, 1::2, 0::2] = 1
    mask[:, 2, 1::2, 1::2] = 1
    kernel = torch.tensor([[1.0, 2, 1], [2, 4, 2], [1, 2, 1]]).expand(3, 1, 3, 3)
    total = F.conv2d(x * mask, kernel, padding=1, groups=3)
    filled = total / F.conv2d(mask, kernel, padding=1, groups=3)
    return torch.where(mask.bool(), x, filled)


def _stretched(x: Tensor, gain: float, offset: float) -> Tensor:
    """Contrast changed after rounding, which leaves gaps in the histogram."""
    return (x.round() * gain + offset).clamp(0, 255)
