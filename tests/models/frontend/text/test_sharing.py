"""The text of a long recording over its pieces: nothing lost, marks preferred, put right by ear."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from models.frontend.text.sharing import Share, refit, share_text


@given(
    st.text(alphabet="abc defg, .!1é漢字。", max_size=300),
    st.lists(st.floats(min_value=0.0, max_value=20.0), min_size=1, max_size=12),
)
def test_every_word_is_given_out_once_and_in_order(text: str, speech_s: list[float]) -> None:
    shares = share_text(text, speech_s)
    assert len(shares) == len(speech_s)
    assert "".join("".join(share.text.split()) for share in shares) == "".join(text.split())


def test_pieces_end_at_marks_where_the_time_allows_it() -> None:
    text = "The Middle Ages brought calligraphy to perfection, and it was natural. But the first came later."
    assert [share.text for share in share_text(text, [3.3, 1.2, 2.0])] == [
        "The Middle Ages brought calligraphy to perfection,",
        "and it was natural.",
        "But the first came later.",
    ]


def test_a_script_without_spaces_is_shared_by_characters() -> None:
    shares = share_text("今天天气很好，我们去公园散步吧。明天见！", [1.2, 1.6, 0.6])
    assert [share.text for share in shares] == ["今天天气很好，", "我们去公园散步吧。", "明天见！"]


def test_a_piece_comes_with_the_words_around_it() -> None:
    (_, share, _) = share_text("one two three. four five six. seven eight nine.", [1.0, 1.0, 1.0])
    assert share == Share("one two three.", "four five six.", "seven eight nine.")


def test_what_is_heard_moves_the_edges() -> None:
    share = Share("it was natural therefore of", "the more formal ecclesiastical", "writing which obtained")
    assert refit(share, "of the more formal ecclesiastic writing") == (
        "of the more formal ecclesiastical writing"
    )
    assert refit(share, "more formal") == "more formal"


def test_words_misheard_inside_change_nothing() -> None:
    share = Share("a b c", "the alimentary canal should be removed", "and preserved")
    assert refit(share, "the elementary canal should me removed") == share.text


def test_the_first_and_the_last_words_of_a_text_stay() -> None:
    assert refit(Share("", "every one who is turbulent", "has been"), "who is turbulent") == (
        "every one who is turbulent"
    )
    assert refit(Share("has been", "found by the king", ""), "found by") == "found by the king"


def test_a_piece_in_which_nobody_is_heard_has_no_words() -> None:
    assert refit(Share("a b", "c d e f g h i j", "k"), "") == ""


def test_a_mark_is_worth_a_few_letters_of_time_and_no_more() -> None:
    def first(letters: int) -> str:
        """Of two pieces with time for 20 letters each, the first; the sentence ends `letters` earlier."""
        sentence = " ".join(["aaaa"] * ((20 - letters) // 4)) + "."
        return share_text(f"{sentence} {' '.join(['aaaa'] * ((20 + letters) // 4))}", [2.0, 2.0])[0].text

    assert first(8) == "aaaa aaaa aaaa."
    assert first(12) == "aaaa aaaa. aaaa aaaa aaaa"
