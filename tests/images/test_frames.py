"""Frames come back as they were packed; those that anyone may have written do no harm."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from core.control import CancelToken
from core.errors import Cancelled, FloeError
from core.images import FrameError, rebuild
from core.images import frames as frames_module
from core.images.frames import BodyReader, number, pack, unpack
from core.images.raw import RawLayout, raw_frame, rebuild_raw

PIXELS = np.arange(4 * 5 * 3, dtype=np.uint8).reshape(4, 5, 3)


@given(st.binary(max_size=300), st.integers(1, 40))
def test_bodies_come_back(body: bytes, times: int) -> None:
    frame = pack(body * times)
    assert unpack(frame) == body * times
    assert len(frame) <= len(body) * times + 1


@given(st.lists(st.integers(0, 2**63 - 1)), st.binary(max_size=20))
def test_numbers_come_back(values: list[int], rest: bytes) -> None:
    reader = BodyReader(b"".join(map(number, values)) + rest)
    assert [reader.number() for _ in values] == values
    assert reader.rest() == rest


@pytest.mark.parametrize("body", [b"", b"\x80", b"\xff" * 8, b"\xff" * 20])
def test_numbers_without_an_end(body: bytes) -> None:
    with pytest.raises(FrameError):
        BodyReader(body).number()


def test_bodies_have_a_greatest_length(monkeypatch: pytest.MonkeyPatch) -> None:
    frame = pack(bytes(1001))
    monkeypatch.setattr(frames_module, "MAX_BODY_BYTES", 1000)
    with pytest.raises(FrameError, match="1001 bytes"):
        pack(bytes(1001))
    with pytest.raises(FrameError, match="too long"):
        unpack(frame)
    assert unpack(pack(bytes(1000))) == bytes(1000)


@pytest.mark.parametrize(
    "frame",
    [b"\x02", b"\xff\x00", b"\x01", b"\x01\xff", pack(b"a" * 99)[:-1], pack(b"a" * 99) + b"x"],
)
def test_frames_that_do_not_unpack(frame: bytes) -> None:
    with pytest.raises(FrameError):
        unpack(frame)


@settings(max_examples=500)
@given(st.binary(max_size=60), st.sampled_from(["png", "raw"]), st.sampled_from([1, 3]))
def test_any_frame_gives_a_file_or_a_frame_error(body: bytes, kind: str, channels: int) -> None:
    pixels = np.ascontiguousarray(PIXELS[:, :, :channels])
    for frame in (body, b"\x00" + body):
        try:
            file = rebuild(pixels, frame, kind)
        except FrameError:
            continue
        assert len(file) > pixels.size // 2


@pytest.mark.parametrize("rows", [1, 2, 4])
@pytest.mark.parametrize("start", [0, 2**20, 2**40, 2**62, 2**63 - 1])
@pytest.mark.parametrize("padding", [0, 2**20, 2**40, 2**62, 2**63 - 1])
def test_impossible_layouts(rows: int, start: int, padding: int) -> None:
    frame = b"\x00" + number(start) + number(padding) + b"\x03\x00\x01\x02"
    if start or (padding and rows > 1):
        with pytest.raises(FrameError):
            rebuild_raw(PIXELS[:rows], frame)
    else:
        assert rebuild_raw(PIXELS[:rows], frame) == PIXELS[:rows].tobytes()


@pytest.mark.parametrize("layout", [b"\x03\x00\x00\x01", b"\x03\x01\x02\x03", b"\x13\x00\x01\x02"])
def test_impossible_places_of_channels(layout: bytes) -> None:
    with pytest.raises(FrameError, match="layout"):
        rebuild_raw(PIXELS, b"\x00\x00\x00" + layout)


@given(
    st.integers(0, 9),
    st.integers(0, 5),
    st.permutations([0, 1, 2, 3]),
    st.booleans(),
    st.binary(max_size=9),
)
def test_raw_layouts(
    start: int, padding: int, places: list[int], bottom_up: bool, end: bytes
) -> None:
    random = np.random.default_rng(3)
    rows = random.integers(0, 256, (4, 5 * 4 + padding), dtype=np.uint8)
    samples = rows[:, : 5 * 4].reshape(4, 5, 4)[:: -1 if bottom_up else 1]
    body = rows.tobytes()
    data = bytes(range(start)) + body[: len(body) - padding] + end
    layout = RawLayout(start, padding, 4, tuple(places[:3]), bottom_up)
    pixels = np.ascontiguousarray(samples[:, :, places[:3]])
    frame = raw_frame(data, pixels, layout)
    assert frame is not None
    assert rebuild_raw(pixels, frame) == data
    pixels[2, 3, 1] ^= 1
    assert raw_frame(data, pixels, layout) is None
    assert raw_frame(data[: start + 79], pixels, layout) is None


@pytest.mark.parametrize("shape", [(4, 5), (4, 5, 0), (4, 5, 5), (0, 5, 3), (4, 0, 1)])
def test_shapes_that_no_file_has(shape: tuple[int, ...]) -> None:
    with pytest.raises(FrameError, match="shape"):
        rebuild(np.zeros(shape, dtype=np.uint8), b"", "png")


@pytest.mark.parametrize("kind", ["", "PNG", "original", "gif"])
def test_unknown_kinds(kind: str) -> None:
    with pytest.raises(FrameError, match="unknown kind"):
        rebuild(PIXELS, b"", kind)


def test_an_error_of_a_frame_is_ours() -> None:
    assert issubclass(FrameError, FloeError)
    assert issubclass(FrameError, ValueError)


def test_compressing_a_png_can_be_stopped() -> None:
    """It takes seconds for a large picture: each block of rows is a point to stop at."""

    class Stopping(CancelToken):
        n_checks = 0

        def check(self) -> None:
            self.n_checks += 1
            if self.n_checks == 3:
                raise Cancelled

    stopping = Stopping()
    with pytest.raises(Cancelled):
        rebuild(np.zeros((2000, 1000, 3), dtype=np.uint8), b"", "png", stopping)
    assert stopping.n_checks == 3
