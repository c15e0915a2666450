"""Compile all loops for any processor of this kind: ``python -m tools.precompile FOLDER``.

The folder becomes ``resources/compiled`` of a bundle, so that its first start compiles nothing. To
find out which loops there are, and for which types, the sample images are archived, shown and
extracted; see :mod:`core.compiled` for what is in the files.
"""

from __future__ import annotations

import argparse
import os
import subprocess
import sys
from pathlib import Path

import llvmlite.binding
from PIL import Image

from core.compiled import portable_processor

_ROOT = Path(__file__).parents[1]


class PrecompileError(Exception):
    """The loops cannot be compiled here."""


def precompile(folder: Path) -> int:
    """Fill a folder; returns the number of files. Raises PrecompileError."""
    processor = portable_processor(llvmlite.binding.get_default_triple())
    if processor is None:
        raise PrecompileError("this processor does not run what would be compiled")
    done = subprocess.run(
        [sys.executable, "-m", "tools.precompile", "--here", str(folder.resolve())],
        env=os.environ | {"NUMBA_CPU_NAME": processor, "NUMBA_CPU_FEATURES": ""},
        cwd=_ROOT,
        check=False,
    )
    if done.returncode:
        raise PrecompileError("the sample images could not be archived")
    return len(list(folder.iterdir()))


def _compile_here(folder: Path) -> None:
    """Run everything once, with a cache that is empty at first."""
    import tempfile

    from core import compiled, engine
    from core.archive import Archive
    from core.coding.efforts import Effort

    compiled.cache_folder = lambda: folder
    with tempfile.TemporaryDirectory() as scratch:
        images = Path(scratch) / "images"
        images.mkdir()
        for sample in sorted((_ROOT / "resources" / "samples").glob("*.png")):
            with Image.open(sample) as image:
                small = image.crop((0, 0, 150, 130))
                small.save(images / sample.name)
                small.save(images / f"{sample.stem}-stored.png", compress_level=0)
                small.convert("RGB").save(images / f"{sample.stem}.jpg", quality=90)
                small.convert("L").save(images / f"{sample.stem}-grey.jpg", quality=90)
        archive = Path(scratch) / "samples.floe"
        Archive.create(archive).close()
        results = []
        for effort in Effort:
            sources = engine.plan([images], str(effort))
            results += engine.add(archive, sources, effort=effort)
        if any(result.error for result in results):
            raise PrecompileError(str([result.error for result in results if result.error]))
        with Archive.open(archive) as opened:
            for entry in opened.entries():
                opened.read_pixels(entry.name)
                opened.read_thumbnail(entry.name, 64)
                opened.read_codelengths(entry.name)


def main() -> int:
    """The command line of this script."""
    parser = argparse.ArgumentParser(prog="python -m tools.precompile", description=__doc__)
    parser.add_argument("folder", type=Path, help="the folder to fill")
    parser.add_argument("--here", action="store_true", help=argparse.SUPPRESS)
    arguments = parser.parse_args()
    if arguments.here:
        _compile_here(arguments.folder)
        return 0
    try:
        count = precompile(arguments.folder)
    except PrecompileError as error:
        sys.stderr.write(f"{error}\n")
        return 1
    sys.stdout.write(f"{count} compiled loops in {arguments.folder}\n")
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
