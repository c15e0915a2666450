"""The blocks of a stream as differences from those that zlib would have written."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from core.control import CancelToken
from core.images.deflate.blocks import HEADER_CONTEXTS, code_header, expected_block
from core.images.deflate.coder import (
    DECODING,
    NUMBER_CONTEXTS,
    Coder,
    decide,
    decide_bits,
    decide_number,
    decoder,
    encoder,
    finished,
    flushed,
)
from core.images.deflate.differences import TOKEN_CONTEXTS, code_tokens
from core.images.deflate.matching import AT, END, MISTAKES, jump, predictor
from core.images.deflate.parameters import READ_AHEAD, Matcher, Parameters, Strategy
from core.images.deflate.reading import Block, DeflateError
from core.images.deflate.standard import DYNAMIC, STORED, Bytes, Tokens
from core.images.deflate.trees import HEADER_SIZE

#: Tokens that are coded at a time, and more bytes than they and the facts of a block ever take.
_PIECE = 2**14
_ROOM = _PIECE * 110 + 2**15

#: The longest stored block.
_MOST_STORED = 65_535
_TOO_LONG = 2**40

_HEADER = TOKEN_CONTEXTS
_OTHER_END = _HEADER + HEADER_CONTEXTS
_KEPT = _OTHER_END + 1
_OTHER_LAST = _KEPT + 1
_OTHER_KIND = _OTHER_LAST + 2
_KIND = _OTHER_KIND + 3
_TOKENS = _KIND + 3 * 4
_BYTES = _TOKENS + NUMBER_CONTEXTS
_PADDING = _BYTES + NUMBER_CONTEXTS
_N_CONTEXTS = _PADDING + NUMBER_CONTEXTS

#: What stands for the block when there is none to encode.
_NO_BLOCK = Block(0, False, 0, np.zeros(0, np.uint32), np.zeros(HEADER_SIZE, np.int64), 0)


class Walk:
    """Encodes the blocks of a stream one after the other, or decodes them."""

    def __init__(
        self,
        plain: Bytes,
        parameters: Parameters,
        cancel: CancelToken,
        coded: bytes | None = None,
        *,
        exact: bool = False,
    ) -> None:
        """``plain``: with the padding of a predictor. ``coded``: what an encoder wrote.

        ``exact``: all is as expected, and nothing coded.
        """
        self._plain, self._exact, self._cancel = plain, exact, cancel
        self._coder = _coder(coded)
        self._decoding = bool(self._coder.state[DECODING])
        self._limit = parameters.symbols_per_block
        self._only_fixed = parameters.strategy is Strategy.FIXED
        self._window = 1 << max(parameters.window, 9)
        self._is_slow = parameters.matcher is Matcher.SLOW
        self._predictor = predictor(plain, parameters)
        self._end = int(self._predictor.state[END])
        self._room: Tokens = np.zeros(min(_PIECE, self._limit), np.uint32)
        self._n_surprises = 0
        self._written = bytearray()

    @property
    def at(self) -> int:
        """How many bytes the blocks so far stand for."""
        return int(self._predictor.state[AT])

    @property
    def n_mistakes(self) -> int:
        """How many tokens, and facts of blocks, were not as expected."""
        return int(self._predictor.state[MISTAKES]) + self._n_surprises

    def code(self, given: Block = _NO_BLOCK) -> Block:
        """Encodes a block, or decodes the next one. Raises DeflateError, and Cancelled.

        The block's tokens are valid until the next call.
        """
        self._cancel.check()
        start = self.at
        given, ends_as_expected = self._with_end(given)
        count = self._limit
        if self._differs(_OTHER_END, not ends_as_expected):
            if self._differs(_KEPT, given.kind == STORED):
                return self._code_kept(given)
            count = self._number(_TOKENS, len(given.tokens))
        tokens = self._code_tokens(given.tokens, count)
        n_bytes = self.at - start
        header = np.zeros(HEADER_SIZE, np.int64)
        kind = int(
            expected_block(
                self._plain, start, tokens, self._storable(start, tokens), self._only_fixed, header
            )
        )
        if self._differs(_OTHER_KIND + kind, given.kind != kind):
            kind = int(decide_bits(self._coder, _KIND + 4 * kind, 2, given.kind))
        if kind > DYNAMIC or (kind == STORED and n_bytes > _MOST_STORED):
            raise DeflateError("a block of an unknown kind")
        if kind == DYNAMIC and not self._exact:
            expected, header = header, given.header.copy()
            self._n_surprises += int(code_header(self._coder, _HEADER, expected, header))
        # SLOW writes a literal at the end of the bytes when it has left its loop.
        last = len(tokens) < self._limit or (self._is_slow and tokens[-1] == 0)
        return self._coded(replace(given, kind=kind, tokens=tokens, header=header), start, last)

    def finish(self, padding: int = 0) -> int:
        """Codes the bits that fill the last byte of the stream."""
        return self._number(_PADDING, padding) & 127

    def written(self) -> bytes:
        """What was encoded, when all is."""
        return bytes(self._written) + finished(self._coder)

    def _code_kept(self, given: Block) -> Block:
        """A stored block of any length; matches are looked for as if there were tokens."""
        start = self.at
        n_bytes = self._number(_BYTES, given.n_bytes)
        if n_bytes > min(_MOST_STORED, self._end - start):
            raise DeflateError("a stored block is too long")
        self._expected_tokens(n_bytes, start + n_bytes)
        jump(self._predictor, start + n_bytes)
        return self._coded(replace(given, kind=STORED, tokens=self._room[:0]), start, True)

    def _coded(self, block: Block, start: int, last: bool) -> Block:
        """A block of which only the flag of the last block and the padding are left to code.

        ``last``: whether it is the last block if it ends where the bytes do.
        """
        last = last and self.at == self._end
        if self._differs(_OTHER_LAST + last, block.last != last):
            last = not last
        padding = self._number(_PADDING, block.padding) & 127 if block.kind == STORED else 0
        self._flush()
        return replace(block, last=last, n_bytes=self.at - start, padding=padding)

    def _with_end(self, given: Block) -> tuple[Block, bool]:
        """A block to encode, and whether zlib would end one there.

        A stored block gets the tokens for which zlib would have written it, if it would.
        """
        if self._decoding or self._exact:
            return given, True
        if given.kind != STORED:
            at_end = self.at + given.n_bytes == self._end
            n_tokens = len(given.tokens)
            return given, n_tokens == self._limit or (at_end and n_tokens < self._limit)
        start, made = self.at, self._predictor
        arrays: list[NDArray[Any]] = [made.state, made.heads, made.links]
        before = [array.copy() for array in arrays]
        tokens = self._expected_tokens(self._limit, self._end)
        found = self.at - start == given.n_bytes
        for array, kept in zip(arrays, before, strict=True):
            array[:] = kept
        return replace(given, tokens=tokens if found else given.tokens), found

    def _expected_tokens(self, count: int, end: int) -> Tokens:
        tokens: Tokens = np.zeros(count, np.uint32)
        return tokens[: code_tokens(self._coder, self._predictor, tokens, 0, count, end, True)]

    def _storable(self, start: int, tokens: Tokens) -> int:
        """The bytes of a block if zlib's window still has all of them, else more than ever."""
        seen = self.at
        if len(tokens):
            length = int(tokens[-1]) >> 16
            seen -= length - self._is_slow if length else 1 - self._is_slow
        window = self._window
        slides = max(0, -((2 * window - READ_AHEAD - seen) // window))
        return self.at - start if start >= slides * window else _TOO_LONG

    def _code_tokens(self, given: Tokens, count: int) -> Tokens:
        """Codes tokens up to ``count`` of them, or to the end of the bytes."""
        finding = self._decoding or self._exact
        tokens = self._room if finding else given
        place = 0
        while place < count and self.at < self._end:
            self._cancel.check()
            stop = min(place + _PIECE, count)
            if finding and stop > len(tokens):
                self._room = np.zeros(max(2 * len(tokens), stop), np.uint32)
                self._room[:place] = tokens[:place]
                tokens = self._room
            place = int(
                code_tokens(
                    self._coder, self._predictor, tokens, place, stop, self._end, self._exact
                )
            )
            self._flush()
        return tokens[:place]

    def _differs(self, context: int, bit: bool) -> bool:
        """Codes whether something is not as expected."""
        if self._exact:
            return False
        differs = bool(decide(self._coder, context, int(bit)))
        self._n_surprises += differs
        return differs

    def _number(self, context: int, value: int) -> int:
        """Codes a number that is expected to be 0."""
        if self._exact:
            return 0
        value = int(decide_number(self._coder, context, value))
        self._n_surprises += value > 0
        return value

    def _flush(self) -> None:
        if not self._decoding and not self._exact:
            self._written += flushed(self._coder)


def _coder(coded: bytes | None) -> Coder:
    return encoder(_N_CONTEXTS, _ROOM) if coded is None else decoder(_N_CONTEXTS, coded)
