"""The networks that StyleTTS 2 and Kokoro share, against the numbers of the reference."""

from pathlib import Path

import pytest
import torch
from torch import Tensor

from models.acoustics.fourier import ShortFourier
from models.acoustics.source import SineSource
from models.layers.conv import fold_weight_norm
from models.layers.masking import sequence_mask
from tests.models import styletts2_golden as golden
from tests.models.acoustics.published import BUILDERS, network

pytestmark = pytest.mark.golden

ISTFT, HIFI, KOKORO = "styletts2_ljspeech_istftnet", "styletts2_libritts_hifigan", "kokoro"
DECODERS = {"decoder_istftnet": ISTFT, "decoder_hifigan": HIFI}
# Its styles come from a table of voices.
ABSENT_IN_KOKORO = ("style_encoder", "predictor_encoder")
N_HARMONICS = 9


@pytest.mark.slow
@pytest.mark.parametrize(
    ("name", "configuration"),
    [
        (name, configuration)
        for name in BUILDERS
        for configuration in (ISTFT, HIFI, KOKORO)
        if configuration != KOKORO or name not in ABSENT_IN_KOKORO
    ],
)
def test_names_and_shapes_are_those_of_published_checkpoints(
    goldens: Path, configuration: str, name: str
) -> None:
    recorded = golden.shapes(goldens, configuration)
    built = BUILDERS[name](recorded[name])
    assert {key: list(value.shape) for key, value in built.state_dict().items()} == recorded[name]


@pytest.mark.slow
@torch.no_grad()
def test_text_encoder(goldens: Path) -> None:
    given = golden.inputs(goldens, "text_encoder")
    encoded = network(goldens, ISTFT, "text_encoder")(given["tokens"], given["lengths"])
    golden.check(goldens, "text_encoder", "t_en", encoded)


@torch.no_grad()
def test_plbert(goldens: Path) -> None:
    given = golden.inputs(goldens, "plbert")
    mask = sequence_mask(given["lengths"], given["tokens"].shape[1])
    features = network(goldens, ISTFT, "bert")(given["tokens"], mask)
    golden.check(goldens, "plbert", "bert_dur", features)
    narrowed = network(goldens, ISTFT, "bert_encoder")(features).transpose(1, 2)
    golden.check(goldens, "plbert", "d_en", narrowed)


@pytest.mark.slow
@pytest.mark.parametrize(("name", "letter"), (("style_encoder", "s"), ("predictor_encoder", "p")))
@torch.no_grad()
def test_style_encoders(goldens: Path, name: str, letter: str) -> None:
    for key, mel in golden.inputs(goldens, "style_encoders").items():
        style = network(goldens, ISTFT, name)(mel)
        golden.check(goldens, "style_encoders", key.replace("mel", letter), style)


@pytest.mark.slow
@torch.no_grad()
def test_prosody_predictor(goldens: Path) -> None:
    case = "prosody_predictor"
    given = golden.inputs(goldens, case)
    predictor = network(goldens, ISTFT, "predictor")
    d = predictor.encode(given["d_en"], given["style"], given["lengths"])
    golden.check(goldens, case, "d", d)
    golden.check(goldens, case, "duration_logits", predictor.duration_logits(d, given["lengths"]))
    en = d.transpose(1, 2) @ given["alignment"]
    golden.check(goldens, case, "en", en)
    curves = predictor.pitch_and_energy(en, given["style"])
    golden.check(goldens, case, "F0", curves.f0_hz)
    golden.check(goldens, case, "N", curves.energy)


@pytest.mark.slow
@pytest.mark.parametrize("gradients", (False, True), ids=("speaking", "training"))
@pytest.mark.parametrize(("case", "configuration"), DECODERS.items())
def test_decoder(goldens: Path, case: str, configuration: str, gradients: bool) -> None:
    """Both layouts of memory: the one without gradients is another."""
    given = golden.inputs(goldens, case)
    decoder = network(goldens, configuration, "decoder")
    arguments = (given["asr"], given["F0"], given["N"], given["s"])
    har = golden.output(goldens, case, "har_FULL")
    with torch.set_grad_enabled(gradients):
        golden.check(goldens, case, "gen_in", decoder.frames(*arguments))
        golden.check(goldens, case, "audio", decoder(*arguments, har=har))


