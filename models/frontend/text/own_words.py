"""Words with pronunciations of their own among the tokens of a text.

The front end reads a text with each such word in its place, so that the words around it are said as they
would be beside it; then its phones take the place of what was read.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from typing import NamedTuple

from configs.errors import UserError
from models.frontend.text.characters import Token, fold, tokenize
from models.frontend.text.marked import STAND_IN, OwnWord
from models.frontend.text.phonemized import TextError, base_language
from models.frontend.text.pronunciation import (
    Pronunciation,
    PronunciationError,
    read_pronunciation,
    table_phones,
    with_ending,
)

_BY_CHARACTER = frozenset(("zh", "yue"))
_JOINING_SIGN = "空"
"""Of Korean, after a word that another follows."""


class Spoken(NamedTuple):
    """A word or mark of a text.

    Attributes:
        word: As it is kept.
        phones: What is said.
        lost: What the front end said and the table cannot.
        is_own: Whether its phones were given.
    """

    word: str
    phones: list[str]
    lost: tuple[str, ...] = ()
    is_own: bool = False


Read = Callable[[list[Token]], list[Spoken]]
"""The front end of a language."""


class _Piece(NamedTuple):
    """What the front end reads, and the word that is kept with its phones; None: those that are read."""

    read: str
    word: str
    phones: tuple[str, ...] | None


class _Placed(NamedTuple):
    """A token for the front end; is_glued: what follows belongs to the same word."""

    token: Token
    pieces: Sequence[_Piece]
    is_glued: bool


class OwnWords:
    """The words of a text in one language and table.

    Args:
        own: By stand-in, as `marked` made them.
        language: Code of the text's language.
        symbol_table: One of `symbols.TABLE_NAMES`.
        read: The front end.
    """

    def __init__(self, own: Mapping[str, OwnWord], language: str, symbol_table: str, read: Read) -> None:
        self._own, self._read = own, read
        self._base, self._table = base_language(language), symbol_table
        self._is_by_character = self._base in _BY_CHARACTER and symbol_table != "ipa"
        self._pieces: dict[str, list[_Piece]] = {}

    def spoken(self, tokens: Sequence[Token]) -> list[Spoken]:
        """The tokens with their phones.

        Raises:
            TextError: an inline pronunciation cannot be said in the table.
            UserError: an entry of the lexicon cannot.
        """
        placed = [one for token in tokens for one in self._placed(token)]
        read = iter(self._read([one.token for one in placed]))
        return [word for one in placed for word in _substituted(one, read)]

    def _placed(self, token: Token) -> Iterator[_Placed]:
        """A token in parts, where there are own words in it."""
        if token.is_mark or not STAND_IN.search(token.text):
            yield _Placed(token, [_Piece(token.text, token.text, None)], False)
            return
        groups = list(self._groups(token.text))
        run: list[_Piece] = []
        for number, group in enumerate(groups):
            for piece in group:
                if run and not (self._is_by_character and _is_han(run[-1].read) and _is_han(piece.read)):
                    yield _Placed(_joined(run), run, piece is group[0])
                    run = []
                # Characters of one stretch stay together: their tones depend on each other.
                run.append(piece)
            if number == len(groups) - 1 and run:
                yield _Placed(_joined(run), run, False)

    def _groups(self, text: str) -> Iterator[list[_Piece]]:
        """What stands between own words, and the words of each."""
        end = 0
        for found in STAND_IN.finditer(text):
            before, own = text[end : found.start()], self._pieces_of(found[0])
            if before.endswith("'"):
                yield [self._with_article(before, own[0]), *own[1:]]
            else:
                yield from _as_read(before)
                yield own
            end = found.end()
        yield from _as_read(text[end:])

    def _with_article(self, article: str, piece: _Piece) -> _Piece:
        """The word with what is elided before it, l'Orangina, which would be a letter's name by itself."""
        read, word = article + piece.read, article + piece.word
        if piece.phones is None:
            return _Piece(read, word, None)
        whole, alone = (
            [phone for one in self._read([Token(text, False)]) for phone in one.phones]
            for text in (read, piece.read)
        )
        return _Piece(read, word, (*whole[: max(0, len(whole) - len(alone))], *piece.phones))

    def _pieces_of(self, stand_in: str) -> list[_Piece]:
        if stand_in not in self._pieces:
            own = self._own[stand_in]
            try:
                self._pieces[stand_in] = self._made(own)
            except PronunciationError as error:
                raise _told(own, error) from error
        return self._pieces[stand_in]

    def _made(self, own: OwnWord) -> list[_Piece]:
        bare = own.written.removesuffix(own.ending)
        said = read_pronunciation(own.said, self._base)
        shown = shown_words(bare, said, self._is_by_character)
        if shown is None:
            # Read like an abbreviation: the words spoken are what is kept.
            spoken = [token.text for part in said.parts for token in tokenize(fold(part))]
            spoken[-1] += own.ending
            return [_Piece(word, word, None) for word in spoken]
        phones = self._phones(said, shown, bare)
        if own.ending:
            shown[-1] += own.ending
            phones[-1] = with_ending(phones[-1], self._base, self._table)
        return [_Piece(_readable(word), word, tuple(of)) for word, of in zip(shown, phones, strict=True)]

    def _phones(self, said: Pronunciation, shown: Sequence[str], written: str) -> list[list[str]]:
        """Phones of each shown word."""
        if said.notation == "respelling" or (
            said.notation == "syllables" and self._table == "ipa" and self._base == "zh"
        ):
            of_parts = [self._respelled(part) for part in _parts_for(said.parts, len(shown))]
        else:
            of_parts = table_phones(said, self._base, self._table, written)
        if len(of_parts) == len(shown):
            return of_parts
        return [[phone for part in of_parts for phone in part]]

    def _respelled(self, part: str) -> list[str]:
        """As the front end reads it, whatever the lexicon says of its words."""
        tokens = [token for token in tokenize(fold(part)) if not token.is_mark]
        phones = [phone for one in self._read(tokens) for phone in one.phones if phone != _JOINING_SIGN]
        if not phones:
            raise PronunciationError(
                f"nothing in {part} can be spoken", "Respell it in the letters of its language."
            )
        return phones


def shown_words(written: str, said: Pronunciation, by_character: bool) -> list[str] | None:
    """The words that are kept, each with its part of the pronunciation, or one with all of them.

    by_character: whether each Han character is a word.
    None for a respelling in another number of words, which takes their place.
    Raises PronunciationError where the parts of phones do not fit the words.
    """
    words = written.split(" ")
    if said.notation == "syllables" and _is_han(written) and len(said.parts) != len(written):
        raise PronunciationError(
            f"{len(written)} characters and {len(said.parts)} syllables",
            "Give a syllable for each character.",
        )
    if said.notation == "syllables":
        return list(written) if by_character and _is_han(written) else ["".join(words)]
    if said.notation == "respelling":
        (first, *further) = said.parts
        if by_character and not further and _is_han(written + first) and len(written) == len(first):
            return list(written)
        return words if len(words) == len(said.parts) else None
    if len(words) > 1 and len(words) != len(said.parts):
        raise PronunciationError(
            f"{len(words)} words and phones of {len(said.parts)}",
            "Part the phones of the words by spaces in IPA, by | in ARPAbet.",
        )
    return words


def _parts_for(parts: Sequence[str], n_words: int) -> Iterable[str]:
    """The parts of a respelling; one in Han characters is taken apart where each has its own word."""
    return parts[0] if len(parts) == 1 and n_words > 1 else parts


def _is_han(text: str) -> bool:
    return all("\u3400" <= one <= "\u9fff" or "\U00020000" <= one <= "\U0003ffff" for one in text)


def _joined(run: Sequence[_Piece]) -> Token:
    return Token("".join(piece.read for piece in run), False)


def _as_read(text: str) -> Iterator[list[_Piece]]:
    if any(character.isalnum() for character in text):
        yield [_Piece(text, text, None)]


def _readable(word: str) -> str:
    """Something for the front end in a word's place: its letters."""
    return "".join(one for one in word if one.isalpha()) or "a"


