"""The entropy coder: a stack of bits onto which symbols are pushed and from which they are popped.

One class around ``constriction``'s :class:`AnsCoder` (asymmetric numeral systems, Duda 2009).
Pushing a symbol of probability p adds -log2 p bits; popping takes them off again:

>>> stack = Stack(np.array([0x89ABCDEF, 0x01234567], dtype=np.uint32))
>>> before = stack.n_bits
>>> stack.push_uniform([3, 1, 4], sizes=[8, 2, 16])
>>> stack.n_bits - before
8
>>> stack.pop_uniform(sizes=[8, 2, 16])
array([3, 1, 4])
>>> stack.n_bits == before
True

Arrays come back in their own order, but the array that was pushed last comes first. Popping bits
that were never pushed *samples* a symbol of the given distribution; pushing the sample restores
the stack. Bits-back coding is built on this:

>>> sample = stack.pop_bits(2, 8)
>>> before - stack.n_bits
16
>>> stack.push_bits(sample, 8)
>>> [hex(word) for word in stack.words()]
['0x89abcdef', '0x1234567']

This module adds what constriction leaves to its caller: symbols, sizes and widths are checked
before the coder changes, sizes of 1 cost nothing, and a pop that the stack cannot pay for either
raises :class:`DryStackError` or borrows auxiliary bits, which are put *below* the stack.
"""

from __future__ import annotations

import functools
from collections.abc import Callable, Iterator

import constriction
import numpy as np
from numpy.typing import ArrayLike

from core.arrays import Floats, Int32, Integers, Words
from core.compiled import compiled
from core.errors import DryStackError, StackError, SymbolError

# Submodules of a compiled module: attributes, which an import statement does not find.
AnsCoder = constriction.stream.stack.AnsCoder
Uniform = constriction.stream.model.Uniform
QuantizedGaussian = constriction.stream.model.QuantizedGaussian

#: Probabilities have this many bits in constriction, so no symbol costs more, and no uniform
#: range can be larger.
PRECISION_BITS = 24

#: Uniform ranges up to this many bits are coded without measurable loss (constriction rounds
#: 2^24 / size down); larger ones only where they are powers of two.
EXACT_SIZE_BITS = 14

#: Constriction holds the interpreter's lock for a whole call; longer arrays are cut.
CALL_SYMBOLS = 1 << 16

#: The state keeps at least this many bits. Then words that are put below the stack later have the
#: same effect as words that lay there from the start.
RESERVE_BITS = 32

_COARSE = 512  # a Gaussian is coded in this many coarse bins to either side of its mean
_BINS_PER_STD_BITS = 5  # 2^5 to 2^6 coarse bins to a standard deviation
_ESCAPE = -_COARSE  # the outermost bin says that the symbol's bin follows on its own
_NEAR = 2 * _COARSE - 1  # bins that are not escapes
# Random bits pop an escape once in 2^24 times. Its symbol must not be arbitrary, or no flow could
# continue from it: it is one of 2^16 bins, and 0 escapes once more.
_MEDIUM_BITS = 16
_MEDIUM = 1 << (_MEDIUM_BITS - 1)
_NEARER = _NEAR + 2 * _MEDIUM - 1  # bins that do not escape twice
_FIRST_NEARER = 2 - _COARSE - _MEDIUM
_FAR_BITS = 48


