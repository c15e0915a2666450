"""``python -m core.training RUN --train DIR --valid DIR``: trains a photo model."""

from __future__ import annotations

import argparse
import logging
from pathlib import Path

import torch

from core.flows.photo import PhotoConfig
from core.training.data import load_mosaics
from core.training.loop import Run, Settings


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m core.training", description=__doc__)
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
    given = parser.parse_args()

    logging.basicConfig(level=logging.INFO, format="%(asctime)s %(message)s")
    torch.set_num_threads(given.threads)
    settings = Settings(
        minutes=given.minutes,
        batch=given.batch,
        learning_rate=given.learning_rate,
        seed=given.seed,
        model=PhotoConfig(
            width=given.width, blocks=tuple(given.blocks), components=given.components
        ),
    )
    Run(given.run, settings, load_mosaics(given.train), load_mosaics(given.valid)).train()


if __name__ == "__main__":
    main()
