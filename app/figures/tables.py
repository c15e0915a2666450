"""A table in the formats of other programs, for files and the clipboard."""

from __future__ import annotations

import csv
import io
from collections.abc import Sequence
from dataclasses import dataclass
from html import escape

from PySide6.QtCore import QLocale, QMimeData

Cell = str | int | float | None


@dataclass(frozen=True)
class Table:
    """Rows below titles; None is an empty cell."""

    titles: Sequence[str]
    rows: Sequence[Sequence[Cell]]

    def csv(self) -> str:
        """RFC 4180; numbers in full precision with a decimal point."""
        text = io.StringIO()
        writer = csv.writer(text, lineterminator="\r\n")
        writer.writerow(self.titles)
        writer.writerows(["" if cell is None else cell for cell in row] for row in self.rows)
        return text.getvalue()

    def csv_file(self) -> bytes:
        """The CSV as a file in UTF-8, with the byte order mark that spreadsheets need."""
        return self.csv().encode("utf-8-sig", "replace")

    def tsv(self) -> str:
        """For pasting into spreadsheets: numbers in the user's locale."""
        lines = [self.titles, *([_local(cell) for cell in row] for row in self.rows)]
        return "".join("\t".join(map(_one_line, line)) + "\n" for line in lines)

    def html(self) -> str:
        """One table element; numbers are aligned to the right."""
        head = "".join(f'<th scope="col">{escape(title)}</th>' for title in self.titles)
        body = "".join(f"<tr>{''.join(map(_cell, row))}</tr>\n" for row in self.rows)
        return f"<table>\n<thead><tr>{head}</tr></thead>\n<tbody>\n{body}</tbody>\n</table>\n"

    def mime(self) -> QMimeData:
        """For the clipboard: text for spreadsheets, HTML for word processors."""
        data = QMimeData()
        data.setText(self.tsv())
        data.setHtml(self.html())
        return data


def _local(cell: Cell) -> str:
    if cell is None or isinstance(cell, str):
        return cell or ""
    locale = QLocale()
    locale.setNumberOptions(QLocale.NumberOption.OmitGroupSeparator)
    return locale.toString(cell) if isinstance(cell, int) else locale.toString(cell, "g", 10)


def _one_line(text: str) -> str:
    return " ".join(text.split())


def _cell(cell: Cell) -> str:
    if cell is None or isinstance(cell, str):
        return f"<td>{escape(cell or '')}</td>"
    return f'<td class="number">{escape(_local(cell))}</td>'
