"""A voice that speaks: trained networks, a reference clip per speaker, and how they are used."""

from __future__ import annotations

import logging
import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
import torch
from torch import Tensor

from configs.errors import UserError
from configs.linguistic import LinguisticSettings
from configs.release import SynthesizeSettings
from models.frontend.audio import Samples, Waveform
from models.frontend.language import foreign_share
from models.frontend.mel import SpectrogramParameters, linear_spectrogram
from models.frontend.text.g2p import Phonemized, base_language, phonemize
from models.linguistic.bert import bert_features, load_bert
from models.sovits.model import SovitsGenerator
from models.t2s.generation import generate
from models.t2s.model import TextToSemantic
from models.t2s.sampling import Sampling
from tasks.finetune.batches import derive_seed
from tasks.release.sentences import split_sentences

logger = logging.getLogger(__name__)

MAX_FOREIGN_SHARE = 0.3
"""Letters of another script that a text may hold (names, for example) before it is refused."""

CODES_PER_S = 25.0
SLOWEST_PHONES_PER_S = 3.0
"""A sentence that takes longer than this is a decoder that does not find its end."""


@dataclass(frozen=True)
class Reference:
    """A recorded clip that stands for a speaker.

    Attributes:
        speaker: Whose it is.
        utterance_id: Which clip.
        text: What is said.
        language: In which language.
        samples: float32 `[S]` at the family's sample rate.
        phone_ids: Phones of the text.
        codes: Semantic codes of the clip.
    """

    speaker: str
    utterance_id: str
    text: str
    language: str
    samples: Samples
    phone_ids: tuple[int, ...]
    codes: tuple[int, ...]


class Rendering(NamedTuple):
    """One sentence.

    Attributes:
        samples: float32 `[S]`.
        codes: The semantic codes it was made from.
        cut_off: The decoder found no end and was stopped.
    """

    samples: Samples
    codes: tuple[int, ...]
    cut_off: bool


