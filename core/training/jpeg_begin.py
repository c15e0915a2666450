"""A JPEG model that begins with the weights of a model file.

What a file holds are integers times powers of two, which are weights of the float model as they
stand; training goes on from what files are coded by.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import torch
from torch import Tensor, nn

from core.flows.jpeg.file import KINDS, read_jpeg_file
from core.flows.jpeg.inputs import FINENESS, MULTIPLIER_BITS
from core.flows.jpeg.layers import BYTE_UNIT, HIDDEN_UNIT, READ_UNIT
from core.flows.jpeg.model import CausalConv, Jpeg, Net
from core.flows.jpeg.walk import LINEAR_BITS
from core.training.jpeg_layers import stored_layers


def begin_with(model: Jpeg, path: Path) -> None:
    """Gives a model a file's weights. Raises ModelError for no file, ValueError for other sizes."""
    file = read_jpeg_file(path.read_bytes())
    if file.config != model.config:
        raise ValueError(f"{path} holds a model of other sizes: {file.config}")
    with torch.no_grad():
        for kind in KINDS:
            _net(getattr(model, kind), file.nets[kind])


def _net(net: Net, tensors: Mapping[str, Tensor]) -> None:
    def read(name: str, inputs: int, outputs: int) -> tuple[Tensor, Tensor]:
        """Weights and biases in the units of training."""
        weight, bias = tensors[f"{name}.weight"].double(), tensors[f"{name}.bias"].double()
        scale = torch.exp2(-tensors[f"{name}.shift"].double()) / outputs
        return weight * inputs * scale.view(-1, *[1] * (weight.dim() - 1)), bias * scale

    for each in stored_layers(net):
        weight, bias = read(each.name, each.inputs, each.outputs)
        if isinstance(each.layer, CausalConv):
            kernel = torch.zeros(len(weight), 6, weight.shape[2], dtype=torch.float64)
            kernel[:, : each.n_known] = weight
            kernel = kernel.view(len(weight), 2, 3, -1)
        else:
            side = each.layer.conv.kernel_size[0]
            kernel = weight.view(len(weight), side, side, -1)
        _set(each.layer.conv, kernel.permute(0, 3, 1, 2), bias)
    weight, bias = read("head", 1, 1)
    width, head = net.config.width, net.head
    head.features.copy_(weight[:, :width] * READ_UNIT / HIDDEN_UNIT)
    head.earlier.copy_(weight[:, width : width + 128] * BYTE_UNIT / HIDDEN_UNIT)
    head.local.copy_(weight[:, width + 128 :] * BYTE_UNIT / HIDDEN_UNIT)
    head.bias.copy_(bias / HIDDEN_UNIT)
    start = 0
    for outputs in head.outputs:
        count, n_outputs, hidden = outputs.shape
        part = tensors["head.outputs"][start : start + count * hidden]
        outputs.copy_(part.view(count, hidden, n_outputs).transpose(1, 2))
        start += count * hidden
    head.output_bias.copy_(tensors["head.output_bias"])
    _linear_predictions(net, tensors)


def _linear_predictions(net: Net, tensors: Mapping[str, Tensor]) -> None:
    sizes = FINENESS * 2.0**MULTIPLIER_BITS / tensors["multipliers"].double()
    net.usual.copy_(sizes[0])
    if net.config.n_given:
        net.given_usual.copy_(sizes[1:])
    usual = net.usual.double()
    known = torch.cat([usual.repeat(4), *(s.repeat(3) for s in sizes[1:])])
    weight = tensors["from_known"].double() / (1 << LINEAR_BITS)
    net.from_known.copy_(weight[:64] * known / usual[:, None])
    lean = weight[64:] * known / usual[:, None]
    net.lean_left.copy_(lean[:, :64])
    net.lean_above.copy_(-lean[:, 64:128])
    block = tensors["from_block"].double() / (1 << LINEAR_BITS)
    net.from_block.copy_(block * usual / usual[:, None])
    net.exponent.copy_(tensors["exponent"].double() / (1 << LINEAR_BITS))


def _set(layer: nn.Conv2d, weight: Tensor, bias: Tensor) -> None:
    assert layer.bias is not None
    layer.weight.copy_(weight)
    layer.bias.copy_(bias)
