"""A subset of SSML 1.1 as marked text; whatever is outside of it is refused with its place.

The parser is defusedxml's, which refuses document types, and with them entities of one's own.
"""

from __future__ import annotations

import io
import re
from collections.abc import Mapping
from typing import Any, NamedTuple
from xml.sax import SAXException, handler, xmlreader

import defusedxml.sax
from defusedxml import DefusedXmlException

from configs.errors import UserError
from tasks.release.marked_text import MAX_PAUSE_S, Mark, Pause, Said, SentenceEnd, pause_of, plain_marks
from tasks.release.said_as import FORMATS, READINGS, said_as

MAX_CHARACTERS = 1_000_000
MAX_DEPTH = 32
MIN_RATE, MAX_RATE = 0.5, 2.0
"""Of everything that surrounds a word, multiplied."""

RATES = {"x-slow": 0.5, "slow": 0.75, "medium": 1.0, "default": 1.0, "fast": 1.25, "x-fast": 1.5}
BREAKS_S = {"none": 0.0, "x-weak": 0.1, "weak": 0.2, "medium": 0.4, "strong": 0.7, "x-strong": 1.2}
EMPHASIS = {"strong": 0.8, "moderate": 0.9, "none": 1.0, "reduced": 1.1}
"""No family has a control of stress: emphasis is said slower, and what is reduced faster."""

_ATTRIBUTES: Mapping[str, tuple[str, ...]] = {
    "speak": ("version", "xml:lang"),
    "p": ("xml:lang",),
    "s": ("xml:lang",),
    "break": ("time", "strength"),
    "phoneme": ("alphabet", "ph"),
    "say-as": ("interpret-as", "format"),
    "sub": ("alias",),
    "prosody": ("rate",),
    "emphasis": ("level",),
    "lang": ("xml:lang",),
}
_REQUIRED = {"phoneme": "ph", "say-as": "interpret-as", "sub": "alias", "prosody": "rate", "lang": "xml:lang"}
_WITH_TEXT_ALONE = frozenset(("phoneme", "say-as", "sub"))
_BEGIN = "<speak>"
_IGNORED = re.compile(r"xmlns(:.+)?|xsi:schemaLocation")
_LANGUAGE = re.compile(r"[A-Za-z]{2,3}(?:[-_][A-Za-z0-9]{1,8})*")
_PERCENT = re.compile(r"([+-]?)(\d{1,4}(?:\.\d{1,6})?)%")
_NUMBER = re.compile(r"\d{1,3}(?:\.\d{1,6})?")


class _Open(NamedTuple):
    """An element that has not ended."""

    name: str
    given: Mapping[str, str]
    speed: float
    language: str | None


def ssml_marks(text: str, language: str, *, is_whole: bool = True) -> list[Mark]:
    """What an SSML document says.

    Args:
        text: The document.
        language: Code of the main language, in which numbers and dates are read.
        is_whole: Whether it has its <speak>; else it is what stands inside.

    Raises:
        UserError: it is no XML, too large or too deep, or holds an element, attribute or value outside of the
            subset; line, column and what is possible are named.
    """
    if len(text) > MAX_CHARACTERS:
        raise UserError(
            f"SSML: it has {len(text):,} characters, and at most {MAX_CHARACTERS:,} are read; split it"
        )
    # Nothing may stand before an XML declaration.
    document = text.lstrip() if is_whole else f"{_BEGIN}{text}</speak>"
    above = text[: len(text) - len(document)] if is_whole else ""
    beside = len(above) - 1 - above.rfind("\n") if is_whole else -len(_BEGIN)
    reader = _Reader(language, above.count("\n"), beside)
    source = xmlreader.InputSource()
    source.setCharacterStream(io.StringIO(document))
    parser = defusedxml.sax.make_parser()
    parser.forbid_dtd = True
    parser.setContentHandler(reader)
    try:
        parser.parse(source)
    except DefusedXmlException as error:
        raise reader.mistake("a document type or an entity of one's own is not read; leave it out") from error
    except SAXException as error:
        said = error.getMessage()
        raise reader.mistake(f"it is not well-formed XML ({said}); write & as &amp; and < as &lt;") from error
    except UnicodeEncodeError as error:
        raise UserError("SSML: it holds half of a surrogate pair, which is no character") from error
    return reader.marks


