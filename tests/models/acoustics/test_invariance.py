"""What must not change a row's numbers: company, padding, layout of memory, the way of computing."""

import math

import pytest
import torch
from torch import Tensor, nn
from torch.nn import functional
from torch.nn.utils.rnn import pack_padded_sequence, pad_packed_sequence

from configs.errors import UserError
from models.acoustics.adain import AdaptiveInstanceNorm, normed_snake, snake
from models.acoustics.decoder import Decoder, DecoderConfig
from models.acoustics.durations import hard_alignment, predicted_durations, whole_frames
from models.acoustics.fourier import ShortFourier
from models.acoustics.lstm import BidirectionalLstm
from models.acoustics.plbert import PhonemeBert, PhonemeBertConfig
from models.acoustics.prosody import ProsodyPredictor
from models.acoustics.spectral_norm import SpectralConv2d
from models.acoustics.style_encoder import MIN_FRAMES, StyleEncoder
from models.acoustics.text_encoder import TextEncoder
from models.layers.masking import sequence_mask
from tests.models import styletts2_golden as golden
from tests.models.golden_fill import integers, normal

SEEDS = range(3)
CLOSE = {"rtol": 1e-4, "atol": 1e-5}
ISTFT = DecoderConfig(
    channels=24, style_dim=8, hidden=32, text_channels=8, upsample_initial=32, resblock_kernels=(3, 7)
)
HIFI = DecoderConfig(
    kind="hifigan",
    channels=24,
    style_dim=8,
    hidden=32,
    text_channels=8,
    upsample_rates=(10, 5, 3, 2),
    upsample_kernels=(20, 10, 6, 4),
    upsample_initial=32,
    resblock_kernels=(3, 7),
)
DECODERS = pytest.mark.parametrize("config", (ISTFT, HIFI), ids=("istftnet", "hifigan"))


def _decoder(config: DecoderConfig, seed: int) -> Decoder:
    decoder = Decoder(config).eval()
    golden.fill_with_salt(f"small/{seed}/", "decoder", decoder)
    return decoder


def _decoder_inputs(seed: int, n_rows: int, n_frames: int) -> tuple[Tensor, ...]:
    return (
        normal(f"dec/asr/{seed}", n_rows, 24, n_frames),
        normal(f"dec/f0/{seed}", n_rows, 2 * n_frames).abs() * 150,
        normal(f"dec/energy/{seed}", n_rows, 2 * n_frames),
        normal(f"dec/style/{seed}", n_rows, 8),
    )


@pytest.mark.parametrize("seed", SEEDS)
@torch.no_grad()
def test_padded_text_is_read_as_alone(seed: int) -> None:
    n_rows = 2 + seed
    lengths = integers(f"text/lengths/{seed}", 1, 12, n_rows)
    n_tokens = int(lengths.max()) + seed % 2
    tokens = integers(f"text/tokens/{seed}", 0, 30, n_rows, n_tokens)
    style = normal(f"text/style/{seed}", n_rows, 8)
    encoder = TextEncoder(16, 5, 2, 30).eval()
    bert = PhonemeBert(PhonemeBertConfig(30, 8, 16, 2, 32, 2, 20)).eval()
    predictor = ProsodyPredictor(8, 16, 2, 10, 0.2).eval()
    for name, module in (("text_encoder", encoder), ("bert", bert), ("predictor", predictor)):
        golden.fill_with_salt(f"small/{seed}/", name, module)

    def heard(rows: slice, n: int) -> list[Tensor]:
        """Results [B, L, C]."""
        some, mask = tokens[rows, :n], sequence_mask(lengths[rows], n)
        features = bert(some, mask) * mask[..., None]
        encoded = encoder(some, lengths[rows])
        d = predictor.encode(features.transpose(1, 2), style[rows], lengths[rows])
        return [features, encoded.transpose(1, 2), d, predictor.duration_logits(d, lengths[rows])]

    together = heard(slice(None), n_tokens)
    for row in range(n_rows):
        n = int(lengths[row])
        for padded, alone in zip(together, heard(slice(row, row + 1), n), strict=True):
            torch.testing.assert_close(padded[row, :n], alone[0], **CLOSE)
    assert not any(result[0, lengths[0] :].any() for result in together[:3])


@pytest.mark.parametrize("seed", SEEDS)
@torch.no_grad()
def test_curves_of_a_padded_row_are_those_of_the_row_alone(seed: int) -> None:
    n_rows = 2 + seed
    lengths = integers(f"curves/lengths/{seed}", 2, 20, n_rows)
    n_frames = int(lengths.max()) + 1
    # What padding holds must not matter either, so it holds something.
    en = normal(f"curves/en/{seed}", n_rows, 24, n_frames)
    style = normal(f"curves/style/{seed}", n_rows, 8)
    predictor = ProsodyPredictor(8, 16, 2, 10, 0.2).eval()
    golden.fill_with_salt(f"small/{seed}/", "predictor", predictor)
    together = predictor.pitch_and_energy(en, style, lengths)
    for row in range(n_rows):
        n = int(lengths[row])
        alone = predictor.pitch_and_energy(en[row : row + 1, :, :n], style[row : row + 1])
        for padded, curve in zip(together, alone, strict=True):
            torch.testing.assert_close(padded[row, : 2 * n], curve[0], rtol=1e-4, atol=1e-3)
            assert not padded[row, 2 * n :].any()


