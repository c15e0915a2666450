"""Mixtures of logistics over 8-bit values, in floating point: the smooth form used in training."""

from __future__ import annotations

import math

import torch
import torch.nn.functional as F
from torch import Tensor


def log2_mass(
    x: Tensor, logits: Tensor, means: Tensor, log_scales: Tensor, dim: int = -1
) -> Tensor:
    """log2 of the mixture's mass in the unit bin around each integer x of [0, 255].

    x: (...); the parameters: (...) with one more dimension, of K, at ``dim``; log scales natural.
    The outermost bins take the tails. Uses sigmoid(p) - sigmoid(m) = sigmoid(p) sigmoid(-m)
    (1 - exp(m - p)), which keeps its precision however little mass a bin holds.
    """
    inverse_scale = torch.exp(-log_scales)
    centred = x.unsqueeze(dim) - means
    upper = (centred + 0.5) * inverse_scale
    lower = (centred - 0.5) * inverse_scale
    last = (x > 254.5).unsqueeze(dim)
    first = (x < 0.5).unsqueeze(dim)
    log_below = torch.where(last, 0.0, F.logsigmoid(upper))
    log_above = torch.where(first, 0.0, F.logsigmoid(-lower))
    log_between = torch.log(-torch.expm1(-inverse_scale))
    log_between = torch.where(first | last, 0.0, log_between)
    log_mass = torch.log_softmax(logits, dim) + log_below + log_above + log_between
    return torch.logsumexp(log_mass, dim) / math.log(2)
