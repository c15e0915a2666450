"""The changelog keeps its form, and its newest release is the program's version."""

from __future__ import annotations

import re
from datetime import date

from app import __version__
from tests.docs.pages import read

TEXT = read("CHANGELOG.md")
RELEASES = re.findall(r"^## (\d+\.\d+\.\d+) - (\d{4}-\d\d-\d\d)$", TEXT, flags=re.M)
KINDS = {"Added", "Changed", "Deprecated", "Removed", "Fixed", "Security"}


def test_the_newest_release_is_the_version() -> None:
    assert RELEASES[0][0] == __version__


def test_releases_are_in_order() -> None:
    versions = [tuple(map(int, version.split("."))) for version, _ in RELEASES]
    days = [date.fromisoformat(day) for _, day in RELEASES]
    assert versions == sorted(set(versions), reverse=True)
    assert days == sorted(days, reverse=True)


def test_there_is_no_other_heading() -> None:
    titles = re.findall(r"^## (.+)$", TEXT, flags=re.M)
    assert titles == [f"{version} - {day}" for version, day in RELEASES]
    assert set(re.findall(r"^### (.+)$", TEXT, flags=re.M)) <= KINDS


def test_every_kind_stands_once_in_a_release() -> None:
    for release in re.split(r"^## ", TEXT, flags=re.M)[1:]:
        kinds = re.findall(r"^### (.+)$", release, flags=re.M)
        assert len(kinds) == len(set(kinds)), release.splitlines()[0]
        assert all(re.search(rf"^### {kind}\n\n- ", release, flags=re.M) for kind in kinds)
