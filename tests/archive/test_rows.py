"""The columns of an entry, listed once."""

from __future__ import annotations

import dataclasses
import re

from core.archive.entry import Entry
from core.archive.rows import COLUMNS
from core.archive.schema import ENTRY_TABLE


def test_the_columns_are_those_of_the_frozen_statement() -> None:
    found = re.findall(r"^    (\w+) (\w+)( NOT NULL)?", ENTRY_TABLE, re.M)
    assert found[0][:2] == ("id", "INTEGER")
    assert found[-1] == ("crc32", "INTEGER", " NOT NULL")
    listed = [(c.name, c.kind.sql, "" if c.optional else " NOT NULL") for c in COLUMNS]
    assert listed == found[1:-1]


def test_an_entry_has_a_field_for_each_column() -> None:
    columns = {column.name for column in COLUMNS} - {"theoretical_bits"}
    fields = {field.name for field in dataclasses.fields(Entry)} - {"theoretical_bpd"}
    assert fields == columns
