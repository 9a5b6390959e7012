"""Stage other_texts: what the SLM adversary has a voice say beside its own texts, in the corpus's languages.

StyleTTS 2's published training keeps a file of texts that no clip says, so that the adversary judges speech
of which there is no recording. A small file of sentences comes along for some languages; a folder of one's
own takes their place. The stage `other_phones` reads the texts as the stage `phonemize` reads transcripts.
"""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from pathlib import Path
from typing import Any, NamedTuple

from configs.errors import UserError
from tasks.outcome import ConfigView, Inputs, Produced, Work

READS_FILES = ("texts/de.txt", "texts/en.txt")
SHORTEST_TEXT = 50
"""Characters; the published training passes over shorter ones, of which no clip of a few seconds comes."""

_SHIPPED = Path(__file__).with_name("texts")
_SETTING = "train.styletts2.slm.other_texts"


class _Found(NamedTuple):
    texts: Sequence[str]
    warnings: Sequence[str]


def other_texts_corpus(inputs: Inputs, cfg: ConfigView, work: Work) -> Produced:
    """The texts, a row each; none where nothing would judge them.

    Raises:
        UserError: a file of one's own cannot be read or holds no text that is long enough.
    """
    del work
    slm = cfg.train.styletts2.slm
    if slm.model is None or slm.adversary is None:
        return Produced()
    rows: list[dict[str, Any]] = []
    warnings: list[str] = []
    languages = inputs.table("phonemize", ["language"]).column("language").to_pylist()
    for language in sorted(set(filter(None, languages))):
        found = _texts_of(language, slm.other_texts)
        warnings += found.warnings
        rows += [
            {
                "utterance_id": f"other-{language}-{number:05d}",
                "source_digest": hashlib.sha256(text.encode()).hexdigest(),
                "text": text,
                "language": language,
            }
            for number, text in enumerate(found.texts)
        ]
    return Produced(rows=rows, warnings=warnings)


def _texts_of(language: str, folder: str | None) -> _Found:
    """A language's texts, of its own file or else that of the language without its region."""
    place = Path(folder) if folder else _SHIPPED
    for name in (language, language.partition("-")[0]):
        if (path := place / f"{name}.txt").is_file():
            return _read(path)
    where = f"{folder} holds none" if folder else "none come along"
    told = (
        f"{_SETTING}: {where} in language {language}, so the SLM adversary gives each clip's text to another "
        f"clip; write sentences, one a line, into a file {language}.txt, and name its folder here"
    )
    return _Found((), [told])


def _read(path: Path) -> _Found:
    try:
        lines = [line.strip() for line in path.read_text(encoding="utf-8-sig").splitlines()]
    except (OSError, UnicodeDecodeError) as error:
        raise UserError(f"{_SETTING}: {path} cannot be read as UTF-8: {error}; save it as UTF-8") from error
    lines = [line for line in lines if line]
    long = list(dict.fromkeys(line for line in lines if len(line) >= SHORTEST_TEXT))
    if not long:
        raise UserError(
            f"{_SETTING}: none of the {len(lines)} lines of {path} has {SHORTEST_TEXT} characters; write "
            "whole sentences, one a line"
        )
    short = sum(len(line) < SHORTEST_TEXT for line in lines)
    if not short:
        return _Found(long, ())
    told = f"{_SETTING}: {short} lines of {path} with fewer than {SHORTEST_TEXT} characters are passed over"
    return _Found(long, [told])
