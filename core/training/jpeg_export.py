"""From trained JPEG networks to the integers that files are coded by."""

from __future__ import annotations

import numpy as np
import torch
from safetensors.torch import save
from torch import Tensor

from core.flows.jpeg import inputs
from core.flows.jpeg.file import FORMAT, KINDS, config_text, read_jpeg_file, table_tensors
from core.flows.jpeg.layers import (
    BYTE_UNIT,
    HIDDEN_UNIT,
    MOST_SHIFT,
    READ_UNIT,
    WEIGHT_BOUND,
)
from core.flows.jpeg.loading import JpegModel, jpeg_model, vector_sha256
from core.flows.jpeg.model import CausalConv, Jpeg, Net
from core.flows.jpeg.network import IntegerNet
from core.flows.jpeg.planes import AVERAGING_BITS, FACTORS
from core.flows.jpeg.tables import LOG_UNIT, Tables
from core.flows.jpeg.walk import LINEAR_BITS
from core.training.export import in_order
from core.training.jpeg_data import averaging_1d
from core.training.jpeg_layers import stored_layers

#: Rows and columns of chroma blocks of the test vector.
_VECTOR_SIDES = (5, 7)


def model_file(model: Jpeg) -> bytes:
    """The file of a model; it has been read and checked. Raises ModelError."""
    tensors: dict[str, Tensor] = {}
    for kind in KINDS:
        net: Net = getattr(model, kind)
        tensors |= {f"{kind}.{name}": tensor for name, tensor in quantised(net).items()}
    tables = make_tables()
    tensors |= table_tensors(tables)
    vector = make_vector()
    tensors |= {f"vector.{name}": tensor for name, tensor in vector.items()}
    nets = {
        kind: IntegerNet(
            getattr(model.config, kind),
            {n.removeprefix(f"{kind}."): t for n, t in tensors.items() if n.startswith(f"{kind}.")},
        )
        for kind in KINDS
    }
    about = {
        "family": "jpeg",
        "format": FORMAT,
        "config": config_text(model.config),
        "vector_sha256": vector_sha256(JpegModel("", nets, tables), vector),
    }
    data = in_order(save({name: tensor.contiguous() for name, tensor in tensors.items()}, about))
    read_jpeg_file(data)
    jpeg_model(data)
    return data