def _substituted(placed: _Placed, read: Iterator[Spoken]) -> list[Spoken]:
    """What was read of a token, with the phones of its own words; the reader may have cut it up."""
    words = _words_of(placed.token.text, read)
    found: list[Spoken] = []
    at = 0
    for piece in placed.pieces:
        start, at = at, at + len(piece.read)
        inside = [one for place, one in words if start <= place < at]
        if piece.phones is None:
            found += inside
            continue
        sign = inside[-1].phones[-1:] if inside else []
        joining = sign if sign == [_JOINING_SIGN] else []
        found.append(Spoken(piece.word, [*piece.phones, *joining], is_own=True))
    if placed.is_glued and found and found[-1].phones[-1:] == [_JOINING_SIGN]:
        found[-1] = found[-1]._replace(phones=found[-1].phones[:-1])
    return found


def _words_of(text: str, read: Iterator[Spoken]) -> list[tuple[int, Spoken]]:
    """The next words that were read, as many as a token of this text became; each with its place in it."""
    found: list[tuple[int, Spoken]] = []
    at = 0
    while at < len(text):
        found.append((at, next(read)))
        at += len(found[-1][1].word)
    return found


def _told(own: OwnWord, error: PronunciationError) -> UserError:
    if own.origin:
        return UserError(f"{own.origin}: {own.written} = {own.said}: {error.reason}. {error.remedy}")
    written = f"[{own.written}]({own.said})"
    return TextError("bad_pronunciation", "text", written, error.reason, error.remedy)
