"""The layers of a JPEG network that a model file holds as integers, in its names and units."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from torch import nn

from core.flows.jpeg.layers import BYTE_UNIT, HIDDEN_UNIT, READ_UNIT, STREAM_UNIT
from core.flows.jpeg.model import CausalConv, Linear, Net, Residual


@dataclass(frozen=True)
class StoredLayer:
    """A layer, the unit of its inputs and that of its outputs.

    n_known: the positions that a causal layer sees, the first ones of its six.
    """

    name: str
    layer: Linear | CausalConv
    inputs: int
    outputs: int = STREAM_UNIT
    n_known: int = 5


def stored_layers(net: Net) -> Iterator[StoredLayer]:
    """All but the head, whose parts have units of their own."""
    yield StoredLayer("embed", net.embed, BYTE_UNIT)
    yield StoredLayer("table_in", net.table_in, BYTE_UNIT, HIDDEN_UNIT)
    yield StoredLayer("table_out", net.table_out, HIDDEN_UNIT)
    for i, block in enumerate(net.blocks):
        yield from _of_block(f"blocks.{i}", block)
    yield StoredLayer("gather", net.gather, READ_UNIT, n_known=4)
    yield StoredLayer("near", net.near, BYTE_UNIT)
    yield from _of_block("mix", net.mix)
    if net.config.n_given:
        yield StoredLayer("given_in", net.given_in, BYTE_UNIT)
        for i, block in enumerate(net.given):
            yield from _of_block(f"given.{i}", block)
        yield StoredLayer("given_out", net.given_out, READ_UNIT)


def _of_block(name: str, block: nn.Module) -> Iterator[StoredLayer]:
    assert isinstance(block, Residual)
    assert isinstance(block.first, Linear | CausalConv)
    yield StoredLayer(f"{name}.first", block.first, READ_UNIT, HIDDEN_UNIT)
    yield StoredLayer(f"{name}.second", block.second, HIDDEN_UNIT)
