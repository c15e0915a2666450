"""Build the bundle: a folder with Floe, Python and all libraries, for a Linux without Python.

PyInstaller collects what the program imports; torch is copied, without what only builds on it.
"""

from __future__ import annotations

import argparse
import fnmatch
import shutil
import sys
from importlib.metadata import Distribution, distribution
from pathlib import Path

from packaging.requirements import Requirement

from app.start import desktop_entry
from tools.precompile import PrecompileError, precompile

_SPEC = Path(__file__).with_name("floe.spec")
_ROOT = Path(__file__).parents[2]


class BundleError(Exception):
    """The bundle cannot be built here."""


def build(folder: Path, work: Path) -> Path:
    """Build ``folder/floe`` and return it; ``work`` keeps what PyInstaller may use again.

    Raises BundleError and PrecompileError.
    """
    import PyInstaller.__main__
    import torch

    if torch.version.cuda is not None or torch.version.hip is not None:
        raise BundleError(
            f"torch {torch.__version__} contains libraries for graphics cards, several gigabytes; "
            "install the CPU build of torch first"
        )
    bundle = folder / "floe"
    PyInstaller.__main__.run(
        ["--noconfirm", "--distpath", str(folder), "--workpath", str(work), str(_SPEC)]
    )
    for package in required("torch"):
        copy_package(package, bundle / "_internal")
    desktop_entry.install(bundle / "share", ["floe"], refresh=False)
    for package in sorted(required("floe-archiver"), key=lambda found: found.name):
        copy_licences(package, bundle / "licenses" / package.name)
    shutil.copy2(_ROOT / "LICENSE", bundle)
    precompile(bundle / "_internal" / "resources" / "compiled")
    return bundle


def _unneeded(folder: str, names: list[str]) -> set[str]:
    """Names of headers, programs and libraries that only compiling and testing need."""
    found = set(fnmatch.filter(names, "*.pyi")) | set(fnmatch.filter(names, "*.a"))
    found |= {"__pycache__", "tests"}
    if Path(folder).name == "torch":
        found |= {"include", "share", "test"}
    elif Path(folder).parts[-2:] == ("torch", "bin"):
        found |= {*names} - {"torch_shm_manager"}  # looked for when torch is imported
    elif Path(folder).parts[-2:] == ("torch", "lib"):
        found |= set(fnmatch.filter(names, "*test.so")) | {"libbackend_with_compiler.so"}
    return found


def required(name: str) -> list[Distribution]:
    """The installed packages that a package needs, and those that they need."""
    found: dict[str, Distribution] = {}
    waiting = [name]
    while waiting:
        package = distribution(waiting.pop())
        if package.name in found:
            continue
        found[package.name] = package
        for line in package.requires or []:
            requirement = Requirement(line)
            if requirement.marker is None or requirement.marker.evaluate({"extra": ""}):
                waiting.append(requirement.name)
    return list(found.values())


def copy_package(package: Distribution, folder: Path) -> None:
    """Copy the modules of an installed package, unless they are in the folder already."""
    tops = {file.parts[0] for file in package.files or [] if file.suffix == ".py"}
    for name in sorted(tops):
        source, target = Path(str(package.locate_file(name))), folder / name
        if target.exists() or name in (".", "..", "bin"):
            continue
        if source.is_dir():
            shutil.copytree(source, target, ignore=_unneeded)
        else:
            shutil.copy2(source, target)


def copy_licences(package: Distribution, folder: Path) -> None:
    """Copy the licence files of a package."""
    for file in package.files or []:
        name = file.name.upper()
        in_metadata = any(part.endswith(".dist-info") for part in file.parts)
        if in_metadata and name.startswith(("LICEN", "COPYING", "NOTICE", "AUTHORS")):
            target = folder / "-".join(file.parts[1:])
            target.parent.mkdir(parents=True, exist_ok=True)
            shutil.copy2(str(package.locate_file(file)), target)


def n_bytes(folder: Path) -> int:
    """The bytes of all files of a folder; links count nothing."""
    return sum(p.stat().st_size for p in folder.rglob("*") if p.is_file() and not p.is_symlink())


def main() -> int:
    """The command line of this script."""
    parser = argparse.ArgumentParser(prog="python -m tools.bundle", description=__doc__)
    parser.add_argument("folder", type=Path, help="where to put the folder floe")
    parser.add_argument("--work", type=Path, default=Path("build"), help="for PyInstaller's files")
    arguments = parser.parse_args()
    try:
        bundle = build(arguments.folder, arguments.work)
    except (BundleError, PrecompileError) as error:
        sys.stderr.write(f"{error}\n")
        return 1
    largest = sorted(
        (
            (n_bytes(p) if p.is_dir() else p.stat().st_size, p.name)
            for p in (bundle / "_internal").iterdir()
        ),
        reverse=True,
    )
    sys.stdout.write(f"{bundle}: {n_bytes(bundle) / 1e6:,.0f} MB\n")
    for size, name in largest[:8]:
        sys.stdout.write(f"  {size / 1e6:7,.0f} MB  {name}\n")
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
