"""What a fine-tuned model could say before: the published voice that it began as, on the sentences of all.

A model that is trained on one speaker's clips can forget how to read what is not in them. The published voice
says the same sentences and is heard by the same judges, once: what was measured is kept in the workspace, by
sentences, judges, weights and the code that reads, speaks and judges.
"""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

from artifacts import digest
from artifacts.store import write_atomically
from configs.settings import Settings
from models.frontend.audio import Waveform
from models.frontend.text.front_ends import modules_of
from models.frontend.text.phonemized import base_language
from tasks.code import Code
from tasks.release.evaluate import WEIGHTS, describe
from tasks.release.judges import Judges
from tasks.release.published import load_published, published_names
from tasks.release.samples import SENTENCES
from tasks.release.test_sentences import sentences, spoken
from tasks.versions.gates import Measured
from tasks.weights import RECORD, LocalWeights, weights_folder


def base_voice(settings: Settings, weights: LocalWeights, language: str) -> str | None:
    """The published voice that a version is compared with; None where nothing published was trained on."""
    chosen = settings.gates.base
    if chosen != "auto":
        return chosen
    family = settings.family.name
    kokoro, styletts2 = settings.train.kokoro, settings.train.styletts2
    begun_with = {
        "kokoro": kokoro.pretrained if kokoro.method == "train" else None,
        "styletts2": styletts2.pretrained,
    }
    if begun_with.get(family) is None:
        return None
    named = published_names(weights).items()
    own = sorted(
        name
        for name, spoken_in in named
        if name.startswith(f"{family}/") and base_language(spoken_in) == base_language(language)
    )
    return next(iter(own), None)


def measured_base(workspace: Path, settings: Settings, language: str) -> Measured | None:
    """Errors of the published voice, sentence by sentence; None where there is none, or nobody listens.

    The first time it takes as long as judging the sentences of a version does.

    Raises:
        UserError: the voice that the settings name is not here.
    """
    count = settings.release.evaluate.sentences
    # Nothing is read of the voice but what is misheard.
    judges = replace(Judges.of(settings.release.evaluate), naturalness=None, second_naturalness=None)
    texts = sentences(language)[:count]
    if not texts or judges.recogniser(language) is None:
        return None
    weights = LocalWeights(weights_folder(settings, workspace))
    voice = base_voice(settings, weights, language)
    if voice is None:
        return None
    about = {
        f"{SENTENCES}/{metric}": describe(f"{SENTENCES}/{metric}", judges.about(language))
        for metric in WEIGHTS
        if metric in judges.about(language)
    }
    fetched = {path.parent.name: digest.of_file(path) for path in weights.folder.glob(f"*/{RECORD}")}
    modules = (__name__, *modules_of(language, settings.family.symbol_table))
    code = Code(workspace / "cache" / "code.json").digests(modules, settings)
    key = digest.of_value([voice, list(texts), settings.seed, about, fetched, code])
    path = workspace / "cache" / "bases" / f"{key[:32]}.json"
    if not path.is_file():
        write_atomically(path, json.dumps(_heard(voice, weights, settings, judges, count)).encode())
    return Measured(0, 0.0, json.loads(path.read_bytes()), about, voice)


def _heard(
    name: str, weights: LocalWeights, settings: Settings, judges: Judges, count: int
) -> dict[str, dict[str, float]]:
    voice: Any = load_published(name, weights)
    found: dict[str, dict[str, float]] = {}
    for one in spoken(voice, count, settings.seed):
        values = judges.judge(Waveform(one.samples, voice.sample_rate), one.text, one.language)
        for metric in WEIGHTS.keys() & values.keys():
            found.setdefault(f"{SENTENCES}/{metric}", {})[one.utterance_id] = values[metric]
    return found
