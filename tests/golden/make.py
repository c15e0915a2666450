"""Makes the golden archives anew: python -m tests.golden.make, from the root of the repository.

To be run when FORMAT_VERSION is raised, or when a change of what is coded is meant; never to make
a test pass that has found something. The model is kept if there is one: its weights were drawn at
random once, and torch may draw others in another version.
"""

from __future__ import annotations

import hashlib
import io
import json
import tempfile
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image, PngImagePlugin

from core.archive import Archive
from core.archive.codec import Codecs
from core.archive.schema import FORMAT_VERSION
from core.coding.coders import Coder
from core.coding.photo.codec import PhotoCodec
from core.flows.photo.loading import load_photo_model
from tests.golden.reading import chunks_of, other_chunks

FOLDER = Path(__file__).parent
MODEL = FOLDER / "model.safetensors"
EXPECTED = FOLDER / "expected.json"

#: Table steps to a scale, fewer than of a real model: a smaller file.
_STEPS_PER_SCALE = 256


def scene(height: int, width: int, channels: int = 3) -> np.ndarray[Any, Any]:
    """Slopes, an edge and a little noise, from integers alone: (H, W, C) uint8."""
    row, column = np.mgrid[0:height, 0:width].astype(np.int64)
    planes = []
    for k in range(channels):
        slope = (row * (3 + k) + column * (4 - k)) // 2 + 40 * k
        edge = 90 * (row + 2 * column > height + k)
        noise = ((row * 7919 + column * 104729 + k * 31) ** 2 >> 7) % 7
        planes.append(np.clip(slope + edge + noise, 0, 255))
    return np.stack(planes, axis=2).astype(np.uint8)


def decoded(ycc: np.ndarray[Any, Any]) -> np.ndarray[Any, Any]:
    """Luma, and chroma at half the resolution, as libjpeg makes colours of them: (H, W, 3)."""
    luma, cb, cr = ycc.astype(np.int64).transpose(2, 0, 1)
    cb, cr = (
        np.kron(c[::2, ::2], np.ones((2, 2), np.int64))[: len(c), : c.shape[1]] // 4 - 30
        for c in (cb, cr)
    )
    red = luma + ((91881 * cr + 32768) >> 16)
    green = luma + ((-22554 * cb - 46802 * cr + 32768) >> 16)
    blue = luma + ((116130 * cb + 32768) >> 16)
    return np.clip(np.stack([red, green, blue], 2), 0, 255).astype(np.uint8)


def file_of(pixels: np.ndarray[Any, Any], form: str, **options: Any) -> bytes:
    file = io.BytesIO()
    image = Image.fromarray(pixels[:, :, 0] if pixels.shape[2] == 1 else pixels)
    image.save(file, form, **options)
    return file.getvalue()


def archives() -> dict[str, list[tuple[str, str, bytes]]]:
    """For each archive the name, coder and file of its entries."""
    odd = file_of(scene(41, 37), "PPM")
    text = PngImagePlugin.PngInfo()
    text.add_text("Title", "A golden archive")
    text.add_itxt("Comment", "grün", lang="de")
    grey_in_three = np.repeat(scene(30, 23, 1), 3, axis=2)
    return {
        "coders.floe": [(f"{coder}.ppm", coder, odd) for coder in Coder],
        "shapes.floe": [
            ("grey.pgm", "fused", file_of(scene(33, 50, 1), "PPM")),
            ("grey in three.ppm", "fused", file_of(grey_in_three, "PPM")),
            # Phases of more than two blocks: the later ones know what was learnt.
            ("learning.ppm", "fused", file_of(scene(75, 71), "PPM")),
            ("learning.pgm", "modular", file_of(scene(64, 67, 1), "PPM")),
            # Colours that JPEG's integers reach, and few that come again.
            ("ycc.ppm", "fused", file_of(decoded(scene(67, 73)), "PPM")),
            ("repeated.ppm", "modular", file_of(scene(66, 71) // 37 * 31, "PPM")),
            ("row.ppm", "fused", file_of(scene(1, 199), "PPM")),
            ("column.pgm", "modular", file_of(scene(301, 1, 1), "PPM")),
        ],
        "files.floe": [
            ("deep/er/padded.bmp", "fused", file_of(scene(30, 29), "BMP")),
            ("text.png", "fused", file_of(scene(28, 31), "PNG", pnginfo=text, compress_level=0)),
            ("stored.jpg", "fused", file_of(scene(24, 24), "JPEG")),
        ],
    }


#: Empty folders of each archive.
FOLDERS = {"files.floe": ["empty", "deep/empty too"]}


def make_model() -> None:
    """The model of tests.models, with smaller tables."""
    from core.training import tables
    from tests.models import small_model

    tables.STEPS_PER_SCALE = _STEPS_PER_SCALE
    with tempfile.TemporaryDirectory() as folder:
        MODEL.write_bytes(small_model(Path(folder)).file)


def make() -> None:
    if not MODEL.exists():
        make_model()
    codec = PhotoCodec(load_photo_model(MODEL))
    expected: dict[str, Any] = {
        "format": FORMAT_VERSION,
        "model": codec.model_id,
        "folders": FOLDERS,
        "archives": {},
    }
    for name, entries in archives().items():
        path = FOLDER / name
        path.unlink(missing_ok=True)
        expected["archives"][name] = {}
        with (
            tempfile.TemporaryDirectory() as folder,
            Archive.create(path, codecs=Codecs(lambda: codec)) as archive,
        ):
            for entry_name, coder, data in entries:
                source = Path(folder, "source")
                source.write_bytes(data)
                entry = archive.add_file(source, entry_name, coder=coder, carry_model=True)
                expected["archives"][name][entry_name] = {
                    "shape": [entry.height, entry.width, entry.channels],
                    "kind": entry.kind,
                    "coder": entry.coder,
                    "pixel_sha256": entry.pixel_sha256,
                    "file_sha256": hashlib.sha256(data).hexdigest(),
                    "chunk_sha256": [
                        hashlib.sha256(chunk).hexdigest() for chunk in chunks_of(path, entry_name)
                    ],
                }
                if entry.kind == "png":
                    expected["archives"][name][entry_name]["png_chunks"] = other_chunks(data)
                elif entry.kind == "original":  # decoded by a library that may change
                    del expected["archives"][name][entry_name]["pixel_sha256"]
            for folder_name in FOLDERS.get(name, []):
                archive.new_folder(folder_name)
    EXPECTED.write_text(json.dumps(expected, indent=1) + "\n")


if __name__ == "__main__":
    make()
