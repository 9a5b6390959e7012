"""Whatever others' code does with a text, it ends, and costs that text alone."""

from __future__ import annotations

import contextlib
import os
import re
import signal
import threading
from itertools import count
from pathlib import Path

import pytest

from models.frontend.text.c_readers import OUT_OF_MEMORY, TEXT_CPU_S
from models.frontend.text.espeak_ipa import supported_languages
from models.frontend.text.front_ends import modules_of
from models.frontend.text.g2p import MAX_TEXT_CHARACTERS, TextError, phonemize
from models.frontend.text.normalize import normalize, normalized_text
from models.frontend.text.numbers import number_words
from models.frontend.text.reader_process import BreakdownError, _said_of, ask
from models.frontend.text.steps import TooManyStepsError, within_steps

# espeak-ng 1.52 dies of a segmentation fault on this in Malayalam.
CRASHING = "\u0301\u0d5ce\u0d5e"


def forever() -> None:
    for _ in count():
        with contextlib.suppress(Exception):
            pass


def test_python_that_never_ends_is_ended_in_any_thread() -> None:
    caught: list[BaseException] = []

    def run() -> None:
        try:
            within_steps(forever, 10_000)
        except TooManyStepsError as error:
            caught.append(error)

    thread = threading.Thread(target=run, daemon=True)
    thread.start()
    thread.join(10.0)
    assert caught and not thread.is_alive()
    with pytest.raises(TooManyStepsError):
        within_steps(forever, 10_000)
    assert within_steps(lambda: 3, 10_000) == 3


@pytest.mark.timeout(60)
def test_amharic_numbers_of_seven_digits_stay_digits() -> None:
    assert number_words(345, "am")
    assert number_words(9_999_999, "am") is None
    assert normalized_text(normalize("ሰላም 9999999", "am"), "am") == "ሰላም 9999999"
    assert phonemize("ሰላም 9999999", "am", "ipa").phones


@pytest.mark.slow
def test_a_word_that_crashes_espeak_is_refused_and_the_next_is_read() -> None:
    before = phonemize("നമസ്കാരം", "ml", "ipa")
    with pytest.raises(TextError, match=r"espeak crashed \(SIGSEGV\)") as refusal:
        phonemize(CRASHING, "ml", "ipa")
    assert refusal.value.code == "unreadable_text"
    assert phonemize("നമസ്കാരം", "ml", "ipa") == before


def test_threads_that_read_at_once_get_their_own_answers() -> None:
    words = ["Haus", "Boot", "Wind", "Stein"] * 4
    alone = [ask("espeak", word, "de") for word in words]
    found = [""] * len(words)

    def read(at: int) -> None:
        found[at] = ask("espeak", words[at], "de")

    threads = [threading.Thread(target=read, args=(at,)) for at in range(len(words))]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert found == alone


def test_a_text_longer_than_any_utterance_is_refused() -> None:
    assert phonemize("a " * (MAX_TEXT_CHARACTERS // 2), "de", "ipa").phones
    with pytest.raises(TextError) as refusal:
        phonemize("a " * MAX_TEXT_CHARACTERS, "de", "ipa")
    assert refusal.value.code == "too_many_characters"
    assert str(2 * MAX_TEXT_CHARACTERS) in refusal.value.reason


def test_going_back_and_forth_between_many_voices_takes_no_more_memory() -> None:
    voices = supported_languages()[:12]

    def read_all() -> int:
        for voice in voices:
            ask("espeak", "a", voice)
        started = Path(f"/proc/{os.getpid()}/task/{os.getpid()}/children").read_text().split()
        processes = [Path("/proc", identifier) for identifier in started]
        (reader,) = (process for process in processes if b"c_readers" in (process / "cmdline").read_bytes())
        found = re.search(r"VmSize:\s+(\d+)", (reader / "status").read_text())
        assert found is not None
        return int(found[1])

    first = read_all()
    assert read_all() <= first * 1.02


@pytest.mark.slow
def test_a_breakdown_says_what_and_how() -> None:
    with pytest.raises(BreakdownError, match="espeak crashed") as breakdown:
        ask("espeak", CRASHING, "ml")
    assert breakdown.value.text == CRASHING


@pytest.mark.parametrize(
    ("status", "said"),
    [
        (-signal.SIGPROF, f"needs more than {TEXT_CPU_S:g} s"),
        (OUT_OF_MEMORY, "needs more than 4 GiB of memory"),
        (-signal.SIGSEGV, "crashed (SIGSEGV)"),
        (3, "ended with status 3"),
    ],
)
def test_how_a_reader_ended_is_said(status: int, said: str) -> None:
    assert _said_of(status) == said


def test_texts_of_a_language_need_its_rules_and_its_reader() -> None:
    reader, rules = "models.frontend.text.pinyin", "models.frontend.text.normalize_zh"
    assert set(modules_of("zh", "gpt_sovits_v2")) == {reader, rules}
    assert modules_of("zh-CN", "ipa") == (rules,)
    assert modules_of("en-us", "gpt_sovits_v2")[-1] == "models.frontend.text.arpabet"
    assert modules_of("xx", "gpt_sovits_v2") == ()
