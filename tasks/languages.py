"""Languages that are read here, and the refusal of all others before anything begins."""

from __future__ import annotations

from functools import cache

from configs.errors import UserError
from configs.languages import language_name
from configs.nearest import nearest
from configs.settings import Settings
from models.frontend.text.front_ends import modules_of
from models.frontend.text.phonemized import AUTOMATIC, TextError, base_language, choose_table
from models.frontend.text.regions import REGIONS

ANY = "auto"
_IPA = "ipa"
_UNSUPPORTED = ("unsupported_language", "table_language")
_OF_TABLES = "ja"
"""Read by GPT-SoVITS's tables alone."""


def check_language(settings: Settings) -> None:
    """See that something reads the language that the settings name; by rules of our own that costs nothing.

    Raises:
        UserError: nothing does; with a language that is meant, perhaps, and how to list them.
    """
    language, chosen = settings.corpus.language, settings.features.phonemize.symbol_table
    if language == ANY:
        return
    table = choose_table(language, settings.family.symbol_table) if chosen == AUTOMATIC else chosen
    is_ours = with_rules(language) and base_language(language) != _OF_TABLES
    if chosen == AUTOMATIC and (table != _IPA or is_ours):
        return
    # Front ends are imported for the languages alone that need to be asked about.
    from models.frontend.text.g2p import phonemize

    try:
        phonemize("a", language, table)
    except TextError as error:
        if error.code in _UNSUPPORTED:
            raise UserError(_refusal(language, error)) from error


@cache
def readable_languages() -> dict[str, str]:
    """English names by code, sorted by name, of all languages that a front end of ours or espeak-ng reads.

    Regions of a language are among them where they are read in their own way.
    """
    from models.frontend.text.espeak_ipa import supported_languages

    codes = {base_language(voice) for voice in supported_languages()} | {_OF_TABLES, *REGIONS}
    named = {code: language_name(code) for code in codes}
    return dict(sorted(named.items(), key=lambda one: one[1].lower()))


def with_rules(language: str) -> bool:
    """Whether there are rules of our own for what is written in its texts."""
    return bool(modules_of(language, _IPA))


def _refusal(language: str, error: TextError) -> str:
    name = language_name(language)
    called = language if name == language else f"{language} ({name})"
    if error.code == "table_language":
        return f"corpus.language = {called}: {error.reason}. {error.remedy}"
    codes = {known: code for code, known in readable_languages().items()}
    if name in codes:
        return f"corpus.language = {called}: {error.reason}; presets of GPT-SoVITS read it"
    near = nearest(name, codes)
    hint = f"; did you mean {near} ({codes[near]})?" if near else ""
    return (
        f"corpus.language = {called}: nothing here reads it, {error.reason}{hint}; "
        "`voicewright languages` lists those that can be read"
    )
