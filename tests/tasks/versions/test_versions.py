"""What runs come to: versions, which of them speaks, going back, copies, and one run of a voice at a time."""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
import threading
import time
from contextlib import closing
from pathlib import Path

import pytest

from artifacts import housekeeping
from artifacts.store import Store
from configs.errors import UserError
from tasks.corpus.corrections_file import corrections_path
from tasks.lexicons import lexicon_path
from tasks.run_record import run_path, voices
from tasks.versions.folders import champion_folder, folder_of
from tasks.versions.holding import holding
from tasks.versions.record import read_versions, versions_path, write_versions
from tasks.versions.settle import settle
from tests.command_line import Call, called_in
from tests.tasks.versions.made import made, opened, spoken_by

GOOD, BETTER, WORSE = [0.8, 0.81, 0.79, 0.8, 0.82, 0.78], [0.9] * 6, [0.5] * 6
ROOT = Path(__file__).resolve().parents[3]


@pytest.fixture
def call(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Call:
    """Run `voicewright ...` in the test's workspace: status, output, errors."""
    return called_in(tmp_path, monkeypatch, capsys, wraps=False)


def numbers(workspace: Path, voice: str = "anna") -> tuple[list[int], int | None]:
    record = read_versions(workspace, voice)
    return [entry["number"] for entry in record["versions"]], record["champion"]


def test_only_what_is_better_speaks(tmp_path: Path) -> None:
    first = made(tmp_path, GOOD)
    assert (first.champion, first.is_new) == (1, True)
    spoken = spoken_by(champion_folder(tmp_path, "anna"))
    assert set(spoken) == {"voice.json", "metrics.json", "nets/a.bin", "report.html"}
    worse = made(tmp_path, WORSE)
    assert (worse.version["number"], worse.champion) == (2, 1)
    assert "version 2 is not live, version 1 is (text/speaker_similarity worse" in str(worse)
    assert spoken_by(champion_folder(tmp_path, "anna")) == spoken
    better = made(tmp_path, BETTER)
    assert (better.version["number"], better.champion) == (3, 3)
    assert (
        b'"text/speaker_similarity": 0.9' in (champion_folder(tmp_path, "anna") / "metrics.json").read_bytes()
    )


def test_the_same_files_are_the_same_version(tmp_path: Path) -> None:
    made(tmp_path, GOOD)
    made(tmp_path, BETTER)
    again = made(tmp_path, GOOD)
    assert (again.version["number"], again.is_new, again.champion) == (1, False, 2)
    assert numbers(tmp_path) == ([1, 2], 2)


def test_by_hand_alone_where_the_gates_are_off(tmp_path: Path, call: Call) -> None:
    made(tmp_path, GOOD)
    waiting = made(tmp_path, BETTER, automatic=False)
    assert waiting.champion == 1
    assert "voicewright promote" in waiting.version["decision"]
    assert call("promote", "anna@2")[:1] == (0,)
    assert numbers(tmp_path) == ([1, 2], 2)


def test_back_and_forth_to_the_byte(tmp_path: Path, call: Call) -> None:
    spoken = {}
    for number, quality in enumerate((GOOD, BETTER, [0.95] * 6), 1):
        made(tmp_path, quality)
        spoken[number] = spoken_by(champion_folder(tmp_path, "anna"))
    for back in (2, 1):
        status, out, _ = call("rollback", "anna")
        assert (status, f"version {back} is live" in out) == (0, True)
        assert spoken_by(champion_folder(tmp_path, "anna")) == spoken[back]
    status, _, error = call("rollback", "anna")
    assert status == 2
    assert "no earlier champion" in error
    call("promote", "anna@3")
    assert spoken_by(champion_folder(tmp_path, "anna")) == spoken[3]
    call("rollback", "anna")
    assert numbers(tmp_path)[1] == 1


def test_a_version_that_was_champion_twice_hides_none_before_it(tmp_path: Path, call: Call) -> None:
    made(tmp_path, GOOD)
    made(tmp_path, BETTER)
    assert call("promote", "anna@1")[0] == 0
    assert made(tmp_path, [0.95] * 6).champion == 3
    champions = []
    for _ in range(3):
        assert call("rollback", "anna")[0] == 0
        champions.append(numbers(tmp_path)[1])
    assert champions == [1, 2, 1]


def test_a_version_that_is_not_live_has_a_folder_too(tmp_path: Path) -> None:
    made(tmp_path, GOOD)
    made(tmp_path, WORSE)
    folder = folder_of(tmp_path, "anna@2")
    assert b"0.5" in (folder / "metrics.json").read_bytes()
    assert folder_of(tmp_path, "anna@1") == folder_of(tmp_path, "anna") == champion_folder(tmp_path, "anna")
    with pytest.raises(UserError, match=r"anna@7: there is no such version; there are 1, 2"):
        folder_of(tmp_path, "anna@7")
    with pytest.raises(UserError, match="a version's number, as in anna@3"):
        folder_of(tmp_path, "anna@../b")


def test_a_clean_up_leaves_every_version_until_it_is_deleted(tmp_path: Path, call: Call) -> None:
    for quality in (GOOD, WORSE, BETTER):
        made(tmp_path, quality)
    store = Store(str(tmp_path / "store"), tmp_path / "cache")
    housekeeping.collect(store)
    assert b"0.5" in (folder_of(tmp_path, "anna@2") / "metrics.json").read_bytes()
    before = len(list(store.blobs()))
    assert call("delete", "anna@2", "--yes")[0] == 0
    housekeeping.collect(store)
    assert len(list(store.blobs())) < before
    assert numbers(tmp_path) == ([1, 3], 3)
    assert call("rollback", "anna")[0] == 0
    status, _, error = call("delete", "anna@1", "--yes")
    assert (status, "is the champion" in error) == (2, True)
    # A number is never given again.
    call("delete", "anna@3", "--yes")
    assert made(tmp_path, [0.99] * 6).version["number"] == 4


def test_a_voice_that_is_deleted_is_asked_about_and_gone(tmp_path: Path, call: Call, monkeypatch) -> None:
    made(tmp_path, GOOD)
    made(tmp_path, GOOD, voice="bert")
    monkeypatch.setattr("typer.confirm", lambda question: "anna" not in question)
    assert call("delete", "anna")[0] == 1
    assert voices(tmp_path) == ["anna", "bert"]
    assert call("delete", "bert")[0] == 0
    assert voices(tmp_path) == ["anna"]
    assert not champion_folder(tmp_path, "bert").exists()
    housekeeping.collect(Store(str(tmp_path / "store"), tmp_path / "cache"))
    assert made(tmp_path, GOOD).is_new is False
    status, _, error = call("delete", "nobody", "--yes")
    assert (status, "no 'nobody'" in error) == (2, True)


def test_a_copy_goes_its_own_way(tmp_path: Path, call: Call) -> None:
    made(tmp_path, GOOD)
    made(tmp_path, BETTER)
    assert call("copy", "anna", "other")[0] == 0
    assert spoken_by(champion_folder(tmp_path, "other")) == spoken_by(champion_folder(tmp_path, "anna"))
    call("rollback", "other")
    assert (numbers(tmp_path)[1], numbers(tmp_path, "other")[1]) == (2, 1)
    status, _, error = call("copy", "anna", "other")
    assert (status, "already" in error) == (2, True)


def test_what_was_written_by_hand_goes_with_the_voice_and_to_no_other(tmp_path: Path, call: Call) -> None:
    made(tmp_path, GOOD)
    lists = {corrections_path: "clip\tdrop\n", lexicon_path: "Voicewright\tvoice write\n"}
    for path_of, text in lists.items():
        path_of(tmp_path, "anna").parent.mkdir(exist_ok=True)
        path_of(tmp_path, "anna").write_text(text)
    assert call("copy", "anna", "bert")[0] == 0
    assert call("rename", "anna", "carl")[0] == 0
    for path_of, text in lists.items():
        assert path_of(tmp_path, "bert").read_text() == path_of(tmp_path, "carl").read_text() == text
        assert [path.name for path in path_of(tmp_path, "anna").parent.glob("anna*")] == []
    status, said, _ = call("delete", "carl", "--yes")
    assert (status, said.count("carl.tsv.deleted")) == (0, 2)
    for path_of, text in lists.items():
        assert not path_of(tmp_path, "carl").exists()
        assert path_of(tmp_path, "carl").with_name("carl.tsv.deleted").read_text() == text


def test_a_voice_without_a_recipe_that_can_be_read_can_be_deleted(tmp_path: Path, call: Call) -> None:
    made(tmp_path, GOOD)
    run_path(tmp_path, "anna").write_text("{")
    # As `exchange voice` makes it.
    imported = champion_folder(tmp_path, "bert")
    imported.mkdir()
    (imported / "voice.json").write_text("{}")
    for name in ("anna", "bert"):
        assert call("delete", name, "--yes")[0] == 0
    assert voices(tmp_path) == []
    assert not champion_folder(tmp_path, "anna").exists()
    assert not imported.exists()
    status, _, error = call("delete", "nobody", "--yes")
    assert (status, "there is no 'nobody'" in error) == (2, True)


def test_a_deletion_goes_on_where_it_was_interrupted(tmp_path: Path, call: Call) -> None:
    for quality in (GOOD, BETTER):
        made(tmp_path, quality)
    store = Store(str(tmp_path / "store"), tmp_path / "cache")
    store.discard_record(housekeeping.voice_name("anna@1"))
    assert call("delete", "anna@1", "--yes")[0] == 0
    assert numbers(tmp_path) == ([2], 2)
    store.discard_record(housekeeping.voice_name("anna"))
    assert call("delete", "anna", "--yes")[0] == 0
    assert voices(tmp_path) == []


def test_a_renamed_voice_keeps_its_versions(tmp_path: Path, call: Call) -> None:
    made(tmp_path, GOOD)
    made(tmp_path, BETTER)
    spoken = spoken_by(champion_folder(tmp_path, "anna"))
    assert call("rename", "anna", "ann")[0] == 0
    assert voices(tmp_path) == ["ann"]
    assert spoken_by(champion_folder(tmp_path, "ann")) == spoken
    call("rollback", "ann")
    assert numbers(tmp_path, "ann") == ([1, 2], 1)
    assert made(tmp_path, BETTER, voice="ann").is_new is False


def test_what_is_listed(tmp_path: Path, call: Call) -> None:
    made(tmp_path, GOOD)
    made(tmp_path, WORSE)
    listed = json.loads(call("versions", "anna", "--json")[1])
    assert [entry["number"] for entry in listed["versions"]] == [1, 2]
    assert listed["versions"][1]["metrics"] == {"text/speaker_similarity": 0.5}
    out = call("versions", "anna")[1]
    assert "anna@2" in out
    assert "the first version" in out


def test_what_was_chosen_in_mlflow_is_told_beside_the_listing(
    tmp_path: Path, call: Call, monkeypatch: pytest.MonkeyPatch
) -> None:
    made(tmp_path, GOOD)
    monkeypatch.setattr("flows.commands.versions._registry", lambda workspace, voice, work: work(None))
    monkeypatch.setattr("flows.registry.take_over", lambda *_: "version 1 is live: chosen in MLflow")
    monkeypatch.setattr("flows.registry.tell", lambda *_: None)
    status, out, told = call("versions", "anna", "--json")
    assert (status, told, json.loads(out)["champion"]) == (0, "anna: version 1 is live: chosen in MLflow", 1)


def test_a_torn_record_is_told_and_what_speaks_stays(tmp_path: Path, call: Call) -> None:
    made(tmp_path, GOOD)
    spoken = spoken_by(champion_folder(tmp_path, "anna"))
    path = versions_path(tmp_path, "anna")
    path.write_bytes(path.read_bytes()[:-20])
    status, _, error = call("versions", "anna")
    assert (status, "versions.json" in error, "Traceback" in error) == (2, True, False)
    with pytest.raises(UserError, match=r"versions\.json"):
        made(tmp_path, BETTER)
    assert spoken_by(champion_folder(tmp_path, "anna")) == spoken


def test_an_interrupted_promotion_is_finished_by_the_next_run(tmp_path: Path) -> None:
    made(tmp_path, GOOD)
    spoken = spoken_by(champion_folder(tmp_path, "anna"))
    made(tmp_path, BETTER)
    # Killed after the folder was laid out and before the record was written.
    record = read_versions(tmp_path, "anna")
    write_versions(tmp_path, "anna", {**record, "champion": 1})
    assert made(tmp_path, GOOD).champion == 1
    assert spoken_by(champion_folder(tmp_path, "anna")) == spoken


def test_a_damaged_version_is_told_by_stage(tmp_path: Path, call: Call) -> None:
    made(tmp_path, GOOD)
    made(tmp_path, BETTER)
    entry = read_versions(tmp_path, "anna")["versions"][0]
    store = Store(str(tmp_path / "store"), tmp_path / "cache")
    store.discard_record(f"actions/export/{entry['stages']['export']}.json")
    spoken = spoken_by(champion_folder(tmp_path, "anna"))
    status, _, error = call("rollback", "anna")
    assert status == 2
    assert "anna@1: its stage export in the store cannot be used" in error
    assert spoken_by(champion_folder(tmp_path, "anna")) == spoken
    assert numbers(tmp_path)[1] == 2


def test_a_damaged_page_is_made_again_before_it_is_laid_out(tmp_path: Path) -> None:
    made(tmp_path, GOOD)
    texts = {f"s{number}": f"{value} " for number, value in enumerate(GOOD)}
    with closing(opened(tmp_path, texts)) as pipeline:
        known = pipeline.known("report")
        assert known is not None
        page = pipeline.store.local_path(known.files["report.html"])
        whole = page.read_bytes()
        page.write_bytes(whole[:-1] + b"?")
        settle(pipeline)
    assert (champion_folder(tmp_path, "anna") / "report.html").read_bytes() == whole


def test_a_voice_that_is_held_is_left_alone(tmp_path: Path, call: Call) -> None:
    made(tmp_path, GOOD)
    made(tmp_path, BETTER)
    code = (
        "import sys, pathlib; from tasks.versions.holding import holding\n"
        "with holding(pathlib.Path(sys.argv[1]), 'anna', 'finetune', wait=False):\n"
        "    print('held', flush=True); sys.stdin.readline()"
    )
    with subprocess.Popen(
        [sys.executable, "-c", code, str(tmp_path)], cwd=ROOT, stdin=subprocess.PIPE, stdout=subprocess.PIPE
    ) as other:
        assert other.stdout is not None
        assert other.stdout.readline() == b"held\n"
        status, _, error = call("rollback", "anna")
        assert status == 2
        assert f"`finetune` (process {other.pid}, since 20" in error
        assert numbers(tmp_path)[1] == 2
        # A training takes hours, and looking changes nothing.
        status, out, _ = call("versions", "anna", "--json")
        assert (status, json.loads(out)["champion"]) == (0, 2)
        other.kill()
    told: list[str] = []
    with holding(tmp_path, "anna", "finetune", wait=True, told=told.append):
        assert not told
    assert call("rollback", "anna")[0] == 0


def test_a_voice_that_is_deleted_while_another_waits_for_it_has_one_holder(tmp_path: Path) -> None:
    inside = threading.Event()
    over = threading.Event()

    def wait_and_hold() -> None:
        with holding(tmp_path, "anna", "finetune", wait=True):
            inside.set()
            over.wait(30)

    waiting = threading.Thread(target=wait_and_hold)
    with holding(tmp_path, "anna", "delete", wait=False):
        waiting.start()
        time.sleep(0.2)
        shutil.rmtree(run_path(tmp_path, "anna").parent)
    assert inside.wait(30)
    with pytest.raises(UserError, match="being worked on by `finetune`"):
        holding(tmp_path, "anna", "finetune", wait=False).__enter__()
    over.set()
    waiting.join()


def test_nights_keep_their_recipe(tmp_path: Path, call: Call) -> None:
    made(tmp_path, GOOD)
    assert call("nightly", "add", "anna", "--set", "seed=5")[0] == 0
    listed = json.loads(call("nightly", "list", "--json")[1])
    assert listed["anna"]["overrides"] == ["seed=5"]
    assert listed["anna"]["preset"] == "tiny"
    status, _, error = call("nightly", "add", "nobody")
    assert (status, "there is no 'nobody'" in error) == (2, True)
    assert "no longer" in call("nightly", "remove", "anna")[1]
    assert "is not on" in call("nightly", "remove", "anna")[1]
    assert call("nightly", "add", "anna", "--set", "seed=5")[0] == 0
    assert call("rename", "anna", "bert")[0] == 0
    listed = json.loads(call("nightly", "list", "--json")[1])
    assert [(name, one["voice"], one["overrides"]) for name, one in listed.items()] == [
        ("bert", "bert", ["seed=5"])
    ]
    # A night would make a deleted voice anew.
    assert call("delete", "bert", "--yes")[0] == 0
    assert call("nightly", "list", "--json")[1].strip() == "{}"
    (tmp_path / "nightly.json").write_text('{"voices": 3}')
    status, _, error = call("nightly", "list")
    assert (status, "nightly.json" in error) == (2, True)
