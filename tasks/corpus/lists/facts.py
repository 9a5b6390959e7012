"""What the values of one column look like."""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cached_property

_SAMPLE = 2000
_INTEGER = re.compile(r"[+-]?\d{1,12}")
_DECIMAL = re.compile(r"[+-]?\d*[.,]\d+([eE][-+]?\d+)?")
_ENDING = re.compile("[.!?…。！？]['\"”’»)]*$|[,;:，；]")
_DENSE = re.compile(
    "[\u0e00-\u0eff\u1000-\u109f\u1780-\u17ff\u3040-\u30ff\u3400-\u9fff\U00020000-\U0003ffff]"
)
_WORD = re.compile(r"[^\W\d_]+", re.UNICODE)
# Signs that no language writes its words with, as it does æ, ð, ə or ŋ.
_IPA = re.compile("[ˈˌːɹɑʌɜɐɾʁ]")
_LANGUAGES = frozenset((
    "af", "am", "ar", "az", "be", "bg", "bn", "bs", "ca", "cn", "cs", "ct", "cy", "da", "de", "el",
    "en", "eo", "es", "et", "eu", "fa", "fi", "fr", "ga", "gl", "gu", "he", "hi", "hr", "hu", "hy",
    "id", "is", "it", "ja", "jp", "ka", "kk", "km", "kn", "ko", "kr", "ky", "lb", "lo", "lt", "lv",
    "mk", "ml", "mn", "mr", "ms", "mt", "my", "nb", "ne", "nl", "nn", "no", "pa", "pl", "ps", "pt",
    "ro", "ru", "si", "sk", "sl", "sq", "sr", "sv", "sw", "ta", "te", "th", "tl", "tr", "uk", "ur",
    "uz", "vi", "yue", "zh", "all_ja", "all_ko", "all_yue", "all_zh",
))  # fmt: skip
_SPEAKER = re.compile(r"(p|s|f|m|v|id|sp|spk|spkr|speaker|reader|voice)[-_ ]?\d{1,5}", re.IGNORECASE)
# Of speakers and recordings, but not their names.
_NO_NAMES = frozenset((
    "m", "f", "male", "female", "man", "woman", "neutral", "happy", "sad", "angry", "surprise",
    "surprised", "calm", "fear", "disgust", "amused", "sleepy", "excited", "whisper", "train",
    "dev", "val", "valid", "test", "true", "false", "yes", "no", "english", "german", "deutsch",
    "french", "spanish", "italian", "chinese", "mandarin", "cantonese", "japanese", "korean",
    "russian", "polish", "portuguese", "dutch",
))  # fmt: skip
_MOST_LABEL_WORDS = 3
_MOST_LABEL_CHARACTERS = 40
_MOST_UNREPEATED = 20
_LARGEST_SPEAKER = 99_999
_LARGEST_UNREPEATED = 999
"""Larger numbers that never come back may as well be texts in figures, or sizes."""


