"""The same answers whatever batch, padding, cache and layout: tried with many random shapes."""

from collections.abc import Callable
from copy import deepcopy

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import Tensor
from torch.nn import functional
from torch.utils._python_dispatch import TorchDispatchMode

from configs.errors import UserError
from models.t2s.config import T2SConfig
from models.t2s.generation import generate
from models.t2s.model import TextMask, TextToSemantic, text_visible
from models.t2s.packed import Weights, prepare_for_decoding
from models.t2s.sampling import Sampling
from models.t2s.step import T2SBatch, T2SStep
from models.t2s.stepping import StaticStep, growing_step
from tests.models.t2s.small import random_batch, small_model

MORE = 6
"""Codes decoded one by one after the prompt."""
# Widths are multiples of the packed block count, so every projection is packed.
PACKED = T2SConfig(
    n_symbols=20, n_codes=30, linguistic_channels=6, width=32, n_heads=4, n_layers=2, feed_forward=64
)

cases = settings(max_examples=12, deadline=None)
seeds = st.integers(0, 10_000)
rows = st.integers(1, 5)


def _row(batch: T2SBatch, b: int) -> T2SBatch:
    n_phones, n_codes = int(batch.phone_lengths[b]), int(batch.code_lengths[b])
    return T2SBatch(
        batch.phone_ids[b : b + 1, :n_phones],
        batch.phone_lengths[b : b + 1],
        batch.bert[b : b + 1, :, :n_phones],
        batch.codes[b : b + 1, :n_codes],
        batch.code_lengths[b : b + 1],
        batch.utterance_ids[b : b + 1],
    )


@torch.no_grad()
def _stepped(
    model: TextToSemantic, batch: T2SBatch, kind: Callable[..., Callable[[Tensor], Tensor]]
) -> Tensor:
    """[B, MORE, W]: hidden states after each of `MORE` codes, the last of the batch's."""
    n_given = batch.codes.shape[1] - MORE
    n_phones = batch.phone_ids.shape[1]
    cache = model.empty_cache(len(batch.codes), n_phones + batch.codes.shape[1])
    lengths = torch.full_like(batch.phone_lengths, n_given)
    model(*batch[:3], batch.codes[:, :n_given], lengths, cache=cache)
    seen = text_visible(batch.phone_lengths, n_phones, TextMask.RIGHT)
    seen = functional.pad(seen, (0, batch.codes.shape[1]), value=True)
    step = kind(model, cache, n_given, seen)
    return torch.stack([step(batch.codes[:, n_given + n]).clone() for n in range(MORE)], dim=1)


def _prompted(seed: int, n_rows: int, config: T2SConfig = PACKED) -> T2SBatch:
    """A batch whose codes all are as long as the longest, which is at least `MORE`."""
    batch = random_batch(seed, n_rows, config)
    codes = torch.randint(config.n_codes, (n_rows, batch.codes.shape[1] + MORE))
    return batch._replace(codes=codes, code_lengths=torch.full((n_rows,), codes.shape[1]))


@cases
@given(seeds, rows, st.sampled_from([growing_step, StaticStep]), st.booleans())
def test_stepping_equals_a_pass_over_everything(
    seed: int, n_rows: int, kind: Callable[..., Callable[[Tensor], Tensor]], packed: bool
) -> None:
    model, batch = small_model(seed, PACKED), _prompted(seed, n_rows)
    with torch.no_grad():
        whole = model(*batch[:5])[:, -MORE:]
    stepped = _stepped(prepare_for_decoding(model) if packed else model, batch, kind)
    torch.testing.assert_close(stepped, whole, rtol=1e-4, atol=1e-5)


@pytest.mark.slow
@cases
@given(seeds, st.integers(2, 5), st.sampled_from(["fp32", None]), st.booleans())
def test_rows_decode_as_alone(seed: int, n_rows: int, weights: Weights | None, prompted: bool) -> None:
    model, batch = small_model(seed, PACKED), _prompted(seed, n_rows)
    if weights is not None:
        model = prepare_for_decoding(model, weights)

    def codes(of: T2SBatch) -> list[list[int]]:
        out = generate(
            model,
            *of[:3],
            prompt=of.codes if prompted else None,
            sampling=Sampling(top_k=1),
            max_codes=20,
            rng=torch.Generator(),
        )
        return [row[:n].tolist() for row, n in zip(out.codes, out.lengths.tolist(), strict=True)]

    alone = [codes(_row(batch, b))[0] for b in range(n_rows)]
    assert codes(batch) == alone


