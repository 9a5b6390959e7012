"""Blind listening tests: what the page hides, what is refused, and that known tastes come back."""

from __future__ import annotations

import base64
import io
import json
import re
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import soundfile

from configs.errors import UserError
from flows.__main__ import run
from models.frontend.loudness import integrated_loudness, true_peak_dbfs
from tasks.listening_tests.record import KeyRecord
from tasks.listening_tests.results import Answers, import_answers, read_answers
from tasks.listening_tests.stimuli import ANCHOR
from tasks.listening_tests.summary import Summary, in_words, summarise
from tests.tasks.listening_tests.made import answer, hum, made, saved


def page_data(page: str) -> dict[str, Any]:
    found = re.search(r'<script type="application/json" id="test">(.*?)</script>', page, re.DOTALL)
    assert found is not None
    data: dict[str, Any] = json.loads(found[1])
    return data


def outcome(key: KeyRecord, seed: int, sure: list[float]) -> Summary:
    rng = np.random.default_rng(seed)
    given = [answer(key, f"r{n}", rng, one) for n, one in enumerate(sure)]
    return summarise(key, [Answers(one["rater"], one["answers"]) for one in given], seed)


# -- the page


@pytest.mark.parametrize("kind", ["ab", "abx", "mushra"])
def test_the_page_names_no_system_and_is_the_same_again(tmp_path: Path, kind: Any) -> None:
    key, page = made(tmp_path, kind, count=3, recorded=True)
    assert "good@2" not in page and "poor@1" not in page
    assert not any(name in json.dumps(page_data(page)) for name in key["systems"])
    assert made(tmp_path, kind, count=3, recorded=True) == (key, page)
    assert "http" not in re.sub(r"http-equiv", "", page)
    groups = 3 if kind != "mushra" else 1
    assert len(page_data(page)["trials"]) == 3 * groups
    assert (key["anchor"] == ANCHOR) == (kind == "mushra")


def test_other_questions_about_the_same_sounds_are_another_test(tmp_path: Path) -> None:
    assert len({made(tmp_path, kind, count=2)[0]["test"] for kind in ("ab", "abx", "mushra")}) == 3


def test_all_sounds_are_as_loud_and_none_is_clipped(tmp_path: Path) -> None:
    key, page = made(tmp_path, "mushra", count=3, recorded=True)
    sounds = page_data(page)["sounds"]
    assert len(sounds) == 3 * (len(key["systems"]) + 1)
    measured = []
    for uri in sounds.values():
        samples, rate = soundfile.read(io.BytesIO(base64.b64decode(uri.partition(",")[2])), dtype="float32")
        measured.append(integrated_loudness(samples, rate))
        assert true_peak_dbfs(samples) < -0.9
    assert max(measured) - min(measured) < 0.1


def test_a_text_cannot_leave_its_place(tmp_path: Path) -> None:
    from tasks.listening_tests.pages import listening_page

    page = listening_page("ab", json.dumps({"text": "</script><script>alert(1)</script>"}))
    assert page.count("<script") == 2
    assert page_data(page)["text"].startswith("</script>")


# -- what it comes to


@pytest.mark.slow
@pytest.mark.parametrize("sure", [0.5, 0.75, 0.9])
def test_a_known_preference_comes_back(tmp_path: Path, sure: float) -> None:
    key, _ = made(tmp_path, "ab", count=12)
    shares = [outcome(key, seed, [sure] * 6).pairs[0].share for seed in range(40)]
    assert np.mean([one.share for one in shares]) == pytest.approx(sure, abs=0.03)
    held = np.mean([one.low <= sure <= one.high for one in shares])
    assert held >= 0.85
    beyond_chance = np.mean([one.p_value < 0.05 for one in shares])
    assert beyond_chance < 0.15 if sure == 0.5 else beyond_chance > 0.9


