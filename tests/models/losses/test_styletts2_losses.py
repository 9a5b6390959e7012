"""StyleTTS 2's losses against their definitions, one utterance and one entry at a time."""

import statistics

import numpy as np
import pytest
import torch
from torch import Tensor
from torch.nn import functional

from models.losses.durations import duration_losses, length_loss, soft_alignment
from models.losses.relativistic import (
    TAU,
    relativistic_discriminator_loss,
    relativistic_generator_loss,
)
from models.losses.spectral import SOFTEST, MultiResolutionMelLoss, MultiResolutionStftLoss
from tests.models.golden_fill import normal, test_wave


def _tprls(higher: Tensor, lower: Tensor) -> float:
    differences = (higher - lower).flatten().tolist()
    middle = statistics.median_low(differences)
    below = [(d - middle) ** 2 for d in differences if d < middle]
    return min(TAU, sum(below) / len(below)) if below else 0.0


@pytest.mark.parametrize("scale", [0.05, 0.3, 3.0])
@pytest.mark.parametrize("n", [1, 2, 7, 30])
def test_tprls_is_the_mean_of_what_lies_below_the_median(scale: float, n: int) -> None:
    real, fake = (
        [scale * normal(f"real/{i}", 2, n) for i in range(2)],
        [scale * normal(f"fake/{i}", 2, n) for i in range(2)],
    )
    by_hand = sum(_tprls(r, f) for r, f in zip(real, fake, strict=True))
    assert float(relativistic_discriminator_loss(real, fake)) == pytest.approx(by_hand, abs=1e-6)
    by_hand = sum(_tprls(f, r) for r, f in zip(real, fake, strict=True))
    assert float(relativistic_generator_loss(real, fake)) == pytest.approx(by_hand, abs=1e-6)


@pytest.mark.parametrize("loss", [relativistic_discriminator_loss, relativistic_generator_loss])
def test_constant_scores_have_no_tprls_and_no_gradient(loss: object) -> None:
    real, fake = torch.full((2, 9), 0.4), torch.full((2, 9), 0.1, requires_grad=True)
    value = loss([real], [fake])  # type: ignore[operator]
    value.backward()
    assert value == 0
    assert fake.grad is not None and not fake.grad.any()


def test_mel_loss_is_zero_for_the_same_and_takes_any_length() -> None:
    distance = MultiResolutionMelLoss()
    wave = torch.stack([test_wave("wave", 5_000, 24_000), 0.3 * test_wave("other", 5_000, 24_000)])
    assert distance(wave, wave) == 0
    near, far = distance(wave + 0.001 * normal("n", 2, 5_000), wave), distance(wave.flip(0), wave)
    assert 0 < near < far
    silence = torch.zeros(1, 3_000, requires_grad=True)
    distance(silence, wave[:1, :3_000]).backward()
    assert silence.grad is not None and silence.grad.isfinite().all()


