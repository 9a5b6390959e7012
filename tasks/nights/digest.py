"""What a night came to, as a record and in words: what came, was refused, changed and cost, voice by voice.

The record is written when the night begins and after every voice, so a night whose process was killed has one
too. It is small: sounds lie in the store and are put into the page alone.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from typing import Literal

from pydantic import TypeAdapter, with_config
from typing_extensions import TypedDict

from artifacts.faults import amount
from artifacts.records import EXACT

Outcome = Literal["waits", "at work", "live", "not live", "nothing new", "failed", "stopped", "left"]
"""Of a voice: not begun yet; being made; a new version that speaks, or does not; nothing to do; an error; a
stop that was asked for; never begun, since the night ended before."""
UNFINISHED: tuple[Outcome, ...] = ("waits", "at work")


@with_config(EXACT)
class Came(TypedDict):
    """Recordings since the last night that came to a version."""

    recordings: int
    minutes: float
    gone: int


@with_config(EXACT)
class Refused(TypedDict):
    """Rows that were refused for one reason, and one of them."""

    stage: str
    code: str
    rows: int
    example: str


@with_config(EXACT)
class GateLine(TypedDict):
    """One metric of the new version beside the champion's, as the gates compared them."""

    metric: str
    champion: float
    challenger: float
    says: str


@with_config(EXACT)
class Version(TypedDict):
    """What became of what was made."""

    number: int
    champion_before: int | None
    champion: int
    decision: str
    verdict: str
    compared: list[GateLine]
    hours_before: float
    hours: float


@with_config(EXACT)
class Cost(TypedDict):
    """Of a stage that computed."""

    stage: str
    rows: int
    rows_total: int
    seconds: float
    cpu_seconds: float
    reason: str


@with_config(EXACT)
class VoiceDigest(TypedDict):
    """A voice's part of the night."""

    voice: str
    outcome: Outcome
    said: str
    """In one line."""
    came: Came
    refused: list[Refused]
    """Since the last night that came to a version."""
    refused_in_all: int
    version: Version | None
    champion: int | None
    """Which version speaks."""
    costs: list[Cost]
    seconds: float
    cpu_seconds: float


@with_config(EXACT)
class Notified(TypedDict):
    """A notification block, and why it failed; empty where it did not."""

    block: str
    failure: str


@with_config(EXACT)
class NightDigest(TypedDict):
    """A night."""

    began: str
    ended: str | None
    """None while it lasts, or when it was killed."""
    process: int
    needed_bytes: int
    """What the night was going to write, by estimate."""
    free_bytes: int | None
    stopped: str
    """Why nothing was begun, or the night ended before its time; empty for a whole one."""
    voices: list[VoiceDigest]
    notified: list[Notified]


SHAPE = TypeAdapter(NightDigest)

SHOWN = 6
"""Voices in the one line about a night."""
_COUNTED: Mapping[Outcome, str] = {
    "live": "new and live",
    "not live": "made, not better",
    "failed": "failed",
    "stopped": "stopped",
    "left": "not begun",
    "at work": "at work",
    "waits": "waiting",
    "nothing new": "without anything new",
}


def begun(voices: Sequence[str], began: str, process: int) -> NightDigest:
    """The digest of a night that begins."""
    return {
        "began": began,
        "ended": None,
        "process": process,
        "needed_bytes": 0,
        "free_bytes": None,
        "stopped": "",
        "voices": [waiting(name) for name in voices],
        "notified": [],
    }


def waiting(voice: str) -> VoiceDigest:
    """A voice whose turn has not come."""
    return {
        "voice": voice,
        "outcome": "waits",
        "said": "its turn has not come",
        "came": {"recordings": 0, "minutes": 0.0, "gone": 0},
        "refused": [],
        "refused_in_all": 0,
        "version": None,
        "champion": None,
        "costs": [],
        "seconds": 0.0,
        "cpu_seconds": 0.0,
    }


def replaced(digest: NightDigest, voice: VoiceDigest) -> NightDigest:
    """The digest with another part for a voice."""
    voices = [voice if one["voice"] == voice["voice"] else one for one in digest["voices"]]
    return {**digest, "voices": voices}


