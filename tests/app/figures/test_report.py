"""Reports: a table and a page that other programs can read, with the archive's figures in them."""

from __future__ import annotations

import csv
import io
import sqlite3
import subprocess
import sys
from html.parser import HTMLParser
from pathlib import Path
from typing import Any
from xml.etree import ElementTree

import pytest
from PySide6.QtCore import QLocale
from PySide6.QtGui import QGuiApplication, QKeySequence
from typer.testing import CliRunner

from app.backend.backend import CoreBackend
from app.backend.executors import Executors
from app.cli.main import cli
from app.figures import report, svg
from app.figures.figures import Bar, Bins
from app.figures.tables import Table
from core.archive import Archive
from core.archive.codec import Codecs
from core.archive.entry import Share
from tests.app.stand_ins import FakeDialogs, MakeWindow
from tests.archive.samples import FILES, make_archive, open_fake
from tests.fakes import FakeCodec


@pytest.fixture
def archive(tmp_path: Path) -> Path:
    path = tmp_path / "x.floe"
    make_archive(path, tmp_path / "sources")
    return path


def read_csv(text: str) -> list[dict[str, str]]:
    return list(csv.DictReader(io.StringIO(text, newline="")))


class Page(HTMLParser):
    """Checks that elements are closed in order, and collects cells and charts."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.open: list[str] = []
        self.cells: list[str] = []
        self.links: list[str] = []
        self.feed(text)
        self.close()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.links += [value or "" for name, value in attrs if name in ("src", "href")]
        if tag != "meta":
            self.open.append(tag)
        if tag in ("td", "th"):
            self.cells.append("")

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag

    def handle_data(self, data: str) -> None:
        if self.open and self.open[-1] in ("td", "th"):
            self.cells[-1] += data


def charts(text: str) -> list[ElementTree.Element]:
    pieces = text.split("<svg ")[1:]
    return [ElementTree.fromstring("<svg " + p.split("</svg>")[0] + "</svg>") for p in pieces]


def test_the_table_has_the_figures_of_the_file(archive: Path) -> None:
    with open_fake(archive) as opened:
        rows = read_csv(report.table(report.gather(opened)).csv())
    assert [row["name"] for row in rows] == list(FILES)
    connection = sqlite3.connect(archive)
    found = connection.execute(
        "SELECT name, sum(length(data)), count(*) FROM chunk JOIN entry ON entry.id = entry "
        "GROUP BY name"
    ).fetchall()
    connection.close()
    sizes = {name: (total, count) for name, total, count in found}
    for row in rows:
        total, count = sizes[row["name"]]
        n_bytes = total if row["codec"] == "stored" else total + 4 * count
        assert int(row["packed_bytes"]) == n_bytes
        n_dims = int(row["width"]) * int(row["height"]) * int(row["channels"])
        assert float(row["achieved_bpd"]) == 8 * n_bytes / n_dims
        shares = [float(row[c] or 0) for c in row if c.startswith("share_")]
        assert len(shares) == len(Share)
        assert sum(shares) == pytest.approx(8 * n_bytes)
        assert row["problem"] == ""


def test_the_page_is_whole_and_needs_nothing_else(archive: Path) -> None:
    with open_fake(archive) as opened:
        text = report.html("<i>x</i>", report.gather(opened, codecs=True))
    page = Page(text)
    assert page.open == []
    assert page.links == []
    assert "&lt;i&gt;x&lt;/i&gt;" in text
    assert set(FILES) <= set(page.cells)
    found = charts(text)
    assert len(found) == 5
    space = "{http://www.w3.org/2000/svg}"
    lengths = [t.text for t in found[0].iter(f"{space}text")]
    assert {"Theory", "Achieved", "PNG", "WebP", "JPEG XL"} <= set(lengths)
    for chart in found:
        assert chart.get("role") == "img"
        assert chart.find(f"{space}title") is not None
        assert (chart.findtext(f"{space}desc") or "") != ""


def test_damaged_images_are_in_it_with_their_problem(archive: Path) -> None:
    connection = sqlite3.connect(archive)
    connection.execute("DELETE FROM chunk WHERE part = 'frame'")
    connection.commit()
    connection.close()
    with open_fake(archive) as opened:
        rows = report.gather(opened)
    problems = {row.entry.name for row in rows if row.problem}
    assert "a.png" in problems
    assert "deep/d.jpg" not in problems
    lines = {line["name"]: line for line in read_csv(report.table(rows).csv())}
    assert "missing" in lines["a.png"]["problem"]
    assert "missing" in report.html("x", rows)


def test_the_command(archive: Path, tmp_path: Path) -> None:
    table, page = tmp_path / "r.csv", tmp_path / "r.html"
    run = CliRunner().invoke(
        cli, ["report", str(archive), "--csv", str(table), "--html", str(page)]
    )
    assert (run.exit_code, run.output) == (0, "")
    assert len(read_csv(table.read_text("utf-8-sig"))) == len(FILES)
    assert Page(page.read_text("utf-8")).open == []
    printed = CliRunner().invoke(cli, ["report", str(archive)])
    assert [row["name"] for row in read_csv(printed.stdout)] == list(FILES)
    gone = CliRunner().invoke(cli, ["report", str(tmp_path / "none.floe")])
    assert gone.exit_code == 1


def test_it_needs_no_window_system() -> None:
    """Servers often lack the libraries of one."""
    code = (
        "import sys, app.figures.report;"
        " print([m for m in sys.modules if m.startswith('PySide6.Qt')])"
    )
    run = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert run.stdout.strip() == "['PySide6.QtCore']"


def test_from_the_window(
    qtbot: Any,
    make_window: MakeWindow,
    threads: Executors,
    dialogs: FakeDialogs,
    archive: Path,
    tmp_path: Path,
) -> None:
    window = make_window(threads, CoreBackend(FakeCodec))
    window.session.open(archive)
    qtbot.waitUntil(lambda: not window.session.busy and bool(window.session.model.entries))
    window.actions_.export_html.trigger()
    qtbot.waitUntil(lambda: "x.html written" in window.message.text, timeout=5000)
    assert dialogs.asked == ["report x.html"]
    assert set(FILES) <= set(Page((tmp_path / "out" / "x.html").read_text("utf-8")).cells)
    dialogs.target = tmp_path / "none" / "such"
    (tmp_path / "none").write_text("a file")
    window.actions_.export_csv.trigger()
    qtbot.waitUntil(lambda: "x.csv" in window.message.text, timeout=5000)
    assert "written" not in window.message.text


def test_copying_a_panel(
    qtbot: Any, make_window: MakeWindow, threads: Executors, archive: Path
) -> None:
    window = make_window(threads, CoreBackend(FakeCodec))
    window.session.open(archive)
    qtbot.waitUntil(lambda: not window.session.busy and bool(window.session.model.entries))
    window.details.setCurrentWidget(window.details.timing)
    window.entries.selectAll()
    assert window.actions_.copy_table.shortcut() == QKeySequence("Ctrl+Shift+C")
    window.actions_.copy_table.trigger()
    data = QGuiApplication.clipboard().mimeData()
    lines = [line.split("\t") for line in data.text().splitlines()]
    assert lines[0][:3] == ["Name", "Reading", "Network"]
    assert {line[0] for line in lines[1:]} == set(FILES)
    assert set(FILES) <= set(Page(data.html()).cells)
    text = data.text()
    window.close()
    left = QGuiApplication.clipboard().mimeData()
    assert left.text() == text
    assert not left.hasHtml()  # what Python has made must not outlive it


def test_numbers_are_the_persons_own_on_the_clipboard_and_plain_in_files() -> None:
    table = Table(["a", "b"], [["x\ty <&>", 1234.5], [None, 7]])
    before = QLocale()
    QLocale.setDefault(QLocale(QLocale.Language.German))
    try:
        assert table.tsv() == "a\tb\nx y <&>\t1234,5\n\t7\n"
        assert table.csv() == "a,b\r\nx\ty <&>,1234.5\r\n,7\r\n"
        assert "<td>x\ty &lt;&amp;&gt;</td>" in table.html()
    finally:
        QLocale.setDefault(before)


def test_bars_of_a_page_are_to_scale() -> None:
    text = svg.bars("n", "u", [Bar("a", 1.0, "1"), Bar("<b>", 4.0, "4"), Bar("c", None, "none")])
    chart = ElementTree.fromstring(text)
    rects = chart.findall("{http://www.w3.org/2000/svg}rect")
    widths = [float(r.get("width") or 0) for r in rects if r.get("fill") != "var(--line)"]
    assert widths[1] == pytest.approx(4 * widths[0], abs=0.3)
    counts = svg.histogram("n", "u", Bins.of([1.0, 1.5, 1.6, 2.5], at_most=2))
    bars = ElementTree.fromstring(counts).findall("{http://www.w3.org/2000/svg}rect")
    heights = [float(bar.get("height") or 0) for bar in bars]
    assert heights[0] == pytest.approx(3 * heights[1], abs=0.3)


def test_an_empty_archive(tmp_path: Path) -> None:
    with Archive.create(tmp_path / "x.floe", codecs=Codecs(FakeCodec)) as opened:
        rows = report.gather(opened)
    assert Page(report.html("x", rows)).open == []
    assert read_csv(report.table(rows).csv()) == []