class Stack:
    """A last-in-first-out store of symbols, in bits.

    words: the first contents, at least two words of 32 bits, the top one not zero. auxiliary:
    called with n, returns the first n words to put below the stack when a pop finds too little
    on it; without it such a pop raises DryStackError.

    A stack of 64 bits cannot pay for ten symbols of 24 bits. With auxiliary words it can, and
    counts what it borrowed:

    >>> words = np.array([1, 1], dtype=np.uint32)
    >>> Stack(words).pop_bits(10, 24)
    Traceback (most recent call last):
        ...
    core.errors.DryStackError: the stack holds 32 bits, fewer than are to be popped
    >>> from core.coding.auxiliary import auxiliary_words
    >>> stack = Stack(words, auxiliary_words)
    >>> symbols = stack.pop_bits(10, 24)
    >>> stack.borrowed_bits, stack.borrowed_words
    (240, 8)
    >>> stack.push_bits(symbols, 24)
    >>> stack.words()[-2:]  # on top of the borrowed words
    array([1, 1], dtype=uint32)
    """

    def __init__(self, words: Words, auxiliary: Callable[[int], Words] | None = None) -> None:
        words = np.ascontiguousarray(words, dtype=np.uint32)
        if len(words) < 2 or words[-1] == 0:
            raise StackError("a stack starts with two words or more, the last of them not zero")
        self._coder = AnsCoder(words)
        self._auxiliary = auxiliary
        #: The first length. A pop that would go below it is one of bits that were never pushed.
        self._start_bits = self.n_bits
        #: Words put below the stack so far. They never come off again, so they are lost.
        self.borrowed_words = 0
        #: The most bits by which the stack has been shorter than at first.
        self.borrowed_bits = 0

    # --- contents ----------------------------------------------------------------------------

    @property
    def n_bits(self) -> int:
        """Length of the contents in bits."""
        return int(self._coder.num_valid_bits())

    def words(self) -> Words:
        """A copy of the contents, bottom first; the top word is never zero."""
        return np.asarray(self._coder.get_compressed(), dtype=np.uint32)

    def to_bytes(self) -> bytes:
        """The contents as little-endian 32-bit words, bottom first, the top word's zeros cut."""
        return self.words().astype("<u4").tobytes().rstrip(b"\0")

    @classmethod
    def from_bytes(cls, data: bytes) -> Stack:
        """The stack that :meth:`to_bytes` wrote. Raises StackError for other bytes."""
        if not data or data[-1] == 0:
            raise StackError("the coded bytes end in a zero, which no stack does")
        padded = data + b"\0" * (-len(data) % 4)
        stack = cls(np.frombuffer(padded, dtype="<u4"))
        stack._start_bits = 0  # what a decoder pops was pushed
        return stack

    # --- symbols ---------------------------------------------------------------------------

    def push_uniform(self, symbols: ArrayLike, sizes: ArrayLike) -> None:
        """Pushes integers, each uniform on [0, size): log2 size bits each.

        symbols, sizes: (N,) or, for sizes, a single one; 1 <= size <= 2^14, or a power of two
        up to 2^24. Raises SymbolError where a size or symbol lies outside.
        """
        values = _integers(symbols)
        ranges = _sizes(sizes, len(values))
        coded, indices = _uneven(ranges)
        if len(ranges) != len(values):
            if len(values) and not (values.min() >= 0 and values.max() < ranges[0]):
                raise SymbolError("a symbol to push lies outside its range")
            self._encode_alike(values.astype(np.int32), int(ranges[0]))
            return
        taken, inside = _taken(values, ranges, indices)
        if not inside:
            raise SymbolError("a symbol to push lies outside its range")
        for part in _reversed_parts(len(coded)):
            self._coder.encode_reverse(taken[part], Uniform(), coded[part])

    def pop_uniform(self, sizes: ArrayLike, count: int | None = None) -> Integers:
        """Pops integers, each uniform on [0, size): (N,), N = count or the number of sizes."""
        ranges = _sizes(sizes, count)
        n = len(ranges) if count is None else count
        if n != len(ranges):
            _uneven(ranges)
            return self._paid(lambda: self._decode_alike(int(ranges[0]), n), PRECISION_BITS * n)
        return self._paid(lambda: self._decode_uniform(ranges), PRECISION_BITS * n)

    def push_bits(self, values: ArrayLike, n_bits: int) -> None:
        """Pushes integers of n_bits each (0 to 48), at n_bits each."""
        symbols = _integers(values)
        digits = _digits(n_bits)
        if not _fit(symbols, n_bits):
            raise SymbolError(f"a value to push does not fit {n_bits} bits")
        for shift, width in digits:
            self._encode_alike(_digit(symbols, shift, width), 1 << width)

    def pop_bits(self, count: int, n_bits: int) -> Integers:
        """Pops count integers of n_bits each."""
        _digits(n_bits)
        return self._paid(lambda: self._decode_bits(count, n_bits), n_bits * count)

    def push_gaussian(self, symbols: ArrayLike, means: ArrayLike, stds: ArrayLike) -> None:
        """Pushes integers under normal densities on the integer grid, of any width.

        symbols: (N,), any that lie within 2^47 of their means; means, stds: (N,) in grid steps,
        finite, stds positive. A density far wider than the grid is coded in two parts: coarse
        bins, 2^5 to 2^6 to a standard deviation, and the position in the bin, uniform.
        """
        values = _integers(symbols)
        shift, base, mean, std = _coarse_gaussian(means, stds, len(values))
        bins = (values >> shift) - base
        escaped = (bins <= -_COARSE) | (bins >= _COARSE)
        # The outer range excludes the inner one, so that each symbol has one code.
        medium = bins[escaped] - np.where(bins[escaped] > 0, _NEAR, 0) + _COARSE - 1
        is_far = np.abs(medium) >= _MEDIUM
        far = np.flatnonzero(escaped)[is_far]
        distant = values[far] - (base[far] << shift[far])
        distant -= np.where(distant > 0, _NEARER << shift[far], 0)
        distant += 1 << (_FAR_BITS - 1)
        if np.any((distant < 0) | (distant >> _FAR_BITS != 0)):
            raise SymbolError("a symbol lies further than 2^47 from its mean")
        self.push_bits(distant, _FAR_BITS)
        in_bins = np.delete(np.arange(len(values)), far)
        widths = shift[in_bins]
        fine = values[in_bins] & ((1 << widths) - 1)
        low = np.minimum(widths, PRECISION_BITS)
        self.push_uniform(fine & ((1 << low) - 1), np.left_shift(1, low))
        self.push_uniform(fine >> low, np.left_shift(1, widths - low))
        self.push_bits(np.where(is_far, 0, medium + _MEDIUM), _MEDIUM_BITS)
        coded = np.where(escaped, _ESCAPE, bins).astype(np.int32)
        for part in _reversed_parts(len(coded)):
            model = QuantizedGaussian(-_COARSE, _COARSE - 1)
            self._coder.encode_reverse(coded[part], model, mean[part], std[part])

    def pop_gaussian(self, means: ArrayLike, stds: ArrayLike) -> Integers:
        """Pops integers under normal densities on the integer grid: (N,)."""
        shift, base, mean, std = _coarse_gaussian(means, stds, None)

        def pop() -> Integers:
            model = QuantizedGaussian(-_COARSE, _COARSE - 1)
            bins = np.zeros(len(mean), dtype=np.int64)
            for part in _parts(len(mean)):
                bins[part] = self._coder.decode(model, mean[part], std[part])
            escaped = np.flatnonzero(bins == _ESCAPE)
            index = self._decode_bits(len(escaped), _MEDIUM_BITS)
            medium = index - _MEDIUM
            bins[escaped] = medium - _COARSE + 1 + np.where(medium >= 0, _NEAR, 0)
            far = escaped[index == 0]
            bins[far] = 0
            result = (bins + base) << shift
            in_bins = np.delete(np.arange(len(bins)), far)
            widths = shift[in_bins]
            low = np.minimum(widths, PRECISION_BITS)
            high = self._decode_uniform(np.left_shift(1, widths - low))
            result[in_bins] += (high << low) | self._decode_uniform(np.left_shift(1, low))
            distant = self._decode_bits(len(far), _FAR_BITS) - (1 << (_FAR_BITS - 1))
            nearer = _FIRST_NEARER << shift[far]
            result[far] += distant + np.where(distant >= nearer, _NEARER << shift[far], 0)
            return result

        return self._paid(pop, (PRECISION_BITS + _MEDIUM_BITS + _FAR_BITS) * len(mean))

    # --- inside ----------------------------------------------------------------------------

    def _decode_uniform(self, ranges: Integers) -> Integers:
        """Pops without checking that the stack can pay."""
        coded, indices = _uneven(ranges)
        symbols = np.empty(len(coded), dtype=np.int32)
        for part in _parts(len(coded)):
            symbols[part] = self._coder.decode(Uniform(), coded[part])
        return _spread(symbols, indices, len(ranges))

    def _encode_alike(self, symbols: Int32, size: int) -> None:
        """Pushes symbols of one size: faster, and the same bits."""
        for part in _reversed_parts(len(symbols) if size > 1 else 0):
            self._coder.encode_reverse(symbols[part], Uniform(size))

    def _decode_alike(self, size: int, count: int) -> Integers:
        if size == 1 or count == 0:
            return np.zeros(count, dtype=np.int64)
        starts = range(0, count, CALL_SYMBOLS)
        drawn = [self._coder.decode(Uniform(size), min(count - i, CALL_SYMBOLS)) for i in starts]
        return np.concatenate(drawn, dtype=np.int64)

    def _decode_bits(self, count: int, n_bits: int) -> Integers:
        digits = [
            self._decode_alike(1 << width, count) << shift
            for shift, width in reversed(_digits(n_bits))
        ]
        return sum(digits[1:], digits[0]) if digits else np.zeros(count, dtype=np.int64)

    def _paid(self, pop: Callable[[], Integers], worst_bits: int) -> Integers:
        """Runs a pop of at most worst_bits; borrows for it, or changes nothing and raises."""
        before = self.n_bits
        if before >= worst_bits + RESERVE_BITS + self._start_bits:
            return pop()
        result = self._pop_near_the_bottom(pop, worst_bits)
        depth = self._start_bits + 32 * self.borrowed_words - self.n_bits
        self.borrowed_bits = max(self.borrowed_bits, depth)
        return result

    def _pop_near_the_bottom(self, pop: Callable[[], Integers], worst_bits: int) -> Integers:
        before = self.n_bits
        # Little is left, so a copy is cheap. A trial shows how many bits the pop really takes;
        # constriction answers a pop from an empty coder with zeros.
        kept = self.words()
        result = pop()
        if self.n_bits >= RESERVE_BITS:
            return result
        self._coder = AnsCoder(kept)
        if self._auxiliary is None:
            raise DryStackError(f"the stack holds {before} bits, fewer than are to be popped")
        plenty = self._auxiliary_words(worst_bits // 32 + 3)
        self._coder = AnsCoder(np.concatenate([plenty, kept]))
        pop()
        used = before + 32 * len(plenty) - self.n_bits
        n_words = -(-(used + RESERVE_BITS - before) // 32)
        self.borrowed_words += n_words
        self._coder = AnsCoder(np.concatenate([plenty[len(plenty) - n_words :], kept]))
        return pop()

    def _auxiliary_words(self, count: int) -> Words:
        """The next auxiliary words, the one to be used first on top."""
        assert self._auxiliary is not None
        total = self._auxiliary(self.borrowed_words + count)
        return np.ascontiguousarray(total[self.borrowed_words :][::-1], dtype=np.uint32)


def _integers(values: ArrayLike) -> Integers:
    if type(values) is np.ndarray and values.dtype == np.int64 and values.flags.c_contiguous:
        return values if values.ndim else values[None]
    array = np.atleast_1d(np.asarray(values))
    if array.size and array.dtype.kind not in "iu":
        raise SymbolError("symbols must be integers")
    return np.ascontiguousarray(array, dtype=np.int64)


def _sizes(sizes: ArrayLike, count: int | None) -> Integers:
    """Sizes of uniform ranges as given: (count,), or one for all."""
    ranges = _integers(sizes)
    if count is not None and len(ranges) not in (1, count):
        raise SymbolError(f"{count} symbols, but {len(ranges)} sizes")
    return ranges


def _uneven(ranges: Integers) -> tuple[Int32, Integers]:
    """Sizes of more than 1, which cost bits, and their indices. Raises SymbolError."""
    coded, indices = np.empty(len(ranges), np.int32), np.empty(len(ranges), np.int64)
    count = _find_uneven(ranges, coded, indices)
    if count < 0:
        raise SymbolError("a range has 1 to 2^14 values, or a power of two of them up to 2^24")
    return coded[:count], indices[:count]


@compiled
def _find_uneven(ranges: Integers, coded: Int32, indices: Integers) -> int:
    count = 0
    for i in range(len(ranges)):
        size = ranges[i]
        exact = size <= 1 << EXACT_SIZE_BITS or (
            size <= 1 << PRECISION_BITS and size & (size - 1) == 0
        )
        if size < 1 or not exact:
            return -1
        if size > 1:
            coded[count], indices[count] = size, i
            count += 1
    return count


@compiled
def _fit(values: Integers, n_bits: int) -> bool:
    """Whether all values have at most n_bits."""
    for i in range(len(values)):  # noqa: SIM110 which Numba does not compile
        if values[i] < 0 or values[i] >> n_bits:
            return False
    return True


@compiled
def _digit(values: Integers, shift: int, width: int) -> Int32:
    """``width`` bits of each value, from bit ``shift`` on."""
    digit = np.empty(len(values), np.int32)
    for i in range(len(values)):
        digit[i] = (values[i] >> shift) & ((1 << width) - 1)
    return digit


@compiled
def _taken(values: Integers, ranges: Integers, indices: Integers) -> tuple[Int32, bool]:
    """The values at these indices, and whether all values lie in their ranges."""
    taken = np.empty(len(indices), np.int32)
    for i in range(len(indices)):
        taken[i] = values[indices[i]]
    for i in range(len(values)):
        if values[i] < 0 or values[i] >= ranges[i]:
            return taken, False
    return taken, True


@compiled
def _spread(symbols: Int32, indices: Integers, count: int) -> Integers:
    """Symbols at these indices, zeros elsewhere: (count,)."""
    result = np.zeros(count, np.int64)
    for i in range(len(indices)):
        result[indices[i]] = symbols[i]
    return result


def _coarse_gaussian(
    means: ArrayLike, stds: ArrayLike, count: int | None
) -> tuple[Integers, Integers, Floats, Floats]:
    """Bits of a coarse bin, the bin of the mean, and mean and std in bins relative to it."""
    mean = np.atleast_1d(np.asarray(means, dtype=np.float64))
    std = np.atleast_1d(np.asarray(stds, dtype=np.float64))
    if mean.shape != std.shape or (count is not None and len(mean) != count):
        raise SymbolError("means and standard deviations must be as many as symbols")
    if not (np.all(np.isfinite(mean)) and np.all(np.abs(mean) < 2.0**46)):
        raise SymbolError("a mean is not finite, or beyond 2^46")
    if not (np.all(np.isfinite(std)) and np.all((std > 0) & (std < 2.0**40))):
        raise SymbolError("a standard deviation is not positive, or beyond 2^40")
    std = np.maximum(std, 2.0**-20)  # narrower ones put everything into one bin anyway
    exponent = np.frexp(std)[1].astype(np.int64) - 1  # floor(log2 std)
    shift = np.maximum(exponent - _BINS_PER_STD_BITS, 0)
    bin_size = np.ldexp(1.0, shift.astype(np.int32))
    base = np.floor(mean / bin_size).astype(np.int64)
    relative = (mean + 0.5) / bin_size - 0.5 - base
    return shift, base, relative, std / bin_size


@functools.cache
def _digits(n_bits: int) -> list[tuple[int, int]]:
    """(shift, width) of the digits that n_bits are coded in, lowest first."""
    if not 0 <= n_bits <= _FAR_BITS:
        raise SymbolError(f"0 to {_FAR_BITS} bits can be coded at a time, not {n_bits}")
    return [
        (shift, min(PRECISION_BITS, n_bits - shift)) for shift in range(0, n_bits, PRECISION_BITS)
    ]


def _parts(count: int) -> Iterator[slice]:
    return (slice(i, i + CALL_SYMBOLS) for i in range(0, count, CALL_SYMBOLS))


def _reversed_parts(count: int) -> Iterator[slice]:
    starts = range(0, count, CALL_SYMBOLS)
    return (slice(i, i + CALL_SYMBOLS) for i in reversed(starts))
