"""A StyleTTS 2 voice: its networks, the style of a recorded clip per speaker, and how they are used."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import ClassVar, Self

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor
from torch.nn.utils.rnn import pad_sequence

from configs.family import FamilySettings
from configs.release import StyleTTS2SpeakSettings
from models.frontend.audio import Samples
from models.frontend.mel import styletts2_mel
from models.frontend.text.lexicon import NO_ENTRIES, Lexicon
from models.seeds import derive_seed
from models.styletts2.model import ReadText, StyleTTS2
from models.styletts2.step import SHORTEST_CLIP_FRAMES
from tasks.release.marked_text import Manuscript
from tasks.release.reference_file import read_reference_file
from tasks.release.sentences import Sentence, read_sentences
from tasks.release.speech_times import shifted
from tasks.release.spelling import Spelled, spelled_whole
from tasks.release.token_times import timed_words, token_speeds
from tasks.release.voice import (
    AS_TRAINED,
    Piece,
    SeedChanges,
    SpeakOptions,
    Uttered,
    Voice,
    changed_manner,
    piece_of,
    windows,
    within_full_scale,
    without_edges,
)

MIN_REFERENCE_S, MAX_REFERENCE_S = 1.0, 30.0
"""Shorter recordings hold too little of a style, longer ones more than one."""
SILENCE_BELOW_DB = 30.0
"""What lies so far below a recording's loudest moment is cut off both ends before its style is taken, as the
published inference does."""


@dataclass(frozen=True, eq=False)
class StyleReference:
    """A recorded clip that stands for a speaker.

    Attributes:
        speaker: Whose it is.
        utterance_id: Which clip.
        text: What is said; "" where nobody knows.
        language: In which language.
        samples: float32 `[S]` at the family's sample rate, without silence at its edges.
        style: float32 `[256]`, acoustic half first.
    """

    speaker: str
    utterance_id: str
    text: str
    language: str
    samples: Samples
    style: NDArray[np.float32]


@dataclass(frozen=True)
class StyleTTS2Voice(Voice[StyleReference]):
    """Networks that speak in the style of a clip, in one drawn for the text, or between the two.

    Attributes:
        model: In evaluation mode.
        family: Audio frame, silence at the edges and characters.
        languages: Language codes of the clips, the one with most clips first.
        references: By speaker.
        default_speaker: Who speaks when nobody is asked for.
        manner: Whose style, and how it is drawn.
        lexicon: Pronunciations of words, as `Voice.lexicon`.
    """

    model: StyleTTS2
    family: FamilySettings
    languages: tuple[str, ...]
    references: Mapping[str, StyleReference]
    default_speaker: str
    manner: StyleTTS2SpeakSettings
    lexicon: Lexicon = NO_ENTRIES

    family_name: ClassVar[str] = "styletts2"
    times_words: ClassVar[bool] = True

    @property
    def sample_rate(self) -> int:
        """Of what it speaks, Hz."""
        return self.family.sample_rate

    @property
    def seed_changes(self) -> SeedChanges:
        """Everything where styles are drawn; else the noise of breath and consonants."""
        drawn = self.manner.style == "diffusion" or self.manner.alpha or self.manner.beta
        return "speech" if drawn else "noise"

    def pieces(self, text: Manuscript, options: SpeakOptions[StyleReference] = AS_TRAINED) -> Iterator[Piece]:
        """As `Voice.pieces`: the references' styles are averaged."""
        styles = [reference.style for reference in self.chosen_references(options)]
        language = self.checked_language(options.language)
        sentences = read_sentences(
            text,
            language,
            self.languages,
            self.family.symbol_table,
            lexicon=self.lexicon,
            asked_language=self.checked_language,
        )
        style = torch.from_numpy(np.mean(styles, axis=0))[None].to(self.device)
        return self._rendered(sentences, style, options)

    @torch.no_grad()
    def render(
        self, sentence: Sentence, reference: StyleReference, seed: int, *, speed: float | None = None
    ) -> Samples:
        """One sentence by the path that text takes."""
        ((said, _),) = self._speak(
            [self._spelled(sentence)],
            torch.from_numpy(reference.style)[None].to(self.device),
            [seed],
            self.manner.speed if speed is None else speed,
            None,
        )
        return said.samples

    @torch.no_grad()
    def style_of(self, samples: Samples) -> NDArray[np.float32]:
        """Style `[256]` of a recording `[S]` at the family's rate, without the silence around the speech."""
        spoken = torch.from_numpy(_spoken(samples, self.family.hop_samples))[None]
        mel = styletts2_mel(spoken.to(self.device))
        style = self.model.encode_reference(mel, (mel.shape[2],))[0]
        return np.asarray(style.cpu().numpy(), dtype=np.float32)

    def reference_from_file(
        self, path: Path, text: str | None = None, language: str | None = None
    ) -> StyleReference:
        """A clip of 1 to 30 s whose style is taken; what is said in it does not matter."""
        samples = read_reference_file(path, self.sample_rate, MIN_REFERENCE_S, MAX_REFERENCE_S)
        return StyleReference(
            speaker=path.stem,
            utterance_id=path.stem,
            text=text or "",
            language=self.checked_language(language),
            samples=samples,
            style=self.style_of(samples),
        )

    def with_manner(self, changes: Mapping[str, object]) -> Self:
        """Other settings of whose style, and how it is drawn."""
        return replace(self, manner=changed_manner(self.manner, changes))

    @torch.no_grad()
    def _rendered(
        self, sentences: Iterator[Sentence], style: Tensor, options: SpeakOptions[StyleReference]
    ) -> Iterator[Piece]:
        speed = self.manner.speed if options.speed is None else options.speed
        batch = options.batch_sentences or self.manner.batch_sentences
        before: Tensor | None = None
        for window in windows(sentences, batch, options.at_once):
            for start in range(0, len(window), batch):
                together = window[start : start + batch]
                spelled = [self._spelled(sentence) for sentence in together]
                seeds = [options.seed_of(sentence.place) for sentence in together]
                spoken = self._speak(spelled, style, seeds, speed, before)
                for sentence, own, (first, carried) in zip(together, spelled, spoken, strict=True):
                    other, said = options.other_seed_of(sentence.place), first
                    if other is not None:
                        # What follows carries on from the first take, so that it stays as it was.
                        ((said, _),) = self._speak([own], style, [other], speed, before)
                    yield piece_of(sentence, said, self.manner.pause_s, self.sample_rate)
                    before = carried

    def _spelled(self, sentence: Sentence) -> Spelled:
        """The sentence's characters; refused where they are too many, or too many are unknown."""
        return spelled_whole(sentence, self._table)

    @property
    def _table(self) -> str:
        return self.family.character_table or "styletts2"

    def _speak(
        self,
        sentences: Sequence[Spelled],
        style: Tensor,
        seeds: Sequence[int],
        speed: float,
        before: Tensor | None,
    ) -> list[tuple[Uttered, Tensor | None]]:
        """A batch, each with the style that the sentence after it carries on from."""
        rows = [torch.tensor(sentence.tokens.ids) for sentence in sentences]
        tokens = pad_sequence(rows, batch_first=True).to(self.device)
        text = self.model.read(tokens, torch.tensor([len(row) for row in rows]))
        styles, carried = self._styles(text, style.expand(len(rows), -1), seeds, before)
        prosody = self.model.predict_prosody(
            text, styles, token_speeds([one.speeds for one in sentences], speed, self.device)
        )
        rngs = [torch.Generator().manual_seed(derive_seed(seed, "source")) for seed in seeds]
        waves = self.model.decode(text, styles, prosody, rngs=rngs)
        frames = [frames[: len(row)] for frames, row in zip(prosody.token_frames.cpu(), rows, strict=True)]
        uttered = map(self._uttered, sentences, [wave.cpu() for wave in waves], frames)
        return list(zip(uttered, carried, strict=True))

    def _uttered(self, sentence: Spelled, wave: Tensor, frames: Tensor) -> Uttered:
        """Waveform `[S]` of tokens that lasted so many frames, without the silence of training."""
        config = self.model.config
        # What the decoder hears of a token is held back by as many frames.
        ends = ((frames.cumsum(0) + config.frame_delay) * config.frame_samples).tolist()
        first, last = (int(frames[at]) * config.frame_samples for at in (0, -1))
        edge = self.family.edge_silence_samples
        kept, front = without_edges(wave.numpy(), edge, first, last, config.frame_samples)
        words = timed_words(sentence, ends, self._table)
        return Uttered(within_full_scale(kept), shifted(words, -front, 0, len(kept)))

    def _styles(
        self, text: ReadText, reference: Tensor, seeds: Sequence[int], before: Tensor | None
    ) -> tuple[Tensor, Sequence[Tensor | None]]:
        """Styles [B, 256] as the manner mixes them, and what the sentence after each carries on from.

        That is the mixed style, as in the published long-form speaking: a text comes closer to its reference
        from sentence to sentence.
        """
        manner, half = self.manner, self.model.config.style_dim
        shares = torch.ones(2 * half)
        if manner.style == "reference":
            shares = torch.cat([torch.full((half,), manner.alpha), torch.full((half,), manner.beta)])
        if not shares.any():
            return reference, [None] * len(seeds)
        rngs = [torch.Generator().manual_seed(derive_seed(seed, "style")) for seed in seeds]
        drawn = self.model.draw_style(
            text,
            self.model.draw_noise(rngs, manner.diffusion_steps),
            steps=manner.diffusion_steps,
            guidance=manner.embedding_scale,
            features=reference if self.model.config.multispeaker else None,
        )
        mixed = list[Tensor]()
        for row, own in zip(drawn, reference, strict=True):
            if before is not None:
                row = manner.carry_over * before + (1 - manner.carry_over) * row
            before = torch.lerp(own, row, shares.to(own))
            mixed.append(before)
        return torch.stack(mixed), mixed


def _spoken(samples: Samples, hop_samples: int) -> Samples:
    """A recording from its first to its last loud moment, or whole where that is too short for a style."""
    import librosa

    found, _ = librosa.effects.trim(samples, top_db=SILENCE_BELOW_DB)
    shortest = SHORTEST_CLIP_FRAMES * hop_samples
    if len(found) < shortest:
        found = np.pad(samples, (0, max(0, shortest - len(samples))))
    return np.ascontiguousarray(found, dtype=np.float32)
