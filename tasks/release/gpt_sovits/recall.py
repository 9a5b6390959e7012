"""Whether the decoder gives back what it was trained on.

This measures memorising, not quality: a decoder that cannot even repeat its training clips has not been
trained long enough, and one that can may still say new sentences badly.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Set
from pathlib import Path
from typing import Any

import numpy as np
import torch

from models.frontend.mel import SpectrogramParameters
from models.metrics.codes import edit_recall, position_recall
from models.t2s.generation import generate
from models.t2s.model import TextToSemantic
from models.t2s.sampling import Sampling
from tasks.device import placed
from tasks.finetune.gpt_sovits.examples import read_split
from tasks.finetune.gpt_sovits.t2s.batch import collate

GREEDY = Sampling(top_k=1, repetition_penalty=1.0)
LONGEST = 1.5
"""Decoding stops at this many times the clip's codes, so that a decoder without an end does end."""
CACHE_MB = 64


def recalled_codes(
    decoder: TextToSemantic,
    files: Mapping[str, Path],
    codes: Mapping[str, np.ndarray],
    frame: SpectrogramParameters,
    *,
    clips: int,
    refused: Set[str],
) -> Iterator[dict[str, Any]]:
    """`t2s/recalled_codes` and `t2s/recalled_codes_edit` of training clips, decoded greedily from text alone.

    Args:
        decoder: In evaluation mode.
        files: The shards.
        codes: int64 `[K]` semantic codes by clip.
        frame: The family's audio frame.
        clips: How many, at most; the first ones in the order of their ids.
        refused: Clips that the decoder was not trained on.
    """
    device = decoder.bert_proj.weight.device
    train = read_split(files, "train", frame, CACHE_MB, audio=False)
    place = {name: index for index, name in enumerate(train.utterance_ids)}
    known = sorted(name for name in place if name in codes and name not in refused)
    for name in known[:clips]:
        batch = placed(collate([train[place[name]]], codes, decoder.config.linguistic_channels), device)
        decoded = generate(
            decoder,
            batch.phone_ids,
            batch.phone_lengths,
            batch.bert,
            sampling=GREEDY,
            max_codes=math.ceil(LONGEST * len(codes[name])),
            rng=torch.Generator().manual_seed(0),
        )
        given_back = decoded.codes[0, : int(decoded.lengths[0])].tolist()
        own = codes[name].tolist()
        yield {
            "utterance_id": name,
            "t2s/recalled_codes": position_recall(own, given_back),
            "t2s/recalled_codes_edit": edit_recall(own, given_back),
        }
