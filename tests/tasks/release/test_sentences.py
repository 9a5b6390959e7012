"""Sentences are cut where a reader breathes, and no word is lost."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tasks.release.sentences import MAX_CHARACTERS, split_sentences


@pytest.mark.parametrize(
    ("text", "sentences"),
    [
        ("One two. Three four!", ["One two.", "Three four!"]),
        ("Dr. Smith paid 3.50 to Mr. Jones. He left.", ["Dr. Smith paid 3.50 to Mr. Jones.", "He left."]),
        ("J. S. Bach wrote it.", ["J. S. Bach wrote it."]),
        ("Das ist z. B. gut. Oder?", ["Das ist z. B. gut.", "Oder?"]),
        ("Am 3. Mai kam er.", ["Am 3. Mai kam er."]),
        ("“Stop.” She ran.", ["“Stop.”", "She ran."]),
        ("你好。再见！", ["你好。", "再见！"]),
        ("First line\nSecond line", ["First line", "Second line"]),
        ("", []),
        ("We climbed Mt. Everest. It snowed.", ["We climbed Mt. Everest.", "It snowed."]),
        ("Stop at Fifth Ave. and wait. Then go.", ["Stop at Fifth Ave. and wait.", "Then go."]),
        ("They live on Sunset Blvd. The house is big.", ["They live on Sunset Blvd.", "The house is big."]),
        ("I rose at 7 a.m. and ran. She slept.", ["I rose at 7 a.m. and ran.", "She slept."]),
        ("I rose at 7 a.m. The sun shone.", ["I rose at 7 a.m.", "The sun shone."]),
        ("J. R. R. Tolkien wrote it. I read it.", ["J. R. R. Tolkien wrote it.", "I read it."]),
        ("The U.S. Army came. We left.", ["The U.S. Army came.", "We left."]),
        ("She lives in the U.S. It is warm.", ["She lives in the U.S.", "It is warm."]),
        ("He has a Ph.D. in physics.", ["He has a Ph.D. in physics."]),
        ("See Fig. 3 and No. 7. They match.", ["See Fig. 3 and No. 7.", "They match."]),
        ("She said no. He left.", ["She said no.", "He left."]),
        ("He is 7. She is 9.", ["He is 7.", "She is 9."]),
        ("He came; she went: at 10:30.", ["He came;", "she went: at 10:30."]),
        ("Dr. No met Mrs. What.", ["Dr. No met Mrs. What."]),
        ("Apple Inc. sued. Smith et al. lost.", ["Apple Inc. sued.", "Smith et al. lost."]),
    ],
)
def test_cuts(text: str, sentences: list[str]) -> None:
    assert split_sentences(text) == sentences


@pytest.mark.parametrize(
    ("language", "text", "sentences"),
    [
        ("de", "Das kostet 3,5 Mio. Euro. Es lohnt sich.", ["Das kostet 3,5 Mio. Euro.", "Es lohnt sich."]),
        ("de", "inkl. MwSt. und Versand", ["inkl. MwSt. und Versand"]),
        ("de", "Nach § 5 Abs. 2 Satz 1 gilt das.", ["Nach § 5 Abs. 2 Satz 1 gilt das."]),
        ("de", "Das ist i. d. R. gut. Oder?", ["Das ist i. d. R. gut.", "Oder?"]),
        ("de", "Müllerstr. 5 in Berlin", ["Müllerstr. 5 in Berlin"]),
        ("de", "Äpfel, Birnen usw. Dann kam er.", ["Äpfel, Birnen usw.", "Dann kam er."]),
        ("de", "Sie ist 7. Er ist 9.", ["Sie ist 7.", "Er ist 9."]),
        ("es", "Está en EE. UU. desde 1990.", ["Está en EE. UU. desde 1990."]),
        ("es", "Vino la Sra. García. Hablamos.", ["Vino la Sra. García.", "Hablamos."]),
        ("fr", "En 50 av. J.-C. à Rome.", ["En 50 av. J.-C. à Rome."]),
        ("fr", "Selon l'art. 5 du code.", ["Selon l'art. 5 du code."]),
        ("fr", "M. Le Goff est venu. Il a ri.", ["M. Le Goff est venu.", "Il a ri."]),
        ("ru", "Это стоит 5 тыс. руб. в месяц.", ["Это стоит 5 тыс. руб. в месяц."]),
        ("ru", "5 тыс. руб. в месяц", ["5 тыс. руб. в месяц"]),
        ("ru", "На ул. Ленина живёт проф. Иванов.", ["На ул. Ленина живёт проф. Иванов."]),
        ("ru", "Яблоки, груши и т. д. Потом он ушёл.", ["Яблоки, груши и т. д.", "Потом он ушёл."]),
        ("it", "Viene il sig. Rossi. Parla.", ["Viene il sig. Rossi.", "Parla."]),
        ("pl", "Mieszka przy ul. Długiej 5.", ["Mieszka przy ul. Długiej 5."]),
        ("nl", "Kijk bijv. dit huis.", ["Kijk bijv. dit huis."]),
        ("en", "i came. i saw.", ["i came.", "i saw."]),
        ("en", "Wait... maybe not.", ["Wait...", "maybe not."]),
    ],
)
def test_an_abbreviation_ends_no_sentence(language: str, text: str, sentences: list[str]) -> None:
    assert split_sentences(text, language=language) == sentences


def test_long_sentences_are_cut_at_commas_then_words() -> None:
    clause = "a clause of some forty characters or more,"
    pieces = split_sentences(" ".join([clause] * 12))
    assert len(pieces) > 1
    assert all(piece.endswith(",") for piece in pieces)
    assert all(len(piece) <= MAX_CHARACTERS for piece in split_sentences("word " * 400))
    assert all(len(piece) <= MAX_CHARACTERS for piece in split_sentences("字" * 500))


@pytest.mark.parametrize("mark", [";", ":", "；", "："])
def test_semicolons_and_colons_are_places_for_a_cut(mark: str) -> None:
    clause = f"a clause of some forty characters or more{mark} "
    pieces = split_sentences(clause * 12)
    assert len(pieces) > 1
    assert all(piece.endswith(mark) for piece in pieces)


def test_what_is_one_number_or_address_is_not_cut() -> None:
    whole = "at 10:30 and 16:9 with 1,000 people, 1990–2000, AT&amp;T, see https://example.org now, "
    assert " ".join(split_sentences(whole * 4)) == (whole * 4).strip()


@given(st.text(max_size=900), st.sampled_from(["en", "de", "ru", "fr", "ja"]))
def test_nothing_is_lost(text: str, language: str) -> None:
    pieces = split_sentences(text, language=language)
    assert "".join("".join(pieces).split()) == "".join(text.split())
    assert all(piece == piece.strip() and piece for piece in pieces)
