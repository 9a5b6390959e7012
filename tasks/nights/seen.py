"""What a voice's nights have seen: recordings and refusals, so that the next one tells what came since.

`runs/<voice>/night.json` holds it. It is written when a night came to a version, not before: what came on a
night that failed is told again by the one that succeeds.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

from pydantic import TypeAdapter, with_config
from typing_extensions import TypedDict

from artifacts import manifest as manifests
from artifacts import records, schemas, shards
from artifacts.manifest import Reject
from artifacts.records import EXACT, RecordError
from artifacts.store import DamagedError, Store, write_atomically
from tasks.nights.digest import Came, Refused
from tasks.pipeline import Pipeline
from tasks.run_record import SEEN, known_run, run_path
from tasks.versions.record import read_versions

INGEST = "ingest"
_COLUMNS = ("recording_id", "source_digest", "duration_s")


@with_config(EXACT)
class Seen(TypedDict):
    """What was there."""

    recordings: dict[str, str]
    """Identifier -> digest of the file."""
    refused: list[str]
    """As `_refusal` names them."""


_SHAPE = TypeAdapter(Seen)


class Now(NamedTuple):
    """What is there.

    Attributes:
        recordings: Identifier -> digest of the file.
        durations_s: Identifier -> seconds.
        refused: Stage, and what it refused.
    """

    recordings: dict[str, str]
    durations_s: dict[str, float]
    refused: Sequence[tuple[str, Reject]]

    def as_seen(self) -> Seen:
        """To be kept."""
        return {"recordings": self.recordings, "refused": sorted(_refusal(*one) for one in self.refused)}


def seen_before(workspace: Path, voice: str, store: Store) -> Seen:
    """What the last night that came to a version saw; before the first night, what the last run saw.

    Nothing where there is neither: then all of it came.
    """
    try:
        found = records.read_file(_path(workspace, voice), _SHAPE)
    except RecordError:
        found = None
    if found is not None:
        return found
    if not read_versions(workspace, voice)["versions"]:
        return {"recordings": {}, "refused": []}
    return _of_last_run(workspace, voice, store)


def look(pipeline: Pipeline) -> Now:
    """What there is now, as far as stages are done."""
    recordings: dict[str, str] = {}
    durations_s: dict[str, float] = {}
    if pipeline.known(INGEST) is not None:
        for row in pipeline.table(INGEST, _COLUMNS).to_pylist():
            recordings[row["recording_id"]] = row["source_digest"]
            durations_s[row["recording_id"]] = row["duration_s"]
    return Now(recordings, durations_s, pipeline.rejects())


def keep_seen(workspace: Path, voice: str, now: Now) -> None:
    """Let the next night begin from here."""
    write_atomically(_path(workspace, voice), records.encode(now.as_seen()))


def came(before: Seen, now: Now) -> Came:
    """What came, and what went."""
    new = [name for name, digest in now.recordings.items() if before["recordings"].get(name) != digest]
    return {
        "recordings": len(new),
        "minutes": sum(now.durations_s[name] for name in new) / 60,
        "gone": len(before["recordings"].keys() - now.recordings.keys()),
    }


def refused(before: Seen, now: Now) -> list[Refused]:
    """What was refused since, by stage and reason; the most frequent first."""
    known = set(before["refused"])
    found: dict[tuple[str, str], list[Reject]] = defaultdict(list)
    for stage, reject in now.refused:
        if _refusal(stage, reject) not in known:
            found[stage, reject.code].append(reject)
    return [
        {
            "stage": stage,
            "code": code,
            "rows": len(rejects),
            "example": f"{rejects[0].row_id}: {rejects[0].reason}",
        }
        for (stage, code), rejects in sorted(found.items(), key=lambda one: (-len(one[1]), one[0]))
    ]


def _refusal(stage: str, reject: Reject) -> str:
    return f"{stage} {reject.code} {reject.row_id}"


def _path(workspace: Path, voice: str) -> Path:
    return run_path(workspace, voice).with_name(SEEN)


def _of_last_run(workspace: Path, voice: str, store: Store) -> Seen:
    keys = {name: entry["key"] for name, entry in known_run(workspace, voice)["stages"].items()}
    made = {name: manifests.load(store, name, key) for name, key in keys.items()}
    ingest = made.get(INGEST)
    recordings: dict[str, str] = {}
    if ingest is not None:
        try:
            table = shards.read_table(store, schemas.INGEST, ingest.rows, _COLUMNS[:2])
            recordings = {row["recording_id"]: row["source_digest"] for row in table.to_pylist()}
        except DamagedError:
            # The run makes it again; that all of it came is a wrong sentence and no wrong voice.
            recordings = {}
    rejects = [(name, reject) for name, one in made.items() if one is not None for reject in one.rejects]
    return {"recordings": recordings, "refused": sorted(_refusal(*one) for one in rejects)}
