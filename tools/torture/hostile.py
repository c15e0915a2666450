"""Hostile input: image files, model files, chunks and archives made to break their readers."""

from __future__ import annotations

import io
import sqlite3
import struct
import zlib
from collections.abc import Callable
from contextlib import suppress
from functools import partial
from pathlib import Path
from random import Random

import numpy as np
from PIL import Image

from core.archive.rows import COLUMN_NAMES, row_crc32
from core.coding.coders import DEFAULT_CODER
from core.coding.photo.codec import PhotoCodec
from core.errors import FloeError
from core.flows.photo.loading import load_photo_model
from core.images import comes_back
from core.images.picture import Picture
from core.images.reading import read_image
from tools.torture.damage import read_all
from tools.torture.material import Material, image
from tools.torture.trials import Result, Trial, isolated

_MEMORY = 2**30
_GOLDEN_MODEL = Path(__file__).parents[2] / "tests" / "golden" / "model.safetensors"
#: Decoded by one process: loading the model takes longer than decoding a small image.
_CHUNK_SETS = 30
_EXTREMES = (0, 1, 0x7F, 0x80, 0xFF, 0x7FFF, 0x8000, 0xFFFF, 0x7FFFFFFF, 0x80000000, 0xFFFFFFFF)


def prepare(folder: Path) -> Trial:
    """The trial, with what it needs in a folder."""
    material = Material(folder)
    seeds = image_files()

    encoded = isolated(_encoded, seconds=300)
    assert isinstance(encoded.value, tuple), encoded.error
    chunks, shape = encoded.value

    def trial(random: Random, place: Path) -> Result:
        kind = random.choice((*seeds, "archive", "archive", "model", "chunk"))
        path = place / "x"
        work: Callable[[], object]
        if kind == "archive":
            path.write_bytes(material.base.read_bytes())
            kind = f"archive, {edit_rows(path, random)}"
            work = partial(read_all, path)
        elif kind == "model":
            path.write_bytes(mutated(_GOLDEN_MODEL.read_bytes(), random))
            work = partial(_load_model, path)
        elif kind == "chunk":
            hit = [[mutated(chunk, random) for chunk in chunks] for _ in range(_CHUNK_SETS)]
            work = partial(_decode, hit, shape)
        else:
            path.write_bytes(mutated(seeds[kind], random))
            work = partial(_read, path)
        ended = isolated(work, seconds=60 if kind == "chunk" else 10)
        result = Result(kind)
        if ended.hung:
            result.faults.append(f"hangs for more than {ended.seconds:.0f} s")
        elif ended.error or ended.signal:
            last = ended.error.strip().splitlines()[-1:] or [f"signal {ended.signal}"]
            result.faults.append(f"crash: {last[0]}")
        if ended.peak_bytes > _MEMORY:
            result.faults.append(f"takes {ended.peak_bytes / 2**20:.0f} MiB")
        return result

    return trial


def image_files() -> dict[str, bytes]:
    """Small files of many kinds, by kind."""
    found = {
        form: image(1, 20, 24, form)
        for form in ("PNG", "BMP", "JPEG", "PPM", "TIFF", "WEBP", "GIF", "TGA")
    }
    pixels = np.asarray(Image.open(io.BytesIO(found["PNG"])))
    picture = Image.fromarray(pixels)
    for name, form, options in (
        ("TIFF, deflate", "TIFF", {"compression": "tiff_adobe_deflate"}),
        ("TIFF, LZW", "TIFF", {"compression": "tiff_lzw"}),
        ("JPEG, progressive", "JPEG", {"progressive": True}),
        ("PNG, palette", "PNG", {}),
    ):
        file = io.BytesIO()
        saved = picture.quantize(16) if "palette" in name else picture
        saved.save(file, form, **options)
        found[name] = file.getvalue()
    return found


def mutated(data: bytes, random: Random) -> bytes:
    """The bytes with a few changes: bytes, extreme numbers, cuts and copies; PNGs sealed again."""
    result = bytearray(data)
    for _ in range(random.choice((1, 1, 2, 5))):
        at = random.randrange(max(1, len(result)))
        match random.randrange(7):
            case 0:
                result[at : at + 1] = bytes([random.randrange(256)])
            case 1 | 2:
                form = random.choice(("<H", ">H", "<I", ">I"))
                value = random.choice(_EXTREMES) & (0xFFFF if form[1] == "H" else 0xFFFFFFFF)
                number = struct.pack(form, value)
                result[at : at + len(number)] = number
            case 3:
                del result[at : at + random.choice((1, 7, 100, 10_000))]
            case 4:
                length = random.choice((1, 4, 64, 1000))
                result[at:at] = result[at : at + length]
            case 5:
                result[at:at] = random.randbytes(random.choice((1, 4, 100)))
            case 6:
                early = random.randrange(min(64, max(1, len(result))))
                result[early : early + 4] = struct.pack(
                    random.choice(("<I", ">I")), random.choice(_EXTREMES)
                )
    if result[:4] == b"\x89PNG" and random.random() < 0.8:
        _seal_png(result)
    return bytes(result)