@cases
@given(seeds, rows, st.integers(0, 7), st.integers(0, 7))
def test_padding_changes_no_loss(seed: int, n_rows: int, more_phones: int, more_codes: int) -> None:
    model, batch = small_model(seed), random_batch(seed, n_rows)
    step = T2SStep(model)
    loose = batch._replace(
        phone_ids=functional.pad(batch.phone_ids, (0, more_phones), value=3),
        bert=functional.pad(batch.bert, (0, more_phones), value=4.0),
        codes=functional.pad(batch.codes, (0, more_codes), value=5),
    )
    with torch.no_grad():
        expected, padded = (step.losses(b)["cross_entropy"] for b in (batch, loose))
        torch.testing.assert_close(padded, expected, rtol=1e-5, atol=1e-6)
        # The mean over a batch is its rows' means, weighted by how many positions they have.
        counts = batch.code_lengths + 1
        alone = torch.stack([step.losses(_row(batch, b))["cross_entropy"] for b in range(n_rows)])
        torch.testing.assert_close((alone * counts).sum() / counts.sum(), expected, rtol=1e-5, atol=1e-6)


@pytest.mark.parametrize(("weights", "limit"), [("fp32", 1e-5), ("fp16", 5e-3), ("int8", 5e-2)])
@pytest.mark.parametrize("n_rows", [1, 3, 12])
def test_narrow_weights_stay_near_fp32(weights: Weights, limit: float, n_rows: int) -> None:
    model, batch = small_model(1, PACKED), _prompted(1, n_rows)
    exact = _stepped(model, batch, growing_step)
    found = _stepped(prepare_for_decoding(model, weights), batch, growing_step)
    assert (found - exact).norm() / exact.norm() < limit
    if weights != "fp32":
        assert not torch.equal(found, exact)


def test_sizes_that_do_not_fit_blocks_are_decoded_too() -> None:
    model, batch = small_model(2), random_batch(2, 2)
    out = [
        generate(one, *batch[:3], sampling=Sampling(top_k=1), max_codes=15, rng=torch.Generator()).codes
        for one in (model, prepare_for_decoding(deepcopy(model)))
    ]
    assert torch.equal(*out)


def test_unknown_weights_are_refused() -> None:
    with pytest.raises(UserError, match=r"'int4'.*fp32, fp16, int8"):
        prepare_for_decoding(small_model(0), "int4")  # type: ignore[arg-type]


class _Recorded(TorchDispatchMode):
    """Operators and the shapes and addresses of what they return."""

    def __init__(self) -> None:
        super().__init__()
        self.calls: list[tuple[str, tuple[int, ...]]] = []

    def __torch_dispatch__(self, func, types, args=(), kwargs=None):  # type: ignore[no-untyped-def]
        out = func(*args, **(kwargs or {}))
        shape = tuple(out.shape) if isinstance(out, Tensor) else ()
        self.calls.append((str(func), shape))
        return out


def test_static_steps_can_be_recorded_as_a_graph() -> None:
    """A CUDA graph needs the same operators on the same shapes every time and no value on the host."""
    model, batch = small_model(3, PACKED), _prompted(3, 2)
    n_given = batch.codes.shape[1] - MORE
    with torch.no_grad():
        cache = model.empty_cache(2, batch.phone_ids.shape[1] + batch.codes.shape[1])
        lengths = torch.full_like(batch.phone_lengths, n_given)
        model(*batch[:3], batch.codes[:, :n_given], lengths, cache=cache)
        step = StaticStep(model, cache, n_given, None)
        memory = cache.held.data_ptr()
        recorded, results = [], []
        for _ in range(2):
            with _Recorded() as mode:
                results.append(step(batch.codes[:, n_given]))
            recorded.append(mode.calls)
        assert recorded[0] == recorded[1]
        names = {name for name, _ in recorded[0]}
        assert not names & {"aten._local_scalar_dense.default", "aten.nonzero.default", "aten.item.default"}
        assert step.cache.held.data_ptr() == memory
        assert not torch.equal(results[0], results[1])
        step.rewind()
        assert torch.equal(step(batch.codes[:, n_given]), results[0])
