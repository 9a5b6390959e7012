"""The first few clips of a corpus stand for all speakers and sessions."""

from __future__ import annotations

from tasks.turns import in_turns


def test_speakers_take_turns_and_names_do_not_decide() -> None:
    speakers = ["anna"] * 40 + ["ben"] * 2
    names = [f"s{index // 10}_{index:02d}" for index in range(42)]
    order = in_turns(speakers, names)
    assert sorted(order) == list(range(42))
    assert [speakers[index] for index in order[:4]] == ["anna", "ben", "anna", "ben"]
    assert len({names[index][:2] for index in order[4:12]}) > 1
    moved = in_turns(speakers[::-1], names[::-1])
    assert [names[::-1][index] for index in moved] == [names[index] for index in order]