@dataclass(frozen=True, eq=False)
class Facts:
    """A column by its values (of the first rows); empty ones count for nothing."""

    at: int
    values: Sequence[str]

    @cached_property
    def filled(self) -> list[str]:
        """Values that are not empty."""
        return [value for value in self.values[:_SAMPLE] if value]

    @cached_property
    def distinct(self) -> int:
        """How many different values there are."""
        return len(set(self.filled))

    @property
    def is_integer(self) -> bool:
        """Numbers without a fraction."""
        return self._all(_INTEGER.fullmatch)

    @property
    def is_measure(self) -> bool:
        """Numbers of which half or more have a fraction, as durations do."""
        decimals = sum(bool(_DECIMAL.fullmatch(value)) for value in self.filled)
        numbers = decimals + sum(bool(_INTEGER.fullmatch(value)) for value in self.filled)
        return decimals > 0 and 2 * decimals >= len(self.filled) == numbers

    @property
    def is_language(self) -> bool:
        """Codes of languages."""
        return self._all(lambda v: bool({v.lower(), re.split("[-_]", v.lower())[0]} & _LANGUAGES))

    @property
    def is_phonemes(self) -> bool:
        """Written in phonetic signs, most of it."""
        return 2 * sum(bool(_IPA.search(value)) for value in self.filled) > len(self.filled) > 0

    @property
    def is_text(self) -> bool:
        """Surely speech written down: several words, or a sentence's end."""
        telling = sum(_n_words(value) >= 2 or bool(_ENDING.search(value)) for value in self.filled)
        return not self.is_label and 2 * telling >= len(self.filled) > 0

    @cached_property
    def is_short(self) -> bool:
        """A few words each, and nothing of a sentence."""
        return self._all(
            lambda v: (
                len(v.split()) <= _MOST_LABEL_WORDS
                and len(v) <= _MOST_LABEL_CHARACTERS
                and not _ENDING.search(v)
            )
        )

    @cached_property
    def is_label(self) -> bool:
        """May name speakers: single words, or a few words of which some come back."""
        single = self._all(lambda v: len(v.split()) == 1 and _n_words(v) < 2)
        return self.is_short and (single or self.distinct < len(self.filled))

    @property
    def comes_back(self) -> bool:
        """On average every value is there twice or more often."""
        return 2 * self.distinct <= len(self.filled)

    @property
    def counts(self) -> bool:
        """The rows' own numbers: 0, 1, 2 ... or 1, 2, 3 ..."""
        if not self.is_integer or len(self.filled) < len(self.values[:_SAMPLE]):
            return False
        numbers = [int(value) for value in self.filled]
        return numbers[0] in (0, 1) and all(n == numbers[0] + at for at, n in enumerate(numbers))

    @property
    def may_be_speaker(self) -> bool:
        """A label that names people: it comes back, or it is one name each in a short list."""
        if not self.is_label or all(value.lower() in _NO_NAMES for value in self.filled):
            return False
        again = self.distinct < len(self.filled) or len(self.filled) == 1
        largest = _LARGEST_SPEAKER if again else _LARGEST_UNREPEATED
        if self.is_integer and any(abs(int(value)) > largest for value in self.filled):
            return False
        few = len(self.filled) <= _MOST_UNREPEATED
        names = self.is_integer or self._all(lambda v: v.isalpha() or _SPEAKER.fullmatch(v) is not None)
        # One name twice in a short list is enough: ids and file names never come back.
        return (
            self.distinct < len(self.filled) * (1.0 if few else 0.9)
            or (few and names)
            or len(self.filled) == 1
        )

    def shown(self) -> str:
        """A few of the values, for a message."""
        kept = list(dict.fromkeys(self.filled))[:3]
        return ", ".join(f"“{value[:30]}…”" if len(value) > 30 else f"“{value}”" for value in kept)

    def _all(self, test: Callable[[str], object]) -> bool:
        return bool(self.filled) and all(test(value) for value in self.filled)


def resemble(left: Facts, right: Facts) -> bool:
    """Whether two columns are one text in two ways of writing, as LJSpeech's second and third are."""
    shares = []
    for one, other in zip(left.values[:_SAMPLE], right.values[:_SAMPLE], strict=True):
        if one and other and one == other:
            shares.append(1.0)
            continue
        words, others = (_words(text) for text in (one, other))
        if words and others:
            shares.append(len(words & others) / min(len(words), len(others)))
    return bool(shares) and sum(shares) / len(shares) >= 0.5


def _n_words(value: str) -> int:
    """Words; in scripts without spaces, two signs count as one, so that a name is one word."""
    dense = len(_DENSE.findall(value))
    return max(len(value.split()), (dense + 1) // 2)


def _words(text: str) -> set[str]:
    folded = text.casefold()
    return set(_DENSE.findall(folded)) | {word for word in _WORD.findall(folded) if not _DENSE.search(word)}
