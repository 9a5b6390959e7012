"""A GPT-SoVITS voice: trained networks, a reference clip per speaker, and how they are used."""

from __future__ import annotations

import logging
import math
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import ClassVar, NamedTuple, Self

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor
from torch.nn.utils.rnn import pad_sequence

from configs.content import ContentSettings
from configs.errors import UserError
from configs.linguistic import LinguisticSettings
from configs.release import SynthesizeSettings
from configs.speaker_vector import SpeakerVectorSettings
from models.frontend.audio import Samples
from models.frontend.mel import SpectrogramParameters, linear_spectrogram
from models.frontend.text.lexicon import NO_ENTRIES, Lexicon
from models.frontend.text.phonemized import Phonemized, base_language, table_languages
from models.layers.precision import spoken_dtype
from models.linguistic.bert import bert_features, load_bert
from models.seeds import derive_seed
from models.sovits.model import SovitsGenerator
from models.t2s.config import CODES_PER_S
from models.t2s.generation import generate
from models.t2s.model import TextToSemantic
from models.t2s.packed import moved
from models.t2s.sampling import Sampling
from tasks.release.gpt_sovits.marks import with_marks
from tasks.release.gpt_sovits.reference import Reference
from tasks.release.marked_text import Manuscript
from tasks.release.sentences import Sentence, read_sentences
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
)

logger = logging.getLogger(__name__)

SLOWEST_PHONES_PER_S = 3.0
"""A sentence that takes longer than this is a decoder that does not find its end."""

Runs = Sequence[Phonemized]
"""A sentence as one run of phones per language."""


