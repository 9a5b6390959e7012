"""Corrections of a corpus: read strictly, kept beside it, and read by the stage that settles texts."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import hypothesis
import pytest
from hypothesis import strategies

from artifacts.manifest import Reject
from configs.errors import UserError
from configs.settings import Settings
from tasks.corpus.correction import Correction
from tasks.corpus.corrections_file import (
    corrections_by_row,
    corrections_path,
    read_corrections,
    take_in,
    with_corrections,
)
from tasks.review.doubts import Measured, doubts, heard_beside


def written(folder: Path, text: str) -> Path:
    path = folder / "saved.tsv"
    path.write_bytes(text.encode())
    return path


def test_corrections_are_joined_changed_and_taken_back(tmp_path: Path) -> None:
    place = corrections_path(tmp_path, "anna")
    assert take_in(
        tmp_path, "anna", written(tmp_path, "# remark\nc1\tdrop\nc2\ttext\tTwo  words.\r\n\n")
    ) == {
        "c1": Correction("drop"),
        "c2": Correction("text", "Two words."),
    }
    take_in(tmp_path, "anna", written(tmp_path, "c1\tkeep\nc3\ttext\tThree.\nc2\ttext\tTwo other words.\n"))
    assert read_corrections(place) == {
        "c2": Correction("text", "Two other words."),
        "c3": Correction("text", "Three."),
    }
    assert place.read_text().splitlines()[0].startswith("#")


WRONG = {
    "c1": "line 1: 'c1': a clip and what to do with it are needed",
    "\tdrop": "line 1: 'drop': a clip and what to do with it are needed",
    "c1\tdelete": "line 1: 'delete' is nothing that can be done with a clip",
    "c0\tdrop\nc1\ttext\t": "line 2: c1: the text has no letter or digit",
    "c1\ttext\t...": "line 1: c1: the text has no letter or digit",
    "c1\tdrop\twhy": "line 1: c1: drop takes no text, and 'why' follows",
    "c1\tdrop\nc1\ttext\tYes.": "line 2: c1: line 1 says something else",
    "c1\ttext\t" + 2001 * "a": "line 1: c1: the text has 2001 characters",
}


@pytest.mark.parametrize("text", WRONG)
def test_a_wrong_line_is_told_with_file_line_value_and_remedy(tmp_path: Path, text: str) -> None:
    path = written(tmp_path, text)
    with pytest.raises(UserError, match=re.escape(WRONG[text])) as told:
        take_in(tmp_path, "anna", path)
    assert str(told.value).startswith(f"{path}, line ") and ";" in str(told.value)
    assert not corrections_path(tmp_path, "anna").exists()


def test_files_that_cannot_be_read_are_told(tmp_path: Path) -> None:
    with pytest.raises(UserError, match="cannot be read"):
        read_corrections(tmp_path / "none.tsv")
    path = tmp_path / "latin.tsv"
    path.write_bytes("c1\tdrop\nc2\ttext\tSchön.\n".encode("latin-1"))
    with pytest.raises(UserError, match="line 2: is not UTF-8"):
        read_corrections(path)
    with pytest.raises(UserError, match="says keep, which only a file that is taken in may"):
        read_corrections(written(tmp_path, "c1\tkeep\n"))


@pytest.mark.slow
@hypothesis.given(strategies.dictionaries(
    strategies.from_regex(r"[A-Za-z0-9_.-]{1,20}", fullmatch=True),
    strategies.none() | strategies.from_regex(r"[a-zé]{1,9}( [a-z,.]{1,9}){0,4}", fullmatch=True),
    max_size=6,
))  # fmt: skip
def test_what_was_kept_is_read_again(
    tmp_path_factory: pytest.TempPathFactory, texts: dict[str, str | None]
) -> None:
    folder = tmp_path_factory.mktemp("kept")
    lines = [f"{clip}\tdrop\n" if text is None else f"{clip}\ttext\t{text}\n" for clip, text in texts.items()]
    known = take_in(folder, "anna", written(folder, "".join(lines)))
    assert known == read_corrections(corrections_path(folder, "anna"))
    assert set(known) == set(texts)
    assert sum(one.what == "drop" for one in known.values()) == sum(text is None for text in texts.values())


def test_settings_find_the_voices_own_file_or_one_that_is_named(tmp_path: Path) -> None:
    settings = Settings(voice="anna")
    assert with_corrections(settings, tmp_path).corpus.corrections is None
    assert corrections_by_row(with_corrections(settings, tmp_path), dict) == {}
    take_in(tmp_path, "anna", written(tmp_path, "c1\tdrop\nc2\ttext\tTwo.\n"))
    found = with_corrections(settings, tmp_path)
    assert found.corpus.corrections == str(corrections_path(tmp_path, "anna"))
    given = corrections_by_row(found, dict)
    assert given["c2"].content == {"c2": "Two."} and given["c1"].value == Correction("drop")
    take_in(tmp_path, "anna", written(tmp_path, "c1\ttext\tdrop\n"))
    assert corrections_by_row(with_corrections(settings, tmp_path), dict)["c1"].content != given["c1"].content
    assert with_corrections(Settings(voice="bert"), tmp_path).corpus.corrections is None
    other = Settings.model_validate({"voice": "anna", "corpus": {"corrections": str(tmp_path / "none.tsv")}})
    with pytest.raises(UserError, match=r"corpus\.corrections = .*none\.tsv: there is no such file"):
        with_corrections(other, tmp_path)


# -- doubts


def clip(name: str, **known: Any) -> Measured:
    return Measured(
        name, "hmm", **{"alignment_score": -40.0, "speaker": "ann", "speaker_similarity": 0.9} | known
    )


def test_the_most_doubtful_come_first_each_with_its_reason() -> None:
    usual = [
        clip(f"u{n}", alignment_score=-40.0 - 0.1 * n, speaker_similarity=0.9 - 0.001 * n) for n in range(10)
    ]
    refusal = Reject("refused", "noisy", "snr_db", "3.0", "below 10", "")
    odd = [
        clip("refused", refusal=refusal),
        clip("misheard", word_error_rate=0.8),
        clip("misaligned", alignment_score=-43.0),
        clip("stranger", speaker_similarity=0.88),
        clip("dropped", refusal=Reject("dropped", "dropped", "", "", "", ""), is_dropped=True),
    ]
    found = doubts([*usual, *odd])
    ranked = sorted(found, key=lambda name: -found[name].amount)
    assert ranked[0] == "refused" and ranked[-1] == "dropped"
    assert set(ranked[1:4]) == {"misheard", "misaligned", "stranger"}
    assert found["refused"].reasons == ("refused: snr_db = 3.0, below 10",)
    assert found["misheard"].reasons == ("a recogniser hears 80% of the words otherwise",)
    assert "text and sound fit worse" in found["misaligned"].reasons[0]
    assert "sounds less like the speaker" in found["stranger"].reasons[0]
    assert found["u0"].reasons == ()


def test_a_text_that_nobody_wrote_is_doubted_by_how_sure_the_recogniser_was() -> None:
    found = doubts([clip("sure", recognised=0.95), clip("unsure", recognised=0.4)])
    assert found["unsure"].amount > found["sure"].amount
    assert "confidence 0.40" in found["unsure"].reasons[0]


def test_words_that_the_text_does_not_have_are_marked() -> None:
    heard = heard_beside("The cat sat, down.", "the cat set it down")
    assert [(word.text, word.is_new) for word in heard] == [
        ("the", False), ("cat", False), ("set", True), ("it", True), ("down", False),
    ]  # fmt: skip
