"""Transcript lists of every form: the content decides which."""

from __future__ import annotations

import csv
from collections.abc import Iterable, Sequence
from dataclasses import replace
from pathlib import Path

from tasks.corpus.lists.columns import SETTING, Columns, DoubtError, NoTextError, Trust, decide
from tasks.corpus.lists.entries import (
    BadLine,
    Entry,
    ListError,
    Listing,
    clean,
    file_name,
    language_code,
    legible,
)
from tasks.corpus.lists.facts import Facts
from tasks.corpus.lists.headers import Role
from tasks.corpus.lists.json_rows import entries_of, json_rows, stretch
from tasks.corpus.lists.lines import read_lines
from tasks.corpus.lists.names import Recordings, has_audio_suffix
from tasks.corpus.lists.tables import SPACE, Line, NoTableError, Record, Table, split

_LAYOUTS = "see docs/howto/recordings.md for the layouts that are read"
_KINDS: dict[tuple[Role, ...], str] = {
    (Role.ID, Role.TEXT): "ljspeech",
    (Role.ID, Role.RAW, Role.TEXT): "ljspeech",
    (Role.ID, Role.SPEAKER, Role.LANGUAGE, Role.TEXT): "gpt-sovits",
}
_PATH_KINDS: dict[tuple[Role, ...], str] = {
    (Role.ID, Role.TEXT, Role.SPEAKER): "styletts2",
    (Role.ID, Role.SPEAKER, Role.TEXT): "vits",
}
_ID_KINDS: dict[tuple[Role, ...], str] = {(Role.ID, Role.SPEAKER, Role.TEXT): "piper"}
_MOST_COLUMNS = 40
_WITHOUT_END = frozenset((",", ";"))
"""Separators that texts hold so often that a row with more fields than usual says nothing sure."""


def read_list(
    path: Path,
    encoding: str,
    recordings: Recordings | None = None,
    columns: str | None = None,
    trust: Trust = Trust.LIST,
) -> Listing:
    """Read a transcript list.

    Args:
        encoding: where no byte order mark says it.
        recordings: the set's, by which the column that names them is known.
        columns: the columns in their order as `corpus.columns` gives them; None decides by the content.
        trust: how sure it is that the file is a list.

    Raises:
        ListError: the list as a whole says nothing usable, or what its columns hold is in doubt.
        OSError: it cannot be read.
    """
    read, undecodable = read_lines(path, encoding)
    lines = [(n, line) for n, line in enumerate(read, 1) if line.strip()]
    if not lines:
        nothing = f"{file_name(path)} is empty"
        raise ListError("bad_metadata", "0 rows", nothing, "write `id|text` rows, or remove it")
    if path.suffix.lower() in (".json", ".jsonl"):
        listing = _listing(path, "json", *entries_of(json_rows(path, lines)))
        kind = "huggingface" if path.name.lower() == "metadata.jsonl" else "json"
        listing = replace(listing, kind=kind)
    else:
        listing = _read_table(path, lines, recordings or Recordings(), columns, trust)
    return replace(listing, bad_lines=sorted([*listing.bad_lines, *undecodable], key=lambda bad: bad.line))


def _read_table(
    path: Path, lines: Sequence[Line], recordings: Recordings, columns: str | None, trust: Trust
) -> Listing:
    try:
        table = split(lines, recordings)
    except NoTableError as error:
        number, line = lines[0]
        what = f"{file_name(path)}, line {number}: no `|` separates an id from its text"
        raise ListError("bad_metadata", legible(line), what, "write `id|text` rows") from error
    except csv.Error as error:
        what = f"{file_name(path)}, line {lines[0][0]}: {error}"
        raise ListError("bad_metadata", legible(lines[0][1]), what, _LAYOUTS) from error
    if table.header is None and table.width > _MOST_COLUMNS:
        what = f"{file_name(path)}, line {lines[0][0]}: {table.width} columns, more than {_MOST_COLUMNS}"
        raise ListError("bad_metadata", legible(lines[0][1]), what, _LAYOUTS)
    chosen = _named(path, table, columns) if columns else _decided(path, table, recordings, trust)
    entries, bad_lines = _entries(table, chosen)
    listing = _listing(path, _kind(table, chosen, entries), entries, [*table.bad_lines, *bad_lines])
    _refuse_phonemes(path, listing)
    return replace(listing, warnings=_unread(table, chosen))


def _decided(path: Path, table: Table, recordings: Recordings, trust: Trust) -> Columns:
    first = table.records[0] if table.records else Record(1, [], "")
    try:
        return decide(table, recordings, trust)
    except DoubtError as doubt:
        answers = " or ".join(f"--set {SETTING}={answer}" for answer in doubt.answers)
        raise ListError(
            "columns",
            legible(first.written),
            f"{file_name(path)}, line {first.line}: {doubt.reason}",
            f"say what the columns are, in their order: {answers} (id, text, raw for the text before it was "
            "normalised, speaker, language, and - for what is not to be read)",
        ) from doubt
    except NoTextError as error:
        what = f"{file_name(path)}, line {first.line}: none of its columns holds texts"
        if table.header is not None:
            what += f" (its header is {legible(', '.join(table.header))})"
        remedy = f"call the column `text`, or name the columns in {SETTING}, such as id,text,speaker"
        raise ListError("no_text", legible(first.written), what, remedy) from error


def _named(path: Path, table: Table, columns: str) -> Columns:
    """The columns as the user named them.

    Raises:
        ListError: no row has so many.
    """
    roles = tuple(Role(name) for name in columns.split(","))
    needed = max(roles.index(Role.ID), roles.index(Role.TEXT)) + 1
    if not any(len(record.fields) >= needed for record in table.records):
        first = table.records[0] if table.records else Record(1, [], "")
        what = (
            f"{file_name(path)}, line {first.line}: {len(first.fields)} columns, where {SETTING} = {columns} "
            f"names {len(roles)}"
        )
        raise ListError("columns", legible(first.written), what, f"correct {SETTING}, or remove the list")
    return Columns(roles, ())