def test_a_random_rater_is_named_and_sure_ones_are_not(tmp_path: Path) -> None:
    key, _ = made(tmp_path, "ab", count=12, repeats=12)
    summaries = [outcome(key, seed, [0.97, 0.97, 0.5]) for seed in range(30)]
    named = np.array([[bool(rater.doubts) for rater in one.raters] for one in summaries])
    assert named[:, 2].mean() > 0.85
    assert named[:, :2].mean() < 0.1
    words = in_words(next(one for one in summaries if one.raters[2].doubts))
    assert any("good@2 is preferred to poor@1" in line for line in words)
    assert any(line.startswith("r2 is inconsistent") for line in words)


def test_who_always_takes_the_first_is_inconsistent(tmp_path: Path) -> None:
    key, _ = made(tmp_path, "ab", count=8)
    given = answer(key, "left", np.random.default_rng(1), 1.0)
    orders: dict[str, tuple[str, str]] = {}
    for one in given["answers"]:
        first, second = orders.setdefault(one["trial"], (one["first"], one["second"]))
        one |= {"choice": "first", "first": second, "second": first} if one["again"] else {"choice": "first"}
    [rater] = summarise(key, [Answers("left", given["answers"])]).raters
    assert rater.first_share == 1.0
    assert rater.agreement is not None and rater.agreement.value == 0.0
    assert rater.doubts


def test_abx_tells_who_hears_a_difference(tmp_path: Path) -> None:
    key, _ = made(tmp_path, "abx", count=12)
    heard, guessed = outcome(key, 1, [0.9] * 4), outcome(key, 1, [0.5] * 4)
    assert "good@2 and poor@1 are told apart" in in_words(heard)[1]
    assert "are not told apart beyond chance" in in_words(guessed)[1]


def test_known_scores_come_back_and_bad_raters_are_left_out(tmp_path: Path) -> None:
    key, _ = made(tmp_path, "mushra", count=8, repeats=4, recorded=True)
    summary = outcome(key, 2, [1.0, 1.0, 1.0, 1.0, 0.0])
    scores = {one.name: one.score for one in summary.scored}
    assert scores["good@2"].mean == pytest.approx(74, abs=2)
    assert scores["poor@1"].low < 45 < scores["poor@1"].high + 1
    assert [one.name for one in summary.scored] == ["recording", "good@2", "poor@1", ANCHOR]
    assert summary.scored[1].better_than == ("poor@1", ANCHOR)
    bad = summary.raters[4]
    assert bad.misses_reference and not any(one.misses_reference for one in summary.raters[:4])
    assert any("r4 gives the hidden reference under 90" in line for line in in_words(summary))


# -- files


