"""Published weights: each array finds its place, and a file that is not theirs is told in full."""

from __future__ import annotations

import math
from pathlib import Path

import numpy as np
import pytest
import torch
from typer.testing import CliRunner

from app.cli.main import cli
from core.errors import ModelError
from core.flows.flowpp import PUBLISHED, FlowPP, Normalise, published, small
from core.flows.flowpp.files import load_flowpp
from core.flows.flowpp.published import ImportProblems, import_published, sources

EMA = "/ExponentialMovingAverage"


@pytest.fixture(autouse=True)
def small_ones(monkeypatch: pytest.MonkeyPatch) -> None:
    """The full models have up to 169 million parameters; small ones have the same names."""
    monkeypatch.setattr(
        published,
        "PUBLISHED",
        {
            name: small(c, width=8, components=3, size=16, dequantizer_blocks=2, context_blocks=2)
            for name, c in PUBLISHED.items()
        },
    )


def arrays_of(name: str) -> dict[str, np.ndarray]:
    """Random arrays of all names and shapes that a file of the authors has."""
    random = np.random.default_rng(3)
    wanted = sources(FlowPP(published.PUBLISHED[name]))
    shapes = {n: shape for source in wanted.values() for n, shape in source.shapes.items()}
    return {n: random.normal(size=shape).astype(np.float32) for n, shape in shapes.items()}


def write(path: Path, arrays: dict[str, np.ndarray]) -> Path:
    np.savez(path, **arrays)
    return path


@pytest.mark.parametrize(
    ("name", "count", "names"),
    [
        (
            "cifar10",
            31_443_440,  # these are the authors' own counts
            {
                "context_proc/c0/c1/W": (3, 3, 64, 32),
                "context_proc/c2/c2/b": (64,),
                "Norm/norm0/g": (32, 16, 3),
                "Norm_12/norm1/b": (16, 8, 12),
                "Pointwise/W0": (3, 3),
                "Pointwise_8/W1": (6, 6),
                "MixLogisticAttnCoupling/pos_emb": (32, 16, 96),
                "MixLogisticAttnCoupling/block1/conv/a_proj/W": (64, 96),
                "MixLogisticAttnCoupling_1/block0/conv/c1/W": (3, 3, 192, 96),
                "MixLogisticAttnCoupling_4/block9/attn/proj1/W": (96, 288),
                "MixLogisticAttnCoupling_4/block9/attn/proj2/b": (192,),
                "MixLogisticAttnCoupling_12/block0/ln2/g": (1, 1, 1, 96),
                "MixLogisticAttnCoupling_12/proj_out/W": (3, 3, 96, 12 * 98),
            },
        ),
        (
            "imagenet32",
            168_955_724,
            {
                f"context_proc/pos_emb_dq{EMA}": (32, 16, 32),
                f"context_proc/dqattn7/proj1/V{EMA}": (32, 96),
                f"context_proc/ln7/g{EMA}": (32,),
                f"MixLogisticAttnCoupling_20/block19/conv/c2/g{EMA}": (256,),
                f"MixLogisticAttnCoupling_20/c2/V{EMA}": (3, 3, 256, 12 * 98),
            },
        ),
        (
            "imagenet64",
            73_489_960,
            {
                f"context_proc/dqln4/b{EMA}": (32,),
                f"MixLogisticCoupling_3/block4/conv/a_proj/W{EMA}": (64, 96),
                f"MixLogisticCoupling/pos_emb{EMA}": (64, 32, 96),
                f"MixLogisticAttnCoupling/c1/W{EMA}": (3, 3, 12, 96),
                f"MixLogisticAttnCoupling_11/c2/b{EMA}": (192 * 14,),
            },
        ),
    ],
)
def test_names_and_shapes_are_those_of_the_authors(
    name: str, count: int, names: dict[str, tuple[int, ...]]
) -> None:
    with torch.device("meta"):
        full = FlowPP(PUBLISHED[name])
    wanted = sources(full)
    assert wanted.keys() == full.state_dict().keys()
    shapes = [pair for source in wanted.values() for pair in source.shapes.items()]
    assert len(dict(shapes)) == len(shapes)  # no array is read twice
    assert names.items() <= dict(shapes).items()
    assert sum(math.prod(shape) for _, shape in shapes) == count
    assert not any("MixLogisticCoupling" in n and "attn" in n for n, _ in shapes)


def test_arrays_are_turned_about_as_they_must_be(tmp_path: Path) -> None:
    arrays = arrays_of("cifar10")
    model = import_published(write(tmp_path / "c.npz", arrays), "cifar10")
    state = {name: tensor.numpy() for name, tensor in model.state_dict().items()}
    # The second coupling of the main flow is the sixth of all: four are the dequantizer's.
    coupling = "flow.layers.6.network"
    theirs = "MixLogisticAttnCoupling_5"
    conv = arrays[f"{theirs}/block0/conv/c1/W"]
    assert state[f"{coupling}.blocks.0.conv.conv.weight"][5, 2, 1, 0] == conv[1, 0, 2, 5]
    dense = arrays[f"{theirs}/block1/attn/proj1/W"]
    assert np.array_equal(state[f"{coupling}.blocks.1.attention.query_key_value.weight"], dense.T)
    position = arrays[f"{theirs}/pos_emb"]
    assert state[f"{coupling}.position"][7, 3, 2] == position[3, 2, 7]
    norm = arrays[f"{theirs}/block1/ln2/b"]
    assert np.array_equal(state[f"{coupling}.blocks.1.attention_norm.bias"], norm.reshape(-1))
    gain = arrays["Norm_5/norm1/g"]
    assert np.array_equal(state["flow.layers.4.gains.1"], gain.transpose(2, 0, 1))
    assert np.array_equal(state["flow.layers.5.weights.1"], arrays["Pointwise_5/W1"].T)
    assert np.array_equal(
        state["dequantizer.context.blocks.1.conv.gate.bias"], arrays["context_proc/c1/c2/b"]
    )
    assert not any(parameter.requires_grad for parameter in model.parameters())


