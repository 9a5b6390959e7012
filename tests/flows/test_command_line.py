"""The command line: mistakes end with one message and status 2, read commands print JSON."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import soundfile
import typer
from rich.console import Console
from rich.text import Text

from flows.__main__ import app
from flows.commands import machine, shared
from tasks.run_record import write_run
from tasks.voice import Request, recordings_at
from tests.command_line import Call, called_in


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
        (("models", "fetch", "huber"), ["'huber'", "did you mean 'hubert'"]),
        (("finetune", ".", "--voice", "v", "-p", "tiny", "-s", "language=Germn"), ["Germn", "German"]),
        (
            ("finetune", ".", "--voice", "v", "-p", "tiny", "-s", "weights.folder=/nowhere"),
            ["--set", "weights.folder = /nowhere", "there is no such folder"],
        ),
        (
            ("finetune", ".", "--voice", "v", "-p", "kokoro-tiny", "-s", "language=Klingon"),
            ["tlh (Klingon)", "nothing here reads it", "voicewright languages"],
        ),
        (
            ("finetune", ".", "--voice", "v", "-p", "kokoro-tiny", "-s", "language=gsw"),
            ["gsw (Swiss German)", "did you mean German (de)?"],
        ),
        (
            ("finetune", ".", "--voice", "v", "-p", "kokoro-tiny", "-s", "language=ja"),
            ["ja (Japanese)", "presets of GPT-SoVITS read it"],
        ),
        (("advise", ".", "-s", "language=Klingon"), ["tlh (Klingon)", "voicewright languages"]),
        (("config", "show", "pitsch"), ["'pitsch'", "did you mean 'pitch'"]),
        (("where", "v"), ["'v'", "known: none yet"]),
        (("exchange", "import", "/nowhere", "out", "--language", "Germn"), ["'Germn'", "German"]),
        (("speak", "--voice", "v", "--language", "Germn", "Hello."), ["'Germn'", "German"]),
        (("advise", "/nowhere"), ["/nowhere", "is not a folder"]),
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


def test_languages_lists_what_can_be_read(call: Call):
    _, output, _ = call("languages", "--json")
    rules = {row["name"]: row["rules"] for row in json.loads(output)}
    assert rules["German"] and rules["Japanese"] and rules["Welsh"] is False
    assert "Klingon" not in rules
    codes = [row["code"] for row in json.loads(output)]
    assert len(codes) == len(set(codes)) > 90
    assert {"es", "es-419", "pt", "pt-br", "en", "en-gb"} <= set(codes) and "en-us" not in codes


@pytest.mark.slow
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


def test_config_show_is_one_setting_a_line_in_a_pipe_and_reads_back(call: Call):
    _, output, _ = call("config", "show", "-p", "kokoro-tiny", "-s", "language=Deutsch", "--changed")
    lines = output.splitlines()[1:]
    told = dict(line.split("    # ")[0].split("=", 1) for line in lines)
    assert told["corpus.language"] == "de"
    assert told["train.kokoro.max_epochs"] == "null"
    assert "corpus.speaker" not in told
    again = [part for name, value in told.items() for part in ("-s", f"{name}={value}")]
    _, output, _ = call("config", "show", *again, "--changed", "--json")
    assert len(json.loads(output)["settings"]) == len(told)


def test_config_show_takes_a_part_of_a_name(call: Call):
    _, output, errors = call("config", "show", "pitch.method")
    assert output == "features.pitch.method=dio\n"
    assert errors == ""


def test_names_in_a_pipe_stay_whole_and_rows_stay_lines(call: Call):
    _, output, _ = call("models", "list")
    rows = [line.split() for line in output.splitlines()]
    assert ["styletts2-libritts", "771", "no"] in [row[:3] for row in rows]


@pytest.mark.parametrize("width", [60, 80, 140])
def test_models_list_shows_whole_names_on_any_screen(call: Call, width: int, monkeypatch: pytest.MonkeyPatch):
    screen = Console(width=width, force_terminal=True, color_system=None, highlight=False)
    for module in (shared, machine):
        monkeypatch.setattr(module, "console", screen)
    _, output, _ = call("models", "list")
    table = output.split("Those that are here")[0]
    assert {"styletts2-libritts", "s2D-v2proplus", "kokoro-voices"} <= set(table.split())
    assert max(map(len, table.splitlines())) <= width


def test_the_help_shows_every_word_that_is_written():
    def helps(command: Any) -> Iterator[str]:
        yield command.help or ""
        yield from (getattr(one, "help", None) or "" for one in command.params)
        for inner in getattr(command, "commands", {}).values():
            yield from helps(inner)

    # The screen takes words in brackets for markup.
    written = list(helps(typer.main.get_command(app)))
    assert len(written) > 200
    assert [Text.from_markup(text).plain for text in written] == written


def test_the_version_is_said(call: Call):
    status, output, _ = call("--version")
    assert status == 0
    assert output.startswith("voicewright 0.")


def test_a_name_that_is_nearly_a_voices_is_asked_about(call: Call, tmp_path: Path):
    request = Request(tmp_path, "anna", "tiny").as_record()
    write_run(tmp_path / "w", "anna", {"request": request, "stages": {}})
    for command in (("status", "ana"), ("where", "ana"), ("speak", "-v", "ana", "Hello."), ("delete", "ana")):
        status, _, errors = call(*command, *(("--yes",) if command[0] == "delete" else ()))
        assert status == 2
        assert "did you mean 'anna'?" in errors
    status, _, errors = call("rerun", "anna", "pich")
    assert status == 2
    status, _, errors = call("why", "anna", "pich")
    assert (status, "did you mean 'pitch'?" in errors) == (2, True)


def test_a_voice_that_is_made_again_keeps_its_recipe(
    call: Call, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    asked: list[Request] = []
    monkeypatch.setattr("flows.run.run_voice", lambda workspace, request, *_: asked.append(request))
    clips = tmp_path / "clips"
    clips.mkdir()
    made = Request(clips, "anna", "kokoro-fit", None, ("language=de", "seed=3"))
    write_run(tmp_path / "w", "anna", {"request": made.as_record(), "stages": {}})
    status, said, _ = call("finetune", str(clips), "-v", "anna", "-s", "seed=4")
    assert (status, asked) == (0, [replace(made, overrides=("language=de", "seed=3", "seed=4"))])
    assert asked[0].resolve().settings.seed == 4
    assert "anna: made as before, preset kokoro-fit, language=de, seed=3, seed=4" in " ".join(said.split())
    call("finetune", str(clips), "-v", "anna", "-p", "tiny")
    assert asked[1] == Request(clips, "anna", "tiny")
    _, _, errors = call("finetune", str(clips), "-v", "bert")
    assert asked[2] == Request(clips, "bert")
    assert "no --preset given" in errors


def test_finetune_and_config_show_warn_in_one_line(
    call: Call, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr("flows.run.run_voice", lambda *_: None)
    given = ("-p", "kokoro-fit", "-s", "train.t2s.batch_size=2", "-s", "train.kokoro_fit.mix_steps=9")
    for command in (("finetune", str(tmp_path), "-v", "anna"), ("config", "show", "batch_size")):
        status, _, errors = call(*command, *given)
        said = "no stage of this kokoro voice reads train.t2s.batch_size (--set, did you mean"
        assert (status, errors.count(said), "mix_steps" in errors) == (0, 1, False)


@pytest.mark.slow
def test_a_preset_or_voice_among_settings_is_refused_and_a_file_alone_is_warned_of(
    call: Call, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    asked: list[Request] = []
    monkeypatch.setattr("flows.run.run_voice", lambda workspace, request, *_: asked.append(request))
    file = tmp_path / "mine.yaml"
    for line, option in (("preset: kokoro-fit", "--preset kokoro-fit"), ("voice: bert", "--voice bert")):
        file.write_text(f"seed: 3\n{line}\n")
        for command in (("finetune", str(tmp_path), "-v", "anna"), ("config", "show")):
            status, _, errors = call(*command, "-c", str(file))
            assert (status, f"{file}:2: {line.split(':')[0]}" in errors, f"`{option}`" in errors) == (
                2,
                True,
                True,
            )
            status, _, errors = call(*command, "-s", line.replace(": ", "="))
            assert (status, "--set: " in errors, f"`{option}`" in errors) == (2, True, True)
    assert asked == []
    file.write_text("seed: 3\n")
    status, _, errors = call("finetune", str(tmp_path), "-v", "anna", "-c", str(file))
    assert (status, asked[0].resolve().settings.seed) == (0, 3)
    told = " ".join(errors.split())
    assert "no --preset given" in told and str(file) in told and "takes a GPU and days" in told
    _, _, errors = call("finetune", str(tmp_path), "-v", "anna", "-c", str(file), "-p", "tiny")
    assert "no --preset given" not in errors


def test_settings_shown_as_yaml_make_a_voice_when_given_back(
    call: Call, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    asked: list[Request] = []
    monkeypatch.setattr("flows.run.run_voice", lambda workspace, request, *_: asked.append(request))
    status, text, _ = call("config", "show", "-p", "kokoro-german", "-s", "language=sv", "--yaml")
    assert status == 0
    file = tmp_path / "swedish.yaml"
    file.write_text(text.replace("max_epochs: 30", "max_epochs: 12"))
    status, _, errors = call("finetune", str(tmp_path), "-v", "anna", "-c", str(file))
    assert (status, asked[0].preset, errors) == (0, "kokoro-german", "")
    settings = asked[0].resolve().settings
    assert (settings.corpus.language, settings.train.kokoro.max_epochs) == ("sv", 12)
    status, _, errors = call("config", "show", "-p", "tiny", "-c", str(file))
    assert (status, "beside the preset tiny: leave one of them out" in errors) == (2, True)


def test_a_list_in_place_of_recordings_is_answered_with_what_to_give(call: Call, tmp_path: Path):
    clips = tmp_path / "clips"
    clips.mkdir()
    for name in ("metadata.csv", "mine.list", "said.txt"):
        (clips / name).write_text("a|Hello.\n")
        status, _, errors = call("finetune", str(clips / name), "-v", "anna", "-p", "tiny")
        assert (status, "is a list or a text" in errors) == (2, True)
        assert f"such as {clips}," in errors and f"`--set corpus.metadata={clips / name}`" in errors
    soundfile.write(clips / "a.wav", [0.0, 0.1] * 8000, 16_000)
    assert recordings_at(clips / "a.wav") == clips / "a.wav"


def test_what_a_refused_run_left_keeps_no_name_from_an_imported_voice(call: Call, tmp_path: Path):
    (tmp_path / "w" / "runs" / "q").mkdir(parents=True)
    request = Request(tmp_path, "anna", "tiny").as_record()
    write_run(tmp_path / "w", "anna", {"request": request, "stages": {}})
    files = ("--sovits", "/no.pth", "--t2s", "/no.ckpt", "--reference", "/no.wav", "--reference-text", "Yes.")
    _, _, errors = call("exchange", "voice", "-v", "q", *files)
    assert errors and "made from recordings" not in errors
    _, _, errors = call("exchange", "voice", "-v", "anna", *files)
    assert "'anna' is made from recordings already" in errors


def test_textgrids_are_written_over_nothing_and_beside_no_recordings(call: Call, tmp_path: Path):
    (tmp_path / "clips").mkdir()
    soundfile.write(tmp_path / "clips" / "a.wav", [0.0, 0.1] * 8000, 16_000)
    own = tmp_path / "own"
    own.mkdir()
    (own / "a.TextGrid").write_text("by hand")
    request = Request(tmp_path / "clips", "anna", "tiny").as_record()
    write_run(tmp_path / "w", "anna", {"request": request, "stages": {}})
    for folder, why in (
        (own, "is not an empty folder"),
        (own / "a.TextGrid", "is not an empty folder"),
        (tmp_path / "clips", "lies in the voice's recordings"),
        (tmp_path / "clips" / "grids", "lies in the voice's recordings"),
        (tmp_path / "new", "not done for these recordings"),
    ):
        status, _, errors = call("textgrids", "anna", str(folder))
        assert (status, why in errors) == (2, True), errors
    assert (own / "a.TextGrid").read_text() == "by hand"


def test_an_empty_folder_is_refused_before_weights_that_are_missing(call: Call, tmp_path: Path):
    (tmp_path / "empty").mkdir()
    status, _, errors = call("finetune", str(tmp_path / "empty"), "-v", "v", "-p", "kokoro-fit")
    assert (status, "holds no recordings" in errors, "weights" in errors) == (2, True, False)


def test_refused_by_nobody_is_not_said_of_stages_that_have_not_run(call: Call, tmp_path: Path):
    (tmp_path / "wavs").mkdir()
    soundfile.write(tmp_path / "wavs" / "a.wav", [0.0, 0.1] * 8000, 16_000)
    request = Request(tmp_path / "wavs", "anna", "tiny").as_record()
    write_run(tmp_path / "w", "anna", {"request": request, "stages": {}})
    status, output, errors = call("rejects", "anna")
    assert (status, output) == (0, "nothing was refused by the stages that are done\n")
    assert errors.startswith("ingest and ") and "what they refuse is not known" in errors


def test_where_tells_a_voices_places_as_its_siblings_do(call: Call, tmp_path: Path):
    request = Request(tmp_path, "anna", "tiny").as_record()
    write_run(tmp_path / "w", "anna", {"request": request, "stages": {}})
    _, output, _ = call("where", "anna", "--json")
    told = json.loads(output)
    assert told["voice"] == str(tmp_path / "w" / "voices" / "anna")
    # What `up` starts is where its runs are seen, in the workspace that it is started for.
    assert "127.0.0.1:5000" in told["MLflow"] and f"-w {tmp_path / 'w'} up" in told["MLflow"]


@pytest.mark.slow
def test_commands_to_copy_name_the_workspace_and_quote_what_a_shell_would_part(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
):
    workspace, wavs = tmp_path / "my voices", tmp_path / "my recordings"
    call = called_in(workspace, monkeypatch, capsys)
    wavs.mkdir()
    soundfile.write(wavs / "a.wav", np.random.default_rng(0).normal(0, 0.1, 40 * 16_000), 16_000)
    voicewright = f"voicewright -w '{workspace}' "
    _, output, _ = call("advise", str(wavs), "-s", "language=en")
    assert f"{voicewright}finetune '{wavs}' --voice NAME --preset " in output
    for arguments in (
        ("speak", "-v", "kokoro/af_heart", "One."),
        ("finetune", wavs, "-v", "v", "-p", "kokoro-fit"),
    ):
        status, _, errors = call(*map(str, arguments))
        assert (status, f"`{voicewright}models fetch kokoro-82m" in errors) == (2, True)
    _, output, _ = call("voices")
    assert f"`{voicewright}models fetch kokoro-82m kokoro-voices`" in output


def test_commands_to_copy_leave_the_default_workspace_out(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setenv("HOME", str(tmp_path))
    assert shared.command_line(tmp_path / ".voicewright", "up") == "voicewright up"
    told = "run `voicewright models fetch hubert`"
    assert shared.fetched_here(told, tmp_path / ".voicewright") == told
    assert (
        shared.fetched_here(told, tmp_path / "w") == f"run `voicewright -w {tmp_path}/w models fetch hubert`"
    )


@pytest.mark.parametrize(
    "arguments", [("status", "--voice", "v"), ("rejects", "--voice=v"), ("why", "-v", "v", "pitch")]
)
def test_a_voice_that_is_no_option_is_told_to_be_the_argument(call: Call, arguments: tuple[str, ...]):
    status, _, errors = call(*arguments)
    assert status == 2
    assert f"--voice: the voice is an argument here: `voicewright {arguments[0]} NAME`" in errors


def test_an_empty_folder_is_refused_before_a_server_starts(
    call: Call, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr("flows.services.serving", lambda *_, **__: pytest.fail("a server was started"))
    (tmp_path / "empty").mkdir()
    for further in ((), ("--verify",), ("--force", "ingest")):
        status, _, errors = call("finetune", str(tmp_path / "empty"), "-v", "v", "-p", "tiny", *further)
        assert status == 2
        assert "holds no recordings" in errors


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
    presets = {finding["what"]: finding for finding in findings if finding["what"].startswith("preset: ")}
    assert presets["preset: tiny"]["state"] == "ok"
    fetch = f"voicewright -w {tmp_path / 'w'} models fetch kokoro-82m kokoro-voices"
    assert presets["preset: kokoro-fit"]["remedy"] == fetch
    assert all(finding["remedy"] for finding in findings if finding["state"] != "ok")


@pytest.mark.slow
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
