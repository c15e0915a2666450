"""Draw the icons as PNG: ``python -m tools.icon_files resources/desktop``."""

from __future__ import annotations

import argparse
import os
from pathlib import Path

os.environ.setdefault("QT_QPA_PLATFORM", "offscreen")

from PySide6.QtCore import Qt
from PySide6.QtGui import QGuiApplication, QImage, QPainter
from PySide6.QtSvg import QSvgRenderer

SIZES = (16, 22, 24, 32, 48, 64, 128, 256)


def make(folder: Path) -> list[Path]:
    """Draw each SVG of a folder to ``png/SIZE``; return the written files."""
    written = []
    for source in sorted(folder.glob("*.svg")):
        renderer = QSvgRenderer(str(source))
        for size in SIZES:
            image = QImage(size, size, QImage.Format.Format_ARGB32)
            image.fill(Qt.GlobalColor.transparent)
            painter = QPainter(image)
            renderer.render(painter)
            painter.end()
            path = folder / "png" / str(size) / f"{source.stem}.png"
            path.parent.mkdir(parents=True, exist_ok=True)
            image.save(str(path))
            written.append(path)
    return written


def main() -> None:
    """The command line of this script."""
    parser = argparse.ArgumentParser(prog="python -m tools.icon_files", description=__doc__)
    parser.add_argument("folder", type=Path)
    application = QGuiApplication([])
    make(parser.parse_args().folder)
    del application


if __name__ == "__main__":
    main()
