"""A component in its coding order, the same way for encoder and decoder."""

from __future__ import annotations

from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from core.flows.jpeg import inputs
from core.flows.jpeg.learning import Learner
from core.flows.jpeg.mixture import COMPONENTS, N_OUTPUTS
from core.flows.jpeg.network import IntegerNet, hidden_of, n_waves, new_streams, put_wave, span
from core.flows.jpeg.tables import LOG_UNIT, Tables
from core.flows.jpeg.wave import Wave, add_local, known_around, known_of_given, put

#: Bits behind the point of linear predictions.
LINEAR_BITS = 12

#: Of bytes of logarithms.
_BYTE_OF_LOG = LOG_UNIT // 8


class Walk:
    """Distributions of a component's coefficients, wave after wave.

    role: 0 luma, 1 and 2 the chroma components; table: (64,); given: dequantised (R, C, 64) int32
    of the components that are known as a whole, none for luma, as many as the role for chroma.
    """

    def __init__(
        self,
        net: IntegerNet,
        tables: Tables,
        role: int,
        rows: int,
        columns: int,
        table: NDArray[Any],
        given: list[NDArray[np.int32]],
    ) -> None:
        if len(given) > net.config.n_given or any(g.shape != (rows, columns, 64) for g in given):
            raise ValueError("what is given does not fit the component")
        self.rows, self.columns, self.n_waves = rows, columns, n_waves(rows, columns)
        self.coefficients = np.zeros((rows, columns, 64), dtype=np.int16)
        self.table = np.ascontiguousarray(table, dtype=np.int32)
        self.learns = True  # files are coded with learning; it can be turned off to measure it
        self._net = net
        # What is known, with a border of blocks that are not there.
        self._values = np.zeros((rows + 2, columns + 3, 64), dtype=np.int32)
        self._bytes = np.zeros((rows + 2, columns + 3, 64), dtype=np.int8)
        self._given_bytes, self._given_relative, self._given = [], [], given
        for i, plane in enumerate(given):
            found = np.empty(plane.shape, dtype=np.int8)
            relative = np.empty((rows, columns, 6), dtype=np.int32)
            near = np.empty((rows, columns, 4), dtype=np.int8)
            inputs.component_bytes(
                plane, net.multipliers[1 + i], tables.bytes_, found, relative, near
            )
            self._given_bytes.append(found)
            self._given_relative.append(relative)
        logs = tables.log2(self.table)
        log_bytes = ((logs + _BYTE_OF_LOG // 2) // _BYTE_OF_LOG).clip(0, inputs.LARGEST)
        biases = net.table_biases(log_bytes, len(given) == 2)
        streams = net.given_streams(self._given_bytes)
        self._streams = new_streams(net, rows, columns, biases, streams)
        self._wave = self._new_wave(tables, logs, log_bytes)
        self._learner = Learner(
            [self._wave.layer, self._wave.bias], [self._wave.gradient, self._wave.bias_gradient]
        )
        n = len(self._wave.x)
        self._near = np.empty((n, 4), dtype=np.int8)
        self._known = np.empty((n, len(net.from_known)))

    def _new_wave(
        self, tables: Tables, logs: NDArray[np.int64], log_bytes: NDArray[np.int64]
    ) -> Wave:
        net, head = self._net, self._net.head
        n = min(self.rows, (self.columns + 1) // 2)
        n_hidden = len(head.bias)
        units = np.repeat(log_bytes, np.diff(head.starts)).astype(np.float32)
        self._hidden_bias = head.bias + head.local[-1] * units
        usual = (net.exponent.astype(np.int64) * (net.usual_log - logs)) >> LINEAR_BITS
        usual = usual.clip(-20 * LOG_UNIT, 20 * LOG_UNIT)

        def floats(*shape: int) -> NDArray[np.float32]:
            return np.zeros(shape, dtype=np.float32)

        return Wave(
            n=0,
            rows=np.empty(n, dtype=np.int32),
            columns=np.empty(n, dtype=np.int32),
            x=np.zeros((n, 64), dtype=np.int16),
            hidden=floats(n, n_hidden),
            sums=np.zeros((n, 64)),
            leaning=np.zeros((n, 64)),
            reference=np.zeros(n, dtype=np.int32),
            weights=floats(COMPONENTS, n),
            means=floats(COMPONENTS, n),
            inverse=floats(COMPONENTS, n),
            outputs=floats(N_OUTPUTS, n),
            shown=floats(max(net.config.hidden), n),
            units=floats(n, max(net.config.hidden)),
            centre=np.zeros(n, dtype=np.int32),
            scratch=floats(16, n),
            powers=np.zeros(n, dtype=np.int32),
            table=self.table,
            per_step=2.0**-LINEAR_BITS / self.table.clip(1),
            usual=(usual / LOG_UNIT).astype(np.float32),
            unit=tables.power(usual),
            starts=head.starts,
            earlier=head.earlier,
            from_block=net.from_block,
            multiplier=net.multipliers[0],
            bytes_=tables.bytes_,
            layer=head.outputs.copy(),
            bias=head.output_bias.copy(),
            gradient=np.zeros_like(head.outputs),
            bias_gradient=np.zeros_like(head.output_bias),
        )

    def begin(self, number: int) -> Wave:
        """What the blocks of a wave are predicted from; the waves before it are known."""
        first, last = span(number, self.rows, self.columns)
        n = last - first
        wave = self._wave._replace(n=n)
        wave.rows[:n] = np.arange(first, last)
        wave.columns[:n] = number - 2 * wave.rows[:n]
        known_around(
            wave.rows, wave.columns, n, self._values, self.columns, self._net.multipliers[0],
            wave.bytes_, self._known, wave.reference, self._near,
        )  # fmt: skip
        at = 256
        for plane, relative in zip(self._given, self._given_relative, strict=True):
            known_of_given(wave.rows, wave.columns, n, plane, relative, self._known, at)
            at += 192
        self._known[:n, at:] = 0
        # By torch, whose threads are those that the codec chooses.
        known = torch.from_numpy(self._known[:n])
        predicted = torch.mm(known, self._net.from_known).numpy()
        wave.sums[:n], wave.leaning[:n] = predicted[:, :64], predicted[:, 64:]
        hidden_of(
            self._net.layers, self._streams, number, first, last, self._near, self._hidden_bias,
            self._net.head.scale, wave.hidden,
        )  # fmt: skip
        nothing = np.empty((0, 0, 64), dtype=np.int8)
        planes = [*self._given_bytes, nothing, nothing]
        add_local(
            wave, self._bytes, self._near, planes[0], planes[1], len(self._given_bytes),
            self._net.head.local,
        )  # fmt: skip
        return wave

    def end(self, number: int) -> None:
        """Takes the coefficients of the wave that was begun last, and learns from them."""
        first, last = span(number, self.rows, self.columns)
        wave = self._wave._replace(n=last - first)
        rows, columns = wave.rows[: wave.n], wave.columns[: wave.n]
        self.coefficients[rows, columns] = wave.x[: wave.n]
        signed = np.empty((wave.n, 64), dtype=np.int8)
        put(wave, self._values, signed)
        self._bytes[rows + 2, columns + 2] = signed
        put_wave(self._net.layers, self._streams, number, first, last, signed)
        if self.learns:
            self._learner.seen(wave.n)
