"""Looking after the store: what is in it, whether it is whole, what can go."""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Iterator, Set
from typing import NamedTuple, NotRequired

from pydantic import TypeAdapter, with_config
from typing_extensions import TypedDict

from artifacts import manifest, shards
from artifacts.records import EXACT, Name, RecordError
from artifacts.store import BlobRef, Store
from configs.errors import UserError

WAIT_S = 60.0
_VOICE = re.compile(r"voices/([^/]+)\.json")
_ACTION = re.compile(r"actions/(\w+)/(\w+)\.json")
_HISTORY = re.compile(r"actions/\w+/\w+\.history/\d+\.json")
_INDEX = re.compile(r"rows/(\w+)/(\w+)/\w+\.json")
SHOWN_PROBLEMS = 10


@with_config(EXACT)
class VoiceRecord(TypedDict):
    """What a voice is made of, and what is being made of it row by row."""

    stages: dict[Name, Name]
    """Stage -> key of the action."""
    rows: NotRequired[dict[Name, Name]]
    """Stage -> function that its finished rows are known under, until the stage is done."""


VOICE = TypeAdapter(VoiceRecord)


class StageSummary(NamedTuple):
    """What a stage has stored."""

    stage: str
    results: int
    voices: list[str]
    size_bytes: int


class Swept(NamedTuple):
    """Things of one kind that were (or would be) removed."""

    kind: str
    number: int
    size_bytes: int


class Problem(NamedTuple):
    """A record that cannot be believed, and what to do about it."""

    path: str
    why: str
    remedy: str

    def __str__(self) -> str:
        return f"{self.path}: {self.why}; {self.remedy}"


class Dead(NamedTuple):
    """Names of what nobody needs, in the order in which it may go: by kind, with sizes in bytes."""

    records: dict[str, int]
    blobs: dict[str, int]
    damaged: dict[str, int]
    unfinished: dict[str, int]

    def swept(self) -> list[Swept]:
        """As counts."""
        named = {
            "records": self.records,
            "blobs": self.blobs,
            "damaged blobs": self.damaged,
            "unfinished writes": self.unfinished,
        }
        return [Swept(kind, len(files), sum(files.values())) for kind, files in named.items()]


def voice_name(voice: str) -> str:
    """Name of the record that says what a voice is made of."""
    return f"voices/{voice}.json"


def summary(store: Store) -> tuple[list[StageSummary], list[Problem]]:
    """One line per stage: results, which voices keep any, size of their blobs; and what cannot be read."""
    kept: dict[str, set[str]] = defaultdict(set)
    roots, _, problems = _roots(store)
    for voice, stage, _ in roots:
        kept[stage].add(voice)
    results: dict[str, int] = defaultdict(int)
    blobs: dict[str, set[BlobRef]] = defaultdict(set)
    for name, _ in store.files("actions"):
        if found := _ACTION.fullmatch(name):
            made = manifest.load(store, *found.groups())
            if made is not None:
                results[made.stage] += 1
                blobs[made.stage] |= made.blobs()
            else:
                problems.append(Problem(store.shown(name), "cannot be believed", "it counts as absent"))
    stages = [
        StageSummary(stage, results[stage], sorted(kept[stage]), sum(ref.size_bytes for ref in blobs[stage]))
        for stage in sorted(results)
    ]
    return stages, problems


def foreign(store: Store) -> list[str]:
    """Files in the store that are none of its own; they are left alone."""
    own = {f"blobs/{ref.digest[:2]}/{ref.digest}" for ref in store.blobs()}
    known = (_VOICE, _ACTION, _HISTORY, _INDEX)
    return sorted(
        name
        for folder in ("blobs", "actions", "rows", "voices")
        for name, _ in store.files(folder)
        if name not in own and not any(shape.fullmatch(name) for shape in known)
    )


def verify(store: Store) -> Iterator[tuple[str, bool]]:
    """Every blob and record by name, with whether it is whole; one that is not is taken out of use.

    A voice's own record is only named: it is what keeps the voice from `gc`.
    """
    for ref in list(store.blobs()):
        yield f"blobs/{ref.digest[:2]}/{ref.digest}", store.intact(ref)
    for name, _ in store.files("actions"):
        if found := _ACTION.fullmatch(name):
            whole = manifest.load(store, *found.groups()) is not None
            if not whole:
                store.discard_record(name)
            yield name, whole
    for name, _ in store.files("rows"):
        if _INDEX.fullmatch(name):
            whole = store.read_record(name, shards.SHAPE) is not None
            if not whole:
                store.discard_record(name)
            yield name, whole
    for name in store.entries("voices"):
        if _VOICE.fullmatch(name):
            yield name, store.read_record(name, VOICE) is not None


