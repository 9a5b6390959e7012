"""The Montreal Forced Aligner's command line against a stand-in, and the checks on its real outputs."""

from __future__ import annotations

import json
import shutil
import stat
import sys
from pathlib import Path

import numpy as np
import pytest

from configs.align import MfaSettings
from configs.errors import UserError
from models.aligner.alignment import AlignError, Alignment
from models.aligner.hmm_aligner import Utterance
from models.aligner.mfa_output import intervals_of, read_analysis
from models.aligner.quality import Limits, check_silence, require_sound
from tasks.features import mfa

# Aligns every clip evenly inside the padding; leaves out clips as the file `drop` beside it says.
FAKE_MFA = """#!{python}
import json, os, sys, wave
from pathlib import Path
here = Path(__file__).parent
arguments = sys.argv[1:]
with open(here / "calls.jsonl", "a") as log:
    log.write(json.dumps([arguments, os.environ["MFA_ROOT_DIR"]]) + "\\n")
mode = (here / "mode").read_text()
if mode == "broken":
    sys.exit("ImportError: No module named _kalpy")
if arguments[0] == "version":
    print("3.4.3"); sys.exit(0)
corpus, dictionary = Path(arguments[1]), Path(arguments[2])
spelling = dict(line.rstrip("\\n").split("\\t") for line in open(dictionary, encoding="utf-8"))
if mode == "aborts":
    sys.exit("UnicodeDecodeError: clip000001.lab")
if arguments[0] == "train":
    Path(arguments[3]).write_bytes(b"model of %d" % len(list(corpus.rglob("*.wav")))); sys.exit(0)
output = Path(arguments[4]); (output / "voice").mkdir(parents=True)
rows = ["file,begin,end,speaker,overall_log_likelihood,speech_log_likelihood,phone_duration_deviation,"
        "max_running_short_interval,snr,intensity_deviation"]
for number, wav in enumerate(sorted(corpus.rglob("*.wav"))):
    with wave.open(str(wav)) as sound:
        end = sound.getnframes() / sound.getframerate()
    if mode == "drops" and number == 1:
        rows.append(f"{{wav.stem}},0.0,{{end}},voice,,,,,,"); continue
    words = wav.with_suffix(".lab").read_text().split()
    phones = [phone for word in words for phone in spelling[word].split()]
    step = (end - 0.6) / len(phones)
    tiers, clock = dict(words=[], phones=[]), 0.3
    for word in words:
        start = clock
        for phone in spelling[word].split():
            tiers["phones"].append([clock, clock + step, phone]); clock += step
        tiers["words"].append([start, clock, word])
    if mode == "other phones":
        tiers["phones"][0][2] = "spn"
    rows.append(f"{{wav.stem}},0.0,{{end}},voice,-50.0,-51.5,1.0,0,12.0,")
    shown = {{k: dict(type="interval", entries=v) for k, v in tiers.items()}}
    text = json.dumps(dict(start=0, end=end, tiers=shown))
    (output / "voice" / (wav.stem + ".json")).write_text(text if mode != "cuts" else text[:40])
(output / "alignment_analysis.csv").write_text("\\n".join(rows) + "\\n")
"""


@pytest.fixture
def fake(tmp_path: Path) -> Path:
    folder = tmp_path / "mfa env"
    folder.mkdir()
    program = folder / "mfa"
    program.write_text(FAKE_MFA.format(python=sys.executable), encoding="utf-8")
    program.chmod(program.stat().st_mode | stat.S_IXUSR)
    (folder / "mode").write_text("works")
    return program


def clips() -> dict[str, Utterance]:
    rng = np.random.default_rng(0)
    samples = rng.standard_normal(24000).astype(np.float32) * 0.1
    words = ["Guten", "Tag", ",", "Welt"]
    phones = [["ɡ", "ˈuː", "t", "ə", "n"], ["t", "ˈɑː", "k"], [","], ["v", "ˈɛ", "l", "t"]]
    return {name: Utterance(samples, 16000, words, phones) for name in ("a b", "../c", "ä")}