def _seal_png(data: bytearray) -> None:
    """Right checksums: or no reader would look further than the first changed chunk."""
    at = 8
    while at + 12 <= len(data):
        (length,) = struct.unpack_from(">I", data, at)
        end = at + 8 + length
        if end + 4 > len(data):
            return
        struct.pack_into(">I", data, end, zlib.crc32(data[at + 4 : end]))
        at = end + 4


def edit_rows(path: Path, random: Random) -> str:
    """Change an archive as another program could, with right checksums; return what was changed."""
    connection = sqlite3.connect(path, isolation_level=None)
    connection.execute("PRAGMA trusted_schema = OFF")
    try:
        what = random.choice(("entry", "entry", "chunk", "folder", "schema", "pragma"))
        try:
            _edit(connection, what, random)
        except (sqlite3.Error, OverflowError):
            return f"{what}, refused by SQLite"
        _seal_rows(connection)
        return what
    finally:
        connection.close()


def _edit(connection: sqlite3.Connection, what: str, random: Random) -> None:
    run = connection.execute
    value = random.choice(
        (*_EXTREMES, -1, 2**62, -(2**63), 0.5, 1e308, float("inf"), None, "", "x", "../x", "/etc/x",
         "C:x", "a\0b", "\u202ex", "x" * 5000, "photo", "stored", b"", b"\xff\xfe", bytes(70_000))
    )  # fmt: skip
    if what == "entry":
        column = random.choice(COLUMN_NAMES)
        run(
            f"UPDATE entry SET {column} = ? WHERE id = (SELECT id FROM entry ORDER BY id LIMIT 1)",
            (value,),
        )
    elif what == "chunk":
        number, data = random.choice(run("SELECT rowid, data FROM chunk").fetchall())
        new = (
            mutated(data, random)
            if random.random() < 0.7
            else bytes(random.choice((0, 1, 100_000)))
        )
        run("UPDATE chunk SET data = ?, crc32 = ? WHERE rowid = ?", (new, zlib.crc32(new), number))
    elif what == "folder":
        run("INSERT INTO folder(name, crc32) VALUES (?, 0)", (value,))
    elif what == "schema":
        run(random.choice((
            "CREATE TRIGGER t AFTER INSERT ON entry BEGIN DELETE FROM chunk; END",
            "CREATE VIEW v AS SELECT * FROM entry",
            "CREATE TABLE sqlitestat(x)",
            "ALTER TABLE entry ADD COLUMN more",
            "DROP TABLE folder",
            "ANALYZE",
        )))  # fmt: skip
    else:
        run(random.choice((
            "PRAGMA user_version = 99", "PRAGMA application_id = 1", "PRAGMA journal_mode = WAL",
            "PRAGMA user_version = 0", "PRAGMA auto_vacuum = FULL", "PRAGMA encoding = 'UTF-16'",
        )))  # fmt: skip


def _seal_rows(connection: sqlite3.Connection) -> None:
    connection.text_factory = lambda text: text.decode("utf-8", "surrogateescape")
    columns = ", ".join(COLUMN_NAMES)
    try:
        rows = connection.execute(f"SELECT id, {columns} FROM entry").fetchall()
        for number, *values in rows:
            connection.execute(
                "UPDATE entry SET crc32 = ? WHERE id = ?", (row_crc32(number, values), number)
            )
        for number, name in connection.execute("SELECT id, name FROM folder").fetchall():
            connection.execute(
                "UPDATE folder SET crc32 = ? WHERE id = ?", (row_crc32(number, [name]), number)
            )
    except (sqlite3.Error, TypeError, UnicodeError, OverflowError, struct.error):
        return  # values of types that the checksum does not know stay unsealed


def _read(path: Path) -> None:
    try:
        found = read_image(path)
    except FloeError:
        return
    if isinstance(found, Picture) and not comes_back(found, path.read_bytes()):
        raise AssertionError("the picture does not give the file's pixels back")


def _load_model(path: Path) -> None:
    try:
        load_photo_model(path)
    except FloeError:
        return


def _encoded() -> tuple[tuple[bytes, ...], tuple[int, int, int]]:
    """Chunks of a small image by the small model of the golden archives, and its shape."""
    pixels = np.asarray(Image.open(io.BytesIO(image(3, 40, 52, "PNG"))))
    codec = PhotoCodec(load_photo_model(_GOLDEN_MODEL))
    return codec.encode(pixels).chunks, (40, 52, 3)


def _decode(sets: list[list[bytes]], shape: tuple[int, int, int]) -> None:
    codec = PhotoCodec(load_photo_model(_GOLDEN_MODEL))
    for chunks in sets:
        with suppress(FloeError):
            codec.decode(chunks, shape, coder=DEFAULT_CODER)
