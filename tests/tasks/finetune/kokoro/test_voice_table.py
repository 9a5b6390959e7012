"""The stage that makes Kokoro's voices before training: from style encoders where there are some."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import soundfile
import torch
from safetensors.torch import load_file, save_file

from configs.errors import UserError
from configs.loading import resolve
from models.acoustics.style_encoder import StyleEncoder
from models.frontend.activity import analyse_activity
from models.kokoro.voice_table import VoiceTable, VoiceTableConfig
from models.speaker.centroid import robust_centroid
from models.speaker.encoder import embed_speaker
from tasks.finetune.characters.clips import read_clips
from tasks.finetune.kokoro.stages import VOICE_TABLE_OF_FITTED
from tasks.finetune.kokoro.voice_table import read_voice_table
from tasks.stage import function_of
from tasks.stages import stages_of
from tests.tasks.finetune import synthetic
from tests.tasks.finetune.kokoro import case as kokoro_case
from tests.tasks.finetune.styletts2 import case as styletts2_case

STYLE_SIZES = {"style_dim_in": 4, "style_dim": 8, "style_max_dim": 16}


@pytest.fixture(scope="module")
def shards(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    return styletts2_case.write_shards(tmp_path_factory.mktemp("shards"), seconds=0.6)


def style_encoders(folder: Path, **sizes: int) -> list[StyleEncoder]:
    """Two encoders with random weights, written as StyleTTS 2's training writes them."""
    folder.mkdir()
    own = {**STYLE_SIZES, **sizes}
    torch.manual_seed(0)
    made = []
    for name in ("style_encoder", "predictor_encoder"):
        encoder = StyleEncoder(own["style_dim_in"], own["style_dim"], own["style_max_dim"]).eval()
        save_file(encoder.state_dict(), folder / f"{name}.safetensors")
        made.append(encoder)
    (folder / "config.json").write_text(json.dumps({"network": "styletts2", "sizes": own}))
    return made


def table_settings(**changes: Any) -> dict[str, Any]:
    return {"table": {**kokoro_case.SETTINGS["table"], **changes}}


@torch.no_grad()
def test_each_voice_is_centred_on_what_style_encoders_hear_in_its_clips(
    shards: dict[str, Path], tmp_path: Path
) -> None:
    encoders = style_encoders(tmp_path / "styles")
    made = kokoro_case.make_table(
        shards, tmp_path / "work", **table_settings(styles=str(tmp_path / "styles"))
    )
    voices = load_file(made.files["voices.safetensors"])
    clips = read_clips(shards, "train", kokoro_case.FAMILY, 64)
    for speaker in kokoro_case.SPEAKERS:
        heard = []
        for index in (i for i, name in enumerate(clips.speakers) if name == speaker):
            mel = torch.from_numpy(clips[index].mel).float()[None, None]
            heard.append(torch.cat([encoder(mel)[0] for encoder in encoders]))
        torch.testing.assert_close(
            voices[speaker].mean((0, 1)), torch.stack(heard).mean(0), atol=1e-4, rtol=1e-4
        )


def test_voices_of_an_earlier_version_are_where_its_speakers_begin(
    shards: dict[str, Path], tmp_path: Path
) -> None:
    before = load_file(kokoro_case.make_table(shards, tmp_path / "before").files["voices.safetensors"])
    bent = {name: table + torch.sin(torch.arange(table.shape[-1]) / 3) for name, table in before.items()}
    save_file(bent, tmp_path / "voices.safetensors")
    changes = table_settings(voices=str(tmp_path / "voices.safetensors"))
    after = load_file(
        kokoro_case.make_table(shards, tmp_path / "after", **changes).files["voices.safetensors"]
    )
    for name in kokoro_case.SPEAKERS:
        torch.testing.assert_close(after[name], bent[name], atol=1e-2, rtol=1e-2)


def test_without_style_encoders_voices_are_neutral_and_smooth(
    shards: dict[str, Path], tmp_path: Path
) -> None:
    made = kokoro_case.make_table(shards, tmp_path)
    voices = load_file(made.files["voices.safetensors"])
    assert set(voices) == set(kokoro_case.SPEAKERS)
    for voice in voices.values():
        assert voice.shape == (510, 1, 16) and voice.dtype == torch.float32
        torch.testing.assert_close(voice.mean((0, 1)), torch.zeros(16), atol=1e-5, rtol=0)
        spread = (voice - voice.mean(0)).norm(dim=2).max()
        assert 0 < voice.diff(dim=0).norm(dim=2).max() < 0.3 * spread


