"""The stage `evaluate` of GPT-SoVITS voices: renderings, and what the decoder remembers.

`t2s` is no rendering: it says how much of its training clips the decoder gives back.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from tasks.device import chosen_device
from tasks.features.frames import spectrogram_parameters
from tasks.finetune.gpt_sovits.trained import load_decoder
from tasks.finetune.trained import read_json
from tasks.release.evaluate import evaluate_renderings
from tasks.release.gpt_sovits.assembly import codes_by_clip
from tasks.release.gpt_sovits.recall import recalled_codes
from tasks.stage import ConfigView, Inputs, Produced, Work

ABOUT = {
    "recalled_codes": "share of a training clip's codes given back in place by greedy decoding from its "
    "text, 0-1: memorising, not quality",
    "recalled_codes_edit": "1 - edit distance / length of the same decoding, 0-1: memorising, not quality",
}


def evaluate_corpus(inputs: Inputs, cfg: ConfigView, work: Work) -> Produced:
    """Measure every rendering, and the decoder on training clips.

    Raises:
        UserError: the device is not there.
    """
    return evaluate_renderings(inputs, cfg, work, _recalled(inputs, cfg), ABOUT)


def _recalled(inputs: Inputs, cfg: ConfigView) -> list[dict[str, Any]]:
    files = inputs.files("train_t2s")
    trained = read_json(files["config.json"])
    if trained["steps"] == 0:
        # A decoder kept as published has never seen these clips: there is nothing to remember.
        return []
    decoder = load_decoder(files["decoder.safetensors"], trained["sizes"])
    decoder = decoder.to(chosen_device(cfg.compute.device))
    codes = {name: np.asarray(own, np.int64) for name, own in codes_by_clip(inputs).items()}
    return list(
        recalled_codes(
            decoder,
            inputs.files("shard"),
            codes,
            spectrogram_parameters(cfg.family),
            clips=cfg.release.evaluate.recalled_clips,
            refused={reject.row_id for reject in inputs.rejects("train_t2s")},
        )
    )
