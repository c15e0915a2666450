"""Files of Flow++ models: what is stored is what is used, and anyone may have written them."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
import torch
from safetensors.torch import load_file, save_file
from torch import Tensor

from core.errors import ModelError
from core.flows.flowpp import CIFAR10, PUBLISHED, FlowPP, small
from core.flows.flowpp.files import load_flowpp, save_flowpp

CONFIG = small(CIFAR10, width=8, blocks=1, components=2, size=8, dropout=0.25)


@pytest.fixture
def file(tmp_path: Path) -> Path:
    torch.manual_seed(4)
    path = tmp_path / "model.safetensors"
    save_flowpp(FlowPP(CONFIG), path)
    return path


def rewritten(file: Path, tensors: dict[str, Tensor] | None = None, **about: str) -> Path:
    from safetensors import safe_open

    with safe_open(file, "pt") as opened:
        metadata = {**opened.metadata(), **about}
    save_file(tensors if tensors is not None else load_file(file), file, metadata)
    return file


@pytest.mark.parametrize("kind", [torch.float16, torch.float32])
def test_what_is_stored_is_what_is_used(kind: torch.dtype, tmp_path: Path) -> None:
    torch.manual_seed(4)
    path = tmp_path / "model.safetensors"
    made = FlowPP(CONFIG)
    save_flowpp(made, path, kind)
    loaded = load_flowpp(path)
    assert loaded.config == CONFIG
    assert not loaded.network.training
    for name, tensor in loaded.network.state_dict().items():
        assert tensor.dtype == torch.float32
        assert torch.equal(tensor, made.state_dict()[name].to(kind).float())
    assert loaded.id.startswith("flowpp-cifar10-")
    assert load_flowpp(path).id == loaded.id
    x = torch.randint(0, 256, (2, 3, 8, 8)).float()
    torch.manual_seed(1)
    assert torch.isfinite(loaded.network.bits(x)).all()


def test_the_same_model_is_the_same_file(file: Path, tmp_path: Path) -> None:
    for i in range(4):
        again = tmp_path / f"{i}.safetensors"
        save_flowpp(load_flowpp(file).network, again)
        assert again.read_bytes() == file.read_bytes()
        plain = tmp_path / "plain"
        plain.write_bytes(b"")
        assert again.stat().st_mode == plain.stat().st_mode
    assert not list(tmp_path.glob("*.partial"))


def test_no_model_that_is_no_number_is_written(tmp_path: Path) -> None:
    made = FlowPP(CONFIG)
    with torch.no_grad():
        next(made.parameters()).fill_(1e6)  # more than 16 bits can hold
    with pytest.raises(ModelError, match="no number"):
        save_flowpp(made, tmp_path / "model.safetensors", torch.float16)
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    ("key", "value"),
    [
        ("width", 0), ("width", 10_000), ("width", "8"), ("width", 9), ("width", True),
        ("blocks", -1), ("size", 7), ("size", 6), ("size", 4096), ("heads", 0),
        ("components", 1.5), ("components", 10**30), ("name", "photo"), ("name", None),
        ("dropout", 1.0), ("dropout", -0.1), ("dropout", "no"), ("layout", 4),
    ],
)  # fmt: skip
def test_sizes_that_are_none_are_refused(file: Path, key: str, value: object) -> None:
    from safetensors import safe_open

    with safe_open(file, "pt") as opened:
        config = json.loads(opened.metadata()["flowpp"])
    rewritten(file, flowpp=json.dumps({**config, key: value}))
    with pytest.raises(ModelError, match="sizes"):
        load_flowpp(file)


@pytest.mark.parametrize("text", ["", "{", "[]", "7", "null", "[" * 5000, "{" * 5000, "{}"])
def test_metadata_that_is_none_is_refused(file: Path, text: str) -> None:
    with pytest.raises(ModelError, match="sizes"):
        load_flowpp(rewritten(file, flowpp=text))


def test_other_families_and_formats_are_refused(file: Path) -> None:
    rewritten(file, flowpp='{"format": "2"}')
    with pytest.raises(ModelError, match="format 1"):
        load_flowpp(file)
    save_file({"x": torch.zeros(1)}, file, {"family": "photo", "format": "1"})
    with pytest.raises(ModelError, match="not a Flow"):
        load_flowpp(file)


def test_tensors_must_be_the_models_own(file: Path) -> None:
    right = load_file(file)
    name = "flow.layers.3.network.first.weight"

    def refused(changed: dict[str, Tensor], match: str) -> None:
        with pytest.raises(ModelError, match=match):
            load_flowpp(rewritten(file, changed))

    assert name in right
    refused({n: t for n, t in right.items() if n != name}, f"lacks {name}")
    refused({**right, "another": torch.zeros(1)}, "surplus another")
    refused({**right, name: right[name][:, :2].contiguous()}, name)
    refused({**right, name: right[name].to(torch.int32)}, name)
    refused({**right, name: torch.full_like(right[name], torch.nan)}, "no number")


def test_damaged_files_are_told(file: Path) -> None:
    content = file.read_bytes()
    for damaged in (b"", content[:-1], content[: len(content) // 2], b"\xff" * 100):
        file.write_bytes(damaged)
        with pytest.raises(ModelError, match="damaged"):
            load_flowpp(file)
    with pytest.raises(ModelError, match="cannot be read"):
        load_flowpp(file.parent / "nothing.safetensors")


def test_a_name_is_a_bundled_model() -> None:
    from core.flows.flowpp.files import bundled_flowpp

    there = {path.stem.removeprefix("flowpp-") for path in bundled_flowpp()}
    for name in PUBLISHED:
        if name in there:
            assert load_flowpp(name).config.name == name
        else:
            with pytest.raises(ModelError, match=f"no model {name}"):
                load_flowpp(name)
