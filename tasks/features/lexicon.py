"""Which entries of the lexicon each clip's text holds, so that a new word costs the clips that say it."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from models.frontend.text.lexicon import Entry, Lexicon
from models.frontend.text.lexicon_file import read_lexicons
from models.frontend.text.marked import entries_in
from tasks.stage import Given

Column = Callable[[], Mapping[str, Any]]


def entries_by_row(settings: Any, texts: Column, languages: Column) -> Mapping[str, Given]:
    """A small lexicon for each row that needs one.

    Args:
        settings: `features.phonemize.lexicon` names the files.
        texts, languages: Read what is said and in which language, by row; not called without entries.

    Raises:
        UserError: a file cannot be read, or a line of it is wrong.
    """
    lexicon = read_lexicons(settings.features.phonemize.lexicon or ())
    if not lexicon.entries:
        return {}
    language_of = languages()
    found = {
        row: tuple(entries_in(text or "", language_of[row] or "", lexicon)) for row, text in texts().items()
    }
    return {row: Given(Lexicon(entries), _content(entries)) for row, entries in found.items() if entries}


def _content(entries: tuple[Entry, ...]) -> dict[str, str]:
    """What can change phones: not the place where an entry is written."""
    return {
        f"{entry.written} ({entry.language})" if entry.language else entry.written: entry.said
        for entry in entries
    }
