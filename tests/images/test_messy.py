"""Every real and broken image file of ../shared/data/messy becomes something that is expected."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from core.errors import FileError
from core.images import KeptFile, Picture, comes_back, read_image, rebuild

MESSY = Path(__file__).parents[3] / "shared" / "data" / "messy"
# By name, so that the tests are the same where the folder is absent.
FOLDERS = ["exif", "fuzz_jpeg", "fuzz_png", "imagers", "made", "pillow", "pillow_bmp"]
FOLDERS += ["pngsuite", "widegamut"]

pytestmark = pytest.mark.skipif(not MESSY.is_dir(), reason="there is no ../shared/data/messy")


@pytest.mark.parametrize("folder", FOLDERS)
def test_a_picture_an_original_or_a_typed_error(folder: str) -> None:
    paths = sorted(path for path in (MESSY / folder).iterdir() if path.is_file())
    assert paths
    n_read = 0
    for path in paths:
        image = _outcome(path)
        if isinstance(image, FileError):
            assert image.path == path
            assert image.reason
            continue
        n_read += 1
        assert image.file_bytes == path.read_bytes()
        if isinstance(image, Picture):
            _check_picture(image)
        else:
            _check_original(image)
    assert n_read or folder.startswith("fuzz")


def _outcome(path: Path) -> Picture | KeptFile | FileError:
    try:
        return read_image(path)
    except FileError as error:
        return error


def _check_picture(picture: Picture) -> None:
    assert picture.pixels.dtype == np.uint8
    assert picture.pixels.flags.c_contiguous
    assert 1 <= picture.channels <= 4
    rebuilt = rebuild(picture.pixels, picture.frame, picture.frame_kind)
    assert comes_back(picture, rebuilt)
    if picture.frame_kind != "png":
        assert rebuilt == picture.file_bytes


def _check_original(original: KeptFile) -> None:
    assert original.reason
    if original.pixels is not None:
        shape = (original.height, original.width, original.channels)
        assert original.pixels.shape == shape