def test_answers_are_taken_in_once_and_told(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    key, _ = made(tmp_path, "ab")
    rng = np.random.default_rng(0)
    files = [saved(tmp_path, answer(key, name, rng, 0.95)) for name in ("ann", "bea", "cem")]
    call = ["voicewright", "-w", str(tmp_path), "listening"]

    def called(*arguments: object) -> int:
        monkeypatch.setattr(sys, "argv", [*call, *map(str, arguments)])
        with pytest.raises(SystemExit) as ended:
            run()
        return int(ended.value.code or 0)

    assert called("results", key["test"]) == 2
    assert "nobody has answered yet" in capsys.readouterr().err
    assert called("import", *files) == 0
    assert called("import", files[0]) == 0
    assert "ann, 18 answers: was there already" in capsys.readouterr().out
    page = tmp_path / "outcome.html"
    assert called("results", key["test"], "-o", page) == 0
    told = capsys.readouterr().out
    assert "3 raters, 10 questions" in told and "good@2 is preferred to poor@1" in told
    assert "Sentence number 3." in page.read_text()
    assert called("results", "nothing") == 2
    assert f"there is no 'nothing' in {tmp_path} (known: {key['test']})" in capsys.readouterr().err


def _broken(results: dict[str, Any]) -> list[tuple[str, dict[str, Any]]]:
    """What is wrong with a file -> the words that must tell it."""
    first = results["answers"][0]

    def with_first(**changes: Any) -> dict[str, Any]:
        return {**results, "answers": [{**first, **changes}, *results["answers"][1:]]}

    return [
        ("rater: ''", {**results, "rater": ""}),
        ("format: 2", {**results, "format": 2}),
        ("answers.0.choice: 'third'", with_first(choice="third")),
        ("answers.0.again: 'no'", with_first(again="no")),
        ("answers.0.first: 'good@2'", with_first(first="good@2")),
        ("answers.0: '000000000000': its sounds are not those", with_first(first="0" * 12)),
        ("answers.0.trial: '000000000000' is not one of the test", with_first(trial="0" * 12)),
        ("answered twice", {**results, "answers": [first, *results["answers"]]}),
        ("1 of 18 questions are not answered", {**results, "answers": results["answers"][1:]}),
        ("kind: 'abx', but the test", {**results, "kind": "abx"}),
        ("there is no 'other'", {**results, "test": "other"}),
        ("extra: 1", {**results, "extra": 1}),
    ]


def test_every_wrong_file_is_refused_by_name_field_and_remedy(tmp_path: Path) -> None:
    key, _ = made(tmp_path, "ab")
    good = answer(key, "ann", np.random.default_rng(0), 0.9)
    for words, wrong in _broken(good):
        path = saved(tmp_path, {**wrong, "rater": wrong["rater"] or ""})
        with pytest.raises(UserError, match=re.escape(words)) as told:
            read_answers(path, tmp_path)
        assert str(path) in str(told.value) or "there is no" in words
        assert ";" in str(told.value)
    (tmp_path / "torn.json").write_text(json.dumps(good)[:-40])
    with pytest.raises(UserError, match=r"torn\.json: is no JSON"):
        read_answers(tmp_path / "torn.json", tmp_path)
    import_answers(saved(tmp_path, good), tmp_path)
    other = answer(key, "ann", np.random.default_rng(9), 0.5)
    with pytest.raises(UserError, match=r"'ann' has answered .* before, and otherwise"):
        import_answers(saved(tmp_path, other), tmp_path)


def test_scores_beyond_the_scale_are_refused(tmp_path: Path) -> None:
    key, _ = made(tmp_path, "mushra", count=2, recorded=True)
    results = answer(key, "ann", np.random.default_rng(0), 1.0)
    sound = next(iter(results["answers"][0]["scores"]))
    results["answers"][0]["scores"][sound] = 101
    with pytest.raises(UserError, match=rf"answers\.0\.scores\.{sound}: 101"):
        read_answers(saved(tmp_path, results), tmp_path)


# -- folders of recordings


def test_folders_are_compared_by_their_file_names(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    for folder, hz in (("one", 120.0), ("two", 180.0), ("recorded", 150.0)):
        (tmp_path / folder).mkdir()
        for stem in ("a", "b"):
            wave = hum(hz, seconds=1.0)
            soundfile.write(tmp_path / folder / f"{stem}.wav", wave.samples, wave.sample_rate)
    (tmp_path / "two" / "c.wav").write_bytes((tmp_path / "two" / "a.wav").read_bytes())
    (tmp_path / "one" / "a.txt").write_text("What is said.")
    page = tmp_path / "page.html"

    def called(*arguments: object) -> int:
        monkeypatch.setattr(
            sys,
            "argv",
            ["voicewright", "-w", str(tmp_path / "ws"), "listening", "make", *map(str, arguments)],
        )
        with pytest.raises(SystemExit) as ended:
            run()
        return int(ended.value.code or 0)

    one, two = tmp_path / "one", tmp_path / "two"
    assert (
        called(
            one, two, "-o", page, "--kind", "mushra", "--reference", tmp_path / "recorded", "--name", "mine"
        )
        == 0
    )
    data = page_data(page.read_text())
    assert [len(trial["stimuli"]) for trial in data["trials"]] == [4, 4]
    assert {trial["text"] for trial in data["trials"]} == {"What is said.", ""}
    assert called(one, two, "-o", page, "--name", "mine") == 2
    assert "--name: 'mine' is taken" in capsys.readouterr().err
    assert called(one, "-o", page) == 2
    assert "name another voice or folder" in capsys.readouterr().err
    assert called(tmp_path / "ws", two, "-o", page) == 2
    assert "holds neither a voice nor recordings" in capsys.readouterr().err
