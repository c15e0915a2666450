"""The integer photo model once more, written from docs/exactness.md with numpy int64 alone.

Nothing is shared with core.flows but the file's tensors: it is what the fast one is held to.
"""

from __future__ import annotations

import numpy as np

STREAM, HIDDEN, HEAD = 1023, 1023, 1023
FRACTION, GATE, VALUE = 9, 6, 3


def conv(tensors: dict, name: str, x: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Sum of products and bias (O, h, w), and each output's shift."""
    weight = tensors[f"{name}.weight"].astype(np.int64)
    bias = tensors[f"{name}.bias"].astype(np.int64)
    size = weight.shape[-1]
    height, width = x.shape[1:]
    padded = np.pad(x, ((0, 0), (size // 2, size // 2), (size // 2, size // 2)))
    total = np.broadcast_to(bias[:, None, None], (len(bias), height, width)).copy()
    for i in range(size):
        for j in range(size):
            part = padded[:, i : i + height, j : j + width]
            total += np.einsum("oc,chw->ohw", weight[:, :, i, j], part)
    return total, tensors[f"{name}.shift"].astype(np.int64)[:, None, None]


def floored(tensors: dict, name: str, x: np.ndarray) -> np.ndarray:
    total, shift = conv(tensors, name, x)
    return total >> shift


def rounded(stream: np.ndarray) -> np.ndarray:
    return (stream + (1 << (FRACTION - 1))) >> FRACTION


def features(tensors, level, phase, n_blocks, context, before):
    """The stream, in units of 2^-9."""
    x = floored(tensors, f"levels.{level}.stems.{phase}", context) << (FRACTION - VALUE)
    if before is not None:
        x = x + before
    limit = STREAM << FRACTION
    x = x.clip(-limit, limit)
    for block in range(n_blocks):
        name = f"levels.{level}.trunks.{phase}.{block}"
        hidden = floored(tensors, f"{name}.conv", rounded(x)).clip(0, HIDDEN)
        value = floored(tensors, f"{name}.value", hidden)
        gate = floored(tensors, f"{name}.gate", hidden).clip(0, 1 << GATE)
        x = (x + value * gate).clip(-limit, limit)
    return x


def mixture(tensors, level, phase, i, k, stream, residual):
    """Logits, means relative to the prediction, log scales: each (K, h, w)."""
    name = f"levels.{level}.heads.{phase}"
    hidden, shift = conv(tensors, f"{name}.features.{i}", rounded(stream))
    if i:
        lean, lean_shift = conv(tensors, f"{name}.lean.{i - 1}", residual[:i])
        assert np.array_equal(shift, lean_shift)
        hidden = hidden + lean
    out = floored(tensors, f"{name}.outputs.{i}", (hidden >> shift).clip(0, HEAD))
    means = out[k : 2 * k].clip(-(1 << 15), 1 << 15)
    for j in range(i):
        means = means + out[3 * k + j].clip(-512, 512) * residual[j]
    return out[:k], means, out[2 * k : 3 * k].clip(-69, 115)
