"""Takes the files of folders apart, makes them again, and says how far each came.

    python -m tools.jpeg_roundtrip ../shared/data/jpeg/test ../shared/data/messy

A table for each folder: how many files hold JPEG images that are coded whole, in part or not at
all, why, and bytes. Ends with status 1 if one file does not come back byte for byte.
"""

from __future__ import annotations

import sys
import time
from collections import Counter
from pathlib import Path

from core.images.jpeg import Recipe, rebuild, take_apart
from core.images.jpeg.shortcomings import shortcomings


def comes_back(data: bytes) -> Recipe | None:
    """The recipe of a file, if it and the coefficients alone make the file again."""
    images, recipe = take_apart(data)
    read = Recipe.from_bytes(recipe.to_bytes())
    blank = read.blank_images()
    for image, other in zip(images, blank, strict=True):
        for ours, theirs in zip(image.components, other.components, strict=True):
            theirs.coefficients[:] = ours.coefficients
    return read if rebuild(blank, read) == data else None


def main() -> int:
    """Runs the command."""
    failed = 0
    print("| folder | files | whole | in part | stored | no JPEG | bytes | kept | recipes | MB/s |")
    print("|---|---|---|---|---|---|---|---|---|---|")
    reasons: Counter[tuple[str, str]] = Counter()
    for argument in sys.argv[1:]:
        outcomes: Counter[str] = Counter()
        n_bytes = n_kept = n_packed = 0
        seconds = 0.0
        for path in sorted(p for p in Path(argument).rglob("*") if p.is_file()):
            data = path.read_bytes()
            start = time.process_time()
            recipe = comes_back(data)
            seconds += time.process_time() - start
            if recipe is None:
                print(f"{path} does not come back", file=sys.stderr)
                failed += 1
                continue
            why = shortcomings(recipe)
            if len(recipe.parts) > 1:
                outcome = "in part" if why else "whole"
            else:
                outcome = "stored" if why else "no JPEG"
            outcomes[outcome] += 1
            reasons.update((outcome, phrase) for phrase in why)
            n_bytes += len(data)
            n_kept += recipe.n_kept
            n_packed += len(recipe.to_bytes())
        counts = [outcomes[name] for name in ("whole", "in part", "stored", "no JPEG")]
        row = [argument, sum(counts), *counts, n_bytes, n_kept, n_packed]
        print("|", " | ".join(map(str, row)), f"| {n_bytes / 1e6 / max(seconds, 1e-9):.0f} |")
    print("\n| outcome | why | files |\n|---|---|---|")
    for (outcome, phrase), count in reasons.most_common():
        print(f"| {outcome} | {phrase} | {count} |")
    return bool(failed)


if __name__ == "__main__":
    sys.exit(main())
