"""Where sentences end: which full stops are those of an abbreviation, an initial or an ordinal."""

from __future__ import annotations

import re
from collections.abc import Iterator

from models.frontend.text.english.rule import begins_sentence, word_set
from models.frontend.text.front_ends import vocabulary
from models.frontend.text.phonemized import base_language
from models.frontend.text.rules_words import abbreviation_spans
from models.frontend.text.vocabulary import Vocabulary

_ENDS = re.compile(r"(?<=[.!?…。！？；;])[\"'”’»)\]]*\s+|(?<=[。！？；])|\n+")
# A name follows these, so they end no sentence.
_BEFORE_NAMES = word_set(
    "adm bzw capt cf cmdr col cpl dr evtl gen gov hon hr lt maj mr mrs ms mt prof rep rev sen"
    " sgt st vgl vs jan feb mar apr jun jul aug sep sept oct nov dec mon tue tues wed thu thur thurs fri"
)
_BEFORE_NAMES_TOO = {
    "de": word_set("fr geb okt dez mo di mi do sa so hl ing dipl nr bd str abb abs art kap tab"),
    "es": word_set("sr sra srta srs d da dña ud uds pág págs núm av avda art lic ing"),
    "fr": word_set("m mm mme mmes mlle mlles me pr ste av bd art p env tél janv févr avr juill déc"),
    "it": word_set("sig sigg dott avv ing geom arch on pag pagg art es"),
    "nl": word_set("dhr mevr mw ir ing drs blz nr bijv"),
    "pl": word_set("ul al pl os im inż mgr św np tj tzn pt nr str"),
    "pt": word_set("sr sra srta dra d av pág art ex"),
    "ru": word_set("ул пр пер пл им проф акад просп наб обл рис табл стр гл см напр т тел"),
}
"""By base language, beside those that are alike in several."""
# Nor do these before a number.
_BEFORE_FIGURES = word_set("approx apt c ca ext fig figs no nos nr p pp tel vol")
# These end one where what follows begins like one.
_ABBREVIATIONS = word_set(
    "al assoc ave blvd bros ca co corp dept esq est etc ft hwy inc jr ln ltd pkwy rd sq sr univ usw"
)
# These end one before a capital letter: nothing that they belong to follows.
_LAST = frozenset(
    {
        "etc.",
        "usw.",
        "ecc.",
        "itd.",
        "itp.",
        "enz.",
        "osv.",
        "т.д.",
        "т.п.",
        "др.",
        "н.э.",
        "n.chr.",
        "v.chr.",
    }
)
_CAPITAL_NOUNS = ("de", "lb")
_INNER_STOP = re.compile(r"(?:^|[\s(\"'“])((?:[^\W\d]{1,3}\.)+[^\W\d]|[^\s.]+)\.$")
_COUNTED = re.compile(r"\d ?(?:[^\W\d_]{1,4}\. ?)+$")
_FIRST_LETTER = re.compile(r"[^\W\d_]")
_FIRST_WORD = re.compile(r"[\s\"'“„«(]*([^\W\d_]+)")


def sentence_ends(text: str, language: str) -> Iterator[int]:
    """Places in a text behind each sentence that something follows, with the white space between them.

    Args:
        text: Any length.
        language: Its code: full stops of the abbreviations of its front end end a sentence where what
            follows begins like one; of English and languages without rules of their own, those listed here.
    """
    base = base_language(language)
    words = vocabulary(base)
    spans = abbreviation_spans(text, words) if words is not None else []
    start = 0
    for end in _ENDS.finditer(text):
        if "\n" not in end.group():
            sentence, following = text[start : end.end()].rstrip(), text[end.end() :]
            stop = start + len(sentence) - 1
            span = next(((begin, end) for begin, end in spans if begin <= stop < end), None)
            if span is not None and words is not None:
                inside = _abbreviates(text, stop, following, span, base, words)
            else:
                inside = _stops_inside(sentence, following, base)
            if inside or _continues(sentence, following):
                continue
        yield end.end()
        start = end.end()


def _stops_inside(sentence: str, following: str, base: str) -> bool:
    """Whether the full stop of an abbreviation, an initial or an ordinal is all that ends the sentence."""
    found = _INNER_STOP.search(sentence)
    if found is None:
        return False
    word = found.group(1).lower()
    if word in _BEFORE_NAMES or word in _BEFORE_NAMES_TOO.get(base, ()):
        return True
    # "Müllerstr. 5"
    if base == "de" and word.endswith("str"):
        return True
    if word in _BEFORE_FIGURES and following[:1].isdigit():
        return True
    single = len(word) == 1 and word.isalpha()
    may_stop = single or word in _ABBREVIATIONS or "." in word or word.isdigit()
    return may_stop and not (begins_sentence(following) or _begins_with_function_word(following, base))


def _continues(sentence: str, following: str) -> bool:
    """Whether a small letter follows a full stop: of what is counted ("5 min."), or in a text that begins its
    sentences with capital ones."""
    if not sentence.endswith(".") or sentence.endswith("..") or not following[:1].islower():
        return False
    first = _FIRST_LETTER.search(sentence)
    return (first is not None and first[0].isupper()) or _COUNTED.search(sentence) is not None


def _abbreviates(
    text: str,
    stop: int,
    following: str,
    span: tuple[int, int],
    base: str,
    words: Vocabulary,
) -> bool:
    """Whether a full stop in an abbreviation is inside of it, or its last one and ends nothing."""
    start, end = span
    if stop < end - 1:
        return True
    first = _FIRST_WORD.match(following)
    written = text[start:end].rstrip(".").lower()
    if first is None or not first[1][0].isupper() or written in _BEFORE_NAMES_TOO.get(base, ()):
        return True
    if first[1].lower() in words.function_words or text[start:end].replace(" ", "").lower() in _LAST:
        return False
    # "5 km. Madrid", but "5 Mio. Euro".
    counts = text[:start].rstrip()[-1:].isdigit()
    return not counts or base in _CAPITAL_NOUNS


def _begins_with_function_word(following: str, base: str) -> bool:
    words, first = vocabulary(base), _FIRST_WORD.match(following)
    return (
        words is not None
        and first is not None
        and first[1][0].isupper()
        and first[1].lower() in words.function_words
    )
