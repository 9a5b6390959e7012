"""How a pronunciation is written, and its phones in a symbol table.

- `/ˈvɔɪs/`: IPA between slashes, a space between words; misaki's capitals (A I O Q W Y T) are understood.
- `V OY1 S`: ARPAbet as the CMU dictionary has it, told by its capitals and stress digits; `|` parts words.
- `xin1 suan4`: pinyin (Chinese) or jyutping (Cantonese), a syllable for each character.
- `voys-rite`: anything else is a respelling, which the front end of the text's language reads.

ARPAbet and syllables may stand between slashes too, as inline pronunciations always do.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Sequence
from importlib import import_module
from typing import Literal, NamedTuple

from models.frontend.text.espeak_ipa import segment_phones
from models.frontend.text.ipa_arpabet import CONSONANTS, VOWELS, arpabet_phone, arpabet_to_ipa
from models.frontend.text.mixing import language_of_letter
from models.frontend.text.symbols import load_symbol_table

Notation = Literal["ipa", "arpabet", "syllables", "respelling"]

_SYLLABLES = {
    "zh": ("pinyin", "models.frontend.text.pinyin", "syllable_symbols"),
    "yue": ("jyutping", "models.frontend.text.cantonese", "jyutping_symbols"),
}
"""By base language: what its syllables are called, and the function that knows their symbols, by name."""
SYLLABIC = frozenset(_SYLLABLES)
_SYLLABLE = re.compile(r"[a-zêüv:]+[1-6]")
_ARPABET_LIKE = re.compile(r"[A-Z]{1,2}[0-9]?")
_ARPABET_READERS = frozenset(("en", "zh", "yue", "ko"))
"""Base languages that GPT-SoVITS's tables read Latin words of in ARPAbet."""
# misaki's letters for diphthongs, tied letters, and what stands for stress and length on a keyboard.
_IPA_OF = (
    ("A", "eɪ"), ("I", "aɪ"), ("O", "oʊ"), ("Q", "əʊ"), ("W", "aʊ"), ("Y", "ɔɪ"), ("T", "ɾ"), ("ᵊ", "ə"),
    ("ɝ", "ɜː"), ("ꭧ", "tʂ"), ("ʨ", "tɕ"), ("ʥ", "dʑ"), ("͡", ""), ("͜", ""), ("'", "ˈ"), ("’", "ˈ"),
    (":", "ː"), ("‿", ""), (".", ""), ("-", ""), ("|", ""),
)  # fmt: skip
# Letters of dictionaries that stand for other sounds in English than in IPA proper.
_ENGLISH = ((re.compile("r"), "ɹ"), (re.compile("e(?![ɪiəː])"), "ɛ"), (re.compile("ɜɹ"), "ɜːɹ"))
_ENGLISH_R = re.compile("ɜːɹ(?![aeiouæɑɒɐəɚɛɜɪɔʊʌ])")
_SIBILANTS = frozenset(("s", "z", "ʃ", "ʒ", "tʃ", "dʒ", "S", "Z", "SH", "ZH", "CH", "JH"))
_UNVOICED = frozenset(("p", "t", "k", "f", "θ", "P", "T", "K", "F", "TH"))


class PronunciationError(ValueError):
    """A pronunciation that cannot be said: why, and what would help."""

    def __init__(self, reason: str, remedy: str) -> None:
        super().__init__(f"{reason}. {remedy}")
        self.reason, self.remedy = reason, remedy


class Pronunciation(NamedTuple):
    """parts: one for each word that is spoken; of ARPAbet its phones, parted by spaces."""

    notation: Notation
    parts: tuple[str, ...]


def read_pronunciation(said: str, base: str) -> Pronunciation:
    """A pronunciation as a person wrote it. base: code of the language that it is in; "" for any.

    Raises PronunciationError: it is empty, or in no notation.
    """
    said = unicodedata.normalize("NFC", said.strip())
    is_between = len(said) > 1 and said[0] == "/" and said[-1] == "/"
    if not is_between and said.startswith("/"):
        raise PronunciationError("it begins with a slash and ends without one", "Write /phones/.")
    inner = said[1:-1].strip() if is_between else said
    if said.startswith("[") and said.endswith("]"):
        inner = said[1:-1].strip()
        if not _like_arpabet(inner, True):
            raise PronunciationError("brackets hold ARPAbet", "Write [V OY1 S], or IPA as /vɔɪs/.")
    if not inner:
        raise PronunciationError("it is empty", "Write the phones, or take the line out.")
    if _like_arpabet(inner, is_between):
        return Pronunciation("arpabet", tuple(_arpabet_parts(inner)))
    syllables = inner.split()
    if base in SYLLABIC and are_syllables(inner):
        return Pronunciation("syllables", tuple(_checked_syllables(syllables, base)))
    if is_between:
        return Pronunciation("ipa", tuple(syllables))
    return Pronunciation("respelling", _respelled_words(inner))


def are_syllables(written: str) -> bool:
    """Whether it has the form of pinyin or jyutping, with a tone digit on each syllable."""
    return all(map(_SYLLABLE.fullmatch, written.split()))