@pytest.mark.parametrize("seed", SEEDS)
@torch.no_grad()
def test_a_style_does_not_depend_on_the_batch(seed: int) -> None:
    encoder = StyleEncoder(4, 6, 16).eval()
    golden.fill_with_salt(f"small/{seed}/", "style_encoder", encoder)
    lengths = [80, MIN_FRAMES, 97, 80][: 2 + seed]
    mel = normal(f"style/mel/{seed}", len(lengths), 80, 100)
    together = encoder.encode_ragged(mel, lengths)
    for row, length in enumerate(lengths):
        alone = encoder(mel[row : row + 1, None, :, :length])
        torch.testing.assert_close(together[row], alone[0], **CLOSE)


def test_inputs_that_cannot_be_encoded_are_refused() -> None:
    with pytest.raises(UserError, match=rf"{MIN_FRAMES - 1} frames is too short"):
        StyleEncoder(4, 6, 16)(torch.zeros(1, 1, 80, MIN_FRAMES - 1))
    bert = PhonemeBert(PhonemeBertConfig(30, 8, 16, 2, 32, 2, positions=20))
    tokens = torch.zeros(1, 21, dtype=torch.int64)
    with pytest.raises(UserError, match="21 tokens is longer than the 20"):
        bert(tokens, tokens == 0)


@pytest.mark.slow
@DECODERS
@pytest.mark.parametrize("seed", SEEDS)
def test_a_decoded_row_depends_on_neither_batch_nor_layout(config: DecoderConfig, seed: int) -> None:
    decoder, n_rows, n_frames = _decoder(config, seed), 1 + seed, 5 + 3 * seed
    inputs = _decoder_inputs(seed, n_rows, n_frames)
    har = decoder.har(inputs[1], torch.Generator().manual_seed(seed))
    trained = decoder(*inputs, har=har)
    assert trained.shape == (n_rows, 1, n_frames * 2 * config.hop_samples)
    with torch.no_grad():
        spoken = decoder(*inputs, har=har)
        alone = [decoder(*(x[i : i + 1] for x in inputs), har=har[i : i + 1]) for i in range(n_rows)]
    torch.testing.assert_close(spoken, trained.detach(), rtol=1e-4, atol=1e-4)
    torch.testing.assert_close(torch.cat(alone), spoken, rtol=1e-4, atol=1e-4)


@DECODERS
@torch.no_grad()
def test_the_decoders_noise_comes_from_the_generator_it_is_given(config: DecoderConfig) -> None:
    decoder = _decoder(config, 0)
    inputs = _decoder_inputs(0, 1, 5)
    one, again, other = (decoder(*inputs, rng=torch.Generator().manual_seed(seed)) for seed in (1, 1, 2))
    assert torch.equal(one, again)
    assert not torch.equal(one, other)


@DECODERS
def test_every_trained_weight_of_the_decoder_gets_a_gradient(config: DecoderConfig) -> None:
    decoder = _decoder(config, 0).train()
    decoder(*_decoder_inputs(0, 2, 5), rng=torch.Generator().manual_seed(0)).square().sum().backward()
    without = {name for name, weight in decoder.named_parameters() if weight.grad is None}
    assert without == {name for name, weight in decoder.named_parameters() if not weight.requires_grad}


@DECODERS
@torch.no_grad()
def test_unvoiced_and_silent_input_stays_finite(config: DecoderConfig) -> None:
    decoder = _decoder(config, 0)
    asr, f0_hz, energy, style = (torch.zeros_like(x) for x in _decoder_inputs(0, 1, 4))
    assert decoder(asr, f0_hz - 50, energy, style).isfinite().all()


def _plain_normed_snake(x: Tensor, gain: Tensor, bias: Tensor, alpha: Tensor) -> Tensor:
    y = gain[..., None] * functional.instance_norm(x, eps=1e-5) + bias[..., None]
    a = alpha[:, None]
    return y + torch.sin(a * y) ** 2 / a


