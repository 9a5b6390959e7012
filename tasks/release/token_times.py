"""Tokens in time: how fast each is said, and when words were, by the durations that a network spoke with."""

from __future__ import annotations

import itertools
from collections.abc import Sequence

import torch
from torch import Tensor
from torch.nn.utils.rnn import pad_sequence

from models.frontend.text.character_tokens import NO_PHONE, character_table
from models.frontend.text.characters import MARKS
from tasks.release.speech_times import TimedPhone, TimedWord
from tasks.release.spelling import Spelled


def token_speeds(speeds: Sequence[Sequence[float]], speed: float, device: torch.device) -> float | Tensor:
    """Of a batch, as `predicted_durations` takes it: one, or `[B, L]` where the text asks for several.

    Args:
        speeds: Of the rows' tokens.
        speed: Of the whole.
        device: Where they are needed.
    """
    if all(one == 1.0 for row in speeds for one in row):
        return speed
    rows = [torch.tensor(row) * speed for row in speeds]
    return pad_sequence(rows, batch_first=True, padding_value=1.0).to(device)


def timed_words(spelled: Spelled, ends: Sequence[int], table: str) -> tuple[TimedWord, ...]:
    """The words of what was said at once; marks and pads are what is between them.

    A space belongs to the word after it: what is heard in its frames is that word's onset.

    Args:
        spelled: What was said.
        ends: The sample after the last of every token.
        table: The characters' table.
    """
    ids = character_table(table).ids
    characters = {number: one for one, number in ids.items()}
    tokens = spelled.tokens
    spoken: dict[int, TimedPhone] = {}
    begins = [0, *ends]
    for phone, group in itertools.groupby(range(len(tokens.ids)), key=lambda at: tokens.phone_of[at]):
        if phone != NO_PHONE:
            own = list(group)
            label = "".join(characters[tokens.ids[at]] for at in own)
            first = own[0] - (tokens.ids[own[0] - 1] == ids[" "])
            spoken[phone] = TimedPhone(label, begins[first], ends[own[-1]])
    words = []
    number = itertools.count()
    for word in spelled.words:
        phones = tuple(spoken[at] for _, at in zip(word.phones, number, strict=False) if at in spoken)
        if phones and word.text not in MARKS:
            words.append(TimedWord(word.text, phones[0].start, phones[-1].end, phones))
    return tuple(words)