def collect(store: Store, dry_run: bool = False, wait_s: float = WAIT_S) -> list[Swept]:
    """Remove what no voice and no run reaches, and what writers that died left behind.

    Raises:
        UserError: the store is in use, or a record that says what is needed cannot be believed; then nothing
            is removed.
    """
    with store.gate().alone(wait_s):
        dead = find_dead(store)
        if not dry_run:
            remove(store, dead)
    return dead.swept()


def find_dead(store: Store) -> Dead:
    """What can go; to be called alone in the store's gate.

    Raises:
        UserError: a record that says what is needed cannot be believed; every such record is named.
    """
    roots, unfinished, problems = _roots(store)
    reached_actions: set[str] = set()
    reached_blobs: set[str] = set()
    for voice, stage, key in roots:
        name = manifest.action_name(stage, key)
        reached_actions.add(name)
        remedy = (
            f"run `voicewright finetune` for {voice}, which makes it again, or remove {_where(store, voice)}"
        )
        try:
            made = manifest.checked(store, stage, key)
        except RecordError as error:
            problems.append(Problem(store.shown(name), str(error), remedy))
            continue
        if made is None:
            why = f"is missing, and the voice {voice} needs it"
            problems.append(Problem(store.shown(name), why, remedy))
        else:
            reached_blobs |= {ref.digest for ref in made.blobs()}
    for stage, key in store.pinned():
        # What a run is only about to make has no record yet.
        reached_actions.add(manifest.action_name(stage, key))
        made = manifest.load(store, stage, key)
        reached_blobs |= {ref.digest for ref in made.blobs()} if made is not None else set()
    dead_records = {
        name: size_bytes
        for name, size_bytes in store.files("actions")
        if name not in reached_actions and (_ACTION.fullmatch(name) or _HISTORY.fullmatch(name))
    }
    dead_records |= _dead_indexes(store, unfinished, reached_blobs, problems)
    if problems:
        shown = "\n".join(f"  {problem}" for problem in problems[:SHOWN_PROBLEMS])
        more = f"\n  and {len(problems) - SHOWN_PROBLEMS} more" if len(problems) > SHOWN_PROBLEMS else ""
        raise UserError(f"store gc: nothing was removed, for what is needed cannot be told:\n{shown}{more}")
    return Dead(
        dead_records,
        {ref.digest: ref.size_bytes for ref in store.blobs() if ref.digest not in reached_blobs},
        dict(store.files("damaged")),
        dict(store.files("tmp")),
    )


def _dead_indexes(
    store: Store, unfinished: Set[tuple[str, str]], reached_blobs: set[str], problems: list[Problem]
) -> dict[str, int]:
    """Indexes whose rows are not all needed, with sizes; those of what a run has begun become needed."""
    indexes: list[tuple[str, int, set[str]]] = []
    for name, size_bytes in store.files("rows"):
        found = _INDEX.fullmatch(name)
        if found is None:
            continue
        try:
            index = store.checked_record(name, shards.SHAPE)
        except RecordError as error:
            remedy = "`voicewright store verify` removes it; its rows are then computed again where needed"
            problems.append(Problem(store.shown(name), str(error), remedy))
            continue
        entries = index["rows"] if index is not None else []
        answered = {row[2] for entry in entries for row in entry["rows"]}
        if found.groups() in unfinished:
            reached_blobs |= answered
        else:
            indexes.append((name, size_bytes, answered))
    return {name: size_bytes for name, size_bytes, blobs in indexes if not blobs <= reached_blobs}


def remove(store: Store, dead: Dead) -> None:
    """Remove it. Records go before blobs: a record never outlives what it names, even when interrupted."""
    for name in dead.records:
        store.discard_record(name)
    for digest in dead.blobs:
        store.discard_blob(digest)
    for name in (*dead.damaged, *dead.unfinished):
        store.discard_file(name)


def _roots(
    store: Store,
) -> tuple[list[tuple[str, str, str]], set[tuple[str, str]], list[Problem]]:
    """`(voice, stage, key)` of all that voices keep; `(stage, function)` whose rows a run has begun to make;
    the voices of which that cannot be told."""
    roots: list[tuple[str, str, str]] = []
    unfinished: set[tuple[str, str]] = set()
    problems: list[Problem] = []
    for name in store.entries("voices"):
        found = _VOICE.fullmatch(name)
        if found is None:
            continue
        voice = found[1]
        try:
            record = store.checked_record(name, VOICE)
        except RecordError as error:
            remedy = (
                f"run `voicewright finetune` for {voice} again, which writes it anew, or remove it if the "
                "voice's results may go"
            )
            problems.append(Problem(store.shown(name), str(error), remedy))
            continue
        if record is not None:
            roots.extend((voice, stage, key) for stage, key in record["stages"].items())
            unfinished.update(record.get("rows", {}).items())
    return roots, unfinished, problems


def _where(store: Store, voice: str) -> str:
    return store.shown(voice_name(voice))