class _Reader(handler.ContentHandler):
    """Collects marks; every mistake is told with its place.

    Args:
        language: Code of the main language.
        above: Lines of the text that lie before what is parsed.
        beside: Characters of its first line likewise; below 0 where some were put before it.
    """

    def __init__(self, language: str, above: int, beside: int) -> None:
        super().__init__()
        self.marks: list[Mark] = []
        self._language, self._above, self._beside = language, above, beside
        self._open: list[_Open] = []
        self._locator: xmlreader.Locator | None = None
        self._text: list[str] = []

    def setDocumentLocator(self, locator: xmlreader.Locator) -> None:  # noqa: N802 - SAX names it
        """Where the parser is."""
        self._locator = locator

    def startElement(self, name: str, attrs: Any) -> None:  # noqa: N802 - SAX names it
        """An element of the subset, with its own attributes."""
        self._flush()
        given = {key: str(value).strip() for key, value in attrs.items() if not _IGNORED.fullmatch(key)}
        self._check(name, given)
        outer = self._open[-1] if self._open else _Open("", {}, 1.0, None)
        language = self._language_of(name, given.get("xml:lang")) or outer.language
        speed = outer.speed * self._rate(name, given)
        if not MIN_RATE <= speed <= MAX_RATE:
            raise self.mistake(
                f"<{name}> makes the speed {speed:g} times the voice's, and {MIN_RATE:g} to {MAX_RATE:g} are "
                "possible"
            )
        self._open.append(_Open(name, given, speed, language))
        if name == "break":
            self.marks.append(self._pause(given))
        elif name in ("p", "s"):
            self.marks.append(SentenceEnd())

    def endElement(self, name: str) -> None:  # noqa: N802 - SAX names it
        """What the element surrounds is said as it asks for."""
        self._flush()
        if name in ("p", "s"):
            self.marks.append(SentenceEnd())
        self._open.pop()

    def characters(self, content: str) -> None:
        """Text, which the parser gives in pieces."""
        self._text.append(content)

    def mistake(self, what: str) -> UserError:
        """An error that names the place."""
        line = column = 1
        if self._locator is not None and self._locator.getLineNumber() is not None:
            line = self._locator.getLineNumber() or 1
            column = (self._locator.getColumnNumber() or 0) + 1
        column += self._beside if line == 1 else 0
        return UserError(f"SSML, line {line + self._above}, column {max(1, column)}: {what}")

    def _check(self, name: str, given: Mapping[str, str]) -> None:
        if len(self._open) >= MAX_DEPTH:
            raise self.mistake(f"elements lie more than {MAX_DEPTH} deep in each other")
        if name not in _ATTRIBUTES:
            raise self.mistake(f"<{name}> is not supported; there are {_listed(_ATTRIBUTES)}")
        if bool(self._open) == (name == "speak"):
            raise self.mistake("<speak> surrounds the whole text, and stands nowhere else")
        if self._open and self._open[-1].name in (*_WITH_TEXT_ALONE, "break"):
            raise self.mistake(f"<{self._open[-1].name}> holds no elements, and here is <{name}>")
        for attribute in given:
            if attribute not in _ATTRIBUTES[name]:
                raise self.mistake(
                    f"<{name} {attribute}> is not supported; <{name}> has {', '.join(_ATTRIBUTES[name])}"
                )
        if (needed := _REQUIRED.get(name)) and not given.get(needed):
            raise self.mistake(f"<{name}> needs the attribute {needed}")

    def _language_of(self, name: str, code: str | None) -> str | None:
        if code and not _LANGUAGE.fullmatch(code):
            raise self.mistake(f'<{name} xml:lang="{code[:20]}"> is no code such as de or en-GB')
        return code

    def _rate(self, name: str, given: Mapping[str, str]) -> float:
        if name == "emphasis":
            return self._chosen(name, "level", given.get("level", "moderate"), EMPHASIS)
        if name != "prosody":
            return 1.0
        rate = given["rate"]
        if percent := _PERCENT.fullmatch(rate):
            share = float(percent.group(2)) / 100
            return {"": share, "+": 1 + share, "-": 1 - share}[percent.group(1)]
        if _NUMBER.fullmatch(rate):
            return float(rate)
        if rate in RATES:
            return RATES[rate]
        raise self.mistake(
            f'<prosody rate="{rate[:20]}"> is no rate; give a percentage (80%, +10%), a number (1.2) or one '
            f"of {', '.join(RATES)}"
        )

    def _pause(self, given: Mapping[str, str]) -> Pause:
        if "time" not in given:
            return Pause(self._chosen("break", "strength", given.get("strength", "medium"), BREAKS_S))
        pause = pause_of(given["time"])
        if pause is None:
            raise self.mistake(
                f'<break time="{given["time"][:20]}"> is no length; give 500ms or 1.2s, '
                f"up to {MAX_PAUSE_S:g} s"
            )
        return pause

    def _chosen(self, name: str, attribute: str, value: str, known: Mapping[str, float]) -> float:
        if value not in known:
            raise self.mistake(f'<{name} {attribute}="{value[:20]}"> is none of {", ".join(known)}')
        return known[value]

    def _flush(self) -> None:
        """The text since the last mark becomes part of what is said."""
        text = re.sub(r"\s+", " ", "".join(self._text))
        self._text.clear()
        if not text or not self._open:
            return
        element = self._open[-1]
        if element.name == "break" and text.strip():
            raise self.mistake("<break> holds no text; write <break/>")
        if element.name in _WITH_TEXT_ALONE:
            own = text.strip()
            if own:
                self.marks.append(Said(self._read(element, own), own, element.speed, element.language))
            return
        try:
            marks = plain_marks(text)
        except UserError as error:
            raise self.mistake(str(error).partition(": ")[2]) from error
        self.marks += [
            one._replace(speed=element.speed, language=element.language) if isinstance(one, Said) else one
            for one in marks
        ]

    def _read(self, element: _Open, text: str) -> str:
        """What is read in place of the text of an element."""
        if element.name == "sub":
            return element.given["alias"]
        if element.name == "phoneme":
            return self._phoneme(element.given, text)
        reading, form = element.given["interpret-as"], element.given.get("format")
        if reading not in READINGS:
            raise self.mistake(f'<say-as interpret-as="{reading[:20]}"> is none of {", ".join(READINGS)}')
        if form is not None and form not in FORMATS.get(reading, ()):
            known = ", ".join(FORMATS.get(reading, ())) or "no format"
            raise self.mistake(f'<say-as format="{form[:20]}"> is not known; {reading} has {known}')
        try:
            return said_as(text, reading, form, element.language or self._language)
        except ValueError as error:
            raise self.mistake(f'<say-as interpret-as="{reading}">: {error}') from error

    def _phoneme(self, given: Mapping[str, str], text: str) -> str:
        alphabet, phones = given.get("alphabet", "ipa"), given["ph"]
        if alphabet != "ipa":
            raise self.mistake(f'<phoneme alphabet="{alphabet[:20]}"> is not supported; write it in ipa')
        for written, refused in ((text, "[]"), (phones, "/[]()")):
            if set(refused) & set(written):
                raise self.mistake(f"<phoneme>: {written[:20]!r} must hold none of {' '.join(refused)}")
        return f"[{text}](/{phones}/)"


def _listed(names: Mapping[str, object]) -> str:
    return ", ".join(f"<{name}>" for name in names)
