"""Small Flow++ models in a comparison: figures that add up, and progress that ends at the whole."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch

from core.bench import flow_contenders
from core.bench.contest import contest
from core.bench.flow_contenders import fitting
from core.control import CancelToken
from core.errors import Cancelled
from core.flows.flowpp import CIFAR10, FlowPP, small
from core.flows.flowpp.files import save_flowpp


@pytest.fixture
def pixels() -> np.ndarray:
    return np.random.default_rng(0).integers(60, 200, (8, 8, 3), dtype=np.uint8)


@pytest.fixture(autouse=True)
def tiny(tmp_path: Path, pixels: np.ndarray, monkeypatch: pytest.MonkeyPatch) -> None:
    """The only model there is takes pictures of 8 x 8."""
    torch.manual_seed(0)
    model = FlowPP(small(CIFAR10, width=8, blocks=1, components=2, size=8))
    model.initialise(
        torch.from_numpy(pixels).permute(2, 0, 1)[None].float() + torch.randn(8, 1, 1, 1)
    )
    save_flowpp(model, tmp_path / "tiny.safetensors")
    monkeypatch.setattr(flow_contenders, "bundled_flowpp", lambda: [tmp_path / "tiny.safetensors"])


def test_both_codes_give_the_picture_back_and_say_what_it_took(pixels: np.ndarray) -> None:
    told: list[tuple[str, float]] = []
    contenders = fitting(pixels.shape, black_box=True)
    attempts = list(contest(pixels, contenders, on_progress=lambda *event: told.append(event)))
    assert [a.name for a in attempts] == [
        "Local bits-back, by layers",
        "Local bits-back, black box",
    ]
    for attempt in attempts:
        assert not attempt.problem
        assert attempt.theoretical_bpd is not None
        assert attempt.bits_per_dim is not None
        assert abs(attempt.bits_per_dim - attempt.theoretical_bpd) < 0.3  # whole bytes, one picture
        assert attempt.borrowed_bits
        assert attempt.net
        assert "grids 2^-" in attempt.settings
        shares = [share for name, share in told if name == attempt.name]
        assert shares == sorted(shares)
        assert shares[-1] == 1.0


def test_only_pictures_of_a_models_size_are_taken(pixels: np.ndarray) -> None:
    assert len(fitting((8, 8, 3))) == 1
    assert fitting((8, 8, 1)) == []
    assert fitting((8, 9, 3)) == []


def test_a_black_box_is_stopped_between_its_rows(pixels: np.ndarray) -> None:
    cancel = CancelToken()
    _, black_box = fitting(pixels.shape, black_box=True)
    with pytest.raises(Cancelled):
        list(contest(pixels, [black_box], on_progress=lambda *_: cancel.cancel(), cancel=cancel))