@dataclass(frozen=True)
class Voice:
    """Everything that speaking needs; made by `load_voice` or from a run's own files.

    Attributes:
        generator: Codes, phones and a reference to a waveform.
        decoder: Phones to codes.
        frame: The family's audio frame.
        symbol_table: Phones that both networks know.
        languages: Language codes of the clips, the one with most clips first.
        references: By speaker.
        default_speaker: Who speaks when nobody is asked for.
        manner: How codes and latents are drawn.
        linguistic: How Chinese text becomes linguistic features.
    """

    generator: SovitsGenerator
    decoder: TextToSemantic
    frame: SpectrogramParameters
    symbol_table: str
    languages: tuple[str, ...]
    references: Mapping[str, Reference]
    default_speaker: str
    manner: SynthesizeSettings
    linguistic: LinguisticSettings

    def speak(
        self,
        text: str,
        *,
        seed: int = 0,
        language: str | None = None,
        speaker: str | None = None,
        speed: float | None = None,
    ) -> Waveform:
        """Speak a text, sentence by sentence; the same arguments give the same samples.

        Args:
            text: Any length.
            seed: Of everything that is drawn.
            language: Code of the text's language; the voice's first by default.
            speaker: One of `references`; `default_speaker` by default.
            speed: Above 1 is faster; the voice's own setting by default.

        Raises:
            UserError: a language or speaker that the voice does not have, or a text without words.
        """
        reference = self.reference_of(speaker)
        spoken_language = self.checked_language(language)
        sentences = split_sentences(text)
        if not sentences:
            raise UserError("text: it is empty; give the words to speak")
        foreign = foreign_share(text, spoken_language)
        if foreign > MAX_FOREIGN_SHARE:
            raise UserError(
                f"text: {foreign:.0%} of its letters belong to no script of the language {spoken_language}; "
                f"this voice speaks {', '.join(self.languages)}"
            )
        pieces: list[Samples] = []
        pause = np.zeros(round(self.manner.pause_s * self.frame.sample_rate), dtype=np.float32)
        for number, sentence in enumerate(_speakable(sentences)):
            phonemized = phonemize(sentence, spoken_language, self.symbol_table)
            rng = torch.Generator().manual_seed(derive_seed(seed, "speak", number))
            rendered = self.render(phonemized, reference, rng, speed)
            if rendered.cut_off:
                logger.warning(
                    "%r was cut off after %.1f s: the decoder found no end",
                    sentence,
                    len(rendered.samples) / self.frame.sample_rate,
                )
            pieces += [pause, rendered.samples] if pieces else [rendered.samples]
        return Waveform(np.concatenate(pieces), self.frame.sample_rate)

    @torch.no_grad()
    def render(
        self,
        phonemized: Phonemized,
        reference: Reference,
        rng: torch.Generator,
        speed: float | None = None,
    ) -> Rendering:
        """One sentence by the path that text takes: phones, codes, waveform."""
        manner = self.manner
        own = torch.tensor([phonemized.phone_ids])
        phones, bert, prompt = own, self._linguistic_features(phonemized), None
        if manner.prompt_with_reference:
            given = torch.tensor([reference.phone_ids])
            phones = torch.cat((given, own), dim=1)
            bert = torch.cat((bert.new_zeros(1, bert.shape[1], given.shape[1]), bert), dim=2)
            prompt = torch.tensor([reference.codes])
        longest_s = min(manner.max_sentence_s, own.shape[1] / SLOWEST_PHONES_PER_S + 1.0)
        generated = generate(
            self.decoder,
            phones,
            torch.tensor([phones.shape[1]]),
            bert,
            prompt=prompt,
            sampling=Sampling(
                top_k=manner.top_k,
                top_p=manner.top_p,
                temperature=manner.temperature,
                repetition_penalty=manner.repetition_penalty,
            ),
            max_codes=math.ceil(longest_s * CODES_PER_S),
            rng=rng,
        )
        samples = self.render_codes(generated.codes, own, reference, rng, speed)
        codes = tuple(generated.codes[0].tolist())
        return Rendering(samples, codes, cut_off=not bool(generated.ended[0]))

    @torch.no_grad()
    def render_codes(
        self,
        codes: Tensor,
        phone_ids: Tensor,
        reference: Reference,
        rng: torch.Generator,
        speed: float | None = None,
    ) -> Samples:
        """Codes `[1, K]` and phones `[1, L]` to float32 samples `[S]`, by the prior path."""
        wave = self.generator.decode(
            codes,
            phone_ids,
            [linear_spectrogram(torch.from_numpy(reference.samples)[None], self.frame)],
            speed=self.manner.speed if speed is None else speed,
            noise_scale=self.manner.noise_scale,
            rng=rng,
        )
        return np.asarray(wave[0, 0].numpy(), dtype=np.float32)

    def reference_of(self, speaker: str | None) -> Reference:
        """The clip that stands for a speaker.

        Raises:
            UserError: the voice has no such speaker.
        """
        name = self.default_speaker if speaker is None else speaker
        if name not in self.references:
            known = ", ".join(sorted(self.references))
            raise UserError(f"speaker: {name!r} is not in this voice; it has {known}")
        return self.references[name]

    def checked_language(self, language: str | None) -> str:
        """The language to read a text in.

        Raises:
            UserError: the voice has never heard it.
        """
        if language is None:
            return self.languages[0]
        for own in self.languages:
            # The accent is the one the voice was trained with, whichever was asked for.
            if base_language(own) == base_language(language):
                return own
        raise UserError(
            f"language: {language!r} is not spoken by this voice; it was trained on "
            f"{', '.join(self.languages)}. Train it on clips of that language first"
        )

    def _linguistic_features(self, phonemized: Phonemized) -> Tensor:
        """`[1, D, L]`, zeros for every language but Chinese."""
        channels = self.decoder.config.linguistic_channels
        settings = self.linguistic
        if settings.backend == "bert" and phonemized.language == "zh":
            encoder = load_bert(settings.model, settings.revision, settings.weights_digest)
            return bert_features(encoder, phonemized.words, phonemized.word2ph, settings.layer)[None]
        return torch.zeros(1, channels, len(phonemized.phone_ids))


def _speakable(sentences: list[str]) -> list[str]:
    """Sentences with at least one letter or digit; stray marks join nothing and are left out."""
    spoken = [sentence for sentence in sentences if any(c.isalnum() for c in sentence)]
    if not spoken:
        raise UserError(f"text: {' '.join(sentences)[:60]!r} has no word that can be spoken")
    return spoken
