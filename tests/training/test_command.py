"""``python -m core.training`` from mosaics to a model that codes."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import torch
from safetensors import safe_open

import core.training.__main__ as command
from core.coding.photo.codec import PhotoCodec
from core.flows.flowpp.files import load_flowpp
from core.flows.photo.loading import load_photo_model
from core.training.data import AUGMENTATIONS
from core.training.loop import Settings
from core.training.variants import VARIANTS
from tests.models import crops
from tests.training.test_data import mosaic

ROOT = Path(__file__).parents[2]
SIZES = ["--width", "8", "--blocks", "1", "1", "1", "--components", "2", "--batch", "2"]


def training(*arguments: object) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "core.training", *map(str, arguments)],
        cwd=ROOT, timeout=300, check=False, capture_output=True, text=True,
    )  # fmt: skip


def test_from_mosaics_to_a_model_that_codes(tmp_path: Path) -> None:
    for name, seed in (("train", 1), ("valid", 2)):
        (tmp_path / name).mkdir()
        mosaic(tmp_path / name / "mosaic_000.webp", crops(2, 96, seed), rows=1)
    run = tmp_path / "run"
    usual = [run, "--train", tmp_path / "train", "--valid", tmp_path / "valid", "--threads", 1]

    done = training(*usual, *SIZES, "--minutes", 0.05, "--seed", 4)
    assert done.returncode == 0, done.stderr
    written = json.loads((run / "settings.json").read_text())
    assert (written["minutes"], written["seed"], written["batch"]) == (0.05, 4, 2)
    assert written["model"]["blocks"] == [1, 1, 1]
    last = json.loads((run / "log.jsonl").read_text().splitlines()[-1])
    assert last["step"] >= 1
    assert last["minutes"] >= 0.05
    assert json.dumps(last) in done.stderr  # the log is told as well

    changes = ["--minutes", 0.1, "--rounded", "--side", 64, "--without", "noise", "stretched"]
    done = training(*usual, *SIZES, "--seed", 4, *changes)
    assert done.returncode == 0, done.stderr
    written = json.loads((run / "settings.json").read_text())
    assert (written["rounded"], written["side"]) == (True, 64)
    assert (written["without"], written["variant"]) == (["noise", "stretched"], "")
    first, last = last, json.loads((run / "log.jsonl").read_text().splitlines()[-1])
    assert last["step"] > first["step"]
    assert last["minutes"] >= 0.1
    with safe_open(run / "checkpoint.safetensors", "pt") as file:
        assert "exponents.0.stream" in file.keys()  # noqa: SIM118

    about = tmp_path / "about.json"
    about.write_text(json.dumps({"data": {"licence": "CC0"}}))
    target = tmp_path / "model.safetensors"
    done = training(*usual, "--export", target, "--about", about)
    assert done.returncode == 0, done.stderr
    model = load_photo_model(target)
    card = json.loads(target.with_suffix(".json").read_text())
    assert card["id"] == model.id
    assert card["data"] == {"licence": "CC0"}
    assert card["training"]["steps"] == last["step"]
    assert card["config"]["width"] == 8  # of the run, not of the command line
    assert json.loads((run / "settings.json").read_text()) == written

    pixels = crops(1, 40, seed=5)[0].permute(1, 2, 0).numpy()
    coded = PhotoCodec(model).encode(np.ascontiguousarray(pixels))
    assert np.array_equal(
        PhotoCodec(model).decode(coded.chunks, pixels.shape, coder="fused"), pixels
    )


def test_from_images_to_a_small_model_of_the_paper(tmp_path: Path) -> None:
    images = crops(40, 32, seed=3).permute(0, 2, 3, 1).numpy()
    np.savez(tmp_path / "images.npz", labels=np.arange(40), images=images)
    run, file = tmp_path / "run", tmp_path / "images.npz"
    usual = [run, "--family", "cifar10", "--train", file, "--threads", 1]
    sizes = ["--width", "8", "--blocks", "1", "1", "1", "--components", "2", "--batch", "2"]
    done = training(*usual, *sizes, "--minutes", 0.05)
    assert done.returncode == 0, done.stderr
    last = json.loads((run / "log.jsonl").read_text().splitlines()[-1])
    assert last["step"] >= 1

    target = tmp_path / "model.safetensors"
    done = training(*usual, "--export", target, "--test", file)
    assert done.returncode == 0, done.stderr
    loaded = load_flowpp(target)
    card = json.loads(target.with_suffix(".json").read_text())
    assert card["id"] == loaded.id
    assert card["config"]["width"] == loaded.config.width == 8
    assert card["validation"]["images"] == 4  # a tenth was held out
    assert card["test"]["images"] == 40
    torch.manual_seed(0)
    bits = loaded.network.bits(torch.from_numpy(images).permute(0, 3, 1, 2).float())
    assert card["test"]["bits_per_dim"] == pytest.approx(float(bits.sum()) / images.size, abs=1e-4)
    # Rounding to 16 bits changes next to nothing.
    floats, rounded = (
        card["validation"][n] for n in ("bits_per_dim_before_rounding", "bits_per_dim")
    )
    assert floats == pytest.approx(rounded, abs=0.01)


def test_images_of_another_size_are_told(tmp_path: Path) -> None:
    np.savez(tmp_path / "images.npz", images=np.zeros((4, 16, 16, 3), np.uint8))
    done = training(tmp_path / "run", "--family", "cifar10", "--train", tmp_path / "images.npz")
    assert done.returncode != 0
    assert "holds no images of 32 x 32" in done.stderr


def test_a_folder_without_mosaics_is_told(tmp_path: Path) -> None:
    done = training(tmp_path / "run", "--train", tmp_path, "--valid", tmp_path)
    assert done.returncode != 0
    assert f"no mosaic_*.webp in {tmp_path}" in done.stderr
    assert not (tmp_path / "run").exists()


@pytest.fixture
def settings_of(tmp_path: Path, monkeypatch) -> Callable[..., Settings]:
    """The settings that arguments make, without a run."""

    def made(*arguments: object) -> Settings:
        found: list[Settings] = []
        monkeypatch.setattr(command, "together", lambda *given: found.append(given[3]))
        monkeypatch.setattr(command, "load_data", lambda *given: (crops(2, 96), crops(2, 96)))
        monkeypatch.setattr(torch, "set_num_threads", lambda n: None)
        usual = ["training", tmp_path / "run", "--train", tmp_path, "--valid", tmp_path]
        monkeypatch.setattr(sys, "argv", [str(a) for a in (*usual, *arguments)])
        command.main()
        return found[0]

    return made


def test_what_is_not_asked_for_is_not_changed(settings_of) -> None:
    found = settings_of()
    assert found == Settings()
    assert (found.variant, found.without, found.side, found.rounded) == ("", (), 96, False)


def test_changes_for_experiments_are_settings(settings_of) -> None:
    for name in VARIANTS:
        assert settings_of("--variant", name) == Settings(variant=name)
    assert settings_of("--without", *AUGMENTATIONS) == Settings(without=AUGMENTATIONS)
    assert settings_of("--without", "chroma") == Settings(without=("chroma",))
    assert settings_of("--side", 64, "--rounded") == Settings(side=64, rounded=True)


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        (["--variant", "7x7"], "invalid choice: '7x7'"),
        (["--without", "noise", "haze"], "invalid choice: 'haze'"),
        (["--variant", "5x5", "--rounded"], "no integer form"),
        *(
            (["--family", "cifar10", *change], "are for the photo model")
            for change in (["--variant", "5x5"], ["--without", "noise"], ["--side", "64"])
        ),
        (["--family", "cifar10", "--rounded"], "are for the photo model"),
    ],
)
def test_what_cannot_be_is_told_in_a_line(settings_of, capsys, arguments, told) -> None:
    with pytest.raises(SystemExit) as caught:
        settings_of(*arguments)
    assert caught.value.code == 2
    assert told in capsys.readouterr().err.splitlines()[-1]