def test_fitted_voices_are_what_training_begins_with(shards: dict[str, Path], tmp_path: Path) -> None:
    rng = torch.Generator().manual_seed(3)
    smooth = torch.linspace(0, 1, 510)[:, None, None] * torch.randn(1, 1, 16, generator=rng)
    fitted = {name: smooth + torch.randn(1, 1, 16, generator=rng) for name in kokoro_case.SPEAKERS}
    save_file({name: voice.contiguous() for name, voice in fitted.items()}, tmp_path / "voices.safetensors")
    inputs = synthetic.FakeInputs(
        {"shard": dict(shards), "fit_kokoro": {"voices.safetensors": tmp_path / "voices.safetensors"}},
        {"speaker_profile": kokoro_case.profile()},
    )
    cfg = synthetic.view(VOICE_TABLE_OF_FITTED, kokoro_case.settings())
    made = function_of(VOICE_TABLE_OF_FITTED)(inputs, cfg, synthetic.work(tmp_path / "work"))
    for name, voice in load_file(made.files["voices.safetensors"]).items():
        torch.testing.assert_close(voice.mean(0), fitted[name].mean(0), atol=1e-4, rtol=0)
        assert (voice - fitted[name]).norm(dim=2).mean() < 0.4 * (smooth - smooth.mean(0)).norm(dim=2).mean()


def test_what_is_fine_tuned_is_fitted_first() -> None:
    found = stages_of(resolve("kokoro").settings)
    assert [stage.name for stage in found.finetune] == ["fit_kokoro", "voice_table", "train_kokoro"]
    for overrides in (("train.kokoro.pretrained=null",), ("train.kokoro.table.styles=folder",)):
        with pytest.raises(UserError, match=r"table\.start|start = fitted"):
            resolve("kokoro", overrides=overrides)
    with pytest.raises(UserError, match="set both alike"):
        resolve("kokoro", overrides=("train.kokoro.pretrained=other.pth",))
    neutral = resolve("kokoro", overrides=("train.kokoro.table.start=neutral",)).settings
    assert [stage.name for stage in stages_of(neutral).finetune] == ["voice_table", "train_kokoro"]


def test_the_artifact_is_read_back_and_equal_runs_are_equal(shards: dict[str, Path], tmp_path: Path) -> None:
    first, second = (kokoro_case.make_table(shards, tmp_path / name) for name in ("a", "b"))
    assert {name: p.read_bytes() for name, p in first.files.items()} == {
        name: p.read_bytes() for name, p in second.files.items()
    }
    voices = read_voice_table(first.files)
    assert voices.speakers == kokoro_case.SPEAKERS
    written = load_file(first.files["voices.safetensors"])
    with torch.no_grad():
        made = voices.table.eval()(voices.embeddings)
    assert torch.equal(made[1][:, None], written["b"])


def test_what_cannot_be_used_is_refused(shards: dict[str, Path], tmp_path: Path) -> None:
    def refused(match: str, **changes: Any) -> None:
        with pytest.raises(UserError, match=match):
            kokoro_case.make_table(shards, tmp_path / "work", **changes)

    refused(
        "latent = 2 is below the 3 speakers",
        **table_settings(latent=2),
        profile=kokoro_case.profile(("a", "b", "c")),
    )
    refused("there is no speaker", profile=kokoro_case.profile().slice(0, 0))
    refused("styles = .*holds no config", **table_settings(styles=str(tmp_path / "missing")))
    style_encoders(tmp_path / "wide", style_dim=12)
    refused("its styles are 12 wide and this model's 8", **table_settings(styles=str(tmp_path / "wide")))
    (tmp_path / "wide" / "style_encoder.safetensors").unlink()
    refused("holds no style_encoder of StyleTTS 2", **table_settings(styles=str(tmp_path / "wide")))
    made = dict(kokoro_case.make_table(shards, tmp_path / "made").files)
    made["speakers.safetensors"].write_bytes(b"")
    with pytest.raises(UserError, match=r"speakers\.safetensors: .*; run the stage again"):
        read_voice_table(made)


@pytest.mark.slow
def test_voices_of_two_speakers_are_farther_apart_than_two_of_one(speech: Path) -> None:
    """Each reader's style is known for all clips together, and asked for by disjoint halves of them."""
    clips: dict[str, list[np.ndarray]] = {}
    for path in sorted((speech / "readers" / "wavs").iterdir()):
        samples, rate = soundfile.read(path, dtype="float32")
        activity = analyse_activity(samples, rate)
        embedding = embed_speaker(samples, rate, activity, "resemblyzer", "", False)
        clips.setdefault(path.name.split("-")[0], []).append(embedding)
    assert len(clips) == 6
    whole, halves = (
        torch.from_numpy(
            np.stack([robust_centroid(np.stack(own[part])) for own in clips.values() for part in parts])
        )
        for parts in ((slice(None),), (slice(0, None, 2), slice(1, None, 2)))
    )
    torch.manual_seed(0)
    table = VoiceTable(VoiceTableConfig(whole.shape[1], width=32))
    table.centre_on(whole, torch.randn(len(clips), 32))
    with torch.no_grad():
        voices = table(halves).flatten(1)
    apart = torch.cdist(voices, voices)
    of_one = torch.stack([apart[2 * n, 2 * n + 1] for n in range(len(clips))])
    speaker = torch.arange(len(clips)).repeat_interleave(2)
    of_two = apart[speaker[:, None] != speaker]
    print("one speaker", of_one.tolist(), "two", float(of_two.min()), float(of_two.mean()))
    assert of_one.max() < of_two.min()
