"""Sentences joined in rows: which, what a row's characters are, and that each keeps its own sound."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from tasks.release.kokoro.rows import Row, Unit, cuts, part_ends, units
from tasks.release.kokoro.voice import KokoroVoice
from tasks.release.manuscript import marks_of
from tasks.release.sentences import read_sentences
from tasks.release.speak import load_voice
from tasks.release.spelling import spelled_in_parts
from tasks.release.voice import SpeakOptions

TEXT = "One two. Three four five six! Seven? Eight nine ten."


def of_text(text: str, longest: int, *, max_phonemes: int = 400) -> list[Unit]:
    sentences = read_sentences(marks_of(text, "en"), "en", ("en",), "ipa")
    rows = ((one, [Row((p,), 7) for p in spelled_in_parts(one, "kokoro", max_phonemes)]) for one in sentences)
    return list(units(rows, longest))


def counts(found: list[Unit]) -> list[int]:
    return [len(unit.sentences) for unit in found]


def test_as_many_sentences_as_fit_are_said_at_once() -> None:
    whole = of_text(TEXT, 400)
    assert counts(whole) == [4]
    [row] = whole[0].rows
    size = len(row.ids) - 2
    assert counts(of_text(TEXT, size)) == [4]
    assert counts(of_text(TEXT, size - 1)) == [3, 1]
    assert counts(of_text(TEXT, 0)) == [1, 1, 1, 1]


def test_a_pause_that_is_asked_for_begins_a_row_and_a_long_sentence_has_its_own() -> None:
    assert counts(of_text("One two. Three. [pause 500ms] Four. Five.", 400)) == [2, 2]
    found = of_text("One. Two three four five, six seven eight nine. Ten.", 400, max_phonemes=24)
    assert counts(found) == [1, 1, 1]
    assert [len(unit.rows) > 1 for unit in found] == [False, True, False]


def test_a_rows_characters_are_its_sentences_with_spaces_between() -> None:
    alone = [unit.rows[0] for unit in of_text(TEXT, 0)]
    [row] = of_text(TEXT, 400)[0].rows
    space = 16  # of the published vocabulary
    joined = [number for one in alone for number in (*one.ids[1:-1], space)]
    assert row.ids == [0, *joined[:-1], 0]
    assert len(row.speeds) == len(row.ids)
    for part, first in zip(row.parts, row.firsts, strict=True):
        assert row.ids[first : first + len(part.tokens.ids) - 2] == list(part.tokens.ids[1:-1])


@pytest.mark.parametrize("text", ["One two. Three four.", "One two; three four."])
def test_a_row_is_cut_where_it_is_quiet_between_two_sentences(text: str) -> None:
    """Ten milliseconds of silence stand somewhere in the mark or the space of each sentence's end."""
    [row] = of_text(text, 400)[0].rows
    per_character = 1200
    ends = [per_character * (at + 1) for at in range(len(row.ids))]
    noise = np.random.default_rng(1).standard_normal(ends[-1]).astype(np.float32)
    stop = row.firsts[1] - 2
    for offset in (0, 300, 1100, 2000):
        wave = noise.copy()
        begin = stop * per_character + offset
        wave[begin : begin + 240] = 0.0
        # Silence elsewhere is no end of a sentence.
        wave[2 * per_character : 3 * per_character] = 0.0
        assert cuts(wave, row, ends, 0) == [0, begin + 120, len(wave)]
    assert part_ends(row, ends, 1)[0] == ends[row.firsts[1] - 1]
    assert part_ends(row, ends, 1)[-1] == ends[-1]


@pytest.mark.slow
class TestSpeaking:
    @pytest.fixture
    def voice(self, voice_folder: Path) -> KokoroVoice:
        loaded = load_voice(voice_folder, {"row_phonemes": 400})
        assert isinstance(loaded, KokoroVoice)
        return loaded

    def test_pieces_are_the_sentences_and_their_words_lie_within(self, voice: KokoroVoice) -> None:
        joined = list(voice.pieces(TEXT))
        alone = list(voice.with_manner({"row_phonemes": 0}).pieces(TEXT))
        assert [piece.text for piece in joined] == [piece.text for piece in alone]
        for piece, other in zip(joined, alone, strict=True):
            assert piece.words is not None and other.words is not None
            assert [word.text for word in piece.words] == [word.text for word in other.words]
            begins = [word.start for word in piece.words]
            assert begins == sorted(begins) and begins[0] >= 0 and piece.words[-1].end <= len(piece.samples)

    def test_nothing_is_lost_and_pauses_stay(self, voice: KokoroVoice) -> None:
        """The pieces of a row are the row; a pause between sentences is as long as it was asked for."""
        plain = len(voice.speak(TEXT).samples)
        assert sum(len(piece.samples) for piece in voice.pieces(TEXT)) == plain
        paused = voice.with_manner({"pause_s": 0.5})
        assert len(paused.speak(TEXT).samples) - plain == 3 * voice.sample_rate // 2

    def test_who_waits_hears_sentence_by_sentence(self, voice: KokoroVoice) -> None:
        waiting = SpeakOptions(seed=2, at_once=True)
        alone = voice.with_manner({"row_phonemes": 0})
        said, other = (voice.speak(TEXT, waiting).samples, alone.speak(TEXT, waiting).samples)
        assert np.array_equal(said, other)
        assert len(said) != len(voice.speak(TEXT, SpeakOptions(seed=2)).samples)

    def test_rows_depend_neither_on_the_batch_nor_on_another_take(self, voice: KokoroVoice) -> None:
        text = " ".join([TEXT] * 3)
        short = voice.with_manner({"row_phonemes": 40})
        lengths = [
            [len(piece.samples) for piece in short.pieces(text, SpeakOptions(batch_sentences=batch))]
            for batch in (1, 4)
        ]
        assert lengths[0] == lengths[1]
        first = list(voice.pieces(TEXT, SpeakOptions(seed=1)))
        again = list(voice.pieces(TEXT, SpeakOptions(seed=1, takes={1: 1})))
        same = [np.array_equal(a.samples, b.samples) for a, b in zip(first, again, strict=True)]
        assert same == [True, False, True, True]
