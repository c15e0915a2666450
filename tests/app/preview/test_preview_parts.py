"""What the preview is made of: colours, levels, zoom, and the memory of decoded images."""

from __future__ import annotations

import io
import math
import threading
from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image
from PySide6.QtCore import QPointF, QRectF, QSize, QSizeF
from PySide6.QtGui import QColor, QImage, QPainter

from app.backend.decoding import Decoded, DecodedImages
from app.preview import heat, scale
from app.preview.pyramid import Pyramid
from app.preview.viewport import GREATEST_ZOOM, Viewport
from core.control import CancelToken
from core.errors import Cancelled


def lab(rgb: tuple[int, int, int]) -> tuple[float, float, float]:
    """CIELAB, another space than the one that the table was made in."""
    linear = [
        v / 12.92 if v <= 0.04045 else ((v + 0.055) / 1.055) ** 2.4 for v in np.divide(rgb, 255)
    ]
    matrix = ((0.4124, 0.3576, 0.1805), (0.2126, 0.7152, 0.0722), (0.0193, 0.1192, 0.9505))
    xyz = [
        float(np.dot(row, linear)) / white
        for row, white in zip(matrix, (0.9505, 1, 1.089), strict=True)
    ]
    x, y, z = (c ** (1 / 3) if c > 0.008856 else 7.787 * c + 16 / 116 for c in xyz)
    return 116 * y - 16, 500 * (x - y), 200 * (y - z)


def test_lightness_only_rises() -> None:
    lightness = [lab(colour)[0] for colour in scale.colours()]
    assert len(lightness) == scale.N_COLOURS
    assert lightness[0] < 12
    assert lightness[-1] > 90
    assert all(there > here - 0.2 for here, there in pairwise(lightness))


def test_steps_are_even_to_the_eye() -> None:
    path = [lab(colour) for colour in scale.colours()]
    steps = [math.dist(path[i], path[i + 17]) for i in range(0, 255 - 17, 17)]
    assert max(steps) < 2 * min(steps)
    assert min(steps) > 4


@given(st.floats(1e-3, 1e4))
def test_a_nice_top_is_not_far_above(value: float) -> None:
    assert value * (1 - 1e-6) <= scale.nice_top(value) <= 1.51 * value


@given(st.floats(0, 100, width=32), st.floats(0, 100, width=32))
def test_more_bits_are_never_darker(low: float, high: float) -> None:
    bits = np.array([[min(low, high), max(low, high)]], dtype=np.float32)
    first, second = heat.indices(bits, 20.0)[0]
    assert first <= second


def test_the_range_is_what_was_measured() -> None:
    bits = np.full((100, 100), 9.0, dtype=np.float32)
    bits[0, :3] = (0.25, 80.0, 12.0)
    shown = heat.Range.of(bits)
    assert (shown.least, shown.most) == (0.25, 80.0)
    assert shown.mean == pytest.approx(float(bits.mean(dtype=float)))
    assert 9 <= shown.top <= 10  # one costly pixel does not make all others dark


def test_the_map_is_saved_in_its_colours() -> None:
    bits = np.linspace(0, 20, 24, dtype=np.float32).reshape(4, 6)
    shown = heat.Range.of(bits)
    with Image.open(io.BytesIO(heat.png(bits, shown))) as image:
        assert image.size == (6, 4)
        assert "bits a pixel" in image.text["Description"]
        colours = np.asarray(image.convert("RGB"))
    expected = np.array(scale.colours())[np.rint(bits * (255 / shown.top)).astype(int).clip(0, 255)]
    assert np.abs(colours.astype(int) - expected).max() <= 6  # a half is rounded either way


@pytest.mark.parametrize("channels", [1, 3, 4])
@pytest.mark.parametrize(("height", "width"), [(1, 1), (700, 3), (601, 1301)])
def test_levels_are_means(height: int, width: int, channels: int) -> None:
    random = np.random.default_rng(1)
    pixels = random.integers(0, 256, (height, width, channels), dtype=np.uint8)
    pixels[..., 3:] = 255
    pyramid = Pyramid.of_pixels(pixels, CancelToken())
    assert pyramid.size == QSize(width, height)
    assert pyramid.n_levels == max(0, math.ceil(math.log2(max(height, width) / 256))) + 1
    y, x = height // 2, width // 3
    shown = pyramid.finest.pixelColor(x, y)
    expected = pixels[y, x] if channels > 1 else np.repeat(pixels[y, x], 3)
    assert [shown.red(), shown.green(), shown.blue()] == list(expected[:3])


def painted(pyramid: Pyramid, area: QRectF, size: int, zoom: float) -> QImage:
    image = QImage(size, size, QImage.Format.Format_RGB32)
    image.fill(QColor("black"))
    painter = QPainter(image)
    pyramid.paint(painter, area, QRectF(0, 0, size, size), zoom)
    painter.end()
    return image


