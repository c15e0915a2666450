"""Ways of taking an image apart into two halves, one of which tells how the other is transformed.

The halves change places from one coupling to the next: ``second`` says that the second half
conditions. All memory is laid out channels last, which convolutions are fastest on.
"""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor


@dataclass(frozen=True)
class Split:
    """Takes a tensor apart into a conditioning half and a transformed half."""

    second: bool = False  # whether the second half is the one that conditions

    def split(self, x: Tensor) -> tuple[Tensor, Tensor]:
        """(N, C, H, W) -> the conditioning half, the transformed half."""
        first, second = self._halves(x)
        return (second, first) if self.second else (first, second)

    def merge(self, cf: Tensor, ef: Tensor) -> Tensor:
        """What :meth:`split` has taken apart, together again."""
        return self._joined(ef, cf) if self.second else self._joined(cf, ef)

    def half_shape(self, shape: tuple[int, int, int]) -> tuple[int, int, int]:
        """(C, H, W) of a whole -> that of each half."""
        raise NotImplementedError

    def _halves(self, x: Tensor) -> tuple[Tensor, Tensor]:
        raise NotImplementedError

    def _joined(self, first: Tensor, second: Tensor) -> Tensor:
        raise NotImplementedError


@dataclass(frozen=True)
class StripeSplit(Split):
    """Even columns, odd columns."""

    def half_shape(self, shape: tuple[int, int, int]) -> tuple[int, int, int]:
        channels, height, width = shape
        return channels, height, width // 2

    def _halves(self, x: Tensor) -> tuple[Tensor, Tensor]:
        return x[..., 0::2], x[..., 1::2]

    def _joined(self, first: Tensor, second: Tensor) -> Tensor:
        pairs = torch.stack((first.permute(0, 2, 3, 1), second.permute(0, 2, 3, 1)), 3)
        return pairs.flatten(2, 3).permute(0, 3, 1, 2)


@dataclass(frozen=True)
class ChannelSplit(Split):
    """The first half of the channels, the second half."""

    def half_shape(self, shape: tuple[int, int, int]) -> tuple[int, int, int]:
        channels, height, width = shape
        return channels // 2, height, width

    def _halves(self, x: Tensor) -> tuple[Tensor, Tensor]:
        first, second = x.chunk(2, 1)
        return first, second

    def _joined(self, first: Tensor, second: Tensor) -> Tensor:
        whole = torch.cat((first.permute(0, 2, 3, 1), second.permute(0, 2, 3, 1)), 3)
        return whole.permute(0, 3, 1, 2)


SPLITS: dict[str, type[Split]] = {"stripe": StripeSplit, "channel": ChannelSplit}
