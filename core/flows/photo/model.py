"""The ``photo`` model: Flow++ couplings along an interlacing pyramid, for pictures of any size.

One level codes three phases of its picture given the coarser level (see
:mod:`core.flows.photo.interlace`). Each phase is a mixture-of-logistics coupling (Ho et al. 2019,
"Flow++", section 3.2) that is transformed once and then leaves the flow. A convolutional trunk
reads the known pixels, and is refined as more phases become known; for each phase a small head
gives the mixtures of green, then of red given green, then of blue given both.

This module is the differentiable model, which training uses. Archives are coded by its integer
form (:mod:`core.flows.photo.integer`), which computes the same function on integers.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from core.flows.photo import interlace, logistic

#: Coding order of a pixel's channels: green first, since it says most about the others.
CHANNEL_ORDER = (1, 0, 2)


@dataclass(frozen=True)
class PhotoConfig:
    """Sizes of a photo model."""

    width: int = 64  # channels of the trunk
    blocks: tuple[int, int, int] = (3, 2, 2)  # residual blocks before d, b and c
    head_width: int = 48  # hidden units a channel in a head
    components: int = 5  # logistics in a mixture
    weight_sets: int = 3  # levels deeper than this share the last set

    @property
    def multiply_adds_per_pixel(self) -> float:
        """Multiply-adds a pixel of the whole pyramid (levels sum to 4/3 of the finest)."""
        stems = 9 * sum(interlace.CONTEXT_CHANNELS) * self.width
        trunk = sum(self.blocks) * (9 + 2) * self.width**2
        outputs = sum(self.n_outputs(i) + i for i in range(3))
        heads = 3 * self.head_width * (3 * self.width + outputs)
        return (stems + trunk + heads) / 4 * 4 / 3

    def n_outputs(self, channel: int) -> int:
        """Parameters of the mixture of the n-th channel in coding order: 3K and its leanings."""
        return 3 * self.components + channel


class GatedBlock(nn.Module):
    """Residual block: 3x3 convolution, ReLU, 1x1 to a value and its gate in [0, 1]."""

    def __init__(self, width: int) -> None:
        super().__init__()
        self.conv = nn.Conv2d(width, width, 3, padding=1)
        self.gated = nn.Conv2d(width, 2 * width, 1)
        nn.init.normal_(self.gated.weight, std=0.3 / width**0.5)

    def forward(self, x: Tensor) -> Tensor:
        """(N, C, h, w) -> the same shape."""
        return _AddGated.apply(x, self.gated(F.relu(self.conv(x), inplace=True)))


class _AddGated(torch.autograd.Function):
    """x + value * clamp(gate / 4 + 1/2, 0, 1), in a third of the passes over memory."""

    @staticmethod
    def forward(ctx: Any, x: Tensor, gated: Tensor) -> Tensor:
        value, gate = gated.chunk(2, 1)
        gate = (0.25 * gate).add_(0.5).clamp_(0, 1)
        ctx.save_for_backward(value, gate)
        return torch.addcmul(x, value, gate)

    @staticmethod
    def backward(ctx: Any, gradient: Tensor) -> tuple[Tensor, Tensor]:
        value, gate = ctx.saved_tensors
        n, width, height, columns = gate.shape
        of_gated = gate.new_empty(n, 2 * width, height, columns).contiguous(
            memory_format=torch.channels_last
        )
        torch.mul(gradient, gate, out=of_gated[:, :width])
        # The slope of the gate is 1/4 where it is neither shut nor open.
        moving = (gate * (1 - gate)).sign_().mul_(0.25)
        torch.mul(moving.mul_(gradient), value, out=of_gated[:, width:])
        return gradient, of_gated


class Rows(nn.Conv2d):
    """A 1x1 convolution whose outputs are rows: (N, I, h, w) -> (O, N h w)."""

    def forward(self, x: Tensor) -> Tensor:
        assert self.bias is not None
        positions = x.permute(0, 2, 3, 1).reshape(-1, x.shape[1])
        return torch.addmm(self.bias[:, None], self.weight.flatten(1), positions.T)


class Head(nn.Module):
    """Mixture parameters of a phase's three channels, each given the channels before it."""

    def __init__(self, config: PhotoConfig) -> None:
        super().__init__()
        self.components = config.components
        self.features = nn.Conv2d(config.width, 3 * config.head_width, 1)
        self.lean: Any = nn.ModuleList(  # Any: a ModuleList does not tell what it holds
            nn.Conv2d(i, config.head_width, 1, bias=False) for i in (1, 2)
        )
        outputs = [Rows(config.head_width, config.n_outputs(i), 1) for i in range(3)]
        spread = torch.linspace(-1, 1, config.components)
        for i, output in enumerate(outputs):
            nn.init.normal_(output.weight, std=0.02)
            leaning = torch.full((i,), 0.8 / max(i, 1))
            bias = torch.cat([torch.zeros_like(spread), spread, spread, leaning])
            output.bias = nn.Parameter(bias)
        self.outputs: Any = nn.ModuleList(outputs)

    def forward(self, features: Tensor, residual: Tensor) -> list[tuple[Tensor, ...]]:
        """Logits, offsets from the prediction and log scales of each channel in coding order.

        features: (N, width, h, w); residual: the phase's pixels minus their prediction,
        (N, 3, h, w) in coding order. Each result: (K, N h w), components first, so that
        arithmetic on mixtures runs along contiguous rows.
        """
        hidden = self.features(features).chunk(3, 1)
        earlier = residual.transpose(0, 1).flatten(1)
        parameters: list[tuple[Tensor, ...]] = []
        for i, output in enumerate(self.outputs):
            h = hidden[i]
            if i:
                h = h + self.lean[i - 1](residual[:, :i] / 16)
            out = output(F.relu(h))
            logits, offsets, log_scales = out[: 3 * self.components].chunk(3)
            leaning = (out[3 * self.components :] * earlier[:i]).sum(0)
            parameters.append((logits, 2 * offsets + leaning, log_scales.clamp(-3, 5)))
        return parameters


