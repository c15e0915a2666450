"""``python -m core.training RUN --family jpeg``: trains the model of JPEG files, or exports it.

The first call reads the files, and makes others of them (:mod:`core.training.jpeg_files`); what it
has made stays in the folder of the run. ``--kinds luma`` and ``--kinds chroma`` train one network
each, in two runs beside each other. ``--export MODEL`` writes what has been reached, with a card;
of a run of one kind, the other network is that of ``--begin``.
"""

from __future__ import annotations

import argparse
import hashlib
import json
import logging
from dataclasses import asdict
from pathlib import Path
from typing import Any

import torch

from core.flows.jpeg.file import KINDS
from core.flows.jpeg.loading import JpegModel, load_jpeg_model
from core.flows.jpeg.model import Jpeg, JpegConfig
from core.training import jpeg_data as data
from core.training.jpeg_begin import begin_with
from core.training.jpeg_export import model_file
from core.training.jpeg_files import prepare
from core.training.jpeg_lengths import coded_bits
from core.training.jpeg_loop import Run, Settings, averaged

#: Side in blocks, and share, of the tiles of validation files that the card's lengths are of.
_TILE, _EVERY = 48, 8


def main() -> None:
    parser = argparse.ArgumentParser(
        prog="python -m core.training",
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("run", type=Path, help="folder of the run; an unfinished one is resumed")
    parser.add_argument("--family", choices=["jpeg"], required=True)
    parser.add_argument("--train", type=Path, help="folder of JPEG files")
    parser.add_argument("--valid", type=Path, help="the same for validation")
    parser.add_argument("--mosaics", type=Path, help="folder of crops, which are saved as JPEG")
    parser.add_argument("--kinds", nargs="+", choices=KINDS, default=list(KINDS))
    parser.add_argument("--minutes", type=float, default=Settings.minutes, help="of the wall")
    parser.add_argument("--batch", type=int, default=Settings.blocks, help="blocks")
    parser.add_argument("--learning-rate", type=float, default=Settings.learning_rate)
    parser.add_argument("--rounded-from", type=float, default=Settings.rounded_from)
    parser.add_argument("--seed", type=int, default=Settings.seed)
    parser.add_argument("--threads", type=int, default=1)
    parser.add_argument(
        "--begin", type=Path, metavar="MODEL", help="a new run begins with a model's weights"
    )
    parser.add_argument("--export", type=Path, metavar="MODEL", help="export, do not train")
    parser.add_argument("--about", type=Path, metavar="JSON", help="what the card says of the data")
    given = parser.parse_args()
    logging.basicConfig(level=logging.INFO, format="%(asctime)s %(message)s")
    torch.set_num_threads(given.threads)
    if given.export:
        about = json.loads(given.about.read_text()) if given.about else {}
        export_jpeg(given.run, given.export, about, given.begin)
        return
    if not (given.run / "train.npz").exists():
        if given.train is None or given.valid is None:
            parser.error("a new run needs --train and --valid")
        prepare(given.run, given.train, given.valid, given.mosaics)
    settings = Settings(
        minutes=given.minutes,
        blocks=given.batch,
        learning_rate=given.learning_rate,
        rounded_from=given.rounded_from,
        seed=given.seed,
        kinds=tuple(given.kinds),
    )
    Run(given.run, settings, given.begin).train()


def export_jpeg(
    run: Path,
    target: Path,
    about: dict[str, Any],
    begin: Path | None = None,
    config: JpegConfig = JpegConfig(),  # noqa: B008 it cannot be changed
) -> JpegModel:
    """Writes the integer form of a run's averaged networks, and ``target``.json, its card.

    about: what the card says of the data and its licences. begin: whose networks stand for those
    that the run does not train.
    """
    settings = json.loads((run / "settings.json").read_text())
    model = Jpeg(config).eval()
    if begin is not None:
        begin_with(model, begin)
    clock = averaged(run, model)
    target.write_bytes(model_file(model))
    loaded = load_jpeg_model(target)
    card = {
        "id": loaded.id,
        "family": "jpeg",
        "sha256": hashlib.sha256(loaded.file).hexdigest(),
        "config": asdict(model.config),
        "parameters": {
            kind: sum(p.numel() for p in getattr(model, kind).parameters()) for kind in KINDS
        },
        "training": {**settings, **clock},
        "validation": _lengths(run, loaded),
        **about,
    }
    card["training"].pop("model", None)
    target.with_suffix(".json").write_text(json.dumps(card, indent=1) + "\n")
    return loaded


def _lengths(run: Path, model: JpegModel) -> dict[str, Any]:
    """Bits a block by the distributions that files are coded by, with and without learning."""
    names = ("y", "cb", "cr")
    found: dict[str, Any] = {"tile_blocks": _TILE * _TILE, "of_tiles": f"1 in {_EVERY}"}
    for kind in KINDS:
        files = data.load(run / "valid.npz", kind == "chroma")
        for component in data.tiles(files, _TILE, _EVERY):
            of = found.setdefault(names[len(component.given)], {"blocks": 0})
            of["blocks"] += component.n_blocks
            for name, learns in (("static_bits", False), ("bits", True)):
                of[name] = of.get(name, 0.0) + float(coded_bits(model, component, learns).sum())
    for name in names:
        if of := found.get(name):
            for key in ("static_bits", "bits"):
                found[name][f"{key}_per_block"] = round(of.pop(key) / of["blocks"], 3)
    return found
