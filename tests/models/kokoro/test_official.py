"""The official `kokoro` package reads what we export, offline, and speaks it as we do."""

import socket
from pathlib import Path
from typing import Any

import pytest
import torch
from torch import Tensor, nn

from models.frontend.text.character_tokens import character_table
from models.kokoro.config import KokoroConfig
from models.kokoro.model import Kokoro
from models.kokoro.upstream import read_voice, save_config, save_kokoro, save_voice, voice_rows_of
from tests.models import styletts2_golden as golden
from tests.models.kokoro.official import official_model

pytestmark = pytest.mark.slow

PHONEMES = "vˈɔɪs, plˈiːz!"


class Exported:
    """A full-size voice of rule-made weights as files, and the official package's networks from them."""

    def __init__(self, folder: Path) -> None:
        self.model = Kokoro(KokoroConfig()).eval()
        for name, module in self.model.named_children():
            golden.fill_with_salt("official", name, module)
        save_kokoro(folder / "voice.pth", self.model)
        save_config(folder / "config.json", self.model.config)
        rng = torch.Generator().manual_seed(0)
        shape = (self.model.config.voice_rows, 1, self.model.config.voice_width)
        save_voice(folder / "voice.pt", 0.5 * torch.randn(shape, generator=rng))
        self.voice = folder / "voice.pt"
        self.official = official_model(folder / "voice.pth", folder / "config.json")


@pytest.fixture(scope="module")
def exported(tmp_path_factory: pytest.TempPathFactory) -> Exported:
    def refuse(*arguments: Any, **options: Any) -> None:
        raise AssertionError("the official package went to the network")

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(socket.socket, "connect", refuse)
        return Exported(tmp_path_factory.mktemp("official"))


def tokens_of(phonemes: str) -> Tensor:
    ids = character_table("kokoro").ids
    return torch.tensor([[0, *(ids[character] for character in phonemes), 0]])


def official_speech(exported: Exported, phonemes: str, speed: float) -> tuple[Any, Tensor]:
    """What the package says with the row that its own pipeline would take, and the source that it drew."""
    pack = torch.load(exported.voice, weights_only=True)
    heard: list[Tensor] = []

    def listen(module: nn.Module, arguments: tuple[Tensor, ...]) -> None:
        heard.append(arguments[0])

    hook = exported.official.decoder.generator.noise_convs[0].register_forward_pre_hook(listen)
    torch.manual_seed(3)
    said = exported.official(phonemes, pack[len(phonemes) - 1], speed, return_output=True)
    hook.remove()
    return said, heard[0]


def test_every_weight_arrives(exported: Exported) -> None:
    theirs = exported.official.state_dict()
    for name, value in exported.model.state_dict().items():
        assert torch.equal(theirs[name], value), name


@pytest.mark.parametrize(("phonemes", "speed"), ((PHONEMES, 1.0), (PHONEMES[:5], 1.25), ("a", 1.0)))
def test_the_same_phonemes_are_the_same_audio(exported: Exported, phonemes: str, speed: float) -> None:
    said, source = official_speech(exported, phonemes, speed)
    tokens = tokens_of(phonemes)
    lengths = torch.tensor([tokens.shape[1]])
    row = voice_rows_of(read_voice(exported.voice, exported.model.config), lengths)
    wave = exported.model.synthesize(tokens, lengths, row, speed=speed, har=[source])[0]
    assert len(wave) == int(said.pred_dur.sum()) * exported.model.config.frame_samples
    torch.testing.assert_close(wave, said.audio, rtol=0, atol=float(1e-4 * said.audio.std()))
