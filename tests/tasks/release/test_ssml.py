"""The subset of SSML that is spoken, and how everything else is refused."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from configs.errors import UserError
from models.frontend.text.g2p import phonemize
from tasks.release.manuscript import marks_of
from tasks.release.marked_text import Breath
from tasks.release.sentences import read_sentences, spoken_breaths, written
from tasks.release.ssml import MAX_CHARACTERS


def breaths(text: str, language: str = "en", is_ssml: bool | None = None) -> list[Breath]:
    return spoken_breaths(marks_of(text, language, is_ssml))


def read(inner: str, language: str = "en") -> list[str]:
    return [
        "".join(span.text for span in one.spans).strip()
        for one in breaths(f"<speak>{inner}</speak>", language)
    ]


def test_breaks_paragraphs_and_sentences() -> None:
    found = breaths(
        '<?xml version="1.0" encoding="utf-16"?>\n<speak version="1.1" '
        'xmlns="http://www.w3.org/2001/10/synthesis"><p>One<s>two</s>three</p>Four <break time="300ms"/> five'
        '<break strength="x-strong"/><break/>six.<!-- seven --></speak>'
    )
    assert [(written(one), one.place.sentence, one.place.pause_s) for one in found] == [
        ("One", 0, None),
        ("two", 1, None),
        ("three", 2, None),
        ("Four", 3, None),
        ("five", 3, 0.3),
        ("six.", 3, pytest.approx(1.6)),
    ]


def test_a_text_is_ssml_where_it_begins_so_or_is_said_to_be() -> None:
    assert [written(one) for one in breaths("Hello <break/> you", is_ssml=True)] == ["Hello", "you"]
    assert [written(one) for one in breaths("Hello <break/> you")] == ["Hello <break/> you"]
    assert [written(one) for one in breaths("<speak>One</speak>", is_ssml=False)] == ["<speak>One</speak>"]


def test_what_is_read_in_place_of_what_is_written() -> None:
    (one,) = breaths(
        '<speak>The <sub alias="World Wide Web">WWW</sub>, a <phoneme alphabet="ipa" ph="təˈmɑːtəʊ">tomato'
        "</phoneme>.</speak>"
    )
    assert "".join(span.text for span in one.spans) == "The World Wide Web, a [tomato](/təˈmɑːtəʊ/)."
    assert written(one) == "The WWW, a tomato."


@pytest.mark.parametrize(
    ("reading", "text", "language", "said"),
    [
        ("characters", "BBC1", "en", "B B C one"),
        ("spell-out", "ab c", "de", "A B C"),
        ("cardinal", "1,234", "en", "one thousand, two hundred and thirty-four"),
        ("cardinal", "21", "de", "einundzwanzig"),
        ("ordinal", "3", "en", "third"),
        ("telephone", "+1 (415) 555-26", "en", "+ one, four one five, five five five, two six"),
        ("telephone", "1-800-FLOWERS ext. 5", "en", "one, eight zero zero, FLOWERS, ext, five"),
        ("time", "3:30pm", "en", "3:30pm"),
        ("date", "2024-05-03", "en", "May 3, 2024"),
        ("date", "2024-05-03", "de", "3. Mai 2024"),
        ("date", "next Friday", "en", "next Friday"),
    ],
)
def test_say_as(reading: str, text: str, language: str, said: str) -> None:
    assert read(f'<say-as interpret-as="{reading}">{text}</say-as>', language) == [said]


@pytest.mark.parametrize(
    ("form", "text", "said"),
    [("dmy", "3.5.2024", "May 3, 2024"), ("mdy", "3/5/2024", "March 5, 2024"), ("my", "5/2024", "May 2024"),
     ("md", "02-29", "February 29")],
)  # fmt: skip
def test_dates_by_their_format(form: str, text: str, said: str) -> None:
    assert read(f'<say-as interpret-as="date" format="{form}">{text}</say-as>') == [said]


def test_speeds_multiply_and_languages_nest() -> None:
    (one,) = breaths(
        '<speak>a <prosody rate="slow">b <emphasis level="strong">c</emphasis></prosody> '
        '<prosody rate="+20%">d</prosody> <lang xml:lang="de">e</lang></speak>'
    )
    assert [(span.text.strip(), round(span.speed, 3), span.language) for span in one.spans] == [
        ("a", 1.0, None),
        ("b", 0.75, None),
        ("c", 0.6, None),
        ("d", 1.2, None),
        ("e", 1.0, "de"),
    ]
    parts = spoken_breaths(
        marks_of('<speak>a <prosody rate="2">b</prosody> c.</speak>', "en"), one_speed=True
    )
    assert [(written(one), one.place.part) for one in parts] == [("a", 0), ("b", 1), ("c.", 2)]


def test_each_stretch_is_read_in_its_language_and_at_its_speed() -> None:
    text = '<speak>Hello <lang xml:lang="de">Guten Tag</lang>, <prosody rate="fast">bye</prosody>.</speak>'
    marks = marks_of(text, "en")
    (sentence,) = read_sentences(marks, "en", ("en", "de"), "ipa")
    assert [run.language for run in sentence.runs] == ["en", "de", "en"]
    assert sentence.speeds == (1.0, 1.0, 1.25)
    assert sentence.runs[1].phones[:-1] == phonemize("Guten Tag", "de", "ipa").phones

    def refuse(code: str) -> str:
        raise UserError(f"language: {code!r} is not spoken by this voice")

    with pytest.raises(UserError, match="'de' is not spoken"):
        list(read_sentences(marks, "en", ("en",), "ipa", asked_language=refuse))


BOMB = "".join(f'<!ENTITY a{n} "{f"&a{n - 1};" * 10}">' if n else '<!ENTITY a0 "lol">' for n in range(10))


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("<speak>one\n <voice name='x'>two</voice></speak>", "line 2, column 2: <voice> is not supported; "
         "there are <speak>, <p>, <s>, <break>"),
        ("<speak><prosody pitch='x'>a</prosody></speak>", "<prosody pitch> is not supported; <prosody> has"),
        ("<speak><prosody rate='9'>a</prosody></speak>", "makes the speed 9 times the voice's, and 0.5 to 2"),
        ("<speak><prosody rate='quick'>a</prosody></speak>", 'rate="quick"> is no rate; give a percentage'),
        ("<speak><prosody>a</prosody></speak>", "<prosody> needs the attribute rate"),
        ("<speak>a<break time='61s'/></speak>", r'column 9: <break time="61s"> is no length.*up to 60 s'),
        ("<speak>a<break strength='huge'/></speak>", "is none of none, x-weak"),
        ("<speak>a<break>b</break></speak>", "<break> holds no text"),
        ("<speak><sub>a</sub></speak>", "<sub> needs the attribute alias"),
        ("<speak><sub alias='b'><s>a</s></sub></speak>", "<sub> holds no elements, and here is <s>"),
        ("<speak><speak>a</speak></speak>", "<speak> surrounds the whole text"),
        ("<!-- --><p>a</p>", "<speak> surrounds the whole text"),
        ("<speak><phoneme alphabet='x-sampa' ph='a'>a</phoneme></speak>", "write it in ipa"),
        ("<speak><phoneme ph='a/b'>a</phoneme></speak>", r"must hold none of / \[ \]"),
        ("<speak><say-as interpret-as='money'>5</say-as></speak>", "is none of characters, spell-out"),
        ("<speak><say-as interpret-as='cardinal'>x</say-as></speak>", "'x' is no whole number"),
        ("<speak><say-as interpret-as='ordinal' format='m'>1</say-as></speak>", "ordinal has no format"),
        ("<speak><say-as interpret-as='date' format='dmy'>31.2.2024</say-as></speak>", "is no date in the"),
        ("<speak><say-as interpret-as='date' format='dmy'>1.2</say-as></speak>", "has not the parts"),
        ("<speak><lang xml:lang='../x'>a</lang></speak>", "is no code such as"),
        ("<speak>a [pause 5 years] b</speak>", "is no pause"),
        ("<speak>a & b</speak>", "column 11: it is not well-formed XML .*write & as &amp;"),
        ("<speak><s>a", "not well-formed XML"),
        ("<speak>a</speak><speak>b</speak>", "not well-formed XML"),
        ("<speak>a\x00b</speak>", "not well-formed XML"),
        ("<speak>a\x0bb</speak>", "not well-formed XML"),
        ("<speak>\ud800</speak>", "half of a surrogate pair"),
        ("<speak>&nbsp;</speak>", "undefined entity"),
        ("<speak></speak>", "it is empty"),
        ("<speak>" + "<p>" * 40, "more than 32 deep"),
        ("<speak>" + "a" * MAX_CHARACTERS + "</speak>", "at most 1,000,000 are read"),
        (f"<!DOCTYPE x [{BOMB}]><speak>&a9;</speak>", "a document type or an entity of one's own"),
        ("<!DOCTYPE x [<!ENTITY e SYSTEM 'file:///etc/passwd'>]><speak>&e;</speak>", "document type"),
        ("<!DOCTYPE speak SYSTEM 'http://127.0.0.1/x.dtd'><speak>a</speak>", "document type"),
    ],
)  # fmt: skip
def test_everything_else_is_refused_with_its_place(text: str, message: str) -> None:
    with pytest.raises(UserError, match=message):
        breaths(text)


def test_places_are_those_of_the_text_that_was_given() -> None:
    with pytest.raises(UserError, match="line 1, column 7: <voice>"):
        breaths("Hello <voice/>", is_ssml=True)
    with pytest.raises(UserError, match="line 3, column 14: <voice>"):
        breaths("\n\n  <speak>One <voice/></speak>")


NAMES = st.sampled_from(
    ["speak", "p", "s", "break", "sub", "say-as", "prosody", "emphasis", "lang", "phoneme", "x"]
)
ATTRIBUTES = st.sampled_from([
    "", " time='1s'", " rate='fast'", " alias='b c'", " interpret-as='ordinal'", " ph='a'", " xml:lang='de'",
    " level='strong'", " time=", " rate='1e9'", " xmlns:a='b'", " interpret-as='date' format='dmy'",
])  # fmt: skip
FRAGMENTS = st.one_of(
    st.builds("<{}{}>".format, NAMES, ATTRIBUTES),
    st.builds("<{}{}/>".format, NAMES, ATTRIBUTES),
    st.builds("</{}>".format, NAMES),
    st.sampled_from(
        ["&amp;", "&x;", "<![CDATA[one]]>", "<!--", "-->", "<?x y?>", "]]>", "[pause 1s]", "12", "one. "]
    ),
    st.text(max_size=6),
)


@given(st.lists(FRAGMENTS, max_size=14), st.booleans())
def test_any_markup_is_breaths_or_one_error(fragments: list[str], is_whole: bool) -> None:
    inner = "".join(fragments)
    text = f"<speak>{inner}</speak>" if is_whole else inner
    try:
        found = breaths(text, is_ssml=True)
    except UserError as error:
        assert str(error).partition(":")[2].strip()
        return
    assert found
    assert all(0 <= (one.place.pause_s or 0.0) <= 60 for one in found)