def calls(fake: Path) -> list[list[object]]:
    return [json.loads(line) for line in (fake.parent / "calls.jsonl").read_text().splitlines()]


@pytest.mark.parametrize(
    ("text", "file_format"),
    [
        ("[" * 200_000, "json"),
        ('{"tiers": {"words": {"entries": [[1e999, 2, "a"]]}, "phones": {"entries": []}}}', "json"),
        (
            '{"tiers": {"words": {"entries": [[' + "9" * 400 + ', 2, "a"]]}, "phones": {"entries": []}}}',
            "json",
        ),
        ("Begin,End,Label,Type\n0,nan,a,words\n", "csv"),
        ("Begin,End,Type,Label\n0,1,words\n", "csv"),
        ("Begin,End,Label,Type\n0,1," + "a" * 200_000 + ",words\n", "csv"),
    ],
)
def test_output_with_absurd_numbers_is_refused(text: str, file_format: str) -> None:
    with pytest.raises(ValueError, match="MFA's"):
        intervals_of(text, file_format)


def test_clips_go_out_padded_and_come_back_without_the_padding(fake: Path) -> None:
    settings = MfaSettings(executable=str(fake))
    assert mfa.preflight(settings) == "3.4.3"
    results = mfa.align(settings, "3.4.3", "english_us_arpa", clips())
    assert list(results) == ["a b", "../c", "ä"]
    for result in results.values():
        assert isinstance(result, Alignment)
        assert [p.label for p in result.phones][-5:] == [",", "v", "ˈɛ", "l", "t"]
        assert result.phones[0].start_s == pytest.approx(0.0, abs=0.001)
        assert result.phones[-1].end_s == pytest.approx(1.5, abs=0.001)
        assert (result.score, result.backend, result.backend_version) == (-51.5, "mfa", "3.4.3")


def test_the_command_is_the_documented_one_with_a_root_of_its_own(fake: Path) -> None:
    settings = MfaSettings(executable=str(fake))
    mfa.align(settings, "3", "model.zip", clips())
    mfa.align(settings, "3", "model.zip", clips())
    (first, root), (_, other_root) = calls(fake)
    flags = ["--clean", "--final_clean", "--single_speaker", "--no_use_mp", "--no_use_postgres"]
    assert isinstance(first, list)
    assert first[0] == "align" and first[3] == "model.zip" and len(first) == 12
    assert first[5:10] == flags and first[10:] == ["-j", "1"]
    assert root != other_root


def test_a_model_is_trained_to_bytes(fake: Path) -> None:
    assert mfa.train(MfaSettings(executable=str(fake)), clips()) == b"model of 3"


@pytest.mark.parametrize(
    ("mode", "reason"),
    [("drops", "no alignment"), ("other phones", "differs"), ("cuts", "JSON")],
)
def test_what_is_missing_or_wrong_is_quarantined_alone(fake: Path, mode: str, reason: str) -> None:
    (fake.parent / "mode").write_text(mode)
    results = mfa.align(MfaSettings(executable=str(fake)), "3", "m", clips())
    failed = {name: r for name, r in results.items() if isinstance(r, AlignError)}
    assert set(results) == {"a b", "../c", "ä"}
    assert len(failed) == (1 if mode == "drops" else 3)
    for error in failed.values():
        assert error.code == "align_failed"
        assert reason in error.reason


@pytest.mark.parametrize("mode", ["broken", "aborts"])
def test_a_failing_program_is_one_clear_error(fake: Path, mode: str) -> None:
    (fake.parent / "mode").write_text(mode)
    settings = MfaSettings(executable=str(fake))
    with pytest.raises(UserError, match=r"features\.align"):
        if mode == "broken":
            mfa.preflight(settings)
        else:
            mfa.align(settings, "3", "m", clips())


