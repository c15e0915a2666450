"""Build the wheel and try it outside of the checkout: ``python -m tools.wheel OUTDIR``.

The wheel and its dependencies are installed into an empty virtual environment in a temporary
folder. There photographs are archived, extracted and compared, and the window is opened offscreen.
"""

from __future__ import annotations

import argparse
import filecmp
import os
import shutil
import subprocess
import sys
import tempfile
import venv
from collections.abc import Iterable
from pathlib import Path
from zipfile import ZipFile

from PIL import Image

_ROOT = Path(__file__).parents[1]
#: The packages of the program; everything in them belongs to the wheel.
PACKAGES = ("app", "core", "resources")
#: Files at the top of the checkout that the build reads.
_TOP = ("LICENSE", "README.md", "pyproject.toml")


class WheelError(Exception):
    """The wheel cannot be built, or does not work."""


def sources() -> set[str]:
    """The files of the packages that git knows, relative to the checkout."""
    listed = _run(
        ["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard", *PACKAGES],
        folder=_ROOT,
    )
    return {name for name in listed.split("\0") if name and (_ROOT / name).exists()}


def build(out: Path) -> Path:
    """Build the wheel from a copy of the sources: a build folder of before would leave its files.

    Raises WheelError.
    """
    with tempfile.TemporaryDirectory(prefix="floe-wheel-") as scratch:
        copy = Path(scratch) / "floe"
        for name in (*sources(), *_TOP):
            (copy / name).parent.mkdir(parents=True, exist_ok=True)
            shutil.copy2(_ROOT / name, copy / name)
        _run(
            [sys.executable, "-m", "pip", "wheel", "--quiet", "--disable-pip-version-check",
             "--no-deps", "--no-build-isolation", "--wheel-dir", f"{scratch}/out", str(copy)],
            folder=copy,
        )  # fmt: skip
        (built,) = Path(scratch, "out").glob("*.whl")
        out.mkdir(parents=True, exist_ok=True)
        return Path(shutil.copy2(built, out))


def contents(wheel: Path) -> set[str]:
    """The names in a wheel, without those of its metadata."""
    with ZipFile(wheel) as archive:
        return {name for name in archive.namelist() if ".dist-info/" not in name}


def install(wheel: Path, folder: Path) -> Path:
    """Install a wheel and its dependencies into a new environment; return its bin folder."""
    venv.create(folder, with_pip=True, symlinks=os.name != "nt")
    binaries = folder / ("Scripts" if os.name == "nt" else "bin")
    _run(
        [binaries / "python", "-m", "pip", "install", "--quiet", "--disable-pip-version-check",
         str(wheel)],
        folder=folder,
    )  # fmt: skip
    return binaries


def check(command: Path, images: Iterable[Path], folder: Path) -> None:
    """Archive, verify and extract images with an installed ``floe``, and open its window.

    Files must have the same bytes, PNGs at least the same pixels. Raises WheelError.
    """
    given = list(images)
    _run([command, "--version"], folder=folder)
    _run([command, "add", "a.floe", *given], folder=folder)
    _run([command, "verify", "a.floe"], folder=folder)
    _run([command, "extract", "a.floe", "--to", "out"], folder=folder)
    different = [path.name for path in given if not _same(path, folder / "out" / path.name)]
    if different:
        raise WheelError(f"other images were restored: {', '.join(different)}")
    _run([command, "gui", "--report-startup"], folder=folder)


def photographs(folder: Path) -> list[Path]:
    """A sample as it is, and a small part of it as BMP."""
    sample = _ROOT / "resources" / "samples" / "cat.png"
    with Image.open(sample) as image:
        image.crop((0, 0, 200, 150)).save(folder / "part.bmp")
    return [sample, folder / "part.bmp"]


def _same(path: Path, other: Path) -> bool:
    if filecmp.cmp(path, other, shallow=False):
        return True
    with Image.open(path) as one, Image.open(other) as two:
        pixels = one.mode == two.mode and one.size == two.size and one.tobytes() == two.tobytes()
        return pixels and path.suffix == ".png"


def _run(command: list[Path | str], folder: Path) -> str:
    """Run a command in a folder, away from the checkout's packages; return its output."""
    environment = {k: v for k, v in os.environ.items() if not k.startswith("PYTHON")}
    done = subprocess.run(
        [str(part) for part in command],
        cwd=folder,
        env={**environment, "QT_QPA_PLATFORM": "offscreen"},
        capture_output=True,
        text=True,
        check=False,
    )
    if done.returncode:
        said = done.stderr.strip() or done.stdout.strip()
        raise WheelError(f"{' '.join(map(str, command[:4]))} failed: {said}")
    return done.stdout


def main() -> int:
    """The command line of this script."""
    parser = argparse.ArgumentParser(prog="python -m tools.wheel", description=__doc__)
    parser.add_argument("out", type=Path, help="the folder for the wheel")
    arguments = parser.parse_args()
    try:
        wheel = build(arguments.out)
        sys.stdout.write(f"{wheel}: {wheel.stat().st_size / 1e6:.1f} MB\n")
        with tempfile.TemporaryDirectory(prefix="floe-try-") as scratch:
            folder = Path(scratch)
            binaries = install(wheel.absolute(), folder / "environment")
            check(binaries / "floe", photographs(folder), folder)
    except WheelError as error:
        sys.stderr.write(f"{error}\n")
        return 1
    sys.stdout.write("It archives and extracts photographs, and opens the window.\n")
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
