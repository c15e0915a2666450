"""The settings of zlib that explain a stream best, found by trying all of them at its beginning."""

from __future__ import annotations

from dataclasses import dataclass

from core.control import CancelToken
from core.images.deflate.matching import MISTAKES, PADDING, Predictor, follow, predictor, wander
from core.images.deflate.parameters import Library, Matcher, Parameters, Strategy
from core.images.deflate.reading import BlockReader, DeflateError
from core.images.deflate.standard import DYNAMIC, FIXED, MAX_LENGTH, STORED, Bytes

#: Tokens that all candidates still in the race are tried on at first.
_ROUND = 2**8

#: With fewer mistakes a token than this, no others are tried.
_GOOD = 1 / 256

#: A candidate leaves the race with this many more mistakes than the best one, and a share more.
_MARGIN, _SHARE = 2, 32


@dataclass(frozen=True)
class _Candidate:
    parameters: Parameters
    predictor: Predictor

    @property
    def n_mistakes(self) -> int:
        """Those of a matcher that hardly finds any matches weigh more: each is a match to name."""
        weight = 8 if self.parameters.matcher in (Matcher.NONE, Matcher.RUNS) else 1
        return weight * int(self.predictor.state[MISTAKES])


def find_parameters(
    stream: bytes | memoryview,
    plain: Bytes,
    header: bytes,
    row_bytes: int,
    most_blocks: int,
    cancel: CancelToken,
) -> Parameters:
    """The best settings for a DEFLATE stream and its bytes, padded as those of a predictor.

    ``header`` is that of the zlib stream; ``row_bytes``, see Parameters.fed_by. Raises
    DeflateError, also for a stream of more blocks than ``most_blocks``; and Cancelled.
    """
    blocks = _survey(stream, most_blocks, cancel)
    best: _Candidate | None = None
    least = 2.0
    for group in _plausible(blocks, header, len(plain) - PADDING, row_bytes):
        candidates = [_Candidate(each, predictor(plain, each)) for each in group]
        found, rate = _race(stream, candidates, cancel)
        if rate < least:
            best, least = found, rate
        if least < _GOOD:
            break
    assert best is not None
    return best.parameters


@dataclass(frozen=True)
class _Fact:
    """A block: its kind, whether it is the last one, its tokens, and its bytes."""

    kind: int
    last: bool
    n_tokens: int
    n_bytes: int


def _survey(stream: bytes | memoryview, most_blocks: int, cancel: CancelToken) -> list[_Fact]:
    reader = BlockReader(stream)
    facts: list[_Fact] = []
    while not facts or not facts[-1].last:
        cancel.check()
        block = reader.block()
        facts.append(_Fact(block.kind, block.last, len(block.tokens), block.n_bytes))
        if len(facts) > most_blocks:
            raise DeflateError("a stream of very many blocks")
    return facts


def _plausible(
    blocks: list[_Fact], header: bytes, n_bytes: int, row_bytes: int
) -> list[list[Parameters]]:
    """Groups of settings, by how common they are: a later one is for want of a good earlier one."""
    if header[1] >> 6 == 0 and all(block.kind == STORED for block in blocks):
        return [[Parameters(1, 9, Strategy.HUFFMAN_ONLY)]]
    windows = [min(header[0] >> 4, 7) + 8]
    if windows[0] < 15 and n_bytes + MAX_LENGTH > 1 << windows[0]:
        windows.append(15)  # libpng writes a smaller window than it used
    usual = all(block.kind != FIXED for block in blocks) or any(
        block.kind == DYNAMIC for block in blocks
    )
    return [
        [
            Parameters(level, memory, strategy, window, library, fed_by)
            for level, strategy, library in efforts
            for fed_by in ((row_bytes, 0) if library is Library.ZLIB_NG and level < 7 else (0,))
            for memory in memories
            for window in windows
        ]
        for efforts in _efforts(usual, header[1] >> 6)
        for memories in _memories(blocks)
    ]


def _memories(blocks: list[_Fact]) -> list[list[int]]:
    """What a block that is not the last one says, which is full then; else all."""
    full = [block for block in blocks if not block.last]
    counts = [block.n_tokens for block in full if block.kind != STORED]
    counts += [block.n_bytes for block in full if block.kind == STORED and block.n_bytes]
    if not counts:
        room = [memory for memory in range(1, 10) if blocks[0].n_tokens < 1 << memory + 6]
        return [group for group in (room[-2:], room[-3::-1]) if group] or [[8]]
    return [[min(max((counts[0] + 1).bit_length() - 7, 1), 9)]]


def _efforts(usual: bool, hint: int) -> list[list[tuple[int, Strategy, Library]]]:
    """Levels, strategies and libraries: those that a header's hint of the effort is for first."""
    plain = Strategy.DEFAULT if usual else Strategy.FIXED
    levels = sorted(range(1, 10), key=lambda level: abs(level - 6))
    every = [(level, plain, Library.ZLIB) for level in levels]
    every += [(level, Strategy.FILTERED, Library.ZLIB) for level in levels if level > 3]
    every += [(level, plain, Library.ZLIB_NG) for level in range(5, 9)]
    every += [(level, Strategy.FILTERED, Library.ZLIB_NG) for level in (7, 8)]
    hinted = [effort for effort in every if _hint(effort[0]) == hint]
    others = [effort for effort in every if effort not in hinted]
    simple = [(1, strategy, Library.ZLIB) for strategy in (Strategy.HUFFMAN_ONLY, Strategy.RLE)]
    return [hinted + simple, others] if hint == 0 else [hinted, others + simple]


def _hint(level: int) -> int:
    """What zlib writes into a header for a level."""
    return 0 if level < 2 else 1 if level < 6 else 2 if level == 6 else 3


def _race(
    stream: bytes | memoryview, candidates: list[_Candidate], cancel: CancelToken
) -> tuple[_Candidate, float]:
    """The candidate with the fewest mistakes a token, and how many.

    Those that fall behind are given up early; the race ends when one is left, or at its length.
    """
    reader = BlockReader(stream)
    n_tokens = 0
    last = False
    while not last and n_tokens < _length(len(candidates)):
        block = reader.block()
        last = block.last
        if block.kind == STORED:
            for each in candidates:
                count = wander(each.predictor, reader.at)
                unlike = count != each.parameters.symbols_per_block and not last
                each.predictor.state[MISTAKES] += unlike
            n_tokens += block.n_bytes
        at = 0
        while at < len(block.tokens) and n_tokens < _length(len(candidates)):
            cancel.check()
            piece = block.tokens[at : at + max(_ROUND, n_tokens // 2)]
            for each in candidates:
                follow(each.predictor, piece)
            least = min(each.n_mistakes for each in candidates)
            most = least + least // _SHARE + _MARGIN
            candidates = [each for each in candidates if each.n_mistakes <= most]
            at += len(piece)
            n_tokens += len(piece)
    best = min(candidates, key=lambda each: each.n_mistakes)
    return best, best.n_mistakes / max(n_tokens, 1)


def _length(n_candidates: int) -> int:
    """The tokens of a race in all; it is longer between a few, which differ little."""
    return 2**12 if n_candidates == 1 else 2**20 if n_candidates <= 4 else 2**16
