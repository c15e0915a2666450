"""The command line, with the model that comes with the program."""

from __future__ import annotations

import hashlib
import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from click.testing import Result
from PIL import Image
from typer.testing import CliRunner

from app.cli.main import cli
from core.archive import Archive
from core.coding.coders import EXACT_CODERS
from core.coding.photo.codec import photo_codec

#: What `floe list --json` promises for each image.
PROMISED = {
    *("name", "width", "height", "channels", "original_bytes", "packed_bytes", "codec", "coder"),
    *("model", "theoretical_bpd", "achieved_bpd", "borrowed_bits", "lost_bits"),
    *("encode_seconds", "network_seconds", "coding_seconds", "pixel_sha256"),
}


def floe(*arguments: Any) -> Result:
    result = CliRunner().invoke(cli, [str(argument) for argument in arguments])
    if result.exception is not None and not isinstance(result.exception, SystemExit):
        raise result.exception
    return result


def lines(text: str) -> list[str]:
    return [line for line in text.splitlines() if line.strip()]


def photo(seed: int, height: int = 41, width: int = 50, channels: int = 3) -> np.ndarray:
    """Slopes with a little noise: what the model is made for, in small."""
    rows, columns = np.mgrid[0:height, 0:width]
    noise = np.random.default_rng(seed).integers(-3, 4, (height, width, channels))
    pixels = (2 * rows + 3 * columns)[..., None] + 20 * np.arange(channels) + noise
    return np.clip(pixels, 0, 255).astype(np.uint8)


@pytest.fixture
def images(tmp_path: Path) -> Path:
    folder = tmp_path / "trip"
    folder.mkdir()
    Image.fromarray(photo(1)).save(folder / "a.png", compress_level=0)
    Image.fromarray(photo(2, channels=1)[..., 0]).save(folder / "grey.png", compress_level=0)
    Image.fromarray(photo(3, 1, 60)).save(folder / "row.png", compress_level=0)
    Image.fromarray(photo(4)).save(folder / "b.bmp")
    return folder


@pytest.fixture
def archive(images: Path, tmp_path: Path) -> Path:
    path = tmp_path / "a.floe"
    assert floe("add", path, images).exit_code == 0
    return path


def listed(archive: Path) -> dict[str, dict[str, Any]]:
    return {entry["name"]: entry for entry in json.loads(floe("list", archive, "--json").stdout)}


def test_an_archive_carries_its_model_when_told(archive: Path, images: Path) -> None:
    before = archive.stat().st_size
    again = floe("add", archive, images, "--carry-model")
    assert again.exit_code == 0
    model = photo_codec().model_file
    # Some of it may fit into what was free inside of the pages before.
    assert abs(archive.stat().st_size - before - len(model)) < 20_000
    assert floe("verify", archive).exit_code == 0


def test_what_goes_in_comes_out(archive: Path, images: Path, tmp_path: Path) -> None:
    out = floe("extract", archive, "--to", tmp_path / "out")
    assert out.exit_code == 0
    for source in images.iterdir():
        before, after = Image.open(source), Image.open(tmp_path / "out" / "trip" / source.name)
        assert np.array_equal(np.asarray(before), np.asarray(after))
    bmp = (tmp_path / "out" / "trip" / "b.bmp").read_bytes()
    assert bmp == (images / "b.bmp").read_bytes()
    assert floe("verify", archive).exit_code == 0


def test_the_list_for_programs(archive: Path, images: Path) -> None:
    entries = listed(archive)
    assert set(entries) == {"trip/a.png", "trip/b.bmp", "trip/grey.png", "trip/row.png"}
    entry = entries["trip/a.png"]
    assert set(entry) >= PROMISED
    assert (entry["width"], entry["height"], entry["channels"]) == (50, 41, 3)
    assert entry["original_bytes"] == (images / "a.png").stat().st_size
    assert entry["achieved_bpd"] == pytest.approx(8 * entry["packed_bytes"] / (50 * 41 * 3))
    assert entry["pixel_sha256"] == hashlib.sha256(photo(1).tobytes()).hexdigest()
    assert (entry["codec"], entry["coder"]) == ("photo", "fused")
    assert entries["trip/grey.png"]["channels"] == 1


def test_the_list_for_people(archive: Path) -> None:
    text = floe("list", archive).stdout
    assert "trip/grey.png" in text
    assert "4 files" in text


