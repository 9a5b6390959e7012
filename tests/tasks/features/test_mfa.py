"""The Montreal Forced Aligner's command line against a stand-in, and the checks on its real outputs."""

from __future__ import annotations

import json
import os
import shutil
import stat
import subprocess
import sys
import zipfile
from collections.abc import Iterable
from pathlib import Path

import numpy as np
import pytest

from configs.align import AlignSettings, MfaSettings
from configs.errors import UserError
from configs.loading import resolve
from models.aligner.alignment import AlignError, Alignment
from models.aligner.hmm_aligner import Utterance
from models.aligner.mfa_output import intervals_of, read_analysis
from models.aligner.quality import Limits, check_silence, require_sound
from tasks.features import mfa, mfa_model
from tasks.features.aligners import ALIGNERS, read_aligners
from tasks.outcome import Produced
from tests.tasks.features.test_align import make_row, run_align, run_model

# Refuses what the real command refuses (MFA 3: its checks of arguments, corpus and dictionary): other
# arguments, a model that is no .zip or is not below its root, phones that the model lacks, broken clips.
# Aligns every clip evenly inside the padding; leaves out clips as the file `mode` beside it says.
FAKE_MFA = """#!{python}
import json, os, sys, wave, zipfile
from pathlib import Path
here = Path(__file__).parent
arguments = sys.argv[1:]
root = Path(os.environ.get("MFA_ROOT_DIR", here / "documents"))
with open(here / "calls.jsonl", "a") as log:
    log.write(json.dumps([arguments, str(root)]) + "\\n")
mode = (here / "mode").read_text()
if mode == "broken":
    sys.exit("ImportError: No module named _kalpy")
if arguments[:1] == ["version"]:
    print("3.4.3"); sys.exit(0)
flags = ["--clean", "--final_clean", "--single_speaker", "--no_use_mp", "--no_use_postgres"]
command, *given = arguments
places, options = [], iter(given)
for word in options:
    if word == "-j":
        int(next(options))
    elif word.startswith("-") and word not in flags:
        sys.exit(f"No such option: {{word}}")
    elif not word.startswith("-"):
        places.append(word)
if len(places) != dict(align=4, train=3).get(command):
    sys.exit(f"Usage: mfa {{command}}: {{len(places)}} arguments")
corpus, dictionary = Path(places[0]), Path(places[1])
if not corpus.is_dir():
    sys.exit(f"Invalid value for CORPUS_DIRECTORY: {{corpus}}")
if not dictionary.is_file() or dictionary.suffix not in (".txt", ".dict", ".yaml"):
    sys.exit(f"Invalid value for DICTIONARY_PATH: {{dictionary}}")
spelling = {{}}
for line in dictionary.read_text(encoding="utf-8").splitlines():
    word, *phones = line.split()
    if not phones:
        sys.exit(f"DictionaryFileError: {{word}} has no pronunciation")
    spelling[word] = phones
used = {{phone for phones in spelling.values() for phone in phones}}
if command == "align":
    model = places[2]
    downloaded = {{p.stem: p for p in (root / "pretrained_models" / "acoustic").glob("*.zip")}}
    model = downloaded.get(model, Path(model))
    if not model.exists():
        sys.exit(f"PretrainedModelNotFoundError: {{model}}; available: {{sorted(downloaded)}}")
    if model.suffix not in (".zip", ".am"):
        sys.exit(f"Unknown archive format: {{model}}")
    with zipfile.ZipFile(model) as archive:
        meta = next(n for n in archive.namelist() if n.endswith("meta.json"))
        missing = used - set(json.loads(archive.read(meta))["phones"])
    if missing:
        sys.exit(f"PronunciationAcousticMismatchError: {{sorted(missing)}}")
clips = []
for wav in sorted(corpus.rglob("*.wav")):
    with wave.open(str(wav)) as sound:
        clips.append((wav, sound.getnframes() / sound.getframerate()))
    wav.with_suffix(".lab").read_text(encoding="utf-8")
if not clips or not all(end > 0 for _, end in clips):
    sys.exit("CorpusError: no or empty sound files")
if mode == "aborts":
    sys.exit("UnicodeDecodeError: clip000001.lab")
if command == "train":
    if Path(places[2]).is_dir():
        sys.exit(f"Invalid value for OUTPUT_MODEL_PATH: {{places[2]}} is a directory")
    with zipfile.ZipFile(places[2], "w") as archive:
        archive.writestr("meta.json", json.dumps(dict(phones=sorted(used), clips=len(clips))))
    sys.exit(0)
output = Path(places[3]); (output / "voice").mkdir(parents=True)
rows = ["file,begin,end,speaker,overall_log_likelihood,speech_log_likelihood,phone_duration_deviation,"
        "max_running_short_interval,snr,intensity_deviation"]
for number, (wav, end) in enumerate(clips):
    if mode == "drops" and number == 1:
        rows.append(f"{{wav.stem}},0.0,{{end}},voice,,,,,,"); continue
    words = wav.with_suffix(".lab").read_text().split()
    phones = [phone for word in words for phone in spelling.get(word, ["spn"])]
    step = (end - 0.6) / len(phones)
    tiers, clock = dict(words=[], phones=[]), 0.3
    for word in words:
        start = clock
        for phone in spelling.get(word, ["spn"]):
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


def make_model(path: Path, phones: Iterable[str], meta: str = "meta.json") -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr(meta, json.dumps({"phones": sorted(phones)}))
    return path


@pytest.fixture
def model(tmp_path: Path) -> Path:
    """As the store holds one: without an ending."""
    return make_model(tmp_path / "blob", mfa.spoken_phones(clips().values()))


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


def test_clips_go_out_padded_and_come_back_without_the_padding(fake: Path, model: Path) -> None:
    settings = MfaSettings(executable=str(fake))
    assert mfa.preflight(settings) == "3.4.3"
    results = mfa.align(settings, "3.4.3", model, clips())
    assert list(results) == ["a b", "../c", "ä"]
    for result in results.values():
        assert isinstance(result, Alignment)
        assert [p.label for p in result.phones][-5:] == [",", "v", "ˈɛ", "l", "t"]
        assert result.phones[0].start_s == pytest.approx(0.0, abs=0.001)
        assert result.phones[-1].end_s == pytest.approx(1.5, abs=0.001)
        assert (result.score, result.backend, result.backend_version) == (-51.5, "mfa", "3.4.3")


def test_the_command_is_the_documented_one_with_a_root_of_its_own(fake: Path, model: Path) -> None:
    settings = MfaSettings(executable=str(fake))
    mfa.align(settings, "3", model, clips())
    mfa.align(settings, "3", model, clips())
    (first, root), (_, other_root) = calls(fake)
    flags = ["--clean", "--final_clean", "--single_speaker", "--no_use_mp", "--no_use_postgres"]
    assert isinstance(first, list)
    assert first[0] == "align" and first[3].endswith(".zip") and len(first) == 12
    assert first[5:10] == flags and first[10:] == ["-j", "1"]
    assert root != other_root


def test_a_model_is_trained_to_bytes(fake: Path, tmp_path: Path) -> None:
    trained = tmp_path / "trained"
    trained.write_bytes(mfa.train(MfaSettings(executable=str(fake)), clips(), lambda: None))
    assert mfa_model.phones_of(trained) == mfa.spoken_phones(clips().values())
    results = mfa.align(MfaSettings(executable=str(fake)), "3", trained, clips())
    assert all(isinstance(result, Alignment) for result in results.values())


def test_a_clip_with_a_phone_that_the_model_lacks_is_refused_alone(fake: Path, model: Path) -> None:
    strange = clips()["ä"]._replace(words=["x"], phones_per_word=[["ʘ", "t"]])
    results = mfa.align(MfaSettings(executable=str(fake)), "3", model, {**clips(), "new": strange})
    assert isinstance(results["new"], AlignError) and results["new"].value == "ʘ"
    assert sum(isinstance(result, Alignment) for result in results.values()) == 3


@pytest.mark.parametrize(
    ("change", "says"),
    [
        ({2: "english_us_arpa"}, "PretrainedModelNotFound"),
        ({2: "blob"}, "Unknown archive"),
        ({1: "words.text"}, "DICTIONARY_PATH"),
        ({0: "nowhere"}, "CORPUS_DIRECTORY"),
        ({4: "--fine_tune"}, "No such option"),
        ({2: "others.zip"}, "PronunciationAcousticMismatch"),
    ],
)
def test_the_stand_in_is_as_strict_as_mfa(
    fake: Path, model: Path, tmp_path: Path, change: dict[int, str], says: str
) -> None:
    (tmp_path / "corpus").mkdir()
    (tmp_path / "dictionary.txt").write_text("wa\tt\n")
    make_model(tmp_path / "others.zip", ["a"])
    make_model(tmp_path / "documents" / "pretrained_models" / "acoustic" / "english_us_arpa.zip", ["t"])
    arguments = ["corpus", "dictionary.txt", "blob", "out", "--clean"]
    arguments = [change.get(place, word) for place, word in enumerate(arguments)]
    finished = subprocess.run(
        [str(fake), "align", *arguments],
        cwd=tmp_path,
        env={**os.environ, "MFA_ROOT_DIR": str(tmp_path / "root")},
        capture_output=True,
        text=True,
        check=False,
    )
    assert finished.returncode != 0 and says in finished.stderr


def test_a_model_by_name_is_found_where_mfa_downloads_to(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("MFA_ROOT_DIR", str(tmp_path))
    made = make_model(
        tmp_path / "pretrained_models" / "acoustic" / "german_mfa.zip", ["a"], "german/meta.json"
    )
    assert mfa_model.find("german_mfa") == made == mfa_model.find(str(made))
    assert mfa_model.phones_of(made) == {"a"}
    with pytest.raises(UserError, match=r"english_mfa.*german_mfa.*mfa model download acoustic english_mfa"):
        mfa_model.find("english_mfa")
    with pytest.raises(UserError, match=r"not a \.zip"):
        mfa_model.find(str(made.rename(tmp_path / "model.bin")))
    with pytest.raises(UserError, match="not an acoustic model"):
        mfa_model.phones_of(Path(__file__))


def test_a_models_content_counts_for_its_name(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MFA_ROOT_DIR", str(tmp_path))
    place = tmp_path / "pretrained_models" / "acoustic" / "arpa.zip"

    def found(name: str | None) -> str | None:
        settings = resolve(
            "tiny", None, () if name is None else (f"features.align.mfa.acoustic_model={name}",)
        )
        return mfa_model.with_model_found(settings.settings).features.align.mfa.acoustic_model

    assert found(None) is None
    assert found("arpa") == "arpa"
    make_model(place, ["a"])
    # An absolute path, which enters the key by what the file holds.
    assert found("arpa") == str(place)


@pytest.mark.slow
def test_a_named_model_comes_before_pocketsphinx_and_a_flat_start_after_it(
    fake: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("MFA_ROOT_DIR", str(tmp_path))
    row = make_row(0, "A cold wind blew.", "en")
    phones = [phone for phone in row["phones"] if phone != "."]
    make_model(tmp_path / "pretrained_models" / "acoustic" / "arpa.zip", phones)
    make_model(tmp_path / "pretrained_models" / "acoustic" / "ipa.zip", ["a"])

    def chosen(name: str | None) -> Produced:
        settings = MfaSettings(executable=str(fake), acoustic_model=name)
        return run_model([row], AlignSettings(mfa=settings), tmp_path / f"for {name}")

    def backend(produced: Produced) -> str:
        return read_aligners(produced.files[ALIGNERS])["en"].backend

    assert backend(chosen(None)) == "pocketsphinx"
    lacking = chosen("ipa")
    assert backend(lacking) == "pocketsphinx" and "lacks the phones" in lacking.warnings[0]
    named = chosen("arpa")
    assert backend(named) == "mfa" and not named.warnings
    settings = AlignSettings(mfa=MfaSettings(executable=str(fake), acoustic_model="arpa", min_score=-99))
    outcome = run_align([row], settings, named.files)[0]
    assert outcome.rejects or outcome.rows[0]["backend"] == "mfa"
    assert not any("no output" in str(r) or "PretrainedModel" in str(r) for r in outcome.rejects)


@pytest.mark.slow
def test_mfa_trains_on_as_much_as_its_own_limit_says_and_keeps_its_model(fake: Path, tmp_path: Path) -> None:
    texts = ("A cold wind blew.", "Seven green bottles.", "On the shelf.")
    rows = [make_row(i, text, "en") for i, text in enumerate(texts)]

    def trained(folder: str, limit: float, earlier: Produced | None = None) -> Produced:
        program = MfaSettings(executable=str(fake), max_training_s=limit)
        settings = AlignSettings(backend="mfa", max_training_s=0.1, mfa=program)
        used = rows if earlier is None else [make_row(9, "The window.", "en"), *rows]
        return run_model(used, settings, tmp_path / folder, earlier.files if earlier else None)

    every = trained("a", 3600.0)
    assert read_aligners(every.files[ALIGNERS])["en"].clips == 3
    assert read_aligners(trained("b", 0.1).files[ALIGNERS])["en"].clips == 1
    again = trained("c", 3600.0, every)
    assert {n: p.read_bytes() for n, p in again.files.items()} == {
        n: p.read_bytes() for n, p in every.files.items()
    }
    assert sum(arguments[0] == "train" for arguments, _ in calls(fake)) == 2


@pytest.mark.parametrize(
    ("mode", "reason"),
    [("drops", "no alignment"), ("other phones", "differs"), ("cuts", "JSON")],
)
def test_what_is_missing_or_wrong_is_quarantined_alone(
    fake: Path, model: Path, mode: str, reason: str
) -> None:
    (fake.parent / "mode").write_text(mode)
    results = mfa.align(MfaSettings(executable=str(fake)), "3", model, clips())
    failed = {name: r for name, r in results.items() if isinstance(r, AlignError)}
    assert set(results) == {"a b", "../c", "ä"}
    assert len(failed) == (1 if mode == "drops" else 3)
    for error in failed.values():
        assert error.code == "align_failed"
        assert reason in error.reason


@pytest.mark.parametrize("mode", ["broken", "aborts"])
def test_a_failing_program_is_one_clear_error(fake: Path, model: Path, mode: str) -> None:
    (fake.parent / "mode").write_text(mode)
    settings = MfaSettings(executable=str(fake))
    with pytest.raises(UserError, match=r"features\.align"):
        if mode == "broken":
            mfa.preflight(settings)
        else:
            mfa.align(settings, "3", model, clips())


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
