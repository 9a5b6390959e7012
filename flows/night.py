"""One night: room is asked for, voice after voice is made, and the digest is written as it goes and sent."""

from __future__ import annotations

import os
from collections.abc import Iterator, Sequence
from contextlib import closing
from pathlib import Path

from artifacts.faults import free_bytes
from artifacts.store import Store
from configs.errors import MachineError, UserError
from flows.found_done import found_done
from flows.notifying import send
from flows.prefect_glue import run_log, watched_by
from flows.voice_finetune import make_voice
from tasks.nights import kept, voice_night
from tasks.nights.costs import Costs
from tasks.nights.digest import (
    NightDigest,
    VoiceDigest,
    begun,
    ended_early,
    replaced,
    speaks,
    subject,
    text,
)
from tasks.nights.listed import read_notified
from tasks.nights.page import Heard, build_night_page
from tasks.nights.room import needed_bytes, require_room
from tasks.nights.seen import keep_seen
from tasks.outcome import StoppedError
from tasks.versions.record import now, read_versions
from tasks.versions.settle import Settled
from tasks.voice import Request, open_pipeline, open_store

FAULT = "a fault of this program ({error}), whose traceback is in the run's log"


class Night:
    """A night of these voices.

    Args:
        workspace: Of the voices; held by this night (`kept.one_night`).
        requests: What is asked for, voice by voice.
    """

    def __init__(self, workspace: Path, requests: Sequence[Request]) -> None:
        self._workspace = workspace
        self._requests = requests
        self._digest = begun([one.voice for one in requests], now(), os.getpid())
        for voice in self._digest["voices"]:
            voice["champion"] = _champion(workspace, voice["voice"])
        self._sounds: dict[str, list[Heard]] = {}
        self._folder: Path | None = None

    def close_killed(self) -> Iterator[Path]:
        """Let nights whose process was killed say so; their folders."""
        for folder, digest in kept.killed_nights(self._workspace):
            kept.write(folder, digest, build_night_page(digest, {}))
            yield folder

    def run(self) -> dict[str, str]:
        """Make the voices.

        Returns:
            Those that could not be made, and why.

        Raises:
            MachineError: the disk has too little room; nothing was begun.
            StoppedError, KeyboardInterrupt: a stop was asked for.
        """
        try:
            self._write()
            self._ask_for_room()
            failed = {}
            for request in self._requests:
                made = self._make(request)
                if made["outcome"] == "failed":
                    failed[request.voice] = made["said"]
        except MachineError as error:
            self._end(ended_early(self._digest, str(error)))
            raise
        except BaseException as error:
            by_hand = isinstance(error, StoppedError) or not isinstance(error, Exception)
            why = "the night was stopped by hand" if by_hand else FAULT.format(error=type(error).__name__)
            self._end(ended_early(self._digest, why), sends=not by_hand)
            raise
        self._end(self._digest)
        return failed

    def _ask_for_room(self) -> None:
        """Refuse a night that does not fit.

        Raises:
            MachineError: it does not.
        """
        needed, stores = 0, []
        for request in self._requests:
            try:
                with closing(open_pipeline(self._workspace, request)) as pipeline:
                    needed += needed_bytes(pipeline)
                    stores.append(pipeline.store)
            except UserError:
                # Told when its turn comes: one voice whose settings are wrong ends no night.
                continue
        self._digest = {
            **self._digest,
            "needed_bytes": needed,
            "free_bytes": free_bytes(self._workspace),
        }
        if needed:
            for store in {one.root: one for one in stores}.values():
                require_room(self._workspace, store, needed)

    def _make(self, request: Request) -> VoiceDigest:
        log = run_log()
        begins = next(one for one in self._digest["voices"] if one["voice"] == request.voice)
        self._tell({**begins, "outcome": "at work", "said": f"at work; {speaks(begins['champion'])}"})
        costs = Costs()
        try:
            store = open_store(self._workspace, request.resolve().settings)
            was = voice_night.before(self._workspace, request.voice, store)
        except UserError as error:
            told: VoiceDigest = {**begins, "outcome": "failed", "said": f"failed, {error}"}
        else:
            told = self._made(request, was, costs, store)
        (log.error if told["outcome"] == "failed" else log.info)("%s: %s", request.voice, told["said"])
        self._tell(told)
        return told

    def _made(self, request: Request, was: voice_night.Before, costs: Costs, store: Store) -> VoiceDigest:
        """Make a voice, and put together what is to be told of it."""
        try:
            with watched_by(costs):
                settled = _settled(self._workspace, request, costs)
            told, there = voice_night.finished(self._workspace, request, was, costs, settled)
            self._sounds[request.voice] = list(voice_night.sounds(store, self._workspace, told))
            keep_seen(self._workspace, request.voice, there)
        except StoppedError:
            raise
        except (UserError, MachineError) as error:
            return voice_night.failed(self._workspace, request, was, costs, str(error))
        except Exception as error:  # noqa: BLE001
            # Ours to mend, and no reason to leave the other voices alone tonight.
            run_log().exception("%s: a fault of this program", request.voice)
            why = FAULT.format(error=f"{type(error).__name__}: {error}")
            return voice_night.failed(self._workspace, request, was, costs, why)
        return told

    def _tell(self, voice: VoiceDigest) -> None:
        self._digest = replaced(self._digest, voice)
        self._write()

    def _end(self, digest: NightDigest, sends: bool = True) -> None:
        """Write the night's end, and send it."""
        self._digest = {**digest, "ended": now()}
        self._write()
        blocks = read_notified(self._workspace) if sends and self._requests else []
        if blocks:
            page = "" if self._folder is None else str(self._folder / kept.PAGE)
            notified = send(blocks, subject(self._digest), text(self._digest, page))
            for one in notified:
                if one["failure"]:
                    run_log().warning("the digest was not sent by %s: %s", one["block"], one["failure"])
            self._digest = {**self._digest, "notified": notified}
            self._write()

    def _write(self) -> None:
        """Write the digest as it is now; a disk that is full fails voices, not the telling of it."""
        try:
            if self._folder is None:
                self._folder = kept.new_folder(self._workspace, self._digest["began"])
            kept.write(self._folder, self._digest, build_night_page(self._digest, self._sounds))
        except (OSError, UserError) as error:
            run_log().warning("the night's digest could not be written: %s", error)


def _settled(workspace: Path, request: Request, costs: Costs) -> Settled:
    """What became of a voice, found done or made."""
    log = run_log()
    found = found_done(workspace, request, None, costs.finished, log.info, wait=False)
    settled = found.settled if found is not None else make_voice(workspace, request, wait=False).settled
    assert settled is not None, "a night's run has no earlier end than the export"
    return settled


def _champion(workspace: Path, voice: str) -> int | None:
    try:
        return read_versions(workspace, voice)["champion"]
    except UserError:
        return None
