"""Damage: archives that were hit, cut or mixed up, and how much of them comes back."""

from __future__ import annotations

import hashlib
from pathlib import Path
from random import Random

from core.archive import Archive
from core.errors import FloeError
from tools.torture.material import CODECS, Material, state
from tools.torture.trials import Result, Trial, isolated

PAGE = 4096
_MEMORY = 2**30


def prepare(folder: Path) -> Trial:
    """The trial, with what it needs in a folder."""
    material = Material(folder)
    whole = material.base.read_bytes()

    def trial(random: Random, place: Path) -> Result:
        path = place / "x.floe"
        kind, data, pages = damaged(whole, random)
        path.write_bytes(data)
        ended = isolated(lambda: read_all(path))
        result = Result(kind)
        if ended.hung:
            result.faults.append(f"hangs for more than {ended.seconds:.0f} s")
        elif ended.error or ended.signal:
            last = ended.error.strip().splitlines()[-1:] or [f"signal {ended.signal}"]
            result.faults.append(f"crash: {last[0]}")
        if ended.peak_bytes > _MEMORY:
            result.faults.append(f"takes {ended.peak_bytes / 2**20:.0f} MiB")
        if isinstance(ended.value, tuple):
            found, verified = ended.value
            result.faults += [
                f"{name}: wrong bytes"
                for name, digest in found.items()
                if name in material.before and digest != material.before[name]
            ]
            n_right = sum(found.get(name) == digest for name, digest in material.before.items())
            if verified and n_right < len(material.before):
                result.faults.append("verification finds nothing wrong, but files are missing")
            if pages:
                n_pages = -(-len(whole) // PAGE)
                result.share = pages / n_pages, n_right / len(material.before)
        return result

    return trial


def damaged(whole: bytes, random: Random) -> tuple[str, bytes, int]:
    """A kind of damage, the damaged bytes, and how many pages it hit (0: not countable)."""
    data = bytearray(whole)
    n_pages = len(whole) // PAGE
    kind = random.choice(
        ("bits", "bytes", "zeroed pages", "random pages", "swapped pages", "cut", "appended",
         "header", "moved")
    )  # fmt: skip
    hit: set[int] = set()
    match kind:
        case "bits":
            for _ in range(random.choice((1, 1, 3, 30))):
                at = random.randrange(len(data))
                data[at] ^= 1 << random.randrange(8)
                hit.add(at // PAGE)
        case "bytes":
            at = random.randrange(len(data))
            n_bytes = min(random.choice((1, 16, 512, 5000)), len(data) - at)
            data[at : at + n_bytes] = random.randbytes(n_bytes)
            hit.update(range(at // PAGE, (at + n_bytes - 1) // PAGE + 1))
        case "zeroed pages" | "random pages":
            hit.update(random.sample(range(n_pages), random.randint(1, max(1, n_pages // 4))))
            for page in hit:
                new = bytes(PAGE) if kind == "zeroed pages" else random.randbytes(PAGE)
                data[page * PAGE : (page + 1) * PAGE] = new
        case "swapped pages":
            one, other = random.sample(range(n_pages), 2)
            first = slice(one * PAGE, (one + 1) * PAGE)
            second = slice(other * PAGE, (other + 1) * PAGE)
            data[first], data[second] = data[second], data[first]
            hit.update((one, other))
        case "cut":
            at = random.randrange(len(data))
            del data[at:]
            hit.update(range(at // PAGE, n_pages))
        case "appended":
            data += random.randbytes(random.choice((1, 512, PAGE, 100_000)))
        case "header":
            at = random.randrange(100)
            data[at] = random.randrange(256)
            hit.add(0)
        case "moved":
            at = random.randrange(len(data))
            data[at:at] = random.randbytes(random.choice((1, 100, PAGE)))
            hit.update(range(at // PAGE, n_pages))
    return kind, bytes(data), len(hit)


def read_all(path: Path) -> tuple[dict[str, str], bool]:
    """What an archive gives back, hashed; and whether a whole verification finds it sound.

    Errors of Floe's own are expected; all others are faults.
    """
    found: dict[str, str] = {}
    try:
        with Archive.open(path, salvage=True, codecs=CODECS) as archive:
            archive.damage()
            found |= {f"{name}/": "folder" for name in archive.folders()}
            for entry in archive.entries():
                try:
                    data = archive.read_file(entry.name)
                    archive.read_thumbnail(entry.name, 64)
                    archive.breakdown(entry.name)
                    archive.metadata(entry.name)
                except FloeError:
                    continue
                found[entry.name] = hashlib.sha256(data).hexdigest()
    except FloeError:
        return {}, False
    try:
        state(path)
    except FloeError:
        return found, False
    return found, True
