"""A run becomes a model file with a card that tells the truth."""

from __future__ import annotations

import hashlib
import json
import shutil
from dataclasses import asdict
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor

import core.training.loop as loop
from core.coding.photo.codec import PhotoCodec
from core.errors import ModelError
from core.flows.photo.loading import PhotoModel, load_photo_model
from core.training.export import export, write_model
from core.training.loop import Run
from core.training.quantise import quantise
from tests.training.small_runs import TINY, EvenClock, photographs, settings

ABOUT = {"data": {"photographs": 4, "licence": "made by the test"}, "remarks": "tiny"}


@pytest.fixture(scope="module")
def valid() -> Tensor:
    return photographs(3, seed=7)


@pytest.fixture(scope="module")
def run(tmp_path_factory, valid) -> Run:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(loop, "time", EvenClock())
        run = Run(tmp_path_factory.mktemp("run"), settings(12), photographs(), valid)
        run.train()
    return run


@pytest.fixture(scope="module")
def exported(run, valid, tmp_path_factory) -> Path:
    target = tmp_path_factory.mktemp("models") / "photo.safetensors"
    export(run.folder, photographs(), valid, target, ABOUT, list(photographs(2, seed=8)))
    return target


@pytest.fixture(scope="module")
def card(exported) -> dict[str, Any]:
    return json.loads(exported.with_suffix(".json").read_text())


@pytest.fixture(scope="module")
def model(exported) -> PhotoModel:
    return load_photo_model(exported)


def test_nothing_but_the_model_and_its_card_is_written(exported: Path) -> None:
    names = sorted(p.name for p in exported.parent.iterdir())
    assert names == ["photo.json", "photo.safetensors"]


def test_the_card_tells_how_the_model_was_made(card, model, exported) -> None:
    assert card["id"] == model.id
    assert card["family"] == "photo"
    assert card["sha256"] == hashlib.sha256(exported.read_bytes()).hexdigest()
    assert card["config"] == json.loads(json.dumps(asdict(TINY)))
    assert card["multiply_adds_per_pixel"] == round(TINY.multiply_adds_per_pixel)
    assert card["training"] == {
        "batch": 2,
        "side": 96,
        "rounded": False,
        "learning_rate": 5e-3,
        "weight_decay": 1e-3,
        "ema": 0.998,
        "seed": 1,
        "minutes": 0.2,
        "steps": 12,
    }
    assert {name: card[name] for name in ABOUT} == ABOUT


def test_the_card_counts_parameters_and_sums(card, run, model) -> None:
    assert card["parameters"] == sum(p.numel() for p in run.model.parameters())
    assert 0 < card["largest_partial_sum_of_2_24"] < 1
    largest = model.network.largest_partial_sum / 2**24
    assert card["largest_partial_sum_of_2_24"] == pytest.approx(largest, abs=1e-4)


def test_the_card_s_lengths_can_be_measured_again(card, run, model, valid) -> None:
    told = card["validation"]
    assert told["compared_crops"] == len(valid)
    assert told["float_bits_per_dim"] == pytest.approx(run.validate(), abs=1e-4)
    assert told["float_bits_per_dim_all_crops"] == pytest.approx(run.validate(), abs=1e-4)
    codec = PhotoCodec(model)
    theoretical = coded = 0.0
    for crop in valid.permute(0, 2, 3, 1).numpy():
        image = codec.encode(np.ascontiguousarray(crop))
        again = codec.decode(image.chunks, crop.shape, coder="fused")
        assert np.array_equal(again, crop)
        theoretical += image.report.theoretical_bits
        coded += 8 * sum(map(len, image.chunks))
    n_dims = valid.numel()
    assert told["integer_bits_per_dim"] == pytest.approx(theoretical / n_dims, abs=1e-4)
    assert told["coded_bits_per_dim"] == pytest.approx(coded / n_dims, abs=1e-4)