def make_vector() -> dict[str, Tensor]:
    """Coefficients that reach the limits: smooth blocks, noise, extremes."""
    random = np.random.default_rng(13)
    rows, columns = _VECTOR_SIDES
    found = {}
    for name, factor in (("y", 2), ("cb", 1), ("cr", 1)):
        shape = (rows * factor, columns * factor, 64)
        spread = 40 / (1 + np.arange(64)) ** 1.2
        x = np.rint(random.laplace(size=shape) * spread)
        x[-1] = np.rint(random.laplace(size=shape[1:]) * 30)
        x[0, :2] = random.integers(-2048, 2048, (2, 64))
        found[name] = torch.from_numpy(x.astype(np.int16))
    table = (3 + np.arange(64) // 3).astype(np.int32)
    table[-1], table[-2] = 255, 1
    found["table"] = torch.from_numpy(table)
    return found


def quantised(net: Net) -> dict[str, Tensor]:
    """Integer tensors of a network, for :class:`core.flows.jpeg.network.IntegerNet`."""
    found: dict[str, Tensor] = {}

    def store(name: str, weight: Tensor, bias: Tensor, inputs_: int, outputs: int) -> None:
        """weight: (O, positions, I) or (O, I), from units of inputs to those of outputs."""
        weight = weight.detach()
        exponent = _exponents(weight)
        shift = exponent + _log2(inputs_) - _log2(outputs)
        if bool((shift < 0).any()):  # weights too large: as coarse as the shift allows
            exponent, shift = exponent - shift.clamp_max(0), shift.clamp_min(0)
        scale = exponent.double().exp2()
        rounded = (weight.double() * scale.view(-1, *[1] * (weight.dim() - 1))).round()
        found[f"{name}.weight"] = rounded.clamp(-WEIGHT_BOUND, WEIGHT_BOUND).to(torch.int8)
        biases = (bias.detach().double() * scale * inputs_).round()
        found[f"{name}.bias"] = biases.to(torch.int32)
        found[f"{name}.shift"] = shift.to(torch.int8)

    for each in stored_layers(net):
        conv = each.layer.conv
        assert conv.bias is not None
        if isinstance(each.layer, CausalConv):
            kernel = (conv.weight * each.layer.mask).permute(0, 2, 3, 1).flatten(1, 2)
            weight = kernel[:, : each.n_known]
        else:
            weight = conv.weight.permute(0, 2, 3, 1).flatten(1, 2).squeeze(1)
        store(each.name, weight, conv.bias, each.inputs, each.outputs)
    head = net.head
    joint = torch.cat(
        [head.features / READ_UNIT, head.earlier * head.before / BYTE_UNIT, head.local / BYTE_UNIT],
        1,
    )
    # In units of all inputs' integers already.
    store("head", joint * HIDDEN_UNIT, head.bias * HIDDEN_UNIT, 1, 1)
    outputs = [w.detach().transpose(1, 2).reshape(-1, w.shape[1]) for w in head.outputs]
    found["head.outputs"] = torch.cat(outputs).float().contiguous()
    found["head.output_bias"] = head.output_bias.detach().float().contiguous()
    found |= _linear_predictions(net)
    usual = net.usual.double()
    all_usual = [usual, *net.given_usual.double()] if net.config.n_given else [usual]
    found["multipliers"] = torch.from_numpy(
        np.stack([inputs.multipliers(u.numpy()) for u in all_usual])
    )
    found["usual_log"] = (usual.log2() * LOG_UNIT).round().to(torch.int32)
    found["exponent"] = (net.exponent.detach().double() * (1 << LINEAR_BITS)).round().int()
    return found


def _log2(unit: int) -> int:
    return unit.bit_length() - 1


def _exponents(weight: Tensor) -> Tensor:
    """log2 of what the weights of each output are multiplied by, as in training."""
    largest = weight.flatten(1).abs().amax(1).clamp_min(1e-6)
    return torch.floor(torch.log2(WEIGHT_BOUND / largest)).clamp_max(MOST_SHIFT - 3)


def _linear_predictions(net: Net) -> dict[str, Tensor]:
    """Weights between dequantised values, in units of 2^-LINEAR_BITS."""
    usual = net.usual.double()
    own = usual.repeat(4)
    given = [net.given_usual[i].double().repeat(3) for i in range(net.config.n_given)]
    known = torch.cat([own, *given])
    weight = usual[:, None] * net.from_known.detach().double() / known
    lean = torch.zeros_like(weight)
    lean[:, :64] = net.lean_left.detach().double() * usual[:, None] / usual
    lean[:, 64:128] = -net.lean_above.detach().double() * usual[:, None] / usual
    block = (net.from_block * net.triangle).detach().double() * usual[:, None] / usual
    unit = float(1 << LINEAR_BITS)
    return {
        "from_known": (torch.cat([weight, lean]) * unit).round().to(torch.int32),
        "from_block": (block * unit).round().to(torch.int32),
    }


def make_tables() -> Tables:
    """The tables that a model carries."""
    logs = np.rint(np.log2(np.maximum(np.arange(256), 1)) * LOG_UNIT).astype(np.int32)
    powers = (2.0 ** (np.arange(LOG_UNIT) / LOG_UNIT)).astype(np.float32)
    averaging = {
        n: np.rint(averaging_1d(n) * (1 << AVERAGING_BITS)).astype(np.int32) for n in FACTORS
    }
    return Tables(inputs.byte_table(), logs, powers, averaging)
