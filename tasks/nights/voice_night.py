"""A voice's part of a night's digest, put together from what was there before and what its run came to."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import closing
from pathlib import Path
from typing import NamedTuple

from artifacts.store import Store
from configs.errors import UserError
from models.frontend.audio import decode_flac
from tasks.nights.costs import Costs
from tasks.nights.digest import GateLine, Outcome, Version, VoiceDigest, speaks, waiting
from tasks.nights.page import Heard
from tasks.nights.seen import Now, Seen, came, look, refused, seen_before
from tasks.release.listening import NAMES, PATHS
from tasks.versions.gates import Difference
from tasks.versions.laid_out import version_file, version_files
from tasks.versions.record import VersionEntry, VersionsRecord, read_versions, version_of
from tasks.versions.settle import Settled
from tasks.voice import Request, open_pipeline

SOUNDS = 2
"""Texts whose sounds are put into the page, at most."""


class Before(NamedTuple):
    """A voice when its turn comes."""

    seen: Seen
    record: VersionsRecord

    @property
    def champion(self) -> int | None:
        """Which version speaks."""
        return self.record["champion"]


def before(workspace: Path, voice: str, store: Store) -> Before:
    """What there is of a voice.

    Raises:
        UserError: its versions' record cannot be believed.
    """
    return Before(seen_before(workspace, voice, store), read_versions(workspace, voice))


def finished(
    workspace: Path, request: Request, was: Before, costs: Costs, settled: Settled
) -> tuple[VoiceDigest, Now]:
    """The part of a voice whose run came to its end, and what the next night is to know."""
    with closing(open_pipeline(workspace, request)) as pipeline:
        now = look(pipeline)
    digest = _filled(request.voice, was, costs, now)
    version = _version(was, settled, read_versions(workspace, request.voice))
    outcome, said = _outcome(digest, version, settled)
    return {**digest, "outcome": outcome, "said": said, "version": version, "champion": settled.champion}, now


def failed(workspace: Path, request: Request, was: Before, costs: Costs, why: str) -> VoiceDigest:
    """The part of a voice that could not be made; what came and was refused is told as far as it is known."""
    try:
        with closing(open_pipeline(workspace, request)) as pipeline:
            now = look(pipeline)
    except UserError:
        now = Now({}, {}, ())
    digest = _filled(request.voice, was, costs, now)
    if not now.recordings:
        digest["came"] = {**digest["came"], "gone": 0}
    at = f"{costs.at}: " if costs.at and not why.startswith(f"{costs.at}:") else ""
    said = f"failed, {at}{why}; {speaks(was.champion)}, and the next night goes on where this one stopped"
    return {**digest, "outcome": "failed", "said": said, "champion": was.champion}


def sounds(store: Store, workspace: Path, digest: VoiceDigest) -> Iterator[Heard]:
    """What the champion before and the new version say, of the same texts.

    Raises:
        UserError: a version's files are damaged.
    """
    version = digest["version"]
    if version is None:
        return
    voice = digest["voice"]
    record = read_versions(workspace, voice)
    numbers = [version["champion_before"], version["number"]]
    entries = [version_of(record, voice, number) for number in dict.fromkeys(numbers) if number is not None]
    for name in _shared_samples(store, voice, entries)[:SOUNDS]:
        takes = {
            f"{voice}@{entry['number']}": decode_flac(version_file(store, voice, entry, name))
            for entry in entries
        }
        yield Heard(Path(name).name.split(".")[0], takes)


def _shared_samples(store: Store, voice: str, entries: Sequence[VersionEntry]) -> list[str]:
    """Clips that all of them say; else, those that the newest says."""
    own = [
        {name for name in version_files(store, voice, entry) if name.endswith(".flac")} for entry in entries
    ]
    return sorted(set.intersection(*own)) or []


def _filled(voice: str, was: Before, costs: Costs, now: Now) -> VoiceDigest:
    return {
        **waiting(voice),
        "came": came(was.seen, now),
        "refused": refused(was.seen, now),
        "refused_in_all": len(now.refused),
        "costs": costs.by_stage,
        "seconds": costs.seconds,
        "cpu_seconds": costs.processor_seconds,
    }


def _version(was: Before, settled: Settled, record: VersionsRecord) -> Version | None:
    """None where the run made nothing that was not there before."""
    entry = settled.version
    if not settled.is_new:
        return None
    champion = next((one for one in record["versions"] if one["number"] == was.champion), None)
    differences = settled.decision.differences if settled.decision is not None else ()
    return {
        "number": entry["number"],
        "champion_before": was.champion,
        "champion": settled.champion,
        "decision": entry["decision"],
        "verdict": entry["verdict"],
        "compared": [_line(one) for one in differences],
        "hours_before": 0.0 if champion is None else champion["hours"],
        "hours": entry["hours"],
    }


def _line(one: Difference) -> GateLine:
    path, _, metric = one.metric.partition("/")
    title = NAMES.get(metric, (metric.replace("_", " "),))[0]
    return {
        "metric": f"{title} · {PATHS.get(path, path)}",
        "champion": one.champion,
        "challenger": one.challenger,
        "says": str(one),
    }


def _outcome(digest: VoiceDigest, version: Version | None, settled: Settled) -> tuple[Outcome, str]:
    if version is not None and version["champion"] == version["number"]:
        was = version["champion_before"]
        return "live", f"version {version['number']} is live" + (f", was {was}" if was else ", the first")
    if version is not None:
        return "not live", f"version {version['number']} was made and is not live, {_still(settled)}"
    if not digest["costs"]:
        return "nothing new", f"nothing new, {_still(settled)}"
    computed = ", ".join(cost["stage"] for cost in digest["costs"])
    return "nothing new", f"the same voice came out, {_still(settled)}; computed: {computed}"


def _still(settled: Settled) -> str:
    return f"version {settled.champion} speaks as before"
