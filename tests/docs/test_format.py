"""docs/format.md holds what another reader needs, to the letter."""

from __future__ import annotations

import hashlib
import re
from typing import Any

import numpy as np
import pytest

from core.archive import schema
from core.images import frames
from tests.docs.pages import read
from tests.golden import reader
from tests.golden.make import MODEL
from tests.integer_reference import ORDER, pieces

TEXT = read("docs/format.md")


def table_of(name: str) -> list[str]:
    """The first cells of a table's rows, in order, one for each column that they name."""
    section = TEXT.partition(f"### Table `{name}`\n")[2].partition("\n#")[0]
    cells = re.findall(r"^\| (`[^|]+) \|", section, flags=re.M)
    return [column for cell in cells for column in re.findall(r"`(\w+)`", cell)]


@pytest.mark.parametrize("name", schema.STATEMENTS)
def test_a_statement_is_that_of_the_program(name: str) -> None:
    digest, statement = re.findall(rf"^`{name}`, (\w+):\n\n```sql\n(.*?)\n```", TEXT, re.M | re.S)[
        0
    ]
    assert statement == schema.STATEMENTS[name]
    assert hashlib.sha256(statement.encode()).hexdigest().startswith(digest)
    assert len(digest) == 16


@pytest.mark.parametrize("name", schema.STATEMENTS)
def test_every_column_has_its_meaning(name: str) -> None:
    columns = re.findall(r"^    ([a-z]\w+) ", schema.STATEMENTS[name], flags=re.M)
    assert table_of(name) == columns


def test_the_preset_dictionary() -> None:
    section = TEXT.partition("## Frames")[2]
    hexadecimal = re.findall(r"^```\n([0-9a-f\n]+)```", section, flags=re.M)[0]
    written = bytes.fromhex(hexadecimal.replace("\n", ""))
    body = b"\x22iTXtXML:com.adobe.xmp\0\0\0\0\0<x:xmpmeta xmlns:x='adobe:ns:meta/' x:xmptk='XMP"
    assert written == frames._DICTIONARY
    assert hashlib.sha256(written).hexdigest() in section
    assert f"{len(written)} bytes" in section
    assert len(frames.pack(body)) < len(body) / 2  # it is what frames are packed with


def test_the_numbers_of_the_header() -> None:
    assert f"0x{schema.APPLICATION_ID:08X}" in TEXT
    assert f"This page describes format {schema.FORMAT_VERSION}," in TEXT


def test_the_test_vector_as_the_page_tells() -> None:
    """By the second evaluator, which shares nothing with the networks."""
    data = MODEL.read_bytes()
    tensors, config = reader.safetensors(data)
    digest, picture, level = hashlib.sha256(), tensors["vector"].astype(np.int64), 0
    while picture.shape[1] * picture.shape[2] > 16:
        steps = pieces(tensors, config, level, picture[:, ::2, ::2], *picture.shape[1:], ORDER)
        told: Any = next(steps)
        while told is not None:
            parameters, channel, (rows, columns) = told
            cdf = reader.Cdf(tensors, *parameters)
            pixels = picture[channel, rows, columns]
            for values in (cdf.weights, cdf.means, cdf.scales):
                digest.update(np.ascontiguousarray(values, "<f4").tobytes())
            digest.update(cdf.edges(pixels, slice(None)).astype("<i8").tobytes())
            try:
                told = steps.send(pixels)
            except StopIteration:
                told = None
        picture, level = picture[:, ::2, ::2], level + 1
    (wanted,) = re.findall(rb'"vector_sha256":"(\w+)"', data)
    assert digest.hexdigest() == wanted.decode()
