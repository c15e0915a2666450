"""Trains a model, and makes of it the model file that the program loads.

``python -m core.training RUN --train DIR --valid DIR`` trains until the minutes are used up; the
same command goes on where it was stopped. ``--family`` tells what is trained: the photo model, or
a small model of one of the paper's three kinds (``--train`` may then be an .npz file of images, of
which a tenth is held out if there is no ``--valid``). ``--export MODEL --about JSON`` writes what
has been reached, and a card beside it that holds all that the JSON file says of the data, and
lengths of the pictures of ``--test``. ``--family jpeg`` trains the model of JPEG files, and has
options of its own (``--family jpeg --help``).
"""

from __future__ import annotations

import argparse
import json
import logging
from pathlib import Path
from typing import Any

from core.runtime import configure_openmp

# Before torch is loaded, which reads it.
configure_openmp()

# ruff: noqa: E402
import torch

from core.flows.flowpp import PUBLISHED, FlowPPConfig, small
from core.flows.photo.model import PhotoConfig
from core.training import jpeg
from core.training.data import AUGMENTATIONS, CROP, load_pictures
from core.training.export import export
from core.training.export_flowpp import export_flowpp
from core.training.families import FAMILIES, Config, load_data, load_images
from core.training.loop import Settings, run
from core.training.team import together
from core.training.variants import VARIANTS


def main() -> None:
    family = argparse.ArgumentParser(add_help=False)
    family.add_argument("--family")
    if family.parse_known_args()[0].family == "jpeg":
        jpeg.main()
        return
    parser = argparse.ArgumentParser(
        prog="python -m core.training",
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("run", type=Path, help="folder of the run; an unfinished one is resumed")
    parser.add_argument("--family", choices=FAMILIES, default=FAMILIES[0])
    parser.add_argument("--train", type=Path, required=True, help="folder of mosaics, or .npz")
    parser.add_argument("--valid", type=Path, help="the same for validation")
    parser.add_argument("--minutes", type=float, default=Settings.minutes)
    parser.add_argument("--batch", type=int, default=Settings.batch)
    parser.add_argument("--learning-rate", type=float, default=Settings.learning_rate)
    parser.add_argument("--seed", type=int, default=Settings.seed)
    parser.add_argument("--threads", type=int, default=torch.get_num_threads())
    parser.add_argument("--processes", type=int, default=1, help="of one thread each, if many")
    parser.add_argument("--width", type=int)
    parser.add_argument(
        "--blocks", type=int, nargs=3,
        help="residual blocks before each phase; or of Flow++'s flow, dequantizer and its context",
    )  # fmt: skip
    parser.add_argument("--components", type=int)
    parser.add_argument("--heads", type=int, help="of Flow++'s attention")
    parser.add_argument("--dropout", type=float, help="in Flow++'s networks")
    parser.add_argument(
        "--begin", type=Path, metavar="MODEL", help="a new run begins with a photo model's weights"
    )
    parser.add_argument("--variant", choices=VARIANTS, default="", help="a change of the model")
    parser.add_argument(
        "--without", nargs="*", choices=AUGMENTATIONS, default=[], help="augmentations left out"
    )
    parser.add_argument("--side", type=int, default=CROP, help="of what is trained on of a crop")
    parser.add_argument(
        "--rounded", action="store_true", help="train with the rounding of the integer networks"
    )
    parser.add_argument("--export", type=Path, metavar="MODEL", help="export, do not train")
    parser.add_argument("--about", type=Path, metavar="JSON", help="what the card says of the data")
    parser.add_argument(
        "--test", type=Path, help="folder of PNGs, or .npz, whose lengths the card gives"
    )
    given = parser.parse_args()
    if given.family == "photo" and given.valid is None:
        parser.error("a photo model needs --valid")
    changed = given.variant or given.without or given.rounded or given.side != CROP
    if given.family != "photo" and changed:
        parser.error("--variant, --without, --side and --rounded are for the photo model")
    if given.variant and given.rounded:
        parser.error("a --variant has no integer form that it could be --rounded as")

    logging.basicConfig(level=logging.INFO, format="%(asctime)s %(message)s")
    torch.set_num_threads(given.threads)
    config = _config(given)
    train, valid = load_data(config, given.train, given.valid)
    if given.export:
        about = json.loads(given.about.read_text()) if given.about else {}
        if isinstance(config, FlowPPConfig):
            test = load_images(config, given.test) if given.test else None
            export_flowpp(given.run, valid, given.export, about, test)
        else:
            pictures = load_pictures(given.test) if given.test else []
            export(given.run, train, valid, given.export, about, pictures)
        return
    settings = Settings(
        minutes=given.minutes,
        batch=given.batch,
        learning_rate=given.learning_rate,
        seed=given.seed,
        model=config,
        variant=given.variant,
        without=tuple(given.without),
        side=given.side,
        rounded=given.rounded,
    )
    together(given.processes, run, given.run, settings, train, valid, given.begin)


def _config(given: argparse.Namespace) -> Config:
    """The sizes that were given, over those that are usual."""
    names = ("width", "blocks", "components", "heads", "dropout")
    sizes: dict[str, Any] = {n: getattr(given, n) for n in names if getattr(given, n) is not None}
    if given.family == "photo":
        if "blocks" in sizes:
            sizes["blocks"] = tuple(sizes["blocks"])
        return PhotoConfig(**sizes)
    if "blocks" in sizes:
        kinds = ("blocks", "dequantizer_blocks", "context_blocks")
        sizes |= dict(zip(kinds, sizes["blocks"], strict=True))
    return small(PUBLISHED[given.family], **sizes)


if __name__ == "__main__":
    main()
