"""The convolution with fewer products is the convolution, forwards and backwards."""

import pytest
import torch
from torch import Tensor
from torch.nn import functional

from models.layers.conv import NormedConv1d, NormedConv2d, held_weights
from models.layers.cpu.winograd import correlate
from tests.models.golden_fill import integers, normal

WIDE = 512


def _arguments(seed: int) -> list[Tensor]:
    n_rows, n_in, n_out, height, period = integers(f"winograd/sizes/{seed}", 1, 14, 5).tolist()
    shapes = ((n_rows, n_in, height, period), (n_out, n_in, 5), (n_out,))
    return [
        normal(f"winograd/{seed}/{i}", *shape).double().requires_grad_() for i, shape in enumerate(shapes)
    ]


def _by_definition(x: Tensor, weight: Tensor, bias: Tensor) -> Tensor:
    return functional.conv2d(x, weight[..., None], bias, padding=(2, 0))


@pytest.mark.parametrize("seed", range(12))
def test_values_and_gradients_are_those_of_the_definition(seed: int) -> None:
    arguments = _arguments(seed)
    ours, expected = correlate(*arguments, padding=2), _by_definition(*arguments)
    torch.testing.assert_close(ours, expected, rtol=1e-9, atol=1e-9)
    towards = normal(f"winograd/{seed}/towards", *ours.shape).double()
    for a, b in zip(
        torch.autograd.grad(ours, arguments, towards),
        torch.autograd.grad(expected, arguments, towards),
        strict=True,
    ):
        torch.testing.assert_close(a, b, rtol=1e-9, atol=1e-9)


@pytest.mark.parametrize("height", [1, 6])
def test_one_row_and_odd_heights_pass_the_gradient_check(height: int) -> None:
    x, weight, bias = (
        normal(f"winograd/check/{shape}", *shape).double().requires_grad_()
        for shape in ((1, 2, height, 2), (3, 2, 5), (3,))
    )
    assert torch.autograd.gradcheck(lambda *given: correlate(*given, padding=2), (x, weight, bias))


def test_wide_layers_agree_with_the_definition_in_single_precision() -> None:
    flat, folded = NormedConv1d(WIDE, WIDE, 5, padding=2), NormedConv2d(WIDE, WIDE, (5, 1), padding=(2, 0))
    for layer, x in ((flat, normal("wide", 1, WIDE, 9)), (folded, normal("wide", 1, WIDE, 9, 3))):
        weight = layer.effective_weight().double()
        convolve = functional.conv1d if x.ndim == 3 else functional.conv2d
        expected = convolve(x.double(), weight, layer.bias.double(), padding=layer.padding)
        error = (layer(x) - expected).norm() / expected.norm()
        assert error < 5e-6


def test_held_weights_give_the_definitions_values_and_input_gradient() -> None:
    layer = NormedConv2d(WIDE, WIDE, (5, 1), padding=(2, 0))
    x = normal("held", 1, WIDE, 9, 3).requires_grad_()
    expected = functional.conv2d(x, layer.effective_weight(), layer.bias, padding=(2, 0))
    with held_weights(layer):
        held = layer(x)
    torch.testing.assert_close(held, expected, rtol=1e-6, atol=1e-6)
    (ours,) = torch.autograd.grad(held.square().sum(), x)
    (theirs,) = torch.autograd.grad(expected.square().sum(), x)
    torch.testing.assert_close(ours, theirs, rtol=1e-4, atol=1e-4)
    assert layer.weight_v.grad is None


def test_held_weights_are_let_go() -> None:
    layer = NormedConv1d(3, 3, 5, padding=2)
    x = normal("let go", 1, 3, 9)
    with held_weights(layer):
        before = layer(x)
    with torch.no_grad():
        layer.weight_g.mul_(2)
        layer.bias.mul_(2)
    torch.testing.assert_close(layer(x), 2 * before)


def test_autocast_decides_the_precision_of_wide_layers_too() -> None:
    layer = NormedConv1d(WIDE, WIDE, 5, padding=2)
    with torch.autocast("cpu", torch.bfloat16):
        assert layer(normal("autocast", 1, WIDE, 9)).dtype == torch.bfloat16
