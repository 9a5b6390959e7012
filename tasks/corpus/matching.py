"""Which recording a transcript row means.

A row's reference is only ever compared with the names of recordings that were found by walking the
folder. It is never opened, joined to a path or resolved, so no row can reach outside.
"""

from __future__ import annotations

import re
import unicodedata
from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from pathlib import PurePosixPath
from typing import NamedTuple

from models.frontend.timed_text import Cut
from tasks.corpus.lists.entries import (
    MAX_REFERENCE_CHARACTERS,
    MAX_TEXT_CHARACTERS,
    Entry,
    Listing,
    legible,
)
from tasks.corpus.lists.names import by_folded_name, has_audio_suffix, split_named
from tasks.outcome import Reject, reject

NAMED_FIRST = ("", "wavs", "wav")  # where a set keeps the recordings that its list means


class Transcript(NamedTuple):
    """What a list or text file says about one recording: its text, or those of its stretches (`cuts`)."""

    text: str | None
    speaker: str | None
    language: str | None
    source: str
    cuts: tuple[Cut, ...] | None = None


@dataclass
class Matched:
    """One set's recordings, by their paths inside the set.

    Attributes:
        transcripts: recordings with their rows.
        splits: by recording, the split that a list with such a name puts it into; one that is held out counts
            before one that is trained on.
        left_out: recordings that must not be used: refused, or another form of one that is.
        climbing: references that climb out of the set's folder.
        rejects: rows that were refused.
        warnings: what the user should know.
    """

    transcripts: dict[str, Transcript] = field(default_factory=dict)
    splits: dict[str, str] = field(default_factory=dict)
    left_out: set[str] = field(default_factory=set)
    climbing: set[str] = field(default_factory=set)
    rejects: list[Reject] = field(default_factory=list)
    warnings: list[str] = field(default_factory=list)


class BadReferenceError(ValueError):
    """A reference that names no recording of the set."""

    def __init__(self, code: str, reason: str, remedy: str) -> None:
        super().__init__(reason)
        self.code = code
        self.reason = reason
        self.remedy = remedy


def match(
    folder: str, listings: Sequence[Listing], recordings: Sequence[str], others: Sequence[Listing] = ()
) -> Matched:
    """Join a set's lists with its recordings.

    Args:
        folder: empty or ending in `/`; only names the set.
        others: lists whose rows count for recordings that no row of `listings` names.
    """
    names = Names(recordings)
    matched = Matched()
    rows = _rows_by_name(folder, listings, names, matched)
    told = frozenset(rows)
    differing: dict[str, list[str]] = {}
    for name, found in _rows_by_name(folder, others, names, matched).items():
        if name not in told:
            rows[name] += found
        elif any(row.text != rows[name][0][1].text for _, row in found):
            differing.setdefault(found[0][0].name, []).append(name)
    for other, paths in differing.items():
        matched.warnings.append(
            f"{folder}{other}: not used for {len(paths)} recordings, whose text in {listings[0].name} "
            f"differs: {few(paths)}"
        )
    matched.left_out -= rows.keys()
    if matched.left_out:
        matched.warnings.append(
            f"{folder or '.'}: {len(matched.left_out)} recordings carry the id of another one "
            f"and are not used: {few(matched.left_out)}"
        )
    for name, found in rows.items():
        _take(folder, name, found, matched)
    return matched


def _rows_by_name(
    folder: str, listings: Sequence[Listing], names: Names, matched: Matched
) -> dict[str, list[tuple[Listing, Entry]]]:
    """The lists' rows by the recording that they mean; what is wrong with them goes to `matched`."""
    rows: dict[str, list[tuple[Listing, Entry]]] = defaultdict(list)
    refused: set[tuple[str, str]] = set()
    for listing in listings:
        split = split_named(listing.name, folder)
        matched.warnings += [f"{folder}{listing.name}: {warning}" for warning in listing.warnings]
        for bad in listing.bad_lines:
            matched.rejects.append(
                reject(
                    f"{folder}{listing.name}:{bad.line}",
                    bad.code,
                    "row",
                    bad.value,
                    f"{listing.name}, line {bad.line}: {bad.reason}",
                    bad.remedy,
                )
            )
        for entry in listing.entries:
            try:
                chosen, others = names.find(entry.reference, listing.are_paths)
            except BadReferenceError as error:
                if error.code == "bad_id" and ".." in entry.reference:
                    matched.climbing.add(entry.reference)
                if (error.code, entry.reference) not in refused:
                    refused.add((error.code, entry.reference))
                    matched.rejects.append(_refused(folder, listing, entry, error))
                continue
            rows[chosen].append((listing, entry))
            if split is not None and matched.splits.get(chosen, "train") == "train":
                matched.splits[chosen] = split
            matched.left_out.update(others)
    return rows


