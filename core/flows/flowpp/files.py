"""Files of Flow++ models: safetensors with the model's sizes, read as anyone may have written them.

What is stored is what is used: weights of 16 bits are loaded as the numbers that they are.
"""

from __future__ import annotations

import hashlib
import importlib.resources
import json
from dataclasses import dataclass, replace
from pathlib import Path

import torch
from safetensors import SafetensorError, safe_open
from safetensors.torch import save_file
from torch import Tensor

from core.errors import ModelError
from core.flows.flowpp.config import PUBLISHED, FlowPPConfig
from core.flows.flowpp.model import FlowPP

FORMAT = "1"

#: No model file is longer; the largest published model takes 675 MB.
MAX_MODEL_BYTES = 2**30

_MAX_METADATA_CHARACTERS = 10_000

#: What a file may say of a model's sizes, and the largest that each may be. All else is as in the
#: published model of its name.
_LARGEST = {
    "size": 128,
    "width": 512,
    "blocks": 64,
    "dequantizer_blocks": 64,
    "components": 64,
    "context_blocks": 64,
    "context_width": 256,
    "heads": 64,
}


@dataclass(frozen=True)
class FlowPPModel:
    """A Flow++ model ready to be used, and its name."""

    id: str  # of the published model that it is of, and a hash of the file
    network: FlowPP
    path: Path

    @property
    def config(self) -> FlowPPConfig:
        """The model's sizes."""
        return self.network.config

    @property
    def parameters(self) -> int:
        """How many numbers the model consists of."""
        return parameter_count(self.network)


def parameter_count(network: FlowPP) -> int:
    """How many numbers a model consists of."""
    return sum(parameter.numel() for parameter in network.parameters())


def bundled_flowpp() -> list[Path]:
    """The files of the models that come with the program."""
    folder = importlib.resources.files("resources") / "models"
    names = (f"flowpp-{name}.safetensors" for name in PUBLISHED)
    paths = (Path(str(folder / name)) for name in names)
    return [path for path in paths if path.is_file()]


def load_flowpp(source: str | Path) -> FlowPPModel:
    """A model by its name (``cifar10``), if it comes with the program, or of a file.

    The file may be anyone's. Raises ModelError.
    """
    path = Path(source)
    if str(source) in PUBLISHED:
        bundled = {path.stem: path for path in bundled_flowpp()}
        if f"flowpp-{source}" not in bundled:
            raise ModelError(f"no model {source} comes with this program; name a file")
        path = bundled[f"flowpp-{source}"]
    try:
        if path.stat().st_size > MAX_MODEL_BYTES:
            raise ModelError("there is no model file above 1 GiB")
        with safe_open(path, "pt") as file:
            config = _config(file.metadata() or {})
            tensors = {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118
        with path.open("rb") as opened:
            digest = hashlib.file_digest(opened, "sha256").hexdigest()
        return FlowPPModel(f"flowpp-{config.name}-{digest[:8]}", _network(config, tensors), path)
    except OSError as error:
        raise ModelError(f"{path}: the model cannot be read ({error})") from error
    except SafetensorError as error:
        raise ModelError(f"{path}: the model file is damaged, or none ({error})") from error
    except ModelError as error:
        raise ModelError(f"{path}: {error}") from error


def save_flowpp(model: FlowPP, path: Path, dtype: torch.dtype = torch.float32) -> None:
    """Writes a model's weights, rounded to the type, with its sizes."""
    state = {name: tensor.to(dtype).contiguous() for name, tensor in model.state_dict().items()}
    bad = [name for name, tensor in state.items() if not bool(torch.isfinite(tensor).all())]
    if bad:
        raise ModelError(f"{path}: not written, as {bad[0]} holds what is no number")
    about = {name: getattr(model.config, name) for name in ("name", "dropout", *_LARGEST)}
    text = json.dumps({"format": FORMAT, **about}, sort_keys=True)
    partial = path.with_name(path.name + ".partial")
    partial.touch()
    mode = partial.stat().st_mode
    # One entry, since several come in an order by chance, and a model's id is a hash of its file.
    save_file(state, partial, {"flowpp": text})
    partial.chmod(mode)  # what is written is its owner's alone
    partial.replace(path)


def _config(about: dict[str, str]) -> FlowPPConfig:
    """The sizes of a model: those of a published one, where they are not the file's own."""
    wrong = ModelError("the model's sizes are not those of a Flow++ model")
    text = about.get("flowpp")
    if text is None:
        raise ModelError("not a Flow++ model")
    if len(text) > _MAX_METADATA_CHARACTERS or "[" in text or text.count("{") > 1:
        raise wrong  # nested ones may go deep
    try:
        given = json.loads(text)
        if given.pop("format") != FORMAT:
            raise ModelError(f"not a Flow++ model of format {FORMAT}; this Floe reads no other")
        published = PUBLISHED[given.pop("name")]
        dropout = given.pop("dropout")
    except (ValueError, TypeError, KeyError, AttributeError) as error:
        raise wrong from error
    fits = given.keys() == _LARGEST.keys() and all(
        type(size) is int and 1 <= size <= _LARGEST[name] for name, size in given.items()
    )
    if not fits or type(dropout) is not float or not 0 <= dropout < 1:
        raise wrong
    try:
        return replace(published, dropout=dropout, **given)
    except ValueError as error:
        raise ModelError(f"{wrong} ({error})") from error


def _network(config: FlowPPConfig, tensors: dict[str, Tensor]) -> FlowPP:
    """The model of tensors that must be its own to the last one, ready for inference."""
    with torch.device("meta"):
        network = FlowPP(config)
    wanted = {name: tuple(tensor.shape) for name, tensor in network.state_dict().items()}
    wrong = sorted(wanted.keys() ^ tensors.keys())
    if wrong:
        which = "lacks" if wrong[0] in wanted else "has a surplus"
        raise ModelError(f"the model {which} {wrong[0]} ({len(wrong)} such names)")
    for name, tensor in tensors.items():
        if tuple(tensor.shape) != wanted[name] or tensor.dtype not in _KINDS:
            shape = f"{tuple(tensor.shape)} {tensor.dtype}"
            raise ModelError(f"{name} of the model is {shape}, not {wanted[name]} float")
        if not bool(torch.isfinite(tensor).all()):
            raise ModelError(f"{name} of the model holds what is no number")
    weights = {name: tensor.float() for name, tensor in tensors.items()}
    network.load_state_dict(weights, assign=True)
    network.to(memory_format=torch.channels_last)  # type: ignore[call-overload]
    return network.eval().requires_grad_(False)


_KINDS = (torch.float16, torch.float32)
