"""The stage `voice_table`: the network that makes Kokoro's voices from speakers' embeddings, before training.

Its artifact holds the network's first weights, the embeddings of all speakers and the voices that these give;
`train_kokoro` goes on from the first two. Where voices were fitted for the published weights, each begins as
its own, with its dependence on the length of the text; where style encoders were trained on the same
recordings, the mean of each voice is the mean of what they hear in the speaker's clips.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict
from functools import partial
from pathlib import Path
from typing import NamedTuple

import torch
from safetensors.torch import save_file
from torch import Tensor

from configs.errors import UserError
from configs.train_kokoro import KokoroTrainSettings, VoiceTableSettings
from models.acoustics.style_encoder import MIN_FRAMES, StyleEncoder
from models.kokoro.config import KokoroConfig
from models.kokoro.voice_table import VoiceTable, VoiceTableConfig
from models.published import build_strictly, read_table
from models.seeds import derive_seed
from models.threads import arithmetic_threads
from tasks.finetune.characters.clips import Clips, read_clips
from tasks.finetune.kokoro.sizes import model_config
from tasks.finetune.kokoro.trained import VOICES
from tasks.finetune.trained import read_json
from tasks.outcome import ConfigView, Inputs, Produced, Work

_WEIGHTS = "voice_table.safetensors"
_SPEAKERS = "speakers.safetensors"
_ENCODERS = ("style_encoder", "predictor_encoder")
"""Of StyleTTS 2, in the order of a voice's halves."""


class VoiceTableFiles(NamedTuple):
    """The artifact, read back."""

    table: VoiceTable
    embeddings: Tensor
    """[N, E]"""
    speakers: tuple[str, ...]


def read_voice_table(files: Mapping[str, Path]) -> VoiceTableFiles:
    """What the stage wrote, on the CPU.

    Raises:
        UserError: a file is missing or damaged.
    """
    try:
        description = read_json(files["config.json"])
        table = VoiceTable(VoiceTableConfig(**description["sizes"]))
        table.load_state_dict(read_table(files[_WEIGHTS], "run the stage again"))
        embeddings = read_table(files[_SPEAKERS], "run the stage again")["embeddings"]
    except (KeyError, RuntimeError, TypeError) as error:
        raise UserError(f"voice_table: its files cannot be read ({error}); run the stage again") from error
    return VoiceTableFiles(table, embeddings, tuple(description["speakers"]))


def make_voice_table(inputs: Inputs, cfg: ConfigView, work: Work, *, fitted: str | None = None) -> Produced:
    """See the module's docstring.

    Args:
        inputs, cfg, work: Of the stage.
        fitted: The stage that fitted voices, where one did.

    Raises:
        UserError: no speaker, sizes that do not fit, or style encoders that cannot be read.
    """
    settings: KokoroTrainSettings = cfg.train.kokoro
    config = model_config(settings)
    profile = sorted(inputs.table("speaker_profile").to_pylist(), key=lambda row: row["speaker"])
    if not profile:
        raise UserError("voice_table: there is no speaker; no utterance was accepted")
    speakers = tuple(row["speaker"] for row in profile)
    embeddings = torch.tensor([row["centroid"] for row in profile], dtype=torch.float32)
    sizes = VoiceTableConfig(
        embeddings.shape[1],
        config.voice_rows,
        config.voice_width,
        settings.table.latent,
        settings.table.waves,
    )
    if len(speakers) > sizes.latent:
        raise UserError(
            f"train.kokoro.table.latent = {sizes.latent} is below the {len(speakers)} speakers, which it "
            "could not tell apart; raise it"
        )
    torch.manual_seed(derive_seed(cfg.seed, "kokoro voice table"))
    table = VoiceTable(sizes)
    with arithmetic_threads(cfg.compute.threads):
        if settings.table.voices is not None:
            table.begin_as(embeddings, _of_voices(Path(settings.table.voices), speakers))
        elif fitted is None:
            table.centre_on(embeddings, _styles(inputs, cfg, settings.table, config, speakers))
        else:
            table.begin_as(embeddings, _of_voices(inputs.files(fitted)[VOICES], speakers))
        voices = voices_of(table, embeddings, speakers)
    folder = work.dir / "result"
    folder.mkdir(parents=True, exist_ok=True)
    files = {name: folder / name for name in (_WEIGHTS, _SPEAKERS, VOICES, "config.json")}
    save_file(table.state_dict(), files[_WEIGHTS])
    save_file({"embeddings": embeddings}, files[_SPEAKERS])
    save_file(voices, files[VOICES])
    description = {
        "network": "kokoro_voice_table",
        "sizes": asdict(sizes),
        "speakers": list(speakers),
        "encoder": profile[0]["backend"],
        "start": settings.table.start,
        "styles": settings.table.styles is not None,
    }
    files["config.json"].write_text(json.dumps(description, indent=1, sort_keys=True) + "\n")
    return Produced(files=files, metrics={"speakers": float(len(speakers))})