class Level(nn.Module):
    """The networks of one level: for each phase a stem, residual blocks and a head."""

    def __init__(self, config: PhotoConfig) -> None:
        super().__init__()
        self.stems: Any = nn.ModuleList(
            nn.Conv2d(channels, config.width, 3, padding=1)
            for channels in interlace.CONTEXT_CHANNELS
        )
        self.trunks: Any = nn.ModuleList(
            nn.Sequential(*(GatedBlock(config.width) for _ in range(n))) for n in config.blocks
        )
        self.heads: Any = nn.ModuleList(Head(config) for _ in range(3))

    def codelengths(
        self, picture: Tensor, features: Tensor | None = None
    ) -> tuple[list[Tensor], Tensor | None]:
        """Bits of each phase and channel, each (N, h w), and the features of the last phase.

        features: (N, width, h, w), which the first phase begins with; none as a rule.
        """
        a, b = picture[..., 0::2, 0::2], picture[..., 0::2, 1::2]
        d = picture[..., 1::2, 1::2]
        n = len(picture)
        bits = []
        for phase, (_, row, column) in enumerate(interlace.PHASES):
            known = interlace.neighbours(phase, a, d)
            mean = interlace.prediction(known)
            target = picture[..., row::2, column::2]
            context = interlace.context(known, mean, b if phase == 2 else None)
            scaled = scaled_context(context)
            scaled = scaled.contiguous(memory_format=torch.channels_last)
            with torch.autocast("cpu", torch.bfloat16, enabled=self.training):
                stem = self.stems[phase](scaled)
                features = self.trunks[phase](stem if features is None else features + stem)
            order = list(CHANNEL_ORDER)
            residual = (target - mean)[:, order]
            parameters = self.heads[phase](features.float(), residual)
            for i, mixture in enumerate(parameters):
                c = CHANNEL_ORDER[i]
                ends = [(target[:, c] == end).flatten() for end in (0, 255)]
                of_pixels = self.bits_of(residual[:, i].flatten(), ends, *mixture)
                bits.append(of_pixels.unflatten(0, (n, -1)))
        return bits, features

    def bits_of(self, x: Tensor, ends: list[Tensor], *mixture: Tensor) -> Tensor:
        """Bits of residuals x, (N h w,); ends: whether the pixels are 0, and 255."""
        logits, offsets, log_scales = mixture
        return logistic.bits(x - offsets, ends[0], ends[1], logits, log_scales)


def scaled_context(context: Tensor) -> Tensor:
    """Context integers brought to the order of 1: differences by 16, the mean by 64."""
    return torch.cat([context[:, :12] / 16, context[:, 12:15] / 64, context[:, 15:] / 16], 1)


class Photo(nn.Module):
    """All levels of the pyramid, with one set of weights for each of the finest ones."""

    def __init__(self, config: PhotoConfig) -> None:
        super().__init__()
        self.config = config
        self.levels: Any = nn.ModuleList(Level(config) for _ in range(config.weight_sets))

    def hidden_weights(self) -> dict[int, list[Tensor]]:
        """Weights between the first layer and the last, by the number of matrices in one."""
        blocks = [m for m in self.modules() if isinstance(m, GatedBlock)]
        return {
            1: [block.conv.weight for block in blocks],
            2: [block.gated.weight for block in blocks],  # a value and its gate
            3: [m.features.weight for m in self.modules() if isinstance(m, Head)],  # of 3 channels
        }

    def bits(self, pictures: Tensor) -> Tensor:
        """Theoretical codelength of each picture in bits: (N, 3, H, W) integers -> (N,).

        H and W must be multiples of 2 as often as the pyramid halves them.
        """
        total = torch.zeros(pictures.shape[0])
        *divided, coarsest = interlace.pyramid(pictures)
        for level, picture in enumerate(divided):
            bits, _ = self.levels[min(level, len(self.levels) - 1)].codelengths(picture)
            total = total + torch.stack([b.sum(1) for b in bits]).sum(0)
        return total + 8.0 * coarsest[0].numel()
