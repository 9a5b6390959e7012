"""In which language a text is written, and whether its script can belong to a language."""

from __future__ import annotations

import statistics
import unicodedata
from collections import defaultdict
from collections.abc import Sequence
from functools import lru_cache
from typing import Any, NamedTuple

# Languages that the espeak front end speaks and that identification tells apart.
LANGUAGES = (
    *("af", "am", "ar", "bg", "bn", "bs", "ca", "cs", "cy", "da", "de", "el", "en", "es", "et", "eu"),
    *("fa", "fi", "fr", "ga", "gl", "gu", "he", "hi", "hr", "hu", "hy", "id", "is", "it", "ja", "ka"),
    *("kk", "kn", "ko", "lb", "lt", "lv", "mk", "ml", "mr", "ms", "mt", "my", "ne", "nl", "no", "pa"),
    *("pl", "pt", "ro", "ru", "si", "sk", "sl", "sq", "sr", "sv", "sw", "ta", "te", "th", "tr", "uk"),
    *("ur", "uz", "vi", "zh"),
)

_LATIN = frozenset({"LATIN"})
_SCRIPTS = {
    **dict.fromkeys(("ru", "uk", "be", "bg", "mk", "ky", "tg", "ba", "cv", "nog"), frozenset({"CYRILLIC"})),
    **dict.fromkeys(("sr", "kk", "uz", "mn", "bs", "az", "tk", "tt"), frozenset({"CYRILLIC", "LATIN"})),
    **dict.fromkeys(("ar", "fa", "ur", "ps", "ug"), frozenset({"ARABIC"})),
    **dict.fromkeys(("hi", "mr", "ne", "sa"), frozenset({"DEVANAGARI"})),
    "ku": frozenset({"LATIN", "ARABIC"}),
    "sd": frozenset({"ARABIC", "DEVANAGARI"}),
    "kok": frozenset({"DEVANAGARI", "LATIN"}),
    # Chinese text quotes Latin words and is sometimes given in pinyin.
    **dict.fromkeys(("zh", "cmn", "yue", "hak"), frozenset({"CJK", "BOPOMOFO", "LATIN"})),
    "ja": frozenset({"CJK", "HIRAGANA", "KATAKANA", "KATAKANA-HIRAGANA"}),
    "ko": frozenset({"HANGUL", "CJK"}),
    "he": frozenset({"HEBREW"}),
    **dict.fromkeys(("el", "grc"), frozenset({"GREEK"})),
    "hy": frozenset({"ARMENIAN"}),
    "ka": frozenset({"GEORGIAN"}),
    **dict.fromkeys(("am", "ti"), frozenset({"ETHIOPIC"})),
    **dict.fromkeys(("bn", "as", "bpy"), frozenset({"BENGALI"})),
    "chr": frozenset({"CHEROKEE"}),
    "gu": frozenset({"GUJARATI"}),
    "kn": frozenset({"KANNADA"}),
    "km": frozenset({"KHMER"}),
    "lo": frozenset({"LAO"}),
    "ml": frozenset({"MALAYALAM"}),
    **dict.fromkeys(("my", "shn"), frozenset({"MYANMAR"})),
    "or": frozenset({"ORIYA"}),
    "pa": frozenset({"GURMUKHI"}),
    "si": frozenset({"SINHALA"}),
    "ta": frozenset({"TAMIL"}),
    "te": frozenset({"TELUGU"}),
    "th": frozenset({"THAI"}),
}
_SYLLABIC = frozenset({"CJK", "HIRAGANA", "KATAKANA", "HANGUL"})

_OTHER_SHARE = 0.2
_OTHER_TEXTS = 5
_STRAY_SHARE = 0.01
_SURE = 0.6
# A text counts with at most this many times the letters of the corpus's median text, or this many letters.
_LENGTH_HEARD = 1.5
_FEWEST_LETTERS_HEARD = 30
_IDENTIFIED_CHARACTERS = 5000


class Identified(NamedTuple):
    """ISO 639-1 code and how sure it is, 0 to 1."""

    language: str
    confidence: float


