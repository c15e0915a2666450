"""What is tortured: an archive of small images, operations on it, and what must hold after them."""

from __future__ import annotations

import hashlib
import io
from collections.abc import Callable, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from PIL import Image

from core import engine
from core.archive import Archive, Codecs
from core.arrays import Pixels
from core.engine import Always, Choice, FileResult
from core.errors import FloeError
from tests.fakes import FakeCodec
from tools.torture.trials import isolated, leftovers

#: One for all: a process that is forked keeps it.
CODECS = Codecs(FakeCodec)

#: Contents of an archive: what each name gives back, hashed.
State = Mapping[str, str]


def image(seed: int, height: int, width: int, form: str, channels: int = 3) -> bytes:
    """A file of a slope with noise, which the codec makes smaller."""
    random = np.random.default_rng(seed)
    rows, columns = np.mgrid[0:height, 0:width]
    slope = (2 * rows + 3 * columns)[..., None] + 20 * np.arange(channels)
    pixels = np.clip(slope % 230 + random.integers(0, 9, slope.shape), 0, 255).astype(np.uint8)
    return saved(pixels, form)


def saved(pixels: Pixels, form: str) -> bytes:
    """Pixels as a file."""
    file = io.BytesIO()
    Image.fromarray(pixels).save(file, form)
    return file.getvalue()


def files() -> dict[str, bytes]:
    """A file of each way of keeping it: coded, coded in many chunks, kept as it is."""
    noise = np.random.default_rng(0).integers(0, 256, (90, 120, 4), dtype=np.uint8)
    return {
        "a.png": image(1, 64, 64, "PNG"),
        "b.png": image(2, 130, 200, "PNG"),
        "c/c.bmp": image(3, 70, 50, "BMP"),
        "kept.png": saved(noise, "PNG"),
        "c/d.jpg": image(4, 64, 80, "JPEG"),
    }


def write(folder: Path, contents: Mapping[str, bytes]) -> None:
    """Write files below a folder."""
    for name, data in contents.items():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_bytes(data)


@dataclass(frozen=True)
class Operation:
    """Something that changes an archive."""

    name: str
    run: Callable[[Path, Path], None]  #: archive, folder of sources
    creates: bool = False  #: the archive does not exist before
    at_once: bool = True  #: all or nothing: no state between before and after


def _add(archive: Path, paths: list[Path], choice: Choice | None = None) -> None:
    sources = engine.plan(paths)
    queries = Always(choice) if choice is not None else None
    with ThreadPoolExecutor(1) as executor:
        results = engine.add(archive, sources, queries=queries, codecs=CODECS, executor=executor)
    _check(results)


def _check(results: list[FileResult]) -> None:
    for result in results:
        if not result.ok:
            raise FloeError(result.error or "cancelled")


def _change(archive: Path, change: Callable[[Archive], object]) -> None:
    with Archive.open(archive, write=True, codecs=CODECS) as opened:
        change(opened)


def _create(archive: Path, sources: Path) -> None:
    Archive.create(archive, codecs=CODECS).close()
    _add(archive, [sources / "new.png"])


OPERATIONS = (
    Operation("add", lambda a, s: _add(a, [s / "new.png", s / "new.jpg"]), at_once=False),
    Operation(
        "replace",
        lambda a, s: _add(a, [s / "other" / "b.png", s / "other" / "kept.png"], Choice.REPLACE),
        at_once=False,
    ),
    Operation("remove", lambda a, s: _change(a, lambda o: o.remove(["b.png", "kept.png"]))),
    Operation("rename", lambda a, s: _change(a, lambda o: o.rename(("b.png", "q/z.png")))),
    Operation("rename folder", lambda a, s: _change(a, lambda o: o.rename(("c", "d/e")))),
    Operation("new folder", lambda a, s: _change(a, lambda o: o.new_folder("empty/inside"))),
    Operation("carry model", lambda a, s: _change(a, lambda o: o.carry_model())),
    Operation("create", _create, creates=True, at_once=False),
)


class Material:
    """The archive, the sources of operations, and the states before and after each."""

    def __init__(self, folder: Path) -> None:
        self.base, self.sources = folder / "base.floe", folder / "sources"
        self.files = files()
        write(self.sources, self.files)
        new = {"new.png": image(7, 100, 150, "PNG"), "new.jpg": image(8, 90, 90, "JPEG")}
        other = {"other/b.png": image(9, 120, 120, "PNG"), "other/kept.png": image(10, 9, 9, "PNG")}
        write(self.sources, {**new, **other})
        with Archive.create(self.base, codecs=CODECS) as archive:
            for name in self.files:
                archive.add_file(self.sources / name, name)
        self.before = state(self.base)
        self.after: dict[str, State] = {}
        for operation in OPERATIONS:
            path = folder / "after.floe"
            if not operation.creates:
                path.write_bytes(self.base.read_bytes())
            operation.run(path, self.sources)
            self.after[operation.name] = state(path)
            path.unlink()

    def faults(self, path: Path, operation: Operation, *, ended: bool = False) -> list[str]:
        """What is wrong with an archive after an operation that was interrupted, or has ended.

        Only reads.
        """
        before: State = {} if operation.creates else self.before
        after = self.after[operation.name]
        if not path.exists():
            if operation.creates and not ended:
                return []
            return ["the archive is gone"]
        try:
            found = state(path)
        except FloeError as error:
            return [f"the archive does not open: {error}"]
        if ended:
            return [] if found == after else ["what had been reported was undone"]
        if operation.at_once:
            return [] if found in (before, after) else ["half of the operation is there"]
        return [
            f"{name}: neither old nor new"
            for name in {*before, *after, *found}
            if found.get(name) not in (before.get(name), after.get(name))
        ]

    def faults_of_next(self, path: Path) -> list[str]:
        """What is wrong when another process writes to the archive, and what is left beside it."""
        ended = isolated(lambda: self._write_again(path), seconds=60)
        faults = [ended.error.strip().splitlines()[-1]] if ended.error else []
        faults += ended.value if isinstance(ended.value, list) else []
        left = leftovers(path.parent, path.name)
        return faults + [f"left behind after the next start: {name}" for name in left]

    def _write_again(self, path: Path) -> list[str]:
        try:
            _change(path, lambda opened: opened.add_file(self.sources / "new.png", "next.png"))
            with Archive.open(path, codecs=CODECS) as opened:
                opened.verify("next.png")
            other = path.with_name("other.floe")  # new files remove what was left in their folder
            Archive.create(other, codecs=CODECS).close()
            other.unlink()
        except FloeError as error:
            return [f"the next addition failed: {error}"]
        return []


def state(path: Path) -> State:
    """What an archive holds. Raises FloeError where anything in it is not whole."""
    with Archive.open(path, codecs=CODECS) as archive:
        archive.check_structure()
        found = {
            entry.name: hashlib.sha256(archive.read_file(entry.name)).hexdigest()
            for entry in archive.entries()
        }
        return {**found, **{f"{name}/": "folder" for name in archive.folders()}}
