"""StyleTTS 2's published voices: speech in the style of a recording, or in a drawn one, without training."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

from configs.errors import UserError
from configs.loading import resolve
from models.layers.conv import fold_weight_norm
from models.styletts2.config import styletts2_config
from models.styletts2.model import StyleTTS2
from models.styletts2.upstream import load_network
from tasks.finetune.styletts2.earlier import earlier_voice
from tasks.finetune.trained import sizes_as_json
from tasks.release.styletts2.networks import SPEAKING, config_of, network_of
from tasks.release.styletts2.published_names import LANGUAGE, VERSIONS, entry_of
from tasks.release.styletts2.voice import StyleReference, StyleTTS2Voice
from tasks.release.voice import changed_manner
from tasks.weights import LocalWeights


def load_published(name: str, weights: LocalWeights, manner: Mapping[str, object]) -> StyleTTS2Voice:
    """The voice of a published file.

    Args:
        name: One of `VERSIONS`. `ljspeech` is one speaker's, whose style is drawn for each text; `libritts`
            has no voice of its own, and speaks like a reference.
        weights: What was fetched.
        manner: Settings of how it speaks that differ from the preset's.

    Raises:
        UserError: no such voice, weights that are not here, damaged or incomplete, or a wrong setting.
    """
    if name not in VERSIONS:
        raise UserError(f"--voice: styletts2/{name} is not published; there are {', '.join(VERSIONS)}")
    settings = resolve(f"styletts2-{name}").settings
    found = earlier_voice(str(weights.of(entry_of(name))), f"styletts2/{name}")
    missing = [each for each in SPEAKING if each not in found.weights]
    if missing:
        raise UserError(f"{found.source}: lacks {', '.join(missing)}; fetch the file again")
    model = StyleTTS2(config_of({**sizes_as_json(styletts2_config(name)), **found.sizes}))
    for each in SPEAKING:
        load_network(network_of(model, each), found.weights[each], f"{found.source}: {each}")
    model.eval().requires_grad_(False)
    fold_weight_norm(model)
    own = model.config
    drawn = StyleReference(
        name, "", "", LANGUAGE, np.zeros(0, np.float32), np.zeros(2 * own.style_dim, np.float32)
    )
    changes = manner if own.multispeaker else {"style": "diffusion", **manner}
    return StyleTTS2Voice(
        model=model,
        family=settings.family,
        languages=(LANGUAGE,),
        references={} if own.multispeaker else {name: drawn},
        default_speaker=name,
        manner=changed_manner(settings.release.styletts2, changes),
    )