@torch.no_grad()
def voices_of(table: VoiceTable, embeddings: Tensor, speakers: Sequence[str]) -> dict[str, Tensor]:
    """Every speaker's voice [rows, 1, width] as the table makes it now, on the CPU."""
    voices = table.eval()(embeddings).float().cpu()
    return {name: voice[:, None].contiguous() for name, voice in zip(speakers, voices, strict=True)}


def _of_voices(file: Path, speakers: tuple[str, ...]) -> Tensor:
    """[N, rows, width] of the speakers' voices in a file; who is not there begins as their mean."""
    voices = read_table(file, "run the stage that wrote it again, or give a whole one")
    mean = torch.stack(list(voices.values())).mean(0)
    return torch.stack([voices.get(name, mean) for name in speakers])[:, :, 0]


def _styles(
    inputs: Inputs,
    cfg: ConfigView,
    settings: VoiceTableSettings,
    config: KokoroConfig,
    speakers: tuple[str, ...],
) -> Tensor:
    """[N, width]: what the mean of each voice shall be; neutral where there are no style encoders."""
    if settings.styles is None:
        return torch.zeros(len(speakers), config.voice_width)
    encoders = _style_encoders(Path(settings.styles), config)
    clips = read_clips(inputs.files("shard"), "train", cfg.family, cfg.train.kokoro.cache_mb)
    return torch.stack([_mean_style(encoders, clips, speaker) for speaker in speakers])


def _style_encoders(folder: Path, config: KokoroConfig) -> list[StyleEncoder]:
    where = f"train.kokoro.table.styles = {folder}"
    if not (folder / "config.json").is_file():
        raise UserError(f"{where}: holds no config.json; give the result folder of a StyleTTS 2 training")
    sizes = read_json(folder / "config.json").get("sizes", {})
    encoders = []
    for name in _ENCODERS:
        try:
            widths = sizes["style_dim_in"], sizes["style_dim"], sizes["style_max_dim"]
            weights = read_table(folder / f"{name}.safetensors", "give a whole one")
            encoder, _ = build_strictly(partial(StyleEncoder, *widths), weights, name)
        except (KeyError, UserError, RuntimeError, TypeError) as error:
            raise UserError(
                f"{where}: holds no {name} of StyleTTS 2 ({error}); give the result folder of its training"
            ) from error
        encoders.append(encoder.eval())
    if sizes["style_dim"] != config.style_dim:
        raise UserError(
            f"{where}: its styles are {sizes['style_dim']} wide and this model's {config.style_dim}; give "
            "encoders of the same width, or set train.kokoro.sizes.style_dim"
        )
    return encoders


@torch.no_grad()
def _mean_style(encoders: list[StyleEncoder], clips: Clips, speaker: str) -> Tensor:
    """[width] over a speaker's training clips; neutral for a speaker without any."""
    own = [i for i, name in enumerate(clips.speakers) if name == speaker and clips.frames[i] >= MIN_FRAMES]
    styles = []
    for index in own:
        mel = torch.from_numpy(clips[index].mel).float()[None, None]
        styles.append(torch.cat([encoder(mel)[0] for encoder in encoders]))
    width = sum(encoder.unshared.out_features for encoder in encoders)
    return torch.stack(styles).mean(0) if styles else torch.zeros(width)