def test_an_absent_program_names_the_setting_and_the_remedy(tmp_path: Path) -> None:
    with pytest.raises(UserError, match="conda create"):
        mfa.preflight(MfaSettings(executable=str(tmp_path / "absent")))
    with pytest.raises(UserError, match="is not set"):
        mfa.preflight(MfaSettings())


def real_clips(speech: Path, folder: Path) -> dict[str, Utterance]:
    """Clips with the phones that MFA was given, taken from its own output."""
    import soundfile

    made = {}
    for path in sorted(p for p in folder.rglob("*") if p.suffix in {".TextGrid", ".json"}):
        tiers = intervals_of(path.read_text("utf-8"), path.suffix[1:])
        words = [word.label for word in tiers["words"]]
        phones = [
            [p.label for p in tiers["phones"] if w.start_s - 0.002 <= p.start_s < w.end_s - 0.002]
            for w in tiers["words"]
        ]
        found = sorted(speech.rglob(f"{path.stem}.flac"))
        samples, rate = soundfile.read(found[0], dtype="float32")
        made[path.stem] = Utterance(samples, rate, words, phones)
    return made


LIMITS = Limits(
    min_score=-62.0,
    min_match=0.2,
    max_swallowed_ratio=0.15,
    min_swallowed_s=0.15,
    max_hasty_ratio=0.5,
    shortest_s=0.03,
)


@pytest.mark.parametrize("kind", ["textgrid", "json", "csv", "nocleanup_origtext"])
def test_real_outputs_in_every_format_are_believed(speech: Path, mfa_outputs: Path, kind: str) -> None:
    known = real_clips(speech, mfa_outputs / "ljs-mini_json")
    names = {name: name for name in known}
    results = mfa.collect(mfa_outputs / f"ljs-mini_{kind}", names, known, 0.0, "3.4.3")
    believed = 0
    for name, result in results.items():
        assert isinstance(result, Alignment), (name, result)
        silence = check_silence(result.phones, known[name].samples, known[name].sample_rate)
        require_sound(result, silence, LIMITS)
        believed += 1
    assert believed == len(known)


def test_a_failed_flat_start_is_never_believed(speech: Path, mfa_outputs: Path) -> None:
    folder = mfa_outputs / "ljs-mini_short_textgrid"
    known = real_clips(speech, folder)
    results = mfa.collect(folder, {name: name for name in known}, known, 0.0, "3.4.3")
    assert len(results) >= 10
    for name, result in results.items():
        assert isinstance(result, Alignment)
        silence = check_silence(result.phones, known[name].samples, known[name].sample_rate)
        with pytest.raises(AlignError):
            require_sound(result, silence, LIMITS)


def test_bad_clips_are_found_by_comparing_what_went_in(
    speech: Path, mfa_outputs: Path, tmp_path: Path
) -> None:
    good = real_clips(speech, mfa_outputs / "bad" / "wrongtext")
    some = next(iter(good.values()))
    for case in sorted(path.name for path in (mfa_outputs / "bad").iterdir()):
        known = {**good, "bad": some}
        output = tmp_path / case
        shutil.copytree(mfa_outputs / "bad" / case, output)
        results = mfa.collect(output, {name: name for name in known}, known, 0.0, "3.4.3")
        assert set(results) == set(known)
        assert isinstance(results["bad"], AlignError), case
        analysis = read_analysis((output / "alignment_analysis.csv").read_text("utf-8"))
        for name in good:
            score = analysis[name].speech_log_likelihood
            if score is None or score < LIMITS.min_score:
                assert not believable(results[name], known[name]), (case, name)
            else:
                assert believable(results[name], known[name]), (case, name)


def believable(result: Alignment | AlignError, clip: Utterance) -> bool:
    if isinstance(result, AlignError):
        return False
    try:
        silence = check_silence(result.phones, clip.samples, clip.sample_rate)
        require_sound(result, silence, LIMITS)
    except AlignError:
        return False
    return True