# -- rows


def _entries(table: Table, columns: Columns) -> tuple[list[Entry], list[BadLine]]:
    entries, bad_lines = [], []
    for record in table.records:
        try:
            entries.append(_entry(record, table, columns))
        except ValueError as error:
            bad_lines.append(BadLine(record.line, legible(record.written), str(error)))
    return entries, bad_lines


def _entry(record: Record, table: Table, columns: Columns) -> Entry:
    values = _by_role(record.fields, table, columns.roles)
    text = clean(values.get(Role.TEXT, "")) or clean(values.get(Role.RAW, ""))
    start_s, end_s = stretch(
        *(values.get(role, "").strip() for role in (Role.START, Role.END, Role.DURATION))
    )
    return Entry(
        record.line,
        _reference(values[Role.ID]),
        text,
        clean(values.get(Role.SPEAKER, "")) or None,
        language_code(values.get(Role.LANGUAGE, "")),
        start_s,
        end_s,
    )


def _by_role(fields: Sequence[str], table: Table, roles: Sequence[Role]) -> dict[Role, str]:
    """What a row holds for each role; what separates fields may be inside its text.

    Raises:
        ValueError: the row has too few fields, or more than its text explains.
    """
    needed = {Role.ID, Role.TEXT}
    more = len(fields) - len(roles)
    while more > 0 and not fields[-1].strip():
        fields, more = fields[:-1], more - 1
    if more < 0 and table.separator == SPACE:
        return dict(zip(roles, [*fields, ""], strict=False))
    if more <= 0:
        found = dict(zip(roles, fields, strict=False))
        if Role.RAW in found:
            needed = {Role.ID}
        if not needed <= found.keys() or (more < 0 and table.header and table.separator in _WITHOUT_END):
            raise ValueError(_miscounted(len(fields), table, roles))
        return found
    spread = [at for at, role in enumerate(roles) if role in (Role.TEXT, Role.RAW)]
    shared = more // len(spread)
    is_adjoined = spread[-1] - spread[0] == len(spread) - 1
    is_sure = table.separator not in _WITHOUT_END or (table.header is None and len(roles) == 2)
    if more % len(spread) or not is_adjoined or not is_sure:
        raise ValueError(_miscounted(len(fields), table, roles))
    found, at = {}, 0
    for role in roles:
        taken = 1 + (shared if role in (Role.TEXT, Role.RAW) else 0)
        found[role] = table.separator.join(fields[at : at + taken])
        at += taken
    return found


def _miscounted(found: int, table: Table, roles: Sequence[Role]) -> str:
    if table.header is not None:
        return f"{found} fields, where the header names {len(roles)}"
    if found == 1:
        separator = {"\t": "tab", SPACE: "space"}.get(table.separator, f"`{table.separator}`")
        return f"no {separator} separates an id from its text"
    return f"{found} fields, where other rows have {len(roles)}"


def _reference(written: str) -> str:
    """The name of a recording without the quotation marks that keep a path together."""
    bare = written.strip()
    if len(bare) > 1 and bare[0] == bare[-1] and bare[0] in "\"'":
        bare = bare[1:-1].strip()
    return bare


# -- the list


def _kind(table: Table, columns: Columns, entries: Sequence[Entry]) -> str:
    if table.header is not None:
        return "huggingface" if "file_name" in [name.lower() for name in table.header] else "table"
    roles = tuple(role for role in columns.roles if role is not Role.NONE)
    by_reference = _PATH_KINDS if _are_paths(entries) else _ID_KINDS
    return _KINDS.get(roles) or by_reference.get(roles, "table")


def _are_paths(entries: Iterable[Entry]) -> bool:
    named = [has_audio_suffix(entry.reference) for entry in entries]
    return 2 * sum(named) > len(named)


def _unread(table: Table, columns: Columns) -> list[str]:
    if not columns.unread:
        return []
    if table.header is not None:
        names = [legible(table.header[at]) for at in columns.unread if table.header[at]]
        more = f" and {len(names) - 8} more" if len(names) > 8 else ""
        return [f"columns that are not read: {', '.join(names[:8])}{more}"] if names else []
    shown = "; ".join(
        f"{at + 1} ({Facts(at, [r.fields[at].strip() for r in table.records if len(r.fields) > at]).shown()})"
        for at in columns.unread[:4]
    )
    return [f"columns that are not read: {shown}"]


def _refuse_phonemes(path: Path, listing: Listing) -> None:
    if Facts(0, [entry.text for entry in listing.entries]).is_phonemes:
        raise ListError(
            "bad_metadata",
            legible(listing.entries[0].text),
            f"{file_name(path)} holds phonemes where text is wanted",
            "give a list with plain text, of which phonemes are made here; or ignore every list and have the "
            "speech recognised: --set corpus.transcripts=none",
        )


def _listing(path: Path, kind: str, entries: Sequence[Entry], bad_lines: Sequence[BadLine]) -> Listing:
    if not entries:
        first = min(bad_lines, key=lambda bad: bad.line, default=BadLine(1, "", "no rows"))
        what = f"{file_name(path)}, line {first.line}: {first.reason}; no row can be used"
        raise ListError("bad_metadata", first.value, what, _LAYOUTS)
    are_paths = kind in ("huggingface", "json", "gpt-sovits") or _are_paths(entries)
    return Listing(file_name(path), kind, entries, bad_lines, (), are_paths)
