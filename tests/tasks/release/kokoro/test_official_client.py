"""The official `kokoro` package speaks what we export as our own command does, trained at full size."""

from __future__ import annotations

import json
import socket
from pathlib import Path
from types import SimpleNamespace
from typing import Any, NamedTuple

import numpy as np
import pytest
import torch
from safetensors.torch import load_file
from torch import Tensor, nn

from configs.corpus import CorpusSettings
from configs.phonemize import PhonemizeSettings
from configs.release import ExportSettings, KokoroSpeakSettings
from models.frontend.text.character_tokens import character_table
from models.kokoro.config import KokoroConfig
from models.kokoro.model import Kokoro
from models.kokoro.upstream import save_config, save_kokoro
from tasks.finetune.kokoro.stages import TRAIN_KOKORO, VOICE_TABLE
from tasks.release.kokoro.stages import export_stage
from tasks.release.kokoro.voice import KokoroVoice
from tasks.release.sentences import read_sentences
from tasks.release.speak import load_voice
from tasks.release.spelling import spelled
from tasks.release.voice import SpeakOptions
from tasks.stage import function_of
from tests.models import styletts2_golden as golden
from tests.models.kokoro.official import official_model
from tests.tasks.finetune import synthetic
from tests.tasks.finetune.kokoro import case as kokoro_case
from tests.tasks.finetune.styletts2 import case as styletts2_case

pytestmark = pytest.mark.slow

STEPS = 2
TEXT = "Yes. One two, three!"


class Exported(NamedTuple):
    """A full-size voice in its folder, trained for a few steps from rule-made weights."""

    folder: Path
    before: dict[str, Tensor]
    voice: KokoroVoice
    official: Any


@pytest.fixture(scope="module")
def exported(tmp_path_factory: pytest.TempPathFactory) -> Exported:
    folder = tmp_path_factory.mktemp("full_size")
    model = Kokoro(KokoroConfig()).eval()
    for name, module in model.named_children():
        golden.fill_with_salt("client", name, module)
    start = folder / "start"
    start.mkdir()
    save_kokoro(start / "kokoro.pth", model)
    save_config(start / "config.json", model.config)
    files = _export(folder, start)

    def refuse(*arguments: Any, **options: Any) -> None:
        raise AssertionError("the official package went to the network")

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(socket.socket, "connect", refuse)
        official = official_model(files["full.pth"], files["config.json"])
    voice = load_voice(files["voice.json"].parent)
    assert isinstance(voice, KokoroVoice)
    return Exported(files["voice.json"].parent, model.state_dict(), voice, official)


def _export(folder: Path, start: Path) -> dict[str, Path]:
    """Run the stages from the voice table to the export; nothing is rendered or measured."""
    tree = kokoro_case.settings(
        pretrained=str(start),
        tiny=False,
        max_steps=STEPS,
        batch_size=1,
        max_len_frames=32,
        held_epochs=0,
        adversarial_step=None,
        adversarial_epoch=None,
        validate_every_steps=0,
        checkpoint_every_steps=STEPS,
        sample_clips=0,
        optimiser={"lr": 1e-3, "final_lr": 1e-3, "table_lr": 1e-2, "warmup_steps": 0},
    )
    tree.voice = "full"
    tree.corpus = CorpusSettings()
    tree.features = SimpleNamespace(phonemize=PhonemizeSettings())
    tree.release = SimpleNamespace(kokoro=KokoroSpeakSettings(), export=ExportSettings())
    evaluation = folder / "evaluation.json"
    evaluation.write_text(json.dumps({"metrics": {}}))
    inputs = synthetic.FakeInputs(
        {
            "shard": styletts2_case.write_shards(folder / "shards", seconds=0.6, train=2),
            "synthesize": {},
            "evaluate": {evaluation.name: evaluation},
        },
        {"speaker_profile": kokoro_case.profile()},
    )
    for stage in (VOICE_TABLE, TRAIN_KOKORO, export_stage(TRAIN_KOKORO.name)):
        made = function_of(stage)(inputs, synthetic.view(stage, tree), synthetic.work(folder / stage.name))
        inputs.stage_files[stage.name] = dict(made.files)
    return inputs.stage_files["export"]


def test_training_changed_every_network(exported: Exported) -> None:
    for child in ("bert", "bert_encoder", "predictor", "decoder", "text_encoder"):
        weights = load_file(exported.folder / "networks" / f"{child}.safetensors")
        assert any(
            not torch.equal(value, exported.before[f"{child}.{name}"]) for name, value in weights.items()
        )


@pytest.mark.parametrize("speed", (1.0, 1.3))
def test_the_official_package_says_what_our_voice_says(
    exported: Exported, speed: float, monkeypatch: pytest.MonkeyPatch
) -> None:
    pack = torch.load(exported.folder / "voices" / "full.pt", weights_only=True)
    characters = {index: character for character, index in character_table("kokoro").ids.items()}
    sources: dict[int, Tensor] = {}
    said: list[Tensor] = []
    for sentence in read_sentences(TEXT, "en", ("en",), "ipa"):
        phonemes = "".join(characters[index] for index in spelled(sentence, "kokoro").ids[1:-1])
        audio, source = _officially(exported.official, phonemes, pack[len(phonemes) - 1], speed)
        sources[len(audio)] = source
        said.append(audio)
    assert len(sources) == len(said) == 2
    assert max(float(audio.abs().max()) for audio in said) < 1.0

    frame = exported.voice.model.config.frame_samples // 2
    monkeypatch.setattr(
        exported.voice.model.decoder, "har", lambda f0_hz, rng: sources[f0_hz.shape[1] * frame]
    )
    as_precise = exported.voice.with_manner({"precision": "fp32"})
    ours = as_precise.speak(TEXT, SpeakOptions(speed=speed)).samples
    theirs = torch.cat(said).numpy()
    assert len(ours) == len(theirs)
    np.testing.assert_allclose(ours, theirs, rtol=0, atol=1e-4 * float(theirs.std()))


def _officially(official: Any, phonemes: str, row: Tensor, speed: float) -> tuple[Tensor, Tensor]:
    """What the package says of phonemes, and the source that it drew."""
    heard: list[Tensor] = []

    def listen(module: nn.Module, arguments: tuple[Tensor, ...]) -> None:
        heard.append(arguments[0])

    hook = official.decoder.generator.noise_convs[0].register_forward_pre_hook(listen)
    torch.manual_seed(3)
    audio = official(phonemes, row, speed)
    hook.remove()
    return audio, heard[0]
