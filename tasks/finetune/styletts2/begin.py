"""The networks that each stage of StyleTTS 2 begins with: fresh ones, an earlier stage's, a voice's."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import NamedTuple

from configs.errors import UserError
from configs.train_styletts2 import StyleTTS2TrainSettings
from models.acoustics.batch import AcousticBatch
from models.frontend.text.character_tokens import character_table
from models.styletts2.training import Networks
from models.styletts2.upstream import Dropped, Part
from tasks.finetune.characters.clips import FamilyOfCharacters
from tasks.finetune.styletts2.checks import check_sources
from tasks.finetune.styletts2.earlier import (
    Earlier,
    described,
    earlier_files,
    earlier_part,
    earlier_voice,
    fits,
    load_earlier,
    require_same_characters,
    require_same_sizes,
)
from tasks.finetune.styletts2.start import NO_QUIRKS, check_arrival, fresh_networks, model_config, read_wavlm
from tasks.finetune.training import Files

FROM_STAGE1 = ("text_encoder", "style_encoder", "decoder", "text_aligner", "pitch_extractor")
FROM_STAGE2 = (
    *("bert", "bert_encoder", "predictor", "decoder", "text_encoder", "predictor_encoder", "style_encoder"),
    *("diffusion", "text_aligner", "pitch_extractor", "mpd", "msd"),
)
_PARTS: Mapping[Part, str] = {
    "text_aligner": "train.styletts2.pretrained_aligner",
    "pitch_extractor": "train.styletts2.pretrained_pitch",
    "bert": "train.styletts2.pretrained_bert",
}
"""Settings of networks that have files of their own."""


class Begun(NamedTuple):
    """Networks with the weights that a stage starts from, and what the user should know of these."""

    networks: Networks
    digests: dict[str, str]
    warnings: list[str]
    dropped: list[Dropped]
    notes: list[str]


def begin(
    stage: str,
    settings: StyleTTS2TrainSettings,
    family: FamilyOfCharacters,
    files: Files,
    validation: Sequence[AcousticBatch],
    judged: bool,
    seed: int,
) -> Begun:
    """The networks that a stage begins with.

    Args:
        stage: `stage1`, `stage2` or `finetune`.
        settings: Of the stage.
        family: Whose characters and sample rate it is.
        files: For `stage2` those of stage 1.
        validation: Clips that show whether earlier weights arrived.
        judged: Whether the SLM adversary trains.
        seed: The run's seed.

    Raises:
        UserError: weights that cannot be read or do not fit, or sizes that contradict each other.
    """
    wavlm = read_wavlm(settings, family.sample_rate)
    table = character_table(family.character_table or "styletts2")
    voice = _voice(stage, settings, files)
    quirks = NO_QUIRKS
    if stage == "finetune" and voice is not None:
        quirks = {name: voice.sizes[name] for name in NO_QUIRKS if name in voice.sizes}
    config = model_config(settings, table.n_symbols, wavlm, quirks)
    networks = fresh_networks(settings, config, wavlm, judged, seed)
    if voice is None:
        warnings = list(check_sources(settings))
        return _begun(networks, _read_parts(settings, networks), warnings)
    require_same_characters(voice, table.name)
    require_same_sizes(config, voice)
    needed = FROM_STAGE1 if stage == "stage2" else FROM_STAGE2
    if networks.wd is not None and "wd" in voice.weights and fits(networks.wd, voice.weights["wd"], "wd"):
        needed = (*needed, "wd")
    read = load_earlier(networks.named(), voice, needed)
    if stage == "stage2":
        networks.model.predictor_encoder.load_state_dict(networks.model.style_encoder.state_dict())
    warnings = check_arrival(networks, validation, voice.source)
    return _begun(networks, [read, *_read_parts(settings, networks)], warnings)


def _voice(stage: str, settings: StyleTTS2TrainSettings, files: Files) -> Earlier | None:
    """All the networks that a stage goes on from; None for the first."""
    if stage == "stage1":
        return None
    if stage == "stage2":
        name = "train_styletts2_stage1"
        return earlier_files(files[name], name, FROM_STAGE1)
    if settings.pretrained is None:
        raise UserError(
            "train.styletts2.pretrained is null: fine-tuning goes on from a voice; give its name, its "
            "checkpoint or the folder of its weights, or train stage1 and stage2"
        )
    return earlier_voice(settings.pretrained, "train.styletts2.pretrained")


def _read_parts(settings: StyleTTS2TrainSettings, networks: Networks) -> list[Earlier]:
    """Load the single networks that the settings name; other stages' settings are null here."""
    parts: dict[Part, str | None] = {
        "text_aligner": settings.pretrained_aligner,
        "pitch_extractor": settings.pretrained_pitch,
        "bert": settings.pretrained_bert,
    }
    given = {name: value for name, value in parts.items() if value is not None}
    named = networks.named()
    return [
        load_earlier(named, earlier_part(value, _PARTS[name], name), (name,)) for name, value in given.items()
    ]


def _begun(networks: Networks, read: Sequence[Earlier], warnings: list[str]) -> Begun:
    digests = {name: digest for each in read for name, digest in each.digests.items()}
    dropped = [entry for each in read for entry in each.dropped]
    return Begun(networks, digests, warnings, dropped, [described(each) for each in read])
