"""Korean to the letters (jamo) of GPT-SoVITS's v2 table, as they are pronounced.

Standard pronunciation (표준 발음법, National Institute of Korean Language) by rule: palatalisation,
aspiration around ㅎ, liaison, simplification of final clusters, tensing, assimilation of nasals and liquids.
What only grammar decides (tensing inside compounds, for example) stays as written. No package is needed.

The table holds eight plain vowels: diphthongs are written as two, the glide ㅣ, ㅗ, ㅜ or ㅡ first.
"""

from __future__ import annotations

import itertools
from typing import NamedTuple

from models.frontend.text.arpabet import arpabet_words
from models.frontend.text.characters import Token

_FIRST_SYLLABLE, _LAST_SYLLABLE = 0xAC00, 0xD7A3
_ONSETS = "ㄱㄲㄴㄷㄸㄹㅁㅂㅃㅅㅆㅇㅈㅉㅊㅋㅌㅍㅎ"
_VOWELS = "ㅏㅐㅑㅒㅓㅔㅕㅖㅗㅘㅙㅚㅛㅜㅝㅞㅟㅠㅡㅢㅣ"
_CODAS = " ㄱㄲㄳㄴㄵㄶㄷㄹㄺㄻㄼㄽㄾㄿㅀㅁㅂㅄㅅㅆㅇㅈㅊㅋㅌㅍㅎ"
_SILENT = "ㅇ"
_WORD_BREAK = "空"
_PARTS = {
    "ㅑ": "ㅣㅏ", "ㅒ": "ㅣㅐ", "ㅕ": "ㅣㅓ", "ㅖ": "ㅣㅔ", "ㅛ": "ㅣㅗ", "ㅠ": "ㅣㅜ", "ㅘ": "ㅗㅏ",
    "ㅙ": "ㅗㅐ", "ㅚ": "ㅗㅣ", "ㅝ": "ㅜㅓ", "ㅞ": "ㅜㅔ", "ㅟ": "ㅜㅣ", "ㅢ": "ㅡㅣ",
}  # fmt: skip
_CLUSTERS = {
    "ㄳ": ("ㄱ", "ㅅ"), "ㄵ": ("ㄴ", "ㅈ"), "ㄶ": ("ㄴ", "ㅎ"), "ㄺ": ("ㄹ", "ㄱ"), "ㄻ": ("ㄹ", "ㅁ"),
    "ㄼ": ("ㄹ", "ㅂ"), "ㄽ": ("ㄹ", "ㅅ"), "ㄾ": ("ㄹ", "ㅌ"), "ㄿ": ("ㄹ", "ㅍ"),
    "ㅀ": ("ㄹ", "ㅎ"), "ㅄ": ("ㅂ", "ㅅ"),
}  # fmt: skip
_ASPIRATED = {"ㄱ": "ㅋ", "ㄷ": "ㅌ", "ㅂ": "ㅍ", "ㅈ": "ㅊ", "ㅅ": "ㅌ"}
_TENSE = {"ㄱ": "ㄲ", "ㄷ": "ㄸ", "ㅂ": "ㅃ", "ㅅ": "ㅆ", "ㅈ": "ㅉ"}
_PALATAL = {"ㄷ": "ㅈ", "ㅌ": "ㅊ"}
_NASAL = {"ㄱ": "ㅇ", "ㄷ": "ㄴ", "ㅂ": "ㅁ"}
# The seven sounds that can close a syllable.
_CLOSED = {
    **dict.fromkeys("ㄱㄲㅋㄳㄺ", "ㄱ"),
    **dict.fromkeys("ㄷㅅㅆㅈㅊㅌㅎ", "ㄷ"),
    **dict.fromkeys("ㅂㅍㅄㄿ", "ㅂ"),
    **dict.fromkeys("ㄴㄵㄶ", "ㄴ"),
    **dict.fromkeys("ㄹㄼㄽㄾㅀ", "ㄹ"),
    **dict.fromkeys("ㅁㄻ", "ㅁ"),
    "ㅇ": "ㅇ",
}
_TENSING_CLUSTERS = frozenset("ㄵㄼㄾ")