class Share(NamedTuple):
    """A language of a corpus: mean confidence of its texts and its share of the letters, 0 to 1."""

    language: str
    confidence: float
    share: float


@lru_cache(maxsize=8)
def _identifier(languages: tuple[str, ...]) -> Any:
    from py3langid.langid import MODEL_FILE, LanguageIdentifier

    identifier = LanguageIdentifier.from_model_file(MODEL_FILE, norm_probs=True)
    identifier.set_languages(languages)
    return identifier


def identify(text: str, languages: tuple[str, ...] = LANGUAGES) -> Identified:
    """The likeliest of `languages` for one text (py3langid: Lui and Baldwin, ACL 2012; Barbaresi).

    A short text is little evidence, and the confidence says so; of a long one the beginning is enough.
    """
    language, confidence = _identifier(languages).classify(text[:_IDENTIFIED_CHARACTERS])
    return Identified(str(language), float(confidence))


def languages_of(texts: Sequence[str]) -> list[Share]:
    """The language of a corpus, or its languages, largest first; empty without any letters.

    Every text votes with its letters and its confidence, so that short odd ones do not count, and with no
    more letters than usual, so that one long odd one does not either: a language of one text alone never
    comes before one of several. A corpus is mixed when at least five sure texts, with a fifth of the votes,
    are in other languages than the first; else it is in one language, and what contradicts it is a mistake
    to be found elsewhere.
    """
    counted = [(text, n_letters) for text in texts if (n_letters := len(letters(text)))]
    if not counted:
        return []
    most = max(
        _FEWEST_LETTERS_HEARD, _LENGTH_HEARD * statistics.median(n_letters for _, n_letters in counted)
    )
    votes: dict[str, float] = defaultdict(float)
    sure: dict[str, list[float]] = defaultdict(list)
    for text, n_letters in counted:
        found = identify(text)
        votes[found.language] += min(n_letters, most) * found.confidence
        if found.confidence >= _SURE:
            sure[found.language].append(found.confidence)
    total = sum(votes.values())
    first, *others = sorted(
        votes, key=lambda language: (-min(2, len(sure[language])), -votes[language], language)
    )
    n_sure_others = sum(len(sure[language]) for language in others)
    other_share = 1.0 - votes[first] / total
    if n_sure_others < _OTHER_TEXTS or other_share < _OTHER_SHARE:
        return [Share(first, votes[first] / total, 1.0)]
    believed = [first, *(language for language in others if votes[language] / total >= _STRAY_SHARE)]
    kept = sum(votes[language] for language in believed)
    return [
        Share(language, sum(sure[language]) / max(1, len(sure[language])), votes[language] / kept)
        for language in believed
    ]


def letters(text: str) -> list[str]:
    """The letters of a text, of any script, without marks, digits and signs.

    Composed: a syllable of Hangul is one, however it is stored, and half-width kana are kana.
    """
    return [character for character in unicodedata.normalize("NFKC", text) if character.isalpha()]


def has_words(text: str) -> bool:
    """Whether anything in the text can be spoken: a letter or a digit."""
    return any(character.isalnum() for character in text)


def foreign_share(text: str, language: str) -> float:
    """Share of the letters whose script the language does not use, 0 to 1."""
    scripts = [script_of(character) for character in letters(text)]
    if not scripts:
        return 0.0
    allowed = scripts_of(language)
    return sum(script not in allowed for script in scripts) / len(scripts)


def scripts_of(language: str) -> frozenset[str]:
    """The scripts that a language is written in, by the names of `script_of`."""
    return _SCRIPTS.get(language.split("-")[0].lower(), _LATIN)


def spoken_length(text: str) -> int:
    """About how many letters of an alphabet the text is worth: a syllabic character counts as three."""
    return sum(3 if script_of(letter) in _SYLLABIC else 1 for letter in letters(text))


def script_of(character: str) -> str:
    """First word of the character's Unicode name, which is its script for letters: LATIN, CJK, HANGUL."""
    return unicodedata.name(character, "UNKNOWN").split(" ", 1)[0]
