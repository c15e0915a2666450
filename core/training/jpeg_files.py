"""Coefficients of JPEG files, and of files that are made of other pictures, kept beside a run.

Real files come as cameras and editors wrote them. More are made of them and of photographs:
reduced, cut at another corner, saved at other qualities, with other files' tables and other
samplings, some of them twice, as what is found in the wild has been.
"""

from __future__ import annotations

import io
import logging
from collections.abc import Iterator
from pathlib import Path
from random import Random
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from core.flows.jpeg.inputs import zigzag
from core.images.jpeg import take_apart
from core.training.data import CROP, load_mosaics

log = logging.getLogger(__name__)

Array = NDArray[Any]

_ZIGZAG = zigzag()
_LARGEST_PIXELS = 1_200_000  # of a picture that is made of another
_COPIES = 2  # that are made of each file
_SAMPLINGS, _SHARES = (0, 1, 2), (0.15, 0.25, 0.6)  # Pillow's numbers of 4:4:4, 4:2:2 and 4:2:0

_Tables = list[tuple[list[int], list[int]]]


def prepare(run: Path, train: Path, valid: Path, mosaics: Path | None) -> None:
    """Writes what is not there yet: train, again, mosaic and valid.npz in the folder of a run.

    train, valid: folders of JPEG files; mosaics: of crops (:mod:`core.training.data`).
    """
    run.mkdir(parents=True, exist_ok=True)
    for name, folder in (("train", train), ("valid", valid)):
        if not (run / f"{name}.npz").exists():
            _write(run / f"{name}.npz", list(_files(folder)))
    with np.load(run / "train.npz") as files:
        tables = [
            (_natural(files[name]), _natural(files[name.replace("qy", "qb")]))
            for name in files.files
            if name.endswith("qy") and name.replace("qy", "qb") in files.files
        ]
    if not (run / "again.npz").exists():
        _write(run / "again.npz", list(_again(train, tables)))
    if mosaics is not None and not (run / "mosaic.npz").exists():
        _write(run / "mosaic.npz", list(_of_crops(mosaics, tables)))


def coefficients(data: bytes) -> dict[str, Array] | None:
    """Of the largest image of a file: y, b, r (R, C, 64) int16 and qy, qb, qr (64,) int32."""
    images, _ = take_apart(data)
    if not images:
        return None
    image = max(images, key=lambda image: image.n_blocks)
    found: dict[str, Array] = {}
    # Other numbers of components are not what chroma is.
    names = "ybr" if len(image.components) == 3 else "y"
    for name, component in zip(names, image.components, strict=False):
        found[name] = np.ascontiguousarray(component.coefficients[:, :, _ZIGZAG])
        found[f"q{name}"] = component.quantiser[_ZIGZAG].astype(np.int32)
        if not found[f"q{name}"].all() or not found[name].size:
            return None
    return found


def _files(folder: Path) -> Iterator[dict[str, Array]]:
    for path in sorted(folder.iterdir()):
        if found := coefficients(path.read_bytes()):
            yield found
        else:
            log.info("%s has no image to train on", path)


def _again(folder: Path, tables: _Tables) -> Iterator[dict[str, Array]]:
    random = Random(1)
    for path in sorted(folder.iterdir()):
        try:
            with Image.open(path) as image:
                picture = image.convert("RGB")
        except OSError as error:
            log.info("%s is not decoded: %s", path, error)
            continue
        for _ in range(_COPIES):
            if found := coefficients(_encoded(_changed(picture, random, tables), random, tables)):
                yield found


def _of_crops(folder: Path, tables: _Tables) -> Iterator[dict[str, Array]]:
    random = Random(2)
    for crop in load_mosaics(folder):
        picture = Image.fromarray(crop.permute(1, 2, 0).numpy())
        if random.random() < 0.3:
            picture = _decoded(_encoded(picture, random, tables))
        if found := coefficients(_encoded(picture, random, tables)):
            yield found


def _changed(picture: Image.Image, random: Random, tables: _Tables) -> Image.Image:
    """Reduced, or cut at another corner of the grid of blocks; and not too large."""
    factor = 1.0 if random.random() < 0.3 else random.uniform(0.35, 0.8)
    if max(picture.size) * factor < 2 * CROP:
        factor = 1.0
    if factor < 1:
        size = (max(64, int(n * factor)) for n in picture.size)
        kinds = Image.Resampling
        ways = (kinds.BICUBIC, kinds.LANCZOS, kinds.BOX, kinds.BILINEAR)
        picture = picture.resize((next(size), next(size)), random.choice(ways))
    elif random.random() < 0.5:
        corner = random.randint(0, 7), random.randint(0, 7)
        picture = picture.crop((*corner, *picture.size))
    if picture.width * picture.height > _LARGEST_PIXELS:
        width, height = min(picture.width, 1200), min(picture.height, 1000)
        left = random.randint(0, picture.width - width) // 16 * 16
        top = random.randint(0, picture.height - height) // 16 * 16
        picture = picture.crop((left, top, left + width, top + height))
    if factor < 1 and random.random() < 0.3:
        picture = _decoded(_encoded(picture, random, tables))
    return picture


def _encoded(picture: Image.Image, random: Random, tables: _Tables) -> bytes:
    file = io.BytesIO()
    sampling = random.choices(_SAMPLINGS, _SHARES)[0]
    if tables and random.random() < 0.45:
        factor = random.choice((1, 1, 1, 0.5, 2, random.uniform(0.4, 3)))
        pair = [
            [min(255, max(1, round(q * factor))) for q in table] for table in random.choice(tables)
        ]
        picture.save(file, "JPEG", qtables=pair, subsampling=sampling)
    else:
        ways = (random.randint(75, 97), random.randint(40, 75), 100)
        quality = random.choices(ways, (0.75, 0.22, 0.03))[0]
        picture.save(file, "JPEG", quality=quality, subsampling=sampling)
    return file.getvalue()


def _decoded(data: bytes) -> Image.Image:
    with Image.open(io.BytesIO(data)) as image:
        return image.convert("RGB")


def _natural(table: Array) -> list[int]:
    found = np.empty(64, dtype=np.int64)
    found[_ZIGZAG] = table
    return found.tolist()


def _write(path: Path, files: list[dict[str, Array]]) -> None:
    arrays = {f"{i}.{name}": array for i, file in enumerate(files) for name, array in file.items()}
    partial = path.with_suffix(".partial.npz")
    np.savez(partial, **arrays)  # type: ignore[arg-type]
    partial.replace(path)
    log.info("%s: %d files", path, len(files))
