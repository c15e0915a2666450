"""The tables of the command line; rich is imported with the first one."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from app.cli.numbers import NOTHING, number, saved
from core.archive import Totals
from core.archive.names import printable

if TYPE_CHECKING:
    from rich.table import Table

    from core.archive.entry import Entry
    from core.bench.contest import Attempt
    from core.bench.folder import Measurement
    from core.bench.jpeg import JpegMeasurement, JpegTotal
    from core.bench.kinds import KindOfFile, Sum
    from core.bench.paper import Measured
    from core.flows.catalogue import Listed

#: Columns of text, aligned to the left; all others are numbers.
_TEXT = ("name", "image", "codec", "settings", "version", "kind", "images", "networks")


def entries_table(entries: Sequence[Entry]) -> Table:
    """The list of an archive, with its sums."""
    table = _table("name", "size", "original", "packed", "saved", "codec")
    for title in ("theory", "achieved", "borrowed", "encode s", "network s", "coding s"):
        table.add_column(title, justify="right")
    for e in entries:
        _add_row(
            table,
            e.name,
            f"{e.width} x {e.height} x {e.channels}" if e.is_image else NOTHING,
            f"{e.original_bytes:,}",
            f"{e.packed_bytes:,}",
            saved(e.original_bytes, e.packed_bytes),
            e.coder or e.codec,
            number(e.theoretical_bpd, 4),
            number(e.achieved_bpd, 4),
            number(e.borrowed_bits, 0),
            *(number(s, 2) for s in (e.encode_seconds, e.network_seconds, e.coding_seconds)),
        )
    sums = Totals.of(entries).all
    table.caption = (
        f"{sums.n_entries} files, {sums.original_bytes:,} to {sums.packed_bytes:,} bytes, "
        f"{saved(sums.original_bytes, sums.packed_bytes)} saved; theory and achieved in bits/dim"
    )
    return table


def rows_table(rows: Sequence[Measurement]) -> Table:
    """Codecs side by side on the images of a folder."""
    table = _table("image", "codec", "settings", "bytes", "achieved", "theory", "gap")
    for title in ("borrowed", "encode", "decode", "verify", "network", "coding"):
        table.add_column(title, justify="right")
    for row in rows:
        theory = row.theoretical_bpd
        _add_row(
            table,
            row.image,
            row.codec,
            row.settings,
            f"{row.n_bytes:,.0f}",
            number(row.achieved_bpd, 4),
            number(theory, 4),
            NOTHING if theory is None else f"{row.achieved_bpd - theory:+.5f}",
            number(row.borrowed_bits, 0),
            *(
                number(seconds, 2)
                for seconds in (
                    row.encode_s_per_mp,
                    row.decode_s_per_mp,
                    row.verify_s_per_mp,
                    row.network_s_per_mp,
                    row.coding_s_per_mp,
                )
            ),
        )
    table.caption = (
        "bits/dim; times in seconds per megapixel; network and coding are parts of encoding"
    )
    return table


def jpegs_table(rows: Sequence[JpegMeasurement]) -> Table:
    """Codecs side by side on the JPEG files of a folder."""
    table = _table("image", "codec", "bytes", "saved %", "theory", "add", "extract")
    for row in rows:
        table.add_row(
            row.image,
            row.codec,
            f"{row.n_bytes:,}" if row.reason is None else f"{row.n_bytes:,} (stored)",
            f"{row.saved:.1f}",
            number(row.theoretical_bytes, 0),
            number(row.add_s_per_mp, 2),
            number(row.extract_s_per_mp, 2),
        )
    table.caption = (
        "theory in bytes, of coefficients alone; times in seconds per megapixel; "
        "Floe's include reading, verifying and writing"
    )
    return table


def kinds_table(kinds: Sequence[KindOfFile]) -> Table:
    """Kinds of files: what Floe saves, and the best of the others."""
    table = _table("kind", "files", "bytes", "Floe", "saved", "exact", "failed", "seconds")
    for title in ("best other", "its bytes", "it saves", "best of pixels", "pixel bytes"):
        table.add_column(title, justify="right")
    for k in kinds:
        other, pixels = k.best(k.others), k.best(k.pixels)
        _add_row(
            table,
            *(k.kind, f"{k.n_files:,}", f"{k.n_bytes:,}", f"{k.floe_bytes:,}"),
            *(saved(k.n_bytes, k.floe_bytes), f"{k.n_exact:,}", f"{k.n_failed:,}"),
            number(k.floe_seconds, 1),
            *(_bytes_of(other) or (NOTHING, NOTHING)),
            saved(k.n_bytes, other[1].n_bytes) if other else NOTHING,
            *(_bytes_of(pixels) or (NOTHING, NOTHING)),
        )
    table.caption = (
        "exact: restored byte for byte; the best other restores the same bytes, codecs of pixels "
        "do not; seconds of adding, several files at a time"
    )
    return table


def _bytes_of(best: tuple[str, Sum] | None) -> tuple[str, str] | None:
    return (best[0], f"{best[1].n_bytes:,}") if best else None


def totals_table(totals: Sequence[JpegTotal]) -> Table:
    """Each codec on all JPEG files."""
    table = _table("codec", "files", "stored", "bytes", "saved %", "mean %", "add", "extract")
    for total in totals:
        table.add_row(
            total.codec,
            str(total.n_files),
            str(total.n_stored),
            f"{total.n_bytes:,}",
            f"{total.saved:.1f}",
            f"{total.mean_saved:.1f}",
            number(total.add_s_per_mp, 2),
            number(total.extract_s_per_mp, 2),
        )
    return table


def models_table(models: Sequence[Listed]) -> Table:
    """Models, with the results of their model cards."""
    table = _table(
        "name", "kind", "images", "networks", "computed in", "parameters", "bytes", "test"
    )
    for model in models:
        _add_row(
            table,
            model.id,
            model.kind,
            model.images,
            model.networks,
            model.kernels or "",
            number(model.parameters, 0),
            number(model.n_bytes, 0),
            number(model.test_bits_per_dim, 4),
        )
    table.caption = "test in bits/dim; published models without bytes are not imported yet"
    return table


def attempts_table(rows: Sequence[tuple[str, Attempt]]) -> Table:
    """Codecs on the same pixels, image by image."""
    table = _table("image", "codec", "settings", "version", "bytes", "bits/dim", "theory")
    for title in ("borrowed bits", "encode s", "decode s"):
        table.add_column(title, justify="right")
    for image, a in rows:
        if a.problem:
            _add_row(table, image, a.name, a.settings, a.version, a.problem)
            continue
        _add_row(
            table,
            *(image, a.name, a.settings, a.version, f"{a.n_bytes or 0:,}"),
            *(number(a.bits_per_dim, 4), number(a.theoretical_bpd, 4)),
            *(number(a.borrowed_bits, 0), number(a.encode_seconds, 2)),
            number(a.decode_seconds, 2),
        )
    return table


def paper_lengths(models: Sequence[Measured]) -> Table:
    """Codelengths of trained models, beside those of the paper."""
    from rich.table import Table

    from core.bench.paper import PUBLISHED_LENGTHS

    table = Table(title="Codelengths, bits/dim")
    for name in ("model", "code"):
        table.add_column(name)
    for name in ("images", "theory", "coded", "gap", "borrowed", "alone"):
        table.add_column(name, justify="right")
    for model in models:
        for code in sorted(model.codes, key=lambda c: (c.code, c.batch)):
            theory = code.theoretical_bits_per_dim
            _add_row(
                table,
                model.model,
                f"{code.code}, batches of {code.batch}",
                str(code.n_images),
                number(theory, 4),
                number(code.coded_bits_per_dim, 4),
                NOTHING if theory is None else f"{code.coded_bits_per_dim - theory:+.4f}",
                number(code.borrowed_bits_per_dim, 1),
                number(code.alone_bits_per_dim, 2),
            )
    for name, (theory, coded) in PUBLISHED_LENGTHS.items():
        _add_row(
            table,
            f"{name}, the paper's", "by layers", NOTHING, f"{theory:.3f}", f"{coded:.3f}",
            f"{coded - theory:+.3f}", NOTHING, NOTHING,
        )  # fmt: skip
    return table


def paper_seconds(models: Sequence[Measured]) -> Table:
    """Seconds per image of models, beside those of the paper."""
    from rich.table import Table

    from core.bench.paper import PUBLISHED_SECONDS

    table = Table(title="Seconds per image")
    table.add_column("model")
    for name in (
        "batch", "network", "encoding", "/ network", "decoding", "black box", "/ by layers",
    ):  # fmt: skip
        table.add_column(name, justify="right")
    for model in models:
        black = model.code("black box")
        for network in model.networks:
            layers = model.code("by layers", network.batch)
            one = network.batch == 1
            _add_row(
                table,
                model.model,
                str(network.batch),
                number(network.seconds, 3),
                number(layers.encode_seconds if layers else None, 3),
                number(model.ratio_to_network(network.batch), 2),
                number(layers.decode_seconds if layers else None, 3),
                number(black.encode_seconds if black and one else None, 1),
                number(model.black_box_ratio() if one else None, 0),
            )
    for name, (alone, by_one, by_many, bare, bare_many) in PUBLISHED_SECONDS.items():
        row = f"{name}, the paper's GPU"
        _add_row(
            table,
            row, "1", f"{bare:.2f}", f"{by_one:.2f}", f"{by_one / bare:.2f}", NOTHING,
            f"{alone:.1f}", f"{alone / by_one:.0f}",
        )  # fmt: skip
        _add_row(
            table,
            row, "64", f"{bare_many:.2f}", f"{by_many:.2f}", f"{by_many / bare_many:.2f}", NOTHING,
            NOTHING, NOTHING,
        )  # fmt: skip
    return table


def _add_row(table: Table, *cells: str) -> None:
    """Add a row of plain text: names in archives are anyone's, and rich would read markup."""
    from rich.text import Text

    table.add_row(*(Text(printable(cell)) for cell in cells))


def _table(*titles: str) -> Table:
    from rich.table import Table

    table = Table(box=None, pad_edge=False, header_style="bold")
    for index, title in enumerate(titles):
        table.add_column(
            title,
            justify="left" if title in _TEXT else "right",
            no_wrap=index > 0,
            overflow="fold",
        )
    return table