def ended_early(digest: NightDigest, why: str, outcome: Outcome = "left") -> NightDigest:
    """The digest of a night that went no further; what was made of each voice before stays told."""
    voices: list[VoiceDigest] = []
    for one in digest["voices"]:
        if one["outcome"] in UNFINISHED:
            became: Outcome = "stopped" if one["outcome"] == "at work" else outcome
            one = {**one, "outcome": became, "said": f"{why}; {speaks(one['champion'])}"}
        voices.append(one)
    return {**digest, "stopped": why, "voices": voices}


def speaks(champion: int | None) -> str:
    """Which version speaks, where nothing changed."""
    return "it has no version yet" if champion is None else f"version {champion} speaks as before"


def subject(digest: NightDigest) -> str:
    """The night in one line."""
    day = digest["began"][:10]
    if not digest["voices"]:
        return f"Night of {day}: the nightly list is empty"
    told = [f"{voice['voice']} {_short(voice)}" for voice in digest["voices"][:SHOWN]]
    more = len(digest["voices"]) - SHOWN
    return f"Night of {day}: {'; '.join(told)}" + (f"; and {more} more" if more > 0 else "")


def headline(digest: NightDigest) -> str:
    """How many voices came to what."""
    counted = Counter(voice["outcome"] for voice in digest["voices"])
    told = [f"{counted[outcome]} {words}" for outcome, words in _COUNTED.items() if counted[outcome]]
    return "; ".join(told) or "No voice on the list"


def told_room(digest: NightDigest) -> str:
    """What the disk was asked for, in words; empty where it was not."""
    if not digest["needed_bytes"]:
        return ""
    free = digest["free_bytes"]
    left = "" if free is None else f"; {amount(free)} were free"
    return f"Estimated to write {amount(digest['needed_bytes'])}{left}"


def text(digest: NightDigest, page: str = "") -> str:
    """The night as plain text.

    Args:
        page: Where the page lies.
    """
    lines = [subject(digest), ""]
    if digest["stopped"]:
        lines += [digest["stopped"], ""]
    for voice in digest["voices"]:
        lines += [*_told(voice), ""]
    for one in digest["notified"]:
        if one["failure"]:
            lines.append(f"not sent by {one['block']}: {one['failure']}")
    if page:
        lines.append(page)
    return "\n".join(lines).rstrip() + "\n"


def _short(voice: VoiceDigest) -> str:
    version = voice["version"]
    match voice["outcome"]:
        case "live" if version is not None:
            return f"version {version['number']} is live"
        case "not live" if version is not None:
            return f"version {version['number']} is not live, version {version['champion']} is"
        case "waits" | "at work":
            return "not finished"
        case outcome:
            return outcome


def _told(voice: VoiceDigest) -> Iterable[str]:
    yield f"{voice['voice']}: {voice['said']}"
    came = voice["came"]
    if came["recordings"] or came["gone"]:
        yield f"  came: {told_came(came)}"
    for one in voice["refused"]:
        yield f"  refused: {one['rows']} by {one['stage']}, {one['code']}; for example {one['example']}"
    version = voice["version"]
    if version is not None:
        yield f"  decided: {version['decision']}"
        for line in version["compared"]:
            yield f"    {line['says']}"
        if version["verdict"]:
            yield f"  verdict: {version['verdict']}"
        yield f"  speech: {60 * version['hours']:.1f} min, {60 * version['hours_before']:.1f} before"
    if voice["costs"]:
        dearest = sorted(voice["costs"], key=lambda cost: -cost["seconds"])[:3]
        shown = ", ".join(f"{cost['stage']} {cost['seconds']:.0f} s" for cost in dearest)
        yield f"  cost: {voice['seconds']:.0f} s, {voice['cpu_seconds']:.0f} s of processor; most: {shown}"


def told_came(came: Came) -> str:
    """What came, in words."""
    parts = []
    if came["recordings"]:
        many = "s" if came["recordings"] > 1 else ""
        parts.append(f"{came['recordings']} recording{many} of {came['minutes']:.1f} min")
    if came["gone"]:
        parts.append(f"{came['gone']} went")
    return ", ".join(parts) or "nothing"
