"""The command line: mistakes end with one message and status 2, read commands print JSON."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest

from tests.flows.conftest import Call


@pytest.mark.parametrize(
    ("arguments", "expected"),
    [
        (("finetune", "/nowhere", "--voice", "v"), ["/nowhere", "is not a folder"]),
        (("finetune", ".", "--voice", "../v", "-p", "tiny"), ["voice", "../v", "letters"]),
        (("finetune", ".", "--voice", "v", "-p", "tinny"), ["tinny", "did you mean 'tiny'"]),
        (
            ("finetune", ".", "--voice", "v", "-p", "tiny", "-s", "features.pich.method=dio"),
            ["features.pich.method", "did you mean features.pitch.method"],
        ),
        (("speak", "--voice", "v", "hello"), ["'v'", "known: none yet"]),
        (("speak", "--voice", "v", "hello", "-o", "x.mp4"), ["x.mp4", ".wav or .flac"]),
        (("status", "v"), ["'v'"]),
        (("models", "fetch", "huber"), ["'huber'", "hubert"]),
        (("store", "ls", "--url", "/nowhere"), ["/nowhere"]),
        (("exchange", "import", "/nowhere", "out"), ["/nowhere", "2-name2text.txt"]),
        (("exchange", "export", "v", "out"), ["'v'", "known: none yet"]),
        (("corpus", "export", "out", "--voice", "v"), ["'v'", "known: none yet"]),
        (
            (
                *("exchange", "voice", "-v", "v", "--sovits", "/no.pth", "--t2s", "/no.ckpt"),
                *("--reference", "/no.wav", "--reference-text", "One."),
            ),
            ["hubert", "models"],
        ),
    ],
)
def test_a_mistake_is_one_message_and_status_2(call: Call, arguments: tuple[str, ...], expected: list[str]):
    status, _, errors = call(*arguments)
    assert status == 2
    assert "Traceback" not in errors
    for part in expected:
        assert part in errors


def test_fetching_without_network_says_where_to_put_the_files(call: Call, tmp_path: Path):
    status, _, errors = call("models", "fetch", "hubert")
    assert status == 2
    assert str(tmp_path / "w" / "models" / "chinese-hubert-base") in errors.replace("\n", "")
    assert "features.content.model" in errors


@pytest.mark.parametrize(
    "arguments",
    [("voices",), ("status",), ("models", "list"), ("store", "ls"), ("config", "show", "-p", "tiny")],
)
def test_read_commands_print_json(call: Call, arguments: tuple[str, ...]):
    status, output, _ = call(*arguments, "--json")
    assert status == 0
    json.loads(output)


def test_config_show_says_first_what_a_preset_is(call: Call):
    for preset in ("kokoro-tiny", "styletts2-tiny"):
        _, output, _ = call("config", "show", "-p", preset)
        assert " ".join(output.split()).startswith("Does not speak words: a melody at the pitch and the pace")
    _, output, _ = call("config", "show", "-p", "tiny", "--json")
    assert json.loads(output)["about"].startswith("A small voice on a CPU in minutes")
    _, output, error = call("config", "show")
    assert "no preset given" in error
    assert "kokoro-tiny: Does not speak words" in " ".join(output.split())


def test_config_show_says_where_a_value_comes_from(call: Call):
    _, output, _ = call("config", "show", "-p", "tiny", "-s", "seed=7", "--json")
    origin = {row["setting"]: (row["value"], row["from"]) for row in json.loads(output)["settings"]}
    assert origin["seed"] == (7, "--set")
    assert origin["compute.threads"][1].startswith("configs/presets/tiny.yaml:")
    assert origin["corpus.licence"][1] == "default"


@pytest.mark.slow
def test_doctor_names_a_remedy_for_everything_that_is_missing(tmp_path: Path):
    # In a process of its own: it imports every library, and some change how others behave.
    launcher = Path(__file__).resolve().parents[2] / "voicewright.py"
    done = subprocess.run(
        [sys.executable, str(launcher), "-w", str(tmp_path / "w"), "doctor", "--json"],
        capture_output=True,
        text=True,
        timeout=120,
        check=True,
    )
    findings = json.loads(done.stdout)
    assert {"torch", "mfa", "gpu", "disk"} <= {finding["what"] for finding in findings}
    assert all(finding["remedy"] for finding in findings if finding["state"] != "ok")


def test_sample_writes_once_and_refuses_a_folder_of_others(call: Call, tmp_path: Path):
    folder = tmp_path / "sample"
    assert call("sample", str(folder))[0] == 0
    before = {path: path.read_bytes() for path in folder.rglob("*") if path.is_file()}
    assert call("sample", str(folder))[0] == 0
    assert {path: path.read_bytes() for path in folder.rglob("*") if path.is_file()} == before
    other = tmp_path / "other"
    other.mkdir()
    (other / "mine.txt").write_text("mine")
    status, _, errors = call("sample", str(other))
    assert status == 2
    assert "not empty" in errors