def test_a_coder_that_is_not_exact_everywhere_writes_no_archive(
    images: Path, tmp_path: Path
) -> None:
    result = floe("add", tmp_path / "c.floe", images / "a.png", "--coder", "gaussian")
    assert result.exit_code == 2
    assert "not exact" in result.stderr
    assert not (tmp_path / "c.floe").exists()


@pytest.mark.parametrize("coder", EXACT_CODERS)
def test_coders_by_name(images: Path, tmp_path: Path, coder: str) -> None:
    path = tmp_path / "c.floe"
    assert floe("add", path, images / "a.png", "--coder", coder).exit_code == 0
    assert listed(path)["a.png"]["coder"] == coder
    assert floe("extract", path, "--to", tmp_path / coder).exit_code == 0
    assert np.array_equal(np.asarray(Image.open(tmp_path / coder / "a.png")), photo(1))


def test_bad_files_are_a_line_each_and_the_others_are_done(images: Path, tmp_path: Path) -> None:
    whole = (images / "a.png").read_bytes()
    (images / "cut.png").write_bytes(whole[: len(whole) // 2])
    (images / "text.png").write_text("not an image")
    gone = images.parent / "gone.png"
    result = floe("add", tmp_path / "a.floe", images, gone)
    assert result.exit_code == 1
    errors = lines(result.stderr)
    assert len(errors) == 1
    assert str(gone) in errors[0]
    found = listed(tmp_path / "a.floe")
    assert len(found) == 6
    assert "cut short" in found["trip/cut.png"]["reason"]
    assert "not an image" in found["trip/text.png"]["reason"]


def test_what_is_left_out_of_folders_is_said(images: Path, tmp_path: Path) -> None:
    (images / "Thumbs.db").touch()
    (images / "other.floe").touch()
    (images / "empty").mkdir()
    result = floe("add", tmp_path / "a.floe", images)
    assert result.exit_code == 0
    assert "left out: 2 (1 x a file of the desktop, 1 x a Floe archive)" in result.stdout
    assert "Thumbs.db" not in result.stdout
    result = floe("add", tmp_path / "a.floe", images, "--list-left-out")
    assert f"left out: {images / 'Thumbs.db'}: a file of the desktop" in result.stdout
    assert floe("extract", tmp_path / "a.floe", "--to", tmp_path / "out").exit_code == 0
    assert (tmp_path / "out" / images.name / "empty").is_dir()


def test_added_again(archive: Path, images: Path) -> None:
    before = archive.read_bytes()
    again = floe("add", archive, images)
    assert again.exit_code == 0
    assert all("already" in line for line in lines(again.stdout))
    assert archive.read_bytes() == before
    Image.fromarray(photo(9)).save(images / "a.png", compress_level=0)
    refused = floe("add", archive, images / "a.png", images.parent / "trip")
    assert refused.exit_code == 1
    assert len(lines(refused.stderr)) == 1
    assert floe("add", archive, images.parent / "trip", "--replace").exit_code == 0
    assert listed(archive)["trip/a.png"]["pixel_sha256"] == hashlib.sha256(photo(9)).hexdigest()


def test_nothing_added_leaves_no_archive(tmp_path: Path) -> None:
    assert floe("add", tmp_path / "new.floe", tmp_path / "gone.png").exit_code == 1
    assert not (tmp_path / "new.floe").exists()


def test_names_and_folders(archive: Path, tmp_path: Path) -> None:
    out = tmp_path / "out"
    result = floe("extract", archive, "trip/a.png", "none", "--to", out)
    assert result.exit_code == 1
    assert [p.name for p in out.rglob("*.*")] == ["a.png"]
    assert lines(result.stderr) == ["floe: none: the archive has no such image or folder"]
    again = floe("extract", archive, "trip", "--to", out)
    assert again.exit_code == 1
    assert "exists already" in again.stderr
    assert len(list(out.rglob("*.*"))) == 4
    assert floe("extract", archive, "trip/", "--to", out, "--overwrite").exit_code == 0


def test_rename(archive: Path) -> None:
    assert floe("rename", archive, "trip/a.png", "trip/first.png").exit_code == 0
    assert floe("rename", archive, "trip", "summer/lakes").exit_code == 0
    assert floe("rename", archive, "summer/lakes/first.png", "best/").exit_code == 0
    assert floe("rename", archive, "summer/lakes/row.png", "/").exit_code == 0
    names = {entry["name"] for entry in json.loads(floe("list", archive, "--json").stdout)}
    assert names == {"best/first.png", "summer/lakes/b.bmp", "summer/lakes/grey.png", "row.png"}
    assert floe("verify", archive).exit_code == 0
    for old, new in (("gone.png", "x"), ("row.png", "best"), ("row.png", "../x")):
        failed = floe("rename", archive, old, new)
        assert failed.exit_code == 1
        assert len(lines(failed.stderr)) == 1


def test_empty_folders_come_out_and_can_be_removed(archive: Path, tmp_path: Path) -> None:
    with Archive.open(archive, write=True) as opened:
        opened.new_folder("trip/empty/inside")
    assert floe("extract", archive, "--to", tmp_path / "all").exit_code == 0
    assert (tmp_path / "all" / "trip" / "empty" / "inside").is_dir()
    assert floe("extract", archive, "trip/empty", "--to", tmp_path / "one").exit_code == 0
    assert [p.name for p in (tmp_path / "one").rglob("*")] == ["trip", "empty", "inside"]
    (tmp_path / "two").mkdir()
    (tmp_path / "two" / "trip").write_text("in the way")
    failed = floe("extract", archive, "trip/empty", "--to", tmp_path / "two")
    assert failed.exit_code == 1
    assert "a part of the path is not a folder" in failed.stderr
    assert floe("remove", archive, "trip/empty").exit_code == 0
    with Archive.open(archive) as opened:
        assert opened.folders() == []
        assert len(opened.entries()) == 4


def test_remove(archive: Path) -> None:
    result = floe("remove", archive, "trip/a.png", "none")
    assert result.exit_code == 1
    assert "none" in result.stderr
    assert set(listed(archive)) == {"trip/b.bmp", "trip/grey.png", "trip/row.png"}
    assert floe("remove", archive, "trip").exit_code == 0
    assert listed(archive) == {}


@pytest.mark.parametrize("command", ["list", "verify", "extract", "remove"])
@pytest.mark.parametrize("content", [b"", b"no archive at all", None])
def test_what_is_no_archive(tmp_path: Path, command: str, content: bytes | None) -> None:
    path = tmp_path / "x.floe"
    if content is not None:
        path.write_bytes(content)
    more = {"remove": ["a"], "extract": ["--to", tmp_path / "o"]}.get(command, [])
    result = floe(command, path, *more)
    assert result.exit_code == 1
    assert len(lines(result.stderr)) == 1
    assert str(path) in result.stderr
    assert lines(result.stdout) == []


def test_of_an_archive_cut_short_the_rest_comes_out(archive: Path, tmp_path: Path) -> None:
    archive.write_bytes(archive.read_bytes()[:-4096])
    for arguments in (["list", archive], ["verify", archive]):
        result = floe(*arguments)
        assert result.exit_code == 1
        assert any("cut short" in line for line in lines(result.stderr))
    result = floe("extract", archive, "--to", tmp_path / "out")
    assert result.exit_code == 1
    found = {path.name for path in (tmp_path / "out").rglob("*.*")}
    assert found
    for name in found:
        seed = {"a.png": 1, "grey.png": 2, "row.png": 3, "b.bmp": 4}[name]
        size = {"grey.png": (41, 50, 1), "row.png": (1, 60, 3)}.get(name, (41, 50, 3))
        image = np.asarray(Image.open(tmp_path / "out" / "trip" / name))
        assert np.array_equal(image.reshape(size), photo(seed, *size))


def test_a_map_is_written_and_summed_up(archive: Path, tmp_path: Path) -> None:
    out = tmp_path / "map.png"
    name = "trip/a.png"
    entry = listed(archive)[name]
    done = floe("map", archive, name, out)
    assert done.exit_code == 0, done.output
    with Image.open(out) as image:
        assert image.size == (entry["width"], entry["height"])
        assert image.mode == "P"
    mean = float(done.output.split("mean ")[1].split(";")[0])
    assert mean == pytest.approx(entry["theoretical_bpd"] * entry["channels"], abs=1e-3)
    before = out.read_bytes()
    again = floe("map", archive, name, out)
    assert again.exit_code == 1
    assert "exists already" in again.stderr
    assert floe("map", archive, name, out, "--overwrite").exit_code == 0
    assert out.read_bytes() == before


def test_what_has_no_map(images: Path, tmp_path: Path) -> None:
    Image.fromarray(photo(5)).save(images / "w.webp", lossless=True)
    archive, out = tmp_path / "x.floe", tmp_path / "map.png"
    floe("add", archive, images / "w.webp")
    for name, why in (("w.webp", "WEBP keeps its own bytes"), ("no.png", "no entry of this name")):
        done = floe("map", archive, name, out)
        assert done.exit_code == 1
        assert len(lines(done.stderr)) == 1
        assert why in done.stderr
    assert not out.exists()


@pytest.mark.parametrize(
    ("folder", "why"),
    [
        ("sea/../..", "a part of the name is empty"),
        ("sea//deep", "a part of the name is empty"),
        ("C:/sea", "absolute path"),
        ("a\u202eb", "characters that are not allowed"),
        ("x" * 300, "too long"),
    ],
)
def test_a_folder_that_cannot_be_is_refused_once(
    images: Path, tmp_path: Path, folder: str, why: str
) -> None:
    target = tmp_path / "new.floe"
    bad = floe("add", target, images / "a.png", images / "b.bmp", "--into", folder)
    assert bad.exit_code == 1
    (line,) = lines(bad.stderr)
    assert line.startswith("floe: --into ")
    assert why in line
    assert not target.exists()


def test_compare(images: Path) -> None:
    rows = json.loads(floe("compare", images / "a.png", images / "b.bmp", "--json").stdout)
    assert [row["name"] for row in rows] == ["Raw", "PNG", "WebP", "JPEG XL", "Floe"] * 2
    for row in rows:
        assert row["problem"] == ""
        assert row["bits_per_dim"] == pytest.approx(8 * row["n_bytes"] / (50 * 41 * 3))
        assert (row["theoretical_bpd"] is not None) == (row["name"] == "Floe")
    bad = floe("compare", images / "a.png", images / "none.png")
    assert bad.exit_code == 1
    assert "JPEG XL" in bad.stdout
    assert len(lines(bad.stderr)) == 1


@pytest.mark.parametrize("name", ["kodak", "coders"])
def test_bench(images: Path, name: str) -> None:
    measured = json.loads(floe("bench", name, images, "--json").stdout)
    assert {row["image"] for row in measured["images"]} == {"a.png", "grey.png", "row.png"}
    floes = [row for row in measured["mean"] if row["codec"] == "Floe"]
    assert len(floes) == (1 if name == "kodak" else 3)
    for mean in floes:
        rows = [
            row["achieved_bpd"]
            for row in measured["images"]
            if (row["codec"], row["settings"]) == (mean["codec"], mean["settings"])
        ]
        assert mean["achieved_bpd"] == pytest.approx(sum(rows) / 3)
        assert mean["encode_s_per_mp"] >= mean["network_s_per_mp"] > 0
        assert mean["decode_s_per_mp"] > 0
        assert mean["verify_s_per_mp"] > 0
    assert measured["machine"]["torch_threads"] > 0
    assert measured["peak_memory_bytes"] > 50 * 2**20  # torch alone takes more


_WITHOUT_HEAVY = """
import sys
from app.cli.main import main
sys.argv = ["floe", *{arguments!r}]
try:
    main()
finally:
    heavy = {{"torch", "PySide6", "imagecodecs"{numpy}}} & set(sys.modules)
    print(sorted(heavy), file=sys.stderr)
"""


@pytest.mark.parametrize(
    ("arguments", "numpy"), [(["--help"], ', "numpy"'), (["list", "{archive}"], "")]
)
def test_nothing_waits_for_what_it_does_not_need(
    archive: Path, arguments: list[str], numpy: str
) -> None:
    given = [argument.format(archive=archive) for argument in arguments]
    program = _WITHOUT_HEAVY.format(arguments=given, numpy=numpy)
    done = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, check=True
    )
    assert done.stderr.strip() == "[]"


def test_gui_gets_archive_and_paths(monkeypatch: pytest.MonkeyPatch) -> None:
    calls: list[tuple[Path | None, list[Path]]] = []

    def run(archive: Path | None, paths: list[Path]) -> int:
        calls.append((archive, paths))
        return 0

    monkeypatch.setattr("app.start.gui.run", run)
    assert floe("gui").exit_code == 0
    assert floe("gui", "a.floe", "b.png").exit_code == 0
    assert floe("gui", "a.png", "b.png").exit_code == 0
    assert calls == [
        (None, []),
        (Path("a.floe"), [Path("b.png")]),
        (None, [Path("a.png"), Path("b.png")]),
    ]


def test_the_demo_in_the_terminal() -> None:
    done = subprocess.run(
        [sys.executable, "-m", "app.demo"],
        capture_output=True,
        text=True,
        check=True,
        env={**os.environ, "QT_QPA_PLATFORM": "offscreen"},
    )
    assert "6 of 6 images were restored with exactly the same pixels." in done.stdout
