"""Whole voices: copied, renamed, deleted; single versions promoted, rolled back, deleted.

Every operation writes what keeps results in the store before what names them, and the folder that speaks last
but one: interrupted anywhere it is repeated by the same command.
"""

from __future__ import annotations

import shutil
from pathlib import Path

from artifacts.housekeeping import VOICE, voice_name
from artifacts.store import Store, write_atomically
from configs.errors import UserError
from tasks.corpus.corrections_file import corrections_path
from tasks.lexicons import lexicon_path
from tasks.nights.listed import remove_night
from tasks.run_record import SEEN, RunRecord, read_run, run_path, unknown_voice, voices, write_run
from tasks.versions.begins import BEGINS, begin_folder
from tasks.versions.folders import champion_folder
from tasks.versions.laid_out import place, version_folder
from tasks.versions.record import (
    By,
    VersionsRecord,
    champion_before,
    promoted,
    read_versions,
    version_of,
    versions_path,
    without,
    write_versions,
)
from tasks.versions.settle import keep
from tasks.voice import check_name


def promote(store: Store, workspace: Path, voice: str, number: int, by: By, why: str) -> VersionsRecord:
    """Make a version champion, and lay its files out where the voice speaks from.

    Raises:
        UserError: there is no such version, or its files are damaged.
    """
    record = read_versions(workspace, voice)
    entry = version_of(record, voice, number)
    place(store, workspace, voice, entry, champion_folder(workspace, voice))
    if number != record["champion"]:
        record = promoted(record, number, by, why)
        write_versions(workspace, voice, record)
    return record


def roll_back(store: Store, workspace: Path, voice: str) -> VersionsRecord:
    """Make the champion before the present one champion again.

    Raises:
        UserError: there is none, or its files are damaged.
    """
    record = read_versions(workspace, voice)
    left = record["champion"]
    number = champion_before(record, voice)
    return promote(store, workspace, voice, number, "rollback", f"rolled back from version {left}")


def delete_version(store: Store, workspace: Path, voice: str, number: int) -> None:
    """Forget a version that is not champion; `store gc` then frees what nothing else needs.

    Raises:
        UserError: there is no such version, or it is the champion.
    """
    remaining = without(read_versions(workspace, voice), voice, number)
    shutil.rmtree(version_folder(workspace, voice, number), ignore_errors=True)
    shutil.rmtree(begin_folder(workspace, voice, number), ignore_errors=True)
    with store.gate().shared():
        store.discard_record(voice_name(f"{voice}@{number}"))
    # What lists the version goes last: until then the same command goes on.
    write_versions(workspace, voice, remaining)


def copy_voice(store: Store, workspace: Path, voice: str, name: str) -> None:
    """A second voice with the same recipe and versions, which goes its own way from here.

    Raises:
        UserError: there is no such voice, or one of the new name.
    """
    run = _known(workspace, voice)
    check_free(workspace, name)
    record = read_versions(workspace, voice)
    for entry in record["versions"]:
        keep(store, name, entry)
    stages = store.read_record(voice_name(voice), VOICE)
    if stages is not None:
        with store.gate().shared():
            store.write_record(voice_name(name), {**stages})
    if record["versions"]:
        entry = version_of(record, voice)
        place(store, workspace, name, entry, champion_folder(workspace, name))
        write_versions(workspace, name, {**record, "registered": None})
    recipe = run["request"]["config_copy"] if run["request"] and "config_copy" in run["request"] else None
    for file in filter(None, (BEGINS, SEEN, recipe)):
        # What its trainings began with, and what its nights have seen, hold for the copy as well.
        known = run_path(workspace, voice).with_name(file)
        if known.is_file():
            write_atomically(run_path(workspace, name).with_name(file), known.read_bytes())
    for known, copied in zip(_own_lists(workspace, voice), _own_lists(workspace, name), strict=True):
        if known.is_file():
            copied.parent.mkdir(parents=True, exist_ok=True)
            write_atomically(copied, known.read_bytes())
    if run["request"] is not None:
        run["request"]["voice"] = name
    write_run(workspace, name, run)


def delete_voice(store: Store, workspace: Path, voice: str) -> list[Path]:
    """Forget a voice: its recipe, its versions, its folder and its nights. What MLflow recorded of it stays.

    Returns:
        Where its corrections and its lexicon are kept, which somebody wrote by hand: beside their places,
        where a new voice of the name would take them for its own.

    Raises:
        UserError: there is no such voice, or its record cannot be believed.
    """
    if voice not in voices(workspace) and not champion_folder(workspace, voice).is_dir():
        raise unknown_voice(workspace, voice)
    numbers = [entry["number"] for entry in read_versions(workspace, voice)["versions"]]
    shutil.rmtree(champion_folder(workspace, voice), ignore_errors=True)
    shutil.rmtree(workspace / "versions" / voice, ignore_errors=True)
    with store.gate().shared():
        for number in numbers:
            store.discard_record(voice_name(f"{voice}@{number}"))
        store.discard_record(voice_name(voice))
    versions_path(workspace, voice).unlink(missing_ok=True)
    # Else the next night would make it anew.
    remove_night(workspace, voice)
    kept = []
    for own in _own_lists(workspace, voice):
        if own.is_file():
            kept.append(own.with_name(f"{own.name}.deleted"))
            own.replace(kept[-1])
    # The record that lists the voice goes last: until then the same command goes on.
    run_path(workspace, voice).unlink(missing_ok=True)
    shutil.rmtree(run_path(workspace, voice).parent, ignore_errors=True)
    return kept


def _own_lists(workspace: Path, voice: str) -> tuple[Path, Path]:
    return corrections_path(workspace, voice), lexicon_path(workspace, voice)


def check_free(workspace: Path, name: str) -> str:
    """A name that no voice has.

    Raises:
        UserError: one has it, or it is no name.
    """
    if check_name(name) in voices(workspace) or champion_folder(workspace, name).exists():
        raise UserError(f"name: there is a voice {name!r} already; choose another name, or delete that one")
    return name


def _known(workspace: Path, voice: str) -> RunRecord:
    if voice not in voices(workspace):
        raise unknown_voice(workspace, voice)
    return read_run(workspace, voice)
