"""The generator reproduces GPT-SoVITS's numbers: training pass, codes and synthesis, for three versions."""

from pathlib import Path

import numpy as np
import pytest
import torch
from torch import Tensor, nn

from models.losses.divergence import gaussian_kl
from models.sovits.config import VERSIONS, sovits_config
from models.sovits.model import SovitsGenerator
from tests.models.golden_fill import error_against, integers, normal
from tests.models.sovits.golden_case import (
    arrays,
    case,
    filled_generator,
    manifest,
    training_inputs,
)

pytestmark = pytest.mark.golden
TOLERANCE = 1e-4


@pytest.mark.slow
@pytest.mark.parametrize("version", VERSIONS)
def test_names_and_shapes_are_those_of_published_weights(goldens: Path, version: str) -> None:
    with torch.device("meta"):
        generator = SovitsGenerator(sovits_config(version))
    expected = {
        entry["name"]: (entry["shape"], entry["kind"]) for entry in manifest(goldens, f"synth_{version}")
    }
    parameters = dict(generator.named_parameters())
    ours = {
        name: (list(tensor.shape), "parameter" if name in parameters else "buffer")
        for name, tensor in generator.state_dict().items()
    }
    assert ours == expected


@pytest.mark.slow
@pytest.mark.parametrize("version", ["v1", "v2", "v2Pro"])
def test_generator_reproduces_the_reference(goldens: Path, version: str) -> None:
    generator = filled_generator(version)
    golden = arrays(goldens, f"synth_{version}")
    errors = {
        **_fill_errors(goldens, version, generator),
        **_training_errors(goldens, generator, golden),
        **_decode_errors(goldens, generator, golden),
    }
    assert {name: error for name, error in errors.items() if not error <= TOLERANCE} == {}
    ssl = training_inputs(goldens, generator.config).ssl
    codes = generator.extract_codes(ssl)
    np.testing.assert_array_equal(codes.numpy(), golden["extract_latent.codes"][:, 0])


def _fill_errors(goldens: Path, version: str, generator: SovitsGenerator) -> dict[str, float]:
    """The weights themselves, so that a wrong fill is not taken for a wrong network."""
    state = generator.state_dict()
    return {
        f"fill {entry['name']}": abs(float(state[entry["name"]].double().norm()) / entry["l2"] - 1)
        for entry in manifest(goldens, f"synth_{version}")
    }


def _training_errors(
    goldens: Path, generator: SovitsGenerator, golden: dict[str, np.ndarray]
) -> dict[str, float]:
    inputs = training_inputs(goldens, generator.config)
    inner: dict[str, Tensor] = {}

    def keep(name: str, module: nn.Module) -> torch.utils.hooks.RemovableHandle:
        return module.register_forward_hook(lambda _, __, out: inner.update({name: out}))

    hooks = [
        keep(name, generator.get_submodule(name))
        for name in ("ref_enc", "enc_p.encoder_ssl", "enc_p.encoder_text", "enc_p.mrte")
    ]
    with torch.no_grad():
        out = generator(
            *inputs[:5],
            speaker_vector=inputs.speaker_vector,
            posterior_noise=inputs.posterior_noise,
            segment_starts=inputs.segment_starts,
        )
    for hook in hooks:
        hook.remove()
    kl = gaussian_kl(out.z_p, out.logs_q, out.m_p, out.logs_p, out.frame_mask)
    values = {
        **inner,
        "y_hat": out.wave,
        "z_mask": out.frame_mask,
        "loss_kl": kl,
        **{name: getattr(out, name) for name in ("z", "z_p", "m_p", "logs_p", "m_q", "logs_q")},
        "quantized": out.quantized,
    }
    assert float(out.commitment) == float(golden["train.kl_ssl"])
    return {f"train.{name}": error_against(golden, f"train.{name}", v) for name, v in values.items()}


def _decode_errors(
    goldens: Path, generator: SovitsGenerator, golden: dict[str, np.ndarray]
) -> dict[str, float]:
    config, tag, sizes = generator.config, case(goldens)["tag"], case(goldens)["decode"]
    name = f"{tag}/decode"
    codes = integers(f"{name}/codes", 0, config.codebook_size, 1, 1, sizes["codes"])[0]
    text = integers(f"{name}/text", 0, config.n_symbols, 1, sizes["text"])
    refer = [
        normal(f"{name}/{key}", 1, config.spec_channels, sizes[key]).abs() for key in ("refer", "refer2")
    ]
    vectors = None
    if config.uses_speaker_vector:
        vectors = [normal(f"{name}/{key}", 1, config.speaker_vector_channels) for key in ("sv", "sv2")]
    n_frames = 2 * sizes["codes"]
    n_fast = int(n_frames / 1.25) + 1
    noise = normal(f"{name}/noise_p", 1, config.latent_channels, n_frames)
    fast_noise = normal(f"{name}/noise_p_speed", 1, config.latent_channels, n_fast)

    def audio(n_references: int, **options: object) -> Tensor:
        return generator.decode(
            codes,
            text,
            refer[:n_references],
            speaker_vectors=vectors[:n_references] if vectors else None,
            **options,
        )

    with torch.no_grad():
        values = {
            "audio": audio(1, prior_noise=noise),
            "audio_noise0": audio(1, noise_scale=0.0),
            "audio_2refs": audio(2, prior_noise=noise),
            "audio_speed1.25": audio(1, prior_noise=fast_noise, speed=1.25),
        }
    return {f"decode.{key}": error_against(golden, f"decode.{key}", value) for key, value in values.items()}
