"""`voicewright speak` and `interactive` on an exported folder."""

from __future__ import annotations

import io
import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest
import soundfile
import torch

from configs.compute import ComputeSettings
from configs.errors import UserError
from flows.__main__ import run
from tasks import opening
from tasks.release.speak import load_voice
from tasks.release.voice import SpeakOptions
from tests.tasks.finetune import synthetic

Call = Callable[..., int]


@pytest.fixture
def call(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Call:
    """Run `voicewright ...` with some standard input: its status."""

    def invoke(*arguments: str, given: str | bytes = "") -> int:
        monkeypatch.setattr(sys, "argv", ["voicewright", "-w", str(tmp_path / "w"), *arguments])
        sent = given.encode() if isinstance(given, str) else given
        monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(sent), encoding="utf-8"))
        with pytest.raises(SystemExit) as ended:
            run()
        return int(ended.value.code or 0)

    return invoke


@pytest.mark.slow
def test_text_from_argument_file_and_standard_input_is_the_same(
    call: Call, voice_folder: Path, tmp_path: Path
) -> None:
    text = "One two. Three four!"
    (tmp_path / "text.txt").write_text("\ufeff" + text, encoding="utf-8")
    ways = {"argument": [text], "file": ["--file", str(tmp_path / "text.txt")], "stdin": ["-"]}
    for name, arguments in ways.items():
        output = str(tmp_path / f"{name}.wav")
        assert call("speak", "-v", str(voice_folder), *arguments, "-o", output, given=text) == 0
    spoken = {name: (tmp_path / f"{name}.wav").read_bytes() for name in ways}
    assert len(set(spoken.values())) == 1
    samples, rate = soundfile.read(tmp_path / "file.wav")
    assert rate == synthetic.FAMILY.sample_rate
    assert len(samples) == len(load_voice(voice_folder).speak(text).samples)