def few(names: Iterable[str]) -> str:
    """The first three names, and how many more there are."""
    ordered = sorted(names)
    more = f" and {len(ordered) - 3} more" if len(ordered) > 3 else ""
    return ", ".join(ordered[:3]) + more


class Names:
    """Finds recordings of a set by what lists call them."""

    def __init__(self, recordings: Sequence[str]) -> None:
        self._by_name: dict[tuple[str, ...], list[str]] = defaultdict(list)
        self._by_stem: dict[tuple[str, ...], list[str]] = defaultdict(list)
        self._folders: dict[str, tuple[str, ...]] = {}
        self._recordings = recordings
        self._by_folded: dict[str, list[str]] | None = None
        for path in recordings:
            plain = PurePosixPath(unicodedata.normalize("NFC", path))
            folders = self._folders[path] = plain.parts[:-1]
            # With the folder too: ten thousand folders may each hold an `audio.wav`.
            for nearest in {(), folders[-1:]}:
                self._by_name[*nearest, plain.name].append(path)
                self._by_stem[*nearest, plain.stem].append(path)

    def find(self, reference: str, is_path: bool) -> tuple[str, list[str]]:
        """The recording that a reference means, and others of the same name.

        An id must be met whole. A path may have been written on another machine: its leading folders
        are dropped until something is met.

        Raises:
            BadReferenceError: `bad_id` or `no_audio`.
        """
        parts, absolute = _parts(reference)
        if absolute and not is_path:
            raise _bad_id("an absolute path is no id")
        starts = range(len(parts)) if is_path else range(1)
        for start in starts:
            found = self._ending(parts[start:])
            if not found:
                continue
            if start and len(found) > 1:
                raise BadReferenceError(
                    "no_audio",
                    f"several recordings match: {few(found)}",
                    "write the path as it is inside the recordings folder",
                )
            return found[0], found[1:]
        if absolute:
            raise _bad_id("the path leads out of the recordings folder")
        other = self._in_other_capitals(parts[-1])
        if other is not None:
            why = f"there is no such recording, but {other}, which differs in capitals"
            raise BadReferenceError("no_audio", why, "write the name as the file has it")
        raise BadReferenceError(
            "no_audio", "there is no such recording", "add the recording, or remove the row"
        )

    def _in_other_capitals(self, name: str) -> str | None:
        if self._by_folded is None:
            self._by_folded = by_folded_name(self._recordings)
        folded = unicodedata.normalize("NFC", name).casefold()
        stem = PurePosixPath(folded).stem if has_audio_suffix(folded) else folded
        found = self._by_folded.get(folded) or self._by_folded.get(stem)
        return legible(found[0]) if found else None

    def _ending(self, parts: Sequence[str]) -> list[str]:
        """Recordings whose path ends in `parts`: as named, else by the stem, best first."""
        *wanted, name = (unicodedata.normalize("NFC", part) for part in parts)
        nearest = wanted[-1:]
        exact = self._within(self._by_name.get((*nearest, name), ()), wanted)
        stems = [name, *([PurePosixPath(name).stem] if has_audio_suffix(name) else [])]
        loose = [p for stem in stems for p in self._within(self._by_stem.get((*nearest, stem), ()), wanted)]
        return list(dict.fromkeys([*exact, *loose]))

    def _within(self, paths: Iterable[str], wanted: Sequence[str]) -> list[str]:
        def rank(path: str) -> tuple[bool, int, str]:
            before = self._folders[path][: len(self._folders[path]) - len(wanted)]
            return "/".join(before) not in NAMED_FIRST, len(before), path

        folders = tuple(wanted)
        ending = (p for p in paths if not wanted or self._folders[p][-len(wanted) :] == folders)
        return sorted(ending, key=rank)


