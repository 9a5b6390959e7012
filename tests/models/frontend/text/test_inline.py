"""`[word](/phones/)` is told from other links, and never shown."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from models.frontend.text.inline import inline_words, without_phones
from models.frontend.text.lexicon import Entry, Lexicon
from models.frontend.text.marked import marked


@pytest.mark.parametrize(
    ("text", "plain"),
    [
        ("Say [Kokoro](/kˈOkəɹO/)!", "Say Kokoro!"),
        ("[Voice Wright](/vɔɪs ɹaɪt/)'s", "Voice Wright's"),
        ("我会[心算](/xin1 suan4/)。", "我会心算。"),
        ("[GIF](/JH IH1 F/)", "GIF"),
        ("[a](/a/)[b](/b/)", "ab"),
    ],
)
def test_phones_are_taken_out(text: str, plain: str) -> None:
    assert without_phones(text) == plain


@pytest.mark.parametrize(
    "text",
    [
        "[page](https://x.org/a/)", "[page](/a/b.html)", "[page](/a?b=1/)", "[x](phones)", "[](/a/)",
        "[x](//)", "[x](/123/)", "[x](/a/", "[...](/a/)", "[x] (/a/)", "a [b] (c)", "[x](#alias#)",
    ],
)  # fmt: skip
def test_other_links_stay_text(text: str) -> None:
    assert without_phones(text) == text
    assert not list(inline_words(text))


@given(st.text(alphabet="[]()/ab ˈ1\n我's𗀀𓀀", max_size=40))
def test_marks_can_be_taken_back(text: str) -> None:
    whole = marked(text, "en", Lexicon((Entry("ab", "/a/"), Entry("我", "wo3", "zh"))))
    assert whole.plain(whole.text) == without_phones(text)
    assert len(whole.in_letters(whole.text)) == len(whole.text)
