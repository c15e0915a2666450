"""Units of activations, lengths of steps, and the way back to a float model."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch

from core.flows.photo.byte_kernels import MOST_SHIFT
from core.flows.photo.model import Photo
from core.training.export import write_model
from core.training.from_integers import begin_with
from core.training.quantise import _steps, quantise
from core.training.rounding import Ranges
from tests.models import SMALL, crops, small_model, small_photo


def test_steps_are_as_long_for_all_inputs_but_those_that_are_nearly_always_nothing() -> None:
    ranges = Ranges()
    seen = torch.tensor([2.0, 0.0]).view(1, 2, 1, 1).expand(3, 2, 5, 5)
    ranges.see("hidden", seen)
    steps = _steps(ranges.samples["hidden"], torch.tensor([3.0, 0.0]))
    squares = torch.tensor([4.0, 0.0, 1.0])  # the last is the bias
    sizes = (squares + 0.01 * squares.mean()).sqrt()
    assert steps.tolist() == pytest.approx((torch.tensor([0.125, 1, 1]) / sizes).tolist())
    assert steps.dtype == torch.float32


def test_a_unit_may_clip_what_is_rare() -> None:
    random = torch.Generator().manual_seed(1)
    x = 0.3 * torch.randn(1, 2, 64, 64, generator=random)
    x[0, 1] *= 100
    x[0, 0, 20, ::40] = 3  # seen, but rare
    x[0, 0, 0, 4] = 60
    ranges = Ranges()
    ranges.see("stream", x)
    chosen = ranges.exponents("stream", -128, 127)
    widest = torch.floor(torch.log2(127 / x.abs().amax((0, 2, 3))))
    assert chosen[0] > widest[0]  # finer than the largest value allows
    samples = torch.cat(ranges.samples["stream"], 1)

    def error(channel: int, exponent: float) -> float:
        unit = 2.0**exponent
        values = samples[channel]
        return float(((values * unit).round().clamp(-128, 127) / unit - values).abs().mean())

    for channel in range(2):
        tried = [error(channel, float(widest[channel]) + i) for i in range(4)]
        assert error(channel, float(chosen[channel])) == pytest.approx(min(tried))


def test_weights_next_to_nothing_stay_within_the_shifts_that_are_allowed(tmp_path: Path) -> None:
    model = small_photo()
    with torch.no_grad():
        for level in model.levels:
            for block in (block for trunk in level.trunks for block in trunk):
                block.gated.weight.mul_(2.0**-14)
                block.gated.bias.zero_()
    layers = quantise(model, crops())
    for part in ("value", "gate"):
        shifts = [t for n, t in layers.items() if n.endswith(f"{part}.shift")]
        assert max(int(shift.max()) for shift in shifts) == MOST_SHIFT
    assert max(int(t.max()) for n, t in layers.items() if n.endswith("shift")) > MOST_SHIFT
    write_model(layers, SMALL, tmp_path / "small.safetensors")


def test_training_can_begin_with_what_was_exported(tmp_path: Path) -> None:
    small_model(tmp_path)
    begun = Photo(SMALL)
    pictures = crops(4, 32, seed=9).float()
    with torch.no_grad():
        before = float(begun.eval().bits(pictures).sum())
        begin_with(begun, tmp_path / "small.safetensors")
        found = float(begun.bits(pictures).sum())
        exported = float(small_photo().bits(pictures).sum())
    assert found == pytest.approx(exported, rel=0.02)
    assert abs(found - before) > 5 * abs(found - exported)
