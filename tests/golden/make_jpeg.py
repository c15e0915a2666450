"""Makes the golden archive of JPEG files anew: python -m tests.golden.make_jpeg, from the root.

As :mod:`tests.golden.make`, and as rarely. Its models are small ones of its own, which the archive
carries, so that it stays as it is when the program's models are trained on.
"""

from __future__ import annotations

import hashlib
import json
import tempfile
from pathlib import Path

import numpy as np

from core.archive import Archive
from core.archive.codec import Codecs, load_photo_codec
from core.coding.efforts import Effort
from core.coding.jpeg import kernel
from core.coding.jpeg.codec import JpegCodec
from core.coding.jpeg.fast import Fast
from core.coding.jpeg.luma import luma_map
from core.coding.jpeg.model import initial_model, jpeg_model, write_model
from core.coding.jpeg.normal import model_file, normal
from core.coding.jpeg.priors import nothing_learned, write_priors
from tests.golden.make import FOLDER, file_of, scene
from tests.golden.reading import chunks_of

EXPECTED = FOLDER / "jpeg.json"
ARCHIVE = FOLDER / "jpeg.floe"
MODELS = {Effort.FAST: FOLDER / "jpeg-fast.model", Effort.NORMAL: FOLDER / "jpeg-normal.model"}


def files() -> dict[str, tuple[Effort, bytes]]:
    """The effort and the file of each entry, by name."""
    colours, grey = scene(75, 71), scene(64, 67, 1)
    small = file_of(scene(24, 32), "JPEG", quality=60)
    found = {}
    for effort in Effort:
        found |= {
            f"{effort}.jpg": (effort, file_of(colours, "JPEG", quality=92)),
            f"{effort} 4-4-4.jpg": (effort, file_of(colours, "JPEG", quality=75, subsampling=0)),
            f"{effort} grey.jpg": (effort, file_of(grey, "JPEG", progressive=True)),
            # Two images in a file share a tile.
            f"{effort} two.jpg": (effort, file_of(grey, "JPEG", comment=small[:60_000])),
        }
    return found


def make_models() -> None:
    """Small models: of random weights, and such as have learned nothing."""
    from tests.flows.jpeg.small import model

    rng = np.random.default_rng(1)
    centre = rng.integers(-40, 41, (64, kernel.N_CENTRE)).astype(np.int32)
    scale = rng.integers(0, 200, (64, kernel.N_SCALE)).astype(np.int32)
    learning = np.array([255, 6, 2, 20], np.int64)
    kinds = (initial_model(centre, scale, learning),) * 3
    MODELS[Effort.FAST].write_bytes(write_model(kinds, {n: luma_map(n) for n in (2, 4)}))
    start = write_priors((nothing_learned(),) * 3, 4096)
    MODELS[Effort.NORMAL].write_bytes(model_file(model().file, start))


def codec_of(effort: Effort) -> JpegCodec:
    """The codec of a golden model."""
    data = MODELS[effort].read_bytes()
    return JpegCodec(Fast(jpeg_model(data)) if effort is Effort.FAST else normal(data))


def make() -> None:
    if not all(path.exists() for path in MODELS.values()):
        make_models()
    ARCHIVE.unlink(missing_ok=True)
    expected = {}
    with (
        tempfile.TemporaryDirectory() as folder,
        Archive.create(ARCHIVE, codecs=Codecs(load_photo_codec, codec_of)) as archive,
    ):
        for name, (effort, data) in files().items():
            source = Path(folder, "source")
            source.write_bytes(data)
            entry = archive.add_file(source, name, effort=effort, carry_model=True)
            expected[name] = {
                "effort": effort,
                "kind": entry.kind,
                "model": entry.model,
                "file_sha256": hashlib.sha256(data).hexdigest(),
                "chunk_sha256": [
                    hashlib.sha256(chunk).hexdigest() for chunk in chunks_of(ARCHIVE, name)
                ],
            }
    EXPECTED.write_text(json.dumps(expected, indent=1) + "\n")


if __name__ == "__main__":
    make()