def _parts(reference: str) -> tuple[list[str], bool]:
    if not reference:
        raise _bad_id("the id is empty")
    if len(reference) > MAX_REFERENCE_CHARACTERS:
        raise _bad_id(f"the id has {len(reference)} characters")
    if not reference.isprintable():
        raise _bad_id("the id holds control characters")
    absolute = bool(re.match(r"[\\/~]|[A-Za-z]:[\\/]|[a-z]+://", reference))
    parts = [part for part in re.split(r"[\\/]", reference) if part not in ("", ".")]
    if ".." in parts or not parts:
        raise _bad_id("the id climbs out of its folder")
    return parts, absolute


def _bad_id(reason: str) -> BadReferenceError:
    return BadReferenceError(
        "bad_id", reason, "name the recording by its file name inside the recordings folder"
    )


def _refused(folder: str, listing: Listing, entry: Entry, error: BadReferenceError) -> Reject:
    return reject(
        f"{folder}{legible(entry.reference)}",
        error.code,
        "id",
        legible(entry.reference),
        f"{listing.name}, line {entry.line}: {error.reason}",
        error.remedy,
    )


def _take(folder: str, name: str, found: Sequence[tuple[Listing, Entry]], matched: Matched) -> None:
    listing, entry = found[0]
    lines = ", ".join(f"{one.name} line {row.line}" for one, row in found[:5]) + ", ..." * (len(found) > 5)
    if all(row.start_s is not None for _, row in found):
        _take_stretches(folder, name, found, matched)
        return
    if len({row.text for _, row in found}) > 1:
        matched.left_out.add(name)
        matched.rejects.append(
            reject(
                f"{folder}{name}",
                "duplicate_id",
                "text",
                f"{len(found)} rows",
                f"one id with different texts: {lines}",
                "keep the row that is right",
            )
        )
        return
    if len(found) > 1 and len({one.name for one, _ in found}) == 1:
        matched.warnings.append(f"{folder}{name}: the same row more than once ({lines})")
    refusal = refused_text(f"{folder}{name}", entry.text, f"{listing.name}, line {entry.line}")
    if refusal is not None:
        matched.left_out.add(name)
        matched.rejects.append(refusal)
        return
    matched.transcripts[name] = Transcript(entry.text, entry.speaker, entry.language, listing.kind)


def _take_stretches(folder: str, name: str, found: Sequence[tuple[Listing, Entry]], matched: Matched) -> None:
    """Rows about stretches of one recording, in their order in it; one with several texts has none."""
    said: dict[tuple[float, float], dict[str, Cut]] = defaultdict(dict)
    for listing, entry in found:
        refusal = refused_text(f"{folder}{name}", entry.text, f"{listing.name}, line {entry.line}")
        if refusal is not None:
            matched.rejects.append(refusal)
        elif entry.start_s is not None and entry.end_s is not None:
            cut = Cut(entry.start_s, entry.end_s, entry.text, entry.speaker)
            said[entry.start_s, entry.end_s].setdefault(entry.text, cut)
    cuts: list[Cut] = []
    for (start_s, end_s), texts in sorted(said.items()):
        if len(texts) == 1:
            cuts += texts.values()
            continue
        times = f"{start_s:g}-{end_s:g} s"
        why = f"{times} has {len(texts)} different texts: {'; '.join(legible(one)[:30] for one in texts)}"
        remedy = "keep the row that is right, or none where two people speak at once"
        matched.rejects.append(reject(f"{folder}{name}", "duplicate_id", "text", times, why, remedy))
    if not cuts:
        matched.left_out.add(name)
        return
    listing, entry = found[0]
    matched.transcripts[name] = Transcript(None, entry.speaker, entry.language, listing.kind, tuple(cuts))


def refused_text(name: str, text: str, place: str) -> Reject | None:
    """Why a recording's text cannot be its text: nothing, or more than any recording holds."""
    if not text:
        remedy = "write the text, or remove the row: then speech recognition writes it"
        return reject(name, "empty_text", "text", "", f"{place}: there is no text", remedy)
    if len(text) > MAX_TEXT_CHARACTERS:
        why = f"{place}: the text has {len(text)} characters, more than the longest recording can hold"
        remedy = "write what this recording says, or remove the row"
        return reject(name, "long_text", "text", legible(text), why, remedy)
    return None
