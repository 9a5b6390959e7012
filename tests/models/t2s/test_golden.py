"""The text-to-semantic decoder reproduces GPT-SoVITS's hidden states, losses, gradients and tokens."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor

from models.layers.masking import sequence_mask
from models.t2s.config import t2s_config
from models.t2s.generation import generate
from models.t2s.model import TextMask, TextToSemantic
from models.t2s.preference import preference_loss
from models.t2s.sampling import Sampling, penalized, probabilities
from models.t2s.step import (
    T2SBatch,
    T2SStep,
    cross_entropies,
    log_probabilities,
    top_k_accuracy,
)
from tests.models.golden_fill import error_against, fill, integers, normal, t2s_gain
from tests.models.golden_store import read_table
from tests.models.sovits.golden_case import arrays, case, folder, manifest

pytestmark = pytest.mark.golden


@pytest.fixture(scope="module")
def golden(goldens: Path) -> dict[str, Any]:
    return arrays(goldens, "t2s")


@pytest.fixture(scope="module")
def model(goldens: Path) -> TextToSemantic:
    model = TextToSemantic(t2s_config("v2")).eval()
    assert {name: list(t.shape) for name, t in model.state_dict().items()} == {
        entry["name"]: entry["shape"] for entry in manifest(goldens, "t2s_v2")
    }
    fill(model, t2s_gain)
    return model


def _batch(goldens: Path, model: TextToSemantic) -> T2SBatch:
    tag, sizes, config = case(goldens)["tag"], case(goldens)["t2s"], model.config
    phone_lengths, code_lengths = torch.tensor(sizes["x_lens"]), torch.tensor(sizes["y_lens"])
    n_rows, n_phones, n_codes = len(phone_lengths), max(sizes["x_lens"]), max(sizes["y_lens"])
    phones = sequence_mask(phone_lengths, n_phones)
    ids = integers(f"{tag}/t2s/x", 1, config.n_symbols, n_rows, n_phones)
    bert = normal(f"{tag}/t2s/bert", n_rows, config.linguistic_channels, n_phones)
    return T2SBatch(
        phone_ids=ids * phones,
        phone_lengths=phone_lengths,
        bert=bert * phones[:, None],
        codes=integers(f"{tag}/t2s/y", 0, config.n_codes, n_rows, n_codes),
        code_lengths=code_lengths,
        utterance_ids=tuple(f"row{b}" for b in range(n_rows)),
    )


def _row(batch: T2SBatch, b: int) -> T2SBatch:
    n_phones, n_codes = int(batch.phone_lengths[b]), int(batch.code_lengths[b])
    return T2SBatch(
        phone_ids=batch.phone_ids[b : b + 1, :n_phones],
        phone_lengths=batch.phone_lengths[b : b + 1],
        bert=batch.bert[b : b + 1, :, :n_phones],
        codes=batch.codes[b : b + 1, :n_codes],
        code_lengths=batch.code_lengths[b : b + 1],
        utterance_ids=batch.utterance_ids[b : b + 1],
    )


@pytest.mark.slow
def test_reference_mask_reproduces_hidden_states_loss_and_gradient(
    goldens: Path, model: TextToSemantic, golden: dict[str, Any]
) -> None:
    batch = _batch(goldens, model)
    hidden: list[Tensor] = []
    hook = model.ar_predict_layer.register_forward_pre_hook(lambda _, args: hidden.append(args[0]))
    prediction = T2SStep(model, TextMask.REFERENCE_LEFT).predict(batch)
    hook.remove()
    assert error_against(golden, "old.hidden", hidden[0]) < 1e-4
    assert error_against(golden, "old.logits", prediction.logits) < 1e-4
    loss = cross_entropies(prediction).sum()
    np.testing.assert_allclose(loss.item(), golden["old.loss"], rtol=1e-6)

    names = read_table(folder(goldens), "t2s_param_names.json")
    parameters = dict(model.named_parameters())
    gradients = torch.autograd.grad(loss, [parameters[name] for name in names])
    norms = np.array([float(g.double().norm()) for g in gradients])
    expected = golden["old.gradnorm"]
    assert np.linalg.norm(norms - expected) / np.linalg.norm(expected) < 1e-4


@pytest.mark.slow
def test_preference_against_rejected_sequences_reproduces_the_reference(
    goldens: Path, model: TextToSemantic, golden: dict[str, Any]
) -> None:
    batch = _batch(goldens, model)
    rejected = batch._replace(
        codes=torch.from_numpy(golden["in.reject_y"]),
        code_lengths=torch.from_numpy(golden["in.reject_y_lens"]),
    )
    step = T2SStep(model, TextMask.REFERENCE_LEFT)
    with torch.no_grad():
        chosen, worse = step.predict(batch), step.predict(rejected)
    # The reference counts padding in.
    rows = [log_probabilities(p._replace(mask=torch.ones_like(p.mask))) for p in (chosen, worse)]
    loss = cross_entropies(chosen).sum() + preference_loss(*rows)
    np.testing.assert_allclose(loss.item(), golden["dpo.loss"], rtol=1e-6)
    codes_only = chosen._replace(mask=chosen.targets != model.config.end_id)
    np.testing.assert_allclose(float(top_k_accuracy(codes_only, 3)), golden["dpo.acc_top3"], atol=1e-6)


@pytest.mark.slow
def test_right_mask_gives_each_row_of_a_batch_its_own_loss(
    goldens: Path, model: TextToSemantic, golden: dict[str, Any]
) -> None:
    batch = _batch(goldens, model)
    step = T2SStep(model)
    with torch.no_grad():
        together = step.predict(batch)
        for b in range(len(batch.utterance_ids)):
            alone = step.predict(_row(batch, b))
            np.testing.assert_allclose(
                cross_entropies(alone).sum().item(), golden[f"old.loss_single.{b}"], rtol=1e-6
            )
            n = int(batch.code_lengths[b]) + 1
            torch.testing.assert_close(together.logits[b, :n], alone.logits[0], rtol=1e-4, atol=1e-4)


class _Speech:
    """Inputs of the decoding goldens; `n_phones` cuts the text."""

    def __init__(self, goldens: Path, model: TextToSemantic) -> None:
        tag, sizes, config = case(goldens)["tag"], case(goldens)["t2s"], model.config
        self.n_phones = sizes["P"]
        self.phone_ids = integers(f"{tag}/t2s/px", 1, config.n_symbols, 1, self.n_phones)
        self.bert = normal(f"{tag}/t2s/pbert", 1, config.linguistic_channels, self.n_phones)
        self.prompt = integers(f"{tag}/t2s/prompt", 0, config.n_codes, 1, sizes["Q"])


def _greedy(
    model: TextToSemantic,
    speech: _Speech,
    expected: np.ndarray,
    penalty: float = 1.35,
    prompted: bool = True,
    n_phones: int | None = None,
) -> Tensor:
    """Checks the codes against `expected` [1, N], which holds the prompt and may close with the end id."""
    n_phones = n_phones or speech.n_phones
    prompt = speech.prompt if prompted else speech.prompt[:, :0]
    out = generate(
        model,
        speech.phone_ids[:, :n_phones],
        torch.tensor([n_phones]),
        speech.bert[:, :, :n_phones],
        prompt=prompt,
        sampling=Sampling(top_k=1, repetition_penalty=penalty),
        max_codes=expected.shape[-1] - prompt.shape[1],
        rng=torch.Generator().manual_seed(0),
    )
    tokens = torch.cat((prompt, out.codes), dim=1)
    np.testing.assert_array_equal(tokens.numpy(), expected[:, : tokens.shape[1]])
    assert bool(out.ended[0]) == (expected[0, -1] == model.config.end_id)
    assert expected.shape[1] - tokens.shape[1] == int(out.ended[0])
    return torch.from_numpy(expected[:, :-1].astype(np.int64))


@pytest.mark.slow
@pytest.mark.parametrize(
    ("name", "penalty", "prompted"),
    [
        ("prompt", 1.35, True),
        ("prompt_norep", 1.0, True),
        ("prompt_rep4", 4.0, True),
        ("noprompt", 1.35, False),
    ],
)
def test_greedy_decoding_gives_the_reference_tokens(
    goldens: Path,
    model: TextToSemantic,
    golden: dict[str, Any],
    name: str,
    penalty: float,
    prompted: bool,
) -> None:
    speech = _Speech(goldens, model)
    before_last = _greedy(model, speech, golden[f"greedy.{name}.y"], penalty, prompted)
    n_given = speech.prompt.shape[1] if prompted else 0
    with torch.no_grad():
        hidden = model(
            speech.phone_ids,
            torch.tensor([speech.n_phones]),
            speech.bert,
            before_last,
            torch.tensor([before_last.shape[1]]),
        )
        logits = model.ar_predict_layer(hidden)
    assert error_against(golden, f"greedy.{name}.logits0", logits[:, n_given]) < 1e-4
    assert error_against(golden, f"greedy.{name}.logits_last", logits[:, -1]) < 1e-4


@pytest.mark.slow
def test_batched_decoding_gives_the_tokens_of_single_runs(
    goldens: Path, model: TextToSemantic, golden: dict[str, Any]
) -> None:
    speech = _Speech(goldens, model)
    n_short = speech.n_phones - 7
    _greedy(model, speech, golden["greedy.short.y"], n_phones=n_short)
    lengths = torch.tensor([speech.n_phones, n_short])
    seen = sequence_mask(lengths, speech.n_phones)
    expected = [golden[f"greedy.batch.{b}"][speech.prompt.shape[1] :] for b in range(2)]
    out = generate(
        model,
        speech.phone_ids * seen,
        lengths,
        speech.bert * seen[:, None],
        prompt=speech.prompt.expand(2, -1),
        sampling=Sampling(top_k=1),
        max_codes=max(len(codes) for codes in expected),
        rng=torch.Generator().manual_seed(0),
    )
    for b, codes in enumerate(expected):
        np.testing.assert_array_equal(out.codes[b, : len(codes)].numpy(), codes)


SAMPLERS = [(5, 1.0, 1.0, 1.35), (15, 0.8, 0.7, 1.35), (1, 1.0, 1.0, 1.35), (50, 0.6, 1.3, 1.0)]


@pytest.mark.parametrize(("index", "values"), list(enumerate(SAMPLERS)))
def test_probabilities_follow_the_reference_order(
    goldens: Path, golden: dict[str, Any], index: int, values: tuple[int, float, float, float]
) -> None:
    tag, config = case(goldens)["tag"], t2s_config("v2")
    logits = 3 * normal(f"{tag}/t2s/logits", 2, config.n_codes + 1)
    previous = torch.from_numpy(golden["in.sampler_prev"])
    sampling = Sampling(*values)
    out = probabilities(penalized(logits, previous, sampling.repetition_penalty), sampling)
    assert error_against(golden, f"sampler.{index}", out) < 1e-5