def test_weight_normalisation_becomes_the_weight_it_stands_for(tmp_path: Path) -> None:
    arrays = arrays_of("imagenet32")
    model = import_published(write(tmp_path / "c.npz", arrays), "imagenet32")
    state = model.state_dict()
    first = next(i for i, layer in enumerate(model.flow.layers) if isinstance(layer, Normalise))
    theirs, ours = "MixLogisticAttnCoupling_8", f"flow.layers.{first + 1}.network"
    for name, layer in (("block0/conv/c1", "blocks.0.conv.conv"),
                        ("block1/conv/c2", "blocks.1.conv.gate")):  # fmt: skip
        direction, length = (
            torch.from_numpy(arrays[f"{theirs}/{name}/{n}{EMA}"]) for n in ("V", "g")
        )
        flat = direction.reshape(-1, len(length)).double()
        expected = (length * flat / flat.norm(dim=0)).float().T
        weight = state[f"{ours}.{layer}.weight"]
        weight = weight.permute(0, 2, 3, 1) if weight.dim() == 4 else weight
        assert torch.allclose(weight.reshape(len(length), -1), expected, rtol=1e-6)


@pytest.mark.parametrize("name", PUBLISHED)
def test_an_imported_model_is_a_model_file(name: str, tmp_path: Path, monkeypatch) -> None:
    file = write(tmp_path / "theirs.npz", arrays_of(name))
    out = tmp_path / "ours.safetensors"
    done = CliRunner().invoke(cli, ["models", "import", str(file), "--model", name, "-o", str(out)])
    assert done.exit_code == 0, done.stderr
    loaded = load_flowpp(out)
    assert loaded.id in done.stdout
    direct = import_published(file, name).state_dict()
    for n, tensor in loaded.network.state_dict().items():
        assert torch.equal(tensor, direct[n]), n
    before = out.read_bytes()
    again = CliRunner().invoke(
        cli, ["models", "import", str(file), "--model", name, "-o", str(out)]
    )
    assert again.exit_code == 1
    assert "--overwrite" in again.stderr
    assert out.read_bytes() == before


def test_every_wrong_array_is_named(tmp_path: Path) -> None:
    arrays = arrays_of("cifar10")
    del arrays["Norm_3/norm0/g"], arrays["context_proc/c0/c1/W"]
    arrays["Pointwise_2/W0"] = arrays["Pointwise_2/W0"][:2]
    arrays["Pointwise_2/W1"] = np.eye(3, dtype=np.int32)
    arrays["Norm_1/norm0/b"][0, 0, 0] = np.nan
    arrays["Adam/beta"] = np.zeros(1)
    file, out = write(tmp_path / "theirs.npz", arrays), tmp_path / "ours.safetensors"
    with pytest.raises(ImportProblems) as caught:
        import_published(file, "cifar10")
    assert sorted(caught.value.problems) == [
        "missing: Norm_3/norm0/g, (16, 8, 3)",
        "missing: context_proc/c0/c1/W, (3, 3, 8, 4)",
        "no floating-point numbers: Pointwise_2/W1, int32",
        "not finite: Norm_1/norm0/b",
        "not wanted: Adam/beta",
        "of another shape: Pointwise_2/W0, (2, 3), not (3, 3)",
    ]
    done = CliRunner().invoke(
        cli, ["models", "import", str(file), "--model", "cifar10", "-o", str(out)]
    )
    assert done.exit_code == 1
    assert all(f"floe: {problem}" in done.stderr for problem in caught.value.problems)
    assert "6 arrays are wrong" in done.stderr.splitlines()[-1]
    assert not out.exists()


def test_a_file_of_another_model_is_told(tmp_path: Path) -> None:
    file = write(tmp_path / "theirs.npz", arrays_of("imagenet64"))
    with pytest.raises(ImportProblems, match="name the model that the file is of"):
        import_published(file, "imagenet32")


@pytest.mark.parametrize("content", [b"", b"PK\x03\x04 and no more", b"x" * 1000])
def test_what_is_no_npz_is_told(content: bytes, tmp_path: Path) -> None:
    file = tmp_path / "theirs.npz"
    file.write_bytes(content)
    with pytest.raises(ModelError, match=r"theirs\.npz"):
        import_published(file, "cifar10")
    with pytest.raises(ModelError, match="cannot be read"):
        import_published(tmp_path / "nothing.npz", "cifar10")


def test_no_object_of_a_file_is_made(tmp_path: Path) -> None:
    arrays: dict[str, np.ndarray] = arrays_of("cifar10")
    arrays["Norm/norm0/g"] = np.array([{"a": 1}], dtype=object)
    with pytest.raises(ModelError, match="damaged"):
        import_published(write(tmp_path / "theirs.npz", arrays), "cifar10")


def test_models_are_listed(tmp_path: Path) -> None:
    from core.flows.flowpp.files import save_flowpp

    torch.manual_seed(1)
    path = tmp_path / "mine.safetensors"
    save_flowpp(FlowPP(small(PUBLISHED["cifar10"], width=8, size=8)), path, torch.float16)
    done = CliRunner().invoke(cli, ["models", "list", str(path)])
    assert done.exit_code == 0, done.stderr
    for text in ("31,443,440", "168,601,286", "73,489,960", load_flowpp(path).id, "photo-"):
        assert text in done.stdout
