"""Products of matrices are the same whoever computes them."""

import pytest
import torch

from models.layers.cpu.products import batched_product, mkl_is_slow
from tests.models.golden_fill import normal


@pytest.mark.parametrize(("n_outer", "n_inner", "n_columns"), [(1, 1, 1), (3, 5, 7), (65, 33, 17)])
@pytest.mark.parametrize("transposed", [False, True])
def test_products_are_those_of_the_definition(
    n_outer: int, n_inner: int, n_columns: int, transposed: bool
) -> None:
    left = normal("products/left", 4, n_outer, n_inner)
    right = normal("products/right", 4, n_inner, n_columns)
    if transposed:
        left, right = left.mT.contiguous().mT, right.mT.contiguous().mT
    expected = torch.einsum("nmk,nkp->nmp", left.double(), right.double())
    torch.testing.assert_close(batched_product(left, right), expected.float(), rtol=1e-5, atol=1e-5)
    in_double = batched_product(left.double(), right.double())
    torch.testing.assert_close(in_double, expected, rtol=1e-12, atol=1e-12)


@pytest.mark.parametrize(
    ("told", "slow"),
    [
        ({"avx512_f": True, "cpu_name": "AMD EPYC"}, True),
        ({"avx512_f": False, "cpu_name": "AMD EPYC"}, False),
        ({"avx512_f": True, "cpu_name": "Intel Xeon Processor"}, False),
        ({}, False),
    ],
)
def test_mkl_is_left_where_another_makers_cpu_has_avx512(told: dict[str, object], slow: bool) -> None:
    assert mkl_is_slow(told) is slow