def test_normed_snake_and_its_gradients_are_the_definition() -> None:
    x = normal("snake/x", 2, 3, 11).double().requires_grad_()
    gain, bias = (normal(f"snake/{name}", 2, 3).double().requires_grad_() for name in ("gain", "bias"))
    alpha = (1 + 0.3 * normal("snake/alpha", 3)).double().requires_grad_()
    inputs = (x, gain, bias, alpha)
    weights = normal("snake/out", 2, 3, 11).double()
    found = normed_snake(*inputs) / alpha[:, None]
    expected = _plain_normed_snake(*inputs)
    torch.testing.assert_close(found, expected)
    gradients, wanted = (torch.autograd.grad((y * weights).sum(), inputs) for y in (found, expected))
    torch.testing.assert_close(gradients, wanted)


def test_snake_and_its_gradients_are_the_definition() -> None:
    x = normal("snake/x", 2, 3, 11).double().requires_grad_()
    alpha = (1 + 0.3 * normal("snake/alpha", 3)).double().requires_grad_()
    a = alpha[:, None]
    found, expected = snake(x, alpha) / a, x + torch.sin(a * x) ** 2 / a
    torch.testing.assert_close(found, expected)
    gradients, wanted = (torch.autograd.grad(y.square().sum(), (x, alpha)) for y in (found, expected))
    torch.testing.assert_close(gradients, wanted)


def test_masked_norm_without_padding_is_the_norm() -> None:
    norm, x, style = AdaptiveInstanceNorm(3, 4), normal("norm/x", 2, 3, 9), normal("norm/style", 2, 4)
    torch.testing.assert_close(norm(x, style, torch.ones(2, 1, 9)), norm(x, style))


@pytest.mark.parametrize("training", (False, True))
def test_spectral_norm_is_pytorchs(training: bool) -> None:
    ours = SpectralConv2d(3, 5, 3, padding=1)
    theirs = torch.nn.utils.spectral_norm(torch.nn.Conv2d(3, 5, 3, padding=1))
    theirs.load_state_dict(ours.state_dict())
    x = normal("spectral/x", 2, 3, 6, 7)
    for _ in range(3):
        outputs = [layer.train(training)(x) for layer in (ours, theirs)]
        torch.testing.assert_close(*outputs)
    for layer, out in zip((ours, theirs), outputs, strict=True):
        out.square().sum().backward()
        assert layer.weight_orig.grad is not None
    torch.testing.assert_close(ours.weight_orig.grad, theirs.weight_orig.grad)
    torch.testing.assert_close(ours.state_dict(), theirs.state_dict())


@torch.no_grad()
def test_recurrence_over_padded_rows_is_that_over_each() -> None:
    lstm, x, lengths = BidirectionalLstm(4, 6), normal("lstm/x", 3, 9, 4), torch.tensor([9, 2, 5])
    together = lstm(x, lengths)
    for row, length in enumerate(lengths.tolist()):
        torch.testing.assert_close(together[row, :length], lstm(x[row : row + 1, :length])[0], **CLOSE)
        assert not together[row, length:].any()


def test_recurrence_over_padded_rows_learns_as_pytorchs_packed_rows_do() -> None:
    lstm, x, lengths = BidirectionalLstm(4, 6), normal("lstm/x", 3, 9, 4).requires_grad_(), [9, 2, 5]
    learnt = []
    for packs in (False, True):
        if packs:
            packed = pack_padded_sequence(x, torch.tensor(lengths), batch_first=True, enforce_sorted=False)
            out, _ = pad_packed_sequence(nn.LSTM.forward(lstm, packed)[0], batch_first=True)
        else:
            out = lstm(x, torch.tensor(lengths))
        gradients = torch.autograd.grad(out.square().sum(), (x, *lstm.parameters()))
        learnt.append((out.detach(), *gradients))
    torch.testing.assert_close(*learnt, **CLOSE)


@pytest.mark.parametrize("n_fft", (12, 20))
def test_the_short_transform_is_pytorchs_and_comes_back(n_fft: int) -> None:
    wave = normal("fourier/wave", 2, 30 * n_fft)
    transform = ShortFourier(n_fft, n_fft // 4)
    window = torch.hann_window(n_fft)
    magnitude, phase = transform.transform(wave)
    expected = torch.stft(wave, n_fft, n_fft // 4, window=window, return_complex=True)
    torch.testing.assert_close(torch.polar(magnitude, phase), expected, **CLOSE)
    torch.testing.assert_close(transform.inverse(magnitude, phase)[:, 0], wave, **CLOSE)


def test_durations_become_frames_of_their_tokens() -> None:
    logits = torch.tensor([[[40.0, 40.0, -40.0], [-40.0, -40.0, -40.0]]])
    durations = predicted_durations(logits)
    torch.testing.assert_close(durations, torch.tensor([[2.0, 0.0]]))
    torch.testing.assert_close(predicted_durations(logits, 2.0), durations / 2)
    frames = whole_frames(durations)
    assert frames.tolist() == [[2, 1]]
    assert hard_alignment(frames, 4).tolist() == [[[1, 1, 0, 0], [0, 0, 1, 0]]]
    assert math.isclose(float(hard_alignment(frames, 3).sum()), 3)