class Coded(NamedTuple):
    """What the decoder made of one sentence.

    Attributes:
        codes: Semantic codes at 25 Hz.
        cut_off: It found no end and was stopped.
    """

    codes: tuple[int, ...]
    cut_off: bool


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
class GptSovitsVoice(Voice[Reference]):
    """A SoVITS generator, a text-to-semantic decoder and a recorded clip per speaker.

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
        content: How a recording becomes content features, for references from outside the corpus.
        speaker_vector: How a recording becomes a speaker vector, where the generator reads one.
        published: Both networks started from published weights, which know all languages of their table.
        lexicon: Pronunciations of words, as `Voice.lexicon`.
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
    content: ContentSettings
    speaker_vector: SpeakerVectorSettings
    published: bool
    lexicon: Lexicon = NO_ENTRIES

    family_name: ClassVar[str] = "gpt-sovits"
    continues_references: ClassVar[bool] = True
    one_speed: ClassVar[bool] = True
    encoders: ClassVar[tuple[str, ...]] = ("content", "speaker_vector", "linguistic")

    @property
    def seed_changes(self) -> SeedChanges:
        """Everything, but for manners that leave nothing to chance."""
        if self.manner.top_k > 1:
            return "speech"
        return "noise" if self.manner.noise_scale else "nothing"

    def pieces(self, text: Manuscript, options: SpeakOptions[Reference] = AS_TRAINED) -> Iterator[Piece]:
        """As `Voice.pieces`: the decoder continues the first reference, the styles of all are averaged."""
        references = self.chosen_references(options)
        language = self.checked_language(options.language)
        sentences = read_sentences(
            text,
            language,
            self.spoken_languages,
            self.symbol_table,
            one_speed=True,
            lexicon=self.lexicon,
            asked_language=self.checked_language,
        )
        return self._rendered(sentences, references, options)

    @torch.no_grad()
    def render(
        self, runs: Runs, references: Sequence[Reference], seed: int, speed: float | None = None
    ) -> Rendering:
        """One sentence by the path that text takes: phones with their marks, codes, waveform."""
        runs = with_marks(runs)
        (coded,) = self.draw_codes([runs], references[0], [seed])
        samples = self._wave(runs, coded, self.style_of(references), seed, speed)
        return Rendering(samples, coded.codes, coded.cut_off)

    @torch.no_grad()
    def draw_codes(
        self, sentences: Sequence[Runs], reference: Reference, seeds: Sequence[int]
    ) -> list[Coded]:
        """Semantic codes of several sentences, drawn together; a seed for each.

        A sentence's codes are those it would get alone, up to rounding in the networks.
        """
        manner = self.manner
        prompted = manner.prompt_with_reference and bool(reference.codes)
        given = list(reference.phone_ids) if prompted else []
        own = [_phone_ids(runs) for runs in sentences]
        rows = [torch.tensor([*given, *phone_ids]) for phone_ids in own]
        phones = pad_sequence(rows, batch_first=True)
        bert = torch.zeros(len(rows), self.decoder.config.linguistic_channels, phones.shape[1])
        for row, runs in enumerate(sentences):
            if prompted and reference.linguistic is not None:
                bert[row, :, : len(given)] = torch.from_numpy(reference.linguistic)
            self._write_linguistic(bert[row], runs, len(given))
        limits = [self._longest_codes(len(phone_ids)) for phone_ids in own]
        generated = generate(
            self.decoder,
            phones.to(self.device),
            torch.tensor([len(row) for row in rows], device=self.device),
            bert.to(self.device),
            prompt=torch.tensor([reference.codes] * len(rows), device=self.device) if prompted else None,
            sampling=Sampling(
                top_k=manner.top_k,
                top_p=manner.top_p,
                temperature=manner.temperature,
                repetition_penalty=manner.repetition_penalty,
            ),
            max_codes=max(limits),
            rng=[_generator(seed, "codes") for seed in seeds],
            cuda_graph=manner.cuda_graphs,
        )
        # The batch runs as long as its longest sentence may; each is held to its own limit.
        return [
            Coded(tuple(codes[: min(length, limit)].tolist()), cut_off=length >= limit)
            for codes, length, limit in zip(generated.codes, generated.lengths.tolist(), limits, strict=True)
        ]

    @torch.no_grad()
    def render_codes(
        self,
        codes: Tensor,
        phone_ids: Tensor,
        style: Tensor,
        rng: torch.Generator,
        speed: float | None = None,
    ) -> Samples:
        """By the prior path: codes `[1, K]`, phones `[1, L]` and a style `[1, G, 1]` to samples `[S]`."""
        wave = self.generator.decode_with_style(
            codes.to(self.device),
            phone_ids.to(self.device),
            style,
            speed=self.manner.speed if speed is None else speed,
            noise_scale=self.manner.noise_scale,
            rng=rng,
            decoder_dtype=spoken_dtype(self.manner.precision, self.device),
        )
        return np.asarray(wave[0, 0].cpu().numpy(), dtype=np.float32)

    @torch.no_grad()
    def style_of(self, references: Sequence[Reference]) -> Tensor:
        """The references' average style `[1, G, 1]`, which all sentences of a text share.

        Raises:
            UserError: a reference without the speaker vector that the generator needs.
        """
        waves = [torch.from_numpy(one.samples)[None].to(self.device) for one in references]
        spectra = [linear_spectrogram(wave, self.frame) for wave in waves]
        return self.generator.mean_style(spectra, self._speaker_vectors(references))

    @property
    def spoken_languages(self) -> tuple[str, ...]:
        """Languages of the clips, then those that published weights bring along."""
        heard = {base_language(own) for own in self.languages}
        brought = table_languages(self.symbol_table) if self.published else ()
        return (*self.languages, *(code for code in brought if code not in heard))

    @property
    def sample_rate(self) -> int:
        """Of what it speaks, Hz."""
        return self.frame.sample_rate

    def reference_from_file(
        self, path: Path, text: str | None = None, language: str | None = None
    ) -> Reference:
        """A clip of 3 to 10 s whose timbre is taken; with its text, the decoder continues it."""
        # Whoever speaks without a recording of their own needs no encoder of content.
        from tasks.release.gpt_sovits.zero_shot import reference_from_file

        return reference_from_file(self, path, text, language)

    def on(self, device: torch.device) -> Self:
        """As `Voice.on`; the decoder takes the layout of the device."""
        try:
            decoder = moved(self.decoder, device)
        except UserError as error:
            raise UserError(f"decoder_weights: {error}, or compute.device = cpu") from error
        return replace(self, generator=self.generator.to(device), decoder=decoder)

    def with_manner(self, changes: Mapping[str, object]) -> Self:
        """Other settings of how codes and latents are drawn."""
        return replace(self, manner=changed_manner(self.manner, changes))

    def with_encoders(self, given: Mapping[str, str], locate: Callable[[str], str]) -> Self:
        """Where content, speaker vector and linguistic encoders lie."""
        encoders = {name: getattr(self, name) for name in self.encoders}
        return replace(
            self,
            **{
                name: settings.model_copy(update={"model": given.get(name) or locate(settings.model)})
                for name, settings in encoders.items()
            },
        )

    def linguistic_features(self, runs: Runs) -> NDArray[np.float32] | None:
        """`[D, L]` for the phones of all runs, or None where all of them are zeros."""
        features = torch.zeros(self.decoder.config.linguistic_channels, len(_phone_ids(runs)))
        return features.numpy() if self._write_linguistic(features, runs, 0) else None

    @torch.no_grad()
    def _rendered(
        self,
        sentences: Iterator[Sentence],
        references: Sequence[Reference],
        options: SpeakOptions[Reference],
    ) -> Iterator[Piece]:
        style = self.style_of(references)
        sentences = (sentence._replace(runs=with_marks(sentence.runs)) for sentence in sentences)
        batch = options.batch_sentences or self.manner.batch_sentences
        speed = self.manner.speed if options.speed is None else options.speed
        for window in windows(sentences, batch, options.at_once):
            seeds = [options.seed_of(sentence.place) for sentence in window]
            coded = self._draw_sorted(window, references[0], seeds, batch)
            for sentence, seed, codes in zip(window, seeds, coded, strict=True):
                other = options.other_seed_of(sentence.place)
                if other is not None:
                    seed = other
                    (codes,) = self.draw_codes([sentence.runs], references[0], [other])
                said = self._uttered(sentence, codes, style, seed, speed)
                yield piece_of(sentence, said, self.manner.pause_s, self.sample_rate)

    def _uttered(self, sentence: Sentence, coded: Coded, style: Tensor, seed: int, speed: float) -> Uttered:
        """The sound of drawn codes. Which phone a code is of nobody says, so there are no times of words."""
        own_speed = sentence.speeds[0] if sentence.speeds else 1.0
        samples = within_full_scale(self._wave(sentence.runs, coded, style, seed, own_speed * speed))
        if coded.cut_off:
            logger.warning(
                "%r was cut off after %.1f s: the decoder found no end",
                sentence.text,
                len(samples) / self.frame.sample_rate,
            )
        return Uttered(samples, None, coded.cut_off)

    def _draw_sorted(
        self, sentences: Sequence[Sentence], reference: Reference, seeds: Sequence[int], batch: int
    ) -> list[Coded]:
        """Codes of the sentences in their order, drawn in batches of about equally long ones."""
        order = sorted(range(len(sentences)), key=lambda at: len(sentences[at].phone_ids))
        drawn: dict[int, Coded] = {}
        for start in range(0, len(order), batch):
            rows = order[start : start + batch]
            coded = self.draw_codes(
                [sentences[at].runs for at in rows], reference, [seeds[at] for at in rows]
            )
            drawn.update(zip(rows, coded, strict=True))
        return [drawn[at] for at in range(len(sentences))]

    def _wave(self, runs: Runs, coded: Coded, style: Tensor, seed: int, speed: float | None) -> Samples:
        codes, phone_ids = torch.tensor([coded.codes]), torch.tensor([_phone_ids(runs)])
        return self.render_codes(codes, phone_ids, style, _generator(seed, "noise"), speed)

    def _longest_codes(self, n_phones: int) -> int:
        longest_s = min(self.manner.max_sentence_s, n_phones / SLOWEST_PHONES_PER_S + 1.0)
        return math.ceil(longest_s * CODES_PER_S)

    def _speaker_vectors(self, references: Sequence[Reference]) -> list[Tensor] | None:
        if not self.generator.config.uses_speaker_vector:
            return None
        for one in references:
            if one.speaker_vector is None:
                raise UserError(
                    f"reference {one.utterance_id}: it has no speaker vector, which a "
                    f"{self.generator.config.version} voice needs; run the pipeline with "
                    "features.speaker_vector.backend=eres2netv2 again"
                )
        return [torch.from_numpy(one.speaker_vector)[None].to(self.device) for one in references]

    def _write_linguistic(self, features: Tensor, runs: Runs, start: int) -> bool:
        """Write Chinese runs' vectors into `features` [D, L]; the first run's phones begin at `start`."""
        settings = self.linguistic
        if settings.backend != "bert":
            return False
        written = False
        for run in runs:
            end = start + len(run.phone_ids)
            if run.language == "zh":
                encoder = load_bert(
                    settings.model,
                    settings.revision,
                    settings.weights_digest,
                    "features.linguistic.model",
                    self.device,
                )
                features[:, start:end] = bert_features(encoder, run.words, run.word2ph, settings.layer)
                written = True
            start = end
        return written


def _phone_ids(runs: Runs) -> list[int]:
    return [phone_id for run in runs for phone_id in run.phone_ids]


def _generator(seed: int, purpose: str) -> torch.Generator:
    return torch.Generator().manual_seed(derive_seed(seed, purpose))
