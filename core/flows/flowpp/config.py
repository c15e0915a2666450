"""The sizes of the paper's three models, and of smaller ones of the same kind."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Final


@dataclass(frozen=True)
class FlowPPConfig:
    """All that tells one Flow++ model from another."""

    name: str  # of the published model whose layers these are
    size: int  # height and width of an image
    width: int  # channels inside a coupling's network
    blocks: int  # of a coupling's network
    dequantizer_blocks: int  # of the network of a dequantizer's coupling
    components: int  # logistics in a mixture
    #: The main flow: runs of so many couplings on stripes or channels, and squeezes between them.
    layout: tuple[tuple[str, int], ...]
    dequantizer_runs: tuple[int, ...]  # of couplings on stripes
    dequantizer_attention: bool
    pointwise: bool  # 1x1 convolutions before the couplings
    context_blocks: int  # of the network that shows the image to the dequantizer
    context_norm: bool
    context_attention: bool
    last_elu: bool  # one more nonlinearity before the last convolution of a coupling's network
    smallest_log_scale: float | None  # of a mixture's components
    context_width: int = 32
    heads: int = 4
    dropout: float = 0.0

    def __post_init__(self) -> None:
        """Raises ValueError where the sizes do not fit each other."""
        channels, side = 3, float(self.size)
        for kind, count in self.layout:
            if kind not in ("stripe", "channel", "squeeze"):
                raise ValueError(f"a Flow++ model has no {kind!r}")
            for _ in range(count if kind == "squeeze" else 0):
                channels, side = 4 * channels, side / 2
            halved = side if kind == "stripe" else channels
            if side != int(side) or (kind != "squeeze" and halved % 2):
                raise ValueError(f"images of {self.size} x {self.size} cannot be halved so often")
        if self.size % 2 or self.width % self.heads or self.context_width % self.heads:
            raise ValueError("the size must be even, and the widths multiples of the heads")

    @property
    def image_shape(self) -> tuple[int, int, int]:
        return (3, self.size, self.size)

    @property
    def parameters_per_channel(self) -> int:
        """What a coupling's network computes for each value that is transformed."""
        return 2 + 3 * self.components


CIFAR10: Final = FlowPPConfig(
    name="cifar10",
    size=32,
    width=96,
    blocks=10,
    dequantizer_blocks=2,
    components=32,
    layout=(("stripe", 4), ("squeeze", 1), ("channel", 2), ("stripe", 3)),
    dequantizer_runs=(4,),
    dequantizer_attention=True,
    pointwise=True,
    context_blocks=3,
    context_norm=False,
    context_attention=False,
    last_elu=False,
    smallest_log_scale=None,
    dropout=0.2,
)

IMAGENET32: Final = FlowPPConfig(
    name="imagenet32",
    size=32,
    width=128,
    blocks=20,
    dequantizer_blocks=8,
    components=32,
    layout=(("stripe", 4), ("stripe", 3), ("squeeze", 1), ("channel", 3), ("stripe", 3)),
    dequantizer_runs=(4, 4),
    dequantizer_attention=True,
    pointwise=False,
    context_blocks=8,
    context_norm=True,
    context_attention=True,
    last_elu=True,
    smallest_log_scale=-7.0,
)

IMAGENET64: Final = FlowPPConfig(
    name="imagenet64",
    size=64,
    width=96,
    blocks=16,
    dequantizer_blocks=5,
    components=4,
    layout=(
        *(("squeeze", 1), ("stripe", 4)),
        *(("squeeze", 1), ("channel", 2), ("stripe", 2)),
        *(("squeeze", 1), ("channel", 2), ("stripe", 2)),
    ),
    dequantizer_runs=(4,),
    dequantizer_attention=False,
    pointwise=False,
    context_blocks=5,
    context_norm=True,
    context_attention=False,
    last_elu=True,
    smallest_log_scale=-7.0,
)

#: The models of the paper by name.
PUBLISHED: Final = {config.name: config for config in (CIFAR10, IMAGENET32, IMAGENET64)}


def small(
    config: FlowPPConfig,
    *,
    width: int = 32,
    blocks: int = 2,
    components: int = 4,
    size: int | None = None,
    dequantizer_blocks: int = 1,
    context_blocks: int = 1,
    heads: int = 2,
    dropout: float = 0.0,
) -> FlowPPConfig:
    """The same layers, with less in each, for images of another size if wanted."""
    return replace(
        config,
        width=width,
        blocks=blocks,
        components=components,
        size=config.size if size is None else size,
        dequantizer_blocks=dequantizer_blocks,
        context_blocks=context_blocks,
        context_width=max(heads, width // 2 // heads * heads),
        heads=heads,
        dropout=dropout,
    )
