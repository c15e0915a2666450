"""What comes with the program: models, icons, translations, sample photographs."""

from __future__ import annotations

from importlib.resources import files
from pathlib import Path


def sample_images() -> list[Path]:
    """The sample photographs, sorted by name."""
    folder = Path(str(files("resources"))) / "samples"
    return sorted(folder.glob("*.png"))
