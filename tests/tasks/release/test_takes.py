"""Which sentences are said once more."""

from __future__ import annotations

import pytest

from configs.errors import UserError
from tasks.release.takes import takes_of


def test_numbers_and_takes() -> None:
    assert takes_of([], 3) == {}
    assert takes_of(["3"], 3) == {2: 1}
    assert takes_of(["2, 5:3", "1:2"], 5) == {1: 1, 4: 3, 0: 2}


@pytest.mark.parametrize(
    ("asked", "message"),
    [
        ("x", "'x' is no sentence's number"),
        ("", "is no sentence's number"),
        ("2-3", "'2-3' is no sentence's number"),
        ("4", "there is no sentence 4; the text has 3"),
        ("0", "there is no sentence 0"),
        ("2:0", "takes are counted from 1"),
    ],
)
def test_what_is_no_sentence_is_refused(asked: str, message: str) -> None:
    with pytest.raises(UserError, match=message):
        takes_of([asked], 3)
