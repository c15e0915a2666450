"""Whole flows, by layers and as black boxes: exact, and as long as theory says."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import Tensor

from core.coding.auxiliary import auxiliary_words
from core.coding.flowpp.black_box import BlackBox, BlackBoxCode, jacobian_of, upper_factor
from core.coding.flowpp.code import FlowPPCode, fresh_stack
from core.coding.flowpp.flow import FlowCode
from core.coding.flowpp.layers import CouplingCode, MatrixCode, ModularCoder, PublishedCoder
from core.coding.flowpp.line import bin_of, values_of
from core.coding.stack import Stack
from core.control import CancelToken
from core.errors import Cancelled
from core.flows.flowpp import PUBLISHED, Flow, FlowPP, Pointwise, StripeSplit, small
from tests.coding.enumeration import EnumeratingCode
from tests.coding.toy_flows import SHAPE, log2_density, toy_flow

SEEDS = st.integers(0, 2**31 - 1)
GRID = 5  # bits of the grid on which a toy is enumerated
FINE = {"modular": 18, "published": 32, "black box": 24}


def model(name: str, size: int | None = None) -> FlowPP:
    """A small model of random weights, its layers adapted to some images."""
    torch.manual_seed(1)
    made = FlowPP(small(PUBLISHED[name], width=8, blocks=1, components=2, size=size)).eval()
    made.initialise(images(made, 16).float())
    return made


def images(model: FlowPP, count: int, seed: int = 0) -> Tensor:
    """Smooth pictures with noise, (count, 3, size, size) uint8."""
    random = torch.Generator().manual_seed(seed)
    size = model.config.size
    coarse = torch.rand(count, 3, 4, 4, generator=random) * 200 + 20
    smooth = torch.nn.functional.interpolate(coarse, size, mode="bilinear")
    noise = torch.randn(count, 3, size, size, generator=random) * 4
    return (smooth + noise).clamp(0, 255).to(torch.uint8)


def same(stack: Stack, before: np.ndarray) -> bool:
    """Whether a stack holds what it held, with what was borrowed below it."""
    words = stack.words()
    return len(words) == len(before) + stack.borrowed_words and np.array_equal(
        words[stack.borrowed_words :], before
    )


@pytest.mark.parametrize("coder", [ModularCoder(), PublishedCoder()], ids=["modular", "published"])
@pytest.mark.parametrize(("name", "size"), [("cifar10", 16), ("imagenet32", 8), ("imagenet64", 32)])
def test_images_come_back_and_the_stack_with_them(
    name: str, size: int, coder: ModularCoder | PublishedCoder
) -> None:
    network = model(name, size)
    batch = images(network, 3, seed=5)
    code = FlowPPCode(network, coder)
    stack = fresh_stack()
    before = stack.words()
    lengths = code.lengths(batch, stack)
    assert torch.equal(code.decode(stack, 3), batch)
    assert same(stack, before)
    assert abs(lengths.coded_bits_per_dim - lengths.theoretical_bits_per_dim) < 0.03
    assert lengths.alone_bits_per_dim > lengths.coded_bits_per_dim + 8


def test_black_and_white_images_come_back() -> None:
    network = model("cifar10", 8)
    batch = torch.zeros(2, 3, 8, 8, dtype=torch.uint8)
    batch[0] = 255
    batch[1, :, ::2] = 255
    code = FlowPPCode(network, ModularCoder())
    stack = fresh_stack()
    code.encode(stack, batch)
    assert torch.equal(code.decode(stack, 2), batch)


def test_batches_on_one_stack_come_back_last_first() -> None:
    network = model("cifar10", 8)
    code = FlowPPCode(network, ModularCoder())
    stack = fresh_stack()
    batches = [images(network, n, seed=n) for n in (1, 4, 2)]
    for batch in batches:
        code.encode(stack, batch)
    for batch in reversed(batches):
        assert torch.equal(code.decode(stack, len(batch)), batch)


def test_only_the_first_batch_borrows() -> None:
    network = model("cifar10", 8)
    code = FlowPPCode(network, ModularCoder())
    stack = fresh_stack()
    first = code.lengths(images(network, 2), stack)
    # By then the stack has grown by some 8 bits a dimension; 20 batches pay for the next.
    for seed in range(20):
        code.encode(stack, images(network, 2, seed))
    later = code.lengths(images(network, 2), stack)
    assert first.borrowed > 0
    assert later.borrowed == 0


def test_the_black_box_gives_images_back_and_its_length_is_the_others() -> None:
    network = model("cifar10", 4).double()
    batch = images(network, 2, seed=3)
    lengths = {}
    for name, coder in (("modular", ModularCoder()), ("black box", BlackBox())):
        code = FlowPPCode(network, coder)
        stack = fresh_stack()
        before = stack.words()
        lengths[name] = code.lengths(batch, stack)
        assert torch.equal(code.decode(stack, 2), batch)
        assert same(stack, before)
    black, layers = lengths["black box"], lengths["modular"]
    assert abs(black.coded_bits_per_dim - black.theoretical_bits_per_dim) < 0.06
    assert abs(black.coded_bits_per_dim - layers.coded_bits_per_dim) < 0.1  # other u


def test_a_black_box_can_be_stopped() -> None:
    network = model("cifar10", 8).double()
    cancel = CancelToken()
    cancel.cancel()
    code = FlowPPCode(network, BlackBox(), cancel)
    with pytest.raises(Cancelled):
        code.encode(fresh_stack(), images(network, 1))


def test_the_triangle_is_that_of_the_covariance_and_can_be_stopped() -> None:
    torch.manual_seed(3)
    matrix = torch.randn(300, 300, dtype=torch.float64) * torch.logspace(-3, 3, 300).double()
    upper = upper_factor(matrix)
    assert torch.equal(upper, upper.triu())
    _, wanted = torch.linalg.qr(matrix, mode="r")
    signs = torch.sign(torch.diagonal(upper)) * torch.sign(torch.diagonal(wanted))
    error = (upper * signs[:, None] - wanted).abs().amax(1) / wanted.abs().amax(1)
    assert float(error.max()) < 1e-11

    class Stopping(CancelToken):
        n_checks = 0

        def check(self) -> None:
            self.n_checks += 1
            if self.n_checks == 3:
                raise Cancelled

    with pytest.raises(Cancelled):  # in the midst of it
        upper_factor(matrix, Stopping())


def test_the_jacobian_is_that_of_the_whole_flow() -> None:
    flow = toy_flow(4)
    y = torch.tensor([[[[0.3, -0.7]]]], dtype=torch.float64)
    _, jacobian = jacobian_of(flow, y, None)
    wanted = torch.autograd.functional.jacobian(lambda v: flow(v)[0], y).reshape(2, 2)
    assert torch.allclose(jacobian, wanted)
    assert torch.allclose(torch.linalg.slogdet(jacobian)[1], flow(y)[1][0])


def test_a_coupling_is_one_step_on_one_half() -> None:
    network = model("imagenet32", 16)
    steps = FlowCode(network.flow.layers, network.config.image_shape, 18, ModularCoder()).codes
    couplings = [c for c in steps if isinstance(c, CouplingCode)]
    kinds = {type(c).__name__ for c in steps}
    assert len(couplings) == 13
    assert kinds == {"LogitCode", "CouplingCode", "PermutationCode"}  # no normalisation is left


@given(SEEDS, st.integers(1, 6), st.integers(1, 3))
@settings(max_examples=40)
def test_shears_and_what_is_left_make_the_matrix(seed: int, channels: int, count: int) -> None:
    torch.manual_seed(seed)
    shape = (channels, 2, 6)
    layer = Pointwise(StripeSplit(), shape)
    for weight in layer.weights:
        torch.nn.init.orthogonal_(weight)
        weight.data += 0.2 * torch.randn_like(weight)
    scale = torch.rand(1, *shape, dtype=torch.float64) + 0.5
    shift = torch.randn(1, *shape, dtype=torch.float64)
    code = MatrixCode(layer, scale, shift)
    y = torch.randint(-(1 << 20), 1 << 20, (count, *shape))
    stack = fresh_stack()
    before = stack.n_bits
    z = code.encode(stack, y, None)
    assert torch.equal(code.decode(stack, z, None), y)
    assert stack.n_bits == before
    assert (code.scale > 0).all()
    values = (y + 0.5) * 2.0**-18
    wanted, _ = layer.double()(values * scale + shift)
    got = (z + 0.5) * 2.0**-18 * code.scale + code.shift
    assert torch.allclose(got, wanted, atol=2.0**-18 * 60)


# Against the coder that looks at every point


def oracle(seed: int, matrices: bool) -> EnumeratingCode:
    flow = toy_flow(seed, matrices)
    return EnumeratingCode(lambda y: log2_density(flow, y), 2, -8 << GRID, 8 << GRID, GRID)


def test_the_oracle_gives_points_back_and_its_length_is_the_density() -> None:
    code = oracle(3, matrices=False)
    points = drawn(toy_flow(3), 300)
    stack = Stack(auxiliary_words(60))
    before = stack.words()
    for point in points:
        code.encode(stack, point)
    wanted = code.bits[tuple((points - (-8 << GRID)).T)].sum()
    assert abs(stack.n_bits - Stack(before).n_bits - wanted) < 0.05 * len(points)
    for point in reversed(points):
        assert np.array_equal(code.decode(stack), point)
    assert np.array_equal(stack.words(), before)


def drawn(flow: Flow, count: int) -> np.ndarray:
    """Points that the toy itself makes, as places of the oracle's grid: (count, 2)."""
    torch.manual_seed(0)
    with torch.inference_mode():
        y = flow.inverse(torch.randn(count, *SHAPE, dtype=torch.float64))
    return bin_of(y.view(count, 2).numpy(), GRID)