class _Syllable(NamedTuple):
    onset: str
    vowel: str
    coda: str


def korean_phones(word: str) -> list[str]:
    """Letters of a Hangul word as it sounds: 같이 -> ㄱㅏㅊㅣ; [] when it holds other characters."""
    if not word or not all(is_hangul(character) for character in word):
        return []
    syllables = [_syllable(character) for character in word]
    for at in range(len(syllables) - 1):
        syllables[at], syllables[at + 1] = _joined(syllables[at], syllables[at + 1])
    last = syllables[-1]
    syllables[-1] = last._replace(coda=_CLOSED.get(last.coda, ""))
    letters = (letter for syllable in syllables for letter in syllable)
    return [part for letter in letters for part in _PARTS.get(letter, letter)]


def is_hangul(character: str) -> bool:
    """Whether it is a composed Hangul syllable."""
    return _FIRST_SYLLABLE <= ord(character) <= _LAST_SYLLABLE


def _syllable(character: str) -> _Syllable:
    onset_and_vowel, coda = divmod(ord(character) - _FIRST_SYLLABLE, len(_CODAS))
    onset, vowel = divmod(onset_and_vowel, len(_VOWELS))
    return _Syllable(_ONSETS[onset], _VOWELS[vowel], _CODAS[coda].strip())


def _joined(first: _Syllable, second: _Syllable) -> tuple[_Syllable, _Syllable]:
    """Two neighbouring syllables as they are said together."""
    coda, onset = first.coda, second.onset
    if not coda:
        return first, second
    kept, moved = _CLUSTERS.get(coda, ("", coda))
    if onset == _SILENT and coda != _SILENT:
        if moved == "ㅎ":
            # ㅎ falls silent between voiced sounds; what closed the syllable beside it moves on.
            kept, moved = "", kept or _SILENT
        elif second.vowel == "ㅣ" and moved in _PALATAL:
            moved = _PALATAL[moved]
        elif kept and moved == "ㅅ":
            moved = "ㅆ"
        return first._replace(coda=kept), second._replace(onset=moved)
    if moved == "ㅎ" and onset in _ASPIRATED:
        return first._replace(coda=kept), second._replace(onset="ㅆ" if onset == "ㅅ" else _ASPIRATED[onset])
    closed = _CLOSED[coda]
    if onset == "ㅎ" and moved in "ㄱㄷㅂㅈㅅ":
        palatal = moved == "ㄷ" and second.vowel in "ㅣㅕ"
        aspirated = "ㅊ" if palatal else _ASPIRATED[moved]
        return first._replace(coda=kept), second._replace(onset=aspirated)
    if onset in _TENSE and (closed in "ㄱㄷㅂ" or coda in _TENSING_CLUSTERS):
        onset = _TENSE[onset]
    elif closed in _NASAL and onset in "ㄴㅁ":
        closed = _NASAL[closed]
    elif onset == "ㄹ" and closed in "ㄱㄷㅂㅁㅇ":
        closed, onset = _NASAL.get(closed, closed), "ㄴ"
    elif (closed, onset) in (("ㄴ", "ㄹ"), ("ㄹ", "ㄴ")):
        closed, onset = "ㄹ", "ㄹ"
    return first._replace(coda=closed), second._replace(onset=onset)


def korean_tokens(tokens: list[Token]) -> list[tuple[str, list[str]]]:
    """A break after each word that another follows, as published weights know it; Latin words are English."""
    spoken: list[tuple[str, list[str]]] = []
    for token, following in zip(tokens, [*tokens[1:], None], strict=True):
        if token.is_mark:
            spoken.append((token.text, [token.text]))
            continue
        phones: list[str] = []
        for hangul, run in itertools.groupby(token.text, key=is_hangul):
            part = "".join(run)
            phones += korean_phones(part) if hangul else arpabet_words([part])[0]
        is_joined = bool(phones) and following is not None and not following.is_mark
        spoken.append((token.text, [*phones, _WORD_BREAK] if is_joined else phones))
    return spoken
