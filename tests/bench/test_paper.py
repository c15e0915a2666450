"""The paper's tables: figures that belong together, and nothing that did not come back."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
import torch
from typer.testing import CliRunner

from app.cli import paper as paper_bench
from core.bench import paper
from core.coding.flowpp.code import FlowPPCode
from core.control import CancelToken
from core.errors import Cancelled, FloeError
from core.flows.flowpp import CIFAR10, FlowPP, small

TINY = small(CIFAR10, width=8, blocks=1, components=2, size=8)


def images(count: int) -> torch.Tensor:
    return torch.from_numpy(
        np.random.default_rng(0).integers(60, 200, (count, 3, 8, 8), dtype=np.uint8)
    )


@pytest.fixture(scope="module")
def model() -> FlowPP:
    return paper.untrained(TINY, images(8))


def test_all_codes_are_measured_on_what_they_were_asked_for(model: FlowPP) -> None:
    told: list[str] = []
    found = paper.measure(
        "tiny", model, images(6), batches=(1, 3), n_timed=2, n_black_box=1, tell=told.append
    )
    codes = [(c.code, c.batch, c.n_images) for c in found.codes]
    assert codes == [
        ("by layers", 1, 2),
        ("by layers", 3, 6),
        ("published constants", 3, 6),
        ("black box", 1, 1),
    ]
    assert [n.batch for n in found.networks] == [1, 3]
    assert len(told) == 6
    for code in found.codes:
        assert code.theoretical_bits_per_dim is not None
        assert abs(code.coded_bits_per_dim - code.theoretical_bits_per_dim) < 0.1
        assert code.alone_bits_per_dim > code.coded_bits_per_dim
        assert code.encode_seconds > 0
        assert code.decode_seconds > 0
    layers, published = found.code("by layers"), found.code("published constants")
    assert layers is not None
    assert published is not None
    assert layers.borrowed_bits_per_dim < 0.7 * published.borrowed_bits_per_dim
    black = found.code("black box")
    one = found.code("by layers", 1)
    assert black is not None
    assert one is not None
    assert found.black_box_ratio() == black.encode_seconds / one.encode_seconds
    assert found.ratio_to_network(3) == layers.encode_seconds / found.networks[1].seconds


def test_what_comes_back_wrong_is_an_error(model: FlowPP, monkeypatch: pytest.MonkeyPatch) -> None:
    decode = FlowPPCode.decode

    def wrong(self: FlowPPCode, stack: object, count: int) -> torch.Tensor:
        return decode(self, stack, count) ^ 1  # type: ignore[arg-type]

    monkeypatch.setattr(FlowPPCode, "decode", wrong)
    with pytest.raises(paper.InexactError, match="other pixels"):
        paper.measure("tiny", model, images(1), batches=(1,))


def test_it_can_be_stopped(model: FlowPP) -> None:
    cancel = CancelToken()
    cancel.cancel()
    with pytest.raises(Cancelled):
        paper.measure("tiny", model, images(1), batches=(1,), cancel=cancel)


def test_the_black_box_is_measured_on_cut_images() -> None:
    (found,) = paper.growth(small(CIFAR10, width=8, blocks=1), images(4), (4,))
    assert found.size == 4
    assert "4x4" in found.model
    assert found.black_box_ratio() is not None


def test_the_command_prints_both_tables_and_json(
    tmp_path: Path, model: FlowPP, monkeypatch: pytest.MonkeyPatch
) -> None:
    from app.cli.main import cli

    found = {
        "trained": [paper.measure("tiny", model, images(2), batches=(1, 2), n_black_box=1)],
        "full_architecture": [],
        "growth": [],
    }
    monkeypatch.setattr(paper_bench, "_measure", lambda *_: found)
    printed = CliRunner().invoke(cli, ["bench", "paper", str(tmp_path)])
    assert printed.exit_code == 0
    assert "the paper's GPU" in printed.output
    record = CliRunner().invoke(cli, ["bench", "paper", str(tmp_path), "--json"])
    codes = json.loads(record.stdout)["trained"][0]["codes"]
    layers = next(c for c in codes if c["code"] == "by layers" and c["batch"] == 2)
    assert f"{layers['coded_bits_per_dim']:.4f}" in printed.output


def test_test_images_that_are_not_there_are_named(tmp_path: Path) -> None:
    with pytest.raises(FloeError, match=r"cifar10_test_1000\.npz"):
        paper_bench.images_of(tmp_path, "cifar10")
    np.savez(tmp_path / "cifar10_test_1000.npz", images=np.zeros((2, 32, 32)))
    with pytest.raises(FloeError, match="not an array"):
        paper_bench.images_of(tmp_path, "cifar10")
    np.savez(tmp_path / "cifar10_test_1000.npz", images=np.zeros((2, 32, 32, 3), np.uint8))
    assert paper_bench.images_of(tmp_path, "cifar10").shape == (2, 3, 32, 32)