def test_what_is_no_utf8_is_refused_wherever_it_comes_from(
    call: Call, voice_folder: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    latin = "Très bien.".encode("latin-1")
    (tmp_path / "text.txt").write_bytes(latin)
    for arguments, place in ((["-"], "standard input"), (["--file", str(tmp_path / "text.txt")], "--file")):
        assert call("speak", "-v", str(voice_folder), *arguments, given=latin) == 2
        said = " ".join(capsys.readouterr().err.split())
        assert place in said and "cannot be read as UTF-8 text" in said
    # What editors of one system put before UTF-8 is no part of the text.
    assert call("speak", "-v", str(voice_folder), "-", given=b"\xef\xbb\xbf \r\n") == 2
    assert "there is nothing to say" in capsys.readouterr().err


def test_a_device_that_is_not_there_is_an_error(
    call: Call,
    voice_folder: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.setattr(torch.cuda, "device_count", lambda: 0)
    for voice in (str(voice_folder), "kokoro/af_heart"):
        output = str(tmp_path / "said.wav")
        assert call("speak", "-v", voice, "one two", "--device", "cuda", "-o", output) != 0
        said = " ".join(capsys.readouterr().err.split())
        assert "--device = cuda: no CUDA device is found; use auto or cpu" in said


def test_without_the_option_the_voices_settings_tell_the_device(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    settings = SimpleNamespace(compute=ComputeSettings(device="cuda"))
    request = SimpleNamespace(resolve=lambda: SimpleNamespace(settings=settings))
    monkeypatch.setattr(opening, "voices", lambda workspace: ["anna"])
    monkeypatch.setattr(opening, "remembered", lambda workspace, voice: request)
    monkeypatch.setattr(torch.cuda, "device_count", lambda: 0)
    with pytest.raises(UserError, match=r"compute\.device = cuda: no CUDA device is found"):
        opening.device_of(None, tmp_path, "anna")
    assert opening.device_of("cpu", tmp_path, "anna").type == "cpu"
    assert opening.device_of(None, tmp_path, "elsewhere").type == "cpu"
    monkeypatch.setattr(torch.cuda, "device_count", lambda: 1)
    assert opening.device_of(None, tmp_path, "anna").type == "cuda"
    assert opening.device_of(None, tmp_path, "elsewhere").type == "cuda"


@pytest.mark.slow
def test_raw_samples_stream_to_standard_output(
    call: Call, voice_folder: Path, capsysbinary: pytest.CaptureFixture[bytes]
) -> None:
    assert call("speak", "-v", str(voice_folder), "one two", "-o", "-") == 0
    said = capsysbinary.readouterr()
    samples = np.frombuffer(said.out, "<i2")
    expected = load_voice(voice_folder).speak("one two").samples
    assert np.abs(samples / 32767 - expected).max() < 1e-4
    assert b"16000 Hz" in said.err


@pytest.mark.slow
def test_a_lexicon_is_added_to_the_voices_own(call: Call, voice_folder: Path, tmp_path: Path) -> None:
    lexicon = tmp_path / "mine.tsv"
    lexicon.write_text("Voicewright\tone two three\n", encoding="utf-8")
    output = tmp_path / "said.wav"
    arguments = ("speak", "-v", str(voice_folder), "Voicewright.", "-o", str(output))
    assert call(*arguments, "--lexicon", str(lexicon)) == 0
    said = output.read_bytes()
    assert call("speak", "-v", str(voice_folder), "one two three.", "-o", str(output)) == 0
    assert output.read_bytes() == said
    lexicon.write_text("Voicewright\t/wʌn/\n", encoding="utf-8")
    assert call(*arguments, "--lexicon", str(lexicon)) == 0
    changed = output.read_bytes()
    assert changed != said
    assert call("speak", "-v", str(voice_folder), "[Voicewright](/wʌn/).", "-o", str(output)) == 0
    assert output.read_bytes() == changed


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ((), "TEXT: give a text"),
        (("hello", "--file", "x.txt"), "TEXT: give a text"),
        (("--file", "missing.txt"), "missing.txt cannot be read"),
        (("hello", "-o", "speech.mp3"), ".wav or .flac"),
        (("hello", "--reference-text", "one"), "there is none"),
        (("hello", "--lexicon", "missing.tsv"), "missing.tsv: is no file"),
        (("hello", "--reference", "a.wav", "--speaker", "tester"), "each says who speaks"),
        (("hello", "--reference", "a.wav"), "a.wav is no file"),
        (("hello", "--reference-clip", "tone_002"), "holds no corpus"),
        (("hello", "--subtitles", "a.txt"), "a.txt must end in .srt, .vtt, .json"),
        (("One. Two.", "--again", "3"), "there is no sentence 3; the text has 2"),
        (("hello [pause 5 min]",), "column 7: '[pause 5 min]' is no pause"),
        (("<speak>a<audio/></speak>",), "SSML, line 1, column 9: <audio> is not supported"),
        (("a <b>c</b>", "--ssml"), "SSML, line 1, column 3: <b> is not supported"),
    ],
)
def test_mistakes_end_with_one_message(
    call: Call,
    voice_folder: Path,
    capsys: pytest.CaptureFixture[str],
    arguments: tuple[str, ...],
    message: str,
) -> None:
    assert call("speak", "-v", str(voice_folder), *arguments) == 2
    assert message in " ".join(capsys.readouterr().err.split())


def test_subtitles_and_pauses_of_a_spoken_text(
    call: Call, voice_folder: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    text = '<speak>One two.<break time="700ms"/>Three four!</speak>'
    paths = [tmp_path / f"said.{kind}" for kind in ("wav", "srt", "vtt", "json")]
    options = [part for path in paths[1:] for part in ("--subtitles", str(path))]
    assert call("speak", "-v", str(voice_folder), text, "-o", str(paths[0]), *options) == 0
    assert "words have none" in " ".join(capsys.readouterr().err.split())
    info = soundfile.info(paths[0])
    described = json.loads(paths[3].read_text())
    assert described["duration_s"] == pytest.approx(info.frames / info.samplerate, abs=1e-6)
    first, second = described["sentences"]
    assert second["start_s"] - first["end_s"] == pytest.approx(0.7, abs=1e-6)
    assert first["words"] is second["words"] is None
    samples, rate = soundfile.read(paths[0])
    assert not samples[round(first["end_s"] * rate) : round(second["start_s"] * rate)].any()
    assert paths[1].read_text().count(" --> ") == 2 and paths[2].read_text().startswith("WEBVTT")


@pytest.mark.slow
def test_a_sentence_is_said_again_and_the_rest_kept(
    call: Call, voice_folder: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    said: dict[str, tuple[list[dict[str, float]], np.ndarray]] = {}
    for name, more in (("plain", ()), ("again", ("--again", "2")), ("same", ("--again", "2"))):
        wav, times = tmp_path / f"{name}.wav", tmp_path / f"{name}.json"
        command = ("speak", "-v", str(voice_folder), "One two. Three. Four!", "-o", str(wav))
        assert call(*command, "--subtitles", str(times), *more) == 0
        said[name] = json.loads(times.read_text())["sentences"], soundfile.read(wav, dtype="int16")[0]
    assert "again: sentence 2, 'Three.'" in " ".join(capsys.readouterr().err.split())
    assert np.array_equal(said["again"][1], said["same"][1])

    def spoken(name: str, number: int) -> np.ndarray:
        sentences, samples = said[name]
        rate = synthetic.FAMILY.sample_rate
        return samples[slice(*(round(sentences[number][key] * rate) for key in ("start_s", "end_s")))]

    for number in range(3):
        assert np.array_equal(spoken("plain", number), spoken("again", number)) == (number != 1)


@pytest.mark.slow
def test_a_conversation(
    call: Call, voice_folder: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    clip = tmp_path / "a clip.wav"
    soundfile.write(clip, synthetic.tone(77, 3.5), synthetic.FAMILY.sample_rate)
    folder = tmp_path / "said"
    lines = [
        "one two three",
        ":seed 3",
        ":speed 1.5",
        "one two three",
        ":speed 9",
        ":nonsense",
        ":language zh",
        "你好，今天天气很好",
        ":speaker tester",
        f":reference '{clip}' one two three",
        "one two three",
        ":help",
        ":quit",
        "never said",
    ]
    status = call("interactive", "-v", str(voice_folder), "--folder", str(folder), given="\n".join(lines))
    assert status == 0
    assert sorted(path.name for path in folder.iterdir()) == [f"speech-00{n}.wav" for n in (1, 2, 3)]
    lengths = [soundfile.info(folder / f"speech-00{n}.wav").frames for n in (1, 2)]
    expected = load_voice(voice_folder).speak("one two three", SpeakOptions(seed=3, speed=1.5))
    assert lengths[1] == len(expected.samples)
    errors = capsys.readouterr().err
    for complaint in (":speed 9 must lie", ":nonsense is no command", "'zh' is not spoken", "no script of"):
        assert complaint in errors


def test_the_end_of_input_ends_a_conversation_and_files_are_kept(
    call: Call, voice_folder: Path, tmp_path: Path
) -> None:
    (tmp_path / "speech-001.wav").write_bytes(b"mine")
    assert call("interactive", "-v", str(voice_folder), "--folder", str(tmp_path), given="one two\n") == 0
    assert (tmp_path / "speech-001.wav").read_bytes() == b"mine"
    assert soundfile.info(tmp_path / "speech-002.wav").frames > 0


@pytest.mark.slow
def test_ctrl_c_leaves_no_file(voice_folder: Path, tmp_path: Path) -> None:
    folder = tmp_path / "out"
    text = tmp_path / "long.txt"
    text.write_text("One two three four five six seven eight. " * 4000)
    root = Path(__file__).resolve().parents[3]
    command = [sys.executable, "-m", "flows", "speak", "-v", str(voice_folder), "--file", str(text)]
    process = subprocess.Popen(
        [*command, "-o", str(folder / "speech.wav"), "--batch", "1"],
        cwd=root,
        env={**os.environ, "PYTHONPATH": str(root)},
        stderr=subprocess.PIPE,
        text=True,
    )
    deadline = time.monotonic() + 240
    while not (folder.is_dir() and any(folder.iterdir())):
        assert process.poll() is None, process.stderr.read()
        assert time.monotonic() < deadline
        time.sleep(0.1)
    process.send_signal(signal.SIGINT)
    _, errors = process.communicate(timeout=60)
    assert process.returncode == 130
    assert "was not written" in errors
    assert not list(folder.iterdir())
