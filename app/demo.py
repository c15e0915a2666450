"""``python -m app.demo``: archive the sample photographs, in the window or the terminal."""

from __future__ import annotations

import subprocess
import sys
import tempfile
from pathlib import Path

from core.errors import FloeError
from resources import sample_images


def main() -> int:
    """Open the window if there is a display, else work in the terminal."""
    with tempfile.TemporaryDirectory(prefix="floe-demo-") as folder:
        archive = Path(folder) / "demo.floe"
        if _has_display():
            from app.start.gui import run

            return run(archive, sample_images())
        return in_terminal(archive, sample_images())


def in_terminal(archive: Path, images: list[Path]) -> int:
    """Archive images, extract them, compare, and print the table."""
    import numpy as np

    from app.cli.tables import entries_table
    from app.cli.terminal import Following, error, output
    from core import engine
    from core.archive import Archive
    from core.images import read_image

    out = archive.parent / "extracted"
    try:
        Archive.create(archive).close()
        with Following(len(images), "adding") as following:
            added = engine.add(archive, engine.plan(images), listener=following)
        names = [result.name for result in added if result.ok]
        with Following(len(names), "extracting") as following:
            extracted = engine.extract(archive, names, [], out, listener=following)
        with Archive.open(archive) as opened:
            entries = opened.entries()
    except FloeError as problem:
        error(str(problem))
        return 1
    exact = 0
    for source, result in zip(images, extracted, strict=False):
        if result.target is None:
            continue
        before, after = read_image(source).pixels, read_image(result.target).pixels
        exact += before is not None and after is not None and np.array_equal(before, after)
    console = output()
    console.print(entries_table(entries))
    console.print(f"{exact} of {len(images)} images were restored with exactly the same pixels.")
    return 0 if exact == len(images) else 1


def _has_display() -> bool:
    """Whether a window can open. Qt aborts the process if not, so ask in another process."""
    program = (
        "from PySide6.QtWidgets import QApplication as A; a = A([]); "
        "raise SystemExit(a.platformName() in ('offscreen', 'minimal'))"
    )
    asked = subprocess.run([sys.executable, "-c", program], capture_output=True, check=False)
    return asked.returncode == 0


if __name__ == "__main__":
    raise SystemExit(main())