def ipa_phones(part: str, base: str) -> list[str]:
    """IPA of one word as phones of the table `ipa`.

    Raises PronunciationError: it holds a letter that is no phone.
    """
    spelled = part
    for written, ipa in _IPA_OF:
        spelled = spelled.replace(written, ipa)
    if base == "en":
        for pattern, ipa in _ENGLISH:
            spelled = pattern.sub(ipa, spelled)
        spelled = _ENGLISH_R.sub("ɜː", spelled)
    table = load_symbol_table("ipa")
    # Nasal vowels are two code points there.
    spelled = "".join(one if one in table.ids else unicodedata.normalize("NFD", one) for one in spelled)
    phones, unknown = segment_phones(spelled, "")
    if unknown:
        known = [one for one in table.symbols if len(one) == 1 and one.isalpha() and one != "_"]
        raise PronunciationError(
            f"{' '.join(dict.fromkeys(unknown))} is no phone of the table ipa",
            f"There are {' '.join(known)}, with ˈ ˌ before and ː after them.",
        )
    if not any(phone not in "1234567" for phone in phones):
        raise PronunciationError(f"{part} holds no phone", "Write IPA between slashes, as in /vɔɪs/.")
    return phones


def table_phones(said: Pronunciation, base: str, symbol_table: str, written: str) -> list[list[str]]:
    """Phones of each part of a pronunciation that is no respelling.

    Args:
        said: As `read_pronunciation` gives it.
        base: Base code of the text's language.
        symbol_table: One of `symbols.TABLE_NAMES`.
        written: The word, for GPT-SoVITS's tables: only words in Latin letters have ARPAbet there.

    Raises:
        PronunciationError: the table has no such phones in this language.
    """
    if said.notation == "syllables":
        return [_syllable_phones(syllable, base, symbol_table) for syllable in said.parts]
    if symbol_table == "ipa":
        if said.notation == "arpabet":
            return [arpabet_to_ipa(part.split()) for part in said.parts]
        letter = next((one for one in written if one.isalpha()), "")
        own = language_of_letter(letter, base) if letter else base
        return [ipa_phones(part, own) for part in said.parts]
    is_latin = any(unicodedata.name(one, "").startswith("LATIN") for one in written)
    if base not in _ARPABET_READERS or (base != "en" and not is_latin):
        name = _SYLLABLES[base][0] if base in _SYLLABLES else "a respelling in its own letters"
        raise PronunciationError(
            f"the table {symbol_table} has no IPA and no ARPAbet for words of the language {base}",
            f"Give {name}.",
        )
    if said.notation == "arpabet":
        return [part.split() for part in said.parts]
    ipa_to_arpabet = import_module("models.frontend.text.arpabet").ipa_to_arpabet
    return [ipa_to_arpabet("_".join(ipa_phones(part, "en"))) for part in said.parts]


def with_ending(phones: Sequence[str], base: str, symbol_table: str) -> list[str]:
    """Phones of a word with the s of a possessive or a plural."""
    if symbol_table == "ipa" and base != "en":
        return [*phones, "s"]
    z, i = ("z", "ᵻ") if symbol_table == "ipa" else ("Z", "IH0")
    if phones[-1] in _SIBILANTS:
        return [*phones, i, z]
    return [*phones, ("s" if symbol_table == "ipa" else "S") if phones[-1] in _UNVOICED else z]


def _like_arpabet(inner: str, needs_digit: bool) -> bool:
    tokens = inner.replace("|", " ").split()
    if not tokens or not all(map(_ARPABET_LIKE.fullmatch, tokens)):
        return False
    if any(token[-1].isdigit() for token in tokens):
        return True
    # Without any digit only what can be nothing else: "V OY S", but not "U S" or "T".
    names = VOWELS.keys() | CONSONANTS.keys()
    is_meant = len(tokens) > 1 and set(tokens) <= names and not VOWELS.keys().isdisjoint(tokens)
    return is_meant and not needs_digit


def _arpabet_parts(inner: str) -> list[str]:
    wrong = [token for token in inner.replace("|", " ").split() if not arpabet_phone(token)]
    if wrong:
        raise PronunciationError(
            f"{' '.join(dict.fromkeys(wrong))} is no phone of ARPAbet",
            f"There are {' '.join(CONSONANTS)}, and with a stress digit (0, 1, 2) {' '.join(VOWELS)}.",
        )
    return [" ".join(part.split()) for part in inner.split("|") if part.strip()]


def _checked_syllables(syllables: Sequence[str], base: str) -> list[str]:
    spelled = [one.replace("u:", "v").replace("ü", "v") for one in syllables]
    name, module, function = _SYLLABLES[base]
    known = getattr(import_module(module), function)
    symbols = load_symbol_table("gpt-sovits-v2").ids.keys()
    wrong = [
        one
        for one, plain in zip(syllables, spelled, strict=True)
        if not known(plain) or not set(known(plain)) <= symbols
    ]
    if wrong:
        remedy = f"Write {name} with a tone digit, as in xin1 suan4 (jyutping: sam1 syun3)."
        raise PronunciationError(f"{' '.join(wrong)} is no syllable of {name}", remedy)
    return spelled


def _syllable_phones(syllable: str, base: str, symbol_table: str) -> list[str]:
    if base not in _SYLLABLES or symbol_table == "ipa":
        raise PronunciationError(
            f"the table {symbol_table} has no such syllables in the language {base}", "Give IPA (/phones/)."
        )
    _, module, function = _SYLLABLES[base]
    return list(getattr(import_module(module), function)(syllable))


def _respelled_words(inner: str) -> tuple[str, ...]:
    wrong = [one for one in inner if one not in " -'’" and unicodedata.category(one)[0] not in "LM"]
    if wrong:
        raise PronunciationError(
            f"it holds {' '.join(dict.fromkeys(wrong))}, and a respelling is written in letters",
            "Write numbers and signs in words, and phones between slashes: /vɔɪs/.",
        )
    words = tuple(word for word in inner.split() if any(one.isalpha() for one in word))
    if not words:
        raise PronunciationError("it holds no letter", "Write how the word is said.")
    return words