def test_a_shrunk_picture_keeps_its_mean(qapp) -> None:
    """Fine patterns become grey: no level is skipped over."""
    pixels = np.zeros((1024, 1024, 3), dtype=np.uint8)
    pixels[::2, ::2] = pixels[1::2, 1::2] = 255
    pyramid = Pyramid.of_pixels(pixels, CancelToken())
    for side in (64, 100, 200, 500):
        image = painted(pyramid, QRectF(0, 0, side, side), side, side / 1024)
        for at in (side // 3, side // 2):
            assert image.pixelColor(at, at).red() == pytest.approx(127, abs=3)


def test_pixels_are_squares_when_they_are_large(qapp) -> None:
    pixels = np.zeros((4, 4, 3), dtype=np.uint8)
    pixels[1, 2] = 255
    pyramid = Pyramid.of_pixels(pixels, CancelToken())
    image = painted(pyramid, QRectF(0, 0, 40, 40), 40, 10.0)
    values = {image.pixelColor(x, y).red() for x in range(40) for y in range(40)}
    assert values == {0, 255}
    assert image.pixelColor(20, 10).red() == image.pixelColor(29, 19).red() == 255
    assert image.pixelColor(19, 10).red() == image.pixelColor(30, 19).red() == 0


def test_pyramids_are_given_up() -> None:
    cancel = CancelToken()
    cancel.cancel()
    with pytest.raises(Cancelled):
        Pyramid.of_pixels(np.zeros((600, 600, 3), dtype=np.uint8), cancel)


sides = st.integers(1, 20_000)


@given(sides, sides, st.integers(50, 2000), st.sampled_from((1.0, 1.5, 2.0)))
def test_fit_shows_all_and_enlarges_nothing(width, height, pane, ratio) -> None:
    viewport = Viewport()
    viewport.set_pane(QSizeF(pane, pane), ratio)
    viewport.set_picture(QSize(width, height))
    area = viewport.area()
    assert viewport.zoom <= 1
    assert area.width() <= pane + 1e-6
    assert area.height() <= pane + 1e-6
    assert abs(area.center().x() - pane / 2) <= 1
    assert abs(area.center().y() - pane / 2) <= 1


@given(
    st.floats(1.01, 3.0),
    st.floats(50, 350),
    st.floats(50, 350),
    st.sampled_from((1.0, 2.0)),
)
def test_what_is_under_the_pointer_stays_there(factor, x, y, ratio) -> None:
    viewport = Viewport()
    viewport.set_pane(QSizeF(400, 400), ratio)
    viewport.set_picture(QSize(3000, 3000))
    viewport.zoom_to(1.0)
    point = QPointF(x, y)
    before = viewport.to_picture(point)
    viewport.zoom_to(viewport.zoom * factor, point)
    after = viewport.to_picture(point)
    assert (after - before).manhattanLength() < 2 / viewport.zoom + 1e-6


@given(st.lists(st.tuples(st.floats(0.05, 20), st.floats(-900, 900), st.floats(-900, 900))))
def test_no_empty_room_beside_a_picture(steps) -> None:
    viewport = Viewport()
    viewport.set_pane(QSizeF(300, 200), 1.0)
    viewport.set_picture(QSize(1000, 700))
    for factor, across, down in steps:
        viewport.zoom_to(viewport.zoom * factor, QPointF(across % 300, down % 200))
        viewport.pan(QPointF(across, down))
        area = viewport.area()
        assert viewport.zoom <= GREATEST_ZOOM
        for low, high, pane in (
            (area.left(), area.right(), 300),
            (area.top(), area.bottom(), 200),
        ):
            if high - low >= pane:
                assert low <= 1
                assert high >= pane - 1
            else:
                assert low + high == pytest.approx(pane, abs=2)


def image_of_bytes(n: int) -> Decoded:
    return Decoded(np.zeros((n, 1, 1), dtype=np.uint8), None)


def test_decoded_images_stay_within_their_bytes() -> None:
    images = DecodedImages(100)
    made: list[int] = []

    def get(key: int, n: int) -> Decoded:
        def decode() -> Decoded:
            made.append(key)
            return image_of_bytes(n)

        return images.get(key, decode, CancelToken())

    get(1, 40)
    get(2, 40)
    get(1, 40)
    get(3, 40)  # 2 was used longest ago
    assert images.n_bytes == 80
    get(1, 40)
    assert made == [1, 2, 3]
    get(2, 40)
    assert made == [1, 2, 3, 2]
    get(4, 101)
    get(4, 101)
    assert made[-2:] == [4, 4]
    assert images.n_bytes == 80


def test_an_image_is_decoded_once_for_two_who_ask() -> None:
    images = DecodedImages(100)
    entered, go = threading.Event(), threading.Event()
    made, got = [], []

    def decode() -> Decoded:
        entered.set()
        go.wait(5)
        made.append(1)
        return image_of_bytes(10)

    threads = [
        threading.Thread(target=lambda: got.append(images.get("a", decode, CancelToken())))
        for _ in range(2)
    ]
    for thread in threads:
        thread.start()
    assert entered.wait(5)
    cancel = CancelToken()
    cancel.cancel()
    with pytest.raises(Cancelled):  # who has lost interest does not wait
        images.get("a", decode, cancel)
    go.set()
    for thread in threads:
        thread.join(5)
    assert made == [1]
    assert got[0] is got[1]


def test_what_failed_is_tried_again() -> None:
    images = DecodedImages(100)

    def fail() -> Decoded:
        raise ValueError("damaged")

    with pytest.raises(ValueError, match="damaged"):
        images.get("a", fail, CancelToken())
    assert images.get("a", lambda: image_of_bytes(1), CancelToken()).n_bytes == 1
