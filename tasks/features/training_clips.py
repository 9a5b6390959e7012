"""Which recordings an aligner learns from: chosen by content, and kept while the corpus grows."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any, NamedTuple

from artifacts import digest
from configs.align import AlignSettings
from models.aligner import hmm_aligner
from models.aligner.alignment import AlignError
from models.aligner.features import SAMPLE_RATE, to_16k
from models.aligner.hmm_aligner import Utterance
from tasks.features.aligners import Aligner, phones_per_word, utterance_of
from tasks.outcome import Inputs
from tasks.turns import turns

_READ_AT_ONCE = 64
_STILL_THERE = 0.9
"""Of the clips that taught a model, how many must be as they were for it to stay."""


class Candidate(NamedTuple):
    """A clip that may teach: its row of texts, the digest of its recording and text, seconds of speech."""

    row: Mapping[str, Any]
    name: str
    speaker: str
    speech_s: float

    @property
    def phones(self) -> list[list[str]]:
        """Phones by word."""
        return phones_per_word(self.row)


class Lesson(NamedTuple):
    """A clip that teaches: samples at 16 kHz; content: digest of its sound and phones."""

    name: str
    content: str
    utterance: Utterance

    @property
    def duration_s(self) -> float:
        return len(self.utterance.samples) / SAMPLE_RATE


def candidates(inputs: Inputs, settings: AlignSettings) -> dict[str, list[Candidate]]:
    """By language, the clips that earlier stages kept, speakers taking turns, each one's in order of digests.

    Neither a clip's id nor its place in the corpus counts. Left out are clips whose text has too many phones
    for their speech (they would teach nonsense) and the second of two that are alike in all.
    """
    speech_s = _column(inputs, "measure", "speech_s")
    speakers = _column(inputs, "speaker", "speaker")
    heard = set(inputs.table("enhance", ["utterance_id"]).column("utterance_id").to_pylist())
    texts = inputs.table("phonemize")
    found: dict[str, dict[str, dict[str, Candidate]]] = {}
    for row in texts.to_pylist():
        clip_id = row["utterance_id"]
        if clip_id not in speech_s:
            continue
        by_speaker = found.setdefault(row["language"], {})
        seconds = speech_s[clip_id]
        if clip_id not in heard or len(row["phones"]) > settings.max_phones_per_s * max(seconds, 0.1):
            continue
        name = digest.of_value([row["source_digest"], row["phones"], row["word2ph"], round(seconds, 3)])
        speaker = speakers.get(clip_id, "")
        by_speaker.setdefault(speaker, {}).setdefault(name, Candidate(row, name, speaker, seconds))
    return {
        language: list(turns([own[name] for name in sorted(own)] for _, own in sorted(by_speaker.items())))
        for language, by_speaker in found.items()
    }


def choose(inputs: Inputs, clips: Sequence[Candidate], max_s: float) -> list[Lesson]:
    """The first clips, until they last max_s seconds; at least one, if any can be learned from."""
    chosen: list[Lesson] = []
    total_s = 0.0
    for lesson in _read(inputs, clips):
        try:
            hmm_aligner.prepare(lesson.utterance)
        except AlignError:
            # The align stage refuses the clip and says why; here it is just no teacher.
            continue
        if chosen and total_s + lesson.duration_s > max_s:
            break
        chosen.append(lesson)
        total_s += lesson.duration_s
    return chosen


def again(
    inputs: Inputs, clips: Sequence[Candidate], earlier: Aligner, growth: float
) -> tuple[list[Lesson], str]:
    """The clips that taught an earlier model, if they still shall, else none and the reason why not.

    growth: how many times the speech of then makes it worth to learn anew.
    """
    now_s = sum(clip.speech_s for clip in clips)
    if now_s >= growth * earlier.corpus_s:
        return [], f"the speech has grown from {earlier.corpus_s / 60:.1f} to {now_s / 60:.1f} minutes"
    lessons = list(_read(inputs, [clip for clip in clips if clip.name in earlier.learned]))
    same = sum(earlier.learned[lesson.name] == lesson.content for lesson in lessons)
    if same < _STILL_THERE * len(earlier.learned):
        lost = len(earlier.learned) - same
        return [], f"{lost} of the {len(earlier.learned)} clips that taught it are gone or have changed"
    return lessons, ""


def _read(inputs: Inputs, clips: Sequence[Candidate]) -> Iterable[Lesson]:
    for at in range(0, len(clips), _READ_AT_ONCE):
        group = clips[at : at + _READ_AT_ONCE]
        ids = [clip.row["utterance_id"] for clip in group]
        table = inputs.table("enhance", ["utterance_id", "audio"], only=ids)
        audio = dict(
            zip(*(table.column(name).to_pylist() for name in ("utterance_id", "audio")), strict=True)
        )
        for clip in group:
            sound = audio[clip.row["utterance_id"]]
            read = utterance_of({**clip.row, "audio": sound})
            content = digest.of_parts([digest.of_bytes(sound), digest.of_value(clip.phones)])
            samples = to_16k(read.samples, read.sample_rate)
            yield Lesson(clip.name, content, read._replace(samples=samples, sample_rate=SAMPLE_RATE))


def _column(inputs: Inputs, stage: str, name: str) -> dict[str, Any]:
    table = inputs.table(stage, ["utterance_id", name])
    return dict(zip(table.column("utterance_id").to_pylist(), table.column(name).to_pylist(), strict=True))