@pytest.mark.slow
@torch.no_grad()
def test_a_decoder_with_folded_weights_says_the_same(goldens: Path) -> None:
    case = "decoder_istftnet"
    given = golden.inputs(goldens, case)
    decoder = BUILDERS["decoder"](golden.shapes(goldens, ISTFT)["decoder"]).eval()
    golden.fill(goldens, "decoder", decoder)
    fold_weight_norm(decoder)
    har = golden.output(goldens, case, "har_FULL")
    audio = decoder(given["asr"], given["F0"], given["N"], given["s"], har=har)
    golden.check(goldens, case, "audio", audio)


@pytest.mark.slow
@pytest.mark.parametrize(("case", "configuration"), DECODERS.items())
@torch.no_grad()
def test_source_features(goldens: Path, case: str, configuration: str) -> None:
    """As near as the reference's float32 phases are to the truth; a phase counts as its bin is loud."""
    f0_hz = golden.inputs(goldens, case)["F0"]
    decoder = network(goldens, configuration, "decoder")
    hop = decoder.generator.m_source.frame_samples
    noise = golden.gauss(goldens, "dec/noise", (len(f0_hz), f0_hz.shape[1] * hop, N_HARMONICS))
    tolerance = golden.manifest(goldens, "sine_source")["outputs"]["sine_noise"]["atol"]
    found, expected = (
        _without_jumps(har)
        for har in (decoder.har(f0_hz, noise=noise), golden.output(goldens, case, "har_FULL"))
    )
    torch.testing.assert_close(found, expected, rtol=0, atol=tolerance)


def _without_jumps(har: Tensor) -> Tensor:
    if har.shape[1] == 1:
        return har
    magnitude, phase = har.chunk(2, dim=1)
    return torch.cat((magnitude, magnitude * torch.cos(phase), magnitude * torch.sin(phase)), dim=1)


@pytest.mark.slow
def test_decoder_gradients(goldens: Path) -> None:
    case = "decoder_istftnet_grad"
    given = golden.inputs(goldens, case)
    inputs = [given[key].requires_grad_() for key in ("asr", "F0", "N", "s")]
    har = golden.output(goldens, "decoder_istftnet", "har_FULL")
    audio = network(goldens, ISTFT, "decoder")(*inputs, har=har)
    gradients = torch.autograd.grad((audio * given["gout"]).sum(), inputs)
    for key, gradient in zip(("asr", "F0", "N", "s"), gradients, strict=True):
        golden.check(goldens, case, f"g_{key}", gradient)


def test_sine_source(goldens: Path) -> None:
    f0_hz = golden.inputs(goldens, "sine_source")["F0"]
    outputs = golden.manifest(goldens, "sine_source")["outputs"]
    n_samples, n_harmonics = outputs["sine_noise"]["shape"][1:]
    source = SineSource(24000, n_samples // f0_hz.shape[1], n_harmonics)
    noise = golden.gauss(goldens, "dec/noise", (len(f0_hz), n_samples, n_harmonics))
    silent, voiced = source.sines(f0_hz, torch.zeros_like(noise))
    golden.check(goldens, "sine_source", "sine_zero_draws", silent)
    golden.check(goldens, "sine_source", "uv", voiced)
    golden.check(goldens, "sine_source", "sine_noise", source.sines(f0_hz, noise)[0])


@pytest.mark.parametrize(("prefix", "as_exported"), (("torch", False), ("custom", True)))
def test_stft_small(goldens: Path, prefix: str, as_exported: bool) -> None:
    given = golden.inputs(goldens, "stft_small")
    n_fft = 2 * (given["mag"].shape[1] - 1)
    transform = ShortFourier(n_fft, n_fft // 4, as_exported=as_exported)
    magnitude, phase = transform.transform(given["wave"])
    results = {
        "mag": magnitude,
        "cos": magnitude * torch.cos(phase),
        "sin": magnitude * torch.sin(phase),
        "inverse": transform.inverse(given["mag"], given["phase"]),
    }
    for key, value in results.items():
        golden.check(goldens, "stft_small", f"{prefix}_{key}", value)
