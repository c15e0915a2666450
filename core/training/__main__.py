"""Trains a photo model, and makes of it the model file that archives are coded by.

``python -m core.training RUN --train DIR --valid DIR`` trains until the minutes are used up; the
same command goes on where it was stopped. ``--export MODEL --about JSON`` writes what has been
reached, and a card beside it that holds all that the JSON file says of the data, and lengths of
the pictures of ``--test DIR``.
"""

from __future__ import annotations

import argparse
import json
import logging
from pathlib import Path

import torch

from core.flows.photo import PhotoConfig
from core.training.data import load_mosaics, load_pictures
from core.training.export import export
from core.training.loop import Run, Settings


def main() -> None:
    parser = argparse.ArgumentParser(
        prog="python -m core.training",
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("run", type=Path, help="folder of the run; an unfinished one is resumed")
    parser.add_argument("--train", type=Path, required=True, help="folder of training mosaics")
    parser.add_argument("--valid", type=Path, required=True, help="folder of validation mosaics")
    parser.add_argument("--minutes", type=float, default=Settings.minutes)
    parser.add_argument("--batch", type=int, default=Settings.batch)
    parser.add_argument("--learning-rate", type=float, default=Settings.learning_rate)
    parser.add_argument("--seed", type=int, default=Settings.seed)
    parser.add_argument("--threads", type=int, default=torch.get_num_threads())
    parser.add_argument("--width", type=int, default=PhotoConfig.width)
    parser.add_argument("--blocks", type=int, nargs=3, default=PhotoConfig.blocks)
    parser.add_argument("--components", type=int, default=PhotoConfig.components)
    parser.add_argument("--export", type=Path, metavar="MODEL", help="export, do not train")
    parser.add_argument("--about", type=Path, metavar="JSON", help="what the card says of the data")
    parser.add_argument(
        "--test", type=Path, metavar="DIR", help="PNGs whose lengths the card gives"
    )
    given = parser.parse_args()

    logging.basicConfig(level=logging.INFO, format="%(asctime)s %(message)s")
    torch.set_num_threads(given.threads)
    train, valid = load_mosaics(given.train), load_mosaics(given.valid)
    if given.export:
        about = json.loads(given.about.read_text()) if given.about else {}
        test = load_pictures(given.test) if given.test else []
        export(given.run, train, valid, given.export, about, test)
        return
    settings = Settings(
        minutes=given.minutes,
        batch=given.batch,
        learning_rate=given.learning_rate,
        seed=given.seed,
        model=PhotoConfig(
            width=given.width, blocks=tuple(given.blocks), components=given.components
        ),
    )
    Run(given.run, settings, train, valid).train()


if __name__ == "__main__":
    main()
