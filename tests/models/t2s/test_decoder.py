"""The decoder on a CPU: training, cache, batches, sampling."""

import pytest
import torch

from configs.errors import UserError
from models.t2s.config import t2s_config
from models.t2s.generation import GeneratedCodes, generate
from models.t2s.model import TextToSemantic
from models.t2s.sampling import Sampling, draw, penalized, probabilities
from models.t2s.step import T2SBatch, T2SStep
from tests.models.golden_fill import integers, normal
from tests.models.t2s.small import CONFIG

# GPT-SoVITS never ends within its first 11 codes.
BARRED_CODES = 11


@pytest.fixture
def model() -> TextToSemantic:
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(0)
        return TextToSemantic(CONFIG)


def _batch() -> T2SBatch:
    return T2SBatch(
        phone_ids=integers("phones", 0, 20, 2, 7),
        phone_lengths=torch.tensor([7, 4]),
        bert=normal("bert", 2, 6, 7),
        codes=integers("codes", 0, 30, 2, 12),
        code_lengths=torch.tensor([9, 12]),
        utterance_ids=("a", "b"),
    )


@pytest.mark.slow
def test_training_reaches_every_parameter_and_learns_the_batch(model: TextToSemantic) -> None:
    step, batch = T2SStep(model), _batch()
    optimiser = torch.optim.AdamW(model.parameters(), lr=5e-3)
    before = step.validation_losses(batch)
    for _ in range(150):
        (loss,) = step.losses(batch).values()
        optimiser.zero_grad()
        loss.backward()
        assert all(p.grad is not None for p in model.parameters())
        optimiser.step()
    after = step.validation_losses(batch)
    assert model.training
    assert after["cross_entropy"] < 0.3 * before["cross_entropy"]
    assert after["top3_accuracy"] > 0.95


def test_padding_changes_neither_loss_nor_gradient(model: TextToSemantic) -> None:
    batch = _batch()
    loose = batch._replace(
        phone_ids=torch.nn.functional.pad(batch.phone_ids, (0, 3), value=5),
        bert=torch.nn.functional.pad(batch.bert, (0, 3), value=9.0),
        codes=torch.nn.functional.pad(batch.codes, (0, 4), value=7),
    )
    step = T2SStep(model)
    results = []
    for padded in (batch, loose):
        model.zero_grad()
        (loss,) = step.losses(padded).values()
        loss.backward()
        results.append((loss.detach(), model.h.layers[0].linear1.weight.grad.clone()))
    torch.testing.assert_close(results[0], results[1], rtol=1e-4, atol=1e-6)


def _generate(model: TextToSemantic, rows: slice, prompted: bool, seed: int = 0) -> GeneratedCodes:
    batch = _batch()
    longest = int(batch.phone_lengths[rows].max())
    return generate(
        model,
        batch.phone_ids[rows, :longest],
        batch.phone_lengths[rows],
        batch.bert[rows, :, :longest],
        prompt=batch.codes[rows, :5] if prompted else None,
        sampling=Sampling(top_k=1),
        max_codes=20,
        rng=torch.Generator().manual_seed(seed),
    )


@pytest.mark.parametrize("prompted", [True, False])
def test_cached_decoding_equals_full_passes(model: TextToSemantic, prompted: bool) -> None:
    """Every greedy choice is also the best by a pass without a cache over all that precedes it."""
    model.eval()
    batch = _batch()
    sequence = batch.codes[:, : 5 if prompted else 0]
    out = _generate(model, slice(None), prompted)
    for t in range(int(out.lengths.min())):
        n_given = torch.full((2,), sequence.shape[1])
        with torch.no_grad():
            hidden = model(*batch[:3], sequence, n_given)[:, -1]
        logits = penalized(model.ar_predict_layer(hidden), sequence, 1.35)
        if t < BARRED_CODES:
            logits[:, CONFIG.end_id] = -torch.inf
        assert torch.equal(logits.argmax(-1), out.codes[:, t])
        sequence = torch.cat((sequence, out.codes[:, t : t + 1]), dim=1)


@pytest.mark.parametrize("prompted", [True, False])
def test_rows_of_a_batch_are_decoded_as_alone(model: TextToSemantic, prompted: bool) -> None:
    model.eval()
    together = _generate(model, slice(None), prompted)
    for b in range(2):
        alone = _generate(model, slice(b, b + 1), prompted)
        n = int(alone.lengths[0])
        assert int(together.lengths[b]) == n
        assert torch.equal(together.codes[b, :n], alone.codes[0, :n])
        assert bool((together.codes[b, n:] == CONFIG.end_id).all())


def test_decoding_ends_at_the_end_code_but_not_at_once(model: TextToSemantic) -> None:
    model.eval()
    with torch.no_grad():
        # Push the end's logit up whatever the hidden state.
        model.h.layers[-1].norm2.bias.fill_(1.0)
        model.ar_predict_layer.weight[CONFIG.end_id] = 5.0
    out = _generate(model, slice(None), prompted=True)
    assert out.ended.all()
    assert out.lengths.tolist() == [BARRED_CODES] * 2
    assert not (out.codes == CONFIG.end_id).any()


def test_sampling_limits() -> None:
    logits = torch.tensor([[3.0, 2.0, 1.0, 0.0]])
    assert probabilities(logits, Sampling(top_k=2)).count_nonzero() == 2
    # The code that crosses top_p goes too, but the best one always stays.
    assert probabilities(logits, Sampling(top_p=0.1)).tolist() == [[1, 0, 0, 0]]
    cold = probabilities(logits, Sampling(temperature=0.1))
    assert cold[0, 0] > probabilities(logits, Sampling())[0, 0]
    once = penalized(logits, torch.tensor([[0, 0, 0]]), 1.5)
    assert once.tolist() == [[2.0, 2.0, 1.0, 0.0]]
    for wrong in ({"top_k": 0}, {"top_p": 0.0}, {"temperature": 0.0}, {"repetition_penalty": -1.0}):
        with pytest.raises(UserError, match=next(iter(wrong))):
            Sampling(**wrong)


def test_draws_follow_the_probabilities() -> None:
    weights = torch.tensor([[0.7, 0.3, 0.0]]).expand(20000, -1)
    counts = draw(weights, torch.Generator().manual_seed(0)).bincount(minlength=3) / 20000
    torch.testing.assert_close(counts, weights[0], atol=0.02, rtol=0)
    assert counts[2] == 0


def test_impossible_requests_are_refused() -> None:
    with pytest.raises(UserError, match="n_heads"):
        t2s_config("v2", width=100)
    with pytest.raises(UserError, match="v1, v2"):
        t2s_config("v3")
    batch = _batch()
    with pytest.raises(UserError, match="max_codes"):
        generate(
            TextToSemantic(CONFIG),
            *batch[:3],
            sampling=Sampling(),
            max_codes=0,
            rng=torch.Generator(),
        )
