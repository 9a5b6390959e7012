"""Lexicon files: `word<TAB>pronunciation[<TAB>language]`, a line each; `#` begins a line of remarks."""

from __future__ import annotations

import unicodedata
from collections.abc import Iterable
from pathlib import Path

from configs.errors import UserError
from models.frontend.text.lexicon import Entry, Lexicon
from models.frontend.text.own_words import shown_words
from models.frontend.text.phonemized import base_language
from models.frontend.text.pronunciation import PronunciationError, ipa_phones, read_pronunciation

MAX_BYTES = 16 << 20
"""Five times a pronouncing dictionary of all English words."""
MAX_CHARACTERS = 200
"""Of a word, and of a pronunciation."""

_SHOWN_CHARACTERS = 60


def read_lexicons(paths: Iterable[str | Path]) -> Lexicon:
    """The entries of several files; what a later one says goes before an earlier one.

    Raises:
        UserError: a file cannot be read, or a line of it is wrong; file, line, value and remedy are named.
    """
    lexicon = Lexicon()
    for path in paths:
        lexicon = lexicon.joined(read_lexicon(Path(path)))
    return lexicon


def read_lexicon(path: Path) -> Lexicon:
    """The entries of a file, checked. Raises as `read_lexicons`."""
    known: dict[tuple[str, str], Entry] = {}
    for number, line in enumerate(_text(path).splitlines(), 1):
        if not line.strip() or line.lstrip().startswith("#"):
            continue
        entry = _entry(line, f"{path}, line {number}")
        key = entry.written, entry.language
        earlier = known.setdefault(key, entry)
        if earlier.said != entry.said:
            raise UserError(
                f"{entry.origin}: {entry.written} = {entry.said}: {earlier.origin.rpartition(', ')[2]} says "
                f"{earlier.said}. Keep one of the two, or give each a language."
            )
    return Lexicon(tuple(known.values()))


def written_out(lexicon: Lexicon) -> str:
    """The text of a file that `read_lexicon` reads as this lexicon; of two entries for a word the later."""
    last = {(entry.written, entry.language): entry for entry in lexicon.entries}
    lines = ["\t".join(filter(None, (entry.written, entry.said, entry.language))) for entry in last.values()]
    return "".join(f"{line}\n" for line in sorted(lines))


def _text(path: Path) -> str:
    try:
        if not path.is_file():
            raise UserError(
                f"{path}: is no file; name a lexicon, a text file of word<TAB>pronunciation lines"
            )
        with path.open("rb") as file:
            data = file.read(MAX_BYTES + 1)
    except OSError as error:
        raise UserError(f"{path}: cannot be read ({error.strerror}); name another lexicon") from error
    if len(data) > MAX_BYTES:
        raise UserError(
            f"{path}: has more than {MAX_BYTES >> 20} MiB; keep only the words that are said in a way of "
            "their own"
        )
    if data.startswith((b"\xff\xfe", b"\xfe\xff")):
        raise UserError(f"{path}: is UTF-16; save it as UTF-8")
    if b"\0" in data:
        raise UserError(f"{path}: is no text file; a lexicon has lines of word<TAB>pronunciation")
    try:
        return data.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line = data.count(b"\n", 0, error.start) + 1
        raise UserError(f"{path}, line {line}: is not UTF-8 text; save the file as UTF-8") from error


def _entry(line: str, origin: str) -> Entry:
    fields = [" ".join(unicodedata.normalize("NFC", field).split()) for field in line.split("\t")]
    while len(fields) > 2 and not fields[-1]:
        fields.pop()
    shown = line.strip()[:_SHOWN_CHARACTERS]
    if len(fields) not in (2, 3):
        found = "no tab" if len(fields) == 1 else f"{len(fields) - 1} tabs"
        raise UserError(
            f"{origin}: {shown!r} has {found}. Write word<TAB>pronunciation, or "
            "word<TAB>pronunciation<TAB>language."
        )
    written, said, language = (*fields, "")[:3]
    language = _language(language, origin)
    if not any(character.isalnum() for character in written):
        raise UserError(
            f"{origin}: {shown!r}: the word has no letter or digit. Write the word as texts have it."
        )
    if max(len(written), len(said)) > MAX_CHARACTERS:
        raise UserError(
            f"{origin}: {shown!r} has more than {MAX_CHARACTERS} characters. Give words, not sentences."
        )
    base = base_language(language) or ("zh" if _has_han(written) else "")
    try:
        pronunciation = read_pronunciation(said, base)
        shown_words(written, pronunciation, by_character=True)
        if pronunciation.notation == "ipa":
            for part in pronunciation.parts:
                ipa_phones(part, base)
    except PronunciationError as error:
        raise UserError(f"{origin}: {written} = {said!r}: {error.reason}. {error.remedy}") from error
    if pronunciation.notation == "syllables" and not language:
        language = "zh"
    return Entry(written, said, language, origin)


def _language(code: str, origin: str) -> str:
    plain = code.lower().replace("_", "-")
    if plain and not (plain.replace("-", "").isalnum() and plain.isascii() and len(plain) <= 12):
        raise UserError(f"{origin}: {code!r} is no language code. Write one such as en, en-gb or zh.")
    base = base_language(plain)
    return base + plain[len(plain.split("-")[0]) :] if plain else ""


def _has_han(written: str) -> bool:
    return any("\u3400" <= character <= "\u9fff" or character >= "\U00020000" for character in written)
