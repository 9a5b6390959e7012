"""ARPAbet of English as phones of the table `ipa`, the way espeak writes American English.

The other direction is `arpabet.ipa_to_arpabet`, which also finds near sounds for those that English lacks.
"""

from __future__ import annotations

from collections.abc import Sequence

from models.frontend.text.symbols import PRIMARY_STRESS, SECONDARY_STRESS

VOWELS = {
    "AA": "ɑː", "AE": "æ", "AH": "ʌ", "AO": "ɔː", "AW": "aʊ", "AY": "aɪ", "EH": "ɛ", "ER": "ɜː",
    "EY": "eɪ", "IH": "ɪ", "IY": "iː", "OW": "oʊ", "OY": "ɔɪ", "UH": "ʊ", "UW": "uː",
}  # fmt: skip
CONSONANTS = {
    "B": "b", "CH": "tʃ", "D": "d", "DH": "ð", "F": "f", "G": "ɡ", "HH": "h", "JH": "dʒ", "K": "k",
    "L": "l", "M": "m", "N": "n", "NG": "ŋ", "P": "p", "R": "ɹ", "S": "s", "SH": "ʃ", "T": "t", "TH": "θ",
    "V": "v", "W": "w", "Y": "j", "Z": "z", "ZH": "ʒ",
}  # fmt: skip
_UNSTRESSED = {"AH": "ə", "ER": "ɚ", "IY": "i"}
_STRESS_OF = {"0": "", "1": PRIMARY_STRESS, "2": SECONDARY_STRESS}


def arpabet_phone(phone: str) -> bool:
    """Whether it is ARPAbet as the CMU dictionary writes it: capitals, vowels with a stress digit."""
    return phone in CONSONANTS or (phone[:-1] in VOWELS and phone[-1:] in _STRESS_OF)


def arpabet_to_ipa(phones: Sequence[str]) -> list[str]:
    """A phone of the table `ipa` for each one of ARPAbet ("OY1" -> "ˈɔɪ").

    Raises KeyError for what `arpabet_phone` refuses.
    """
    return [_ipa(phone) for phone in phones]


def _ipa(phone: str) -> str:
    if phone in CONSONANTS:
        return CONSONANTS[phone]
    vowel, digit = phone[:-1], phone[-1]
    reduced = _UNSTRESSED.get(vowel) if digit == "0" else None
    return _STRESS_OF[digit] + (reduced or VOWELS[vowel])