def test_integers_cost_next_to_nothing(card) -> None:
    told = card["validation"]
    # Less than nothing, where the last layer's learning makes up for it.
    assert -0.02 < told["integer_bits_per_dim"] - told["float_bits_per_dim"] < 0.003
    # Checksum, number and whole words, some 200 bits a crop, are 0.007 bits/dim here.
    assert -0.02 < told["coded_bits_per_dim"] - told["integer_bits_per_dim"] < 0.01


def test_the_averaged_weights_are_exported(run, valid, exported, tmp_path) -> None:
    shown = photographs()[torch.randperm(4, generator=torch.Generator().manual_seed(0))]
    averaged = write_model(quantise(run.average, shown), TINY, tmp_path / "average")
    assert averaged.id == load_photo_model(exported).id
    newest = write_model(quantise(run.model, shown), TINY, tmp_path / "newest")
    assert newest.id != averaged.id


def test_the_same_run_gives_the_same_file(run, valid, exported, tmp_path) -> None:
    again = tmp_path / "again.safetensors"
    export(run.folder, photographs(), valid[:1], again, {})
    assert again.read_bytes() == exported.read_bytes()


def test_a_run_stopped_before_it_validated_can_be_exported(run, valid, exported, tmp_path) -> None:
    stopped = tmp_path / "run"
    shutil.copytree(run.folder, stopped)
    later = {"step": 13, "minutes": 0.2, "valid_bits_per_dim": 1.0}  # beyond the checkpoint
    for log in (None, "", json.dumps(later) + "\n"):
        (stopped / "log.jsonl").unlink(missing_ok=True)
        if log is not None:
            (stopped / "log.jsonl").write_text(log)
        target = tmp_path / "model.safetensors"
        export(stopped, photographs(), valid[:1], target, {})
        told = json.loads(target.with_suffix(".json").read_text())["validation"]
        assert told["float_bits_per_dim_all_crops"] is None
        assert target.read_bytes() == exported.read_bytes()


@pytest.mark.parametrize("change", ["a weight", "the end"])
def test_a_model_file_that_was_changed_is_refused(exported, tmp_path, change) -> None:
    data = bytearray(exported.read_bytes())
    if change == "the end":
        del data[-5:]
    else:
        header = 8 + int.from_bytes(data[:8], "little")
        names = json.loads(data[8:header])
        weights = [v for k, v in names.items() if k.endswith("stems.0.weight")]
        data[header + weights[0]["data_offsets"][0]] ^= 1
    broken = tmp_path / "broken.safetensors"
    broken.write_bytes(data)
    with pytest.raises(ModelError):
        load_photo_model(broken)


def test_layers_are_integers(run) -> None:
    layers = quantise(run.average, photographs())
    for name, tensor in layers.items():
        kind = name.rsplit(".", 1)[1]
        if kind == "weight" and any(part in name for part in (".stems.", ".trunks.", ".features.")):
            assert tensor.dtype == torch.int8
            assert tensor.to(torch.int16).abs().max() <= 127  # -128 has no opposite
        elif kind == "weight":
            assert tensor.dtype == torch.int16
            assert tensor.abs().max() <= 511
        elif ".steps." in name:
            assert tensor.dtype == torch.float32
            assert (tensor > 0).all()
        else:
            assert tensor.dtype == {"bias": torch.int32, "shift": torch.int8}[kind]


def test_lengths_of_test_pictures_are_means_over_pictures(card, model) -> None:
    pictures = [p.permute(1, 2, 0).numpy().copy() for p in photographs(2, seed=8)]
    reports = [PhotoCodec(model).encode(p).report for p in pictures]
    assert card["test"]["pictures"] == 2
    for name, field in (("integer", "theoretical_bits"), ("coded", "coded_bits")):
        mean = np.mean([getattr(r, field) / p.size for r, p in zip(reports, pictures, strict=True)])
        assert card["test"][f"{name}_bits_per_dim"] == pytest.approx(mean, abs=1e-5)
