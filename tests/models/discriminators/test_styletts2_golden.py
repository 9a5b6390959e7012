"""StyleTTS 2's discriminators and their losses reproduce the reference's numbers and gradient."""

from pathlib import Path

import pytest
import torch
from torch import Tensor, nn

from models.discriminators.multi_period import Judgement, MultiPeriodDiscriminator
from models.discriminators.resolution import MultiResolutionDiscriminator
from models.discriminators.wavlm import WavLMDiscriminator
from models.losses.adversarial import discriminator_loss, feature_matching_loss, generator_loss
from models.losses.relativistic import relativistic_discriminator_loss, relativistic_generator_loss
from models.styletts2.config import styletts2_config
from tests.models import styletts2_golden as golden

pytestmark = pytest.mark.golden

CONFIGURATIONS = {"ljspeech": "styletts2_ljspeech_istftnet", "libritts": "styletts2_libritts_hifigan"}


def _discriminators(version: str) -> dict[str, nn.Module]:
    config = styletts2_config(version)
    return {
        "mpd": MultiPeriodDiscriminator(
            config.discriminator_periods, channels=config.discriminator_channels, has_scale=False
        ),
        "msd": MultiResolutionDiscriminator(config.resolutions, config.resolution_channels),
        "wd": WavLMDiscriminator(config.slm_hidden, config.slm_layers, config.slm_channels),
    }


@pytest.mark.parametrize("version", CONFIGURATIONS)
def test_state_dicts_have_the_published_names_and_shapes(goldens: Path, version: str) -> None:
    published = golden.shapes(goldens, CONFIGURATIONS[version])
    for name, discriminator in _discriminators(version).items():
        found = {key: list(value.shape) for key, value in discriminator.state_dict().items()}
        assert found == published[name]


@pytest.mark.slow
def test_scores_losses_and_gradient_reproduce_the_reference(goldens: Path) -> None:
    given = golden.inputs(goldens, "discriminators")
    real, fake = given["real"], given["fake"].requires_grad_()
    judges = {name: judge for name, judge in _discriminators("ljspeech").items() if name != "wd"}
    for name, judge in judges.items():
        golden.fill(goldens, name, judge)

    def check(key: str, value: Tensor) -> None:
        golden.check(goldens, "discriminators", key, value)

    together = {name: judge(real, fake) for name, judge in judges.items()}
    for name, (judged_real, judged_fake) in together.items():
        _check_judgements(goldens, name, judged_real, judged_fake)
    scores = [
        ([s for judged in sides for s in judged.scores]) for sides in zip(*together.values(), strict=True)
    ]
    check("disc_ls", discriminator_loss(*scores))
    check("disc_tprls", relativistic_discriminator_loss(*scores))
    check("disc_loss", discriminator_loss(*scores) + relativistic_discriminator_loss(*scores))

    # As the generator's step runs them: apart, the recording without a graph, no weight taking a gradient.
    frozen = [judge.requires_grad_(False) for judge in judges.values()]
    with torch.no_grad():
        reals = [judge.judge(real) for judge in frozen]
    fakes = [judge.judge(fake) for judge in frozen]
    adversarial = generator_loss([s for judged in fakes for s in judged.scores])
    relativistic = relativistic_generator_loss(
        [s for judged in reals for s in judged.scores], [s for judged in fakes for s in judged.scores]
    )
    feature = sum(feature_matching_loss(r.features, f.features) for r, f in zip(reals, fakes, strict=True))
    check("adv_loss", adversarial)
    check("gen_tprls", relativistic)
    check("feature_loss", feature)
    check("gen_loss", adversarial + relativistic + feature)
    check("gen_grad", torch.autograd.grad(adversarial + relativistic + feature, fake)[0])


def _check_judgements(goldens: Path, name: str, real: Judgement, fake: Judgement) -> None:
    for i, maps in enumerate(real.features):
        golden.check(goldens, "discriminators", f"{name}_real{i}", real.scores[i])
        golden.check(goldens, "discriminators", f"{name}_fake{i}", fake.scores[i])
        means = torch.stack([feature.abs().mean() for feature in maps])
        golden.check(goldens, "discriminators", f"{name}_fmap_mean{i}", means)


@torch.no_grad()
def test_wavlm_discriminator_reproduces_the_reference(goldens: Path) -> None:
    judge = _discriminators("ljspeech")["wd"]
    golden.fill(goldens, "wd", judge)
    shape = golden.inputs(goldens, "wavlm_disc")["shape_note"].tolist()
    states = 0.4 * golden.gauss(goldens, "input/wavlm_hidden", shape)
    golden.check(goldens, "wavlm_disc", "score", judge(states))