def _magnitudes(wave: np.ndarray, n_fft: int, hop: int, window: int) -> np.ndarray:
    """Frame by frame, by Fourier sums in double precision; reflected edges, the window in the middle."""
    padded = np.pad(wave, n_fft // 2, mode="reflect")
    taper = np.zeros(n_fft)
    first = (n_fft - window) // 2
    taper[first : first + window] = 0.5 - 0.5 * np.cos(2 * np.pi * np.arange(window) / window)
    fourier = np.exp(-2j * np.pi * np.outer(np.arange(n_fft // 2 + 1), np.arange(n_fft)) / n_fft)
    frames = range(0, len(wave) + 1, hop)
    return np.stack([np.abs(fourier @ (taper * padded[at : at + n_fft])) for at in frames], axis=1)


@pytest.mark.slow
def test_stft_loss_is_convergence_and_log_magnitude_at_each_resolution() -> None:
    real = torch.stack([test_wave("wave", 2_600, 24_000), 0.3 * test_wave("other", 2_600, 24_000)])
    fake = (0.8 * real + 0.01 * normal("n", 2, 2_600)).requires_grad_()
    found = MultiResolutionStftLoss()(fake, real)
    by_hand = []
    for resolution in ((512, 50, 240), (1024, 120, 600), (2048, 240, 1200)):
        meant, made = (
            np.stack([_magnitudes(row, *resolution) for row in wave.detach().double().numpy()])
            for wave in (real, fake)
        )
        meant, made = np.maximum(meant, SOFTEST), np.maximum(made, SOFTEST)
        convergence = np.sqrt(((meant - made) ** 2).sum()) / np.sqrt((meant**2).sum())
        by_hand.append(convergence + np.abs(np.log(meant) - np.log(made)).mean())
    assert float(found.detach()) == pytest.approx(sum(by_hand) / 3, rel=1e-4)
    found.backward()
    assert fake.grad is not None and fake.grad.isfinite().all() and fake.grad.any()


def test_stft_loss_is_zero_for_the_same_and_bears_silence() -> None:
    distance = MultiResolutionStftLoss()
    wave = test_wave("wave", 5_000, 24_000)[None]
    assert distance(wave, wave) == 0
    silence = torch.zeros_like(wave, requires_grad=True)
    distance(silence, wave).backward()
    assert silence.grad is not None and silence.grad.isfinite().all()
    assert distance(wave, torch.zeros_like(wave)).isfinite()


def test_duration_losses_are_means_over_utterances_and_blind_to_padding() -> None:
    lengths, n_bins = [6, 2, 4], 8
    logits = 2 * normal("logits", 3, 6, n_bins)
    durations = torch.tensor([[1.0, 3, 2, 8, 9, 1], [2, 3, 7, 7, 7, 7], [1, 1, 0, 4, 5, 5]])
    found = duration_losses(logits, durations, torch.tensor(lengths))
    l1, entropy = [], []
    for row, n in enumerate(lengths):
        target = torch.tensor([[float(k < d) for k in range(n_bins)] for d in durations[row, :n]])
        entropy.append(functional.binary_cross_entropy_with_logits(logits[row, :n], target))
        errors = (logits[row, :n].sigmoid().sum(1) - durations[row, :n]).abs()[1 : n - 1]
        l1.append(errors.mean() if n > 2 else torch.tensor(0.0))
    torch.testing.assert_close(found.l1, torch.stack(l1).mean())
    torch.testing.assert_close(found.cross_entropy, torch.stack(entropy).mean())


def test_length_is_that_of_the_whole_utterance_and_blind_to_padding() -> None:
    predicted = torch.tensor([[1.0, 4.0, 2.5, 9.0], [2.0, 2.0, 7.0, 7.0]], requires_grad=True)
    durations = torch.tensor([[2.0, 3.0, 2.0, 8.0], [3.0, 2.0, 5.0, 0.0]])
    found = length_loss(predicted, durations, torch.tensor([3, 2]))
    torch.testing.assert_close(found, torch.tensor((0.5 / 3 + 1.0 / 2) / 2))
    found.backward()
    assert predicted.grad is not None
    assert predicted.grad.ne(0).sum(1).tolist() == [3, 2]


def test_soft_alignment_of_a_row_does_not_depend_on_its_batch() -> None:
    lengths = torch.tensor([7, 3, 5])
    logits = normal("logits", 3, 7, 10) - 0.5
    together = soft_alignment(logits, lengths)
    for row, n in enumerate(lengths.tolist()):
        alone = soft_alignment(logits[row : row + 1, :n], lengths[row : row + 1])
        n_frames = alone.lengths[0]
        assert together.lengths[row] == n_frames
        attention = together.attention[row]
        torch.testing.assert_close(attention[:n, :n_frames], alone.attention[0], rtol=1e-5, atol=1e-6)
        assert not attention[n:].any() and not attention[:, n_frames:].any()
        torch.testing.assert_close(attention.sum(0)[:n_frames], torch.ones(n_frames))


def test_soft_alignment_is_its_sum_over_bins() -> None:
    n_tokens, n_bins, sigma = 4, 6, 1.1
    logits = normal("sum", 1, n_tokens, n_bins).double()
    found = soft_alignment(logits, torch.tensor([n_tokens]), sigma)
    durations = logits[0].sigmoid().sum(1)
    centres = durations.cumsum(0) - durations / 2
    n_frames = round(float(durations.sum()))
    assert found.lengths == (n_frames,)
    scores = torch.zeros(n_tokens, n_frames, dtype=torch.float64)
    for t in range(n_frames):
        for k in range(min(n_bins, t + 1)):
            bell = torch.exp(-((t - (centres + k - 1)) ** 2) / (2 * sigma**2))
            scores[:, t] += logits[0, :, k] * bell
    torch.testing.assert_close(found.attention[0].double(), scores.softmax(0), rtol=0, atol=1e-5)


def test_tokens_that_hardly_sound_still_make_a_frame() -> None:
    found = soft_alignment(torch.full((1, 3, 5), -20.0), torch.tensor([3]))
    assert found.lengths == (1,) and found.attention.isfinite().all()


@pytest.mark.parametrize("loss", [MultiResolutionMelLoss(24_000), MultiResolutionStftLoss()])
def test_a_loss_has_no_weights_that_a_checkpoint_would_hold(loss: torch.nn.Module) -> None:
    assert not loss.state_dict()
