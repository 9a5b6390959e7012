"""Kokoro's published weights with an official voice or a mix of them: speech without training."""

from __future__ import annotations

import threading
from collections.abc import Mapping
from dataclasses import replace
from typing import Any
from weakref import WeakValueDictionary

from configs.loading import resolve
from models.kokoro.model import Kokoro
from models.kokoro.official_voices import OfficialVoices
from models.kokoro.published import PublishedFiles, published_files
from models.kokoro.upstream import load_kokoro
from models.kokoro.voice_names import LANGUAGES, language_of, mix_of
from models.layers.conv import fold_weight_norm
from tasks.release.kokoro.published_names import WEIGHTS, voices_folder
from tasks.release.kokoro.voice import PUBLISHED_LEAD_S, KokoroVoice, SpeakerTable
from tasks.release.voice import Voice, changed_manner
from tasks.weights import LocalWeights

PRESET = "kokoro"
_LOADING = threading.Lock()
_SHARED: WeakValueDictionary[tuple[str, int], Kokoro] = WeakValueDictionary()


def load_published(mix: str, weights: LocalWeights, manner: Mapping[str, object]) -> KokoroVoice:
    """A voice by names and shares, `af_heart` or `af_heart:0.6+bf_emma:0.4`.

    Args:
        mix: As `mix_of` reads it; the first speaker of the voice.
        weights: What was fetched.
        manner: Settings of how it speaks that differ from the preset's.

    Raises:
        UserError: no such voice, no mix, weights that are not here or damaged, or a wrong setting.
    """
    shares = mix_of(mix)
    settings = resolve(PRESET).settings
    files = published_files(weights.of(WEIGHTS), f"kokoro/{mix}")
    model = _network(files)
    table = OfficialVoices(voices_folder(weights), model.config).mixed(shares)
    return KokoroVoice(
        model=model,
        family=settings.family,
        languages=(language_of(shares),),
        references={mix: SpeakerTable(mix, "", table)},
        default_speaker=mix,
        manner=changed_manner(settings.release.kokoro, manner),
        brought_languages=tuple(LANGUAGES.values()),
        lead_s=PUBLISHED_LEAD_S,
    )


def _network(files: PublishedFiles) -> Kokoro:
    """The network of some files; voices that are there at the same time share it, their tables differ."""
    with _LOADING:
        key = (str(files.weights.resolve()), files.weights.stat().st_mtime_ns)
        model = _SHARED.get(key)
        if model is None:
            model = load_kokoro(files.weights, files.config)
            model.requires_grad_(False)
            fold_weight_norm(model)
            _SHARED[key] = model
        return model


def as_published(voice: Voice[Any], weights: LocalWeights) -> KokoroVoice:
    """A voice with the model as published, which official voices are for; a fitted one has moved its decoder.

    Raises:
        UserError: the weights are not here, or damaged.
        ValueError: it is a voice of another family.
    """
    if not isinstance(voice, KokoroVoice):
        raise ValueError(f"a {voice.family_name} voice speaks by no table")
    return replace(voice, model=_network(published_files(weights.of(WEIGHTS), WEIGHTS)))


def official_references(voice: Voice[Any], weights: LocalWeights | None = None) -> list[SpeakerTable]:
    """Official voices as references of a voice whose networks are Kokoro's as published.

    Args:
        voice: A Kokoro voice.
        weights: What was fetched; None: those that come along alone.

    Raises:
        ValueError: it is a voice of another family.
    """
    if not isinstance(voice, KokoroVoice):
        raise ValueError(f"a {voice.family_name} voice speaks by no table")
    official = OfficialVoices(None if weights is None else voices_folder(weights), voice.model.config)
    return [SpeakerTable(name, "", official.table(name)) for name in official.names]