@pytest.mark.parametrize("matrices", [False, True])
@pytest.mark.parametrize("name", ["modular", "published", "black box"])
def test_lengths_are_those_of_the_oracle(name: str, matrices: bool) -> None:
    """Points drawn from the toy, each coded on a finer grid whose last digits were popped."""
    flow, enumerating = toy_flow(7, matrices), oracle(7, matrices)
    count = 150 if name == "black box" else 400
    places = drawn(flow, count)
    wanted = enumerating.bits[tuple((places - (-8 << GRID)).T)].mean()
    fine = FINE[name]
    code: FlowCode | BlackBoxCode
    if name == "black box":
        code = BlackBoxCode(flow, SHAPE, SHAPE, fine, fine, 2.0**-14)
    else:
        coder = ModularCoder(latent_bits=fine) if name == "modular" else PublishedCoder()
        code = FlowCode(flow.layers, SHAPE, fine, coder)
    stack = Stack(auxiliary_words(20_000))
    before = stack.n_bits
    low = stack.pop_bits(2 * count, fine - GRID).reshape(count, 2)
    y = torch.from_numpy((places << (fine - GRID)) | low).view(count, *SHAPE)
    z = code.encode(stack, y)
    code.prior.push(stack, z)
    coded = (stack.n_bits - before) / count
    density = log2_density(flow, values_of(y.view(count, 2).numpy(), fine))
    assert abs(coded - (2 * GRID - density.mean())) < 0.02
    # The oracle has one length for all that lies in a point's cell: another 0.03 by chance.
    assert abs(coded - wanted) < 0.07
    assert torch.equal(code.decode(stack, code.prior.pop(stack, count)), y)
