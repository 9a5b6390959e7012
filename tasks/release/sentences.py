"""Cutting a text into sentences that a voice can say in one breath."""

from __future__ import annotations

import re

MAX_CHARACTERS = 200
"""Longer sentences are cut at a comma or, failing that, between words: decoders drift on long ones."""

_ENDS = re.compile(r"(?<=[.!?…。！？；;])[\"'”’»)\]]*\s+|(?<=[。！？；])|\n+")
_CLAUSES = re.compile(r"(?<=[,，、:：–—])\s*")
# A full stop after these, or after a single letter or a number, ends no sentence.
_ABBREVIATIONS = frozenset(
    [
        "bzw",
        "ca",
        "co",
        "corp",
        "dr",
        "etc",
        "evtl",
        "fr",
        "geb",
        "gen",
        "gov",
        "hr",
        "inc",
        "jr",
        "ltd",
        "mr",
        "mrs",
        "ms",
        "nr",
        "no",
        "prof",
        "rep",
        "rev",
        "sen",
        "sr",
        "st",
        "vgl",
        "vs",
        "usw",
    ]
)
_INNER_STOP = re.compile(r"(?:^|[\s(\"'“])([^\s.]+|(?:[^\W\d]\.)+[^\W\d])\.$")


def split_sentences(text: str) -> list[str]:
    """Sentences of a text, in order, without outer white space; nothing spoken is lost."""
    whole: list[str] = []
    start = 0
    for end in _ENDS.finditer(text):
        candidate = text[start : end.end()]
        if "\n" not in end.group() and _stops_inside(candidate.rstrip()):
            continue
        whole.append(candidate.strip())
        start = end.end()
    whole.append(text[start:].strip())
    return [piece for sentence in whole if sentence for piece in _shortened(sentence)]


def _stops_inside(sentence: str) -> bool:
    found = _INNER_STOP.search(sentence)
    if found is None:
        return False
    word = found.group(1).lower()
    single = len(word) == 1 and word.isalpha()
    return single or word in _ABBREVIATIONS or "." in word or word.isdigit()


def _shortened(sentence: str) -> list[str]:
    if len(sentence) <= MAX_CHARACTERS:
        return [sentence]
    parts = [part for part in _CLAUSES.split(sentence) if part]
    if len(parts) == 1:
        parts = sentence.split(" ") if " " in sentence else _sliced(sentence)
    pieces = [parts[0]]
    for part in parts[1:]:
        gap = " " if " " in sentence else ""
        if len(pieces[-1]) + len(gap) + len(part) <= MAX_CHARACTERS:
            pieces[-1] += gap + part
        else:
            pieces.append(part)
    return [p for piece in pieces for p in (_shortened(piece) if piece != sentence else [piece])]


def _sliced(text: str) -> list[str]:
    return [text[at : at + MAX_CHARACTERS] for at in range(0, len(text), MAX_CHARACTERS)]
